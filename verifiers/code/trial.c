// verifiers/code/trial.c -- programs run, tests are counted; comparison happens on this side.
#include "verifiers/code/trial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "verifiers/code/harness.h"
#include "verifiers/code/output.h"
#include "verifiers/code/trial_parts.h"

void trial_note(Trial *t, const char *text, size_t size) {
    while (size && (text[size - 1] == '\n' || text[size - 1] == ' ')) size--;
    if (size >= sizeof t->note) size = sizeof t->note - 1;
    memcpy(t->note, text, size);
    t->note[size] = 0;
    size_t bad;
    if (!str_is_utf8(t->note, size, &bad)) t->note[bad] = 0;
}

void trial_fault(Trial *t, const char *sentence) {
    t->verdict = VERDICT_ERROR;
    t->fault = true;
    t->reason = "the sandbox failed";
    trial_note(t, sentence, strlen(sentence));
}

void trial_wrong(Trial *t, int test, const char *reason) {
    if (t->first_failed) return;
    t->verdict = VERDICT_WRONG;
    t->first_failed = test + 1;
    t->reason = reason;
}

// What a record says about a program that did not simply end well.
static const char *ending(const CageRecord *r) {
    if (strcmp(r->stage, "compile") == 0) return "does not compile";
    switch (r->verdict) {
    case CAGE_SECURITY_VIOLATION: return "security violation";
    case CAGE_OUTPUT_LIMIT: return "output limit";
    case CAGE_MEMORY_LIMIT: return "memory limit";
    case CAGE_TIME_LIMIT: return "time limit";
    case CAGE_RUNTIME_ERROR: return "runtime error";
    case CAGE_OK: return "ended before it answered";
    case CAGE_SANDBOX_ERROR:
    case CAGE_N_VERDICTS: break;
    }
    return "the sandbox failed";
}

// The last line of what a program wrote to stderr: Python's exception.
static void note_stderr(Trial *t, const Str *err) {
    size_t end = err->size;
    while (end && (err->data[end - 1] == '\n' || err->data[end - 1] == ' ')) end--;
    size_t begin = end;
    while (begin && err->data[begin - 1] != '\n') begin--;
    if (end > begin) trial_note(t, err->data + begin, end - begin);
}

void trial_died(Trial *t, int test, const CageRecord *r) {
    if (r->verdict == CAGE_SANDBOX_ERROR) {
        trial_fault(t, r->why);
        return;
    }
    trial_wrong(t, test, ending(r));
    if (t->first_failed == test + 1) note_stderr(t, &r->err);
}

// ---- io

static const CageFile *checker_files(const Suite *s, const SuiteTest *test, const Str *got,
                                     CageFile *file) {
    file[0] = (CageFile){"judge.py", harness_checker, strlen(harness_checker)};
    file[1] = (CageFile){"checker.py", s->checker, strlen(s->checker)};
    file[2] = (CageFile){"input.txt", test->input, test->input_size};
    file[3] = (CageFile){"correct_output.txt", test->output ? test->output : "", test->output_size};
    file[4] = (CageFile){"solution_output.txt", got->data ? got->data : "", got->size};
    return file;
}

// What a checker says of an output: CHECK_NONE: it ended without a word, over this output;
// CHECK_BROKEN: it can judge no output at all.
typedef enum Checked { CHECK_NO, CHECK_YES, CHECK_NONE, CHECK_BROKEN, CHECK_FAULT } Checked;

enum { BROKEN_STATUS = 41 }; // of harness/checker.py

// The whole of what a checker prints is one number: 1 is right.
static Checked read_checked(const CageRecord *r) {
    if (r->verdict == CAGE_SANDBOX_ERROR) return CHECK_FAULT;
    if (r->verdict == CAGE_RUNTIME_ERROR && r->exit == BROKEN_STATUS) return CHECK_BROKEN;
    if (r->verdict != CAGE_OK || !r->out.size) return CHECK_NONE;
    char *end;
    double score = strtod(str_text(&r->out), &end);
    end += strspn(end, " \t\r\n");
    if (end != r->out.data && !*end) return score >= 0.999 ? CHECK_YES : CHECK_NO;
    size_t word = strcspn(str_text(&r->out), " \t\r\n");
    bool alone = word + strspn(str_text(&r->out) + word, " \t\r\n") == r->out.size;
    if (alone && word == 4 && memcmp(r->out.data, "True", 4) == 0) return CHECK_YES;
    if (alone && word == 5 && memcmp(r->out.data, "False", 5) == 0) return CHECK_NO;
    return CHECK_NONE;
}

// Within `ms` of CPU and wall time: what a program printed may be made to keep a checker busy.
static Checked ask_checker(Cage *cage, const Suite *s, const SuiteTest *test, const Str *got,
                           int ms, Trial *t) {
    CageFile file[5];
    CageJob job = {.lang = CAGE_PYTHON,
                   .role = CAGE_JUDGE,
                   .file = checker_files(s, test, got, file),
                   .n_files = 5,
                   .limits = {.cpu_ms = ms, .wall_ms = ms, .output_bytes = 1 << 16}};
    CageRecord r;
    cage_run(cage, &job, &r);
    Checked out = read_checked(&r);
    if (out == CHECK_BROKEN) note_stderr(t, &r.err);
    if (out == CHECK_FAULT) trial_note(t, r.why, strlen(r.why));
    cage_record_free(&r);
    return out;
}

