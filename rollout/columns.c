// rollout/columns.c -- the table itself, and how long each column is.
#include "rollout/columns.h"

#include <string.h>

#define COLUMN(field, type, stage, count, shift, option)                                           \
    { #field, type, stage, count, shift, -1, option, offsetof(Batch, field) }
#define PLAIN(field, type, stage, count) COLUMN(field, type, stage, count, SHIFT_NONE, 0)
#define OPTIONAL(field, stage, option)                                                             \
    COLUMN(field, COLUMN_F32, stage, PER_TOKEN, SHIFT_NONE, option)
#define PART(p)                                                                                    \
    { "part" #p, COLUMN_F32, STAGE_JUDGED, PER_SAMPLE, SHIFT_NONE, p, 0, offsetof(Batch, part[p]) }

const BatchColumn batch_columns[] = {
    PLAIN(task_id, COLUMN_U64, STAGE_ASKED, PER_GROUP),
    PLAIN(task_index, COLUMN_U64, STAGE_ASKED, PER_GROUP),
    COLUMN(group_begin, COLUMN_I32, STAGE_ASKED, PER_GROUP_1, SHIFT_SAMPLES, 0),
    COLUMN(prompt_begin, COLUMN_I32, STAGE_ASKED, PER_GROUP_1, SHIFT_PROMPTS, 0),
    PLAIN(prompt_token, COLUMN_I32, STAGE_ASKED, PER_PROMPT_TOKEN),
    PLAIN(keep, COLUMN_U8, STAGE_ASKED, PER_GROUP),
    PLAIN(sample_stage, COLUMN_U8, STAGE_SAMPLED, PER_SAMPLE),
    COLUMN(token_begin, COLUMN_I32, STAGE_SAMPLED, PER_SAMPLE, SHIFT_TOKENS, 0),
    COLUMN(token_end, COLUMN_I32, STAGE_SAMPLED, PER_SAMPLE, SHIFT_TOKENS, 0),
    COLUMN(response_begin, COLUMN_I32, STAGE_SAMPLED, PER_SAMPLE, SHIFT_TOKENS, 0),
    PLAIN(finish, COLUMN_U8, STAGE_SAMPLED, PER_SAMPLE),
    PLAIN(token, COLUMN_I32, STAGE_SAMPLED, PER_TOKEN),
    PLAIN(kind, COLUMN_U8, STAGE_SAMPLED, PER_TOKEN),
    PLAIN(turn, COLUMN_U16, STAGE_SAMPLED, PER_TOKEN),
    PLAIN(version, COLUMN_U32, STAGE_SAMPLED, PER_TOKEN),
    PLAIN(logp_roll, COLUMN_F32, STAGE_SAMPLED, PER_TOKEN),
    COLUMN(kv_version, COLUMN_U32, STAGE_SAMPLED, PER_TOKEN, SHIFT_NONE, OPTION_KV_VERSION),
    COLUMN(route, COLUMN_I16, STAGE_SAMPLED, PER_ROUTE, SHIFT_NONE, OPTION_ROUTES),
    COLUMN(kept_begin, COLUMN_I64, STAGE_SAMPLED, PER_TOKEN_1, SHIFT_KEPT, OPTION_KEPT),
    COLUMN(kept_token, COLUMN_I32, STAGE_SAMPLED, PER_KEPT, SHIFT_NONE, OPTION_KEPT),
    PLAIN(verdict, COLUMN_U8, STAGE_JUDGED, PER_SAMPLE),
    PLAIN(answer_begin, COLUMN_I32, STAGE_JUDGED, PER_SAMPLE),
    PLAIN(answer_end, COLUMN_I32, STAGE_JUDGED, PER_SAMPLE),
    PLAIN(answer_hash, COLUMN_U64, STAGE_JUDGED, PER_SAMPLE),
    PLAIN(reward, COLUMN_F32, STAGE_JUDGED, PER_SAMPLE),
    PART(0),
    PART(1),
    PART(2),
    PART(3),
    PART(4),
    PART(5),
    PART(6),
    PART(7),
    PART(8),
    PART(9),
    PART(10),
    PART(11),
    PART(12),
    PART(13),
    PART(14),
    PART(15),
    PLAIN(part_name, COLUMN_U8, STAGE_JUDGED, PER_PART_NAME),
    PLAIN(weight, COLUMN_F32, STAGE_JUDGED, PER_SAMPLE),
    PLAIN(loss_mask, COLUMN_U8, STAGE_JUDGED, PER_TOKEN),
    OPTIONAL(logp_old, STAGE_JUDGED, OPTION_OLD),
    OPTIONAL(logp_ref, STAGE_JUDGED, OPTION_REF),
    OPTIONAL(logp_teacher, STAGE_JUDGED, OPTION_TEACHER),
    PLAIN(advantage, COLUMN_F32, STAGE_WEIGHED, PER_SAMPLE),
    OPTIONAL(advantage_token, STAGE_WEIGHED, OPTION_ADVANTAGE_TOKEN),
    OPTIONAL(weight_rl, STAGE_WEIGHED, OPTION_WEIGHT_RL),
    OPTIONAL(weight_sft, STAGE_WEIGHED, OPTION_WEIGHT_SFT),
    OPTIONAL(weight_distill, STAGE_WEIGHED, OPTION_WEIGHT_DISTILL),
};
const int n_batch_columns = (int)(sizeof batch_columns / sizeof batch_columns[0]);
_Static_assert(BATCH_REWARDS_MAX == 16, "one PART line for each");

uint32_t options_of_stage(Stage stage) {
    uint32_t options = 0;
    for (int c = 0; c < n_batch_columns; c++)
        if (batch_columns[c].stage == stage) options |= batch_columns[c].option;
    return options;
}

BatchShape batch_shape(const Batch *b) {
    const bool sampled = b->stage >= STAGE_SAMPLED;
    BatchShape s = {.stage = b->stage,
                    .n_groups = b->n_groups,
                    .n_samples = b->n_samples,
                    .n_prompt_tokens = b->prompt_begin[b->n_groups],
                    .n_tokens = sampled ? b->n_tokens : 0,
                    .n_parts = b->stage >= STAGE_JUDGED ? b->n_parts : 0};
    for (int c = 0; c < n_batch_columns; c++) {
        const BatchColumn *column = &batch_columns[c];
        if (column->option && column->stage <= b->stage && column_get(column, b))
            s.options |= column->option;
    }
    if (s.options & OPTION_ROUTES) s.route_layers = b->route_layers, s.route_k = b->route_k;
    if (s.options & OPTION_KEPT) s.n_kept = b->kept_begin[b->n_tokens];
    return s;
}

bool column_present(const BatchColumn *column, const BatchShape *shape) {
    return column->stage <= shape->stage && column->part < shape->n_parts &&
           (column->option == 0 || (column->option & shape->options));
}

uint64_t column_count(const BatchColumn *column, const BatchShape *s) {
    switch (column->count) {
    case PER_GROUP: return (uint64_t)s->n_groups;
    case PER_GROUP_1: return (uint64_t)s->n_groups + 1;
    case PER_PROMPT_TOKEN: return (uint64_t)s->n_prompt_tokens;
    case PER_SAMPLE: return (uint64_t)s->n_samples;
    case PER_TOKEN: return (uint64_t)s->n_tokens;
    case PER_TOKEN_1: return (uint64_t)s->n_tokens + 1;
    case PER_ROUTE: return (uint64_t)s->n_tokens * (uint64_t)(s->route_layers * s->route_k);
    case PER_KEPT: return (uint64_t)s->n_kept;
    case PER_PART_NAME: return (uint64_t)s->n_parts * BATCH_NAME_BYTES;
    }
    return 0;
}

size_t column_width(const BatchColumn *column) {
    static const size_t width[] = {
        [COLUMN_U8] = 1,  [COLUMN_I32] = 4, [COLUMN_U32] = 4, [COLUMN_U64] = 8,
        [COLUMN_F32] = 4, [COLUMN_I16] = 2, [COLUMN_U16] = 2, [COLUMN_I64] = 8};
    return width[column->type];
}

void *column_get(const BatchColumn *column, const Batch *batch) {
    void *data;
    memcpy(&data, (const char *)batch + column->offset, sizeof data);
    return data;
}

void column_set(const BatchColumn *column, Batch *batch, void *data) {
    memcpy((char *)batch + column->offset, &data, sizeof data);
}
