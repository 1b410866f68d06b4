// tests/test_pool.c -- base/pool: every item once, nesting, jobs beside loops, denormals.
#include "base/pool.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/test.h"

enum { N = 1000 };

typedef struct ItemTally {
    Pool *pool;
    _Atomic int count[N], wrong;
    int inner[4][64]; // written by one worker each
} ItemTally;

static ItemTally tally; // zeroed by each test

static void count_item(void *ctx, int i, int worker) {
    ItemTally *t = ctx;
    if (worker < 0 || worker >= pool_threads(t->pool)) t->wrong++;
    t->count[i]++;
}

static void every_item_runs_once(void **state) {
    (void)state;
    for (int threads = 1; threads <= 4; threads++) {
        Pool *pool = pool_new(threads);
        assert_int_equal(pool_threads(pool), threads);
        memset(&tally, 0, sizeof tally);
        tally.pool = pool;
        const int sizes[] = {0, 1, 2, 3, 7, N};
        for (int round = 0; round < 200; round++)
            pool_for(pool, sizes[round % 6], count_item, &tally);
        for (int i = 0; i < N; i++) {
            int want = 0;
            for (int round = 0; round < 200; round++) want += i < sizes[round % 6];
            assert_int_equal(tally.count[i], want);
        }
        assert_int_equal(tally.wrong, 0);
        pool_free(pool);
    }
}

static void a_missing_pool_runs_inline_and_in_order(void **state) {
    (void)state;
    memset(&tally, 0, sizeof tally);
    pool_for(NULL, N, count_item, &tally);
    pool_submit(NULL, count_item, &tally, 3);
    pool_drain(NULL);
    assert_int_equal(tally.count[3], 2);
    assert_int_equal(tally.count[4], 1);
    assert_int_equal(tally.wrong, 0);
    pool_free(NULL);
}

typedef struct Inner {
    int *row, worker;
    ItemTally *tally;
} Inner;

static void inner_item(void *ctx, int i, int worker) {
    Inner *in = ctx;
    if (worker != in->worker) in->tally->wrong++;
    in->row[i]++;
}

static void outer_item(void *ctx, int i, int worker) {
    ItemTally *t = ctx;
    Inner in = {.row = t->inner[worker], .worker = worker, .tally = t};
    pool_for(t->pool, 64, inner_item, &in);
    t->count[i]++;
}

static void a_nested_loop_stays_on_its_thread(void **state) {
    (void)state;
    memset(&tally, 0, sizeof tally);
    tally.pool = pool_new(3);
    pool_for(tally.pool, 300, outer_item, &tally);
    assert_int_equal(tally.wrong, 0);
    int sum = 0;
    for (int w = 0; w < 3; w++) sum += tally.inner[w][63];
    assert_int_equal(sum, 300);
    pool_free(tally.pool);
}

typedef struct Slow {
    _Atomic int release, done, worker_mask;
} Slow;

static void slow_job(void *ctx, int i, int worker) {
    Slow *s = ctx;
    (void)i;
    s->worker_mask |= 1 << worker;
    while (!s->release) usleep(200);
    s->done++;
}

// A job that ends only when it is told to must hold up neither a loop nor its caller.
static void a_loop_does_not_wait_for_jobs(void **state) {
    (void)state;
    Pool *pool = pool_new(2);
    Slow slow = {0};
    memset(&tally, 0, sizeof tally);
    tally.pool = pool;
    for (int k = 0; k < 3; k++) pool_submit(pool, slow_job, &slow, k);
    while (!slow.worker_mask) usleep(100); // a worker took one without being asked
    for (int round = 0; round < 50; round++) pool_for(pool, N, count_item, &tally);
    assert_int_equal(tally.count[0], 50);
    assert_int_equal(slow.done, 0);
    assert_int_equal(slow.worker_mask, 1 << 1); // the caller stole none
    slow.release = 1;
    pool_drain(pool);
    assert_int_equal(slow.done, 3);
    pool_free(pool);
}

static void chain_job(void *ctx, int i, int worker) {
    ItemTally *t = ctx;
    (void)worker;
    t->count[i]++;
    if (i + 100 < N) pool_submit(t->pool, chain_job, t, i + 100);
}

