// tests/fuzz_trainer_state.c -- a good state with bytes changed: refused, or a run that goes on.
//
// The checksums would stop every change, so they are made right again. The input: which file
// (first byte, bit 0), how much is cut off its end (bits 1 to 7), then triples of a place (two
// bytes) and what is added to the byte there.
#include "base/log.h"
#include "tests/fuzz_file.h"
#include "tests/tiny_run.h"

#include <zlib.h>

static struct {
    TinyRun run;
    Arena *arena;
    char *bytes[2]; // trainer.bin, batch.bin: a rollout with one of its two updates made
    size_t size[2];
} good;
static const char *const names[2] = {"trainer.bin", "batch.bin"};

static void begin(void) {
    log_open(LOG_QUIET, LOG_COLOR_NEVER);
    RlConfig cfg = config();
    cfg.updates_per_rollout = 2, cfg.curriculum = CURRICULUM_LEVEL;
    good.run = open_run(&cfg, 1, 0, NULL);
    good.arena = arena_new(1 << 16);
    Metrics row;
    TrainerStep out;
    CHECK(trainer_step(good.run.trainer, NULL, &row, &out) == ST_OK);
    CHECK(trainer_save(good.run.trainer, fuzz_dir()) == ST_OK);
    for (int i = 0; i < 2; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", fuzz_dir(), names[i]);
        CHECK(file_read(path, &good.bytes[i], &good.size[i], good.arena) == ST_OK);
    }
    CHECK(trainer_load(good.run.trainer, fuzz_dir()) == ST_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!good.arena) begin();
    if (size == 0) return 0;
    ArenaMark mark = arena_mark(good.arena);
    int which = data[0] & 1;
    size_t n = good.size[which] - (data[0] >> 1);
    uint8_t *copy = ARENA_ARRAY(good.arena, uint8_t, n);
    memcpy(copy, good.bytes[which], n);
    for (size_t i = 1; i + 2 < size; i += 3) copy[(data[i] | data[i + 1] << 8) % n] += data[i + 2];
    uint32_t crc = (uint32_t)crc32_z(0, copy, n - sizeof crc);
    memcpy(copy + n - sizeof crc, &crc, sizeof crc);
    fuzz_put(names[which], copy, n);
    fuzz_put(names[1 - which], good.bytes[1 - which], good.size[1 - which]);
    Status st = trainer_load(good.run.trainer, fuzz_dir());
    CHECK(st == ST_OK || st == ST_FORMAT || st == ST_CONFIG);
    arena_rewind(good.arena, mark);
    return 0;
}
