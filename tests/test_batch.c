// tests/test_batch.c -- rollout/batch: columns in order, compaction, joining, the file.
#include "rollout/batch.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compaction_closes_gaps_in_sample_order),
        cmocka_unit_test(a_sample_knows_its_group),
        cmocka_unit_test(long_prompts_grow_the_column),
        cmocka_unit_test(joined_batches_keep_both_halves),
    };
    return cmocka_run_group_tests_name("rollout/batch", tests, NULL, NULL);
}
