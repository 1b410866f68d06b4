// rollout/batch.c -- the carrier's columns: made, filled in order, compacted, joined.
#include "rollout/batch.h"

#include <limits.h>
#include <string.h>

#include "rollout/columns.h"

const char *finish_name(Finish finish) {
    static const char *const name[] = {"none", "stop", "length", "repeat", "abort"};
    return (unsigned)finish < sizeof name / sizeof *name ? name[finish] : "?";
}

// Allocates the columns that a stage adds, without the optional ones.
static void add_columns(Batch *b, Stage stage, Arena *arena) {
    BatchShape shape = {.stage = stage,
                        .n_groups = b->n_groups,
                        .n_samples = b->n_samples,
                        .n_prompt_tokens = b->prompt_cap,
                        .n_tokens = b->n_tokens,
                        .n_parts = b->n_parts};
    for (int c = 0; c < n_batch_columns; c++) {
        const BatchColumn *column = &batch_columns[c];
        if (column->stage != stage || !column_present(column, &shape)) continue;
        size_t count = (size_t)column_count(column, &shape);
        column_set(column, b, arena_alloc(arena, count, column_width(column)));
    }
}

Batch *batch_new(int n_groups, int group_size, Arena *arena) {
    CHECK(n_groups >= 0 && group_size >= 1 && n_groups <= (INT_MAX - 1) / group_size);
    Batch *b = ARENA_ARRAY(arena, Batch, 1);
    b->n_groups = n_groups;
    b->n_samples = n_groups * group_size;
    b->prompt_cap = 32 * (n_groups < 1 << 16 ? n_groups : 1 << 16);
    b->stage = n_groups > 0 ? STAGE_EMPTY : STAGE_ASKED;
    b->task = ARENA_ARRAY(arena, const struct Task *, b->n_groups);
    add_columns(b, STAGE_ASKED, arena);
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
    add_columns(batch, STAGE_SAMPLED, arena);
    batch->route = NULL, batch->kept_begin = NULL, batch->kept_token = NULL;
    batch->kv_version = NULL;
    int at = 0;
    for (int g = 0; g < batch->n_groups; g++) {
        int n_prompt = batch->prompt_begin[g + 1] - batch->prompt_begin[g];
        const int32_t *prompt = batch->prompt_token + batch->prompt_begin[g];
        for (int i = batch->group_begin[g]; i < batch->group_begin[g + 1]; i++) {
            memcpy(batch->token + at, prompt, (size_t)n_prompt * sizeof *prompt);
            batch->token_begin[i] = at;
            batch->response_begin[i] = batch->token_end[i] = at + n_prompt;
            batch->sample_stage[i] = STAGE_ASKED;
            at += n_prompt + max_new_tokens;
        }
    }
    batch->stage = STAGE_SAMPLED;
}

void batch_open_routes(Batch *batch, int layers, int k, Arena *arena) {
    CHECK(batch->stage >= STAGE_SAMPLED && layers > 0 && k > 0 && layers <= INT_MAX / k);
    size_t n = (size_t)batch->n_tokens * (size_t)(layers * k);
    batch->route_layers = layers, batch->route_k = k;
    batch->route = ARENA_ARRAY(arena, int16_t, n);
    memset(batch->route, 0xFF, n * sizeof *batch->route);
}

void batch_open_kv_version(Batch *batch, Arena *arena) {
    CHECK(batch->stage >= STAGE_SAMPLED);
    batch->kv_version = ARENA_ARRAY(arena, uint32_t, batch->n_tokens + 1);
}

void batch_open_kept(Batch *batch, const int *n_kept, Arena *arena) {
    CHECK(batch->stage == STAGE_SAMPLED && !batch->kept_begin);
    batch->kept_begin = ARENA_ARRAY(arena, int64_t, batch->n_tokens + 1);
    for (int t = 0; t < batch->n_tokens; t++)
        batch->kept_begin[t + 1] = batch->kept_begin[t] + n_kept[t];
    batch->kept_token = ARENA_ARRAY(arena, int32_t, batch->kept_begin[batch->n_tokens]);
}

void batch_extend(Batch *batch, int sample, int kind, uint32_t version, bool new_turn) {
    int at = batch->token_end[sample]++;
    CHECK(at > batch->token_begin[sample] && at < batch->n_tokens);
    int turn = batch->turn[at - 1] + (new_turn || batch->kind[at - 1] != kind);
    CHECK(turn <= BATCH_TURNS_MAX);
    batch->kind[at] = (uint8_t)kind;
    batch->turn[at] = (uint16_t)turn;
    batch->version[at] = kind == TOKEN_SAMPLED ? version : 0;
}

