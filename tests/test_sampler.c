// tests/test_sampler.c -- rollout/sampler: the rules by hand, the draw by chi-square.
#include "policy/cpu/drawrow.h"

#include <stdlib.h>

#include "base/rng.h"
#include "tests/test.h"

static uint64_t scratch[1 << 18];

static int32_t draw(DrawRule s, const float *logits, int vocab, double u) {
    assert_true(cpu_draw_row_bytes(vocab) <= sizeof scratch);
    return cpu_draw_row(&s, logits, vocab, u, scratch);
}

// The bitmask of tokens that a fine sweep over u reaches.
static unsigned reached(DrawRule s, const float *logits, int vocab) {
    unsigned mask = 0;
    for (int i = 0; i < 4096; i++) mask |= 1u << draw(s, logits, vocab, i / 4096.0);
    return mask;
}

// Probabilities 0.4, 0.1, 0.2, 0.05, 0.25 under ids 0..4.
static const float five[] = {-0.916290732f, -2.302585093f, -1.609437912f, -2.995732274f,
                             -1.386294361f};

static void the_draw_inverts_the_cumulative_sum(void **state) {
    (void)state;
    DrawRule s = draw_rule(1, 0, 1, 0);
    const double edge[] = {0.4, 0.5, 0.7, 0.75, 1.0};
    for (int i = 0; i < 5; i++) {
        double begin = i ? edge[i - 1] : 0;
        assert_int_equal(draw(s, five, 5, begin + 1e-6), i);
        assert_int_equal(draw(s, five, 5, edge[i] - 1e-6), i);
    }
    assert_int_equal(draw(s, five, 5, 0), 0);
    assert_int_equal(draw(s, five, 5, 1 - 0x1p-53), 4);
}

static void temperature_scales_before_the_rest(void **state) {
    (void)state;
    DrawRule s = draw_rule(0.5, 0, 1, 0); // squares: 0.16 .01 .04 .0025 .0625, sum 0.275
    assert_int_equal(draw(s, five, 5, 0.16 / 0.275 - 1e-6), 0);
    assert_int_equal(draw(s, five, 5, 0.16 / 0.275 + 1e-6), 1);
    assert_int_equal(draw(s, five, 5, 0.2125 / 0.275 + 1e-6), 4);
    assert_true(draw_logprob_scale(&s) == 2.0f);
}

static void greedy_takes_the_best_and_the_lower_id(void **state) {
    (void)state;
    DrawRule s = draw_rule(0, 0, 1, 0);
    const float tie[] = {0, 3, 1, 3, 3};
    assert_int_equal(draw(s, five, 5, 0.99), 0);
    assert_int_equal(draw(s, tie, 5, 0.99), 1);
    assert_true(draw_logprob_scale(&s) == 1.0f);
}

static void top_k_keeps_k_and_ties_go_to_the_lower_id(void **state) {
    (void)state;
    assert_int_equal(reached(draw_rule(1, 1, 1, 0), five, 5), 1u << 0);
    assert_int_equal(reached(draw_rule(1, 2, 1, 0), five, 5), 1u << 0 | 1u << 4);
    assert_int_equal(reached(draw_rule(1, 3, 1, 0), five, 5), 1u << 0 | 1u << 4 | 1u << 2);
    assert_int_equal(reached(draw_rule(1, 9, 1, 0), five, 5), 31u);
    const float tie[] = {0, 1, 1, 1, 0};
    assert_int_equal(reached(draw_rule(1, 2, 1, 0), tie, 5), 1u << 1 | 1u << 2);
    assert_int_equal(reached(draw_rule(1, 4, 1, 0), tie, 5), 15u);
}

static void top_p_keeps_the_fewest_that_reach_it(void **state) {
    (void)state; // ranked: id 0 (0.4), 4 (0.65), 2 (0.85), 1 (0.95), 3 (1)
    assert_int_equal(reached(draw_rule(1, 0, 0.39, 0), five, 5), 1u << 0);
    assert_int_equal(reached(draw_rule(1, 0, 0.41, 0), five, 5), 1u << 0 | 1u << 4);
    assert_int_equal(reached(draw_rule(1, 0, 0.66, 0), five, 5), 1u << 0 | 1u << 4 | 1u << 2);
    assert_int_equal(reached(draw_rule(1, 0, 0.96, 0), five, 5), 31u);
    assert_int_equal(reached(draw_rule(1, 0, 0, 0), five, 5), 1u << 0);
    // of what top-k left: 0.4 and 0.25 are 0.615 and 0.385 of it
    assert_int_equal(reached(draw_rule(1, 2, 0.61, 0), five, 5), 1u << 0);
    assert_int_equal(reached(draw_rule(1, 2, 0.62, 0), five, 5), 1u << 0 | 1u << 4);
}

