// tests/test_json.c -- base/json: strict, with the line of every value.
#include "base/json.h"

#include <float.h>
#include <stdlib.h>

#include "base/str.h"
#include "tests/test.h"

static JsonDoc *parse(const char *text, bool comments) {
    JsonDoc *doc;
    assert_ok(json_parse(text, strlen(text), "t.json", 1, comments, &doc));
    return doc;
}

static void values_come_back(void **state) {
    (void)state;
    JsonDoc *doc = parse("{\"a\":1.5,\"b\":[true,false,null,-3,1e3],\"c\":\"x\\n\\u00e9\","
                         "\"d\":{},\"e\":[],\"f\":9007199254740993}",
                         false);
    const Json *root = json_root(doc), *b = json_get(root, "b");
    assert_int_equal(json_kind(root), JSON_OBJECT);
    assert_int_equal(json_count(root), 6);
    assert_true(json_num(json_get(root, "a"), 0) == 1.5);
    assert_int_equal(json_int(json_get(root, "a"), 7), 7); // not whole
    assert_int_equal(json_int(json_get(root, "f"), 7), 7); // no double is exactly this
    assert_true(json_num(json_get(root, "c"), 4) == 4);    // not a number
    assert_string_equal(json_text(json_get(root, "c"), ""), "x\n\xC3\xA9");
    assert_int_equal(json_text_size(json_get(root, "c")), 4);
    assert_string_equal(json_text(json_get(root, "z"), "none"), "none");
    assert_int_equal(json_count(json_get(root, "d")), 0);
    const JsonKind kind[] = {JSON_BOOL, JSON_BOOL, JSON_NULL, JSON_NUMBER, JSON_NUMBER};
    int n = 0;
    for (const Json *e = json_first(b); e; e = json_next(e)) {
        assert_int_equal(json_kind(e), kind[n++]);
        assert_null(json_key(e));
    }
    assert_int_equal(n, 5);
    assert_true(json_bool(json_first(b), false));
    assert_int_equal(json_int(json_next(json_next(json_next(json_first(b)))), 0), -3);
    assert_string_equal(json_key(json_first(root)), "a");
    assert_null(json_get(b, "a"));
    assert_null(json_get(NULL, "a"));
    assert_string_equal(json_name(doc), "t.json");
    json_free(doc);
}

static void every_value_knows_its_line(void **state) {
    (void)state;
    JsonDoc *doc = parse("{\n\"a\": [1,\n  2,\n\n {\"b\":\n null}],\n\"c\": \"x\"}\n\n", false);
    const Json *root = json_root(doc), *a = json_get(root, "a"), *one = json_first(a);
    assert_int_equal(json_line(doc, root), 1);
    assert_int_equal(json_line(doc, a), 2);
    assert_int_equal(json_line(doc, one), 2);
    assert_int_equal(json_line(doc, json_next(one)), 3);
    assert_int_equal(json_line(doc, json_next(json_next(one))), 5);
    assert_int_equal(json_line(doc, json_get(json_next(json_next(one)), "b")), 6);
    assert_int_equal(json_line(doc, json_get(root, "c")), 7);
    json_free(doc);
    assert_ok(json_parse("[0]", 3, "rows.jsonl", 41, false, &doc));
    assert_int_equal(json_line(doc, json_first(json_root(doc))), 41);
    json_free(doc);
}

static void a_text_may_hold_zero_bytes(void **state) {
    (void)state;
    JsonDoc *doc =
        parse("[\"\\u0000a\\uD83D\\uDE00\\u0000\",\"\",\"\\u07ff\\u0800\\u0000\"]", false);
    const Json *e = json_first(json_root(doc));
    assert_int_equal(json_text_size(e), 7);
    assert_memory_equal(json_text(e, ""), "\0a\xF0\x9F\x98\x80\0", 8);
    e = json_next(e);
    assert_int_equal(json_text_size(e), 0);
    e = json_next(e);
    assert_int_equal(json_text_size(e), 6);
    assert_memory_equal(json_text(e, ""), "\xDF\xBF\xE0\xA0\x80\0", 7);
    json_free(doc);
}

