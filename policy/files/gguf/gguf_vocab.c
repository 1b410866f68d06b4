// policy/files/gguf/gguf_vocab.c -- tokens, merges and ids out of the metadata.
#include "policy/files/gguf/gguf_vocab.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"

static const char *copy_text(const GgufText *text, Arena *arena) {
    char *copy = ARENA_ARRAY(arena, char, text->size + 1);
    memcpy(copy, text->data, text->size);
    return copy;
}

static Status texts(const Gguf *file, const char *key, const char *const **out, int *n,
                    Arena *arena) {
    const GgufValue *v = gguf_value(file, key);
    if (!v || v->kind != GGUF_ARRAY_VALUE || v->element != GGUF_TEXT_VALUE || v->count > 1 << 28)
        return FAIL(ST_FORMAT, "%s: key '%s' must be an array of texts", gguf_name(file), key);
    const char **list = ARENA_ARRAY(arena, const char *, v->count + 1);
    for (uint64_t i = 0; i < v->count; i++) {
        if (memchr(v->item[i].data, 0, v->item[i].size))
            return FAIL(ST_FORMAT, "%s: key '%s': text %llu holds a zero byte", gguf_name(file),
                        key, (unsigned long long)i);
        list[i] = copy_text(&v->item[i], arena);
    }
    *out = list;
    *n = (int)v->count;
    return ST_OK;
}

static Status types(const Gguf *file, Vocabulary *v, Arena *arena) {
    const char *key = "tokenizer.ggml.token_type";
    const GgufValue *value = gguf_value(file, key);
    if (!value) return ST_OK;
    if (value->count != (uint64_t)v->n_tokens || gguf_item_int(value, 0, -1) < 0)
        return FAIL(ST_FORMAT, "%s: key '%s' must be %d numbers, one a token", gguf_name(file), key,
                    v->n_tokens);
    int32_t *type = ARENA_ARRAY(arena, int32_t, v->n_tokens + 1);
    for (int i = 0; i < v->n_tokens; i++)
        type[i] = (int32_t)gguf_item_int(value, (uint64_t)i, VOCAB_NORMAL);
    v->type = type;
    return ST_OK;
}

static Status scores(const Gguf *file, Vocabulary *v, Arena *arena) {
    const char *key = "tokenizer.ggml.scores";
    const GgufValue *value = gguf_value(file, key);
    if (!value || strcmp(v->model, "llama") != 0) return ST_OK;
    if (value->kind != GGUF_ARRAY_VALUE || value->element != GGUF_F32_VALUE ||
        value->count != (uint64_t)v->n_tokens)
        return FAIL(ST_FORMAT, "%s: key '%s' must be %d F32 numbers, one a token", gguf_name(file),
                    key, v->n_tokens);
    float *score = ARENA_ARRAY(arena, float, v->n_tokens + 1);
    gguf_decode(gguf_type(GGUF_F32), value->data, (size_t)v->n_tokens, score);
    for (int i = 0; i < v->n_tokens; i++)
        if (!isfinite(score[i]))
            return FAIL(ST_FORMAT, "%s: key '%s': number %d is not finite", gguf_name(file), key,
                        i);
    v->score = score;
    return ST_OK;
}

static int id_of(const Gguf *file, const char *key, int n) {
    int64_t id = gguf_int(file, key, -1);
    return id >= 0 && id < n ? (int)id : -1;
}

// "[PAD7]" as token 7, of the type of what is unused.
static bool is_padding(const Vocabulary *v, int id) {
    char name[32];
    snprintf(name, sizeof name, "[PAD%d]", id);
    return v->type && v->type[id] == VOCAB_UNUSED && strcmp(v->token[id], name) == 0;
}

static int flag_of(const Gguf *file, const char *key) {
    return gguf_value(file, key) ? gguf_bool(file, key, false) : -1;
}

bool gguf_has_vocab(const Gguf *file) {
    return gguf_value(file, "tokenizer.ggml.model") != NULL &&
           !gguf_text_is(file, "tokenizer.ggml.model", "no_vocab") &&
           !gguf_text_is(file, "tokenizer.ggml.model", "none");
}

