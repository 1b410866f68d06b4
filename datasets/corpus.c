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

static bool known_role(const char *role) {
    return strcmp(role, "system") == 0 || strcmp(role, "user") == 0 ||
           strcmp(role, "assistant") == 0;
}

// The turns up to the last reply; NULL, or what is wrong with them.
static const char *read_turns(const Json *messages, Document *out, Arena *arena) {
    int n = 0;
    DocumentTurn *turn = ARENA_ARRAY(arena, DocumentTurn, json_count(messages) + 1);
    *out = (Document){.prompt = "", .response = "", .turn = turn};
    if (json_kind(messages) != JSON_ARRAY) return "'messages' is not a list";
    for (const Json *m = json_first(messages); m; m = json_next(m)) {
        const char *role = json_text(json_get(m, "role"), NULL);
        const char *content = json_text(json_get(m, "content"), NULL);
        if (!role || !content) return "a message needs the texts 'role' and 'content'";
        if (!known_role(role)) return "a message's role is not system, user or assistant";
        turn[n++] =
            (DocumentTurn){arena_printf(arena, "%s", role), arena_printf(arena, "%s", content)};
        if (role[0] == 'a' && *content) out->n_turns = n;
    }
    return out->n_turns ? NULL : "'messages' holds no reply of the assistant";
}

// NULL, or why the row is no document.
static const char *read_document(const Json *row, Document *out, Arena *arena) {
    const Json *messages = json_get(row, "messages");
    if (messages) return read_turns(messages, out, arena);
    const char *text = jsonl_text(row, texts, arena);
    *out = (Document){.prompt = "", .response = text};
    if (text) return *text ? NULL : "the text is empty";
    out->prompt = jsonl_text(row, prompts, arena);
    out->response = jsonl_text(row, responses, arena);
    return out->prompt && out->response && *out->response
               ? NULL
               : "no document: needs 'text', or 'prompt' and 'response', or 'messages'";
}

static const char *accept_document(void *ctx, const Json *row) {
    (void)ctx;
    Arena *arena = arena_new(4096);
    Document d;
    const char *why = read_document(row, &d, arena);
    arena_free(arena);
    return why;
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
    CHECK(!read_document(json_root(doc), out, arena)); // the row was read when the file was opened
    json_free(doc);
    return ST_OK;
}
