// tests/test_curriculum.c -- rl/curriculum: what is remembered, what is preferred, what is saved.
#include "rl/curriculum.h"

#include "tests/test.h"

static const RlConfig by_level = {
    .curriculum = CURRICULUM_LEVEL, .curriculum_floor = 0.1, .curriculum_decay = 0.5};

static Task task(uint64_t id, int level) {
    return (Task){.id = id, .level = level, .source = "t"};
}

static void memory_moves_towards_what_was_seen(void **state) {
    (void)state;
    Curriculum *c = curriculum_new(&by_level, 1);
    Task one = task(1, 1), other = task(2, 1), hard = task(3, 2);
    assert_true(curriculum_rate(c, &one) == 0.5);
    curriculum_learn(c, &one, 8, 8);
    assert_true(curriculum_rate(c, &other) == 1);  // same level
    assert_true(curriculum_rate(c, &hard) == 0.5); // another
    curriculum_learn(c, &other, 0, 4);
    assert_true(curriculum_rate(c, &one) == 0.5);
    curriculum_learn(c, &other, 0, 0); // nothing known: nothing learned
    assert_true(curriculum_rate(c, &one) == 0.5);
    curriculum_free(c);
}

static int taken(const Curriculum *c, const Task *t) {
    int n = 0;
    for (uint64_t i = 0; i < 2000; i++) n += curriculum_takes(c, t, i);
    return n;
}

static void rates_near_one_half_are_preferred(void **state) {
    (void)state;
    Curriculum *c = curriculum_new(&by_level, 1);
    Task easy = task(1, 1), half = task(2, 2), some = task(3, 3), unseen = task(4, 4);
    curriculum_learn(c, &easy, 8, 8);
    curriculum_learn(c, &half, 4, 8);
    curriculum_learn(c, &some, 1, 8);
    assert_int_equal(taken(c, &half), 2000);
    assert_int_equal(taken(c, &unseen), 2000);
    assert_in_range(taken(c, &easy), 150, 250);  // the floor: 0.1
    assert_in_range(taken(c, &some), 930, 1060); // 0.1 + 0.9 * 4 * 1/8 * 7/8 = 0.494
    curriculum_free(c);
}

static void off_takes_everything(void **state) {
    (void)state;
    RlConfig cfg = by_level;
    cfg.curriculum = CURRICULUM_OFF;
    Curriculum *c = curriculum_new(&cfg, 1);
    Task t = task(1, 1);
    curriculum_learn(c, &t, 0, 8);
    assert_int_equal(taken(c, &t), 2000);
    curriculum_free(c);
}

static void a_saved_memory_decides_the_same(void **state) {
    (void)state;
    RlConfig cfg = by_level;
    cfg.curriculum = CURRICULUM_TASK;
    Curriculum *a = curriculum_new(&cfg, 3), *b = curriculum_new(&cfg, 3);
    for (uint64_t id = 0; id < 1000; id++) { // several growths of the table
        Task t = task(id * 7919, 0);
        curriculum_learn(a, &t, (int)(id % 9), 8 + (id % 9 == 8));
    }
    Str bytes = {0};
    curriculum_save(a, &bytes);
    assert_ok(curriculum_load(b, str_text(&bytes), bytes.size));
    for (uint64_t id = 0; id < 1000; id++) {
        Task t = task(id * 7919, 0);
        assert_true(curriculum_rate(a, &t) == curriculum_rate(b, &t));
        assert_true(curriculum_takes(a, &t, id) == curriculum_takes(b, &t, id));
    }
    Str again = {0};
    curriculum_save(b, &again);
    assert_true(again.size == bytes.size && memcmp(again.data, bytes.data, bytes.size) == 0);
    assert_int_equal(curriculum_load(b, bytes.data, bytes.size - 1), ST_FORMAT);
    Task t = task(7919, 0);
    assert_true(curriculum_rate(b, &t) == 0.5); // left empty
    str_free(&bytes), str_free(&again);
    curriculum_free(a), curriculum_free(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_moves_towards_what_was_seen),
        cmocka_unit_test(rates_near_one_half_are_preferred),
        cmocka_unit_test(off_takes_everything),
        cmocka_unit_test(a_saved_memory_decides_the_same),
    };
    return cmocka_run_group_tests_name("rl/curriculum", tests, NULL, NULL);
}
