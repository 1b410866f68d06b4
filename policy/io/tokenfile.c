// policy/io/tokenfile.c -- the components of tokenizer.json one by one, and NFC.
#include "policy/io/tokenfile.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/json.h"
#include "base/str.h"

enum {
    MARKS_LIMIT = 1024,    // combining marks in a row; beyond, a text is not normalised
    SPARSE_ROOM = 1 << 16, // ids may leave at most this many holes, or 15 per token
};

// ---- the byte alphabet -----------------------------------------------------------------------
// GPT-2's printable stand-ins: bytes that print stand for themselves, the others for U+0100 on.
static void make_alphabet(int16_t byte_of[TOKENFILE_ALPHABET]) {
    int next = 0x100;
    for (int c = 0; c < TOKENFILE_ALPHABET; c++) byte_of[c] = -1;
    for (int b = 0; b < 256; b++) {
        bool prints = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
        byte_of[prints ? b : next++] = (int16_t)b;
    }
}

// Writes the bytes that a vocabulary key stands for; false if some character is no stand-in.
static bool key_bytes(const int16_t *byte_of, const char *key, size_t size, char *out, size_t *n) {
    *n = 0;
    for (size_t at = 0; at < size;) {
        int32_t c = -1;
        utf8proc_ssize_t step =
            utf8proc_iterate((const utf8proc_uint8_t *)key + at, (utf8proc_ssize_t)(size - at), &c);
        if (step <= 0 || c < 0 || c >= TOKENFILE_ALPHABET || byte_of[c] < 0) return false;
        out[(*n)++] = (char)byte_of[c];
        at += (size_t)step;
    }
    return *n > 0;
}

// ---- reading tokenizer.json ------------------------------------------------------------------
static char *keep(Tokenfile *t, const char *text, size_t size) {
    char *copy = ARENA_ARRAY(t->arena, char, size + 1);
    memcpy(copy, text, size);
    return copy;
}

static const char *type_of(const Json *node) {
    return json_text(json_get(node, "type"), "");
}

static Status set_token(Tokenfile *t, int line, int32_t id, const char *bytes, size_t size) {
    const Token *old = &t->token[id];
    if (old->bytes && (old->size != size || memcmp(old->bytes, bytes, size) != 0))
        return FAIL(ST_FORMAT, "%s:%d: id %d stands for both '%s' and '%s'", t->name, line, id,
                    old->bytes, bytes);
    t->token[id] = (Token){bytes, size, old->special};
    return ST_OK;
}

// Every id of the vocabulary and of the added tokens; *top gets the highest + 1.
static Status check_ids(const JsonDoc *doc, const Json *vocab, const Json *added, int *top) {
    const char *name = json_name(doc);
    int64_t limit = SPARSE_ROOM + 16 * (int64_t)json_count(vocab);
    *top = 0;
    for (int pass = 0; pass < 2; pass++) {
        const Json *list = pass == 0 ? vocab : added;
        for (const Json *n = list ? json_first(list) : NULL; n; n = json_next(n)) {
            int64_t id = json_int(pass == 0 ? n : json_get(n, "id"), -1);
            if (id < 0 || id >= limit)
                return FAIL(ST_FORMAT, "%s:%d: a token's id must be a whole number in [0, %lld)",
                            name, json_line(doc, n), (long long)limit);
            if (id >= *top) *top = (int)id + 1;
        }
    }
    return ST_OK;
}

static Status read_vocab(Tokenfile *t, const JsonDoc *doc, const Json *vocab) {
    for (const Json *n = json_first(vocab); n; n = json_next(n)) {
        const char *key = json_key(n);
        size_t size = strlen(key), n_bytes;
        int32_t id = (int32_t)json_int(n, -1);
        char *bytes = ARENA_ARRAY(t->arena, char, size + 1);
        bool mapped = key_bytes(t->byte_of, key, size, bytes, &n_bytes);
        if (!mapped)
            memcpy(bytes, key, size), n_bytes = size, bytes[size] = 0;
        else
            bytes[n_bytes] = 0;
        TRY(set_token(t, json_line(doc, n), id, bytes, n_bytes));
        if (mapped) bpe_add_token(t->bpe, bytes, n_bytes, id);
    }
    for (int b = 0; b < 256; b++)
        if (bpe_find(t->bpe, &(char){(char)b}, 1) < 0)
            return FAIL(ST_UNSUPPORTED,
                        "%s: no token for byte 0x%02X: only a byte-level BPE that holds all 256 "
                        "bytes can encode any text",
                        t->name, b);
    return ST_OK;
}

