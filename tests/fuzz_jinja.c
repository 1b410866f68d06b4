// tests/fuzz_jinja.c -- any bytes as a chat template: parsed or refused, and a render ends.
#include "policy/text/jinja/jinja.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Jinja *jinja = NULL;
    if (jinja_parse((const char *)data, size, "t", &jinja) != ST_OK) return 0;
    Arena *arena = arena_new(1 << 16);
    JinjaValue vars = jinja_dict(JINJA_DICT, arena), messages = jinja_list(JINJA_LIST, arena);
    for (int i = 0; i < 3; i++) {
        JinjaValue m = jinja_dict(JINJA_DICT, arena);
        jinja_put(m.dict, jinja_text("role"), jinja_text(i % 2 ? "assistant" : "user"), arena);
        jinja_put(m.dict, jinja_text("content"), jinja_text("<think>\na\n</think>\xC3\xA9"), arena);
        jinja_push(messages.list, m, arena);
    }
    jinja_put(vars.dict, jinja_text("messages"), messages, arena);
    Str out = {0};
    str_puts(&out, "before");
    Status st = jinja_render(jinja, vars, &out, arena);
    if (st != ST_OK && (out.size != 6 || strcmp(out.data, "before") != 0)) __builtin_trap();
    str_free(&out);
    jinja_free(jinja);
    arena_free(arena);
    return 0;
}
