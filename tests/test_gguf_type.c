// tests/test_gguf_type.c -- policy/files/gguf_type: the values that the `gguf` package gives, bit
// for bit (tests/golden/make_gguf.py).
#include "policy/files/gguf/gguf_type.h"

#include <stdlib.h>

#include "policy/files/dtype.h"
#include "policy/files/gguf/gguf.h"
#include "policy/files/safetensors.h"
#include "tests/test.h"

static Gguf *blocks;
static SafeTensors *want;

static int open_golden(void **state) {
    (void)state;
    assert_ok(gguf_open("tests/golden/gguf/blocks.gguf", &blocks));
    assert_ok(safetensors_open("tests/golden/gguf/blocks.safetensors", &want));
    return 0;
}

static int close_golden(void **state) {
    (void)state;
    gguf_close(blocks);
    safetensors_close(want);
    return 0;
}

static void every_type_decodes_to_the_same_bits(void **state) {
    (void)state;
    static const char *const names[] = {"F32",  "F16",  "BF16", "Q8_0", "Q4_0", "Q4_1",
                                        "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        const GgufTensor *t = gguf_tensor(blocks, names[k]);
        assert_non_null(t);
        assert_string_equal(t->type->name, names[k]);
        const size_t n = (size_t)(t->rows * t->cols);
        float *got = malloc(n * sizeof *got), *expect = malloc(n * sizeof *expect);
        assert_ok(gguf_rows(blocks, t, 0, t->rows, got));
        assert_ok(safetensors_read(want, names[k], (int)t->rows, (int)t->cols, expect));
        for (size_t i = 0; i < n; i++)
            if (memcmp(&got[i], &expect[i], 4) != 0)
                fail_msg("%s: value %zu is %.9g, wanted %.9g", names[k], i, (double)got[i],
                         (double)expect[i]);
        float row[512]; // a row alone is the same row
        assert_ok(gguf_rows(blocks, t, 1, 1, row));
        assert_memory_equal(row, got + t->cols, (size_t)t->cols * sizeof *row);
        free(got);
        free(expect);
    }
}

static void q8_0_is_written_as_llama_cpp_writes_it(void **state) {
    (void)state;
    float x[3 * 64];
    unsigned char code[3 * 68];
    const SafeTensor *expect = safetensors_find(want, "q8_0.code");
    assert_ok(safetensors_read(want, "q8_0.source", 3, 64, x));
    gguf_encode(gguf_type(GGUF_Q8_0), x, 3 * 64, code);
    assert_int_equal(expect->bytes, sizeof code);
    assert_memory_equal(code, expect->data, sizeof code);
}

static void plain_types_go_there_and_back(void **state) {
    (void)state;
    static const uint32_t number[] = {GGUF_F32, GGUF_F16, GGUF_BF16};
    for (int k = 0; k < 3; k++) {
        const GgufType *type = gguf_type(number[k]);
        const GgufTensor *t = gguf_tensor(blocks, type->name);
        float x[120];
        unsigned char back[480];
        gguf_decode(type, t->data, 120, x);
        gguf_encode(type, x, 120, back);
        assert_memory_equal(back, t->data, t->bytes);
    }
}

// All F16 codes, and the roundings at their edges.
static void f16_rounds_to_nearest_even(void **state) {
    (void)state;
    for (uint32_t b = 0; b < 0x7C00; b++) {
        const float x = dtype_from_f16((uint16_t)b), next = dtype_from_f16((uint16_t)(b + 1));
        assert_int_equal(dtype_to_f16(x), b);
        assert_int_equal(dtype_to_f16(-x), b | 0x8000);
        if (b + 1 == 0x7C00) continue;
        const float middle = (float)(((double)x + (double)next) / 2);
        assert_int_equal(dtype_to_f16(middle), b + (b & 1));
        assert_int_equal(dtype_to_f16(nextafterf(middle, 0)), b);
        assert_int_equal(dtype_to_f16(nextafterf(middle, 1e9f)), b + 1);
    }
    assert_int_equal(dtype_to_f16(65519.0f), 0x7BFF);
    assert_int_equal(dtype_to_f16(65520.0f), 0x7C00);
    assert_int_equal(dtype_to_f16(-INFINITY), 0xFC00);
    assert_int_equal(dtype_to_f16(1e30f), 0x7C00);
    assert_int_equal(dtype_to_f16(1e-30f), 0);
    assert_true(isnan(dtype_from_f16(dtype_to_f16(NAN))));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_decodes_to_the_same_bits),
        cmocka_unit_test(q8_0_is_written_as_llama_cpp_writes_it),
        cmocka_unit_test(plain_types_go_there_and_back),
        cmocka_unit_test(f16_rounds_to_nearest_even),
    };
    return cmocka_run_group_tests_name("policy/files/gguf_type", tests, open_golden, close_golden);
}