static Status read_merge(Tokenfile *t, const JsonDoc *doc, const Json *node, Str *work) {
    const char *part[2] = {"", ""};
    size_t size[2] = {0, 0}, n[2];
    const Json *first = json_kind(node) == JSON_ARRAY ? json_first(node) : NULL;
    if (json_kind(node) == JSON_STRING) {
        const char *text = json_text(node, ""), *gap = strchr(text, ' ');
        if (gap && !strchr(gap + 1, ' ')) {
            part[0] = text, size[0] = (size_t)(gap - text);
            part[1] = gap + 1, size[1] = strlen(gap + 1);
        }
    } else if (first && json_count(node) == 2) {
        part[0] = json_text(first, ""), size[0] = strlen(part[0]);
        part[1] = json_text(json_next(first), ""), size[1] = strlen(part[1]);
    }
    if (size[0] == 0 || size[1] == 0)
        return FAIL(ST_FORMAT, "%s:%d: a merge must be \"a b\" or [\"a\", \"b\"]", t->name,
                    json_line(doc, node));
    str_clear(work);
    str_add(work, part[0], size[0]); // room
    str_add(work, part[1], size[1]);
    char *bytes = work->data;
    // Parts outside the byte alphabet never arise from text: such a merge does nothing.
    if (!key_bytes(t->byte_of, part[0], size[0], bytes, &n[0]) ||
        !key_bytes(t->byte_of, part[1], size[1], bytes + n[0], &n[1]))
        return ST_OK;
    int32_t left = bpe_find(t->bpe, bytes, n[0]), right = bpe_find(t->bpe, bytes + n[0], n[1]);
    int32_t whole = bpe_find(t->bpe, bytes, n[0] + n[1]);
    if (left < 0 || right < 0 || whole < 0)
        return FAIL(ST_FORMAT, "%s:%d: merge of '%.*s' and '%.*s': %s is not in the vocabulary",
                    t->name, json_line(doc, node), (int)size[0], part[0], (int)size[1], part[1],
                    left < 0    ? "the first"
                    : right < 0 ? "the second"
                                : "the result");
    bpe_add_merge(t->bpe, left, right, whole);
    return ST_OK;
}

static Status check_model(const JsonDoc *doc, const Json *model) {
    const char *name = json_name(doc), *type = type_of(model);
    if (!model || json_kind(model) != JSON_OBJECT) return FAIL(ST_FORMAT, "%s: no \"model\"", name);
    int line = json_line(doc, model);
    if (type[0] && strcmp(type, "BPE") != 0)
        return FAIL(ST_UNSUPPORTED, "%s:%d: model %s is not built, only BPE", name, line, type);
    if (json_bool(json_get(model, "byte_fallback"), false))
        return FAIL(ST_UNSUPPORTED, "%s:%d: byte_fallback is not built", name, line);
    if (json_num(json_get(model, "dropout"), 0) != 0)
        return FAIL(ST_UNSUPPORTED, "%s:%d: dropout is not built", name, line);
    static const char *const affix[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    for (int i = 0; i < 2; i++)
        if (json_text(json_get(model, affix[i]), "")[0])
            return FAIL(ST_UNSUPPORTED, "%s:%d: %s is not built", name, line, affix[i]);
    const Json *vocab = json_get(model, "vocab"), *merges = json_get(model, "merges");
    if (!vocab || json_kind(vocab) != JSON_OBJECT)
        return FAIL(ST_FORMAT, "%s:%d: \"model\" needs an object \"vocab\"", name, line);
    if (!merges || json_kind(merges) != JSON_ARRAY)
        return FAIL(ST_FORMAT, "%s:%d: \"model\" needs an array \"merges\"", name, line);
    return ST_OK;
}

static Status read_model(Tokenfile *t, const JsonDoc *doc, const Json *model, const Json *added) {
    TRY(check_model(doc, model));
    const Json *vocab = json_get(model, "vocab"), *merges = json_get(model, "merges");
    make_alphabet(t->byte_of);
    TRY(check_ids(doc, vocab, added, &t->size));
    t->token = ARENA_ARRAY(t->arena, Token, t->size);
    t->ignore_merges = json_bool(json_get(model, "ignore_merges"), false);
    t->bpe = bpe_new((size_t)json_count(vocab), (size_t)json_count(merges), t->arena);
    TRY(read_vocab(t, doc, vocab));
    Str work = {0};
    Status st = ST_OK;
    for (const Json *n = json_first(merges); n && st == ST_OK; n = json_next(n))
        st = read_merge(t, doc, n, &work);
    str_free(&work);
    return st;
}

// Marks are put in order by repeated exchange, which a hostile run of them makes quadratic: such a
// text stays as it is.
static bool can_normalise(const char *text, size_t size) {
    bool ascii = true;
    int marks = 0;
    for (size_t at = 0; at < size;) {
        int32_t c = -1;
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text + at,
                                              (utf8proc_ssize_t)(size - at), &c);
        if (n <= 0) return false;
        ascii &= c < 0x80;
        marks = c >= 0x300 && utf8proc_get_property(c)->combining_class ? marks + 1 : 0;
        if (marks > MARKS_LIMIT) return false;
        at += (size_t)n;
    }
    return !ascii;
}