void batch_compact(Batch *batch) {
    CHECK(batch->stage == STAGE_SAMPLED && !batch->kept_begin);
    const BatchShape shape = batch_shape(batch);
    const size_t route = (size_t)(batch->route_layers * batch->route_k);
    int at = 0;
    for (int i = 0; i < batch->n_samples; i++) {
        int begin = batch->token_begin[i], n = batch->token_end[i] - begin;
        CHECK(begin >= at && n >= 0); // moves down only, in sample order
        for (int c = 0; c < n_batch_columns; c++) {
            const BatchColumn *column = &batch_columns[c];
            bool routes = column->count == PER_ROUTE;
            if ((column->count != PER_TOKEN && !routes) || !column_present(column, &shape))
                continue;
            size_t width = column_width(column) * (routes ? route : 1);
            char *data = column_get(column, batch);
            memmove(data + (size_t)at * width, data + (size_t)begin * width, (size_t)n * width);
        }
        batch->response_begin[i] -= begin - at;
        batch->token_begin[i] = at;
        batch->token_end[i] = at += n;
    }
    batch->n_tokens = at;
}

static void move_samples(Batch *batch, Stage stage) {
    for (int i = 0; i < batch->n_samples; i++) batch->sample_stage[i] = (uint8_t)stage;
    batch->stage = stage;
}

void batch_open_judged(Batch *batch, int n_parts, Arena *arena) {
    CHECK(batch->stage == STAGE_SAMPLED);
    CHECK(n_parts >= 0 && n_parts <= BATCH_REWARDS_MAX);
    batch->n_parts = n_parts;
    add_columns(batch, STAGE_JUDGED, arena);
    batch->logp_old = batch->logp_ref = batch->logp_teacher = NULL;
    for (int t = 0; t < batch->n_tokens; t++) batch->loss_mask[t] = batch->kind[t] == TOKEN_SAMPLED;
    move_samples(batch, STAGE_JUDGED);
}

void batch_open_weighed(Batch *batch, Arena *arena) {
    CHECK(batch->stage == STAGE_JUDGED);
    add_columns(batch, STAGE_WEIGHED, arena);
    batch->advantage_token = NULL;
    batch->weight_rl = batch->weight_sft = batch->weight_distill = NULL;
    move_samples(batch, STAGE_WEIGHED);
}

void batch_open_token_column(Batch *batch, float **field, Arena *arena) {
    CHECK(batch->stage == STAGE_WEIGHED && !*field);
    CHECK(field == &batch->advantage_token || field == &batch->weight_rl ||
          field == &batch->weight_sft || field == &batch->weight_distill);
    *field = ARENA_ARRAY(arena, float, batch->n_tokens + 1);
}

void batch_name_part(Batch *batch, int part, const char *name) {
    CHECK(part >= 0 && part < batch->n_parts && strlen(name) < BATCH_NAME_BYTES);
    strcpy(batch->part_name + part * BATCH_NAME_BYTES, name);
}

const char *batch_part_name(const Batch *batch, int part) {
    CHECK(part >= 0 && part < batch->n_parts);
    return batch->part_name + part * BATCH_NAME_BYTES;
}