Status gguf_vocab(const Gguf *file, Vocabulary *out, Arena *arena) {
    const GgufText *model = gguf_text(file, "tokenizer.ggml.model");
    const GgufText *pre = gguf_text(file, "tokenizer.ggml.pre");
    const GgufText *chat = gguf_text(file, "tokenizer.chat_template");
    if (!model)
        return FAIL(ST_FORMAT, "%s: key 'tokenizer.ggml.model' is missing", gguf_name(file));
    *out = (Vocabulary){.model = copy_text(model, arena)};
    if (pre) out->pre = copy_text(pre, arena);
    if (chat && str_is_utf8(chat->data, chat->size, NULL))
        out->chat_template = copy_text(chat, arena);
    TRY(texts(file, "tokenizer.ggml.tokens", &out->token, &out->n_tokens, arena));
    TRY(types(file, out, arena));
    TRY(scores(file, out, arena));
    if (gguf_value(file, "tokenizer.ggml.merges"))
        TRY(texts(file, "tokenizer.ggml.merges", &out->merge, &out->n_merges, arena));
    while (out->n_tokens > 0 && is_padding(out, out->n_tokens - 1)) out->n_tokens--;
    out->bos_id = id_of(file, "tokenizer.ggml.bos_token_id", out->n_tokens);
    out->eos_id = id_of(file, "tokenizer.ggml.eos_token_id", out->n_tokens);
    out->pad_id = id_of(file, "tokenizer.ggml.padding_token_id", out->n_tokens);
    out->unk_id = id_of(file, "tokenizer.ggml.unknown_token_id", out->n_tokens);
    out->add_bos = flag_of(file, "tokenizer.ggml.add_bos_token");
    out->add_eos = flag_of(file, "tokenizer.ggml.add_eos_token");
    out->add_space_prefix = flag_of(file, "tokenizer.ggml.add_space_prefix");
    return ST_OK;
}

// ---- writing ---------------------------------------------------------------------------------
typedef struct Files { // of a model folder; any may be NULL
    JsonDoc *tokenizer, *config;
    char *jinja;
    size_t jinja_size;
} Files;

static Status read_json(const char *folder, const char *name, JsonDoc **out, Arena *arena) {
    return json_read_if_there(arena_printf(arena, "%s/%s", folder, name), out);
}

// What cuts the text, step by step; equal descriptions cut alike.
static void describe(const Json *node, Str *out) {
    const char *type = json_text(json_get(node, "type"), "");
    if (strcmp(type, "Sequence") == 0) {
        const Json *list = json_get(node, "pretokenizers");
        for (const Json *n = list ? json_first(list) : NULL; n; n = json_next(n)) describe(n, out);
        return;
    }
    str_printf(out, "%s", type);
    if (strcmp(type, "ByteLevel") == 0)
        str_printf(out, " regex %d prefix %d", json_bool(json_get(node, "use_regex"), true),
                   json_bool(json_get(node, "add_prefix_space"), true));
    if (strcmp(type, "Digits") == 0)
        str_printf(out, " alone %d", json_bool(json_get(node, "individual_digits"), false));
    if (strcmp(type, "Split") == 0) {
        const Json *pattern = json_get(node, "pattern");
        str_printf(out, " %s invert %d ", json_text(json_get(node, "behavior"), ""),
                   json_bool(json_get(node, "invert"), false));
        json_echo(pattern, out);
    }
    str_putc(out, '\n');
}

static void describe_all(const Json *root, Str *out) {
    describe(json_get(root, "pre_tokenizer"), out);
    str_printf(out, "ignore_merges %d",
               json_bool(json_get(json_get(root, "model"), "ignore_merges"), false));
}

// The name under which tokenwrite would cut as this tokenizer does; NULL if none.
static Status find_pre(const Json *root, const char **out) {
    static const char *const names[] = {"smollm", "qwen2",  "llama-bpe", "deepseek-v3",
                                        "gpt-2",  "gpt-4o", "tekken"};
    static const char *const token[] = {"a"};
    Str want = {0}, text = {0}, have = {0};
    Status st = ST_OK;
    *out = NULL;
    describe_all(root, &want);
    for (size_t i = 0; i < sizeof names / sizeof *names && !*out && st == ST_OK; i++) {
        const Vocabulary v = {.model = "gpt2",
                              .pre = names[i],
                              .token = token,
                              .n_tokens = 1,
                              .bos_id = -1,
                              .eos_id = -1,
                              .pad_id = -1,
                              .unk_id = -1};
        JsonDoc *doc = NULL;
        str_clear(&text);
        str_clear(&have);
        st = tokenwrite_json(&v, &text);
        if (st == ST_OK) st = json_parse(text.data, text.size, names[i], 1, false, &doc);
        if (st == ST_OK) describe_all(json_root(doc), &have);
        if (st == ST_OK && strcmp(str_text(&have), str_text(&want)) == 0) *out = names[i];
        json_free(doc);
    }
    str_free(&want);
    str_free(&text);
    str_free(&have);
    return st;
}

