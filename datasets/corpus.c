// datasets/corpus.c -- a family or a file behind one function of the index.
#include "datasets/corpus.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "datasets/jsonl.h"
#include "datasets/order.h"

struct Corpus {
    char *name;
    uint64_t seed;
    const TaskFamily *family; // NULL: a file
    const void *config;
    Jsonl *jsonl;
    bool shuffle;
};

static const char *const texts[] = {"text", NULL};
static const char *const prompts[] = {"prompt", "question", "problem", NULL};
static const char *const responses[] = {"response", "completion", "solution", "answer", NULL};

static Corpus *corpus_new(const char *name, uint64_t seed) {
    Corpus *corpus = calloc(1, sizeof *corpus);
    CHECK(corpus != NULL);
    corpus->name = strdup(name);
    CHECK(corpus->name != NULL);
    corpus->seed = seed;
    return corpus;
}

Status corpus_of_family(const TaskFamily *family, const void *config, uint64_t seed, Corpus **out) {
    *out = NULL;
    if (!config) config = family->config;
    if (!family->document)
        return FAIL(ST_CONFIG, "the family '%s' writes no documents", family->name);
    if (family->check) TRY(family->check(config));
    *out = corpus_new(family->name, seed);
    (*out)->family = family;
    (*out)->config = config;
    return ST_OK;
}

static bool read_document(const Json *row, Document *out, Arena *arena) {
    const char *text = jsonl_text(row, texts, arena);
    *out = (Document){.prompt = "", .response = text};
    if (text) return *text;
    out->prompt = jsonl_text(row, prompts, arena);
    out->response = jsonl_text(row, responses, arena);
    return out->prompt && out->response && *out->response;
}

static const char *accept_document(void *ctx, const Json *row) {
    (void)ctx;
    Arena *arena = arena_new(4096);
    Document d;
    bool good = read_document(row, &d, arena);
    arena_free(arena);
    return good ? NULL : "no document: needs 'text', or 'prompt' and 'response'";
}

Status corpus_of_jsonl(const char *path, bool shuffle, uint64_t seed, Corpus **out) {
    Jsonl *jsonl;
    *out = NULL;
    TRY(jsonl_open(path, accept_document, NULL, &jsonl));
    *out = corpus_new(path, seed);
    (*out)->jsonl = jsonl;
    (*out)->shuffle = shuffle;
    return ST_OK;
}

void corpus_free(Corpus *corpus) {
    if (!corpus) return;
    jsonl_close(corpus->jsonl);
    free(corpus->name);
    free(corpus);
}

const char *corpus_name(const Corpus *corpus) {
    return corpus->name;
}

int64_t corpus_size(const Corpus *corpus) {
    return corpus->family ? 0 : jsonl_size(corpus->jsonl);
}

uint64_t corpus_hash(const Corpus *corpus) {
    return corpus->family ? rng_hash(corpus->name, strlen(corpus->name))
                          : jsonl_hash(corpus->jsonl);
}

Status corpus_get(const Corpus *corpus, uint64_t index, Document *out, Arena *arena) {
    if (corpus->family)
        return corpus->family->document(corpus->config, corpus->seed, index, out, arena);
    uint64_t n = (uint64_t)jsonl_size(corpus->jsonl), i = index % n;
    if (corpus->shuffle) i = order_at(corpus->seed, index / n, n, i);
    JsonDoc *doc;
    TRY(jsonl_row(corpus->jsonl, (int64_t)i, &doc));
    CHECK(read_document(json_root(doc), out, arena)); // the row was read when the file was opened
    json_free(doc);
    return ST_OK;
}
