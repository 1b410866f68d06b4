// tests/test_batch.c -- rollout/batch: columns in order, compaction, joining, the file.
#include "rollout/batch.h"

#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "base/file.h"
#include "tests/test.h"

static const int32_t prompt_a[] = {1, 2, 3}, prompt_b[] = {4, 5};

// Two groups of two; responses of 2, 0, 3 and 1 tokens with space for 4.
static Batch *sampled(Arena *arena) {
    Batch *b = batch_new(2, 2, arena);
    b->step = 7;
    batch_ask(b, 0, NULL, 0xAAu, 10, prompt_a, 3, arena);
    assert_int_equal(b->stage, STAGE_EMPTY);
    batch_ask(b, 1, NULL, 0xBBu, 11, prompt_b, 2, arena);
    assert_int_equal(b->stage, STAGE_ASKED);
    batch_open_sampled(b, 4, arena);
    const int length[] = {2, 0, 3, 1};
    for (int i = 0; i < 4; i++) {
        for (int t = 0; t < length[i]; t++) {
            int at = b->token_end[i];
            b->token[at] = 100 * (i + 1) + t;
            b->logp_roll[at] = -0.5f * (float)(i + 1) - (float)t;
            batch_extend(b, i, TOKEN_SAMPLED, 3 + (uint32_t)t, false);
        }
        b->finish[i] = i == 1 ? FINISH_ABORT : FINISH_STOP;
        b->sample_stage[i] = STAGE_SAMPLED;
    }
    return b;
}

// Every column, the optional ones too.
static Batch *weighed(Arena *arena) {
    Batch *b = sampled(arena);
    batch_open_routes(b, 2, 3, arena);
    for (int t = 0; t < b->n_tokens; t++)
        for (int r = 0; r < 6; r++) b->route[6 * t + r] = (int16_t)(b->token[t] + r);
    batch_compact(b);
    int n_kept[16];
    for (int t = 0; t < 16; t++) n_kept[t] = b->kind[t] == TOKEN_SAMPLED ? 1 + t % 3 : 0;
    batch_open_kept(b, n_kept, arena);
    for (int64_t k = 0; k < b->kept_begin[16]; k++) b->kept_token[k] = (int32_t)k;
    batch_open_judged(b, 2, arena);
    batch_name_part(b, 0, "accuracy"), batch_name_part(b, 1, "form");
    for (int i = 0; i < 4; i++) {
        b->verdict[i] = (uint8_t)(i % 3);
        b->reward[i] = (float)i;
        b->part[0][i] = 0.25f * (float)i, b->part[1][i] = 1;
        b->weight[i] = i == 1 ? 0.0f : 1.0f;
        b->answer_begin[i] = i, b->answer_end[i] = 2 * i, b->answer_hash[i] = 77 + (uint64_t)i;
    }
    b->loss_mask[12] = 0; // the last token of sample 2
    b->logp_old = ARENA_ARRAY(arena, float, b->n_tokens);
    b->logp_ref = ARENA_ARRAY(arena, float, b->n_tokens);
    b->logp_teacher = ARENA_ARRAY(arena, float, b->n_tokens);
    for (int t = 0; t < 16; t++) b->logp_teacher[t] = (float)-3 * (float)t;
    for (int t = 0; t < 16; t++) b->logp_old[t] = (float)-t, b->logp_ref[t] = (float)-2 * (float)t;
    b->updates_made = 3;
    batch_open_weighed(b, arena);
    for (int i = 0; i < 4; i++) b->advantage[i] = (float)i - 1.5f;
    float **const column[] = {&b->advantage_token, &b->weight_rl, &b->weight_sft,
                              &b->weight_distill};
    for (int c = 0; c < 4; c++) {
        batch_open_token_column(b, column[c], arena);
        for (int t = 0; t < 16; t++) (*column[c])[t] = (float)(1 + 10 * c + t);
    }
    b->keep[1] = 0;
    return b;
}

