// tests/test_kvpage.c -- policy/cpu/kvpage: what is put in a page is what panels and decoding read.
#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "policy/cpu/kvpage.h"
#include "policy/cpu/quant.h"
#include "policy/cpu/rows.h"
#include "tests/test.h"

enum { WIDE = 96, MAX_KEYS = 150, HEADS = 5 };
static const int widths[] = {2, 20, 32, 64, 70};

static void select_each_row(void (*check)(int d)) {
    for (int set = 0; set < GEMM_SETS; set++) {
        if (!gemm_set_supported((GemmSet)set)) continue;
        assert_ok(gemm_select(gemm_set_name((GemmSet)set)));
        for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) check(widths[i]);
    }
    assert_ok(gemm_select(NULL));
}

// Awkward numbers among ordinary ones.
static float number(Rng *rng, int i) {
    static const float odd[] = {0,       -0.0f,    1e-40f,      -1e-40f,
                                3.4e38f, -3.4e38f, 1.00390625f, 1.01171875f};
    return i % 9 == 8 ? odd[i / 9 % 8] : (float)rng_normal(rng);
}

static void check_slots(int d) {
    Rng rng = rng_open((RngKey){.seed = 5, .stream = RNG_TEST});
    uint16_t page[4 * 16 * WIDE] = {0};
    float key[16][WIDE], value[16][WIDE], keys[WIDE * GEMM_PANEL], values[WIDE * GEMM_PANEL];
    for (int j = 15; j >= 0; j--) {
        for (int i = 0; i < d; i++) key[j][i] = number(&rng, i + j), value[j][i] = number(&rng, i);
        kvpage_put(page, j, key[j], value[j], d);
    }
    kvpage_keys(keys, page, d);
    for (int j = 0; j < 16; j++) {
        kvpage_value(values, 32, 7, page + kvpage_keys_codes(d), j, d);
        for (int i = 0; i < kvpage_width(d); i++) {
            const float k = i < d ? bf16_round(key[j][i]) : 0,
                        v = i < d ? bf16_round(value[j][i]) : 0;
            assert_memory_equal(&k, &keys[gemm_order(i) * GEMM_PANEL + j], sizeof k);
            assert_memory_equal(&v, &values[(i / 32 * 32 + gemm_order(7)) * GEMM_PANEL + i % 32],
                                sizeof v);
        }
    }
}
static void what_is_put_is_read_rounded(void **state) {
    (void)state;
    select_each_row(check_slots);
}

typedef struct Keys { // d of each, rounded; and pages with them, dealt backwards
    float *k, *v, *q;
    uint16_t *store;
    int32_t page[MAX_KEYS / 16 + 1];
} Keys;

static Keys open_keys(int d) {
    enum { PAGES = MAX_KEYS / 16 + 1 };
    Rng rng = rng_open((RngKey){.seed = 6, .stream = RNG_TEST});
    const size_t n = (size_t)(MAX_KEYS * d + 64);
    Keys x = {.k = calloc(n, sizeof(float)),
              .v = calloc(n, sizeof(float)),
              .q = calloc(n * HEADS, sizeof(float)),
              .store = calloc(PAGES * kvpage_codes(d), sizeof(uint16_t))};
    for (int i = 0; i < MAX_KEYS * d; i++) {
        x.k[i] = bf16_round((float)rng_normal(&rng));
        x.v[i] = bf16_round((float)rng_normal(&rng));
    }
    for (int i = 0; i < MAX_KEYS * d * HEADS; i++) x.q[i] = (float)rng_normal(&rng);
    for (int i = 0; i < PAGES; i++) x.page[i] = PAGES - 1 - i;
    for (int j = 0; j < MAX_KEYS; j++)
        kvpage_put(x.store + (size_t)x.page[j / 16] * kvpage_codes(d), j % 16, x.k + j * d,
                   x.v + j * d, d);
    return x;
}
static void close_keys(Keys *x) {
    free(x->k), free(x->v), free(x->q), free(x->store);
}

// Of one new token, and of a piece of many.
static void check_attention(int d) {
    Keys x = open_keys(d);
    CpuDev dev = {.work = calloc(1, cpu_attention_bytes(MAX_KEYS, HEADS, d, d, false))};
    const size_t n = (size_t)(MAX_KEYS * HEADS * d + 64);
    float *want = calloc(n, sizeof *want), *got = calloc(n, sizeof *got);
    float lse[MAX_KEYS * HEADS], lse16[MAX_KEYS * HEADS];
    AttentionShape rows = {.tokens = MAX_KEYS,
                           .heads = HEADS,
                           .k = x.k,
                           .v = x.v,
                           .k_dim = d,
                           .v_dim = d,
                           .ldk = d,
                           .ldv = d,
                           .scale = 0.2f};
    cpu_attention(&dev, &rows, want, d, lse, 1, x.q, d);
    AttentionShape half = rows;
    half.k = half.v = NULL;
    half.k16 = half.next16 = x.store;
    half.page = half.next_page = x.page;
    half.next_pages = 1;
    half.page_rows = KVPAGE_ROWS;
    half.page_step = kvpage_codes(d);
    for (int t = 0, step; t < MAX_KEYS; t += step) {
        step = t % 7 == 3 && t + 20 < MAX_KEYS ? 20 : 1;
        half.pos0 = t;
        half.tokens = step;
        const size_t at = (size_t)(t * HEADS), some = (size_t)(step * HEADS);
        cpu_attention(&dev, &half, got, d, lse16, 1, x.q + at * (size_t)d, d);
        assert_memory_equal(got, want + at * (size_t)d, some * (size_t)d * sizeof *got);
        assert_memory_equal(lse16, lse + at, some * sizeof *lse);
    }
    free(want), free(got), free(dev.work);
    close_keys(&x);
}
static void attention_has_the_bits_of_rounded_rows(void **state) {
    (void)state;
    select_each_row(check_attention);
}

// A value that is not finite and comes after a token must not reach it, page or no page.
static void values_that_are_not_seen_are_not_read(void **state) {
    (void)state;
    enum { D = 32, BAD = 70 };
    Keys x = open_keys(D);
    CpuDev dev = {.work = calloc(1, cpu_attention_bytes(MAX_KEYS, HEADS, D, D, false))};
    float *want = calloc(MAX_KEYS * HEADS * D, sizeof *want), lse[MAX_KEYS * HEADS];
    float *got = calloc(MAX_KEYS * HEADS * D, sizeof *got);
    AttentionShape s = {.tokens = MAX_KEYS, .heads = HEADS, .k_dim = D, .v_dim = D, .scale = 0.2f};
    s.k16 = x.store, s.page = x.page, s.page_rows = KVPAGE_ROWS, s.page_step = kvpage_codes(D);
    cpu_attention(&dev, &s, want, D, lse, 1, x.q, D);
    x.v[BAD * D + 3] = INFINITY;
    kvpage_put(x.store + (size_t)x.page[BAD / 16] * kvpage_codes(D), BAD % 16, x.k + BAD * D,
               x.v + BAD * D, D);
    cpu_attention(&dev, &s, got, D, lse, 1, x.q, D);
    assert_memory_equal(got, want, BAD * HEADS * D * sizeof *got);
    assert_false(isfinite(got[BAD * HEADS * D + 3]));
    free(want), free(got), free(dev.work);
    close_keys(&x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_read_rounded),
        cmocka_unit_test(attention_has_the_bits_of_rounded_rows),
        cmocka_unit_test(values_that_are_not_seen_are_not_read),
    };
    return cmocka_run_group_tests_name("policy/cpu/kvpage", tests, NULL, NULL);
}