typedef struct VocabSlot {
    const char *text;
    int32_t type;
} VocabSlot;

// Tokens by id; what has no token becomes llama.cpp's padding.
static Status fill_slots(const JsonDoc *doc, VocabSlot *slot, int n, Arena *arena) {
    const Json *root = json_root(doc), *vocab = json_get(json_get(root, "model"), "vocab");
    const Json *added = json_get(root, "added_tokens");
    for (int pass = 0; pass < 2; pass++) {
        const Json *list = pass ? added : vocab;
        for (const Json *t = list ? json_first(list) : NULL; t; t = json_next(t)) {
            int64_t id = json_int(pass ? json_get(t, "id") : t, -1);
            const char *text = pass ? json_text(json_get(t, "content"), "") : json_key(t);
            if (id < 0 || id >= n)
                return FAIL(ST_FORMAT,
                            "%s:%d: token '%s' has id %lld, the model a vocabulary of %d",
                            json_name(doc), json_line(doc, t), text ? text : "", (long long)id, n);
            bool special = json_bool(json_get(t, "special"), false);
            slot[id] = (VocabSlot){text, !pass     ? VOCAB_NORMAL
                                         : special ? VOCAB_CONTROL
                                                   : VOCAB_USER};
        }
    }
    for (int i = 0; i < n; i++)
        if (!slot[i].text) slot[i] = (VocabSlot){arena_printf(arena, "[PAD%d]", i), VOCAB_UNUSED};
    return ST_OK;
}

static void put_merges(const Json *merges, GgufKeys *keys, Str *work) {
    gguf_put_array(keys, "tokenizer.ggml.merges", GGUF_TEXT_VALUE, (uint64_t)json_count(merges));
    for (const Json *m = json_first(merges); m; m = json_next(m)) {
        const Json *left = json_kind(m) == JSON_ARRAY ? json_first(m) : NULL;
        str_clear(work);
        if (left)
            str_printf(work, "%s %s", json_text(left, ""), json_text(json_next(left), ""));
        else
            str_puts(work, json_text(m, ""));
        gguf_add_text(keys, str_text(work), work->size);
    }
}

// The id of a token that tokenizer_config.json names; else the config's.
static int32_t named_id(const Files *f, const char *key, const VocabSlot *slot, int n, int32_t id) {
    const Json *node = f->config ? json_get(json_root(f->config), key) : NULL;
    if (node && json_kind(node) == JSON_OBJECT) node = json_get(node, "content");
    const char *text = json_text(node, NULL);
    for (int i = 0; text && i < n; i++)
        if (slot[i].type != VOCAB_UNUSED && strcmp(slot[i].text, text) == 0) return i;
    return id;
}

static bool puts_bos(const Json *post) {
    const char *type = json_text(json_get(post, "type"), "");
    const Json *list = json_get(post, "processors"), *single = json_get(post, "single");
    for (const Json *n = list ? json_first(list) : NULL; n; n = json_next(n))
        if (puts_bos(n)) return true;
    const Json *first = single ? json_first(single) : NULL;
    return strcmp(type, "TemplateProcessing") == 0 && first && json_get(first, "SpecialToken");
}

