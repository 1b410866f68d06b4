// tests/test_pack.c -- policy/pack: offsets, wanted tokens, shared ones, chunks of whole groups.
#include "policy/pack.h"

#include "tests/test.h"

static int32_t token[100];

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
    for (int i = 0; i < 100; i++) token[i] = i; // nothing in common
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

// Groups of a text in which every letter is a token; capitals are wanted.
static int share(const char *text, const int *group, int limit, Pack **chunk, Arena *arena) {
    const int n = (int)strlen(text);
    int32_t *id = ARENA_ARRAY(arena, int32_t, n);
    uint8_t *want = ARENA_ARRAY(arena, uint8_t, n);
    Seq *seq = ARENA_ARRAY(arena, Seq, n);
    int n_seqs = 0, n_chunks;
    for (int i = 0; i < n; i++) {
        id[i] = text[i], want[i] = text[i] >= 'A' && text[i] <= 'Z';
        if (text[i] == ' ') continue;
        if (i == 0 || text[i - 1] == ' ') seq[n_seqs++].begin = i;
        seq[n_seqs - 1].end = i + 1;
    }
    *chunk = pack_chunks(id, want, seq, group, n_seqs, limit, &n_chunks, arena);
    return n_chunks;
}

static void assert_shared(const Pack *p, int s, int leader, int tokens) {
    int got;
    assert_int_equal(pack_shared(p, s, &got), tokens);
    assert_int_equal(got, leader);
}

static void a_group_shares_what_stands_before_the_last_token_of_its_prompt(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 12);
    Pack *p;
    // the row of e predicts the first wanted token, so each sequence has its own
    assert_int_equal(share("abcdeXY abcdeXZ abcdeX", (int[]){0, 0, 0}, 100, &p, arena), 1);
    assert_shared(p, 0, 0, 0);
    assert_shared(p, 1, 0, 4);
    assert_shared(p, 2, 0, 4);
    assert_int_equal(p->n_tokens, 20);
    assert_int_equal(p->n_rows, 12);
    assert_int_equal(p->offset[2], 14); // packed tokens are as without
    // other groups, other prompts in a group, prompts that end earlier, prompts of one and two
    share("abcX abcX abcX abdX bcdX bcdeX abcX dX dX deX deX",
          (int[]){0, 1, 1, 1, 1, 1, 1, 2, 2, 3, 3}, 100, &p, arena);
    static const int want[][2] = {{0, 0}, {1, 0}, {1, 2}, {1, 2}, {4, 0}, {4, 3},
                                  {6, 0}, {7, 0}, {8, 0}, {9, 0}, {9, 1}};
    for (int s = 0; s < 11; s++) assert_shared(p, s, want[s][0], want[s][1]);
    // nothing wanted: a last token is a sequence's own
    share("abc abc abcd aBc abc", (int[]){0, 0, 0, 1, 1}, 100, &p, arena);
    assert_shared(p, 1, 0, 2);
    assert_shared(p, 2, 0, 3);
    assert_shared(p, 4, 3, 1);
    arena_free(arena);
}

static void a_chunk_counts_shared_tokens_once_and_has_them_itself(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 12);
    const char *text = "abcdXYZ abcdXY abcdXY abcdXY abX";
    const int group[] = {0, 0, 0, 0, 1};
    Pack *p; // 7, 3, 3, 3 | 3
    assert_int_equal(share(text, group, 19, &p, arena), 1);
    assert_int_equal(p->n_rows, 19);
    assert_int_equal(share(text, group, 16, &p, arena), 2);
    assert_int_equal(p[0].n_rows, 16);
    assert_int_equal(p[1].n_rows, 3);
    assert_int_equal(share(text, group, 12, &p, arena), 2); // 7, 3 | 6, 3, and what comes behind
    assert_int_equal(p[0].n_rows, 10);
    assert_int_equal(p[1].n_rows, 12);
    assert_shared(&p[1], 0, 0, 0);
    assert_shared(&p[1], 1, 0, 3);
    assert_shared(&p[1], 2, 2, 0);
    const Pack piece = pack_piece(p, 1, 100);
    assert_int_equal(piece.n_rows, 6);
    assert_shared(&piece, 0, 0, 0);
    assert_int_equal(share(text, group, 5, &p, arena), 5);
    assert_int_equal(p[3].n_rows, 6);
    // of tokens that only some have in common with the first of a piece, the fewer
    share("abcdefX abcX abcdeX abX", (int[]){0, 0, 0, 0}, 100, &p, arena);
    const Pack rest = pack_piece(p, 2, 100), last = pack_piece(p, 1, 7);
    assert_shared(&rest, 1, 0, 1);
    assert_int_equal(rest.n_rows, 6 + 2);
    assert_shared(&last, 1, 0, 2);
    assert_int_equal(last.n_seqs, 1);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets_run_over_any_order_of_sequences),
        cmocka_unit_test(a_group_shares_what_stands_before_the_last_token_of_its_prompt),
        cmocka_unit_test(a_chunk_counts_shared_tokens_once_and_has_them_itself),
        cmocka_unit_test(chunks_hold_whole_groups_and_cut_those_beyond_the_limit),
    };
    return cmocka_run_group_tests_name("policy/pack", tests, NULL, NULL);
}
