// tests/test_rng.c -- base/rng: the published vectors, and draws that have no history.
#include "base/rng.h"

#include "tests/test.h"

// kat_vectors of the Random123 distribution, philox4x32 with 10 rounds.
static void philox_gives_the_published_words(void **state) {
    (void)state;
    const struct {
        uint32_t counter[4], key[2], want[4];
    } row[] = {
        {{0}, {0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        uint32_t out[4];
        rng_philox(row[k].counter, row[k].key, out);
        assert_memory_equal(out, row[k].want, sizeof out);
    }
}

// Part of saved runs: these may never change.
static void draws_stay_what_they_were(void **state) {
    (void)state;
    const RngKey key = {.seed = 1, .stream = RNG_SAMPLE, .step = 2, .task = 3, .sample = 4};
    uint32_t out[4];
    rng_block(&key, 5, out);
    const uint32_t want[4] = {0xb2d8dc70, 0xf6e2ef72, 0xcb1b33cf, 0x42175d4d};
    for (int k = 0; k < 4; k++) assert_int_equal(out[k], want[k]);
}

static void every_field_of_the_key_counts(void **state) {
    (void)state;
    const RngKey key[] = {
        {.seed = 1},
        {.seed = 2},
        {.seed = 1ull << 40},
        {.seed = 1, .stream = 1},
        {.seed = 1, .step = 1},
        {.seed = 1, .task = 1},
        {.seed = 1, .task = 1ull << 40},
        {.seed = 1, .sample = 1},
    };
    enum { N = sizeof key / sizeof *key };
    uint32_t word[2 * N][4];
    for (uint32_t k = 0; k < 2 * N; k++) rng_block(&key[k / 2], k % 2, word[k]);
    for (int a = 0; a < 2 * N; a++)
        for (int b = 0; b < a; b++) assert_memory_not_equal(word[a], word[b], sizeof word[a]);
}

static void a_reader_continues_and_starts_anew(void **state) {
    (void)state;
    const RngKey key = {.seed = 9, .stream = RNG_TEST};
    Rng a = rng_open(key), b = rng_open(key);
    uint32_t block[4];
    for (uint32_t i = 0; i < 40; i++) {
        if (i % 4 == 0) rng_block(&key, i / 4, block);
        assert_int_equal(rng_u32(&a), block[i % 4]);
    }
    assert_int_equal(rng_u32(&b), (rng_block(&key, 0, block), block[0]));
}

static void numbers_are_spread_evenly(void **state) {
    (void)state;
    enum { N = 60000 };
    Rng rng = rng_open((RngKey){.seed = 3, .stream = RNG_TEST});
    int count[6] = {0};
    double sum = 0, square = 0, unit = 0;
    for (int i = 0; i < N; i++) {
        int die = rng_range(&rng, 1, 6);
        assert_in_range(die, 1, 6);
        count[die - 1]++;
        double z = rng_normal(&rng), u = rng_double(&rng);
        assert_true(u >= 0 && u < 1);
        sum += z, square += z * z, unit += u;
    }
    for (int k = 0; k < 6; k++) assert_in_range(count[k], 10000 - 500, 10000 + 500); // 5 deviations
    assert_true(fabs(sum / N) < 0.02 && fabs(square / N - 1) < 0.04 && fabs(unit / N - 0.5) < 0.01);
    assert_int_equal(rng_range(&rng, -7, -7), -7);
    assert_int_equal(rng_below(&rng, 1), 0);
}

static void hashes_are_the_published_ones(void **state) {
    (void)state;
    assert_true(rng_hash("", 0) == 0xcbf29ce484222325u);
    assert_true(rng_hash("foobar", 6) == 0x85944171f73967e8u); // FNV-1a's own test
    assert_true(rng_mix(0) == 0xe220a8397b1dcdafu);            // SplitMix64's first, seed 0
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_published_words),
        cmocka_unit_test(draws_stay_what_they_were),
        cmocka_unit_test(every_field_of_the_key_counts),
        cmocka_unit_test(a_reader_continues_and_starts_anew),
        cmocka_unit_test(numbers_are_spread_evenly),
        cmocka_unit_test(hashes_are_the_published_ones),
    };
    return cmocka_run_group_tests_name("base/rng", tests, NULL, NULL);
}
