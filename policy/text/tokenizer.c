// policy/text/tokenizer.c -- text to ids and back.
//
// The way of a text: valid UTF-8 runs and single invalid bytes -> added tokens cut out ->
// normalised
// -> added tokens of normalised text -> pieces (presplit) -> ids seen before (wordcache) or merges
// (bpe). A byte that belongs to no valid character becomes its own byte token, so a vocabulary with
// all bytes takes any text and, where the file asks for no normaliser, strip or add_prefix_space,
// gives it back exactly.
#include "policy/text/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "policy/text/tokenfile.h"

enum { TEXT_LIMIT = 128 << 20 }; // bytes of one text

struct Tokenizer {
    Tokenfile file;
    char *json;
    size_t json_size;
};

Status tokenizer_parse(const char *text, size_t size, const char *name, Tokenizer **out) {
    Tokenizer *t = (Tokenizer *)calloc(1, sizeof *t);
    CHECK(t != NULL);
    *out = NULL;
    Status st = tokenfile_read(text, size, name, &t->file);
    if (st != ST_OK) {
        tokenizer_free(t);
        return st;
    }
    t->json = ARENA_ARRAY(t->file.arena, char, size + 1);
    memcpy(t->json, text, size);
    t->json_size = size;
    *out = t;
    return ST_OK;
}

Status tokenizer_load(const char *path, Tokenizer **out) {
    Arena *arena = arena_new(1 << 12);
    const char *file = file_in(path, "tokenizer.json", arena);
    char *text = NULL;
    size_t size = 0;
    *out = NULL;
    Status st = file_want(file);
    if (st == ST_OK) st = file_read(file, &text, &size, arena);
    if (st == ST_OK) st = tokenizer_parse(text, size, file, out);
    arena_free(arena);
    return st;
}

void tokenizer_free(Tokenizer *tokenizer) {
    if (!tokenizer) return;
    tokenfile_close(&tokenizer->file);
    free(tokenizer);
}

const char *tokenizer_json(const Tokenizer *tokenizer, size_t *size) {
    *size = tokenizer->json_size;
    return tokenizer->json;
}

int tokenizer_size(const Tokenizer *tokenizer) {
    return tokenizer->file.size;
}

int32_t tokenizer_id(const Tokenizer *tokenizer, const char *token) {
    const Tokenfile *f = &tokenizer->file;
    size_t size = strlen(token);
    int32_t id = added_find(f->raw_added, token, size);
    if (id < 0) id = added_find(f->normal_added, token, size);
    if (id < 0) id = bpe_find(f->bpe, token, size);
    for (int i = 0; i < f->size && id < 0; i++) // normalised, it may be spelled otherwise
        if (f->token[i].key && f->token[i].key_size == size &&
            memcmp(f->token[i].key, token, size) == 0)
            id = i;
    return id;
}

const char *tokenizer_bytes(const Tokenizer *tokenizer, int32_t id, size_t *size) {
    const Tokenfile *f = &tokenizer->file;
    bool known = id >= 0 && id < f->size && f->token[id].key;
    *size = known ? f->token[id].size : 0;
    return known ? f->token[id].bytes : "";
}

bool tokenizer_is_special(const Tokenizer *tokenizer, int32_t id) {
    const Tokenfile *f = &tokenizer->file;
    return id >= 0 && id < f->size && f->token[id].special;
}

int tokenizer_eos(const Tokenizer *tokenizer, const int32_t **ids) {
    *ids = tokenizer->file.eos.id;
    return (int)tokenizer->file.eos.n;
}

// ---- encoding --------------------------------------------------------------------------------
typedef struct Encoder {
    const Tokenfile *file;
    bool specials;
    TokenIds ids;
    Pieces pieces;
    BpeWork work;
    Str normal;
} Encoder;

static void encode_byte(Encoder *e, unsigned char byte) {
    const BpeRules *r = &e->file->rules;
    int32_t id = -1;
    if (!r->chars)
        id = bpe_find(e->file->bpe, (const char *)&byte, 1);
    else if (r->fallback)
        id = r->byte_token[byte];
    if (id < 0) id = r->unknown;
    if (id >= 0) ids_add(&e->ids, id);
}

static void encode_word(Encoder *e, const char *word, size_t size) {
    const Tokenfile *f = e->file;
    if (size > WORDCACHE_BYTES) {
        bpe_encode(f->bpe, &f->rules, word, size, &e->work, &e->ids);
        return;
    }
    uint64_t hash = wordcache_hash(word, size);
    int n;
    const int32_t *kept = wordcache_find(f->cache, hash, word, size, &n);
    if (kept) {
        for (int i = 0; i < n; i++) ids_add(&e->ids, kept[i]);
        return;
    }
    size_t before = e->ids.n;
    bpe_encode(f->bpe, &f->rules, word, size, &e->work, &e->ids);
    wordcache_keep(f->cache, hash, word, size, e->ids.id + before, (int)(e->ids.n - before));
}

