// tests/test_cage_main.c -- a program that never called cage_main starts no broker.
#include "sandbox/cage.h"
#include "tests/test.h"

// It would be this program again, which would start a broker, which would be this program again.
static void without_cage_main_no_cage_opens(void **state) {
    (void)state;
    Cage *cage = NULL;
    assert_int_equal(cage_open(NULL, &cage), ST_UNSUPPORTED);
    assert_non_null(strstr(status_text(), "cage_main"));
    assert_null(cage);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_cage_main_no_cage_opens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