static void put_ids(const Files *f, const ModelConfig *m, const VocabSlot *slot, int n,
                    GgufKeys *keys) {
    static const struct {
        const char *key, *token;
    } ids[] = {{"tokenizer.ggml.bos_token_id", "bos_token"},
               {"tokenizer.ggml.eos_token_id", "eos_token"},
               {"tokenizer.ggml.padding_token_id", "pad_token"},
               {"tokenizer.ggml.unknown_token_id", "unk_token"}};
    for (int i = 0; i < 4; i++) {
        int32_t fallback = i == 0 ? m->bos_id : i == 1 ? m->eos_id : -1;
        int32_t id = named_id(f, ids[i].token, slot, n, fallback);
        if (id >= 0) gguf_put_int(keys, ids[i].key, id);
    }
    const Json *config = f->config ? json_root(f->config) : NULL;
    bool bos = puts_bos(json_get(json_root(f->tokenizer), "post_processor")) ||
               json_bool(json_get(config, "add_bos_token"), false);
    gguf_put_bool(keys, "tokenizer.ggml.add_bos_token", bos);
    gguf_put_bool(keys, "tokenizer.ggml.add_space_prefix", false);
}

static void put_chat(const Files *f, GgufKeys *keys) {
    const Json *node = f->config ? json_get(json_root(f->config), "chat_template") : NULL;
    if (node && json_kind(node) == JSON_ARRAY) { // several by name
        const Json *list = node;
        for (node = NULL, list = json_first(list); list; list = json_next(list))
            if (!node || strcmp(json_text(json_get(list, "name"), ""), "default") == 0)
                node = json_get(list, "template");
    }
    if (f->jinja)
        gguf_put_text(keys, "tokenizer.chat_template", f->jinja, f->jinja_size);
    else if (json_text(node, NULL))
        gguf_put_text(keys, "tokenizer.chat_template", json_text(node, ""), json_text_size(node));
}

static Status put_all(const Files *f, const ModelConfig *m, GgufKeys *keys, Arena *arena) {
    const Json *root = json_root(f->tokenizer), *model = json_get(root, "model");
    const Json *merges = json_get(model, "merges");
    const char *pre, *name = json_name(f->tokenizer);
    if (strcmp(json_text(json_get(model, "type"), "BPE"), "BPE") != 0 || !merges ||
        json_kind(merges) != JSON_ARRAY || json_bool(json_get(model, "byte_fallback"), false))
        return FAIL(ST_UNSUPPORTED, "%s: only a byte-level BPE can be written as GGUF", name);
    TRY(find_pre(root, &pre));
    if (!pre)
        return FAIL(ST_UNSUPPORTED, "%s: llama.cpp has no name that we know for its pre_tokenizer",
                    name);
    const int n = m->vocab_size;
    VocabSlot *slot = ARENA_ARRAY(arena, VocabSlot, n);
    TRY(fill_slots(f->tokenizer, slot, n, arena));
    gguf_put_text(keys, "tokenizer.ggml.model", "gpt2", 4);
    gguf_put_text(keys, "tokenizer.ggml.pre", pre, strlen(pre));
    gguf_put_array(keys, "tokenizer.ggml.tokens", GGUF_TEXT_VALUE, (uint64_t)n);
    for (int i = 0; i < n; i++) gguf_add_text(keys, slot[i].text, strlen(slot[i].text));
    gguf_put_array(keys, "tokenizer.ggml.token_type", GGUF_I32_VALUE, (uint64_t)n);
    for (int i = 0; i < n; i++) gguf_add_i32(keys, slot[i].type);
    Str work = {0};
    put_merges(merges, keys, &work);
    str_free(&work);
    put_ids(f, m, slot, n, keys);
    put_chat(f, keys);
    return ST_OK;
}

Status gguf_put_vocab(const char *folder, const ModelConfig *model, GgufKeys *keys) {
    Arena *arena = arena_new(1 << 16);
    Files f = {0};
    Status st;
    const char *jinja = arena_printf(arena, "%s/chat_template.jinja", folder);
    TRY_OUT(read_json(folder, "tokenizer.json", &f.tokenizer, arena));
    if (!f.tokenizer) {
        gguf_put_text(keys, "tokenizer.ggml.model", "no_vocab", 8);
        if (model->bos_id >= 0) gguf_put_int(keys, "tokenizer.ggml.bos_token_id", model->bos_id);
        if (model->eos_id >= 0) gguf_put_int(keys, "tokenizer.ggml.eos_token_id", model->eos_id);
        goto out;
    }
    TRY_OUT(read_json(folder, "tokenizer_config.json", &f.config, arena));
    TRY_OUT(file_read_if_there(jinja, &f.jinja, &f.jinja_size, arena));
    st = put_all(&f, model, keys, arena);
out:
    json_free(f.tokenizer);
    json_free(f.config);
    arena_free(arena);
    return st;
}