// An output over which a checker breaks is wrong, unless the checker breaks over the expected one,
// too. `left_ms`: of the time for this test.
static bool checker_accepts(Cage *cage, const Suite *s, const SuiteTest *test, int i,
                            const Str *got, int left_ms, Trial *t) {
    double begin = clock_now();
    Checked c = ask_checker(cage, s, test, got, left_ms, t);
    if (c == CHECK_NONE && test->output) {
        const Str expected = {(char *)test->output, test->output_size, 0};
        left_ms -= (int)((clock_now() - begin) * 1000);
        Checked sane = left_ms < 500 ? CHECK_NO : ask_checker(cage, s, test, &expected, left_ms, t);
        c = sane == CHECK_NONE ? CHECK_BROKEN : sane == CHECK_YES ? CHECK_NO : sane;
    }
    switch (c) {
    case CHECK_YES: return true;
    case CHECK_NO: trial_wrong(t, i, "the checker says no"); return false;
    case CHECK_NONE: trial_wrong(t, i, "the checker cannot read the output"); return false;
    case CHECK_BROKEN:
    case CHECK_FAULT: break;
    }
    t->verdict = VERDICT_ERROR;
    t->fault = c == CHECK_FAULT;
    t->reason = t->fault ? "the sandbox failed" : "the task's \"checker\" fails";
    return false;
}

// What a row has left: twice the wall time, and as much again for each test that the program
// passed. So who passes nothing holds a worker for twice the wall time, whatever the row's tests
// are, and an honest program has its time in every test.
static double row_left_ms(const Trial *t, int wall_ms, double begin) {
    return 2.0 * wall_ms * (1 + t->n_passed) - (clock_now() - begin) * 1000;
}

// What a test leaves its checker: twice the wall time is for both, and what the row has left.
static int checker_ms(int wall_ms, double passed, double row_left) {
    double left = 2.0 * wall_ms - passed * 1000;
    if (row_left < left) left = row_left;
    return left < 1 ? 1 : left < wall_ms ? (int)left : wall_ms;
}

static void run_io(Cage *cage, const Suite *s, const TrialProgram *p, Trial *t) {
    const CageFile file = {"program", p->text[0], p->size[0]};
    CageJob job = {.lang = p->lang,
                   .role = CAGE_CANDIDATE,
                   .file = &file,
                   .n_files = 1,
                   .limits = s->limits,
                   .seed = p->seed};
    int slow = 0, wall_ms = trial_wall_ms(s);
    double row_begin = clock_now();
    for (int i = 0; i < s->n_tests && t->verdict != VERDICT_ERROR; i++) {
        const SuiteTest *test = &s->test[i];
        CageRecord r;
        double left = row_left_ms(t, wall_ms, row_begin);
        if (left < wall_ms && i > 0) job.limits.wall_ms = left < 1 ? 1 : (int)left;
        if (left < wall_ms / 16.0) { // too little to start a program
            trial_wrong(t, i, "time limit");
            break;
        }
        job.input = test->input;
        job.input_bytes = test->input_size;
        double begin = clock_now();
        cage_run(cage, &job, &r);
        t->layers = r.layers;
        const char *reason = NULL;
        if (r.verdict != CAGE_OK) {
            trial_died(t, i, &r);
            slow += r.verdict == CAGE_TIME_LIMIT;
        } else if (s->checker) {
            int ms = checker_ms(wall_ms, clock_now() - begin, row_left_ms(t, wall_ms, row_begin));
            t->n_passed += checker_accepts(cage, s, test, i, &r.out, ms, t);
        } else if (!output_equals(r.out.data ? r.out.data : "", r.out.size, test->output,
                                  test->output_size, &reason)) {
            trial_wrong(t, i, reason);
        } else {
            t->n_passed++;
        }
        bool never = strcmp(r.stage, "compile") == 0 && r.verdict != CAGE_OK;
        cage_record_free(&r);
        // A program that hangs would hang in every test: twice is enough, or less if that is long.
        if (never || slow == 2 || (slow && clock_now() - row_begin > wall_ms / 1000.0) ||
            (t->first_failed && s->score == SUITE_BINARY))
            break;
    }
}

int trial_wall_ms(const Suite *s) {
    return s->limits.wall_ms ? s->limits.wall_ms : 2 * s->limits.cpu_ms + 2000;
}

void trial_run(Cage *cage, const Suite *suite, const TrialProgram *program, Trial *t) {
    *t = (Trial){.verdict = VERDICT_WRONG, .n_tests = suite->n_tests, .reason = "wrong answer"};
    Arena *arena = arena_new(1 << 14);
    switch (suite->form) {
    case SUITE_IO: run_io(cage, suite, program, t); break;
    case SUITE_CALLS: trial_calls(cage, suite, program, t, arena); break;
    case SUITE_ASSERTS:
    case SUITE_CHECK: trial_asserts(cage, suite, program, t, arena); break;
    }
    arena_free(arena);
    if (t->verdict == VERDICT_ERROR) return;
    bool all = t->n_tests > 0 && t->n_passed == t->n_tests && !t->first_failed;
    t->verdict = all ? VERDICT_RIGHT : VERDICT_WRONG;
    if (all) t->reason = "every test passed", t->note[0] = 0;
}
