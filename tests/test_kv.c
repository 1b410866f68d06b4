// tests/test_kv.c -- rollout/kv: lowest page first, sharing, copy on write, and the bugs it stops.
#include "rollout/kv.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"
#include "tests/test.h"

// The policy's part of a fork, recorded.
static int copied[3], n_copies;
void policy_kv_copy(Policy *policy, int src, int dst, int n_tokens) {
    assert_non_null(policy);
    copied[0] = src, copied[1] = dst, copied[2] = n_tokens;
    n_copies++;
}

// Runs fn in a child and says whether a CHECK stopped it.
static bool aborts(void (*fn)(void)) {
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (!freopen("/dev/null", "w", stderr)) _exit(3);
        signal(SIGABRT, SIG_DFL);
        fn();
        _exit(0);
    }
    int how;
    assert_int_equal(waitpid(child, &how, 0), child);
    return WIFSIGNALED(how) && WTERMSIG(how) == SIGABRT;
}

static void the_lowest_free_page_comes_first(void **state) {
    (void)state;
    Kv *kv = kv_new(130);
    for (int p = 0; p < 130; p++) assert_int_equal(kv_take(kv), p);
    assert_int_equal(kv_take(kv), -1);
    kv_drop(kv, 129), kv_drop(kv, 3), kv_drop(kv, 70);
    assert_int_equal(kv_take(kv), 3);
    assert_int_equal(kv_take(kv), 70);
    assert_int_equal(kv_take(kv), 129);
    for (int p = 0; p < 130; p++) kv_drop(kv, p);
    assert_int_equal(kv_pages_held(kv), 0);
    assert_int_equal(kv_pages_peak(kv), 130);
    kv_free(kv);
}

static void a_fork_shares_full_pages_and_owns_its_tail(void **state) {
    (void)state;
    Kv *kv = kv_new(10);
    int32_t a[4], b[4], c[4];
    KvTable prompt = {.page = a, .cap = 4}, one = {.page = b, .cap = 4},
            two = {.page = c, .cap = 4};
    assert_true(kv_grow(kv, &prompt, 2 * KV_PAGE_TOKENS + 5));
    prompt.n_tokens = 2 * KV_PAGE_TOKENS + 5;
    n_copies = 0;
    assert_true(kv_fork(kv, &one, &prompt, (Policy *)&copied));
    assert_int_equal(n_copies, 1);
    assert_true(copied[0] == a[2] && copied[1] == b[2] && copied[2] == 5);
    assert_int_equal(one.n_pages, 3);
    assert_int_equal(one.n_tokens, prompt.n_tokens);
    assert_true(b[0] == a[0] && b[1] == a[1] && b[2] != a[2]);
    assert_int_equal(kv_refs(kv, a[0]), 2);
    assert_int_equal(kv_refs(kv, a[2]), 1);
    kv_check(kv, &one, 0);
    kv_move(&two, &prompt); // the last one needs no copy
    assert_int_equal(prompt.n_pages, 0);
    assert_int_equal(kv_pages_held(kv), 4);
    kv_release(kv, &one);
    assert_int_equal(kv_pages_held(kv), 3);
    kv_release(kv, &two);
    assert_int_equal(kv_pages_held(kv), 0);
    kv_free(kv);
}

static void growing_is_all_or_nothing(void **state) {
    (void)state;
    Kv *kv = kv_new(3);
    int32_t a[8], b[8];
    KvTable one = {.page = a, .cap = 8}, two = {.page = b, .cap = 8};
    assert_true(kv_grow(kv, &one, KV_PAGE_TOKENS));
    assert_false(kv_grow(kv, &two, 2 * KV_PAGE_TOKENS + 1));
    assert_int_equal(two.n_pages, 0);
    assert_int_equal(kv_pages_free(kv), 2);
    assert_true(kv_grow(kv, &two, 2 * KV_PAGE_TOKENS));
    one.n_tokens = 5;
    KvTable three = {.page = (int32_t[8]){0}, .cap = 8};
    assert_false(kv_fork(kv, &three, &one, NULL));
    assert_int_equal(kv_refs(kv, a[0]), 1);
    kv_release(kv, &one), kv_release(kv, &two);
    kv_free(kv);
}

