// rl/curriculum.c -- an open-addressing table over a list of entries in order of first sight.
#include "rl/curriculum.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

typedef struct RateEntry {
    uint64_t key;
    double rate;
} RateEntry;

struct Curriculum {
    int kind; // CurriculumKind
    double floor, decay;
    uint64_t seed;
    RateEntry *entry;
    size_t n, cap;
    uint32_t *slot; // index of an entry + 1; 0 = free
    size_t n_slots; // a power of two, at least 2 * cap
};

Curriculum *curriculum_new(const RlConfig *cfg, uint64_t seed) {
    Curriculum *c = calloc(1, sizeof *c);
    CHECK(c != NULL);
    c->kind = cfg->curriculum;
    c->floor = cfg->curriculum_floor;
    c->decay = cfg->curriculum_decay;
    c->seed = seed;
    return c;
}

void curriculum_free(Curriculum *c) {
    if (!c) return;
    free(c->entry);
    free(c->slot);
    free(c);
}

static uint64_t key_of(const Curriculum *c, const Task *task) {
    if (c->kind == CURRICULUM_TASK) return task->id;
    return rng_mix(rng_hash(task->source, strlen(task->source)) ^ (uint64_t)task->level);
}

// The slot that holds the key, or the free one where it belongs.
static size_t find(const Curriculum *c, uint64_t key) {
    size_t at = rng_mix(key) & (c->n_slots - 1);
    while (c->slot[at] && c->entry[c->slot[at] - 1].key != key) at = (at + 1) & (c->n_slots - 1);
    return at;
}

static void grow(Curriculum *c) {
    c->cap = c->cap ? 2 * c->cap : 64;
    c->n_slots = 2 * c->cap;
    RateEntry *entry = calloc(c->cap, sizeof *entry);
    free(c->slot);
    c->slot = calloc(c->n_slots, sizeof *c->slot);
    CHECK(entry != NULL && c->slot != NULL && c->cap < UINT32_MAX);
    if (c->entry) memcpy(entry, c->entry, c->n * sizeof *entry);
    free(c->entry);
    c->entry = entry;
    for (size_t i = 0; i < c->n; i++) c->slot[find(c, c->entry[i].key)] = (uint32_t)i + 1;
}

static RateEntry *entry_of(const Curriculum *c, uint64_t key) {
    if (c->n == 0) return NULL;
    uint32_t at = c->slot[find(c, key)];
    return at ? &c->entry[at - 1] : NULL;
}

static void append(Curriculum *c, RateEntry e) {
    if (c->n == c->cap) grow(c);
    CHECK(c->entry != NULL);
    c->entry[c->n] = e;
    c->slot[find(c, e.key)] = (uint32_t)++c->n;
}

double curriculum_rate(const Curriculum *c, const Task *task) {
    const RateEntry *e = entry_of(c, key_of(c, task));
    return e ? e->rate : 0.5;
}

bool curriculum_takes(const Curriculum *c, const Task *task, uint64_t index) {
    if (c->kind == CURRICULUM_OFF) return true;
    double p = curriculum_rate(c, task);
    RngKey key = {.seed = c->seed, .stream = RNG_TASK, .task = index, .sample = UINT32_MAX};
    return rng_uniform(&key, 0) < c->floor + (1 - c->floor) * 4 * p * (1 - p);
}

void curriculum_learn(Curriculum *c, const Task *task, int n_right, int n_known) {
    if (c->kind == CURRICULUM_OFF || n_known == 0) return;
    double rate = (double)n_right / n_known;
    uint64_t key = key_of(c, task);
    RateEntry *e = entry_of(c, key);
    if (e)
        e->rate = c->decay * e->rate + (1 - c->decay) * rate;
    else
        append(c, (RateEntry){key, rate});
}

void curriculum_save(const Curriculum *c, Str *out) {
    if (c->n) str_add(out, c->entry, c->n * sizeof *c->entry);
}

Status curriculum_load(Curriculum *c, const void *data, size_t size) {
    c->n = 0;
    if (c->slot) memset(c->slot, 0, c->n_slots * sizeof *c->slot);
    if (size % sizeof(RateEntry) != 0)
        return FAIL(ST_FORMAT, "curriculum state of %zu bytes is not a list of pass rates", size);
    for (size_t i = 0; i < size / sizeof(RateEntry); i++) {
        RateEntry e;
        memcpy(&e, (const char *)data + i * sizeof e, sizeof e);
        if (!(e.rate >= 0 && e.rate <= 1) || entry_of(c, e.key)) {
            TRY(curriculum_load(c, NULL, 0));
            return FAIL(ST_FORMAT, "curriculum state: entry %zu is damaged", i);
        }
        append(c, e);
    }
    return ST_OK;
}
