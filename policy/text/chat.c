// policy/text/chat.c -- which family a folder's template belongs to.
#include "policy/text/chat.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "policy/text/jinja/jinja.h"

#define DEEPSEEK_BOS                                                                               \
    "<\xEF\xBD\x9C"                                                                                \
    "begin\xE2\x96\x81of\xE2\x96\x81sentence\xEF\xBD\x9C>"
#define DEEPSEEK_EOS                                                                               \
    "<\xEF\xBD\x9C"                                                                                \
    "end\xE2\x96\x81of\xE2\x96\x81sentence\xEF\xBD\x9C>"
#define DEEPSEEK_USER "<\xEF\xBD\x9CUser\xEF\xBD\x9C>"

static const Chat known[] = {
    {.kind = CHAT_CHATML, .name = "chatml"},
    {.kind = CHAT_CHATML,
     .name = "smollm2",
     .system = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"},
    {.kind = CHAT_CHATML, .name = "qwen2", .system = "You are a helpful assistant."},
    {.kind = CHAT_CHATML,
     .name = "qwen2.5",
     .system = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."},
    {.kind = CHAT_CHATML,
     .name = "qwen2.5-math",
     .system = "Please reason step by step, and put your final answer within \\boxed{}."},
    {.kind = CHAT_QWEN3, .name = "qwen3", .drop_thoughts = true},
    {.kind = CHAT_CHATML, .name = "qwq", .prefill = "<think>\n", .drop_thoughts = true},
    {.kind = CHAT_LLAMA2, .name = "llama2", .bos = "<s>", .eos = "</s>"},
    {.kind = CHAT_LLAMA3, .name = "llama3", .bos = "<|begin_of_text|>"},
    {.kind = CHAT_LLAMA3, .name = "llama3.1", .bos = "<|begin_of_text|>", .dates = true},
    {.kind = CHAT_LLAMA3,
     .name = "llama3.2",
     .bos = "<|begin_of_text|>",
     .dates = true,
     .today = true},
    {.kind = CHAT_DEEPSEEK,
     .name = "deepseek-v3",
     .bos = DEEPSEEK_BOS,
     .eos = DEEPSEEK_EOS,
     .join_systems = true},
    {.kind = CHAT_DEEPSEEK,
     .name = "deepseek-r1",
     .bos = DEEPSEEK_BOS,
     .eos = DEEPSEEK_EOS,
     .drop_thoughts = true,
     .join_systems = true},
    {.kind = CHAT_DEEPSEEK,
     .name = "deepseek-r1-distill",
     .bos = DEEPSEEK_BOS,
     .eos = DEEPSEEK_EOS,
     .prefill = "<think>\n",
     .drop_thoughts = true},
    {.kind = CHAT_DEEPSEEK31,
     .name = "deepseek-v3.1",
     .bos = DEEPSEEK_BOS,
     .eos = DEEPSEEK_EOS,
     .drop_thoughts = true,
     .join_systems = true},
    {.kind = CHAT_R1_ZERO, .name = "r1-zero"},
};
enum { N_KNOWN = sizeof known / sizeof *known };

const char *chat_names(void) {
    return "chatml, smollm2, qwen2, qwen2.5, qwen2.5-math, qwen3, qwq, llama2, llama3, llama3.1, "
           "llama3.2, deepseek-v3, deepseek-r1, deepseek-r1-distill, deepseek-v3.1, r1-zero";
}

Status chat_named(const char *name, Chat *out) {
    for (int i = 0; i < N_KNOWN; i++)
        if (strcmp(known[i].name, name) == 0) {
            *out = known[i];
            return ST_OK;
        }
    return FAIL(ST_CONFIG, "no chat template '%s'; there are: %s", name, chat_names());
}

// ---- recognising -----------------------------------------------------------------------------
static bool has(const char *text, const char *what) {
    return strstr(text, what) != NULL;
}

// The text of a Jinja string up to `end`, which must come before its quote.
static bool spelled_text(const char *from, const char *end, char *out, size_t cap) {
    size_t n = 0;
    size_t n_end = strlen(end);
    for (; *from && strncmp(from, end, n_end) != 0; from++) {
        char c = *from;
        if (c == '\'' || c == '"' || n + 1 >= cap) return false;
        if (c == '\\' && from[1]) {
            from++;
            c = *from == 'n' ? '\n' : *from == 't' ? '\t' : *from;
        }
        out[n++] = c;
    }
    out[n] = 0;
    return *from != 0 && n > 0;
}

// ChatML's default system message, which a template spells out between the tokens of a turn.
static void find_system(const char *text, Chat *out) {
    static const char *const open[] = {"<|im_start|>system\\n", "<|im_start|>system\n"};
    for (int i = 0; i < 2; i++)
        for (const char *at = text; (at = strstr(at, open[i])) != NULL;) {
            at += strlen(open[i]);
            if (spelled_text(at, "<|im_end|>", out->system, sizeof out->system)) return;
        }
    out->system[0] = 0;
}

// "<think>\n" right after the reply's header, in the part that add_generation_prompt guards.
static void find_prefill(const char *text, const char *header, Chat *out) {
    static const char *const think[] = {"<think>\\n", "<think>\n", "<think>"};
    static const char *const put[] = {"<think>\n", "<think>\n", "<think>"};
    const char *guard = text, *last = NULL;
    while ((guard = strstr(guard, "add_generation_prompt")) != NULL) last = guard++;
    const char *at = last ? strstr(last, header) : NULL;
    if (!at) return;
    at += strlen(header);
    if (strncmp(at, "\\n", 2) == 0) at += 2;
    if (*at == '\n') at++;
    for (int i = 0; i < 3; i++)
        if (strncmp(at, think[i], strlen(think[i])) == 0) {
            strcpy(out->prefill, put[i]);
            return;
        }
}

// What the known families' templates never say: the template of another one on the same tokens.
static bool is_foreign(const char *text) {
    static const char *const words[] = {"custom_instructions", "<|channel|>", "<|im_sep|>",
                                        "<|vision_start|>", "<|python_start|>"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (has(text, words[i])) return true;
    return false;
}

static Status recognise_chatml(const char *text, Chat *out) {
    TRY(chat_named("chatml", out));
    find_system(text, out);
    find_prefill(text, "<|im_start|>assistant", out);
    bool drops = has(text, "</think>");
    const char *name = "chatml";
    if (drops && has(text, "reasoning_content") && has(text, "last_query_index")) {
        out->kind = CHAT_QWEN3;
        name = "qwen3";
    } else if (drops) {
        name = "qwq";
    }
    for (int i = 0; i < N_KNOWN && name[0] == 'c'; i++)
        if (known[i].kind == CHAT_CHATML && out->system[0] &&
            strcmp(known[i].system, out->system) == 0)
            name = known[i].name;
    out->name = name;
    out->drop_thoughts = drops;
    return ST_OK;
}

static Status recognise_deepseek(const char *text, Chat *out) {
    bool v31 = has(text, "is_last_user") && has(text, "thinking");
    bool drops = has(text, "</think>");
    TRY(chat_named(v31 ? "deepseek-v3.1" : drops ? "deepseek-r1" : "deepseek-v3", out));
    out->join_systems = has(text, "is_first_sp");
    if (v31) return ST_OK;
    find_prefill(text,
                 "<\xEF\xBD\x9C"
                 "Assistant\xEF\xBD\x9C>",
                 out);
    if (out->prefill[0]) out->name = "deepseek-r1-distill";
    return ST_OK;
}

// The family of a template by what it says; *known false: of none.
static Status recognise(const char *text, Chat *out, bool *known_) {
    *known_ = true;
    if (is_foreign(text))
        *known_ = false;
    else if (has(text, "<|im_start|>"))
        return recognise_chatml(text, out);
    else if (has(text, DEEPSEEK_USER))
        return recognise_deepseek(text, out);
    else if (has(text, "<|start_header_id|>"))
        return chat_named(!has(text, "Cutting Knowledge Date") ? "llama3"
                          : has(text, "strftime_now")          ? "llama3.2"
                                                               : "llama3.1",
                          out);
    else if (has(text, "[INST]") && has(text, "<<SYS>>"))
        return chat_named("llama2", out);
    else if (has(text, "A conversation between User and Assistant"))
        return chat_named("r1-zero", out);
    else
        *known_ = false;
    return ST_OK;
}

Status chat_of_template(const char *text, const char *bos, const char *eos, Chat *out) {
    bool family;
    *out = (Chat){0};
    TRY(recognise(text, out, &family));
    if (bos && bos[0]) snprintf(out->bos, sizeof out->bos, "%s", bos);
    if (eos && eos[0]) snprintf(out->eos, sizeof out->eos, "%s", eos);
    return chat_template_open(text, family, out);
}

void chat_close(Chat *chat) {
    jinja_free(chat->jinja);
    chat->jinja = NULL;
}

// ---- folders ---------------------------------------------------------------------------------
static const char *token_text(const Json *node) { // "</s>" or {"content":"</s>"}
    const Json *content = json_get(node, "content");
    return json_text(content ? content : node, "");
}

static const char *template_text(const Json *node) { // a text, or a list of named ones
    if (!node || json_kind(node) != JSON_ARRAY) return json_text(node, NULL);
    const char *text = NULL;
    for (const Json *n = json_first(node); n; n = json_next(n))
        if (!text || strcmp(json_text(json_get(n, "name"), ""), "default") == 0)
            text = json_text(json_get(n, "template"), NULL);
    return text;
}

static Status of_tokens(const char *folder, const Tokenizer *t, Chat *out) {
    if (t && tokenizer_id(t, DEEPSEEK_USER) >= 0) return chat_named("deepseek-v3", out);
    if (t && tokenizer_id(t, "<|start_header_id|>") >= 0) return chat_named("llama3", out);
    if (t && tokenizer_id(t, "<|im_start|>") >= 0) return chat_named("chatml", out);
    return FAIL(ST_CONFIG, "%s: has no chat template; name one of %s", folder, chat_names());
}

static const char *folder_of(const char *path, Arena *arena) {
    struct stat info;
    if (stat(path, &info) != 0 || S_ISDIR(info.st_mode)) return path;
    const char *slash = strrchr(path, '/');
    return slash ? arena_printf(arena, "%.*s", (int)(slash - path), path) : ".";
}

// `name` NULL: what the folder has.
static Status read_folder(const char *name, const char *folder, const Tokenizer *tokenizer,
                          Chat *out) {
    Arena *arena = arena_new(1 << 14);
    JsonDoc *doc = NULL;
    Status st = ST_OK;
    folder = folder_of(folder, arena);
    const char *config = arena_printf(arena, "%s/tokenizer_config.json", folder);
    const char *jinja = arena_printf(arena, "%s/chat_template.jinja", folder);
    char *text = NULL;
    TRY_OUT(json_read_if_there(config, &doc));
    if (!name) TRY_OUT(file_read_if_there(jinja, &text, NULL, arena));
    const Json *root = doc ? json_root(doc) : NULL;
    const char *bos = token_text(json_get(root, "bos_token"));
    const char *eos = token_text(json_get(root, "eos_token"));
    const char *template_ = template_text(json_get(root, "chat_template"));
    if (text) template_ = text;
    if (name)
        TRY_OUT(chat_named(name, out));
    else if (template_)
        TRY_OUT(chat_of_template(template_, bos, eos, out));
    else
        TRY_OUT(of_tokens(folder, tokenizer, out));
    if (bos[0]) snprintf(out->bos, sizeof out->bos, "%s", bos);
    if (eos[0]) snprintf(out->eos, sizeof out->eos, "%s", eos);
out:
    json_free(doc);
    arena_free(arena);
    return st;
}

Status chat_of_folder(const char *folder, const Tokenizer *tokenizer, Chat *out) {
    *out = (Chat){0};
    return read_folder(NULL, folder, tokenizer, out);
}

Status chat_open(const char *name, const char *folder, const Tokenizer *tokenizer, Chat *out) {
    *out = (Chat){0};
    if (name && strcmp(name, "auto") == 0) name = NULL;
    if (!folder) return name ? chat_named(name, out) : of_tokens("the model", tokenizer, out);
    return read_folder(name, folder, tokenizer, out);
}

size_t chat_own_bos(const Tokenizer *tokenizer, const char *text) {
    Arena *arena = arena_new(4096);
    int32_t *ids;
    int n;
    size_t size = 0;
    const char *bytes = "";
    if (tokenizer_encode(tokenizer, "", 0, true, true, &ids, &n, arena) == ST_OK && n == 1)
        bytes = tokenizer_bytes(tokenizer, ids[0], &size);
    bool there = size > 0 && strncmp(text, bytes, size) == 0;
    arena_free(arena);
    return there ? size : 0;
}

int32_t chat_turn_end(const Chat *chat, const Tokenizer *tokenizer) {
    if (chat->after[0]) return chat_template_turn_end(chat, tokenizer);
    switch (chat->kind) {
    case CHAT_CHATML:
    case CHAT_QWEN3: return tokenizer_id(tokenizer, "<|im_end|>");
    case CHAT_LLAMA3: return tokenizer_id(tokenizer, "<|eot_id|>");
    default: return chat->eos[0] ? tokenizer_id(tokenizer, chat->eos) : -1;
    }
}
