// tests/test_batch.c -- rollout/batch: columns in order, compaction, joining, the file.
#include "rollout/batch.h"

#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "base/file.h"
#include "tests/test.h"

static const int32_t prompt_a[] = {1, 2, 3}, prompt_b[] = {4, 5};

// Two groups of two; responses of 2, 0, 3 and 1 tokens in room for 4.
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
            int at = b->token_end[i]++;
            b->token[at] = 100 * (i + 1) + t;
            b->mask[at] = TOKEN_SAMPLED;
            b->logp_roll[at] = -0.5f * (float)(i + 1) - (float)t;
        }
        b->finish[i] = i == 1 ? FINISH_ABORT : FINISH_STOP;
        b->version_min[i] = 3, b->version_max[i] = 4;
    }
    return b;
}

static Batch *weighed(Arena *arena) {
    Batch *b = sampled(arena);
    batch_compact(b);
    batch_open_judged(b, 2, arena);
    for (int i = 0; i < 4; i++) {
        b->verdict[i] = (uint8_t)(i % 3);
        b->reward[i] = (float)i;
        b->part[0][i] = 0.25f * (float)i, b->part[1][i] = 1;
        b->weight[i] = i == 1 ? 0.0f : 1.0f;
    }
    batch_open_weighed(b, arena);
    for (int i = 0; i < 4; i++) b->advantage[i] = (float)i - 1.5f;
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
        assert_int_equal(b->mask[t], want[t] >= 100 ? TOKEN_SAMPLED : TOKEN_PROMPT);
        assert_true((b->logp_roll[t] < 0) == (want[t] >= 100));
    }
    assert_true(b->logp_roll[12] == -3.5f);
    assert_int_equal(batch_response_length(b, 2), 3);
    assert_int_equal(batch_response_length(b, 1), 0);
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
    }
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
    SAME(version_min, samples);
    SAME(version_max, samples);
    SAME(token, (size_t)a->n_tokens);
    SAME(mask, (size_t)a->n_tokens);
    SAME(logp_roll, (size_t)a->n_tokens);
    if (a->stage < STAGE_JUDGED) return;
    assert_int_equal(a->n_parts, b->n_parts);
    SAME(verdict, samples);
    SAME(reward, samples);
    for (int p = 0; p < a->n_parts; p++) SAME(part[p], samples);
    SAME(weight, samples);
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
    } lies[] = {{8, 2},        {12, 0}, {12, 5}, {24, 3}, {24, -1},
                {28, 1 << 30}, {32, 4}, {36, 5}, {40, 1}};
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
    unlink(path);
    assert_int_equal(batch_read(path, &back, arena), ST_IO);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compaction_closes_gaps_in_sample_order),
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
