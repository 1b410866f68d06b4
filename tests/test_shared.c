// tests/test_shared.c -- policy/cpu/shared: threads that share an op give the bits of one.
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "policy/cpu/rows.h"
#include "tests/test.h"

enum { ROWS = 301, COLS = 576, VOCAB = 5003, HEADS = 9, DIM = 64, N = 1536, K = 200, T = 300 };

static Pool *pool;

static float *values(size_t n, uint64_t seed) {
    float *x = malloc(n * sizeof *x);
    Rng rng = rng_open((RngKey){.seed = seed, .stream = RNG_EVAL});
    for (size_t i = 0; i < n; i++) x[i] = (float)rng_below(&rng, 2000) * 1e-3f - 1;
    return x;
}
static void same(const float *a, const float *b, size_t n) {
    assert_memory_equal(a, b, n * sizeof *a);
}

static void rows_of_norms_and_activations(void **state) {
    (void)state;
    CpuDev dev = {.pool = pool};
    const size_t n = (size_t)ROWS * COLS;
    float *x = values(n, 1), *y = values(n, 2), *z = values(n, 3), *gain = values(COLS, 4);
    float *a = values(n, 5), *b = values(n, 5), *c = values(n, 6), *d = values(n, 6);
    cpu_rmsnorm(NULL, a, COLS, x, COLS, gain, ROWS, COLS, 1e-5f);
    shared_rmsnorm(&dev, b, COLS, x, COLS, gain, ROWS, COLS, 1e-5f);
    same(a, b, n);
    cpu_swiglu(NULL, a, x, y, n - 7);
    shared_swiglu(&dev, b, x, y, n - 7);
    same(a, b, n);
    cpu_swiglu_grad(NULL, a, c, z, x, y, n - 7);
    shared_swiglu_grad(&dev, b, d, z, x, y, n - 7);
    same(a, b, n);
    same(c, d, n);
    int32_t pos[ROWS];
    for (int i = 0; i < ROWS; i++) pos[i] = i % 50;
    for (int inverse = 0; inverse < 2; inverse++) {
        cpu_rope_halves(NULL, a, COLS, HEADS, DIM, y, pos, ROWS, DIM, inverse);
        shared_rope_halves(&dev, b, COLS, HEADS, DIM, y, pos, ROWS, DIM, inverse);
        same(a, b, n);
    }
    float *all[] = {x, y, z, gain, a, b, c, d};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static void rows_of_logits(void **state) {
    (void)state;
    enum { R = 61 };
    CpuDev dev = {.pool = pool};
    const size_t n = (size_t)R * VOCAB;
    float *a = values(n, 1), *b = values(n, 1), lse[2][R], logp[2][R], entropy[2][R];
    float *dlogp = values(R, 2), *dentropy = values(R, 3);
    int32_t token[R];
    for (int i = 0; i < R; i++) token[i] = i * 80;
    KernelView va = {.data = a, .rows = R, .cols = VOCAB, .stride = VOCAB, .dtype = DTYPE_F32},
               vb = va;
    vb.data = b;
    assert_ok(cpu_logprob(NULL, va, token, 0.7f, logp[0], entropy[0], lse[0]));
    assert_ok(shared_logprob(&dev, vb, token, 0.7f, logp[1], entropy[1], lse[1]));
    same(logp[0], logp[1], R);
    same(entropy[0], entropy[1], R);
    same(lse[0], lse[1], R);
    assert_ok(cpu_logprob_grad(NULL, va, token, 0.7f, lse[0], entropy[0], dlogp, dentropy));
    assert_ok(shared_logprob_grad(&dev, vb, token, 0.7f, lse[0], entropy[0], dlogp, dentropy));
    same(a, b, n);
    float *all[] = {a, b, dlogp, dentropy};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static void a_weight_gradient(void **state) {
    (void)state;
    for (int precision = PRECISION_FP32; precision <= PRECISION_FP8; precision++) {
        const size_t n = (size_t)N * K;
        float *g = values((size_t)T * N + 64, 1), *x = values((size_t)T * K + 64, 2);
        float *a = values(n, 3), *b = values(n, 3);
        void *work = malloc(gemm_grad_work_bytes(T, N, K));
        const GemmOpts opts = {.accumulate = true};
        gemm_grad(a, K, g, N, x, K, T, N, K, &opts, (Precision)precision, work);
        CpuDev dev = {.pool = pool, .work = malloc(3 * shared_gemm_grad_bytes(T, N, K))};
        shared_gemm_grad(&dev, b, K, g, N, x, K, NULL, T, N, K, (Precision)precision);
        same(a, b, n);
        dev.pool = NULL;
        memcpy(b, a, n * sizeof *b);
        gemm_grad(a, K, g, N, x, K, T, N, K, &opts, (Precision)precision, work);
        shared_gemm_grad(&dev, b, K, g, N, x, K, NULL, T, N, K, (Precision)precision);
        same(a, b, n);
        void *all[] = {g, x, a, b, work, dev.work};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_norms_and_activations),
        cmocka_unit_test(rows_of_logits),
        cmocka_unit_test(a_weight_gradient),
    };
    pool = pool_new(3);
    const int failed = cmocka_run_group_tests_name("policy/cpu/shared", tests, NULL, NULL);
    pool_free(pool);
    return failed;
}