static void comments_are_read_only_where_asked_for(void **state) {
    (void)state;
    const char *text = "// head\n{ // one\n \"a\": \"http://x\", // two \"\n \"b\": 2 // end\n}//";
    JsonDoc *doc = parse(text, true);
    assert_string_equal(json_text(json_get(json_root(doc), "a"), ""), "http://x");
    assert_int_equal(json_line(doc, json_get(json_root(doc), "b")), 4);
    json_free(doc);
    assert_int_equal(json_parse(text, strlen(text), "t.json", 1, false, &doc), ST_FORMAT);
    assert_null(doc);
}

static void what_is_not_json_is_refused_with_its_line(void **state) {
    (void)state;
    char deep[140], number[80], integer[4400];
    memset(deep, '[', 65), memset(deep + 65, ']', 65), deep[130] = 0;
    memset(number, '1', 64), number[1] = '.', number[64] = 0;
    memset(integer, '1', 4302), integer[4302] = 0;
    const struct {
        const char *text, *why;
    } row[] = {
        {"", "t.json:1: the text ends"},
        {" \n ", "t.json:2: the text ends"},
        {"{} x", "t.json:1: text after the end"},
        {"[1]\n[2]", "t.json:2: text after the end"},
        {"{\"a\":1,\n\"b\":2,\n\"a\":3}", "t.json:3: the key 'a' was already given in line 1"},
        {"[{\"x\":{\"k\":1,\"k\":1}}]", "t.json:1: the key 'k'"},
        {deep, "nested more than 64"},
        {"[\"\xFF\"]", "not valid UTF-8"},
        {"[1,\n\n\"\xC3\"]", "t.json:3: not valid UTF-8"},
        {"[1,]", "comma before"},
        {"{\"a\":1,}", "comma before"},
        {"{\"a\" 1}", "':'"},
        {"{a:1}", "double quotes"},
        {"{\"a\":1 \"b\":2}", "',' or '}'"},
        {"[1 2]", "',' or ']'"},
        {"[", "ends where a value"},
        {"[1", "',' or ']'"},
        {"[01]", "may not begin with 0"},
        {"[+1]", "a value was expected"},
        {"[.5]", "a value was expected"},
        {"[1.]", "decimal point"},
        {"[1e]", "exponent"},
        {"[-]", "a value was expected"},
        {"[1e999]", "too large"},
        {number, "63 characters"},
        {integer, "4300 digits"},
        {"[0x10]", "',' or ']'"},
        {"[NaN]", "a value was expected"},
        {"[Infinity]", "a value was expected"},
        {"[True]", "a value was expected"},
        {"[nul]", "a value was expected"},
        {"[truex]", "',' or ']'"},
        {"['a']", "a value was expected"},
        {"[\"a]", "not closed"},
        {"[\"a\n\"]", "not closed"},
        {"[\"a\tb\"]", "control character"},
        {"[\"\\x\"]", "bad escape"},
        {"[\"\\u12g4\"]", "hexadecimal"},
        {"[\"\\u12", "hexadecimal"},
        {"[\"\\ud800\"]", "surrogate"},
        {"[\"\\udc00\"]", "surrogate"},
        {"[\"\\ud800\\u0041\"]", "surrogate"},
        {"{\"\\u0000\":1}", "\\u0000"},
        {"[1]\f", "text after"},
        {"[/*x*/1]", "a value was expected"},
    };
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        JsonDoc *doc = NULL;
        Status st = json_parse(row[k].text, strlen(row[k].text), "t.json", 1, false, &doc);
        if (st != ST_FORMAT || doc || !strstr(status_text(), row[k].why))
            fail_msg("%s: %s: %s, want %s", row[k].text, status_name(st), status_text(),
                     row[k].why);
    }
    JsonDoc *doc;
    assert_int_equal(json_parse("[\0]", 3, "t", 1, false, &doc), ST_FORMAT);
    deep[64] = ']', deep[65 + 63] = 0; // 64 deep is allowed
    doc = parse(deep, false);
    json_free(doc);
}

