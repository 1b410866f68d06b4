// tests/fuzz_batch.c -- batch files of unknown origin: refused or safe to walk.
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "rollout/batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile int64_t sum;

static void walk(const Batch *b) {
    for (int i = 0; i < b->n_samples; i++) sum += batch_group_of(b, i);
    for (int t = 0; t < b->prompt_begin[b->n_groups]; t++) sum += b->prompt_token[t];
    if (b->stage < STAGE_SAMPLED) return;
    const int routes = b->route ? b->route_layers * b->route_k : 0;
    for (int i = 0; i < b->n_samples; i++) {
        uint32_t oldest = 0, newest = 0;
        sum += batch_versions(b, i, &oldest, &newest) + batch_turns(b, i);
        sum += batch_turn_begin(b, i, 1) + b->finish[i] + b->sample_stage[i];
        for (int t = b->token_begin[i]; t < b->token_end[i]; t++) {
            sum += (int64_t)b->token[t] + b->kind[t] + (b->logp_roll[t] > 0);
            for (int r = 0; r < routes; r++)
                sum += b->route[(size_t)t * (size_t)routes + (size_t)r];
        }
    }
    for (int t = 0; b->kept_begin && t < b->n_tokens; t++)
        for (int64_t k = b->kept_begin[t]; k < b->kept_begin[t + 1]; k++) sum += b->kept_token[k];
    if (b->stage < STAGE_JUDGED) return;
    for (int i = 0; i < b->n_samples; i++) {
        sum += b->verdict[i] + batch_trained(b, i) + b->answer_end[i] - b->answer_begin[i];
        for (int p = 0; p < b->n_parts; p++) sum += b->part[p][i] > 0;
    }
    for (int p = 0; p < b->n_parts; p++) sum += (int64_t)strlen(batch_part_name(b, p));
    for (int t = 0; t < b->n_tokens; t++)
        sum += (batch_old(b)[t] > 0) + (b->logp_ref && b->logp_ref[t] > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Arena *arena = arena_new(1 << 16);
    Batch *batch;
    if (batch_parse(data, size, "fuzz", &batch, arena) == ST_OK) walk(batch);
    // The checksum would stop every mutation, so the last four bytes are also made right.
    if (size >= 4) {
        uint8_t *copy = malloc(size);
        memcpy(copy, data, size);
        uint32_t crc = (uint32_t)crc32_z(0, copy, size - 4);
        memcpy(copy + size - 4, &crc, 4);
        if (batch_parse(copy, size, "fuzz", &batch, arena) == ST_OK) walk(batch);
        free(copy);
    }
    arena_free(arena);
    return 0;
}
