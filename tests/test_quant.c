// tests/test_quant.c -- policy/cpu/quant: every E4M3 code, rounding by brute force, block scales.
#include "policy/cpu/quant.h"

#include <stdlib.h>

#include "base/pool.h"
#include "policy/cpu/gemm.h"
#include "tests/test.h"

static uint64_t seed = 3;
static uint32_t draw(void) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 32);
}

// The value of a code from the format's definition.
static double value_of(int code) {
    const int e = code >> 3 & 15, m = code & 7;
    const double v = e ? ldexp(1 + m / 8.0, e - 7) : ldexp(m / 8.0, -6);
    return code & 0x80 ? -v : v;
}

static void every_code_decodes_and_encodes_back(void **state) {
    (void)state;
    for (int c = 0; c < 256; c++) {
        const float v = e4m3_decode((uint8_t)c);
        if ((c & 0x7f) == 0x7f) {
            assert_true(isnan(v));
            assert_int_equal(e4m3_encode(v), c);
            continue;
        }
        assert_true((double)v == value_of(c) && !!signbit(v) == (c >> 7));
        assert_int_equal(e4m3_encode(v), c);
        assert_true(float_bits(bf16_round(v)) == float_bits(v)); // exact in bf16
    }
}

// The nearest code, ties to the even one, by looking at all of them.
static int nearest(float x) {
    const double a = fabs((double)x);
    int best = 0;
    for (int c = 1; c < 0x7f; c++) {
        const double now = fabs(value_of(c) - a), was = fabs(value_of(best) - a);
        if (now < was || (now == was && c % 2 == 0)) best = c;
    }
    return best | (signbit(x) ? 0x80 : 0);
}

static void encoding_rounds_to_nearest_even(void **state) {
    (void)state;
    for (int c = 0; c < 0x7e; c++) { // the halves between neighbours, and just beside them
        const float half = (float)((value_of(c) + value_of(c + 1)) / 2);
        const float x[] = {half, nextafterf(half, 0), nextafterf(half, 1e9f)};
        for (int i = 0; i < 3; i++) {
            assert_int_equal(e4m3_encode(x[i]), nearest(x[i]));
            assert_int_equal(e4m3_encode(-x[i]), nearest(-x[i]));
            assert_true((double)e4m3_round(x[i]) == value_of(nearest(x[i])));
        }
    }
    for (int i = 0; i < 20000; i++) {
        const float x = ldexpf((float)(int32_t)draw() / 2147483648.0f, (int)(draw() % 24) - 14);
        assert_int_equal(e4m3_encode(x), nearest(x));
    }
}

static void large_values_saturate(void **state) {
    (void)state;
    const float big[] = {448, 449, 464, 480, 1e30f, INFINITY};
    for (int i = 0; i < 6; i++) {
        assert_int_equal(e4m3_encode(big[i]), 0x7e);
        assert_int_equal(e4m3_encode(-big[i]), 0xfe);
        assert_true(e4m3_round(big[i]) == 448 && e4m3_round(-big[i]) == -448);
    }
    assert_true(isnan(e4m3_round(NAN)));
}

static void bf16_rounds_to_nearest_even(void **state) {
    (void)state;
    for (int i = 0; i < 200000; i++) {
        const float x = float_of(draw());
        const float r = bf16_round(x);
        if (isnan(x)) {
            assert_true(isnan(r) && isnan(bf16_decode(bf16_encode(x))));
            continue;
        }
        assert_true(bf16_decode(bf16_encode(x)) == r && (float_bits(r) & 0xffff) == 0);
        if (fpclassify(x) == FP_SUBNORMAL || x == 0) {
            assert_true((float_bits(r) & 0x7fffffff) == 0);
            continue;
        }
        const uint32_t below = float_bits(x) & 0xffff0000u, rest = float_bits(x) & 0xffffu;
        const bool up = rest > 0x8000 || (rest == 0x8000 && (below >> 16 & 1));
        assert_int_equal(float_bits(r), isinf(x) ? below : below + (up ? 0x10000u : 0));
    }
}

static void arrays_round_as_single_values_do(void **state) {
    (void)state;
    enum { N = 1000 };
    static float x[N], y[N];
    for (int set = 0; set < GEMM_SETS; set++) {
        if (!gemm_set_supported((GemmSet)set)) continue;
        assert_ok(gemm_select(gemm_set_name((GemmSet)set)));
        for (int round = 0; round < 100; round++) {
            for (int i = 0; i < N; i++) // half of them any bits at all
                x[i] =
                    i & 1 ? float_of(draw())
                          : ldexpf((float)(int32_t)draw() / 2147483648.0f, (int)(draw() % 24) - 14);
            bf16_round_n(y, x, N - round);
            for (int i = 0; i < N - round; i++)
                assert_int_equal(float_bits(y[i]), float_bits(bf16_round(x[i])));
            e4m3_round_n(y, x, 1, N - round);
            for (int i = 0; i < N - round; i++)
                if (!isnan(x[i]))
                    assert_int_equal(float_bits(y[i]), float_bits(e4m3_round(x[i])));
                else
                    assert_true(isnan(y[i]));
        }
    }
}

static void rows_are_scaled_in_tiles_of_128(void **state) {
    (void)state;
    assert_ok(gemm_select("auto"));
    float x[300] = {0}, scale[3];
    uint8_t code[300];
    x[5] = -896, x[6] = 448, x[7] = 3; // first tile: scale 2
    x[130] = 1e-6f;                    // second: the floor
    x[299] = 44.8f;                    // third, ragged
    quant_row(code, scale, x, 300);
    assert_true(scale[0] == 2 && scale[1] == 1e-4f / 448 && scale[2] == 44.8f / 448);
    assert_int_equal(code[5], 0xfe); // -448
    assert_true(e4m3_decode(code[6]) == 224 && e4m3_decode(code[7]) == 1.5f);
    assert_int_equal(code[130], e4m3_encode(1e-6f / scale[1]));
    assert_int_equal(code[299], 0x7e);
    assert_int_equal(code[0], 0);
}

int main(void) {
    pool_flush_denormals();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_decodes_and_encodes_back),
        cmocka_unit_test(encoding_rounds_to_nearest_even),
        cmocka_unit_test(large_values_saturate),
        cmocka_unit_test(bf16_rounds_to_nearest_even),
        cmocka_unit_test(arrays_round_as_single_values_do),
        cmocka_unit_test(rows_are_scaled_in_tiles_of_128),
    };
    return cmocka_run_group_tests_name("policy/cpu/quant", tests, NULL, NULL);
}
