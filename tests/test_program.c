// tests/test_program.c -- verifiers/program: a judge behind JSON lines; what it does wrong is an
// error and is counted, never a zero.
#include "verifiers/program.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/pool.h"
#include "tests/test.h"

// A judge in sh: the text says how it behaves. sed takes id and text out of the line.
static const char script[] =
    "while read -r line; do\n"
    "  id=$(printf '%s' \"$line\" | sed 's/{\"id\":\\([0-9]*\\).*/\\1/')\n"
    "  case $line in\n"
    "  *'\"text\":\"right\"'*) echo "
    "\"{\\\"id\\\":$id,\\\"verdict\\\":\\\"right\\\",\\\"reason\\\":\\\"yes\\\"}\" ;;\n"
    "  *'\"text\":\"half\"'*) echo "
    "\"{\\\"id\\\":$id,\\\"verdict\\\":\\\"wrong\\\",\\\"score\\\":0.5}\" ;;\n"
    "  *'\"text\":\"hang\"'*) sleep 600 ;;\n"
    "  *'\"text\":\"die\"'*) exit 3 ;;\n"
    "  *'\"text\":\"junk\"'*) echo 'no JSON' ;;\n"
    "  *'\"text\":\"other\"'*) echo '{\"id\":999999,\"verdict\":\"right\"}' ;;\n"
    "  *'\"text\":\"twice\"'*) printf '{\"id\":%s,\"verdict\":\"right\"}\\n{\"id\":1}\\n' $id ;;\n"
    "  *'\"text\":\"none\"'*) echo "
    "\"{\\\"id\\\":$id,\\\"verdict\\\":\\\"error\\\",\\\"reason\\\":\\\"gold?\\\"}\" ;;\n"
    "  *) echo \"{\\\"id\\\":$id,\\\"verdict\\\":\\\"wrong\\\"}\" ;;\n"
    "  esac\n"
    "done\n";

static Program *start(int copies, int deadline_ms) {
    Program *p;
    assert_ok(program_open(
        &(ProgramOpts){.command = script, .copies = copies, .deadline_ms = deadline_ms}, &p));
    return p;
}

static Judgement ask(Program *p, const char *text) {
    JudgeInput in = {
        .text = text, .size = strlen(text), .finished = true, .gold = "g", .program = p};
    return program_judge(&in);
}

static void its_verdicts_are_passed_on(void **state) {
    (void)state;
    Program *p = start(1, 0);
    Judgement j = ask(p, "right");
    assert_int_equal(j.verdict, VERDICT_RIGHT);
    assert_true(j.score == 1);
    assert_string_equal(j.note, "yes");
    assert_int_equal(ask(p, "anything").verdict, VERDICT_WRONG);
    assert_true(ask(p, "half").score == .5);
    assert_int_equal(ask(p, "none").verdict, VERDICT_ERROR);
    ProgramStats s = program_stats(p);
    assert_int_equal(s.requests, 4);
    assert_int_equal(s.late + s.died + s.nonsense, 0);
    program_close(p);
}

static void what_it_does_wrong_is_an_error_and_it_starts_again(void **state) {
    (void)state;
    Program *p = start(1, 60000);
    static const char *const bad[] = {"die", "junk", "other", "twice"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        Judgement j = ask(p, bad[i]);
        if (j.verdict != VERDICT_ERROR) fail_msg("'%s' has a verdict", bad[i]);
        assert_int_equal(ask(p, "right").verdict, VERDICT_RIGHT); // the next is not affected
    }
    ProgramStats s = program_stats(p);
    assert_int_equal(s.late, 0);
    assert_int_equal(s.died, 1);
    assert_int_equal(s.nonsense, 3);
    assert_int_equal(s.starts, 5);
    program_close(p);
}

// The short deadline is for the request that is never answered alone.
static void an_answer_that_never_comes_is_an_error_at_the_deadline(void **state) {
    (void)state;
    Program *p = start(1, 300);
    for (int i = 1; i <= 2; i++) {
        assert_int_equal(ask(p, "hang").verdict, VERDICT_ERROR);
        ProgramStats s = program_stats(p);
        assert_int_equal(s.late, i);
        assert_int_equal(s.died + s.nonsense, 0);
        assert_int_equal(s.starts, i);
    }
    program_close(p);
}

