// tests/test_str.c -- base/str: growth, escapes, numbers, distance, UTF-8.
#include "base/str.h"

#include <float.h>
#include <stdlib.h>

#include "base/rng.h"
#include "tests/test.h"

static void a_text_grows_and_stays_terminated(void **state) {
    (void)state;
    Str s = {0};
    assert_string_equal(str_text(&s), "");
    for (int i = 0; i < 1000; i++) str_printf(&s, "%d,", i % 10);
    assert_int_equal(s.size, 2000);
    assert_int_equal(strlen(s.data), 2000);
    str_clear(&s);
    assert_string_equal(str_text(&s), "");
    str_add(&s, "a\0b", 3);
    str_putc(&s, 'c');
    assert_int_equal(s.size, 4);
    assert_memory_equal(s.data, "a\0bc", 5);
    str_add(&s, NULL, 0);
    assert_int_equal(s.size, 4);
    str_free(&s);
    assert_null(s.data);
}

static void json_escapes(void **state) {
    (void)state;
    const struct {
        const char *in;
        size_t size;
        const char *want;
    } row[] = {
        {"plain", 5, "\"plain\""},
        {"a\"b\\c", 5, "\"a\\\"b\\\\c\""},
        {"\n\t\r\b\f\x01\0", 7, "\"\\n\\t\\r\\b\\f\\u0001\\u0000\""},
        {"</script>", 9, "\"\\u003c/script>\""},
        {"h\xC3\xA9\xF0\x9F\x98\x80", 7, "\"h\xC3\xA9\xF0\x9F\x98\x80\""},
        {"\xC2\x80\xC2\x9B\x7F\xC2\xA0", 7, "\"\\u0080\\u009b\\u007f\xC2\xA0\""}, // of a terminal
        {"a\xFF\xC3", 3, "\"a\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {"\xED\xA0\x80", 3, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""}, // a surrogate
    };
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        Str s = {0};
        str_json(&s, row[k].in, row[k].size);
        assert_string_equal(str_text(&s), row[k].want);
        str_free(&s);
    }
}

static void what_strangers_wrote_moves_no_terminal(void **state) {
    (void)state;
    static const char text[] = "a\n\t\x1B[2J\xC2\x9B\x7F\xC3\xA9\xFF\r";
    Str s = {0};
    str_shown(&s, text, sizeof text - 1);
    assert_string_equal(str_text(&s), "a\n\t\\x1b[2J\\u009b\\x7f\xC3\xA9\\xff\\x0d");
    str_free(&s);
}

static const char *number(Str *s, double value) {
    str_clear(s);
    str_number(s, value);
    return str_text(s);
}

static void numbers_are_short_and_read_back(void **state) {
    (void)state;
    Str s = {0};
    assert_string_equal(number(&s, 0.1), "0.1");
    assert_string_equal(number(&s, 12), "12");
    assert_string_equal(number(&s, -0.0), "-0");
    assert_string_equal(number(&s, 1e-4), "0.0001");
    assert_string_equal(number(&s, 5e-324), "5e-324");
    assert_string_equal(number(&s, NAN), "null");
    assert_string_equal(number(&s, -INFINITY), "null");
    Rng rng = rng_open((RngKey){.stream = RNG_TEST});
    for (int k = 0; k < 20000; k++) {
        double v = ldexp(rng_double(&rng) - 0.5, rng_range(&rng, -1060, 1000));
        assert_true(strtod(number(&s, v), NULL) == v);
    }
    assert_true(strtod(number(&s, DBL_MAX), NULL) == DBL_MAX);
    str_free(&s);
}

static void html_escapes(void **state) {
    (void)state;
    Str s = {0};
    str_html(&s, "<a href='x'>\"&\"</a>", 19);
    assert_string_equal(str_text(&s), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;&quot;&lt;/a&gt;");
    str_free(&s);
}

static void distance_counts_edits(void **state) {
    (void)state;
    assert_int_equal(str_distance("", ""), 0);
    assert_int_equal(str_distance("rl.lr", "rl.lr"), 0);
    assert_int_equal(str_distance("rl.lrr", "rl.lr"), 1);
    assert_int_equal(str_distance("", "abc"), 3);
    assert_int_equal(str_distance("kitten", "sitting"), 3);
    char a[100], b[100];
    memset(a, 'a', 99), memset(b, 'b', 99);
    a[99] = b[99] = 0;
    assert_int_equal(str_distance(a, b), 64); // capped
}

static void utf8_is_judged_by_the_standard(void **state) {
    (void)state;
    const struct {
        const char *text;
        int bad; // offset, -1 if valid
    } row[] = {
        {"abc", -1},
        {"\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", -1},
        {"a\x80", 1},
        {"ab\xC0\x80", 2},       // overlong
        {"\xC1\xBF", 0},         //
        {"\xE0\x9F\xBF", 0},     //
        {"\xF0\x8F\xBF\xBF", 0}, //
        {"\xED\xA0\x80", 0},     // surrogate
        {"\xF4\x90\x80\x80", 0}, // past U+10FFFF
        {"\xF5\x80\x80\x80", 0}, //
        {"x\xE2\x82", 1},        // cut short
        {"x\xE2\x82z", 1},       //
        {"\xF0\x9F\x98\x80\xFF", 4},
    };
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        size_t bad = 99;
        bool ok = str_is_utf8(row[k].text, strlen(row[k].text), &bad);
        assert_int_equal(ok, row[k].bad < 0);
        if (!ok) assert_int_equal(bad, row[k].bad);
    }
    assert_false(str_is_utf8("\xC3", 1, NULL));
    assert_true(str_is_utf8(NULL, 0, NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_grows_and_stays_terminated),
        cmocka_unit_test(json_escapes),
        cmocka_unit_test(what_strangers_wrote_moves_no_terminal),
        cmocka_unit_test(numbers_are_short_and_read_back),
        cmocka_unit_test(html_escapes),
        cmocka_unit_test(distance_counts_edits),
        cmocka_unit_test(utf8_is_judged_by_the_standard),
    };
    return cmocka_run_group_tests_name("base/str", tests, NULL, NULL);
}