static void compaction_closes_gaps_in_sample_order(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 16);
    Batch *b = sampled(arena);
    assert_int_equal(b->n_tokens, 2 * 3 + 2 * 2 + 4 * 4);
    batch_compact(b);
    const int32_t want[] = {1, 2, 3, 100, 101, 1, 2, 3, 4, 5, 300, 301, 302, 4, 5, 400};
    assert_int_equal(b->n_tokens, 16);
    assert_memory_equal(b->token, want, sizeof want);
    const int begin[] = {0, 5, 8, 13}, response[] = {3, 8, 10, 15}, end[] = {5, 8, 13, 16};
    assert_memory_equal(b->token_begin, begin, sizeof begin);
    assert_memory_equal(b->response_begin, response, sizeof response);
    assert_memory_equal(b->token_end, end, sizeof end);
    for (int t = 0; t < 16; t++) {
        assert_int_equal(b->kind[t], want[t] >= 100 ? TOKEN_SAMPLED : TOKEN_PROMPT);
        assert_true((b->logp_roll[t] < 0) == (want[t] >= 100));
    }
    assert_true(b->logp_roll[12] == -3.5f);
    assert_int_equal(batch_response_length(b, 2), 3);
    assert_int_equal(batch_response_length(b, 1), 0);
    arena_free(arena);
}

static void optional_columns_move_with_their_tokens(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 16);
    Batch *b = weighed(arena);
    for (int t = 0; t < b->n_tokens; t++)
        for (int r = 0; r < 6; r++) assert_int_equal(b->route[6 * t + r], b->token[t] + r);
    batch_open_routes(b = sampled(arena), 1, 2, arena);
    for (int t = 0; t < 2 * b->n_tokens; t++) assert_int_equal(b->route[t], -1);
    arena_free(arena);
}

static void turns_begin_where_the_speaker_changes(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 16);
    Batch *b = batch_new(1, 2, arena);
    batch_ask(b, 0, NULL, 0, 0, prompt_a, 3, arena);
    batch_open_sampled(b, 6, arena);
    assert_int_equal(batch_turns(b, 0), 1);
    const int kind[] = {TOKEN_SAMPLED,  TOKEN_SAMPLED,  TOKEN_INJECTED,
                        TOKEN_INJECTED, TOKEN_INJECTED, TOKEN_SAMPLED};
    for (int t = 0; t < 6; t++) {
        b->token[b->token_end[1]] = 50 + t;
        batch_extend(b, 1, kind[t], 7 + (uint32_t)t, t == 3); // a second message at token 3
    }
    uint32_t oldest = 0, newest = 0;
    assert_false(batch_versions(b, 0, &oldest, &newest));
    assert_true(batch_versions(b, 1, &oldest, &newest) && oldest == 7 && newest == 12);
    batch_compact(b);
    assert_int_equal(batch_turns(b, 1), 5);
    const int begin[] = {3, 6, 8, 9, 11};
    for (int turn = 0; turn < 5; turn++) {
        assert_int_equal(batch_turn_begin(b, 1, turn), begin[turn]);
        assert_int_equal(b->kind[begin[turn]], turn == 0                ? TOKEN_PROMPT
                                               : turn == 1 || turn == 4 ? TOKEN_SAMPLED
                                                                        : TOKEN_INJECTED);
    }
    b->sample_stage[0] = b->sample_stage[1] = STAGE_SAMPLED;
    batch_open_judged(b, 0, arena);
    b->weight[0] = b->weight[1] = 1;
    assert_int_equal(batch_trained(b, 1), 3); // what was injected is not trained
    assert_int_equal(batch_trained(b, 0), 0);
    arena_free(arena);
}

static void weight_and_loss_mask_are_apart(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 16);
    Batch *b = weighed(arena); // group 1 was dropped, sample 1 has no weight
    const int trained[] = {2, 0, 0, 0};
    for (int i = 0; i < 4; i++) assert_int_equal(batch_trained(b, i), trained[i]);
    b->keep[1] = 1;
    assert_int_equal(batch_trained(b, 2), 2);
    assert_true(batch_old(b) == b->logp_old);
    b->logp_old = NULL;
    assert_true(batch_old(b) == b->logp_roll);
    arena_free(arena);
}

