// tests/test_attention.c -- policy/cpu/attention: against doubles, row by row, with gradients.
#include <stdlib.h>

#include "base/rng.h"
#include "policy/cpu/rows.h"
#include "tests/test.h"

enum { T = 150, H = 3, K1 = 20, K2 = 6, V = 20, QK = K1 + K2, LD = 29 };

typedef struct AttentionCase {
    float key[T * LD + 64], q[T * H * QK + 64], o[T * H * V + 64], lse[T * H], dout[T * H * V + 64];
    AttentionShape shape;
    CpuDev dev;
} AttentionCase;

static AttentionCase *open_case(void) {
    AttentionCase *c = calloc(1, sizeof *c);
    Rng rng = rng_open((RngKey){.seed = 4, .stream = RNG_TEST});
    for (int i = 0; i < T * LD; i++) c->key[i] = (float)rng_normal(&rng);
    for (int i = 0; i < T * H * QK; i++) c->q[i] = (float)rng_normal(&rng);
    for (int i = 0; i < T * H * V; i++) c->dout[i] = (float)rng_normal(&rng);
    c->shape = (AttentionShape){.tokens = T,
                                .heads = H,
                                .k = c->key,
                                .k2 = c->key + K1,
                                .v = c->key,
                                .k_dim = K1,
                                .k2_dim = K2,
                                .v_dim = V,
                                .ldk = LD,
                                .ldk2 = LD,
                                .ldv = LD,
                                .scale = 0.3f};
    c->dev.work = calloc(1, cpu_attention_bytes(T, H, QK, V, true));
    return c;
}
static void close_case(AttentionCase *c) {
    free(c->dev.work);
    free(c);
}

// sum of dout * o in doubles, o by the textbook; also checks o and lse if asked.
static double textbook(const AttentionCase *c, bool check) {
    double total = 0;
    for (int t = 0; t < T; t++)
        for (int h = 0; h < H; h++) {
            double s[T], max = -1e300, sum = 0;
            for (int j = 0; j <= t; j++) {
                s[j] = 0;
                for (int i = 0; i < QK; i++)
                    s[j] += (double)c->q[(t * H + h) * QK + i] * (double)c->key[j * LD + i];
                s[j] *= (double)c->shape.scale;
                max = fmax(max, s[j]);
            }
            for (int j = 0; j <= t; j++) sum += exp(s[j] - max);
            for (int i = 0; i < V; i++) {
                double o = 0;
                for (int j = 0; j <= t; j++)
                    o += exp(s[j] - max) / sum * (double)c->key[j * LD + i];
                const int at = (t * H + h) * V + i;
                if (check) assert_true(fabs(o - (double)c->o[at]) < 3e-6);
                total += o * (double)c->dout[at];
            }
            if (check) assert_true(fabs(max + log(sum) - (double)c->lse[t * H + h]) < 3e-6);
        }
    return total;
}

static void agrees_with_the_textbook(void **state) {
    (void)state;
    AttentionCase *c = open_case();
    cpu_attention(&c->dev, &c->shape, c->o, V, c->lse, 1, c->q, QK);
    textbook(c, true);
    close_case(c);
}

static void one_row_has_the_bits_of_many_and_pages_change_nothing(void **state) {
    (void)state;
    AttentionCase *c = open_case();
    cpu_attention(&c->dev, &c->shape, c->o, V, c->lse, 1, c->q, QK);
    // the same keys in pages of 16, dealt backwards; what lies past the last key is garbage
    enum { PAGES = (T + 15) / 16 };
    float *store = malloc(PAGES * 16 * LD * sizeof *store), o[H * V], lse[H];
    int32_t page[PAGES];
    for (int i = 0; i < PAGES * 16 * LD; i++) store[i] = 1e30f;
    for (int i = 0; i < PAGES; i++) page[i] = PAGES - 1 - i;
    for (int j = 0; j < T; j++)
        memcpy(store + (page[j / 16] * 16 + j % 16) * LD, c->key + j * LD, LD * sizeof *store);
    for (int t = 0; t < T; t++) {
        AttentionShape s = c->shape;
        s.tokens = 1;
        s.pos0 = t;
        s.k = s.v = store;
        s.k2 = store + K1;
        s.page = page;
        s.page_rows = 16;
        s.page_step = 16 * LD;
        for (int joined = 0; joined < 2; joined++) { // keys in one part are turned, not packed
            cpu_attention(&c->dev, &s, o, V, lse, 1, c->q + t * H * QK, QK);
            assert_memory_equal(o, c->o + t * H * V, sizeof o);
            assert_memory_equal(lse, c->lse + t * H, sizeof lse);
            s.k_dim = QK;
            s.k2_dim = 0;
        }
    }
    free(store);
    close_case(c);
}

