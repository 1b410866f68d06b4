// tests/fuzz_value.c -- any bytes as an answer of a program: a value or a reason, in bounded time.
#include "verifiers/code/value.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char want[] = "[[1,2.5,\"a\",null,true,{\"5\":[]}],123456789012345678901]";
    static JsonDoc *doc;
    if (!doc) CHECK(json_parse(want, strlen(want), "want", 1, false, &doc) == ST_OK);
    Arena *arena = arena_new(1 << 12);
    const char *why = NULL, *refused = value_check(data, size);
    const Value *v = value_read(data, size, &why, arena);
    CHECK((v == NULL) == (why != NULL));
    CHECK(!refused || !v);
    if (v) {
        (void)value_equals(v, json_root(doc));
        (void)value_equals(v, json_first(json_root(doc)));
        (void)value_get_int(v, 0);
        (void)value_is_text(v, "a");
    }
    arena_free(arena);
    return 0;
}