static void a_sample_knows_its_group(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 16);
    Batch *b = batch_new(5, 3, arena);
    for (int i = 0; i < 15; i++) assert_int_equal(batch_group_of(b, i), i / 3);
    arena_free(arena);
}

static void long_prompts_grow_the_column(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 16);
    int32_t prompt[500];
    for (int t = 0; t < 500; t++) prompt[t] = t;
    Batch *b = batch_new(3, 1, arena);
    for (int g = 0; g < 3; g++) batch_ask(b, g, NULL, 0, 0, prompt, 100 + 200 * g, arena);
    const int begin[] = {0, 100, 400, 900};
    assert_memory_equal(b->prompt_begin, begin, sizeof begin);
    for (int g = 0; g < 3; g++)
        for (int t = begin[g]; t < begin[g + 1]; t++)
            assert_int_equal(b->prompt_token[t], t - begin[g]);
    arena_free(arena);
}

static void joined_batches_keep_both_halves(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 16);
    Batch *a = weighed(arena), *b = weighed(arena);
    Batch *ab = batch_concat(a, b, arena);
    assert_int_equal(ab->stage, STAGE_WEIGHED);
    assert_int_equal(ab->n_groups, 4);
    assert_int_equal(ab->n_samples, 8);
    assert_int_equal(ab->n_tokens, 32);
    assert_int_equal(ab->step, 7);
    for (int g = 0; g <= 4; g++) assert_int_equal(ab->group_begin[g], 2 * g);
    const int prompt_begin[] = {0, 3, 5, 8, 10};
    assert_memory_equal(ab->prompt_begin, prompt_begin, sizeof prompt_begin);
    for (int i = 0; i < 8; i++) {
        int j = i % 4;
        assert_int_equal(ab->token_end[i] - ab->token_begin[i],
                         a->token_end[j] - a->token_begin[j]);
        assert_int_equal(batch_response_length(ab, i), batch_response_length(a, j));
        for (int t = 0; t < ab->token_end[i] - ab->token_begin[i]; t++)
            assert_int_equal(ab->token[ab->token_begin[i] + t], a->token[a->token_begin[j] + t]);
        assert_true(ab->part[1][i] == 1 && ab->reward[i] == a->reward[j]);
        assert_true(ab->advantage[i] == a->advantage[j]);
        assert_int_equal(ab->finish[i], a->finish[j]);
        assert_int_equal(ab->answer_hash[i], a->answer_hash[j]);
        assert_int_equal(ab->sample_stage[i], STAGE_WEIGHED);
    }
    for (int t = 0; t < 32; t++) {
        int u = t % 16;
        assert_true(ab->logp_old[t] == a->logp_old[u] && ab->logp_ref[t] == a->logp_ref[u]);
        assert_true(ab->loss_mask[t] == a->loss_mask[u] && ab->version[t] == a->version[u]);
        assert_memory_equal(ab->route + 6 * t, a->route + 6 * u, 6 * sizeof *a->route);
        int64_t n = a->kept_begin[u + 1] - a->kept_begin[u];
        assert_true(ab->kept_begin[t + 1] - ab->kept_begin[t] == n);
        for (int64_t k = 0; k < n; k++)
            assert_true(ab->kept_token[ab->kept_begin[t] + k] ==
                        a->kept_token[a->kept_begin[u] + k]);
    }
    assert_int_equal(ab->updates_made, 3);
    assert_string_equal(batch_part_name(ab, 1), "form");
    assert_int_equal(ab->keep[2], 1);
    assert_int_equal(ab->keep[3], 0);
    arena_free(arena);
}

static char *scratch_path(Arena *arena) {
    return arena_printf(arena, "/tmp/test_batch.%d", (int)getpid());
}

