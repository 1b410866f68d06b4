// policy/text/stopids.c -- three files, three spellings.
#include "policy/text/stopids.h"

#include "base/file.h"
#include "base/json.h"

void stopids_add(StopIds *ids, int64_t id) {
    if (id < 0 || ids->n == STOPIDS_MAX) return;
    for (int i = 0; i < ids->n; i++)
        if (ids->id[i] == id) return;
    ids->id[ids->n++] = (int32_t)id;
}

static Status add_number(const JsonDoc *doc, const Json *node, const Tokenizer *tokenizer,
                         StopIds *ids) {
    if (json_kind(node) == JSON_NULL) return ST_OK;
    int64_t id = json_int(node, -1);
    if (id < 0 || id >= tokenizer_size(tokenizer))
        return FAIL(ST_FORMAT,
                    "%s:%d: eos_token_id must be a token's id below %d, or a list of them",
                    json_name(doc), json_line(doc, node), tokenizer_size(tokenizer));
    stopids_add(ids, id);
    return ST_OK;
}

static Status add_file(const char *path, const Tokenizer *tokenizer, StopIds *ids) {
    JsonDoc *doc = NULL;
    TRY(json_read_if_there(path, &doc));
    if (!doc) return ST_OK;
    Status st = ST_OK;
    const Json *root = json_root(doc), *eos = json_get(root, "eos_token_id");
    if (eos && json_kind(eos) == JSON_ARRAY) {
        for (const Json *n = json_first(eos); n; n = json_next(n))
            TRY_OUT(add_number(doc, n, tokenizer, ids));
    } else if (eos) {
        TRY_OUT(add_number(doc, eos, tokenizer, ids));
    }
    const Json *text = json_get(root, "eos_token"), *content = json_get(text, "content");
    const char *token = json_text(content ? content : text, "");
    if (token[0]) stopids_add(ids, tokenizer_id(tokenizer, token));
out:
    json_free(doc);
    return st;
}

Status stopids_of_folder(const char *folder, const Tokenizer *tokenizer, StopIds *ids) {
    static const char *const file[] = {"config.json", "generation_config.json",
                                       "tokenizer_config.json"};
    Arena *arena = arena_new(4096);
    Status st = ST_OK;
    for (int i = 0; i < 3 && st == ST_OK; i++)
        st = add_file(arena_printf(arena, "%s/%s", folder, file[i]), tokenizer, ids);
    arena_free(arena);
    return st;
}