static void min_p_keeps_a_share_of_the_best(void **state) {
    (void)state;
    assert_int_equal(reached(draw_rule(1, 0, 1, 0.6), five, 5), 1u << 0 | 1u << 4);
    assert_int_equal(reached(draw_rule(1, 0, 1, 0.49), five, 5), 1u << 0 | 1u << 4 | 1u << 2);
    assert_int_equal(reached(draw_rule(1, 0, 1, 1), five, 5), 1u << 0);
    assert_int_equal(reached(draw_rule(1, 2, 1, 0.1), five, 5), 1u << 0 | 1u << 4);
}

static void a_broken_row_is_refused(void **state) {
    (void)state;
    DrawRule s = draw_rule(1, 0, 1, 0), greedy = draw_rule(0, 0, 1, 0);
    const float nan_row[] = {0, NAN, 1}, inf_row[] = {0, INFINITY, 1};
    const float dead_row[] = {-INFINITY, -INFINITY}, masked[] = {-INFINITY, 0, -INFINITY, 0};
    assert_int_equal(draw(s, nan_row, 3, 0.5), -1);
    assert_int_equal(draw(s, inf_row, 3, 0.5), -1);
    assert_int_equal(draw(s, dead_row, 2, 0.5), -1);
    assert_int_equal(draw(greedy, nan_row, 3, 0.5), -1);
    assert_int_equal(reached(s, masked, 4), 1u << 1 | 1u << 3);
}

static void draws_follow_the_distribution(void **state) {
    (void)state;
    enum { V = 60, N = 100000 };
    const struct {
        DrawRule sampler;
        int kept; // the best `kept` ids may be drawn (logits fall with the id)
    } cases[] = {
        {draw_rule(1, 0, 1, 0), V}, {draw_rule(0.7, 0, 1, 0), V}, {draw_rule(1.3, 20, 1, 0), 20}};
    float logits[V];
    for (int i = 0; i < V; i++) logits[i] = -0.07f * (float)i;
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        static int count[V];
        memset(count, 0, sizeof count);
        for (uint32_t n = 0; n < N; n++) {
            RngKey key = {.seed = 3, .stream = RNG_TEST, .task = c, .sample = n % 50};
            count[draw(cases[c].sampler, logits, V, rng_uniform(&key, n / 50))]++;
        }
        double p[V], sum = 0, chi = 0;
        for (int i = 0; i < V; i++)
            p[i] = i < cases[c].kept
                       ? exp((double)logits[i] * (double)cases[c].sampler.inv_temperature)
                       : 0;
        for (int i = 0; i < V; i++) sum += p[i];
        for (int i = 0; i < V; i++) {
            double want = N * p[i] / sum;
            if (want == 0)
                assert_int_equal(count[i], 0);
            else
                chi += (count[i] - want) * (count[i] - want) / want;
        }
        double freedom = cases[c].kept - 1; // mean and, times two, variance of chi-square
        if (fabs(chi - freedom) > 5 * sqrt(2 * freedom))
            fail_msg("case %zu: chi-square %.1f at %.0f degrees of freedom", c, chi, freedom);
    }
}

typedef struct Ranked {
    float logit;
    int id;
} Ranked;

static int by_rank(const void *a, const void *b) {
    const Ranked *x = a, *y = b;
    if (x->logit != y->logit) return x->logit > y->logit ? -1 : 1;
    return x->id - y->id;
}

// A full sort and doubles, the plain way.
static int32_t plain_draw(DrawRule s, const float *logits, int vocab, double u, double *slack) {
    static Ranked r[1 << 17];
    static double p[1 << 17];
    double total = 0, mass = 0;
    for (int i = 0; i < vocab; i++) r[i] = (Ranked){logits[i], i};
    qsort(r, (size_t)vocab, sizeof *r, by_rank);
    int n = s.top_k > 0 && s.top_k < vocab ? s.top_k : vocab, m = 0;
    for (int i = 0; i < vocab; i++) p[i] = 0;
    for (int i = 0; i < n; i++)
        total += exp((double)s.inv_temperature * ((double)r[i].logit - (double)r[0].logit));
    while (m < n && (m == 0 || mass < s.top_p * total)) {
        double w = exp((double)s.inv_temperature * ((double)r[m].logit - (double)r[0].logit));
        mass += w;
        if (w >= s.min_p) p[r[m].id] = w;
        m++;
    }
    *slack = 1; // how near the edges of what was drawn u came
    mass = total = 0;
    for (int i = 0; i < vocab; i++) total += p[i];
    for (int i = 0; i < vocab; i++) {
        double begin = mass / total;
        mass += p[i];
        if (p[i] > 0 && u < mass / total) {
            *slack = fmin(u - begin, mass / total - u);
            return i;
        }
    }
    return -1;
}

