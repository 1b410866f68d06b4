// policy/io/tokenizer.c -- text to ids and back.
//
// The way of a text: valid UTF-8 runs and single invalid bytes -> added tokens cut out -> NFC where
// asked for -> added tokens of normalised text -> pieces (presplit) -> merges (bpe). A byte that
// belongs to no valid character becomes its own byte-level token, so every byte string has ids and,
// where the file asks for no normaliser, strip or add_prefix_space, comes back exactly.
#include "policy/io/tokenizer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "policy/io/tokenfile.h"

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
    struct stat info;
    const char *file = path;
    char *text = NULL;
    size_t size = 0;
    *out = NULL;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        file = arena_printf(arena, "%s/tokenizer.json", path);
    Status st = file_read(file, &text, &size, arena);
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
    int32_t id = added_find(f->raw, token, size);
    if (id < 0) id = added_find(f->normal, token, size);
    return id < 0 ? bpe_find(f->bpe, token, size) : id;
}

const char *tokenizer_bytes(const Tokenizer *tokenizer, int32_t id, size_t *size) {
    const Tokenfile *f = &tokenizer->file;
    bool known = id >= 0 && id < f->size && f->token[id].bytes;
    *size = known ? f->token[id].size : 0;
    return known ? f->token[id].bytes : "";
}

bool tokenizer_is_special(const Tokenizer *tokenizer, int32_t id) {
    const Tokenfile *f = &tokenizer->file;
    return id >= 0 && id < f->size && f->token[id].special;
}

// ---- encoding --------------------------------------------------------------------------------
typedef struct Encoder {
    const Tokenfile *file;
    bool specials;
    Ids ids;
    Pieces pieces;
    BpeWork work;
} Encoder;

static void encode_bytes(Encoder *e, const char *text, size_t size) {
    for (size_t i = 0; i < size; i++) ids_add(&e->ids, bpe_find(e->file->bpe, text + i, 1));
}

static void encode_plain(Encoder *e, const char *text, size_t size) {
    const Tokenfile *f = e->file;
    presplit_run(f->presplit, text, size, &e->pieces);
    for (size_t i = 0; i < e->pieces.n; i++) {
        Piece p = e->pieces.piece[i];
        const char *piece = e->pieces.text.data + p.begin;
        if (p.bytes)
            encode_bytes(e, piece, p.end - p.begin);
        else
            bpe_encode(f->bpe, piece, p.end - p.begin, f->ignore_merges, &e->work, &e->ids);
    }
}

// Cuts the added tokens out; what is left between them goes to `rest`.
typedef void Rest(Encoder *e, const char *text, size_t size);
static void encode_around(Encoder *e, const Added *added, const char *text, size_t size,
                          Rest *rest) {
    AddedScan scan = {0};
    while (added_next(added, text, size, e->specials, &scan)) {
        if (scan.begin > scan.done) rest(e, text + scan.done, scan.begin - scan.done);
        ids_add(&e->ids, scan.id);
    }
    if (size > scan.end) rest(e, text + scan.end, size - scan.end);
}

static void encode_normal(Encoder *e, const char *text, size_t size) {
    size_t nfc_size = 0;
    char *nfc = e->file->nfc ? tokenfile_nfc(text, size, &nfc_size) : NULL;
    encode_around(e, e->file->normal, nfc ? nfc : text, nfc ? nfc_size : size, encode_plain);
    free(nfc);
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
        if (valid > 0) encode_around(&e, e.file->raw, text + at, valid, encode_normal);
        at += valid;
        if (!whole) encode_bytes(&e, text + at++, 1);
    }
    CHECK(e.ids.n <= INT32_MAX);
    *ids = ARENA_ARRAY(arena, int32_t, e.ids.n + 1);
    if (e.ids.n) memcpy(*ids, e.ids.id, e.ids.n * sizeof **ids);
    *n = (int)e.ids.n;
    ids_free(&e.ids);
    pieces_free(&e.pieces);
    bpe_work_free(&e.work);
    return ST_OK;
}

void tokenizer_decode(const Tokenizer *tokenizer, const int32_t *ids, int n, bool skip_special,
                      Str *out) {
    for (int i = 0; i < n; i++) {
        if (skip_special && tokenizer_is_special(tokenizer, ids[i])) continue;
        size_t size;
        const char *bytes = tokenizer_bytes(tokenizer, ids[i], &size);
        str_add(out, bytes, size);
    }
}
