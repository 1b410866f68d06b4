// datasets/rowread.c -- one field at a time.
#include "datasets/rowread.h"

#include <string.h>

#include "base/str.h"

const Json *rowread_at(const Json *row, const char *path) {
    const Json *whole = json_get(row, path);
    if (whole) return whole;
    for (const char *dot = strchr(path, '.'); dot; dot = strchr(dot + 1, '.')) {
        char head[256];
        size_t n = (size_t)(dot - path);
        if (n >= sizeof head) return NULL;
        memcpy(head, path, n);
        head[n] = 0;
        const Json *inner = json_get(row, head);
        if (!inner || json_kind(inner) != JSON_OBJECT) continue;
        const Json *found = rowread_at(inner, dot + 1);
        if (found) return found;
    }
    return NULL;
}

static const char *excerpt(const Json *value, Arena *arena) {
    enum { MOST = 60 };
    Str text = {0};
    json_echo(value, &text);
    size_t n = text.size;
    bool cut = n > MOST;
    if (cut)
        for (n = MOST; n > 0 && ((unsigned char)text.data[n] & 0xC0) == 0x80;) n--;
    const char *out = arena_printf(arena, "%.*s%s", (int)n, str_text(&text), cut ? "..." : "");
    str_free(&text);
    return out;
}

static const char *none(const char **why, const char *sentence) {
    if (why) *why = sentence;
    return NULL;
}

const char *rowread_text(const Json *value, const char *name, const char **why, Arena *arena) {
    if (!value) return none(why, arena_printf(arena, "'%s' is not there", name));
    switch (json_kind(value)) {
    case JSON_STRING:
        if (strlen(json_text(value, "")) != json_text_size(value))
            return none(why, arena_printf(arena, "'%s' holds a zero byte (\\u0000)", name));
        return arena_printf(arena, "%s", json_text(value, ""));
    case JSON_NUMBER: return arena_printf(arena, "%s", json_raw(value));
    case JSON_ARRAY:
        if (json_count(value) == 1 && json_kind(json_first(value)) != JSON_ARRAY)
            return rowread_text(json_first(value), name, why, arena);
        break;
    default: break;
    }
    return none(why, arena_printf(arena, "'%s' is %s: %s; a text or a number is wanted", name,
                                  json_kind_name(json_kind(value)), excerpt(value, arena)));
}

const Json *rowread_first(const Json *row, const char *const *names, const char **name) {
    const Json *null = NULL;
    for (; *names; names++) {
        const Json *value = rowread_at(row, *names);
        if (!value || (null && json_kind(value) == JSON_NULL)) continue;
        if (name) *name = *names;
        if (json_kind(value) != JSON_NULL) return value;
        null = value;
    }
    return null;
}

// ---- messages

typedef struct RoleName {
    const char *said, *role;
} RoleName;

static const RoleName roles[] = {
    {"system", "system"},    {"user", "user"},       {"assistant", "assistant"},
    {"human", "user"},       {"gpt", "assistant"},   {"chatgpt", "assistant"},
    {"bing", "assistant"},   {"model", "assistant"}, {"bot", "assistant"},
    {"developer", "system"}, {"prompter", "user"},
};

static const char *role_of(const char *said) {
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (strcmp(roles[i].said, said) == 0) return roles[i].role;
    return NULL;
}

static const Json *either(const Json *object, const char *a, const char *b) {
    const Json *first = json_get(object, a);
    return first ? first : json_get(object, b);
}

// A content: a text, or parts of which all are text.
static const char *read_content(const Json *content, const char *name, const char **out,
                                Arena *arena) {
    if (!content || json_kind(content) != JSON_ARRAY) {
        const char *why = NULL;
        *out = rowread_text(content, arena_printf(arena, "%s[].content", name), &why, arena);
        return why;
    }
    Str text = {0};
    const char *why = NULL;
    for (const Json *p = json_first(content); p && !why; p = json_next(p)) {
        const char *type = json_text(json_get(p, "type"), "text");
        const char *words = json_text(json_get(p, "text"), NULL);
        if (strcmp(type, "text") != 0)
            why = arena_printf(arena, "a message holds '%s'; models here read text only", type);
        else if (!words)
            why = arena_printf(arena, "a part of '%s' has no text", name);
        else
            str_puts(&text, words);
    }
    *out = arena_printf(arena, "%s", str_text(&text));
    str_free(&text);
    return why;
}

const char *rowread_turns(const Json *list, const char *name, DocumentTurn **turn, int *n,
                          Arena *arena) {
    *n = 0;
    if (json_kind(list) != JSON_ARRAY) return arena_printf(arena, "'%s' is not a list", name);
    *turn = ARENA_ARRAY(arena, DocumentTurn, json_count(list) + 1);
    for (const Json *m = json_first(list); m; m = json_next(m)) {
        const char *said = json_text(either(m, "role", "from"), NULL);
        const Json *content = either(m, "content", "value");
        if (!said || !content)
            return arena_printf(arena, "a message of '%s' needs 'role' and 'content'", name);
        const char *role = role_of(said);
        if (!role)
            return arena_printf(arena,
                                "a message of '%s' has the role '%s'; there are system, "
                                "user and assistant",
                                name, said);
        const char *text;
        const char *why = read_content(content, name, &text, arena);
        if (why) return why;
        (*turn)[(*n)++] = (DocumentTurn){role, text};
    }
    return *n ? NULL : arena_printf(arena, "'%s' is an empty list", name);
}

bool rowread_is_turns(const Json *value) {
    const Json *first = value && json_kind(value) == JSON_ARRAY ? json_first(value) : NULL;
    return first && json_kind(first) == JSON_OBJECT && either(first, "role", "from") &&
           either(first, "content", "value");
}
