// rl/ahead.c -- rollouts that are sampled ahead of their turn: a queue, and its files.
//
// Rollout r + lag is sampled under the weights that rollout r begins to train; so with two places
// to compute the two could go on at once, to the same bits. Here one follows the other.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "rl/trainer_inside.h"

Arena *ahead_open(Trainer *t) {
    RolloutAhead *a = &t->ahead[t->n_ahead];
    if (!a->arena) {
        a->arena = arena_new(1 << 20);
        a->begin = arena_mark(a->arena);
    } else if (t->n_parts == 0) {
        arena_rewind(a->arena, a->begin);
    }
    return a->arena;
}

bool ahead_wanted(const Trainer *t) {
    const int64_t updates = t->cfg.updates_per_rollout * t->cfg.epochs;
    if (t->n_ahead == 0) return true;
    return t->n_ahead <= t->cfg.lag && t->at.steps_done + t->n_ahead * updates < t->cfg.steps;
}

Rollout ahead_take(Trainer *t) {
    CHECK(t->n_ahead > 0 && !t->batch);
    const RolloutAhead first = t->ahead[0], used = {.arena = t->arena, .begin = t->batch_mark};
    t->arena = first.arena, t->batch_mark = first.begin;
    memmove(&t->ahead[0], &t->ahead[1], AHEAD_MOST * sizeof t->ahead[0]);
    t->n_ahead--;
    for (int i = t->n_ahead; i <= AHEAD_MOST; i++) // the arena that was in use is the next free one
        if (!t->ahead[i].arena || i == AHEAD_MOST) {
            t->ahead[i] = used;
            break;
        }
    return first.rollout;
}

void ahead_measure(const Trainer *t, Metrics *row) {
    const uint32_t now = policy_version(t->deps.run.policy);
    double sum = 0, most = 0;
    int n = 0;
    for (int i = 0; i < t->batch->n_tokens; i++) {
        if (t->batch->kind[i] != TOKEN_SAMPLED) continue;
        const double behind = (double)(now - t->batch->version[i]);
        sum += behind, n++;
        most = fmax(most, behind);
    }
    if (n == 0) return;
    metrics_set(row, sum / n, "rollout/staleness/mean");
    metrics_set(row, most, "rollout/staleness/max");
}

// ---- files: ahead-0.bin, ... are batches; ahead.bin has what is not in them

typedef struct AheadRecord {
    int32_t n_gen_batches, short_batch;
    EngineStats sampling;
} AheadRecord;

static void path_of(char *path, size_t size, const char *folder, int i) {
    const int n = i < 0 ? snprintf(path, size, "%s/ahead.bin", folder)
                        : snprintf(path, size, "%s/ahead-%d.bin", folder, i);
    CHECK(n < (int)size);
}

Status ahead_save(const Trainer *t, const char *folder) {
    AheadRecord record[AHEAD_MOST + 1];
    char path[1024];
    if (t->n_ahead == 0) return ST_OK;
    memset(record, 0, sizeof record);
    for (int i = 0; i < t->n_ahead; i++) {
        const Rollout *r = &t->ahead[i].rollout;
        record[i].n_gen_batches = r->n_gen_batches;
        record[i].short_batch = r->short_batch;
        record[i].sampling = r->sampling;
        path_of(path, sizeof path, folder, i);
        TRY(batch_write(r->batch, path));
    }
    path_of(path, sizeof path, folder, -1);
    return file_write_atomic(path, record, (size_t)t->n_ahead * sizeof *record);
}

Status ahead_load(Trainer *t, const char *folder, int n) {
    char path[1024], *data;
    size_t size;
    CHECK(t->n_ahead == 0 && n <= AHEAD_MOST);
    if (n == 0) return ST_OK;
    path_of(path, sizeof path, folder, -1);
    TRY(file_read(path, &data, &size, t->scratch));
    if (size != (size_t)n * sizeof(AheadRecord))
        return FAIL(ST_FORMAT, "%s: has not the records of %d rollouts", path, n);
    for (int i = 0; i < n; i++) {
        AheadRecord record;
        Batch *b;
        Arena *arena = ahead_open(t);
        memcpy(&record, data + (size_t)i * sizeof record, sizeof record);
        path_of(path, sizeof path, folder, i);
        TRY(batch_read(path, &b, arena));
        if (b->stage != STAGE_JUDGED) return FAIL(ST_FORMAT, "%s: not a judged rollout", path);
        TRY(trainer_find_tasks(t, b, arena, path));
        Rollout *r = &t->ahead[i].rollout;
        *r = (Rollout){.batch = b,
                       .n_gen_batches = record.n_gen_batches,
                       .short_batch = record.short_batch != 0,
                       .sampling = record.sampling,
                       .flat = ARENA_ARRAY(arena, uint8_t, b->n_groups + 1)};
        TRY(collect_flat(&t->cfg, b, r->flat, arena));
        t->n_ahead++;
    }
    return ST_OK;
}

void ahead_drop(Trainer *t) {
    t->n_ahead = 0;
}

void ahead_free(Trainer *t) {
    for (int i = 0; i <= AHEAD_MOST; i++) arena_free(t->ahead[i].arena);
}
