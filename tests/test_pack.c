// tests/test_pack.c -- policy/pack: offsets, wanted tokens, chunks of whole groups.
#include "policy/pack.h"

#include "tests/test.h"

static const int32_t token[100];

static void offsets_run_over_any_order_of_sequences(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 12);
    uint8_t want[100] = {0};
    const Seq seq[] = {{40, 45, 7}, {0, 3, 8}, {90, 91, 9}};
    want[40] = 1; // a first token is never wanted
    want[42] = want[2] = want[90] = 1;
    Pack p = pack_make(token, want, seq, 3, arena);
    assert_int_equal(p.n_tokens, 9);
    assert_int_equal(p.n_want, 2);
    const int offset[] = {0, 5, 8, 9};
    assert_memory_equal(p.offset, offset, sizeof offset);
    assert_ptr_equal(p.seq, seq);
    arena_free(arena);
}

static void chunks_hold_whole_groups_and_cut_those_beyond_the_limit(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 12);
    // groups of 10, 10, 15 + 15 (too large for 20), 5, 5
    const Seq seq[] = {{0, 5, 0},   {5, 10, 1},  {10, 20, 2}, {20, 35, 3},
                       {35, 50, 4}, {50, 55, 5}, {55, 60, 6}};
    const int group[] = {0, 0, 1, 2, 2, 3, 4};
    int n;
    Pack *c = pack_chunks(token, NULL, seq, group, 7, 20, &n, arena);
    assert_int_equal(n, 4); // 5+5+10 | 15 | 15+5 | 5
    assert_int_equal(c[0].n_seqs, 3);
    assert_int_equal(c[1].n_tokens, 15);
    assert_int_equal(c[2].n_tokens, 20);
    assert_int_equal(c[3].n_tokens, 5);
    c = pack_chunks(token, NULL, seq, group, 7, 30, &n, arena);
    assert_int_equal(n, 3); // 20 | 30 | 10
    assert_int_equal(c[1].n_tokens, 30);
    c = pack_chunks(token, NULL, seq, group, 7, 14, &n, arena);
    assert_int_equal(n, 5); // 10 | 10 | 15 | 15 | 10: a sequence is not cut
    assert_int_equal(c[3].n_tokens, 15);
    assert_int_equal(c[4].n_tokens, 10);
    c = pack_chunks(token, NULL, seq, group, 7, 19, &n, arena);
    assert_int_equal(n, 5); // 10 | 10 | 15 | 15 | 10
    c = pack_chunks(token, NULL, seq, NULL, 7, 20, &n, arena);
    assert_int_equal(n, 4);
    assert_int_equal(c[2].n_tokens, 20);
    pack_chunks(token, NULL, seq, NULL, 0, 20, &n, arena);
    assert_int_equal(n, 0);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets_run_over_any_order_of_sequences),
        cmocka_unit_test(chunks_hold_whole_groups_and_cut_those_beyond_the_limit),
    };
    return cmocka_run_group_tests_name("policy/pack", tests, NULL, NULL);
}
