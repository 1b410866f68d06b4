// pipelines/chatflags.c -- flags and lines of JSON as conversations.
#include "pipelines/chatflags.h"

#include <string.h>

bool chatflags_given(const Args *args) {
    return args_has(args, "chat") || args_has(args, "template") || args_has(args, "system") ||
           args_has(args, "no-think");
}

const char *chatflags_name(const Args *args) {
    return args_text(args, "template", "auto");
}

ChatThinking chatflags_thinking(const Args *args) {
    return args_has(args, "no-think") ? CHAT_THINK_OFF : CHAT_THINK_AUTO;
}

const char *chatflags_system(const Args *args) {
    const char *text = args_text(args, "system", NULL);
    return text && strcmp(text, "r1-zero") == 0 ? chat_r1_zero() : text;
}

Status chatflags_actor(const Args *args, Actor *actor, const Chat **out) {
    *out = NULL;
    if (!chatflags_given(args)) return ST_OK;
    TRY(actor_chat(actor, chatflags_name(args), chatflags_thinking(args), chatflags_system(args)));
    *out = &actor->chat;
    return ST_OK;
}

const char *chatflags_messages(const Chat *chat, const Tokenizer *tokenizer, const Json *row,
                               const char **error, Arena *arena) {
    const Json *messages = json_get(row, "messages"), *tools = json_get(row, "tools");
    Chat own = *chat;
    int n = 0;
    own.tools = tools && json_kind(tools) == JSON_ARRAY ? tools : NULL;
    if (own.tools && !chat->jinja) {
        *error = "\"tools\" need the model's own chat template (--chat)";
        return NULL;
    }
    bool told = chat->said && chat->said[0];
    ChatMessage *message = ARENA_ARRAY(arena, ChatMessage, json_count(messages) + 2);
    const Json *first = json_kind(messages) == JSON_ARRAY ? json_first(messages) : NULL;
    if (told && (!first || strcmp(json_text(json_get(first, "role"), ""), "system") != 0))
        message[n++] = (ChatMessage){.role = "system", .content = chat->said};
    for (const Json *m = first; m; m = json_next(m)) {
        const char *role = json_text(json_get(m, "role"), NULL);
        const char *content = json_text(json_get(m, "content"), NULL);
        bool whole = chat->jinja && role; // parts and tool calls are the template's business
        if (!role || (!content && !whole)) {
            *error = "a message needs the texts \"role\" and \"content\"";
            return NULL;
        }
        message[n++] = (ChatMessage){role, content, whole ? m : NULL};
    }
    if (!first) {
        *error = "\"messages\" is not a list of messages";
        return NULL;
    }
    Str text = {0};
    const char *out = NULL;
    if (chat_render(&own, message, n, true, &text) == ST_OK)
        out = arena_printf(arena, "%s", str_text(&text) + chat_own_bos(tokenizer, str_text(&text)));
    else
        *error = arena_printf(arena, "%s", status_text());
    str_free(&text);
    return out;
}