// What a later token's key or value holds does not reach an earlier one, not even as 0 * NaN.
static void rows_that_are_masked_are_not_read(void **state) {
    (void)state;
    static const int bad[] = {1, 40, 63, 64, 100, T - 1};
    static const float poison[] = {NAN, INFINITY, -INFINITY};
    AttentionCase *c = open_case();
    float *want = malloc(sizeof c->o), *want_lse = malloc(sizeof c->lse);
    cpu_attention(&c->dev, &c->shape, c->o, V, c->lse, 1, c->q, QK);
    memcpy(want, c->o, sizeof c->o), memcpy(want_lse, c->lse, sizeof c->lse);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        for (int whole = 0; whole < 2; whole++) {
            float *row = c->key + bad[i] * LD, keep[LD], value[T * LD];
            memcpy(keep, row, sizeof keep);
            memcpy(value, c->key, sizeof value);
            for (int k = whole ? 0 : V - 3; k < (whole ? QK : V); k++) row[k] = poison[i % 3];
            cpu_attention(&c->dev, &c->shape, c->o, V, c->lse, 1, c->q, QK);
            assert_memory_equal(c->o, want, (size_t)(bad[i] * H * V) * sizeof *want);
            assert_memory_equal(c->lse, want_lse, (size_t)(bad[i] * H) * sizeof *want);
            memcpy(row, keep, sizeof keep);
            // values apart from keys: rows that see it are none, lse knows nothing of it
            AttentionShape s = c->shape;
            s.v = value;
            value[bad[i] * LD + 5] = poison[i % 3];
            cpu_attention(&c->dev, &s, c->o, V, c->lse, 1, c->q, QK);
            assert_memory_equal(c->o, want, (size_t)(bad[i] * H * V) * sizeof *want);
            assert_memory_equal(c->lse, want_lse, sizeof c->lse);
            for (int r = bad[i] * H; r < T * H; r++)
                for (int k = 0; k < V; k++)
                    if (k == 5)
                        assert_false(isfinite(c->o[r * V + k]));
                    else
                        assert_memory_equal(&c->o[r * V + k], &want[r * V + k], sizeof *want);
        }
    free(want), free(want_lse);
    close_case(c);
}