char *tokenfile_nfc(const char *text, size_t size, size_t *out_size) {
    utf8proc_uint8_t *out = NULL;
    if (!can_normalise(text, size)) return NULL;
    utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)size, &out,
                                      UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    if (n < 0) return NULL;
    *out_size = (size_t)n;
    return (char *)out;
}

static Status read_normalizer(Tokenfile *t, const JsonDoc *doc, const Json *node) {
    if (!node || json_kind(node) == JSON_NULL) return ST_OK;
    const char *type = type_of(node);
    if (strcmp(type, "Sequence") == 0) {
        const Json *list = json_get(node, "normalizers");
        for (const Json *n = list ? json_first(list) : NULL; n; n = json_next(n))
            TRY(read_normalizer(t, doc, n));
        return ST_OK;
    }
    if (strcmp(type, "NFC") != 0)
        return FAIL(ST_UNSUPPORTED, "%s:%d: normalizer '%s' is not built, only NFC", t->name,
                    json_line(doc, node), type);
    t->nfc = true;
    return ST_OK;
}

static Status read_added_token(Tokenfile *t, const JsonDoc *doc, const Json *node,
                               AddedToken *out) {
    const char *content = json_text(json_get(node, "content"), "");
    size_t size = strlen(content);
    int line = json_line(doc, node);
    if (size == 0) return FAIL(ST_FORMAT, "%s:%d: an added token needs \"content\"", t->name, line);
    int32_t id = (int32_t)json_int(json_get(node, "id"), -1);
    bool special = json_bool(json_get(node, "special"), false);
    *out = (AddedToken){
        .content = keep(t, content, size),
        .size = size,
        .id = id,
        .special = special,
        .single_word = json_bool(json_get(node, "single_word"), false),
        .lstrip = json_bool(json_get(node, "lstrip"), false),
        .rstrip = json_bool(json_get(node, "rstrip"), false),
        .normalized = json_bool(json_get(node, "normalized"), !special),
    };
    Token *old = &t->token[id];
    Str work = {0};
    size_t n_mapped;
    str_add(&work, content, size); // room
    bool same = old->bytes && key_bytes(t->byte_of, content, size, work.data, &n_mapped) &&
                n_mapped == old->size && memcmp(work.data, old->bytes, n_mapped) == 0;
    str_free(&work);
    if (same) old->bytes = NULL; // the same key; as an added token it stands for its own text
    TRY(set_token(t, line, id, out->content, size));
    old->special = special;
    size_t nfc_size = 0;
    char *nfc = t->nfc && out->normalized ? tokenfile_nfc(content, size, &nfc_size) : NULL;
    if (nfc) out->content = keep(t, nfc, nfc_size), out->size = nfc_size;
    free(nfc);
    return ST_OK;
}

static Status read_added(Tokenfile *t, const JsonDoc *doc, const Json *list) {
    size_t n = list ? (size_t)json_count(list) : 0, n_raw = 0, n_normal = 0;
    AddedToken *raw = ARENA_ARRAY(t->arena, AddedToken, n + 1);
    AddedToken *normal = ARENA_ARRAY(t->arena, AddedToken, n + 1);
    for (const Json *node = list ? json_first(list) : NULL; node; node = json_next(node)) {
        AddedToken token;
        TRY(read_added_token(t, doc, node, &token));
        if (token.normalized)
            normal[n_normal++] = token;
        else
            raw[n_raw++] = token;
    }
    const char *twin[2];
    t->raw = added_new(raw, n_raw, &twin[0], t->arena);
    t->normal = added_new(normal, n_normal, &twin[1], t->arena);
    for (int i = 0; i < 2; i++)
        if (twin[i])
            return FAIL(ST_FORMAT, "%s: added token '%s' is there twice", t->name, twin[i]);
    return ST_OK;
}