static void drain_waits_for_jobs_that_jobs_queued(void **state) {
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        memset(&tally, 0, sizeof tally);
        tally.pool = pool_new(threads);
        for (int round = 0; round < 20; round++) {
            for (int i = 0; i < 100; i++) pool_submit(tally.pool, chain_job, &tally, i);
            pool_drain(tally.pool);
            for (int i = 0; i < N; i++) assert_int_equal(tally.count[i], round + 1);
        }
        pool_free(tally.pool);
    }
}

static void freeing_a_pool_finishes_its_jobs(void **state) {
    (void)state;
    memset(&tally, 0, sizeof tally);
    tally.pool = pool_new(2);
    for (int i = 0; i < N; i++) pool_submit(tally.pool, count_item, &tally, i);
    pool_free(tally.pool);
    for (int i = 0; i < N; i++) assert_int_equal(tally.count[i], 1);
}

static void submit_item(void *ctx, int i, int worker) {
    ItemTally *t = ctx;
    (void)worker;
    pool_submit(t->pool, count_item, t, i);
}

static void an_item_may_queue_a_job(void **state) {
    (void)state;
    memset(&tally, 0, sizeof tally);
    tally.pool = pool_new(2);
    pool_for(tally.pool, N, submit_item, &tally);
    pool_drain(tally.pool);
    for (int i = 0; i < N; i++) assert_int_equal(tally.count[i], 1);
    pool_free(tally.pool);
}

static void loops_after_a_sleep_still_run(void **state) {
    (void)state;
    memset(&tally, 0, sizeof tally);
    tally.pool = pool_new(2);
    for (int round = 0; round < 20; round++) {
        usleep(2000); // long enough for the worker to be asleep
        pool_for(tally.pool, 8, count_item, &tally);
    }
    for (int i = 0; i < 8; i++) assert_int_equal(tally.count[i], 20);
    pool_free(tally.pool);
}

#ifdef __SSE2__
static void denormal_item(void *ctx, int i, int worker) {
    ItemTally *t = ctx;
    (void)i, (void)worker;
    volatile float tiny = 1e-38f, scale = 1e-3f;
    volatile float product = tiny * scale;
    if (product != 0) t->wrong++;
    usleep(100); // so that every thread gets some
}

static void denormals_are_zero_on_every_thread(void **state) {
    (void)state;
    memset(&tally, 0, sizeof tally);
    Pool *pool = pool_new(3);
    pool_for(pool, 30, denormal_item, &tally);
    assert_int_equal(tally.wrong, 0);
    pool_free(pool);
}
#endif

static void a_cpu_quota_is_rounded_up_to_cores(void **state) {
    (void)state;
    assert_int_equal(pool_quota("max 100000\n"), 0);
    assert_int_equal(pool_quota("200000 100000\n"), 2);
    assert_int_equal(pool_quota("150000 100000\n"), 2);
    assert_int_equal(pool_quota("5000 100000\n"), 1);
    assert_int_equal(pool_quota("9223372036854775807 1\n"), 0);
    assert_int_equal(pool_quota("-1 100000"), 0);
    assert_int_equal(pool_quota("100000 0"), 0);
    assert_int_equal(pool_quota(""), 0);
    assert_true(pool_cores() >= 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_runs_once),
        cmocka_unit_test(a_missing_pool_runs_inline_and_in_order),
        cmocka_unit_test(a_nested_loop_stays_on_its_thread),
        cmocka_unit_test(a_loop_does_not_wait_for_jobs),
        cmocka_unit_test(drain_waits_for_jobs_that_jobs_queued),
        cmocka_unit_test(freeing_a_pool_finishes_its_jobs),
        cmocka_unit_test(a_cpu_quota_is_rounded_up_to_cores),
        cmocka_unit_test(an_item_may_queue_a_job),
        cmocka_unit_test(loops_after_a_sleep_still_run),
#ifdef __SSE2__
        cmocka_unit_test(denormals_are_zero_on_every_thread),
#endif
    };
    return cmocka_run_group_tests_name("base/pool", tests, NULL, NULL);
}