static void encode_plain(Encoder *e, const char *text, size_t size, bool first) {
    presplit_run(e->file->presplit, text, size, first, &e->pieces);
    for (size_t i = 0; i < e->pieces.n; i++) {
        TextPiece p = e->pieces.piece[i];
        const char *piece = e->pieces.text + p.begin;
        if (!p.bytes)
            encode_word(e, piece, p.end - p.begin);
        else
            for (size_t k = p.begin; k < p.end; k++)
                encode_byte(e, (unsigned char)e->pieces.text[k]);
    }
}

// Cuts the added tokens out; what is left between them goes to `rest`.
typedef void Rest(Encoder *e, const char *text, size_t size, bool first);
static void encode_around(Encoder *e, const Added *added, const char *text, size_t size, bool first,
                          Rest *rest) {
    AddedScan scan = {0};
    while (added_next(added, text, size, e->specials, &scan)) {
        if (scan.begin > scan.done)
            rest(e, text + scan.done, scan.begin - scan.done, first && scan.done == 0);
        ids_add(&e->ids, scan.id);
    }
    if (size > scan.end) rest(e, text + scan.end, size - scan.end, first && scan.end == 0);
}

static void encode_normal(Encoder *e, const char *text, size_t size, bool first) {
    size_t n;
    const char *normal = normal_run(e->file->normal, text, size, &n, &e->normal);
    encode_around(e, e->file->normal_added, normal, n, first, encode_plain);
}

Status tokenizer_encode(const Tokenizer *tokenizer, const char *text, size_t size, bool specials,
                        bool bos, int32_t **ids, int *n, Arena *arena) {
    *ids = NULL;
    *n = 0;
    if (size > TEXT_LIMIT)
        return FAIL(ST_FORMAT, "a text of %zu bytes is too long to encode: at most %d", size,
                    TEXT_LIMIT);
    Encoder e = {.file = &tokenizer->file, .specials = specials};
    if (bos)
        for (size_t i = 0; i < e.file->bos.n; i++) ids_add(&e.ids, e.file->bos.id[i]);
    for (size_t at = 0; at < size;) {
        size_t valid = size - at;
        bool whole = str_is_utf8(text + at, size - at, &valid);
        if (whole) valid = size - at;
        if (valid > 0)
            encode_around(&e, e.file->raw_added, text + at, valid, at == 0, encode_normal);
        at += valid;
        if (!whole) encode_byte(&e, (unsigned char)text[at++]);
    }
    CHECK(e.ids.n <= INT32_MAX);
    *ids = ARENA_ARRAY(arena, int32_t, e.ids.n + 1);
    if (e.ids.n) memcpy(*ids, e.ids.id, e.ids.n * sizeof **ids);
    *n = (int)e.ids.n;
    ids_free(&e.ids);
    pieces_free(&e.pieces);
    bpe_work_free(&e.work);
    str_free(&e.normal);
    return ST_OK;
}

// ---- decoding --------------------------------------------------------------------------------
const char *tokenizer_text(const Tokenizer *tokenizer, int32_t id, bool first, size_t *size) {
    const Decoder *d = &tokenizer->file.decoder;
    const char *bytes = tokenizer_bytes(tokenizer, id, size);
    if (!first || (!d->first_bare && d->edge_start == 0)) return bytes;
    char edge = d->first_bare ? ' ' : d->edge;
    for (int i = 0; *size > 0 && bytes[0] == edge && (d->first_bare || i < d->edge_start); i++)
        bytes++, (*size)--;
    return bytes;
}

void tokenizer_decode(const Tokenizer *tokenizer, const int32_t *ids, int n, bool skip_special,
                      Str *out) {
    const Decoder *d = &tokenizer->file.decoder;
    size_t begin = out->size;
    bool first = true;
    for (int i = 0; i < n; i++) {
        if (skip_special && tokenizer_is_special(tokenizer, ids[i])) continue;
        size_t size;
        const char *bytes = tokenizer_text(tokenizer, ids[i], first, &size);
        str_add(out, bytes, size);
        first = false;
    }
    for (int i = 0; i < d->edge_stop && out->size > begin; i++)
        if (out->data[out->size - 1] == d->edge) out->data[--out->size] = 0;
}
