// policy/text/tokenfile.c -- the components of tokenizer.json one by one.
#include "policy/text/tokenfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"

enum { SPARSE_ROOM = 1 << 16 }; // ids may leave at most this many holes, or 15 per token

static char *keep(void *ctx, const char *text, size_t size) {
    Tokenfile *t = (Tokenfile *)ctx;
    char *copy = ARENA_ARRAY(t->arena, char, size + 1);
    memcpy(copy, text, size);
    return copy;
}

static const char *type_of(const Json *node) {
    return json_text(json_get(node, "type"), "");
}

static Status set_token(Tokenfile *t, int line, int32_t id, const char *key, size_t size,
                        bool added) {
    VocabToken *old = &t->token[id];
    if (old->key && (old->key_size != size || memcmp(old->key, key, size) != 0))
        return FAIL(ST_FORMAT, "%s:%d: id %d stands for both '%s' and '%s'", t->name, line, id,
                    old->key, key);
    Str bytes = {0};
    decoder_bytes(&t->decoder, key, size, added, &bytes);
    *old = (VocabToken){.key = key,
                        .key_size = size,
                        .bytes = keep(t, str_text(&bytes), bytes.size),
                        .size = bytes.size,
                        .special = old->special};
    str_free(&bytes);
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

// The vocabulary as merging sees it: bytes, or the spelling itself. False: no text becomes that.
static bool bpe_key(const Tokenfile *t, const char *key, size_t size, char *out, size_t *n) {
    if (!t->rules.chars) return decoder_from_alphabet(&t->decoder, key, size, out, n);
    memcpy(out, key, size);
    *n = size;
    return size > 0;
}

static Status read_vocab(Tokenfile *t, const JsonDoc *doc, const Json *vocab) {
    for (const Json *n = json_first(vocab); n; n = json_next(n)) {
        const char *key = json_key(n);
        size_t size = strlen(key), n_bytes;
        int32_t id = (int32_t)json_int(n, -1);
        char *bytes = ARENA_ARRAY(t->arena, char, size + 1);
        if (bpe_key(t, key, size, bytes, &n_bytes)) bpe_add_token(t->bpe, bytes, n_bytes, id);
        TRY(set_token(t, json_line(doc, n), id, keep(t, key, size), size, false));
    }
    return ST_OK;
}

// What becomes of a character or byte that the vocabulary lacks.
static Status read_unknown(Tokenfile *t, const JsonDoc *doc, const Json *model, const Json *vocab) {
    BpeRules *r = &t->rules;
    const char *unknown = json_text(json_get(model, "unk_token"), NULL);
    r->unknown = -1;
    if (unknown) {
        r->unknown = (int32_t)json_int(json_get(vocab, unknown), -1);
        if (r->unknown < 0)
            return FAIL(ST_FORMAT, "%s:%d: unk_token '%s' is not in the vocabulary", t->name,
                        json_line(doc, model), unknown);
    }
    r->fuse_unknown = json_bool(json_get(model, "fuse_unk"), false);
    r->fallback = r->chars && json_bool(json_get(model, "byte_fallback"), false);
    for (int b = 0; r->fallback && b < 256; b++) {
        char key[8];
        snprintf(key, sizeof key, "<0x%02X>", (unsigned)b);
        r->byte_token[b] = bpe_find(t->bpe, key, 6);
    }
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
    if (!bpe_key(t, part[0], size[0], bytes, &n[0]) ||
        !bpe_key(t, part[1], size[1], bytes + n[0], &n[1]))
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
    if (json_num(json_get(model, "dropout"), 0) != 0)
        return FAIL(ST_UNSUPPORTED, "%s:%d: dropout is not built", name, line);
    static const char *const affix[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    for (int i = 0; i < 2; i++)
        if (json_text(json_get(model, affix[i]), "")[0])
            return FAIL(ST_UNSUPPORTED, "%s:%d: %s is not built", name, line, affix[i]);
    const Json *vocab = json_get(model, "vocab"), *merges = json_get(model, "merges");
    if (!vocab || json_kind(vocab) != JSON_OBJECT)
        return FAIL(ST_FORMAT, "%s:%d: \"model\" needs an object \"vocab\"", name, line);
    if (!json_first(vocab)) return FAIL(ST_FORMAT, "%s:%d: \"vocab\" is empty", name, line);
    if (!merges || json_kind(merges) != JSON_ARRAY)
        return FAIL(ST_FORMAT, "%s:%d: \"model\" needs an array \"merges\"", name, line);
    return ST_OK;
}

static Status read_model(Tokenfile *t, const JsonDoc *doc, const Json *model, const Json *added) {
    TRY(check_model(doc, model));
    const Json *vocab = json_get(model, "vocab"), *merges = json_get(model, "merges");
    TRY(check_ids(doc, vocab, added, &t->size));
    t->token = ARENA_ARRAY(t->arena, VocabToken, t->size);
    t->rules.chars = !presplit_byte_level(t->presplit);
    t->rules.whole_first = json_bool(json_get(model, "ignore_merges"), false);
    t->bpe = bpe_new((size_t)json_count(vocab), (size_t)json_count(merges), t->arena);
    TRY(read_vocab(t, doc, vocab));
    TRY(read_unknown(t, doc, model, vocab));
    Str work = {0};
    Status st = ST_OK;
    for (const Json *n = json_first(merges); n && st == ST_OK; n = json_next(n))
        st = read_merge(t, doc, n, &work);
    str_free(&work);
    return st;
}

static Status read_added_token(Tokenfile *t, const JsonDoc *doc, const Json *node, Str *work,
                               AddedToken *out) {
    const char *content = json_text(json_get(node, "content"), "");
    size_t size = json_text_size(json_get(node, "content"));
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
    TRY(set_token(t, line, id, out->content, size, true));
    t->token[id].special = special;
    if (!out->normalized) return ST_OK;
    size_t n;
    const char *normal = normal_run(t->normal, content, size, &n, work);
    if (n == 0 || (n == size && memcmp(normal, content, n) == 0)) return ST_OK;
    out->content = keep(t, normal, n); // what is looked for, and what decoding gives back
    out->size = n;
    Str bytes = {0};
    decoder_bytes(&t->decoder, normal, n, true, &bytes);
    t->token[id].bytes = keep(t, str_text(&bytes), bytes.size);
    t->token[id].size = bytes.size;
    str_free(&bytes);
    return ST_OK;
}

static Status read_added(Tokenfile *t, const JsonDoc *doc, const Json *list) {
    size_t n = list ? (size_t)json_count(list) : 0, n_raw = 0, n_normal = 0;
    AddedToken *raw = ARENA_ARRAY(t->arena, AddedToken, n + 1);
    AddedToken *normal = ARENA_ARRAY(t->arena, AddedToken, n + 1);
    Str work = {0};
    Status st = ST_OK;
    for (const Json *node = list ? json_first(list) : NULL; node; node = json_next(node)) {
        AddedToken token;
        TRY_OUT(read_added_token(t, doc, node, &work, &token));
        if (token.normalized)
            normal[n_normal++] = token;
        else
            raw[n_raw++] = token;
    }
    const char *twin[2];
    t->raw_added = added_new(raw, n_raw, &twin[0], t->arena);
    t->normal_added = added_new(normal, n_normal, &twin[1], t->arena);
    for (int i = 0; i < 2; i++)
        if (twin[i])
            TRY_OUT(FAIL(ST_FORMAT, "%s: added token '%s' is there twice", t->name, twin[i]));
out:
    str_free(&work);
    return st;
}

// ---- what goes around a text -----------------------------------------------------------------
static Status put_around(Tokenfile *t, const JsonDoc *doc, const Json *id, const char *key,
                         TokenIds *out) {
    int64_t value = json_int(id, -1);
    if (value < 0 || value >= t->size || !t->token[value].key)
        return FAIL(ST_FORMAT, "%s:%d: post_processor: '%s' has an id that is no token", t->name,
                    json_line(doc, id), key);
    ids_add(out, (int32_t)value);
    return ST_OK;
}

static Status read_template(Tokenfile *t, const JsonDoc *doc, const Json *node, TokenIds *before,
                            TokenIds *after) {
    const Json *single = json_get(node, "single"), *specials = json_get(node, "special_tokens");
    bool text = false;
    for (const Json *n = single ? json_first(single) : NULL; n; n = json_next(n)) {
        const Json *token = json_get(n, "SpecialToken");
        if (!token) {
            text = true;
            continue;
        }
        const char *key = json_text(json_get(token, "id"), "");
        const Json *ids = json_get(json_get(specials, key), "ids");
        if (!ids)
            return FAIL(ST_FORMAT, "%s:%d: post_processor: '%s' is not among its special_tokens",
                        t->name, json_line(doc, n), key);
        for (const Json *i = json_first(ids); i; i = json_next(i))
            TRY(put_around(t, doc, i, key, text ? after : before));
    }
    return ST_OK;
}

// BertProcessing, RobertaProcessing: {"cls":["<s>",0],"sep":["</s>",2]}.
static Status read_pair(Tokenfile *t, const JsonDoc *doc, const Json *node, const char *name,
                        TokenIds *out) {
    const Json *pair = json_get(node, name), *key = pair ? json_first(pair) : NULL;
    if (!key || !json_next(key))
        return FAIL(ST_FORMAT, "%s:%d: post_processor: \"%s\" must be [token, id]", t->name,
                    json_line(doc, node), name);
    return put_around(t, doc, json_next(key), json_text(key, ""), out);
}

static Status read_post(Tokenfile *t, const JsonDoc *doc, const Json *node) {
    if (!node || json_kind(node) == JSON_NULL) return ST_OK;
    const char *type = type_of(node);
    if (strcmp(type, "ByteLevel") == 0) return ST_OK; // offsets only
    if (strcmp(type, "Sequence") == 0) {
        const Json *list = json_get(node, "processors");
        for (const Json *n = list ? json_first(list) : NULL; n; n = json_next(n))
            TRY(read_post(t, doc, n));
        return ST_OK;
    }
    TokenIds before = {0};
    Status st;
    if (strcmp(type, "TemplateProcessing") == 0) {
        TRY_OUT(read_template(t, doc, node, &before, &t->eos));
    } else if (strcmp(type, "RobertaProcessing") == 0 || strcmp(type, "BertProcessing") == 0) {
        TRY_OUT(read_pair(t, doc, node, "cls", &before));
        TRY_OUT(read_pair(t, doc, node, "sep", &t->eos));
    } else {
        TRY_OUT(FAIL(ST_UNSUPPORTED, "%s:%d: post_processor '%s' is not built", t->name,
                     json_line(doc, node), type));
    }
    for (size_t i = 0; i < t->bos.n; i++) ids_add(&before, t->bos.id[i]); // a later one is outside
    TokenIds old = t->bos;
    t->bos = before;
    before = old;
out:
    ids_free(&before);
    return st;
}

static Status read_all(Tokenfile *t, const JsonDoc *doc) {
    const Json *root = json_root(doc), *added = json_get(root, "added_tokens");
    if (json_kind(root) != JSON_OBJECT) return FAIL(ST_FORMAT, "%s: not an object", t->name);
    TRY(normal_parse(doc, json_get(root, "normalizer"), &t->normal));
    TRY(presplit_parse(doc, json_get(root, "pre_tokenizer"), &t->presplit));
    TRY(decoder_parse(doc, json_get(root, "decoder"), keep, t, &t->decoder));
    if (presplit_byte_level(t->presplit) && !t->decoder.byte_level) {
        if (t->decoder.n_steps)
            return FAIL(ST_UNSUPPORTED, "%s: ByteLevel pre_tokenizer without a ByteLevel decoder",
                        t->name);
        t->decoder.byte_level = true;
        t->decoder.step[t->decoder.n_steps++] = (DecoderStep){.kind = DECODER_BYTE_LEVEL};
    }
    TRY(read_model(t, doc, json_get(root, "model"), added));
    TRY(read_added(t, doc, added));
    return read_post(t, doc, json_get(root, "post_processor"));
}

Status tokenfile_read(const char *text, size_t size, const char *name, Tokenfile *out) {
    JsonDoc *doc = NULL;
    out->arena = arena_new(1 << 20);
    out->name = keep(out, name, strlen(name));
    TRY(json_parse(text, size, name, 1, false, &doc));
    Status st = read_all(out, doc);
    if (st == ST_OK) out->cache = wordcache_new();
    json_free(doc);
    return st;
}

void tokenfile_close(Tokenfile *file) {
    normal_free(file->normal);
    presplit_free(file->presplit);
    wordcache_free(file->cache);
    ids_free(&file->bos);
    ids_free(&file->eos);
    if (file->arena) arena_free(file->arena);
    *file = (Tokenfile){0};
}