static void assert_same(const Batch *a, const Batch *b) {
    assert_int_equal(a->stage, b->stage);
    assert_int_equal(a->n_groups, b->n_groups);
    assert_int_equal(a->n_samples, b->n_samples);
    assert_int_equal(a->step, b->step);
    size_t groups = (size_t)a->n_groups, samples = (size_t)a->n_samples;
    size_t prompts = (size_t)a->prompt_begin[groups];
#define SAME(column, n) assert_memory_equal(a->column, b->column, (n) * sizeof *a->column)
    SAME(task_id, groups);
    SAME(task_index, groups);
    SAME(group_begin, groups + 1);
    SAME(prompt_begin, groups + 1);
    SAME(prompt_token, prompts);
    SAME(keep, groups);
    if (a->stage < STAGE_SAMPLED) return;
    assert_int_equal(a->n_tokens, b->n_tokens);
    SAME(token_begin, samples);
    SAME(token_end, samples);
    SAME(response_begin, samples);
    SAME(finish, samples);
    const size_t tokens = (size_t)a->n_tokens;
    SAME(sample_stage, samples);
    SAME(token, tokens);
    SAME(kind, tokens);
    SAME(turn, tokens);
    SAME(version, tokens);
    SAME(logp_roll, tokens);
    assert_true(!a->route == !b->route && !a->kept_begin == !b->kept_begin);
    if (a->route) SAME(route, tokens * (size_t)(a->route_layers * a->route_k));
    if (a->kept_begin) {
        SAME(kept_begin, tokens + 1);
        SAME(kept_token, (size_t)a->kept_begin[tokens]);
    }
    if (a->stage < STAGE_JUDGED) return;
    assert_int_equal(a->n_parts, b->n_parts);
    SAME(verdict, samples);
    SAME(reward, samples);
    for (int p = 0; p < a->n_parts; p++) SAME(part[p], samples);
    SAME(part_name, (size_t)(a->n_parts * BATCH_NAME_BYTES));
    SAME(weight, samples);
    SAME(loss_mask, tokens);
    SAME(answer_begin, samples);
    SAME(answer_end, samples);
    SAME(answer_hash, samples);
    assert_int_equal(a->updates_made, b->updates_made);
    assert_true(!a->logp_old == !b->logp_old && !a->logp_ref == !b->logp_ref);
    if (a->logp_old) SAME(logp_old, tokens);
    if (a->logp_ref) SAME(logp_ref, tokens);
    if (a->stage < STAGE_WEIGHED) return;
    SAME(advantage, samples);
#undef SAME
}

static void every_stage_comes_back_from_disk(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 16);
    char *path = scratch_path(arena);
    Batch *asked = batch_new(2, 3, arena), *back;
    batch_ask(asked, 0, NULL, 5, 6, prompt_a, 3, arena);
    batch_ask(asked, 1, NULL, 7, UINT64_MAX, prompt_b, 2, arena);
    Batch *judged = sampled(arena);
    batch_open_judged(judged, 3, arena);
    judged->logp_roll[4] = NAN; // a batch that is dumped for its NaN must be readable
    const Batch *all[] = {asked, sampled(arena), judged, weighed(arena)};
    for (int i = 0; i < 4; i++) {
        assert_ok(batch_write(all[i], path));
        assert_ok(batch_read(path, &back, arena));
        assert_same(all[i], back);
        assert_null(back->task[0]);
    }
    unlink(path);
    arena_free(arena);
}

static void a_batch_goes_on_after_reading(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 16);
    char *path = scratch_path(arena);
    Batch *back;
    assert_ok(batch_write(sampled(arena), path));
    assert_ok(batch_read(path, &back, arena));
    batch_compact(back);
    batch_open_judged(back, 1, arena);
    batch_open_weighed(back, arena);
    assert_int_equal(batch_concat(back, back, arena)->n_tokens, 32);
    unlink(path);
    arena_free(arena);
}

// With the checksum made right: only the meaning of the bytes is left to refuse.
static Status parse_sealed(char *data, size_t size, Batch **out, Arena *arena) {
    uint32_t crc = (uint32_t)crc32_z(0, (const unsigned char *)data, size - 4);
    memcpy(data + size - 4, &crc, 4);
    return batch_parse(data, size, "sealed", out, arena);
}

