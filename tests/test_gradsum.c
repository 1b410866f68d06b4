// tests/test_gradsum.c -- partial sums add up to the same bits in any order, in the buffers that
// are promised.
#include "policy/gradsum.h"
#include "tests/test.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/rng.h"
#include "policy/cpu/backend.h"

enum { N = 40000 }; // three blocks, the last one ragged

typedef struct FoldCase {
    GradSum fold;
    Device device;
    Queue queue; // adds alone inside an item
    bool work[MAX_PARTIAL_SUMS];
    atomic_int next;
    int pause[MAX_PARTIAL_SUMS]; // turns of spinning before a lane ends
    float *memory;
} FoldCase;

static float value(int lane, int i) {
    return (float)(((lane + 1) * 7919 + i * 10473) % 100003) * 1.1920929e-3f + 1e4f * (float)lane;
}

static void worker(void *ctx, int slot, int thread) {
    (void)slot;
    (void)thread;
    FoldCase *c = ctx;
    for (int lane; (lane = atomic_fetch_add(&c->next, 1)) < MAX_PARTIAL_SUMS;) {
        if (!c->work[lane]) continue;
        DeviceByte *buffer = gradsum_take(&c->fold, &c->queue);
        float *sum = cpu_f32(buffer);
        for (int i = 0; i < N; i++) {
            assert_true(sum[i] == 0);
            sum[i] = value(lane, i);
        }
        for (volatile int turn = 0; turn < c->pause[lane]; turn++) {
        }
        gradsum_give(&c->fold, &c->queue, lane, buffer);
    }
}

// The tree, written down once.
static float expected(const bool work[MAX_PARTIAL_SUMS], int i) {
    float node[MAX_PARTIAL_SUMS];
    bool have[MAX_PARTIAL_SUMS];
    for (int l = 0; l < MAX_PARTIAL_SUMS; l++) {
        node[l] = value(l, i);
        have[l] = work[l];
    }
    for (int width = 1; width < MAX_PARTIAL_SUMS; width *= 2)
        for (int l = 0; l < MAX_PARTIAL_SUMS; l += 2 * width) {
            if (have[l] && have[l + width])
                node[l] += node[l + width];
            else if (have[l + width])
                node[l] = node[l + width];
            have[l] |= have[l + width];
        }
    return have[0] ? node[0] : 0;
}

static void fold_of(int threads, const bool work[MAX_PARTIAL_SUMS], uint64_t seed) {
    Pool *pool = pool_new(threads);
    FoldCase c = {.fold = {.ops = &ops_cpu, .n_floats = N, .n_buffers = SUM_BUFFERS(threads)},
                  .device = {.pool = pool}};
    c.queue = (Queue){.device = &c.device};
    memcpy(c.work, work, sizeof c.work);
    for (int l = 0; l < MAX_PARTIAL_SUMS; l++)
        c.pause[l] = (int)(rng_mix(seed * MAX_PARTIAL_SUMS + (uint64_t)l) % 4) * 40000;
    c.memory = malloc((size_t)c.fold.n_buffers * N * sizeof *c.memory);
    c.fold.memory = (DeviceByte *)c.memory;
    float *out = malloc(N * sizeof *out);
    for (int i = 0; i < N; i++) out[i] = 0.5f;
    gradsum_open(&c.fold, work);
    pool_for(pool, threads, worker, &c);
    gradsum_close(&c.fold, &c.queue, (DeviceByte *)out);
    for (int i = 0; i < N; i++) {
        const float want = 0.5f + expected(work, i);
        assert_memory_equal(&out[i], &want, sizeof want);
    }
    free(out);
    free(c.memory);
    pool_free(pool);
}

static void any_order_of_ending_gives_the_bits_of_the_tree(void **state) {
    (void)state;
    const bool all[MAX_PARTIAL_SUMS] = {true, true, true, true, true, true, true, true};
    for (int threads = 1; threads <= 4; threads++)
        for (uint64_t seed = 0; seed < 8; seed++) fold_of(threads, all, seed);
}

static void lanes_without_work_are_left_out(void **state) {
    (void)state;
    for (unsigned mask = 0; mask < 256; mask += 5) {
        bool work[MAX_PARTIAL_SUMS];
        for (int l = 0; l < MAX_PARTIAL_SUMS; l++) work[l] = mask >> l & 1;
        fold_of(1 + (int)(mask % 3), work, mask);
    }
}

static void fewer_buffers_than_lanes_are_enough_for_few_workers(void **state) {
    (void)state;
    assert_int_equal(SUM_BUFFERS(1), 4);
    assert_int_equal(SUM_BUFFERS(2), 5);
    assert_int_equal(SUM_BUFFERS(16), MAX_PARTIAL_SUMS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_of_ending_gives_the_bits_of_the_tree),
        cmocka_unit_test(lanes_without_work_are_left_out),
        cmocka_unit_test(fewer_buffers_than_lanes_are_enough_for_few_workers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
