// tests/test_kv.c -- rollout/kv: lowest page first, sharing, copy on write, prefix cache, misuse.
#include "rollout/kv.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
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
    KvPool *kv = kv_new(130, false);
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
    KvPool *kv = kv_new(10, false);
    KvTable prompt = {0}, one = {0}, two = {0};
    assert_true(kv_grow(kv, &prompt, 2 * KV_PAGE_TOKENS + 5));
    prompt.n_tokens = 2 * KV_PAGE_TOKENS + 5;
    n_copies = 0;
    assert_true(kv_fork(kv, &one, &prompt, (Policy *)&copied));
    assert_int_equal(n_copies, 1);
    const int32_t *a = prompt.page, *b = one.page;
    assert_true(copied[0] == a[2] && copied[1] == b[2] && copied[2] == 5);
    assert_int_equal(one.n_pages, 3);
    assert_int_equal(one.n_tokens, prompt.n_tokens);
    assert_true(b[0] == a[0] && b[1] == a[1] && b[2] != a[2]);
    assert_int_equal(kv_refs(kv, a[0]), 2);
    assert_int_equal(kv_refs(kv, a[2]), 1);
    kv_check(kv, &one, true);
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
    KvPool *kv = kv_new(3, false);
    KvTable one = {0}, two = {0};
    assert_true(kv_grow(kv, &one, KV_PAGE_TOKENS));
    assert_false(kv_grow(kv, &two, 2 * KV_PAGE_TOKENS + 1));
    assert_int_equal(two.n_pages, 0);
    assert_int_equal(kv_pages_free(kv), 2);
    assert_true(kv_grow(kv, &two, 2 * KV_PAGE_TOKENS));
    one.n_tokens = 5;
    KvTable three = {0};
    assert_false(kv_fork(kv, &three, &one, NULL));
    assert_int_equal(kv_refs(kv, one.page[0]), 1);
    kv_release(kv, &one), kv_release(kv, &two), kv_release(kv, &three);
    assert_true(kv_table_bytes(kv) == 0);
    kv_free(kv);
}

static void read_a_stale_page(void) {
    KvPool *kv = kv_new(2, false);
    KvTable table = {0};
    kv_flush(kv, 7);
    if (!kv_grow(kv, &table, 1)) return;
    kv_set_version(kv, 8);
    kv_check(kv, &table, false);
    kv_check(kv, &table, true);
}

static void flush_a_held_page(void) {
    KvPool *kv = kv_new(2, false);
    kv_take(kv);
    kv_flush(kv, 8);
}

static void drop_twice(void) {
    KvPool *kv = kv_new(2, false);
    int page = kv_take(kv);
    kv_drop(kv, page), kv_drop(kv, page);
}

static void leak(void) {
    KvPool *kv = kv_new(2, false);
    kv_take(kv);
    kv_free(kv);
}

static void write_to_a_shared_page(void) {
    KvPool *kv = kv_new(2, false);
    KvTable table = {0};
    if (!kv_grow(kv, &table, 1)) return;
    kv_share(kv, table.page[0]);
    kv_check(kv, &table, false);
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
    KvPool *kv = kv_new(PAGES, false);
    KvTable t[TABLES] = {0};
    int refused = 0, forked = 0;
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
            if (a == b || b->n_pages > 0) break;
            kv_release(kv, b); // an empty table may have free pages
            kv_move(b, a);
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
            kv_check(kv, &t[i], true);
            assert_true(t[i].n_pages >= kv_pages_of(t[i].n_tokens));
            for (int p = 0; p < t[i].n_pages; p++) refs[t[i].page[p]]++;
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
    assert_true(kv_table_bytes(kv) == 0);
    kv_free(kv);
}

static int32_t text[400]; // three letters, so that pages repeat
static void fill_text(void) {
    Rng rng = rng_open((RngKey){.seed = 6, .stream = RNG_TEST});
    for (int i = 0; i < 400; i++) text[i] = rng_range(&rng, 0, 2);
}

