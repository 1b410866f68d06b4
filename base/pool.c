// base/pool.c -- one counter that hands out the items of a loop, one queue of jobs, two futexes.
//
// A loop is published by storing `left`; whoever lowers it by compare-and-swap owns one item, and
// the loop cannot end before that item is done, so fn, ctx and n may be read without a lock. A
// thread that comes late finds left == 0 or claims an item of the next loop: both are right.
// `bell` counts what was published: workers without work watch it, first spinning, then asleep.
#include "base/pool.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef __SSE2__
#include <immintrin.h>
#endif

enum { SPIN = 4000, LINE = 64 };

typedef struct Job {
    PoolFn *fn;
    void *ctx;
    int i;
} Job;

struct Pool {
    // The loop in hand; written by the caller while left == 0.
    PoolFn *fn;
    void *ctx;
    uint32_t n;
    _Alignas(LINE) _Atomic uint32_t left; // items not claimed yet
    _Alignas(LINE) _Atomic uint32_t done; // items that ended
    _Atomic uint32_t caller_sleeps;

    _Alignas(LINE) _Atomic uint32_t bell;
    _Atomic uint32_t sleepers, quit;
    _Atomic uint32_t busy; // a loop is running

    // Jobs: a ring under a lock; the two counters are read without it.
    _Alignas(LINE) _Atomic uint32_t queued; // in the ring
    _Atomic uint32_t pending;               // in the ring or running
    _Atomic uint32_t drain_sleeps;
    pthread_mutex_t lock;
    Job *ring;
    uint32_t head, cap;

    int n_threads;
    pthread_t *thread; // [n_threads - 1]
};

// What this thread is: its number, and whether it is inside an item or job.
static _Thread_local int my_worker;
static _Thread_local bool inside;

static void futex_wait(_Atomic uint32_t *word, uint32_t value) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static void relax(void) {
#ifdef __SSE2__
    _mm_pause();
#endif
}

void pool_flush_denormals(void) {
#ifdef __SSE2__
    _mm_setcsr(_mm_getcsr() | 0x8040u); // flush-to-zero, denormals-are-zero
#endif
}

static void run_item(PoolFn *fn, void *ctx, int i) {
    bool outer = inside;
    inside = true;
    fn(ctx, i, my_worker);
    inside = outer;
}

// Runs items of the loop in hand until none is left to claim.
static void help_loop(Pool *pool) {
    uint32_t left = atomic_load(&pool->left);
    while (left > 0) {
        if (!atomic_compare_exchange_weak(&pool->left, &left, left - 1)) continue;
        uint32_t n = pool->n;
        run_item(pool->fn, pool->ctx, (int)(n - left));
        if (atomic_fetch_add(&pool->done, 1) + 1 == n && atomic_load(&pool->caller_sleeps))
            futex_wake(&pool->done);
        left = atomic_load(&pool->left);
    }
}

static bool take_job(Pool *pool, Job *job) {
    if (atomic_load(&pool->queued) == 0) return false;
    pthread_mutex_lock(&pool->lock);
    uint32_t n = atomic_load(&pool->queued);
    if (n > 0) {
        *job = pool->ring[pool->head];
        pool->head = (pool->head + 1) % pool->cap;
        atomic_store(&pool->queued, n - 1);
    }
    pthread_mutex_unlock(&pool->lock);
    return n > 0;
}

static void run_job(Pool *pool, const Job *job) {
    run_item(job->fn, job->ctx, job->i);
    if (atomic_fetch_sub(&pool->pending, 1) == 1 && atomic_load(&pool->drain_sleeps))
        futex_wake(&pool->pending);
}

// Until the bell has rung past `heard`: a bounded spin, then sleep.
static void await_bell(Pool *pool, uint32_t heard) {
    for (int spin = 0; spin < SPIN; spin++) {
        if (atomic_load_explicit(&pool->bell, memory_order_relaxed) != heard) return;
        relax();
    }
    atomic_fetch_add(&pool->sleepers, 1);
    while (atomic_load(&pool->bell) == heard) futex_wait(&pool->bell, heard);
    atomic_fetch_sub(&pool->sleepers, 1);
}

static void ring_bell(Pool *pool) {
    atomic_fetch_add(&pool->bell, 1);
    if (atomic_load(&pool->sleepers)) futex_wake(&pool->bell);
}

typedef struct Start {
    Pool *pool;
    int worker;
} Start;

static void *worker_main(void *arg) {
    Start start = *(Start *)arg;
    free(arg);
    Pool *pool = start.pool;
    my_worker = start.worker;
    pool_flush_denormals();
    for (;;) {
        uint32_t heard = atomic_load(&pool->bell);
        help_loop(pool);
        Job job;
        if (take_job(pool, &job)) {
            run_job(pool, &job);
            continue;
        }
        if (atomic_load(&pool->quit)) return NULL;
        if (atomic_load(&pool->left) == 0) await_bell(pool, heard);
    }
}

int pool_quota(const char *cpu_max) {
    long long quota, period;
    if (sscanf(cpu_max, "%lld %lld", &quota, &period) != 2 || quota < 1 || period < 1) return 0;
    const long long cores = quota / period + (quota % period != 0);
    return cores < INT_MAX ? (int)cores : 0;
}