static void a_program_that_does_not_work_is_refused_at_start(void **state) {
    (void)state;
    static const char *const bad[][2] = {{"no-such-command-here 2>/dev/null", "127"},
                                         {"exit 5", "status 5"},
                                         {"cat", "did not answer"},
                                         {"echo nonsense; sleep 5", "did not answer"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        Program *p;
        assert_int_equal(program_open(&(ProgramOpts){.command = bad[i][0]}, &p), ST_CONFIG);
        assert_null(p);
        if (!strstr(status_text(), bad[i][1])) fail_msg("%s", status_text());
    }
    Program *p;
    assert_int_equal(program_open(&(ProgramOpts){.command = "sleep 30", .start_ms = 100}, &p),
                     ST_CONFIG);
    assert_non_null(strstr(status_text(), "deadline"));
    assert_int_equal(ask(NULL, "x").verdict, VERDICT_ERROR);
}

enum { N = 64 };
typedef struct Crowd {
    Program *program;
    Verdict got[N];
} Crowd;

static void ask_one(void *ctx, int i, int worker) {
    (void)worker;
    Crowd *c = ctx;
    static const char *const text[] = {"right", "wrong", "none", "die"};
    c->got[i] = ask(c->program, text[i % 4]).verdict;
}

static void threads_share_the_copies(void **state) {
    (void)state;
    static const Verdict want[] = {VERDICT_RIGHT, VERDICT_WRONG, VERDICT_ERROR, VERDICT_ERROR};
    Crowd c = {.program = start(2, 20000)};
    Pool *pool = pool_new(4); // more threads than copies
    pool_for(pool, N, ask_one, &c);
    for (int i = 0; i < N; i++) assert_int_equal(c.got[i], want[i % 4]);
    assert_int_equal(program_stats(c.program).died, N / 4);
    pool_free(pool);
    program_close(c.program);
}

static void large_texts_go_through(void **state) {
    (void)state;
    Program *p;
    assert_ok(program_open(
        &(ProgramOpts){.command = "while read -r l; do echo '{\"score\":1}'; done"}, &p));
    size_t n = 300000;
    char *text = malloc(n);
    memset(text, '"', n); // each becomes two bytes
    JudgeInput in = {.text = text, .size = n, .finished = true, .program = p};
    assert_int_equal(program_judge(&in).verdict, VERDICT_RIGHT);
    free(text);
    program_close(p);
}

static void its_environment_is_clean(void **state) {
    (void)state;
    setenv("GRPO_SECRET_TEST", "1", 1);
    int open_here = dup(2);
    Program *p;
    assert_ok(program_open(
        &(ProgramOpts){
            .command =
                "while read -r l; do if [ -z \"$GRPO_SECRET_TEST\" ] && ! [ -e /proc/self/fd/9 ]; "
                "then echo '{\"verdict\":\"right\"}'; else echo '{\"verdict\":\"wrong\"}'; fi; "
                "done"},
        &p));
    int nine = dup2(open_here, 9);
    assert_int_equal(ask(p, "x").verdict, VERDICT_RIGHT);
    program_close(p);
    close(nine), close(open_here);
    unsetenv("GRPO_SECRET_TEST");
}

static void an_answer_is_read_strictly(void **state) {
    (void)state;
    const char *text = "the answer is 42";
    JudgeInput in = {.text = text, .size = strlen(text)};
    Judgement j;
    static const char *const bad[] = {"",
                                      "1",
                                      "[]",
                                      "{}",
                                      "{\"verdict\":\"maybe\"}",
                                      "{\"score\":2}",
                                      "{\"score\":-1}",
                                      "{\"id\":8,\"verdict\":\"right\"}",
                                      "{\"verdict\":\"right\",\"score\":\"1\"}",
                                      "{\"verdict\":1}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (program_read(bad[i], strlen(bad[i]), 7, &in, &j)) fail_msg("%s is an answer", bad[i]);
    const char *good = "{\"id\":7,\"score\":1,\"answer\":\"42\"}";
    assert_true(program_read(good, strlen(good), 7, &in, &j));
    assert_int_equal(j.verdict, VERDICT_RIGHT);
    assert_ptr_equal(j.answer, text + 14);
    assert_int_equal(j.answer_size, 2);
    good = "{\"score\":0.9}";
    assert_true(program_read(good, strlen(good), 7, &in, &j));
    assert_int_equal(j.verdict, VERDICT_WRONG); // partial credit is not right
    assert_true(j.score == .9);
}

int main(void) {
    log_open(LOG_QUIET, LOG_COLOR_NEVER);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_verdicts_are_passed_on),
        cmocka_unit_test(what_it_does_wrong_is_an_error_and_it_starts_again),
        cmocka_unit_test(an_answer_that_never_comes_is_an_error_at_the_deadline),
        cmocka_unit_test(a_program_that_does_not_work_is_refused_at_start),
        cmocka_unit_test(threads_share_the_copies),
        cmocka_unit_test(large_texts_go_through),
        cmocka_unit_test(its_environment_is_clean),
        cmocka_unit_test(an_answer_is_read_strictly),
    };
    return cmocka_run_group_tests_name("verifiers/program", tests, NULL, NULL);
}
