// tests/test_stop.c -- rollout/stop: tokens, texts across token boundaries, loops, length.
#include "rollout/stop.h"

#include "tests/test.h"

// A tokenizer of six tokens; id 5 has no bytes, as a padded vocabulary's does.
static const char *const piece[] = {"a", "</", "answer", ">\n", "</answer> tail"};
int tokenizer_size(const Tokenizer *tokenizer) {
    (void)tokenizer;
    return 5;
}
const char *tokenizer_bytes(const Tokenizer *tokenizer, int32_t id, size_t *size) {
    (void)tokenizer;
    assert_true(id >= 0 && id < 5);
    *size = strlen(piece[id]);
    return piece[id];
}

static void a_stop_token_stops(void **state) {
    (void)state;
    const int32_t stop[] = {9, 2}, response[] = {1, 9, 3, 2};
    StopRules rules = {.token = stop, .n_tokens = 2, .max_new_tokens = 10};
    assert_int_equal(stop_check(&rules, response, 4), FINISH_STOP);
    assert_int_equal(stop_check(&rules, response, 3), FINISH_NONE); // earlier tokens were asked
    assert_int_equal(stop_check(&rules, response, 2), FINISH_STOP);
}

static void a_text_is_found_across_tokens(void **state) {
    (void)state;
    const char *const text[] = {"</answer>"};
    StopRules rules = {.text = text, .n_texts = 1, .max_new_tokens = 10};
    const int32_t split[] = {0, 1, 2, 3}, inside[] = {0, 4}, padded[] = {1, 5, 2, -1, 3};
    assert_int_equal(stop_check(&rules, split, 3), FINISH_NONE);
    assert_int_equal(stop_check(&rules, split, 4), FINISH_STOP); // ends before the newline
    assert_int_equal(stop_check(&rules, inside, 2), FINISH_STOP);
    assert_int_equal(stop_check(&rules, padded, 5), FINISH_STOP);
    const int32_t broken[] = {1, 0, 2, 3}, headless[] = {2, 3}, after[] = {1, 2, 3, 0};
    assert_int_equal(stop_check(&rules, broken, 4), FINISH_NONE);
    assert_int_equal(stop_check(&rules, headless, 2), FINISH_NONE);
    assert_int_equal(stop_check(&rules, after, 4), FINISH_NONE);
    const char *const both[] = {"aa", "r>"};
    rules.text = both, rules.n_texts = 2;
    assert_int_equal(stop_check(&rules, (const int32_t[]){0, 0}, 2), FINISH_STOP);
    assert_int_equal(stop_check(&rules, split, 4), FINISH_STOP);
}

static void a_loop_fills_the_window(void **state) {
    (void)state;
    int32_t response[64];
    for (int period = 1; period <= 17; period++) {
        for (int i = 0; i < 64; i++) response[i] = i < 24 ? 100 + i : i % period;
        bool loop = period <= STOP_PERIOD_MAX;
        assert_int_equal(stop_repeats(response, 64, 40), loop);
        assert_false(stop_repeats(response, 64, 41) && period > 1); // token 23 is not in the loop
        assert_false(stop_repeats(response, 63, 40));
        assert_int_equal(stop_repeats(response, 64, 2 * period), loop);
    }
    for (int i = 0; i < 64; i++) response[i] = i % 4;
    assert_false(stop_repeats(response, 64, 7) != stop_repeats(response, 64, 6));
    assert_false(stop_repeats(response, 64, 0));
    assert_false(stop_repeats(response, 64, 1));
    response[60] = 9;
    assert_false(stop_repeats(response, 64, 16));
}

static void the_reason_has_an_order(void **state) {
    (void)state;
    const int32_t stop[] = {1}, response[] = {1, 1, 1, 1};
    StopRules rules = {.repeat_window = 4, .max_new_tokens = 4};
    assert_int_equal(stop_check(&rules, response, 3), FINISH_NONE);
    assert_int_equal(stop_check(&rules, response, 4), FINISH_REPEAT);
    rules.repeat_window = 0;
    assert_int_equal(stop_check(&rules, response, 4), FINISH_LENGTH);
    rules.token = stop, rules.n_tokens = 1;
    assert_int_equal(stop_check(&rules, response, 4), FINISH_STOP);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stop_token_stops),
        cmocka_unit_test(a_text_is_found_across_tokens),
        cmocka_unit_test(a_loop_fills_the_window),
        cmocka_unit_test(the_reason_has_an_order),
    };
    return cmocka_run_group_tests_name("rollout/stop", tests, NULL, NULL);
}
