// tests/test_arena.c -- base/arena: zeroed, aligned, and gone after a rewind.
#include "base/arena.h"

#include <unistd.h>

#include "tests/test.h"

static void memory_is_zeroed_and_aligned(void **state) {
    (void)state;
    Arena *arena = arena_new(4096);
    for (size_t n = 0; n < 300; n++) {
        unsigned char *p = arena_alloc(arena, n, 37);
        assert_int_equal((uintptr_t)p % 64, 0);
        for (size_t i = 0; i < n * 37; i++) assert_int_equal(p[i], 0);
        memset(p, 0xAB, n * 37);
    }
    arena_free(arena);
    arena_free(NULL);
}

static void a_rewind_gives_the_same_memory_again_zeroed(void **state) {
    (void)state;
    Arena *arena = arena_new(4096);
    int *keep = ARENA_ARRAY(arena, int, 10);
    keep[9] = 7;
    ArenaMark mark = arena_mark(arena);
    int *first = ARENA_ARRAY(arena, int, 100);
    first[0] = 5;
    ARENA_ARRAY(arena, char, 100000); // a block of its own
    arena_rewind(arena, mark);
    int *again = ARENA_ARRAY(arena, int, 100);
    assert_ptr_equal(again, first);
    assert_int_equal(again[0], 0);
    assert_int_equal(keep[9], 7);
    arena_free(arena);
}

static void an_empty_arena_may_be_rewound_to_empty(void **state) {
    (void)state;
    Arena *arena = arena_new(0);
    ArenaMark mark = arena_mark(arena);
    ARENA_ARRAY(arena, char, 10);
    arena_rewind(arena, mark);
    arena_rewind(arena, mark);
    assert_non_null(ARENA_ARRAY(arena, char, 0));
    arena_free(arena);
}

static void texts_are_formatted_into_it(void **state) {
    (void)state;
    Arena *arena = arena_new(4096);
    char *a = arena_printf(arena, "%s-%d", "x", 12), *b = arena_printf(arena, "%5000d", 1);
    assert_string_equal(a, "x-12");
    assert_int_equal(strlen(b), 5000);
    arena_free(arena);
}

static long resident_bytes(void) {
    long size, resident;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld %ld", &size, &resident), 2);
    fclose(file);
    return resident * sysconf(_SC_PAGESIZE);
}

static void what_is_not_written_takes_no_memory(void **state) {
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip();
#endif
    enum { BIG = 512 << 20 };
    Arena *arena = arena_new(1 << 16);
    const long before = resident_bytes();
    char *big = ARENA_ARRAY(arena, char, BIG);
    big[0] = big[BIG / 2] = 1;
    assert_true(resident_bytes() - before < BIG / 16);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_aligned),
        cmocka_unit_test(a_rewind_gives_the_same_memory_again_zeroed),
        cmocka_unit_test(an_empty_arena_may_be_rewound_to_empty),
        cmocka_unit_test(texts_are_formatted_into_it),
        cmocka_unit_test(what_is_not_written_takes_no_memory),
    };
    return cmocka_run_group_tests_name("base/arena", tests, NULL, NULL);
}
