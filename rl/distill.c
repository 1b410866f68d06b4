// rl/distill.c -- one pass of each teacher over its own samples.
#include "rl/distill.h"

#include <math.h>
#include <string.h>

#include "datasets/task.h"
#include "rl/update.h"

int distill_teacher(const Teachers *t, const char *source) {
    int other = -1;
    for (int i = 0; i < t->n; i++) {
        if (!t->of[i].source)
            other = i;
        else if (source && strcmp(t->of[i].source, source) == 0)
            return i;
    }
    return other;
}

Status distill_check(const Teachers *t, const RlConfig *cfg, const ModelConfig *student,
                     int max_seq_tokens) {
    if (cfg->distill == 0) return ST_OK;
    if (t->n == 0)
        return FAIL(ST_CONFIG, "rl.distill=%g: needs a teacher, rl.teachers=FOLDER", cfg->distill);
    for (int i = 0; i < t->n; i++) {
        const ModelConfig *m = policy_model(t->of[i].policy);
        if (m->vocab_size < student->vocab_size)
            return FAIL(ST_CONFIG,
                        "rl.teachers: %s has a vocabulary of %d, the student of %d: a teacher "
                        "must know every token of its student",
                        t->of[i].name, m->vocab_size, student->vocab_size);
        if (m->max_position < max_seq_tokens)
            return FAIL(ST_CONFIG,
                        "rl.teachers: %s reads at most %d tokens, sequences have up to %d: lower "
                        "rl.max_new_tokens or model.max_position",
                        t->of[i].name, m->max_position, max_seq_tokens);
    }
    return ST_OK;
}

static int teacher_of(const Teachers *t, const Batch *b, int sample) {
    const Task *task = b->task[batch_group_of(b, sample)];
    return distill_teacher(t, task ? task->source : NULL);
}

static Status one_teacher(const Teachers *t, int which, const RlConfig *cfg, Batch *b,
                          const uint8_t *want, Arena *scratch) {
    const Teacher *teacher = &t->of[which];
    Pack pack = update_pack(b, want, scratch);
    if (pack.n_seqs == 0) return ST_OK;
    float *logp = ARENA_ARRAY(scratch, float, pack.n_tokens + 1);
    const KeptTokens kept = {b->kept_begin, b->kept_token};
    ScoreOpts opts = {.temperature = cfg->temperature, .kept = b->kept_begin ? &kept : NULL};
    Status st = policy_score(teacher->policy, &pack, &opts, logp, NULL);
    for (int s = 0; s < pack.n_seqs && (st == ST_OK || st == ST_FORMAT); s++)
        for (int i = pack.seq[s].begin; i < pack.seq[s].end; i++) {
            const float v = logp[pack.offset[s] + i - pack.seq[s].begin];
            if (want[i] && !isfinite(v))
                return FAIL(ST_FORMAT,
                            "the log-prob of response token %d of sample %d under the teacher %s "
                            "is not finite",
                            i - b->response_begin[pack.seq[s].id], pack.seq[s].id, teacher->name);
            b->logp_teacher[i] = v;
        }
    return st;
}

Status distill_score(const Teachers *t, const RlConfig *cfg, Batch *b, Arena *arena,
                     Arena *scratch) {
    b->logp_teacher = ARENA_ARRAY(arena, float, b->n_tokens + 1);
    Status st = ST_OK;
    for (int which = 0; which < t->n && st == ST_OK; which++) {
        ArenaMark mark = arena_mark(scratch);
        uint8_t *want = ARENA_ARRAY(scratch, uint8_t, b->n_tokens + 1);
        for (int i = 0; i < b->n_samples; i++)
            for (int k = b->response_begin[i]; k < b->token_end[i]; k++)
                want[k] = b->loss_mask[k] && teacher_of(t, b, i) == which;
        st = one_teacher(t, which, cfg, b, want, scratch);
        arena_rewind(scratch, mark);
    }
    return st;
}

void distill_weigh(const Teachers *t, const RlConfig *cfg, Batch *b, Arena *arena) {
    batch_open_token_column(b, &b->weight_distill, arena);
    if (cfg->distill_alone) batch_open_token_column(b, &b->weight_rl, arena);
    for (int i = 0; i < b->n_samples; i++)
        for (int k = b->response_begin[i]; teacher_of(t, b, i) >= 0 && k < b->token_end[i]; k++)
            if (b->loss_mask[k]) b->weight_distill[k] = (float)cfg->distill;
}