static void a_number_is_kept_as_it_was_written(void **state) {
    (void)state;
    static const char text[] =
        "{\"a\":12345678901234567890,\"b\":[1.50,-0,1E+2,\"x\\u0000\\n\",true,"
        "null,{}],\"c\":[],\"\\u00e9\":false}";
    JsonDoc *doc =
        parse(" { \"a\" : 12345678901234567890 , \"b\":[1.50, -0,1E+2, \"x\\u0000\\n\",true,"
              "null,{}],\"c\":[ ] ,\"\\u00e9\":false}\n",
              false);
    const Json *root = json_root(doc);
    assert_string_equal(json_raw(json_get(root, "a")), "12345678901234567890");
    assert_string_equal(json_raw(json_first(json_get(root, "b"))), "1.50");
    assert_null(json_raw(root));
    assert_null(json_raw(json_get(root, "c")));
    Str out = {0};
    json_echo(root, &out);
    JsonDoc *again = parse(str_text(&out), false);
    assert_string_equal(json_raw(json_get(json_root(again), "a")), "12345678901234567890");
    for (size_t i = 0, k = 0; text[i]; i++, k++) // but for the e with its accent, byte for byte
        if (strncmp(&text[i], "\\u00e9", 6) == 0 && (unsigned char)out.data[k] >= 0x80)
            i += 5, k += 1;
        else
            assert_int_equal(out.data[k], text[i]);
    str_clear(&out);
    json_echo(NULL, &out);
    assert_string_equal(str_text(&out), "null");
    str_free(&out);
    json_free(again);
    json_free(doc);
}

static void a_long_integer_keeps_its_digits(void **state) {
    (void)state;
    static const int sizes[] = {62, 63, 64, 65, 308, 309, 4300};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        Str s = {0}, out = {0};
        str_puts(&s, "{\"a\":-");
        for (int k = 0; k < sizes[i]; k++) str_putc(&s, (char)('1' + k % 9));
        str_puts(&s, ",\"b\":[2,\"x\"]}");
        JsonDoc *doc = parse(str_text(&s), false);
        json_echo(json_root(doc), &out);
        assert_string_equal(str_text(&out), str_text(&s));
        double got = json_num(json_get(json_root(doc), "a"), 0);
        assert_true(got == fmax(strtod(str_text(&s) + 5, NULL), -DBL_MAX));
        assert_int_equal(json_int(json_get(json_root(doc), "a"), 7), 7);
        json_free(doc);
        str_free(&s);
        str_free(&out);
    }
}

static void a_missing_file_is_an_io_error(void **state) {
    (void)state;
    JsonDoc *doc = NULL;
    assert_int_equal(json_read("no/such.json", false, &doc), ST_IO);
    assert_null(doc);
}

static void a_large_object_is_read_quickly(void **state) {
    (void)state;
    Str s = {0};
    str_puts(&s, "\xEF\xBB\xBF{\"k\":0"); // a byte order mark is passed over
    for (int i = 0; i < 100000; i++) str_printf(&s, ",\"%d\":%d", i, i);
    str_puts(&s, "}");
    JsonDoc *doc = parse(str_text(&s), false);
    assert_int_equal(json_count(json_root(doc)), 100001);
    json_free(doc);
    str_free(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_back),
        cmocka_unit_test(every_value_knows_its_line),
        cmocka_unit_test(a_text_may_hold_zero_bytes),
        cmocka_unit_test(comments_are_read_only_where_asked_for),
        cmocka_unit_test(what_is_not_json_is_refused_with_its_line),
        cmocka_unit_test(a_number_is_kept_as_it_was_written),
        cmocka_unit_test(a_long_integer_keeps_its_digits),
        cmocka_unit_test(a_missing_file_is_an_io_error),
        cmocka_unit_test(a_large_object_is_read_quickly),
    };
    return cmocka_run_group_tests_name("base/json", tests, NULL, NULL);
}
