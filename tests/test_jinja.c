// tests/test_jinja.c -- policy/text/jinja: the output of transformers' own environment, limits, and
// refusals.
#include "policy/text/jinja/jinja.h"

#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

// Renders one case of the golden file; ST_OK and the text, or the status.
static Status render_case(const Json *templates, const Json *c, Str *out, Arena *arena) {
    const Json *text = json_get(c, "text");
    if (!text) text = json_get(templates, json_text(json_get(c, "template"), ""));
    Jinja *jinja = NULL;
    Status st = jinja_parse(json_text(text, ""), json_text_size(text),
                            json_text(json_get(c, "name"), "?"), &jinja);
    if (st == ST_OK)
        st = jinja_render(jinja, jinja_from_json(json_get(c, "vars"), arena), out, arena);
    jinja_free(jinja);
    return st;
}

static int run_cases(const char *path, int *refused) {
    JsonDoc *doc;
    int wrong = 0, n = 0;
    assert_ok(json_read(path, false, &doc));
    const Json *root = json_root(doc);
    Arena *arena = arena_new(1 << 20);
    for (const Json *c = json_first(json_get(root, "cases")); c; c = json_next(c)) {
        Str out = {0};
        ArenaMark mark = arena_mark(arena);
        const Json *expect = json_get(c, "expect");
        Status st = render_case(json_get(root, "templates"), c, &out, arena);
        bool same = expect ? st == ST_OK && out.size == json_text_size(expect) &&
                                 memcmp(str_text(&out), json_text(expect, ""), out.size) == 0
                           : st != ST_OK;
        if (!same) {
            print_error("%s\n  expected: %s\n  rendered: %s\n", json_text(json_get(c, "name"), ""),
                        json_text(expect ? expect : json_get(c, "error"), ""),
                        st == ST_OK ? str_text(&out) : status_text());
            wrong++;
        }
        *refused += st != ST_OK;
        n++;
        str_free(&out);
        arena_rewind(arena, mark);
    }
    arena_free(arena);
    json_free(doc);
    assert_int_equal(wrong, 0);
    return n;
}

static void equals_transformers(void **state) {
    (void)state;
    int refused = 0;
    assert_true(run_cases("tests/golden/jinja.json", &refused) > 600);
    assert_true(refused > 50);
}

// More templates, by hand: JINJA_CASES=FILE made by tests/golden/make_jinja.py FOLDER.
static void equals_transformers_on_more(void **state) {
    (void)state;
    int refused = 0;
    const char *path = getenv("JINJA_CASES");
    if (!path) skip();
    print_message("%d cases\n", run_cases(path, &refused));
}

static Status run(const char *text, size_t *size) {
    Arena *arena = arena_new(1 << 16);
    Jinja *jinja = NULL;
    Str out = {0};
    Status st = jinja_parse(text, strlen(text), "t", &jinja);
    if (st == ST_OK) st = jinja_render(jinja, jinja_dict(JINJA_DICT, arena), &out, arena);
    *size = out.size;
    jinja_free(jinja);
    str_free(&out);
    arena_free(arena);
    return st;
}

// Templates are untrusted: whatever they try, a render ends, by a budget of counted steps.
static void every_render_ends(void **state) {
    (void)state;
    static const char *const hostile[] = {
        "{% for i in range(1000000000) %}{% endfor %}",
        "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
        "{{ 'x' * 1000000000000 }}",
        "{% set ns = namespace(s='x') %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s %}{% "
        "endfor %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
        "{% for x in [[1]] recursive %}{{ loop(x) }}{{ loop([x]) }}{% endfor %}",
        "{% set ns = namespace(l=[]) %}{% for i in range(10000) %}{% set ns.l = [ns.l] %}{% endfor "
        "%}{{ ns.l }}",
        "{{ 2 ** 100000000000 }}",
        "{{ 'aaaaaaaaaa'.replace('', 'b' * 1000000).replace('', 'c' * 1000000) }}",
        "{{ range(3000000) | list | sort(reverse=true) | length }}",
        "{% set ns = namespace(d={}) %}{% for i in range(100000) %}{% set ns.d = {i: ns.d} %}{% "
        "endfor %}{{ ns.d == ns.d }}",
        "{{ ('x' * 9000000) | indent(999) | indent(999) ~ ('y' * 60000000) }}",
    };
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        size_t size;
        assert_int_equal(run(hostile[i], &size), ST_FORMAT);
        assert_int_equal(size, 0);
    }
}

static void deep_nesting_is_refused(void **state) {
    (void)state;
    size_t size;
    Str text = {0};
    str_puts(&text, "{{ ");
    for (int i = 0; i < 100000; i++) str_putc(&text, '(');
    assert_int_equal(run(str_text(&text), &size), ST_FORMAT);
    str_clear(&text);
    for (int i = 0; i < 50000; i++) str_puts(&text, "{% if 1 %}");
    assert_int_equal(run(str_text(&text), &size), ST_FORMAT);
    str_clear(&text);
    str_puts(&text, "{{ ");
    for (int i = 0; i < 50000; i++) str_puts(&text, "not ");
    str_puts(&text, "1 }}");
    assert_int_equal(run(str_text(&text), &size), ST_FORMAT);
    str_clear(&text);
    str_puts(&text, "{{ 1");
    for (int i = 0; i < 50000; i++) str_puts(&text, " + 1"); // a tree that leans to the left
    str_puts(&text, " }}");
    assert_int_equal(run(str_text(&text), &size), ST_FORMAT);
    str_clear(&text);
    str_puts(&text, "{% if 0 %}");
    for (int i = 0; i < 50000; i++) str_puts(&text, "{% elif 0 %}");
    str_puts(&text, "x{% endif %}");
    assert_int_equal(run(str_text(&text), &size), ST_FORMAT);
    str_free(&text);
}

static void errors_name_template_and_line(void **state) {
    (void)state;
    size_t size;
    assert_int_equal(run("a\n\n{% if x %}", &size), ST_FORMAT);
    assert_non_null(strstr(status_text(), "t: line 3"));
    assert_non_null(strstr(status_text(), "endif"));
    assert_int_equal(run("a\n{{ 1 + nothing }}", &size), ST_FORMAT);
    assert_non_null(strstr(status_text(), "t: line 2: 'nothing' is undefined"));
    assert_int_equal(run("\n\n\n{% include 'x' %}", &size), ST_UNSUPPORTED);
    assert_non_null(strstr(status_text(), "line 4: the statement 'include' is not supported"));
    assert_int_equal(run("{{ raise_exception('roles must alternate') }}", &size), ST_FORMAT);
    assert_non_null(strstr(status_text(), "the template refuses: roles must alternate"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_transformers),
        cmocka_unit_test(equals_transformers_on_more),
        cmocka_unit_test(every_render_ends),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(errors_name_template_and_line),
    };
    int failed = cmocka_run_group_tests_name("policy/text/jinja", tests, NULL, NULL);
    return failed ? 1 : 0;
}