static void gradients_agree_with_differences(void **state) {
    (void)state;
    AttentionCase *c = open_case();
    float *dq = calloc(T * H * QK + 64, sizeof *dq), *dk = calloc(T * QK + 64, sizeof *dk);
    float *dk2 = calloc(T * QK + 64, sizeof *dk), *dv = calloc(T * V + 64, sizeof *dv);
    cpu_attention(&c->dev, &c->shape, c->o, V, c->lse, 1, c->q, QK);
    cpu_attention_grad(
        &c->dev, &c->shape,
        &(AttentionGrad){.dq = dq, .lddq = QK, .dk = dk, .dv = NULL, .lddk = QK, .lddv = V},
        c->dout, c->o, V, c->lse, 1, c->q, QK);
    cpu_attention_grad(
        &c->dev, &c->shape,
        &(AttentionGrad){.dq = dq, .lddq = QK, .dk = dk2, .dv = dv, .lddk = QK, .lddv = V}, c->dout,
        c->o, V, c->lse, 1, c->q, QK);
    for (int j = 0; j < T; j++) // values inside keys, or apart: the same sum
        for (int i = 0; i < QK; i++)
            assert_true(fabsf(dk[j * QK + i] - dk2[j * QK + i] - (i < V ? dv[j * V + i] : 0)) <
                        1e-4f);
    static const int probe[] = {0, 5, 63, 64, 65, 127, 128, 149};
    for (size_t p = 0; p < sizeof probe / sizeof *probe; p++)
        for (int what = 0; what < 2; what++) {
            const int t = probe[p], i = (int)p * 3 % QK;
            float *x = what ? &c->q[(t * H + 1) * QK + i] : &c->key[t * LD + i];
            const float keep = *x, got = what ? dq[(t * H + 1) * QK + i] : dk[t * QK + i];
            *x = keep + 1e-3f;
            const double up = textbook(c, false), high = (double)*x;
            *x = keep - 1e-3f;
            const double want = (up - textbook(c, false)) / (high - (double)*x);
            *x = keep;
            if (fabs(want - (double)got) > 2e-4 * (1 + fabs(want)))
                fail_msg("%s %d,%d: %g, difference %g", what ? "q" : "key", t, i, (double)got,
                         want);
        }
    free(dq), free(dk), free(dk2), free(dv);
    close_case(c);
}

static void near(const float *got, const float *want, int from, int to) {
    for (int i = from; i < to; i++)
        assert_true(fabsf(got[i] - want[i]) <= 1e-4f * (1 + fabsf(want[i])));
}

// A key that is none reaches no query before it; a query, or a gradient, that is none no key after
// it.
static void gradients_pass_masked_places_over(void **state) {
    (void)state;
    enum { DQ = T * H * QK, DK = T * QK, DV = T * V };
    static const int bad[] = {1, 40, 63, 64, 100, T - 2};
    AttentionCase *c = open_case();
    float *want = calloc(DQ + DK + DV + 64, sizeof *want), *got = calloc(DQ + DK + DV + 64, 4);
    float *dk = got + DQ, *dv = dk + DK;
    cpu_attention(&c->dev, &c->shape, c->o, V, c->lse, 1, c->q, QK);
    cpu_attention_grad(
        &c->dev, &c->shape,
        &(AttentionGrad){
            .dq = want, .lddq = QK, .dk = want + DQ, .dv = want + DQ + DK, .lddk = QK, .lddv = V},
        c->dout, c->o, V, c->lse, 1, c->q, QK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        for (int what = 0; what < 3; what++) {
            const int b = bad[i];
            float *x = what == 0   ? &c->key[b * LD + 3]
                       : what == 1 ? &c->q[(b * H + 1) * QK + 3]
                                   : &c->dout[(b * H + 1) * V + 3];
            const float keep = *x;
            *x = i % 2 ? NAN : INFINITY;
            memset(got, 0, (DQ + DK + DV) * sizeof *got);
            cpu_attention(&c->dev, &c->shape, c->o, V, c->lse, 1, c->q, QK);
            cpu_attention_grad(
                &c->dev, &c->shape,
                &(AttentionGrad){.dq = got, .lddq = QK, .dk = dk, .dv = dv, .lddk = QK, .lddv = V},
                c->dout, c->o, V, c->lse, 1, c->q, QK);
            near(got, want, 0, b * H * QK);
            if (what > 0) {
                near(got, want, (b + 1) * H * QK, DQ);
                near(dk, want + DQ, (b + 1) * QK, DK);
                near(dv, want + DQ + DK, (b + 1) * V, DV);
                assert_false(isfinite(got[(b * H + 1) * QK + 3]));
            }
            *x = keep;
        }
    free(want), free(got);
    close_case(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_textbook),
        cmocka_unit_test(one_row_has_the_bits_of_many_and_pages_change_nothing),
        cmocka_unit_test(rows_that_are_masked_are_not_read),
        cmocka_unit_test(gradients_agree_with_differences),
        cmocka_unit_test(gradients_pass_masked_places_over),
    };
    return cmocka_run_group_tests_name("policy/attention", tests, NULL, NULL);
}
