// datasets/mix.c -- deals the places of a block to the sources, then walks each source.
#include "datasets/mix.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "datasets/order.h"

typedef struct Mix {
    TaskSource *source;
    int *begin; // [n + 1] places begin[s] .. begin[s+1]-1 of an unshuffled block are source s's
    int n;
    uint64_t seed;
} Mix;

static Status get(const TaskSource *source, uint64_t index, Task *out, Arena *arena) {
    const Mix *mix = source->self;
    uint64_t block = index / MIX_BLOCK;
    int place = (int)order_at(mix->seed, block, MIX_BLOCK, index % MIX_BLOCK);
    int s = 0;
    while (place >= mix->begin[s + 1]) s++;
    uint64_t share = (uint64_t)(mix->begin[s + 1] - mix->begin[s]);
    const TaskSource *from = &mix->source[s];
    return from->get(from, block * share + (uint64_t)(place - mix->begin[s]), out, arena);
}

static void close_mix(TaskSource *source) {
    Mix *mix = source->self;
    for (int s = 0; s < mix->n; s++) task_source_close(&mix->source[s]);
    free(mix->source);
    free(mix->begin);
    free(mix);
    *source = (TaskSource){0};
}

// Writes begin[]: the exact shares rounded down; the remaining places go to the largest remainders.
static void deal(const double *weights, int n, double total, int *begin) {
    int left = MIX_BLOCK, *count = calloc((size_t)n, sizeof *count);
    CHECK(count != NULL);
    for (int s = 0; s < n; s++) left -= count[s] = (int)(weights[s] / total * MIX_BLOCK);
    for (; left > 0; left--) {
        int best = 0;
        double most = -1;
        for (int s = 0; s < n; s++) {
            double remainder = weights[s] / total * MIX_BLOCK - count[s];
            if (weights[s] > 0 && remainder > most) best = s, most = remainder;
        }
        count[best]++;
    }
    begin[0] = 0;
    for (int s = 0; s < n; s++) begin[s + 1] = begin[s] + count[s];
    free(count);
}

Status mix_tasks(const TaskSource *sources, const double *weights, int n, uint64_t seed,
                 TaskSource *out) {
    *out = (TaskSource){0};
    double total = 0;
    for (int s = 0; s < n; s++) {
        if (!(weights[s] >= 0) || isinf(weights[s]))
            return FAIL(ST_CONFIG, "weight %d of the mix is %g; weights are numbers >= 0", s + 1,
                        weights[s]);
        total += weights[s];
    }
    if (!(total > 0)) return FAIL(ST_CONFIG, "no source of the mix has a weight above 0");

    Mix *mix = calloc(1, sizeof *mix);
    CHECK(mix != NULL);
    mix->begin = calloc((size_t)n + 1, sizeof *mix->begin);
    CHECK(mix->begin != NULL);
    deal(weights, n, total, mix->begin);
    for (int s = 0; s < n; s++) {
        if (weights[s] > 0 && mix->begin[s + 1] == mix->begin[s]) {
            free(mix->begin);
            free(mix);
            return FAIL(ST_CONFIG,
                        "the weight of '%s' is below 1/%d of the mix; drop it or raise it",
                        sources[s].name, MIX_BLOCK);
        }
    }
    mix->source = calloc((size_t)n, sizeof *mix->source);
    CHECK(mix->source != NULL);
    memcpy(mix->source, sources, (size_t)n * sizeof *sources);
    mix->n = n;
    mix->seed = seed;
    *out = (TaskSource){.name = "mix", .self = mix, .get = get, .close = close_mix};
    bool endless = false;
    for (int s = 0; s < n; s++) {
        out->hash = rng_mix(out->hash ^ sources[s].hash);
        if (weights[s] <= 0) continue;
        endless |= sources[s].n_tasks == 0;
        out->n_tasks += sources[s].n_tasks;
    }
    if (endless) out->n_tasks = 0;
    return ST_OK;
}