static void read_a_stale_page(void) {
    Kv *kv = kv_new(2);
    int32_t page[2];
    KvTable table = {.page = page, .cap = 2};
    kv_flush(kv, 7);
    if (kv_grow(kv, &table, 1)) kv_check(kv, &table, 8);
}

static void flush_a_held_page(void) {
    Kv *kv = kv_new(2);
    kv_take(kv);
    kv_flush(kv, 8);
}

static void drop_twice(void) {
    Kv *kv = kv_new(2);
    int page = kv_take(kv);
    kv_drop(kv, page), kv_drop(kv, page);
}

static void leak(void) {
    Kv *kv = kv_new(2);
    kv_take(kv);
    kv_free(kv);
}

static void write_to_a_shared_page(void) {
    Kv *kv = kv_new(2);
    int32_t page[2];
    KvTable table = {.page = page, .cap = 2};
    if (!kv_grow(kv, &table, 1)) return;
    kv_share(kv, page[0]);
    kv_check(kv, &table, 0);
}

static void our_bugs_are_stopped(void **state) {
    (void)state;
    assert_true(aborts(read_a_stale_page));
    assert_true(aborts(flush_a_held_page));
    assert_true(aborts(drop_twice));
    assert_true(aborts(leak));
    assert_true(aborts(write_to_a_shared_page));
}

// Random operations on tables against a model that counts references by walking all tables.
static void random_operations_agree_with_a_plain_count(void **state) {
    (void)state;
    enum { PAGES = 40, TABLES = 12, CAP = 9 };
    Rng rng = rng_open((RngKey){.seed = 5, .stream = RNG_TEST});
    Kv *kv = kv_new(PAGES);
    static int32_t page[TABLES][CAP];
    KvTable t[TABLES];
    int refused = 0, forked = 0;
    for (int i = 0; i < TABLES; i++) t[i] = (KvTable){.page = page[i], .cap = CAP};
    for (int n = 0; n < 20000; n++) {
        KvTable *a = &t[rng_below(&rng, TABLES)], *b = &t[rng_below(&rng, TABLES)];
        int free_before = kv_pages_free(kv);
        switch (rng_below(&rng, 7)) {
        case 0: kv_release(kv, a); break;
        case 1:
            if (a != b && b->n_pages == 0 && a->n_tokens > 0) {
                bool done = kv_fork(kv, b, a, NULL);
                assert_true(done == (a->n_tokens % KV_PAGE_TOKENS == 0 || free_before > 0));
                forked += done;
            }
            break;
        case 2:
            if (a != b && b->n_pages == 0) kv_move(b, a);
            break;
        default: {
            int want = a->n_tokens + 1 + (int)rng_below(&rng, 30);
            if (want > CAP * KV_PAGE_TOKENS) break;
            int more = kv_pages_of(want) - a->n_pages;
            bool done = kv_grow(kv, a, want);
            assert_true(done == (more <= free_before));
            if (done) a->n_tokens = want;
            refused += !done;
        }
        }
        int refs[PAGES] = {0}, held = 0;
        for (int i = 0; i < TABLES; i++) {
            kv_check(kv, &t[i], 0);
            assert_true(t[i].n_pages >= kv_pages_of(t[i].n_tokens));
            for (int p = 0; p < t[i].n_pages; p++) refs[page[i][p]]++;
        }
        for (int p = 0; p < PAGES; p++) {
            assert_int_equal(kv_refs(kv, p), refs[p]);
            held += refs[p] > 0;
        }
        assert_int_equal(kv_pages_held(kv), held);
    }
    if (refused < 100 || forked < 100) fail_msg("only %d refused, %d forked", refused, forked);
    for (int i = 0; i < TABLES; i++) kv_release(kv, &t[i]);
    assert_int_equal(kv_pages_held(kv), 0);
    kv_free(kv);
}

// Only accounting is tested here; the copy itself belongs to the policy and is tested by the
// engine.
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lowest_free_page_comes_first),
        cmocka_unit_test(a_fork_shares_full_pages_and_owns_its_tail),
        cmocka_unit_test(growing_is_all_or_nothing),
        cmocka_unit_test(our_bugs_are_stopped),
        cmocka_unit_test(random_operations_agree_with_a_plain_count),
    };
    return cmocka_run_group_tests_name("rollout/kv", tests, NULL, NULL);
}