int pool_cores(void) {
    cpu_set_t set;
    const int mask = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    char line[64] = "";
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "re"); // the container's own root
    if (!f) return mask;
    if (!fgets(line, sizeof line, f)) line[0] = 0;
    fclose(f);
    const int quota = pool_quota(line);
    return quota > 0 && quota < mask ? quota : mask;
}

Pool *pool_new(int n_threads) {
    pool_flush_denormals();
    if (n_threads <= 0) n_threads = pool_cores();
    Pool *pool = aligned_alloc(LINE, sizeof *pool);
    CHECK(pool != NULL);
    memset(pool, 0, sizeof *pool);
    pthread_mutex_init(&pool->lock, NULL);
    pool->thread = calloc((size_t)n_threads, sizeof *pool->thread);
    CHECK(pool->thread != NULL);

    // Signals are for the thread that made the pool.
    sigset_t all, before;
    sigfillset(&all);
    const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    for (size_t k = 0; k < sizeof faults / sizeof *faults; k++) sigdelset(&all, faults[k]);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pool->n_threads = 1;
    while (pool->n_threads < n_threads) {
        Start *start = malloc(sizeof *start);
        CHECK(start != NULL);
        *start = (Start){pool, pool->n_threads};
        if (pthread_create(&pool->thread[pool->n_threads - 1], NULL, worker_main, start) != 0) {
            free(start); // the system allows no more: fewer threads give the same results
            break;
        }
        pool->n_threads++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pool;
}

void pool_free(Pool *pool) {
    if (!pool) return;
    pool_drain(pool);
    atomic_store(&pool->quit, 1);
    ring_bell(pool);
    for (int k = 0; k + 1 < pool->n_threads; k++) pthread_join(pool->thread[k], NULL);
    pthread_mutex_destroy(&pool->lock);
    free(pool->thread);
    free(pool->ring);
    free(pool);
}

int pool_threads(const Pool *pool) {
    return pool ? pool->n_threads : 1;
}

void pool_for(Pool *pool, int n, PoolFn *fn, void *ctx) {
    if (n <= 0) return;
    CHECK(my_worker < pool_threads(pool) || !pool);
    if (n == 1) { // no company needed, and loops inside it may have all threads
        fn(ctx, 0, my_worker);
        return;
    }
    if (inside || pool_threads(pool) == 1) {
        for (int i = 0; i < n; i++) run_item(fn, ctx, i);
        return;
    }
    CHECK(!atomic_exchange(&pool->busy, 1)); // one thread gives loops at a time
    pool->fn = fn;
    pool->ctx = ctx;
    pool->n = (uint32_t)n;
    atomic_store(&pool->done, 0);
    atomic_store(&pool->left, (uint32_t)n);
    ring_bell(pool);
    help_loop(pool);

    uint32_t done = atomic_load(&pool->done);
    for (int spin = 0; done != (uint32_t)n && spin < SPIN; spin++) {
        relax();
        done = atomic_load(&pool->done);
    }
    if (done != (uint32_t)n) {
        atomic_store(&pool->caller_sleeps, 1);
        while ((done = atomic_load(&pool->done)) != (uint32_t)n) futex_wait(&pool->done, done);
        atomic_store(&pool->caller_sleeps, 0);
    }
    atomic_store(&pool->busy, 0);
}

void pool_submit(Pool *pool, PoolFn *fn, void *ctx, int i) {
    if (pool_threads(pool) == 1) {
        run_item(fn, ctx, i);
        return;
    }
    atomic_fetch_add(&pool->pending, 1);
    pthread_mutex_lock(&pool->lock);
    uint32_t n = atomic_load(&pool->queued);
    if (n == pool->cap) {
        uint32_t cap = pool->cap ? 2 * pool->cap : 64;
        Job *ring = malloc(cap * sizeof *ring);
        CHECK(ring != NULL);
        for (uint32_t k = 0; k < n; k++) ring[k] = pool->ring[(pool->head + k) % pool->cap];
        free(pool->ring);
        pool->ring = ring;
        pool->head = 0;
        pool->cap = cap;
    }
    pool->ring[(pool->head + n) % pool->cap] = (Job){fn, ctx, i};
    atomic_store(&pool->queued, n + 1);
    pthread_mutex_unlock(&pool->lock);
    ring_bell(pool);
}

void pool_drain(Pool *pool) {
    if (pool_threads(pool) == 1) return;
    CHECK(!inside); // it would wait for itself
    Job job;
    while (take_job(pool, &job)) run_job(pool, &job);
    for (int spin = 0; spin < SPIN; spin++) {
        if (atomic_load(&pool->pending) == 0) return;
        relax();
    }
    atomic_store(&pool->drain_sleeps, 1);
    for (;;) {
        while (take_job(pool, &job)) run_job(pool, &job);
        uint32_t pending = atomic_load(&pool->pending);
        if (pending == 0) break;
        futex_wait(&pool->pending, pending);
    }
    atomic_store(&pool->drain_sleeps, 0);
}
