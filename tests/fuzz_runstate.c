// tests/fuzz_runstate.c -- any bytes as a state file: refused with nothing changed, or read whole.
#include <string.h>
#include <zlib.h>

#include "policy/files/runstate.h"
#include "tests/fuzz_file.h"

enum { N = 6 };
static volatile uint32_t sink; // what was read, so that it is read

// Two tensors in host memory; these are all of policy.h that runstate calls.
struct Policy {
    Param param[2];
    float data[2][4][N];
};
const Param *policy_params(const Policy *policy, int *n) {
    *n = 2;
    return policy->param;
}
Status policy_get(const Policy *policy, int i, ParamPart part, size_t at, size_t n, float *host) {
    memcpy(host, policy->data[i][part] + at, n * sizeof *host);
    return ST_OK;
}
Status policy_set(Policy *policy, int i, ParamPart part, size_t at, size_t n, const float *host) {
    memcpy(policy->data[i][part] + at, host, n * sizeof *host);
    return ST_OK;
}

static void load(const char *path, bool moments) {
    Policy policy = {.param = {{.name = "a.weight", .rows = 2, .cols = 3, .trainable = moments},
                               {.name = "b", .rows = 4, .trainable = moments}}};
    float *all = &policy.data[0][0][0];
    for (int i = 0; i < 2 * 4 * N; i++) all[i] = -7;
    Runstate state = {.policy = &policy};
    Arena *arena = arena_new(4096);
    if (runstate_load(path, &state, arena) == ST_OK) {
        uint32_t sum = state.version;
        for (size_t i = 0; i < state.extra_size; i++) sum += ((unsigned char *)state.extra)[i];
        sink = sum;
    } else {
        for (int i = 0; i < 2 * 4 * N; i++) CHECK(all[i] == -7);
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
