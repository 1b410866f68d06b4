// policy/text/chat_template.c -- conversations through the template that came with the model.
#include "policy/text/chat.h"

#include <stdio.h>
#include <string.h>

#include "policy/text/jinja/jinja.h"

static JinjaValue message_value(const ChatMessage *m, Arena *arena) {
    if (m->json) return jinja_from_json(m->json, arena);
    JinjaValue v = jinja_dict(JINJA_DICT, arena);
    jinja_put(v.dict, jinja_text("role"), jinja_text(m->role), arena);
    jinja_put(v.dict, jinja_text("content"), jinja_text(m->content), arena);
    return v;
}

static void set(JinjaValue vars, const char *name, JinjaValue v, Arena *arena) {
    jinja_put(vars.dict, jinja_text(name), v, arena);
}

Status chat_template_render(const Chat *chat, const ChatMessage *m, int n, bool reply, Str *out) {
    Arena *arena = arena_new(1 << 16);
    JinjaValue vars = jinja_dict(JINJA_DICT, arena), messages = jinja_list(JINJA_LIST, arena);
    for (int i = 0; i < n; i++) jinja_push(messages.list, message_value(&m[i], arena), arena);
    set(vars, "messages", messages, arena);
    set(vars, "add_generation_prompt", jinja_bool(reply), arena);
    if (chat->tools) set(vars, "tools", jinja_from_json(chat->tools, arena), arena);
    if (chat->bos[0]) set(vars, "bos_token", jinja_text(chat->bos), arena);
    if (chat->eos[0]) set(vars, "eos_token", jinja_text(chat->eos), arena);
    if (chat->thinking != CHAT_THINK_AUTO) { // the two names that published templates have
        set(vars, "enable_thinking", jinja_bool(chat->thinking == CHAT_THINK_ON), arena);
        set(vars, "thinking", jinja_bool(chat->thinking == CHAT_THINK_ON), arena);
    }
    size_t before = out->size, prefill = strlen(chat->prefill);
    Status st = jinja_render(chat->jinja, vars, out, arena);
    // A thought that the template always begins is taken back where none is wanted.
    if (st == ST_OK && reply && chat->thinking == CHAT_THINK_OFF && prefill &&
        out->size - before >= prefill &&
        memcmp(out->data + out->size - prefill, chat->prefill, prefill) == 0) {
        out->size -= prefill;
        out->data[out->size] = 0;
    }
    arena_free(arena);
    return st;
}

// What the template begins the reply with: what follows the last <think>, if only whitespace does.
static void find_prefill(Chat *chat) {
    const ChatMessage ask = {.role = "user", .content = "question"};
    Str text = {0};
    if (chat_template_render(chat, &ask, 1, true, &text) == ST_OK) {
        const char *last = NULL;
        for (const char *at = str_text(&text); (at = strstr(at, "<think>")) != NULL; at++)
            last = at;
        if (last && strspn(last + 7, "\n ") == strlen(last + 7))
            snprintf(chat->prefill, sizeof chat->prefill, "%s", last);
    }
    str_free(&text);
}

// What the template puts after a reply.
static void find_after(Chat *chat) {
    static const char reply[] = "grpo-reply-text";
    const ChatMessage talk[] = {{.role = "user", .content = "question"},
                                {.role = "assistant", .content = reply}};
    Str text = {0};
    if (chat_template_render(chat, talk, 2, false, &text) == ST_OK) {
        const char *at = strstr(str_text(&text), reply);
        if (at) {
            at += sizeof reply - 1;
            snprintf(chat->after, sizeof chat->after, "%s", at + strspn(at, " \n"));
        }
    }
    str_free(&text);
}

Status chat_template_open(const char *text, bool known, Chat *chat) {
    TRY(jinja_parse(text, strlen(text), "chat template", &chat->jinja));
    chat->switched = strstr(text, "enable_thinking") || strstr(text, "thinking is");
    if (known) return ST_OK;
    chat->name = "own";
    find_prefill(chat);
    find_after(chat);
    return ST_OK;
}

int32_t chat_template_turn_end(const Chat *chat, const Tokenizer *tokenizer) {
    char token[sizeof chat->after];
    for (size_t n = strlen(chat->after); n > 1; n--) { // the longest beginning that is one token
        memcpy(token, chat->after, n);
        token[n] = 0;
        int32_t id = tokenizer_id(tokenizer, token);
        if (id >= 0) return id;
    }
    return chat->eos[0] ? tokenizer_id(tokenizer, chat->eos) : -1;
}
