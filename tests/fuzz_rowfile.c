// tests/fuzz_rowfile.c -- any bytes under any name: rows or an error, never a crash.
#include "datasets/jsonl.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"f.jsonl", "f.csv", "f.tsv", "f.json", "f.csv.gz", "f.zst"};
    if (size < 1) return 0;
    Jsonl *jsonl;
    if (jsonl_open_bytes((const char *)data + 1, size - 1, names[data[0] % 6], NULL, NULL,
                         &jsonl) != ST_OK)
        return 0;
    for (int64_t i = 0; i < jsonl_size(jsonl); i++) {
        JsonDoc *doc;
        const char *file;
        CHECK(jsonl_row(jsonl, i, &doc) == ST_OK); // a row that was good stays good
        CHECK(jsonl_line(jsonl, i, &file) >= 1);
        json_free(doc);
    }
    jsonl_close(jsonl);
    return 0;
}
