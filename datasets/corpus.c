// datasets/corpus.c -- a family or a file behind one function of the index.
#include "datasets/corpus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "datasets/jsonl.h"
#include "datasets/order.h"
#include "datasets/rowform.h"

struct Corpus {
    char *name;
    uint64_t seed;
    const TaskFamily *family; // NULL: a file
    const void *config;
    Jsonl *jsonl;
    char *prompt, *response; // names of fields; NULL: by the row's form
    bool shuffle;
};

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

static const char *accept_document(void *ctx, const Json *row) {
    static _Thread_local char reason[256];
    const Corpus *corpus = ctx;
    Arena *arena = arena_new(4096);
    Document d;
    const char *why = rowform_document(row, corpus->prompt, corpus->response, &d, arena);
    if (why) snprintf(reason, sizeof reason, "%s", why);
    arena_free(arena);
    return why ? reason : NULL;
}

Status corpus_of_rows(const char *path, const CorpusFields *fields, bool shuffle, uint64_t seed,
                      Corpus **out) {
    Corpus *corpus = corpus_new(path, seed);
    corpus->shuffle = shuffle;
    if (fields && fields->prompt) corpus->prompt = strdup(fields->prompt);
    if (fields && fields->response) corpus->response = strdup(fields->response);
    Status st = jsonl_open(path, accept_document, corpus, &corpus->jsonl);
    if (st != ST_OK) corpus_free(corpus);
    *out = st == ST_OK ? corpus : NULL;
    return st;
}

Status corpus_of_jsonl(const char *path, bool shuffle, uint64_t seed, Corpus **out) {
    return corpus_of_rows(path, NULL, shuffle, seed, out);
}

const char *corpus_format(const Corpus *corpus) {
    return corpus->family ? "family" : jsonl_format(corpus->jsonl);
}

void corpus_free(Corpus *corpus) {
    if (!corpus) return;
    jsonl_close(corpus->jsonl);
    free(corpus->name);
    free(corpus->prompt);
    free(corpus->response);
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

bool corpus_has_turns(const Corpus *corpus) {
    enum { LOOKED_AT = 64 };
    bool any = false;
    Arena *arena = arena_new(4096);
    for (int64_t i = 0; corpus->jsonl && i < jsonl_size(corpus->jsonl) && i < LOOKED_AT; i++) {
        Document d;
        if (corpus_get(corpus, (uint64_t)i, &d, arena) == ST_OK && d.n_turns > 0) any = true;
    }
    arena_free(arena);
    return any;
}

Status corpus_get(const Corpus *corpus, uint64_t index, Document *out, Arena *arena) {
    if (corpus->family)
        return corpus->family->document(corpus->config, corpus->seed, index, out, arena);
    uint64_t n = (uint64_t)jsonl_size(corpus->jsonl), i = index % n;
    if (corpus->shuffle) i = order_at(corpus->seed, index / n, n, i);
    JsonDoc *doc;
    TRY(jsonl_row(corpus->jsonl, (int64_t)i, &doc));
    // The row was read when the file was opened.
    CHECK(!rowform_document(json_root(doc), corpus->prompt, corpus->response, out, arena));
    json_free(doc);
    return ST_OK;
}