static void a_prefix_is_found_by_its_tokens(void **state) {
    (void)state;
    fill_text();
    KvPool *kv = kv_new(12, true);
    KvTable one = {0}, two = {0}, three = {0};
    assert_int_equal(kv_find(kv, &one, text, 60), 0);
    assert_true(kv_grow(kv, &one, 60));
    one.n_tokens = 60;
    kv_publish(kv, &one, text);
    int32_t first[4];
    memcpy(first, one.page, sizeof first);
    assert_int_equal(kv_find(kv, &two, text, 49), 48); // shared while it is held
    assert_int_equal(kv_refs(kv, first[2]), 2);
    kv_release(kv, &two);
    assert_int_equal(kv_find(kv, &two, text, 48), 32); // never all tokens: the last row is wanted
    kv_release(kv, &two), kv_release(kv, &one);
    assert_int_equal(kv_pages_held(kv), 0);
    assert_int_equal(kv_pages_cached(kv), 3);
    assert_int_equal(kv_find(kv, &two, text, 60), 48);
    assert_memory_equal(two.page, first, 3 * sizeof *first);
    text[20] ^= 1; // another second page: what follows it is not found either
    assert_int_equal(kv_find(kv, &three, text, 60), 16);
    text[20] ^= 1;
    kv_release(kv, &two), kv_release(kv, &three);
    assert_true(
        kv_grow(kv, &one, 10 * KV_PAGE_TOKENS)); // two cached ones are given up, the tail first
    assert_int_equal(kv_pages_cached(kv), 2);
    assert_int_equal(kv_find(kv, &two, text, 60), 32);
    kv_release(kv, &two), kv_release(kv, &one);
    kv_set_version(kv, 3); // other weights
    assert_int_equal(kv_pages_cached(kv), 0);
    assert_int_equal(kv_find(kv, &two, text, 60), 0);
    kv_free(kv);
}

// The page's contents, known here, against what a table that was found promises.
static void random_prefixes_are_what_was_published(void **state) {
    (void)state;
    enum { PAGES = 24, TABLES = 5 };
    fill_text();
    Rng rng = rng_open((RngKey){.seed = 7, .stream = RNG_TEST});
    KvPool *kv = kv_new(PAGES, true);
    uint64_t holds[PAGES] = {0}; // hash of all tokens up to the end of the page
    KvTable t[TABLES] = {0};
    int found = 0;
    for (int n = 0; n < 20000; n++) {
        KvTable *a = &t[rng_below(&rng, TABLES)];
        kv_release(kv, a);
        int32_t token[96];
        const int length = rng_range(&rng, 1, 96);
        for (int i = 0; i < length; i++) token[i] = text[i] ^ (rng_below(&rng, 60) == 0);
        if (rng_below(&rng, 500) == 0) kv_set_version(kv, (uint32_t)n);
        const int got = kv_find(kv, a, token, length);
        assert_true(got < length && got % KV_PAGE_TOKENS == 0);
        for (int p = 0; p < a->n_pages; p++)
            assert_true(holds[a->page[p]] ==
                        rng_hash(token, (uint64_t)(p + 1) * KV_PAGE_TOKENS * sizeof *token));
        found += got > 0;
        if (!kv_grow(kv, a, length)) continue;
        for (int p = got / KV_PAGE_TOKENS; p < length / KV_PAGE_TOKENS; p++)
            holds[a->page[p]] = rng_hash(token, (uint64_t)(p + 1) * KV_PAGE_TOKENS * sizeof *token);
        a->n_tokens = length;
        kv_check(kv, a, false);
        kv_publish(kv, a, token);
    }
    assert_true(found > 2000);
    for (int i = 0; i < TABLES; i++) kv_release(kv, &t[i]);
    assert_int_equal(kv_pages_held(kv), 0);
    assert_true(kv_table_bytes(kv) == 0);
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
        cmocka_unit_test(a_prefix_is_found_by_its_tokens),
        cmocka_unit_test(random_prefixes_are_what_was_published),
    };
    return cmocka_run_group_tests_name("rollout/kv", tests, NULL, NULL);
}
