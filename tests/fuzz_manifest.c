// tests/fuzz_manifest.c -- any bytes as a checkpoint's manifest.json: refused or true.
#include "pipelines/run/manifest.h"
#include "tests/fuzz_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_put("a", "abc", 3);
    fuzz_put("manifest.json", data, size);
    int64_t bytes = -1;
    Status st = manifest_check(fuzz_dir(), &bytes);
    CHECK(st == ST_OK || st == ST_FORMAT || st == ST_IO);
    if (st == ST_OK) CHECK(memmem(data, size, "crc32", 5) != NULL);
    return 0;
}
