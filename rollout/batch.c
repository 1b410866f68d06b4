// rollout/batch.c -- the carrier's columns: made, filled in order, compacted, joined.
#include "rollout/batch.h"

#include <limits.h>
#include <string.h>

const char *finish_name(Finish finish) {
    static const char *const name[] = {"none", "stop", "length", "repeat", "abort"};
    return (unsigned)finish < sizeof name / sizeof *name ? name[finish] : "?";
}

static void asked_columns(Batch *b, Arena *arena) {
    b->task = ARENA_ARRAY(arena, const struct Task *, b->n_groups);
    b->task_id = ARENA_ARRAY(arena, uint64_t, b->n_groups);
    b->task_index = ARENA_ARRAY(arena, uint64_t, b->n_groups);
    b->group_begin = ARENA_ARRAY(arena, int, b->n_groups + 1);
    b->prompt_begin = ARENA_ARRAY(arena, int, b->n_groups + 1);
    b->prompt_token = ARENA_ARRAY(arena, int32_t, b->prompt_cap);
    b->keep = ARENA_ARRAY(arena, uint8_t, b->n_groups);
}

static void sampled_columns(Batch *b, Arena *arena) {
    b->token_begin = ARENA_ARRAY(arena, int, b->n_samples);
    b->token_end = ARENA_ARRAY(arena, int, b->n_samples);
    b->response_begin = ARENA_ARRAY(arena, int, b->n_samples);
    b->finish = ARENA_ARRAY(arena, uint8_t, b->n_samples);
    b->version_min = ARENA_ARRAY(arena, uint32_t, b->n_samples);
    b->version_max = ARENA_ARRAY(arena, uint32_t, b->n_samples);
    b->token = ARENA_ARRAY(arena, int32_t, b->n_tokens);
    b->mask = ARENA_ARRAY(arena, uint8_t, b->n_tokens);
    b->logp_roll = ARENA_ARRAY(arena, float, b->n_tokens);
}

static void judged_columns(Batch *b, Arena *arena) {
    b->verdict = ARENA_ARRAY(arena, uint8_t, b->n_samples);
    b->reward = ARENA_ARRAY(arena, float, b->n_samples);
    for (int p = 0; p < b->n_parts; p++) b->part[p] = ARENA_ARRAY(arena, float, b->n_samples);
    b->weight = ARENA_ARRAY(arena, float, b->n_samples);
}

Batch *batch_new(int n_groups, int group_size, Arena *arena) {
    CHECK(n_groups >= 0 && group_size >= 1 && n_groups <= (INT_MAX - 1) / group_size);
    Batch *b = ARENA_ARRAY(arena, Batch, 1);
    b->n_groups = n_groups;
    b->n_samples = n_groups * group_size;
    b->prompt_cap = 32 * (n_groups < 1 << 16 ? n_groups : 1 << 16);
    b->stage = n_groups > 0 ? STAGE_EMPTY : STAGE_ASKED;
    asked_columns(b, arena);
    for (int g = 0; g <= n_groups; g++) b->group_begin[g] = g * group_size;
    return b;
}

void batch_ask(Batch *batch, int group, const struct Task *task, uint64_t task_id,
               uint64_t task_index, const int32_t *prompt, int n_prompt, Arena *arena) {
    CHECK(batch->stage == STAGE_EMPTY && group == batch->n_asked);
    CHECK(n_prompt > 0);
    int begin = batch->prompt_begin[group];
    CHECK(n_prompt <= INT_MAX / 2 - begin);
    int end = begin + n_prompt;
    if (end > batch->prompt_cap) {
        int cap = end > INT_MAX / 2 ? end : 2 * end;
        int32_t *grown = ARENA_ARRAY(arena, int32_t, cap);
        memcpy(grown, batch->prompt_token, (size_t)begin * sizeof *grown);
        batch->prompt_token = grown;
        batch->prompt_cap = cap;
    }
    memcpy(batch->prompt_token + begin, prompt, (size_t)n_prompt * sizeof *prompt);
    batch->prompt_begin[group + 1] = end;
    batch->task[group] = task;
    batch->task_id[group] = task_id;
    batch->task_index[group] = task_index;
    batch->keep[group] = 1;
    if (++batch->n_asked == batch->n_groups) batch->stage = STAGE_ASKED;
}

int64_t batch_sampled_places(const Batch *batch, int max_new_tokens) {
    int64_t total = 0;
    for (int g = 0; g < batch->n_groups; g++) {
        int64_t room =
            (int64_t)batch->prompt_begin[g + 1] - batch->prompt_begin[g] + max_new_tokens;
        total += room * (batch->group_begin[g + 1] - batch->group_begin[g]);
    }
    return total;
}

void batch_open_sampled(Batch *batch, int max_new_tokens, Arena *arena) {
    CHECK(batch->stage == STAGE_ASKED && max_new_tokens >= 0);
    int64_t total = batch_sampled_places(batch, max_new_tokens);
    CHECK(total <= INT_MAX);
    batch->n_tokens = (int)total;
    sampled_columns(batch, arena);
    int at = 0;
    for (int g = 0; g < batch->n_groups; g++) {
        int n_prompt = batch->prompt_begin[g + 1] - batch->prompt_begin[g];
        const int32_t *prompt = batch->prompt_token + batch->prompt_begin[g];
        for (int i = batch->group_begin[g]; i < batch->group_begin[g + 1]; i++) {
            memcpy(batch->token + at, prompt, (size_t)n_prompt * sizeof *prompt);
            batch->token_begin[i] = at;
            batch->response_begin[i] = batch->token_end[i] = at + n_prompt;
            at += n_prompt + max_new_tokens;
        }
    }
    batch->stage = STAGE_SAMPLED;
}

