// tests/test_chart.c -- pipelines/chart: ticks, scales, gaps and hostile labels.
#include "pipelines/report/chart.h"

#include <math.h>

#include "tests/test.h"

static void ticks_are_round_and_inside(void **state) {
    (void)state;
    double t[16];
    assert_int_equal(chart_ticks(0, 1, 5, t), 6);
    assert_true(fabs(t[1] - 0.2) < 1e-12);
    assert_int_equal(chart_ticks(-0.03, 0.017, 5, t), 5); // -.03 -.02 -.01 0 .01
    assert_true(t[3] == 0);
    assert_int_equal(chart_ticks(0, 97, 5, t), 5);
    assert_true(t[4] == 80);
    assert_int_equal(chart_ticks(1, 1, 5, t), 0);
    assert_int_equal(chart_ticks(0, (double)NAN, 5, t), 0);
    for (double high = 1e-9; high < 1e12; high *= 3.7) {
        int n = chart_ticks(high * 0.1, high, 7, t);
        assert_in_range(n, 2, 8);
        for (int i = 0; i < n; i++)
            assert_true(t[i] >= high * 0.1 * (1 - 1e-9) && t[i] <= high * (1 + 1e-9));
    }
}

static int count(const char *text, const char *part) {
    int n = 0;
    for (const char *p = text; (p = strstr(p, part)); p += strlen(part)) n++;
    return n;
}

static void a_curve_stands_where_its_numbers_say(void **state) {
    (void)state;
    const double x[] = {0, 5, 10}, y[] = {0, 1, 0.5};
    Series r = {.label = "a", .color = 1, .x = x, .y = y, .n = 3};
    Chart c = {.id = "t",
               .title = "T",
               .x_label = "step",
               .series = &r,
               .n_series = 1,
               .fixed = true,
               .y_min = 0,
               .y_max = 1};
    Str s = {0};
    chart_svg(&c, false, &s);
    // x from 46 to 470, y from 216 (0) to 12 (1)
    assert_non_null(strstr(str_text(&s), "d=\"M46.0 216.0L258.0 12.0L470.0 114.0\""));
    str_free(&s);
}

static void a_gap_is_bridged_and_breaks_a_band(void **state) {
    (void)state;
    double nan_ = (double)NAN;
    const double x[] = {0, 1, 2, 3, 4}, y[] = {1, 1, nan_, 2, 2};
    const double low[] = {0, 0, nan_, 1, 1}, high[] = {2, 2, nan_, 3, 3};
    Series r = {.label = "a", .color = 1, .x = x, .y = y, .low = low, .high = high, .n = 5};
    Chart c = {.id = "t", .title = "T", .x_label = "step", .series = &r, .n_series = 1};
    Str s = {0};
    chart_svg(&c, false, &s);
    assert_int_equal(count(str_text(&s), "class=\"band\""), 2);
    assert_int_equal(count(str_text(&s), "class=\"line\""), 1);
    assert_null(strstr(str_text(&s), "nan"));
    str_free(&s);
}

static void no_data_is_said(void **state) {
    (void)state;
    const double x[] = {0, 1}, y[] = {(double)NAN, (double)INFINITY};
    Series r = {.label = "a", .color = 1, .x = x, .y = y, .n = 2};
    Chart c = {.id = "t", .title = "T", .x_label = "step", .series = &r, .n_series = 1};
    Str s = {0};
    chart_svg(&c, true, &s);
    assert_non_null(strstr(str_text(&s), "not measured"));
    str_clear(&s);
    c.n_series = 0;
    chart_svg(&c, true, &s);
    assert_non_null(strstr(str_text(&s), "not measured"));
    str_free(&s);
}

static void a_stack_adds_up(void **state) {
    (void)state;
    const double x[] = {0, 1}, a[] = {0.25, 0.5}, b[] = {0.75, 0.5};
    Series r[] = {{.label = "a", .color = 1, .x = x, .y = a, .n = 2},
                  {.label = "b", .color = 2, .x = x, .y = b, .n = 2}};
    Chart c = {.id = "t",
               .title = "T",
               .x_label = "step",
               .series = r,
               .n_series = 2,
               .stacked = true,
               .fixed = true,
               .y_min = 0,
               .y_max = 1};
    Str s = {0};
    chart_svg(&c, false, &s);
    assert_non_null(strstr(str_text(&s), "M46.0 165.0L470.0 114.0L470.0 216.0L46.0 216.0Z"));
    assert_non_null(strstr(str_text(&s), "M46.0 12.0L470.0 12.0L470.0 114.0L46.0 165.0Z"));
    str_free(&s);
}

static void labels_are_escaped(void **state) {
    (void)state;
    const double x[] = {0, 1}, y[] = {0, 1};
    Series r = {.label = "</svg><script>alert(1)</script>", .color = 1, .x = x, .y = y, .n = 2};
    Chart c = {.id = "t", .title = "a\"b<c>", .x_label = "<x>", .series = &r, .n_series = 1};
    Str s = {0};
    chart_svg(&c, true, &s);
    assert_null(strstr(str_text(&s), "<script>"));
    assert_int_equal(count(str_text(&s), "</svg>"), 1);
    assert_non_null(strstr(str_text(&s), "a&quot;b&lt;c&gt;"));
    str_free(&s);
}

static void numbers_are_short(void **state) {
    (void)state;
    static const struct {
        double v;
        const char *text;
    } row[] = {{0, "0"},       {0.4321, "0.432"},    {12345, "12.3k"}, {1.5e6, "1.5M"},
               {-0.5, "-0.5"}, {0.00002, "2.0e-05"}, {1500, "1500"}};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        Str s = {0};
        chart_number(row[i].v, &s);
        assert_string_equal(str_text(&s), row[i].text);
        str_free(&s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ticks_are_round_and_inside),
        cmocka_unit_test(a_curve_stands_where_its_numbers_say),
        cmocka_unit_test(a_gap_is_bridged_and_breaks_a_band),
        cmocka_unit_test(no_data_is_said),
        cmocka_unit_test(a_stack_adds_up),
        cmocka_unit_test(labels_are_escaped),
        cmocka_unit_test(numbers_are_short),
    };
    return cmocka_run_group_tests_name("pipelines/chart", tests, NULL, NULL);
}
