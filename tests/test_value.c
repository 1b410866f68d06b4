// tests/test_value.c -- verifiers/code/value: Python's values as bytes, and JSON's against them.
#include "verifiers/code/value.h"

#include "tests/test.h"

static Arena *arena;

static int setup(void **state) {
    (void)state;
    arena = arena_new(1 << 14);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_free(arena);
    return 0;
}

static const Value *read(const char *bytes, size_t size) {
    const char *why = NULL, *check = value_check((const uint8_t *)bytes, size);
    const Value *v = value_read((const uint8_t *)bytes, size, &why, arena);
    if (check) assert_null(v); // what the look refuses the reader refuses
    assert_true((v == NULL) == (why != NULL));
    return v;
}
#define READ(literal) read((literal), sizeof(literal) - 1)

static bool wanted(const Value *v, const char *json) {
    JsonDoc *doc;
    assert_ok(json_parse(json, strlen(json), "want", 1, false, &doc));
    bool equal = v && value_equals(v, json_root(doc));
    json_free(doc);
    return equal;
}

// Writes JSON as a value, reads it back and compares with the other JSON.
static bool round_trip(const char *json, const char *want) {
    JsonDoc *doc;
    Str out = {0};
    assert_ok(json_parse(json, strlen(json), "value", 1, false, &doc));
    value_json(&out, json_root(doc));
    bool equal = wanted(read(out.data, out.size), want);
    str_free(&out);
    json_free(doc);
    return equal;
}

static void what_is_written_is_read_back(void **state) {
    (void)state;
    static const char *const same[] = {"null",
                                       "true",
                                       "false",
                                       "0",
                                       "-1",
                                       "127",
                                       "128",
                                       "-128",
                                       "-129",
                                       "255",
                                       "256",
                                       "9223372036854775807",
                                       "-9223372036854775808",
                                       "9223372036854775808",
                                       "18446744073709551616",
                                       "-340282366920938463463374607431768211456",
                                       "123456789012345678901234567890123456789",
                                       "0.5",
                                       "-1e300",
                                       "\"\"",
                                       "\"a\\u0000b\\u00e9\"",
                                       "[]",
                                       "[1,[2,[3]],{}]",
                                       "{\"a\":[1,2],\"b\":{\"c\":null}}"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if (!round_trip(same[i], same[i])) fail_msg("%s", same[i]);
}

static void types_are_exact(void **state) {
    (void)state;
    static const char *const other[][2] = {{"true", "1"},
                                           {"1", "true"},
                                           {"false", "0"},
                                           {"0", "false"},
                                           {"null", "false"},
                                           {"\"1\"", "1"},
                                           {"1", "\"1\""},
                                           {"[1]", "1"},
                                           {"1", "2"},
                                           {"[1,2]", "[1]"},
                                           {"[1]", "[1,2]"},
                                           {"{}", "[]"},
                                           {"\"a\"", "\"A\""},
                                           {"{\"a\":1}", "{\"a\":2}"},
                                           {"{\"a\":1}", "{\"b\":1}"},
                                           {"{\"a\":1}", "{\"a\":1,\"b\":2}"},
                                           {"9007199254740993", "9007199254740992"},
                                           {"18446744073709551616", "18446744073709551617"},
                                           {"null", "0"},
                                           {"null", "[]"}};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        if (round_trip(other[i][0], other[i][1]))
            fail_msg("%s is not %s", other[i][0], other[i][1]);
}

static void numbers_compare_by_how_they_are_written(void **state) {
    (void)state;
    assert_true(round_trip("3.0", "3")); // exactly three
    assert_false(round_trip("3.0000001", "3"));
    assert_true(round_trip("3", "3.0"));
    assert_true(round_trip("3.0000001", "3.0"));
    assert_false(round_trip("3.00001", "3.0"));
    assert_true(round_trip("1000000.5", "1000000.6")); // relative
    assert_false(round_trip("9007199254740992.0", "9007199254740993"));
    assert_false(wanted(READ("f\0\0\0\0\0\0\xf8\x7f"), "0.5")); // nan
    assert_false(wanted(READ("f\0\0\0\0\0\0\xf0\x7f"), "5"));
    assert_true(wanted(READ("i\0\0\0\0"), "0")); // no bytes at all
}

static void pythons_containers_stand_for_jsons(void **state) {
    (void)state;
    assert_true(wanted(READ("(\2\0\0\0i\1\0\0\0\1i\1\0\0\0\2"), "[1,2]")); // a tuple
    assert_false(wanted(READ("<\1\0\0\0i\1\0\0\0\1"), "[1]"));             // a set has no order
    assert_false(wanted(READ("b\1\0\0\0a"), "\"a\""));
    assert_true(wanted(READ("{\1\0\0\0i\1\0\0\0\5N"), "{\"5\":null}")); // whole numbers as keys
    assert_false(wanted(READ("{\1\0\0\0TN"), "{\"1\":null}"));
    assert_true(round_trip("{\"b\":1,\"a\":2}", "{\"a\":2,\"b\":1}"));
    assert_true(
        wanted(READ("(\2\0\0\0[\1\0\0\0T@\0\0\0\0"), "[[true],[true]]")); // the same list twice
}

static void a_list_that_holds_itself_equals_nothing(void **state) {
    (void)state;
    const Value *v = READ("[\1\0\0\0@\0\0\0\0");
    assert_non_null(v);
    assert_false(wanted(v, "[[[[]]]]"));
    assert_false(wanted(v, "[]"));
}

static void foreign_bytes_are_refused_with_a_reason(void **state) {
    (void)state;
    assert_null(READ(""));
    assert_null(READ("Q"));
    assert_null(READ("NN"));
    assert_null(READ("i\5\0\0\0ab"));
    assert_null(READ("s\xff\xff\xff\xff"));
    assert_null(READ("[\xff\xff\xff\x7fN"));
    assert_null(READ("{\2\0\0\0NN"));
    assert_null(READ("f1234567"));
    assert_null(READ("@\0\0\0\0"));
    assert_null(READ("o\0\0\0\0")); // an object of the program's is no plain value
    assert_null(value_check((const uint8_t *)"o\0\0\0\0", 5));
    assert_null(READ("x\3ab"));
    char deep[1000];
    for (int i = 0; i < 1000; i += 5) memcpy(deep + i, "[\1\0\0\0", 5);
    assert_null(read(deep, sizeof deep));
}

static void every_cut_of_a_value_is_refused(void **state) {
    (void)state;
    static const char whole[] =
        "{\2\0\0\0s\1\0\0\0a[\2\0\0\0TFs\1\0\0\0b(\1\0\0\0c0123456789abcdef";
    assert_null(value_check((const uint8_t *)whole, sizeof whole - 1));
    for (size_t n = 0; n < sizeof whole - 1; n++)
        assert_non_null(value_check((const uint8_t *)whole, n));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(types_are_exact),
        cmocka_unit_test(numbers_compare_by_how_they_are_written),
        cmocka_unit_test(pythons_containers_stand_for_jsons),
        cmocka_unit_test(a_list_that_holds_itself_equals_nothing),
        cmocka_unit_test(foreign_bytes_are_refused_with_a_reason),
        cmocka_unit_test(every_cut_of_a_value_is_refused),
    };
    return cmocka_run_group_tests_name("verifiers/code/value", tests, setup, teardown);
}