void batch_compact(Batch *batch) {
    CHECK(batch->stage == STAGE_SAMPLED);
    int at = 0;
    for (int i = 0; i < batch->n_samples; i++) {
        int begin = batch->token_begin[i], n = batch->token_end[i] - begin;
        CHECK(begin >= at && n >= 0); // moves down only, in sample order
        memmove(batch->token + at, batch->token + begin, (size_t)n * sizeof *batch->token);
        memmove(batch->mask + at, batch->mask + begin, (size_t)n * sizeof *batch->mask);
        memmove(batch->logp_roll + at, batch->logp_roll + begin,
                (size_t)n * sizeof *batch->logp_roll);
        batch->response_begin[i] -= begin - at;
        batch->token_begin[i] = at;
        batch->token_end[i] = at += n;
    }
    batch->n_tokens = at;
}

void batch_open_judged(Batch *batch, int n_parts, Arena *arena) {
    CHECK(batch->stage == STAGE_SAMPLED);
    CHECK(n_parts >= 0 && n_parts <= BATCH_REWARDS_MAX);
    batch->n_parts = n_parts;
    judged_columns(batch, arena);
    batch->stage = STAGE_JUDGED;
}

void batch_open_weighed(Batch *batch, Arena *arena) {
    CHECK(batch->stage == STAGE_JUDGED);
    batch->advantage = ARENA_ARRAY(arena, float, batch->n_samples);
    batch->stage = STAGE_WEIGHED;
}

int batch_response_length(const Batch *batch, int sample) {
    return batch->token_end[sample] - batch->response_begin[sample];
}

int batch_group_of(const Batch *batch, int sample) {
    CHECK(sample >= 0 && sample < batch->n_samples);
    int low = 0, high = batch->n_groups; // group_begin[low] <= sample < group_begin[high]
    while (high - low > 1) {
        int mid = low + (high - low) / 2;
        if (batch->group_begin[mid] <= sample)
            low = mid;
        else
            high = mid;
    }
    return low;
}

// `to` has the counts of both; the elements of a, then those of b, each moved up by `shift`.
#define JOIN(column, n_a, n_b)                                                                     \
    do {                                                                                           \
        size_t size_ = sizeof *to->column;                                                         \
        memcpy(to->column, a->column, (size_t)(n_a)*size_);                                        \
        memcpy(to->column + (n_a), b->column, (size_t)(n_b)*size_);                                \
    } while (0)
#define JOIN_SHIFTED(column, n_a, n_b, shift)                                                      \
    do {                                                                                           \
        JOIN(column, n_a, n_b);                                                                    \
        for (int i_ = 0; i_ < (n_b); i_++) to->column[(n_a) + i_] += (shift);                      \
    } while (0)

Batch *batch_concat(const Batch *a, const Batch *b, Arena *arena) {
    CHECK(a->stage == b->stage && a->stage >= STAGE_ASKED && a->n_parts == b->n_parts);
    CHECK(a->n_groups <= INT_MAX - 1 - b->n_groups && a->n_samples <= INT_MAX - b->n_samples);
    CHECK(a->n_tokens <= INT_MAX - b->n_tokens);
    int n_prompt_a = a->prompt_begin[a->n_groups], n_prompt_b = b->prompt_begin[b->n_groups];
    CHECK(n_prompt_a <= INT_MAX - n_prompt_b);
    Batch *to = ARENA_ARRAY(arena, Batch, 1);
    to->stage = a->stage;
    to->step = a->step;
    to->n_groups = to->n_asked = a->n_groups + b->n_groups;
    to->n_samples = a->n_samples + b->n_samples;
    to->n_tokens = a->n_tokens + b->n_tokens;
    to->n_parts = a->n_parts;
    to->prompt_cap = n_prompt_a + n_prompt_b;

    asked_columns(to, arena);
    JOIN(task, a->n_groups, b->n_groups);
    JOIN(task_id, a->n_groups, b->n_groups);
    JOIN(task_index, a->n_groups, b->n_groups);
    JOIN_SHIFTED(group_begin, a->n_groups, b->n_groups + 1, a->n_samples);
    JOIN_SHIFTED(prompt_begin, a->n_groups, b->n_groups + 1, n_prompt_a);
    JOIN(prompt_token, n_prompt_a, n_prompt_b);
    JOIN(keep, a->n_groups, b->n_groups);
    if (to->stage < STAGE_SAMPLED) return to;

    sampled_columns(to, arena);
    JOIN_SHIFTED(token_begin, a->n_samples, b->n_samples, a->n_tokens);
    JOIN_SHIFTED(token_end, a->n_samples, b->n_samples, a->n_tokens);
    JOIN_SHIFTED(response_begin, a->n_samples, b->n_samples, a->n_tokens);
    JOIN(finish, a->n_samples, b->n_samples);
    JOIN(version_min, a->n_samples, b->n_samples);
    JOIN(version_max, a->n_samples, b->n_samples);
    JOIN(token, a->n_tokens, b->n_tokens);
    JOIN(mask, a->n_tokens, b->n_tokens);
    JOIN(logp_roll, a->n_tokens, b->n_tokens);
    if (to->stage < STAGE_JUDGED) return to;

    judged_columns(to, arena);
    JOIN(verdict, a->n_samples, b->n_samples);
    JOIN(reward, a->n_samples, b->n_samples);
    for (int p = 0; p < to->n_parts; p++) JOIN(part[p], a->n_samples, b->n_samples);
    JOIN(weight, a->n_samples, b->n_samples);
    if (to->stage < STAGE_WEIGHED) return to;

    to->advantage = ARENA_ARRAY(arena, float, to->n_samples);
    JOIN(advantage, a->n_samples, b->n_samples);
    return to;
}
