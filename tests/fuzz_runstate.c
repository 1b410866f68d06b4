// tests/fuzz_runstate.c -- any bytes as a state file: refused with nothing changed, or read whole.
#include <zlib.h>

#include "policy/files/runstate.h"
#include "tests/fuzz_file.h"

enum { N = 6 };
static volatile uint32_t sink; // what was read, so that it is read

static void load(const char *path, bool moments) {
    float data[2][3][N];
    for (int i = 0; i < 2 * 3 * N; i++) (&data[0][0][0])[i] = -7;
    Param param[2] = {{.name = "a.weight", .rows = 2, .cols = 3, .master = data[0][0]},
                      {.name = "b", .rows = 4, .master = data[1][0]}};
    for (int i = 0; moments && i < 2; i++) param[i].m = data[i][1], param[i].v = data[i][2];
    Runstate state = {.param = param, .n = 2};
    Arena *arena = arena_new(4096);
    if (runstate_load(path, &state, arena) == ST_OK) {
        uint32_t sum = state.version;
        for (size_t i = 0; i < state.extra_size; i++) sum += ((unsigned char *)state.extra)[i];
        sink = sum;
    } else {
        for (int i = 0; i < 2 * 3 * N; i++) CHECK((&data[0][0][0])[i] == -7);
    }
    arena_free(arena);
}

// The checksum of the header would stop every change of it, so it is made right as well.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 4096) return 0;
    for (int repaired = 0; repaired < 2; repaired++) {
        uint8_t copy[4096];
        memcpy(copy, data, size);
        uint64_t header = 0;
        if (size >= 32) memcpy(&header, copy + 24, sizeof header);
        if (repaired && size >= 32 && header <= size - 32) {
            uint32_t crc = (uint32_t)crc32_z(0, copy + 32, header);
            memcpy(copy + 20, &crc, sizeof crc);
        }
        const char *path = fuzz_put("state.bin", copy, size);
        load(path, true);
        load(path, false);
    }
    return 0;
}
