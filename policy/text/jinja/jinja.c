// policy/text/jinja/jinja.c -- a template from its text to its output.
#include "policy/text/jinja/jinja.h"

#include <stdlib.h>
#include <string.h>

#include "policy/text/jinja/render.h"

enum { MAX_TEMPLATE = 1 << 20 };

struct Jinja {
    Arena *arena;
    const char *name;
    const JinjaNode *body;
};

Status jinja_parse(const char *text, size_t size, const char *name, Jinja **out) {
    *out = NULL;
    if (size > MAX_TEMPLATE)
        return FAIL(ST_FORMAT, "%s: a template of more than %d bytes", name, MAX_TEMPLATE);
    if (memchr(text, 0, size) || !str_is_utf8(text, size, NULL))
        return FAIL(ST_FORMAT, "%s: a template must be UTF-8 without zero bytes", name);
    Arena *arena = arena_new(1 << 16);
    char *copy = ARENA_ARRAY(arena, char, size + 1);
    size_t n = 0;
    for (size_t i = 0; i < size; i++) { // \r\n and \r are newlines
        if (text[i] == '\r' && i + 1 < size && text[i + 1] == '\n') continue;
        copy[n++] = text[i];
        if (text[i] == '\r') copy[n - 1] = '\n';
    }
    Jinja *j = ARENA_ARRAY(arena, Jinja, 1);
    *j = (Jinja){.arena = arena, .name = arena_printf(arena, "%s", name)};
    JinjaToken *token = NULL;
    Status st = jinja_lex(copy, n, j->name, &token, arena);
    if (st == ST_OK) st = jinja_parse_tokens(token, j->name, &j->body, arena);
    if (st != ST_OK) {
        arena_free(arena);
        return st;
    }
    *out = j;
    return ST_OK;
}

void jinja_free(Jinja *jinja) {
    if (jinja) arena_free(jinja->arena);
}

Status jinja_render(const Jinja *jinja, JinjaValue vars, Str *out, Arena *arena) {
    CHECK(vars.kind == JINJA_DICT);
    JinjaRender r = {.name = jinja->name, .arena = arena, .line = 1, .work = JINJA_WORK};
    JinjaScope given = {NULL, vars.dict}, own = {&given, jinja_dict(JINJA_DICT, arena).dict};
    size_t before = out->size;
    Status st = jinja_execute(&r, jinja->body->list, jinja->body->n, &own, out);
    if (st != ST_OK && out->data) {
        out->size = before;
        out->data[before] = 0;
    }
    return st;
}
