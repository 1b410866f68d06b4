// tests/test_mix.c -- datasets/mix: shares hold, no task of a source is passed over.
#include "datasets/mix.h"

#include "base/rng.h"
#include "tests/test.h"

static Status count_up(const TaskSource *source, uint64_t index, Task *out, Arena *arena) {
    (void)arena;
    *out = (Task){.id = index, .source = source->name};
    return ST_OK;
}

static int closed;
static void close_one(TaskSource *source) {
    *source = (TaskSource){0};
    closed++;
}

static TaskSource source(const char *name, int64_t n) {
    return (TaskSource){.name = name, .n_tasks = n, .get = count_up, .close = close_one};
}

static void shares_hold_in_every_block_and_no_task_is_passed_over(void **state) {
    (void)state;
    TaskSource s[] = {source("a", 0), source("b", 50), source("never", 7), source("c", 0)};
    const double w[] = {3, 1, 0, 2};
    enum { BLOCKS = 4 };
    static char seen[4][BLOCKS * MIX_BLOCK];
    int count[4] = {0}, next_same = 0;
    TaskSource mix;
    assert_ok(mix_tasks(s, w, 4, 9, &mix));
    assert_int_equal(mix.n_tasks, 0);
    const char *before = "";
    for (uint64_t i = 0; i < BLOCKS * MIX_BLOCK; i++) {
        Task t;
        assert_ok(mix.get(&mix, i, &t, NULL));
        int k = t.source[0] == 'a' ? 0 : t.source[0] == 'b' ? 1 : t.source[0] == 'c' ? 3 : 2;
        assert_true(t.id < BLOCKS * MIX_BLOCK);
        assert_false(seen[k][t.id]);
        seen[k][t.id] = 1;
        count[k]++;
        next_same += t.source == before;
        before = t.source;
        if ((i + 1) % MIX_BLOCK == 0) {
            int blocks = (int)((i + 1) / MIX_BLOCK);
            assert_int_equal(count[0], 512 * blocks);
            assert_in_range(count[1], 170 * blocks, 171 * blocks);
            assert_int_equal(count[2], 0);
            assert_in_range(count[3], 341 * blocks, 342 * blocks);
            for (int j = 0; j < 4; j++) // what came so far are the first ones, each once
                for (int id = 0; id < count[j]; id++) assert_true(seen[j][id]);
        }
    }
    // Shuffled: neighbours are alike as often as by chance (.25 + .028 + .111 = .389).
    assert_in_range(next_same, 4096 * 34 / 100, 4096 * 44 / 100);
    mix.close(&mix);
    assert_int_equal(closed, 4);
}

static void a_mix_of_files_is_as_long_as_they_are(void **state) {
    (void)state;
    TaskSource s[] = {source("a", 100), source("b", 50), source("off", 0)}, mix;
    assert_ok(mix_tasks(s, (const double[]){.5, .5, 0}, 3, 0, &mix));
    assert_int_equal(mix.n_tasks, 150);
    mix.close(&mix);
}

static void weights_that_cannot_be_are_refused(void **state) {
    (void)state;
    TaskSource s[] = {source("a", 1), source("b", 1)}, mix;
    assert_int_equal(mix_tasks(s, (const double[]){0, 0}, 2, 0, &mix), ST_CONFIG);
    assert_int_equal(mix_tasks(s, (const double[]){1, -1}, 2, 0, &mix), ST_CONFIG);
    assert_int_equal(mix_tasks(s, (const double[]){1, (double)NAN}, 2, 0, &mix), ST_CONFIG);
    assert_int_equal(mix_tasks(s, (const double[]){1, 1e-9}, 2, 0, &mix), ST_CONFIG);
    assert_non_null(strstr(status_text(), "'b'"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_hold_in_every_block_and_no_task_is_passed_over),
        cmocka_unit_test(a_mix_of_files_is_as_long_as_they_are),
        cmocka_unit_test(weights_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
