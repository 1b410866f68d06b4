// pipelines/command/command_tokenize.c -- `grpo tokenize`: text to ids and back.
#include <string.h>

#include "base/file.h"
#include "pipelines/actor.h"
#include "pipelines/chatflags.h"
#include "pipelines/command.h"
#include "pipelines/input.h"
#include "pipelines/lines.h"

static const Flag flags[] = {
    {"in", 'i', "FILE",
     "JSON lines {\"id\",\"text\"}, {\"id\",\"messages\"} with --chat, or {\"id\",\"tokens\"} with "
     "--decode; - is stdin"},
    {"prompt", 'p', "TEXT", "one text instead of a file"},
    {"decode", 'd', NULL, "ids to text"},
    {"skip-special", 0, NULL, "with --decode: leave special tokens out"},
    CHAT_FLAGS,
};

static void encode(const Tokenizer *t, const Chat *chat, InLine *line, Str *out, Arena *arena) {
    const Json *text = json_get(line->row, "text"), *messages = json_get(line->row, "messages");
    const char *said = NULL;
    int32_t *ids = NULL;
    int n = 0;
    Status st = ST_OK;
    if (chat && messages)
        said = chatflags_messages(chat, t, line->row, &line->error, arena);
    else if (!text || json_kind(text) != JSON_STRING)
        line->error = "\"text\" is missing or not a text";
    else if (chat)
        st = chat_encode(chat, t, json_text(text, ""), &ids, &n, arena);
    else
        st = tokenizer_encode(t, json_text(text, ""), json_text_size(text), true, true, &ids, &n,
                              arena);
    if (said) st = tokenizer_encode(t, said, strlen(said), true, true, &ids, &n, arena);
    if (st != ST_OK) line->error = arena_printf(arena, "%s", status_text());
    if (line->error) {
        lines_error(line, false, out);
        return;
    }
    lines_begin(line, out);
    str_puts(out, ",\"tokens\":[");
    for (int i = 0; i < n; i++) str_printf(out, "%s%d", i ? "," : "", ids[i]);
    const int32_t *eos;
    int n_eos = chat ? 0 : tokenizer_eos(t, &eos); // a chat's prompt stays open
    for (int i = 0; i < n_eos; i++) str_printf(out, "%s%d", n + i ? "," : "", eos[i]);
    str_puts(out, "]}\n");
}

static void decode(const Tokenizer *t, InLine *line, bool skip, Str *out, Arena *arena) {
    const Json *tokens = json_get(line->row, "tokens");
    int n = 0;
    int32_t *ids = NULL;
    if (!tokens || json_kind(tokens) != JSON_ARRAY) {
        line->error = "\"tokens\" is missing or not a list";
    } else {
        ids = ARENA_ARRAY(arena, int32_t, json_count(tokens) + 1);
        for (const Json *v = json_first(tokens); v && !line->error; v = json_next(v)) {
            int64_t id = json_int(v, -1);
            if (id < 0 || id >= tokenizer_size(t))
                line->error =
                    arena_printf(arena, "token %d is no id below %d", n, tokenizer_size(t));
            else
                ids[n++] = (int32_t)id;
        }
    }
    if (line->error) {
        lines_error(line, false, out);
        return;
    }
    Str text = {0};
    tokenizer_decode(t, ids, n, skip, &text);
    lines_begin(line, out);
    str_puts(out, ",\"text\":");
    str_json(out, str_text(&text), text.size);
    str_puts(out, "}\n");
    str_free(&text);
}

static int run(const Args *args) {
    const char *path = args_text(args, "in", NULL), *prompt = args_text(args, "prompt", NULL);
    if (args->n_words != 1 || !path == !prompt)
        return command_usage("tokenize: wants MODEL and either --in FILE or -p TEXT");
    Arena *arena = arena_new(1 << 20);
    Chat chat = {0};
    Tokenizer *tokenizer = NULL;
    Lines lines = {0};
    Str out = {0};
    Status st;
    bool desk = strcmp(args->word[0], "desk") == 0;
    const char *folder = args->word[0]; // a tokenizer alone will do
    if (!desk && !file_exists(arena_printf(arena, "%s/tokenizer.json", folder)))
        TRY_OUT(input_model(folder, &folder, arena));
    TRY_OUT(desk ? actor_desk_tokenizer(&tokenizer) : tokenizer_load(folder, &tokenizer));
    if (chatflags_given(args)) {
        TRY_OUT(chat_open(chatflags_name(args), desk ? NULL : folder, tokenizer, &chat));
        chat.thinking = chatflags_thinking(args);
        chat.said = chatflags_system(args);
    }
    if (prompt) {
        Str text = {0};
        str_puts(&text, "{\"text\":");
        str_json(&text, prompt, strlen(prompt));
        str_putc(&text, '}');
        lines.line = ARENA_ARRAY(arena, InLine, 1);
        st = json_parse(text.data, text.size, "-p", 1, false, &lines.line->doc);
        str_free(&text);
        if (st != ST_OK) goto out;
        lines.line->row = json_root(lines.line->doc);
        lines.line->id = "0";
        lines.n = 1;
    } else {
        TRY_OUT(lines_read(path, &lines, arena));
    }
    for (int i = 0; i < lines.n; i++) {
        ArenaMark mark = arena_mark(arena);
        InLine *line = &lines.line[i];
        if (line->error)
            lines_error(line, false, &out);
        else if (args_has(args, "decode"))
            decode(tokenizer, line, args_has(args, "skip-special"), &out, arena);
        else
            encode(tokenizer, chatflags_given(args) ? &chat : NULL, line, &out, arena);
        arena_rewind(arena, mark);
        if (out.size > 60000 && !lines_flush(&out)) break;
    }
    lines_flush(&out);
out:
    chat_close(&chat);
    lines_close(&lines);
    tokenizer_free(tokenizer);
    str_free(&out);
    arena_free(arena);
    return st == ST_OK ? EXIT_DONE : command_failed(st);
}

const Command command_tokenize = {
    .name = "tokenize",
    .summary = "text to token ids and back",
    .usage = "tokenize MODEL --in FILE [--decode] | tokenize MODEL -p TEXT",
    .about = "MODEL is a model folder, a tokenizer.json, or 'desk' for the built-in one.",
    .examples = "grpo tokenize desk -p 'User: Compute 47*6+85. Assistant:'\n"
                "grpo tokenize model/ --in texts.jsonl\n"
                "grpo tokenize model/ --chat -p 'What is 47*6+85?'\n"
                "grpo tokenize model/ --in ids.jsonl --decode",
    .flag = flags,
    .n_flags = sizeof flags / sizeof flags[0],
    .run = run,
};
