// tests/fuzz_jsonl.c -- any bytes as a JSON-lines file: rows or an error, never a crash.
#include "datasets/jsonl.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"prompt", "text", NULL};
    Jsonl *jsonl;
    if (jsonl_open_bytes((const char *)data, size, "fuzz", NULL, NULL, &jsonl) != ST_OK) return 0;
    Arena *arena = arena_new(4096);
    for (int64_t i = 0; i < jsonl_size(jsonl); i++) {
        JsonDoc *doc;
        CHECK(jsonl_row(jsonl, i, &doc) == ST_OK); // a row that was good stays good
        jsonl_text(json_root(doc), names, arena);
        json_free(doc);
    }
    arena_free(arena);
    jsonl_close(jsonl);
    return 0;
}