static void selection_equals_a_full_sort(void **state) {
    (void)state;
    const int vocabs[] = {1, 2, 17, 60, 400, 5000, 100000};
    static float logits[100000];
    Rng rng = rng_open((RngKey){.seed = 9, .stream = RNG_TEST});
    int compared = 0;
    for (int c = 0; c < 7; c++) {
        int vocab = vocabs[c], rounds = vocab > 1000 ? 4 : 200;
        for (int n = 0; n < rounds; n++) {
            double spread = 0.5 + 3 * rng_double(&rng);
            for (int i = 0; i < vocab; i++) { // steps of 1/8, so that ties abound
                logits[i] = (float)(round(8 * spread * rng_normal(&rng)) / 8);
            }
            DrawRule s = draw_rule(
                0.5 + rng_double(&rng), n % 2 ? (int)rng_below(&rng, (uint32_t)vocab) + 1 : 0,
                n % 4 > 1 ? rng_double(&rng) : 1, n % 8 > 3 ? 0.2 * rng_double(&rng) : 0);
            double u = rng_double(&rng), slack;
            int32_t want = plain_draw(s, logits, vocab, u, &slack);
            if (slack < 1e-7) continue; // floats of z and 2^-44 may fall on either side
            assert_int_equal(draw(s, logits, vocab, u), want);
            compared++;
        }
    }
    assert_true(compared > 900);
}

// What was kept is exactly what the draws reach.
static void the_kept_set_is_what_can_be_drawn(void **state) {
    (void)state;
    const float logits[40] = {1.5f, -2,   0.5f, 0.5f, 3,     -1, 2.5f, 0.5f,       [20] = 2.75f,
                              -4,   1.5f, 1,    2,    0.25f, -3, 0.1f, [39] = 2.9f};
    const DrawRule rule[] = {draw_rule(1, 0, 1, 0),       draw_rule(0, 3, 0.5, 0),
                             draw_rule(1, 5, 1, 0),       draw_rule(0.7, 0, 0.6, 0),
                             draw_rule(1.3, 9, 0.8, 0.1), draw_rule(1, 0, 1, 0.2),
                             draw_rule(1, 1, 1, 0),       draw_rule(1, 0, 0.9, 0.9)};
    for (int r = 0; r < 8; r++) {
        uint32_t kept[2], reached[2] = {0};
        for (int i = 0; i < 60000; i++) {
            const int32_t t =
                cpu_draw_row_kept(&rule[r], logits, 40, (i + 0.5) / 60000, scratch, kept);
            assert_int_equal(t, cpu_draw_row(&rule[r], logits, 40, (i + 0.5) / 60000, scratch));
            reached[t / 32] |= 1u << (t % 32);
            assert_true(r < 2 || draw_kept(kept, t));
        }
        if (r < 2) reached[0] = reached[1] = 0; // nothing is cut: no bit
        assert_memory_equal(kept, reached, sizeof kept);
    }
    float row[40];
    const int32_t id[] = {3, 4, 20};
    memcpy(row, logits, sizeof row);
    cpu_keep_row(row + 4, 4, 30, id, 3); // a part of the columns
    for (int v = 0; v < 40; v++)
        assert_true(row[v] == (v < 4 || v >= 30 || v == 4 || v == 20 ? logits[v] : DRAW_LEFT_OUT));
    cpu_keep_row(row, 0, 40, NULL, 0);
    assert_true(row[0] == logits[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_kept_set_is_what_can_be_drawn),
        cmocka_unit_test(the_draw_inverts_the_cumulative_sum),
        cmocka_unit_test(temperature_scales_before_the_rest),
        cmocka_unit_test(greedy_takes_the_best_and_the_lower_id),
        cmocka_unit_test(top_k_keeps_k_and_ties_go_to_the_lower_id),
        cmocka_unit_test(top_p_keeps_the_fewest_that_reach_it),
        cmocka_unit_test(min_p_keeps_a_share_of_the_best),
        cmocka_unit_test(a_broken_row_is_refused),
        cmocka_unit_test(draws_follow_the_distribution),
        cmocka_unit_test(selection_equals_a_full_sort),
    };
    return cmocka_run_group_tests_name("rollout/sampler", tests, NULL, NULL);
}