static void every_cut_and_every_flipped_bit_is_refused(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 16);
    char *path = scratch_path(arena), *data;
    size_t size;
    Batch *back;
    assert_ok(batch_write(weighed(arena), path));
    assert_ok(file_read(path, &data, &size, arena));
    unlink(path);
    for (size_t cut = 0; cut < size; cut++) {
        char *part = malloc(cut + 1); // its own block, so that a read past it is seen
        memcpy(part, data, cut);
        assert_int_equal(batch_parse(part, cut, "cut", &back, arena), ST_FORMAT);
        if (cut >= 4) assert_int_equal(parse_sealed(part, cut, &back, arena), ST_FORMAT);
        free(part);
    }
    for (size_t bit = 0; bit < 8 * size; bit++) {
        data[bit / 8] ^= (char)(1 << bit % 8);
        assert_int_equal(batch_parse(data, size, "flip", &back, arena), ST_FORMAT);
        assert_null(back);
        data[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_ok(batch_parse(data, size, "whole", &back, arena));
    arena_free(arena);
}

static void lying_counts_and_ranges_are_refused(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 16);
    char *path = scratch_path(arena), *data;
    size_t size;
    Batch *back, *bad = sampled(arena);
    // offsets of the header's counts, see rollout/batch_file.c
    const struct {
        size_t at;
        int32_t value;
    } lies[] = {{8, 2},  {12, 0}, {12, 5},  {24, 3}, {24, -1}, {28, 1 << 30}, {32, 4}, {36, 5},
                {40, 1}, {48, 1}, {48, 16}, {48, 4}, {48, 8},  {52, -1},      {56, 1}, {64, 9}};
    assert_ok(batch_write(bad, path));
    assert_ok(file_read(path, &data, &size, arena));
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        char *copy = ARENA_ARRAY(arena, char, size);
        memcpy(copy, data, size);
        memcpy(copy + lies[i].at, &lies[i].value, 4);
        assert_int_equal(parse_sealed(copy, size, &back, arena), ST_FORMAT);
    }
    bad->token_end[2] = bad->n_tokens + 1;
    assert_ok(batch_write(bad, path));
    assert_int_equal(batch_read(path, &back, arena), ST_FORMAT);
    assert_non_null(strstr(status_text(), "sample 2"));
    bad = sampled(arena);
    bad->group_begin[1] = 5;
    assert_ok(batch_write(bad, path));
    assert_int_equal(batch_read(path, &back, arena), ST_FORMAT);
    assert_non_null(strstr(status_text(), "group_begin"));
    bad = weighed(arena);
    bad->kept_begin[9] += 100;
    assert_ok(batch_write(bad, path));
    assert_int_equal(batch_read(path, &back, arena), ST_FORMAT);
    assert_non_null(strstr(status_text(), "kept_begin"));
    bad = weighed(arena);
    memset(bad->part_name + BATCH_NAME_BYTES, 'x', BATCH_NAME_BYTES);
    assert_ok(batch_write(bad, path));
    assert_int_equal(batch_read(path, &back, arena), ST_FORMAT);
    assert_non_null(strstr(status_text(), "part 1 of the reward"));
    bad = weighed(arena);
    bad->answer_end[1] = 0; // before its begin
    assert_ok(batch_write(bad, path));
    assert_int_equal(batch_read(path, &back, arena), ST_FORMAT);
    assert_non_null(strstr(status_text(), "answer of sample 1"));
    unlink(path);
    assert_int_equal(batch_read(path, &back, arena), ST_IO);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compaction_closes_gaps_in_sample_order),
        cmocka_unit_test(optional_columns_move_with_their_tokens),
        cmocka_unit_test(turns_begin_where_the_speaker_changes),
        cmocka_unit_test(weight_and_loss_mask_are_apart),
        cmocka_unit_test(a_sample_knows_its_group),
        cmocka_unit_test(long_prompts_grow_the_column),
        cmocka_unit_test(joined_batches_keep_both_halves),
        cmocka_unit_test(every_stage_comes_back_from_disk),
        cmocka_unit_test(a_batch_goes_on_after_reading),
        cmocka_unit_test(every_cut_and_every_flipped_bit_is_refused),
        cmocka_unit_test(lying_counts_and_ranges_are_refused),
    };
    return cmocka_run_group_tests_name("rollout/batch", tests, NULL, NULL);
}
