// tests/test_suite.c -- verifiers/code/suite: the tests of a task, read from any of its spellings.
#include "verifiers/code/suite.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/rng.h"
#include "tests/test.h"

typedef struct Read {
    Arena *arena;
    JsonDoc *doc;
    Suite suite;
    const char *why;
} Read;

static Read read(const char *text) {
    Read r = {.arena = arena_new(1 << 12)};
    assert_ok(json_parse(text, strlen(text), "row", 1, false, &r.doc));
    r.why = suite_read(json_root(r.doc), NULL, &r.suite, r.arena);
    return r;
}

static void done(Read *r) {
    if (!r->why) suite_free(&r->suite);
    json_free(r->doc);
    arena_free(r->arena);
}

static void forms_are_told_apart_by_their_fields(void **state) {
    (void)state;
    static const struct {
        const char *row;
        SuiteForm form;
        int n;
    } cases[] = {
        {"{\"tests\":[{\"input\":\"1\",\"output\":\"2\"}]}", SUITE_IO, 1},
        {"{\"tests\":\"[{\\\"input\\\":\\\"1\\\",\\\"output\\\":\\\"2\\\"}]\"}", SUITE_IO, 1},
        {"{\"inputs\":[\"1\",\"2\"],\"outputs\":[\"2\",\"3\"]}", SUITE_IO, 2},
        {"{\"input_output\":{\"inputs\":[[1,2]],\"outputs\":[3],\"fn_name\":\"f\"}}", SUITE_CALLS,
         1},
        {"{\"entry\":\"f\",\"calls\":[{\"args\":[1],\"want\":null}]}", SUITE_CALLS, 1},
        {"{\"tests\":[\"assert f()\",\"assert g()\"]}", SUITE_ASSERTS, 2},
        {"{\"test_list\":[\"assert f()\"],\"test_setup_code\":\"x=1\"}", SUITE_ASSERTS, 1},
        {"{\"test\":\"assert f()\\nassert g()\"}", SUITE_ASSERTS, 1},
        {"{\"tests\":{\"functional\":\"def check(c):\\n  pass\\ncheck(f)\"}}", SUITE_ASSERTS, 1},
        {"{\"test\":\"def check(c):\\n  pass\",\"entry_point\":\"f\",\"prompt\":\"def f():\"}",
         SUITE_CHECK, 1},
        {"{\"public_tests\":{\"input\":[\"1\"],\"output\":[\"2\"]},\"private_tests\":{\"input\":["
         "\"3\","
         "\"4\"],\"output\":[\"4\",\"5\"]}}",
         SUITE_IO, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Read r = read(cases[i].row);
        if (r.why) fail_msg("%s: %s", cases[i].row, r.why);
        assert_int_equal(r.suite.form, cases[i].form);
        assert_int_equal(r.suite.n_tests, cases[i].n);
        done(&r);
    }
}

static void what_cannot_be_judged_says_why(void **state) {
    (void)state;
    static const char *const rows[] = {
        "{}",
        "[]",
        "{\"tests\":[]}",
        "{\"tests\":5}",
        "{\"tests\":\"x\"}",
        "{\"test\":\"\"}",
        "{\"inputs\":[\"1\"],\"outputs\":[]}",
        "{\"calls\":[{\"args\":[1],\"want\":1}]}",
        "{\"entry\":\"f\",\"calls\":[{\"args\":{},\"want\":1}]}",
        "{\"entry\":\"f\",\"calls\":[{\"args\":[],\"kwargs\":[],\"want\":1}]}",
        "{\"entry\":\"f\",\"calls\":{}}",
        "{\"tests\":[\"assert f()\",{}]}",
        "{\"tests\":[{\"input\":{},\"output\":\"\"}]}",
        "{\"tests\":[\"assert f()\"],\"lang\":\"cpp\"}",
        "{\"test\":\"eJxxxxxxxxxxxxxxxxxxxx\"}",
        "{\"input_output\":{\"inputs\":[\"not json\"],\"outputs\":[\"1\"],\"fn_name\":\"f\"}}"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        Read r = read(rows[i]);
        if (!r.why) fail_msg("%s was read", rows[i]);
        done(&r);
    }
}

static void limits_come_from_the_row_or_its_statement(void **state) {
    (void)state;
    static const struct {
        const char *fields;
        int cpu_ms;
        int64_t megabytes;
    } cases[] = {
        {"\"cpu_ms\":700,\"memory_mb\":64", 700, 64},
        {"\"time_limit\":2", 7000, 512}, // an interpreter's three times, and a second
        {"\"time_limit\":2,\"lang\":\"cpp\"", 3000, 512},
        {"\"time_limit\":{\"seconds\":1,\"nanos\":500000000},\"lang\":\"cpp\"", 2500, 512},
        {"\"memory_limit\":1024", 6000, 1088},
        {"\"memory_limit_bytes\":268435456", 6000, 320},
        {"\"time_limit\":-1", 6000, 512},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Str text = {0};
        str_printf(&text, "{\"tests\":[{\"input\":\"\",\"output\":\"\"}],%s}", cases[i].fields);
        Read r = read(str_text(&text));
        assert_null(r.why);
        assert_int_equal(r.suite.limits.cpu_ms, cases[i].cpu_ms);
        assert_int_equal(r.suite.limits.memory_bytes >> 20, cases[i].megabytes);
        done(&r);
        str_free(&text);
    }
    Read r = read("{\"tests\":[{\"input\":\"\",\"output\":\"\"}],\"lang\":\"c\"}");
    suite_free(&r.suite);
    r.why = suite_read(json_root(r.doc), "...\nTime Limit: 1500 ms\nMemory Limit: 600 MB\n",
                       &r.suite, r.arena);
    assert_null(r.why);
    assert_int_equal(r.suite.limits.cpu_ms, 2500);
    assert_int_equal(r.suite.limits.memory_bytes >> 20, 664);
    done(&r);
}

static void arguments_on_lines_are_json_values(void **state) {
    (void)state;
    Read r =
        read("{\"fn_name\":\"f\",\"inputs\":[\"[1, 2]\\n\\\"a\\\"\\n\"],\"outputs\":[\"[1]\"]}");
    assert_null(r.why);
    assert_int_equal(json_count(r.suite.test[0].args), 2);
    assert_int_equal(json_kind(r.suite.test[0].want), JSON_ARRAY); // text: as it is written
    done(&r);
    r = read("{\"fn_name\":\"f\",\"inputs\":[[1]],\"outputs\":[[5]]}"); // APPS: 5 in a list
    assert_int_equal(json_kind(r.suite.test[0].want), JSON_NUMBER);
    done(&r);
}

static void a_selection_is_a_function_of_its_draw(void **state) {
    (void)state;
    Str text = {0};
    str_puts(&text, "{\"entry\":\"f\",\"calls\":[");
    for (int i = 0; i < 40; i++) str_printf(&text, "%s{\"args\":[%d],\"want\":1}", i ? "," : "", i);
    str_puts(&text, "]}");
    int taken[40] = {0}, first[10];
    for (uint64_t draw = 0; draw < 400; draw++) {
        Read r = read(str_text(&text));
        suite_select(&r.suite, 10, rng_mix(draw / 2));
        assert_int_equal(r.suite.n_tests, 10);
        int before = -1;
        for (int i = 0; i < 10; i++) {
            int which = (int)json_int(json_first(r.suite.test[i].args), -1);
            assert_true(which > before); // their order is kept
            before = which;
            taken[which]++;
            if (draw % 2) assert_int_equal(which, first[i]);
            first[i] = which;
        }
        done(&r);
    }
    for (int i = 0; i < 40; i++) assert_in_range(taken[i], 40, 170); // 100 each, in pairs
    Read r = read(str_text(&text));
    suite_select(&r.suite, 0, 1);
    assert_int_equal(r.suite.n_tests, 40);
    done(&r);
    str_free(&text);
}

// Every record of the sample sets can be judged.
static void the_known_sets_are_read(void **state) {
    (void)state;
    static const struct {
        const char *file;
        SuiteForm form;
    } sets[] = {{"humaneval/test", SUITE_CHECK},     {"mbpp/sanitized", SUITE_ASSERTS},
                {"mbpp/all", SUITE_ASSERTS},         {"codeforces/test", SUITE_IO},
                {"code_contests/test", SUITE_IO},    {"code_contests_sample/test", SUITE_IO},
                {"mhpp_sample/test", SUITE_ASSERTS}, {"lcb_sample/test", SUITE_IO},
                {"oj_sample/test", SUITE_ASSERTS}};
    if (!file_exists("../shared/data/README.md")) {
        print_message("skipped: ../shared/data is not here\n");
        skip();
    }
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        Arena *arena = arena_new(1 << 16);
        char *text;
        assert_ok(file_read(arena_printf(arena, "../shared/data/%s.jsonl", sets[i].file), &text,
                            NULL, arena));
        for (char *line; (line = strsep(&text, "\n")) != NULL;) {
            if (!*line) continue;
            Read r = read(line);
            if (r.why) fail_msg("%s: %s: %.80s", sets[i].file, r.why, line);
            bool function = i == 7 && strstr(line, "\"lcb_sample/1\"");
            assert_int_equal(r.suite.form, function ? SUITE_CALLS : sets[i].form);
            done(&r);
        }
        arena_free(arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_are_told_apart_by_their_fields),
        cmocka_unit_test(what_cannot_be_judged_says_why),
        cmocka_unit_test(limits_come_from_the_row_or_its_statement),
        cmocka_unit_test(arguments_on_lines_are_json_values),
        cmocka_unit_test(a_selection_is_a_function_of_its_draw),
        cmocka_unit_test(the_known_sets_are_read),
    };
    return cmocka_run_group_tests_name("verifiers/code/suite", tests, NULL, NULL);
}
