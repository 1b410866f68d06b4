// rl/trainer_state.c -- the trainer's own files: position, curriculum, health, the batch in hand.
#include "rl/trainer_inside.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "base/file.h"
#include "rl/ask.h"
#include "rl/reward.h"

// trainer.bin: StateHead, then curriculum and health bytes, then the CRC-32 of all before it.
// Rounds of a rollout on its way are part-0.bin and so on. The batch in hand is batch.bin alone:
// all its columns and the updates made from it.
typedef struct StateHead {
    char magic[8];
    uint64_t seed;
    Position at;
    uint64_t curriculum_bytes, health_bytes;
    uint32_t has_batch, n_parts;
    uint32_t has_reference, n_ahead;
} StateHead;

static const char magic[8] = "GRPOTR4";
enum { PARTS_MAX = 1000 }; // rl.max_gen_batches

static void join(char *path, size_t size, const char *folder, const char *name) {
    CHECK(snprintf(path, size, "%s/%s", folder, name) < (int)size);
}

static void join_part(char *path, size_t size, const char *folder, int i) {
    char name[32];
    snprintf(name, sizeof name, "part-%d.bin", i);
    join(path, size, folder, name);
}

static Status write_head(const Trainer *t, const char *path) {
    Str curriculum = {0}, health = {0};
    FileSink *sink = NULL;
    curriculum_save(t->curriculum, &curriculum);
    health_save(t->health, &health);
    bool batch = trainer_has_batch(t);
    StateHead head = {.seed = t->deps.run.seed,
                      .at = t->at,
                      .curriculum_bytes = curriculum.size,
                      .health_bytes = health.size,
                      .has_batch = batch,
                      .n_parts = (uint32_t)t->n_parts,
                      .has_reference = t->reference != NULL,
                      .n_ahead = (uint32_t)t->n_ahead};
    memcpy(head.magic, magic, sizeof magic);
    Status st;
    TRY_OUT(file_sink_open(path, &sink));
    TRY_OUT(file_sink_add(sink, &head, sizeof head));
    TRY_OUT(file_sink_add(sink, str_text(&curriculum), curriculum.size));
    TRY_OUT(file_sink_add(sink, str_text(&health), health.size));
    uint32_t crc = file_sink_crc(sink);
    TRY_OUT(file_sink_add(sink, &crc, sizeof crc));
    st = file_sink_commit(sink);
    sink = NULL;
out:
    file_sink_abort(sink);
    str_free(&curriculum);
    str_free(&health);
    return st;
}

Status trainer_save(const Trainer *t, const char *folder) {
    char path[1024];
    if (trainer_has_batch(t)) {
        join(path, sizeof path, folder, "batch.bin");
        TRY(batch_write(t->batch, path));
    }
    TRY(ahead_save(t, folder));
    for (int i = 0; i < t->n_parts; i++) {
        join_part(path, sizeof path, folder, i);
        TRY(batch_write(t->part[i], path));
    }
    if (t->reference) {
        join(path, sizeof path, folder, "reference.bin");
        TRY(reference_save(t->reference, path));
    }
    join(path, sizeof path, folder, "trainer.bin");
    return write_head(t, path);
}

// Reads the file and checks that its parts are what the head says.
static Status read_head(const Trainer *t, const char *path, StateHead *head, const char **parts,
                        Arena *arena) {
    char *data;
    size_t size;
    uint32_t crc;
    TRY(file_read(path, &data, &size, arena));
    if (size < sizeof *head + sizeof crc)
        return FAIL(ST_FORMAT, "%s: cut off at %zu bytes", path, size);
    memcpy(head, data, sizeof *head);
    memcpy(&crc, data + size - sizeof crc, sizeof crc);
    if (memcmp(head->magic, magic, sizeof magic) != 0)
        return FAIL(ST_FORMAT, "%s: not a trainer's state of this version", path);
    if (crc32_z(0, (const unsigned char *)data, size - sizeof crc) != crc)
        return FAIL(ST_FORMAT, "%s: damaged (its checksum differs)", path);
    if (head->curriculum_bytes > size || head->health_bytes > size ||
        head->curriculum_bytes + head->health_bytes != size - sizeof *head - sizeof crc)
        return FAIL(ST_FORMAT, "%s: its parts do not add up", path);
    if (head->has_reference > 1 || head->n_ahead > AHEAD_MOST)
        return FAIL(ST_FORMAT, "%s: %u rollouts ahead", path, head->n_ahead);
    if (head->has_batch > 1 || head->n_parts > PARTS_MAX || (head->has_batch && head->n_parts))
        return FAIL(ST_FORMAT, "%s: %u batches in use and %u on their way", path, head->has_batch,
                    head->n_parts);
    if (head->seed != t->deps.run.seed)
        return FAIL(ST_CONFIG, "%s: was written with seed %llu, this run has %llu", path,
                    (unsigned long long)head->seed, (unsigned long long)t->deps.run.seed);
    if (head->has_reference != (t->reference != NULL))
        return FAIL(ST_CONFIG, "%s: was written with rl.kl %s, this run has it %s", path,
                    head->has_reference ? "on" : "off", t->reference ? "on" : "off");
    *parts = data + sizeof *head;
    return ST_OK;
}