// What a template puts before the text; what it puts after is the caller's business.
static Status read_template(Tokenfile *t, const JsonDoc *doc, const Json *node) {
    const Json *single = json_get(node, "single"), *specials = json_get(node, "special_tokens");
    for (const Json *n = single ? json_first(single) : NULL; n; n = json_next(n)) {
        const Json *token = json_get(n, "SpecialToken");
        if (!token) break;
        const char *key = json_text(json_get(token, "id"), "");
        const Json *ids = json_get(json_get(specials, key), "ids");
        if (!ids)
            return FAIL(ST_FORMAT, "%s:%d: post_processor: '%s' is not among its special_tokens",
                        t->name, json_line(doc, n), key);
        for (const Json *i = json_first(ids); i; i = json_next(i)) {
            int64_t id = json_int(i, -1);
            if (id < 0 || id >= t->size || !t->token[id].bytes)
                return FAIL(ST_FORMAT, "%s:%d: post_processor: '%s' has an id that is no token",
                            t->name, json_line(doc, i), key);
            ids_add(&t->bos, (int32_t)id);
        }
    }
    return ST_OK;
}

static Status read_post(Tokenfile *t, const JsonDoc *doc, const Json *node) {
    if (!node || json_kind(node) == JSON_NULL) return ST_OK;
    const char *type = type_of(node);
    if (strcmp(type, "ByteLevel") == 0) return ST_OK; // offsets only
    if (strcmp(type, "TemplateProcessing") == 0) return read_template(t, doc, node);
    if (strcmp(type, "Sequence") != 0)
        return FAIL(ST_UNSUPPORTED, "%s:%d: post_processor '%s' is not built", t->name,
                    json_line(doc, node), type);
    const Json *list = json_get(node, "processors");
    for (const Json *n = list ? json_first(list) : NULL; n; n = json_next(n))
        TRY(read_post(t, doc, n));
    return ST_OK;
}

static Status check_decoder(const JsonDoc *doc, const Json *node) {
    if (!node || json_kind(node) == JSON_NULL) return ST_OK;
    const char *type = type_of(node);
    if (strcmp(type, "ByteLevel") == 0 || strcmp(type, "Fuse") == 0) return ST_OK;
    if (strcmp(type, "Sequence") != 0)
        return FAIL(ST_UNSUPPORTED, "%s:%d: decoder '%s' is not built, only ByteLevel",
                    json_name(doc), json_line(doc, node), type);
    const Json *list = json_get(node, "decoders");
    for (const Json *n = list ? json_first(list) : NULL; n; n = json_next(n))
        TRY(check_decoder(doc, n));
    return ST_OK;
}

static Status read_all(Tokenfile *t, const JsonDoc *doc) {
    const Json *root = json_root(doc), *added = json_get(root, "added_tokens");
    if (json_kind(root) != JSON_OBJECT) return FAIL(ST_FORMAT, "%s: not an object", t->name);
    TRY(read_normalizer(t, doc, json_get(root, "normalizer")));
    TRY(presplit_parse(doc, json_get(root, "pre_tokenizer"), &t->presplit));
    TRY(read_model(t, doc, json_get(root, "model"), added));
    TRY(read_added(t, doc, added));
    TRY(read_post(t, doc, json_get(root, "post_processor")));
    return check_decoder(doc, json_get(root, "decoder"));
}

Status tokenfile_read(const char *text, size_t size, const char *name, Tokenfile *out) {
    JsonDoc *doc = NULL;
    out->arena = arena_new(1 << 20);
    out->name = keep(out, name, strlen(name));
    TRY(json_parse(text, size, name, 1, false, &doc));
    Status st = read_all(out, doc);
    json_free(doc);
    return st;
}

void tokenfile_close(Tokenfile *file) {
    presplit_free(file->presplit);
    ids_free(&file->bos);
    arena_free(file->arena);
    *file = (Tokenfile){0};
}
