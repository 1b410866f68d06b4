// tests/test_code_time.c -- verifiers/code: how long one row may hold a worker.
//
// No clock is read: whether the last test of a row still ran shows in the score.
#include "verifiers/code/code.h"

#include <stdlib.h>

#include "base/json.h"
#include "tests/code_cage.h"
#include "tests/test.h"

// A row of `n` tests that read their own number, each within 2 s; the score is the part that
// passed.
static double fraction(const char *program, int n, const char *more) {
    Str line = {0};
    JsonDoc *doc;
    str_puts(&line,
             "{\"extract\":\"bare\",\"lang\":\"python\",\"score\":\"fraction\",\"cpu_ms\":2000,"
             "\"wall_ms\":2000,\"tests\":[");
    for (int i = 0; i < n; i++)
        str_printf(&line, "%s{\"input\":\"%d\\n\",\"output\":\"%d\\n\"}", i ? "," : "", i, i);
    str_printf(&line, "]%s,\"pred\":", more);
    str_json(&line, program, strlen(program));
    str_putc(&line, '}');
    assert_ok(json_parse(line.data, line.size, "row", 1, false, &doc));
    const Json *row = json_root(doc), *pred = json_get(row, "pred");
    JudgeInput in = {.text = json_text(pred, ""),
                     .size = json_text_size(pred),
                     .finished = true,
                     .extract = "bare",
                     .task = row};
    Judgement j = code_judge(&in);
    assert_int_not_equal(j.verdict, VERDICT_ERROR);
    double score = j.score;
    json_free(doc);
    str_free(&line);
    return score;
}

static void who_passes_nothing_holds_a_worker_for_twice_the_limit(void **state) {
    (void)state;
    // Three wrong answers after 1.6 s each are 4.8 s: the last test does not run any more.
    double slow = fraction("import time\nn = int(input())\nif n < 3:\n    time.sleep(1.6)\n"
                           "    n = -1\nprint(n)\n",
                           4, "");
    assert_true(slow == 0);
    double quick = fraction("n = int(input())\nif n < 3:\n    n = -1\nprint(n)\n", 4, "");
    assert_true(quick == 0.25);
}

static void an_honest_program_has_its_time_in_every_test(void **state) {
    (void)state;
    double all = fraction("import time\nn = int(input())\ntime.sleep(1)\nprint(n)\n", 5, "");
    assert_true(all == 1);
}

static void a_busy_checker_counts_as_well(void **state) {
    (void)state;
    static const char checker[] =
        ",\"checker\":\"import sys\\ngot = open(sys.argv[3]).read()\\nwhile 'wait' in got: "
        "pass\\nprint(1)\\n\"";
    double held = fraction("n = int(input())\nprint('wait' if n < 3 else n)\n", 4, checker);
    assert_true(held == 0);
    double quick = fraction("print(input())\n", 4, checker);
    assert_true(quick == 1);
}

int main(int argc, char **argv) {
    cage_main(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_passes_nothing_holds_a_worker_for_twice_the_limit),
        cmocka_unit_test(an_honest_program_has_its_time_in_every_test),
        cmocka_unit_test(a_busy_checker_counts_as_well),
    };
    return cmocka_run_group_tests(tests, open_cage, close_cage);
}