bool batch_unfinished(const Batch *b) {
    for (int i = 0; i < b->n_samples; i++)
        if (b->sample_stage[i] < STAGE_SAMPLED) return true;
    return false;
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

int batch_turns(const Batch *batch, int sample) {
    int end = batch->token_end[sample];
    return end > batch->token_begin[sample] ? batch->turn[end - 1] + 1 : 0;
}

int batch_turn_begin(const Batch *batch, int sample, int turn) {
    int t = batch->token_begin[sample];
    while (t < batch->token_end[sample] && batch->turn[t] < turn) t++;
    return t;
}

bool batch_versions(const Batch *batch, int sample, uint32_t *oldest, uint32_t *newest) {
    bool any = false;
    for (int t = batch->response_begin[sample]; t < batch->token_end[sample]; t++) {
        if (batch->kind[t] != TOKEN_SAMPLED) continue;
        uint32_t version = batch->version[t];
        if (!any || version < *oldest) *oldest = version;
        if (!any || version > *newest) *newest = version;
        any = true;
    }
    return any;
}

bool batch_counts(const Batch *batch, int sample) {
    return batch->weight[sample] > 0 && batch->keep[batch_group_of(batch, sample)];
}

static bool in_policy_loss(const Batch *b, int token) {
    return b->loss_mask[token] && (!b->weight_rl || b->weight_rl[token] != 0);
}

int batch_trained(const Batch *batch, int sample) {
    if (!batch_counts(batch, sample)) return 0;
    int n = 0;
    for (int t = batch->response_begin[sample]; t < batch->token_end[sample]; t++)
        n += in_policy_loss(batch, t);
    return n;
}

const uint8_t *batch_rl_tokens(const Batch *b, Arena *arena) {
    if (b->stage < STAGE_WEIGHED || !b->weight_rl) return b->loss_mask;
    uint8_t *in = ARENA_ARRAY(arena, uint8_t, b->n_tokens + 1);
    for (int t = 0; t < b->n_tokens; t++) in[t] = in_policy_loss(b, t);
    return in;
}

const uint8_t *batch_loss_tokens(const Batch *b, Arena *arena) {
    if (b->stage < STAGE_WEIGHED || (!b->weight_sft && !b->weight_distill))
        return batch_rl_tokens(b, arena);
    uint8_t *in = ARENA_ARRAY(arena, uint8_t, b->n_tokens + 1);
    for (int i = 0; i < b->n_samples; i++) // a prompt is in no loss
        for (int t = b->response_begin[i]; t < b->token_end[i]; t++)
            in[t] = in_policy_loss(b, t) || (b->weight_sft && b->weight_sft[t] != 0) ||
                    (b->weight_distill && b->weight_distill[t] != 0);
    return in;
}

const float *batch_old(const Batch *batch) {
    return batch->logp_old ? batch->logp_old : batch->logp_roll;
}

static void shift_values(const BatchColumn *column, void *data, uint64_t n, int64_t by) {
    if (column->type == COLUMN_I64)
        for (uint64_t i = 0; i < n; i++) ((int64_t *)data)[i] += by;
    else
        for (uint64_t i = 0; i < n; i++) ((int32_t *)data)[i] += (int32_t)by;
}

Batch *batch_concat(const Batch *a, const Batch *b, Arena *arena) {
    CHECK(a->stage == b->stage && a->stage >= STAGE_ASKED && a->n_parts == b->n_parts);
    CHECK(a->n_groups <= INT_MAX - 1 - b->n_groups && a->n_samples <= INT_MAX - b->n_samples);
    CHECK(a->n_tokens <= INT_MAX - b->n_tokens);
    const BatchShape of_a = batch_shape(a), of_b = batch_shape(b);
    CHECK(of_a.n_prompt_tokens <= INT_MAX - of_b.n_prompt_tokens && of_a.options == of_b.options);
    CHECK(of_a.route_layers == of_b.route_layers && of_a.route_k == of_b.route_k);
    Batch *to = ARENA_ARRAY(arena, Batch, 1);
    to->stage = a->stage;
    to->step = a->step;
    to->updates_made = a->updates_made;
    to->n_groups = to->n_asked = a->n_groups + b->n_groups;
    to->n_samples = a->n_samples + b->n_samples;
    to->n_tokens = a->n_tokens + b->n_tokens;
    to->n_parts = a->n_parts;
    to->route_layers = of_a.route_layers, to->route_k = of_a.route_k;
    to->prompt_cap = of_a.n_prompt_tokens + of_b.n_prompt_tokens;
    to->task = ARENA_ARRAY(arena, const struct Task *, to->n_groups);
    memcpy(to->task, a->task, (size_t)a->n_groups * sizeof(*to->task));
    memcpy(to->task + a->n_groups, b->task, (size_t)b->n_groups * sizeof(*to->task));
    const int64_t shift[] = {[SHIFT_SAMPLES] = a->n_samples,
                             [SHIFT_PROMPTS] = of_a.n_prompt_tokens,
                             [SHIFT_TOKENS] = a->n_tokens,
                             [SHIFT_KEPT] = of_a.n_kept};
    for (int c = 0; c < n_batch_columns; c++) {
        const BatchColumn *column = &batch_columns[c];
        if (!column_present(column, &of_a)) continue;
        uint64_t n_a = column_count(column, &of_a), n_b = column_count(column, &of_b);
        // offsets: the last of a is the first of b
        if (column->count == PER_GROUP_1 || column->count == PER_TOKEN_1) n_a--;
        if (column->count == PER_PART_NAME) n_b = 0; // the same in both
        size_t width = column_width(column);
        char *data = arena_alloc(arena, n_a + n_b, width);
        if (n_a) memcpy(data, column_get(column, a), n_a * width);
        if (n_b) memcpy(data + n_a * width, column_get(column, b), n_b * width);
        if (column->shift != SHIFT_NONE)
            shift_values(column, data + n_a * width, n_b, shift[column->shift]);
        column_set(column, to, data);
    }
    return to;
}