// The rewards of a rollout in hand are those of this run.
static Status same_parts(const Trainer *t, const Batch *b, const char *path) {
    RewardTerms terms;
    TRY(reward_terms(&t->cfg, &terms));
    bool same = b->stage < STAGE_JUDGED || b->n_parts == terms.n;
    for (int p = 0; b->stage >= STAGE_JUDGED && same && p < terms.n; p++)
        same = strcmp(batch_part_name(b, p), terms.term[p].name) == 0;
    if (same) return ST_OK;
    return FAIL(ST_FORMAT,
                "%s: its rewards have other parts than this run's: finish the run with the program "
                "and the rl.rewards that wrote it, or begin again with --fresh",
                path);
}

Status trainer_find_tasks(Trainer *t, Batch *b, Arena *arena, const char *path) {
    TRY(same_parts(t, b, path));
    for (int g = 0; g < b->n_groups; g++) {
        Question q;
        TRY(ask_question(t->deps.source, b->task_index[g], t->deps.run.tokenizer, t->deps.run.chat,
                         t->judging, &q, arena));
        if (q.task->id != b->task_id[g])
            return FAIL(ST_CONFIG, "%s: task %llu is another one in this run's source '%s'", path,
                        (unsigned long long)b->task_index[g], t->deps.source->name);
        b->task[g] = q.task;
    }
    return ST_OK;
}

static Status read_batch(Trainer *t, const char *folder, const StateHead *head) {
    char path[1024];
    join(path, sizeof path, folder, "batch.bin");
    Batch *b;
    TRY(batch_read(path, &b, t->arena));
    int updates = (int)(t->cfg.updates_per_rollout * t->cfg.epochs);
    bool fits = b->stage == STAGE_WEIGHED && b->updates_made < updates &&
                b->step + 1 + head->n_ahead == head->at.rollouts_done &&
                (b->logp_ref != NULL) == (t->reference != NULL);
    if (!fits) return FAIL(ST_FORMAT, "%s: does not belong to the trainer.bin beside it", path);
    TRY(trainer_find_tasks(t, b, t->arena, path));
    t->batch = b;
    return ST_OK;
}

static Status read_parts(Trainer *t, const char *folder, int n) {
    t->part = ARENA_ARRAY(t->arena, Batch *, n + 1);
    for (int i = 0; i < n; i++) {
        char path[1024];
        join_part(path, sizeof path, folder, i);
        TRY(batch_read(path, &t->part[i], t->arena));
        if (t->part[i]->stage < STAGE_SAMPLED)
            return FAIL(ST_FORMAT, "%s: a round of a rollout without samples", path);
        t->n_parts++;
    }
    return ST_OK;
}

Status trainer_load(Trainer *t, const char *folder) {
    char path[1024];
    StateHead head;
    const char *parts = NULL;
    Status st;
    trainer_drop_batch(t);
    ahead_drop(t);
    ArenaMark mark = arena_mark(t->scratch);
    join(path, sizeof path, folder, "trainer.bin");
    TRY_OUT(read_head(t, path, &head, &parts, t->scratch));
    TRY_OUT(curriculum_load(t->curriculum, parts, head.curriculum_bytes));
    parts += head.curriculum_bytes;
    TRY_OUT(health_load(t->health, parts, head.health_bytes));
    if (t->reference) {
        join(path, sizeof path, folder, "reference.bin");
        TRY_OUT(reference_load(t->reference, path));
    }
    if (head.has_batch) TRY_OUT(read_batch(t, folder, &head));
    TRY_OUT(ahead_load(t, folder, (int)head.n_ahead));
    TRY_OUT(read_parts(t, folder, (int)head.n_parts));
    t->at = head.at;
out:
    if (st != ST_OK) trainer_drop_batch(t), ahead_drop(t);
    arena_rewind(t->scratch, mark);
    return st;
}
