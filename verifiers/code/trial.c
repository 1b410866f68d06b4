// verifiers/code/trial.c -- programs run, tests are counted; comparison happens on this side.
#include "verifiers/code/trial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "verifiers/code/envoy.h"
#include "verifiers/code/harness.h"
#include "verifiers/code/output.h"
#include "verifiers/code/value.h"

static void note(Trial *t, const char *text, size_t size) {
    while (size && (text[size - 1] == '\n' || text[size - 1] == ' ')) size--;
    if (size >= sizeof t->note) size = sizeof t->note - 1;
    memcpy(t->note, text, size);
    t->note[size] = 0;
    size_t bad;
    if (!str_is_utf8(t->note, size, &bad)) t->note[bad] = 0;
}

static void fault(Trial *t, const char *sentence) {
    t->verdict = VERDICT_ERROR;
    t->fault = true;
    t->reason = "the sandbox failed";
    note(t, sentence, strlen(sentence));
}

static void wrong(Trial *t, int test, const char *reason) {
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
    if (end > begin) note(t, err->data + begin, end - begin);
}

static void died(Trial *t, int test, const CageRecord *r) {
    if (r->verdict == CAGE_SANDBOX_ERROR) {
        fault(t, r->why);
        return;
    }
    wrong(t, test, ending(r));
    if (t->first_failed == test + 1) note_stderr(t, &r->err);
}

// ---- io

static const CageFile *checker_files(const Suite *s, const SuiteTest *test, const Str *got,
                                     CageFile *file) {
    file[0] = (CageFile){"judge.py", harness_judge, strlen(harness_judge)};
    file[1] = (CageFile){"checker.py", s->checker, strlen(s->checker)};
    file[2] = (CageFile){"input.txt", test->input, test->input_size};
    file[3] = (CageFile){"correct_output.txt", test->output ? test->output : "", test->output_size};
    file[4] = (CageFile){"solution_output.txt", got->data ? got->data : "", got->size};
    return file;
}

typedef enum Checked { CHECK_NO, CHECK_YES, CHECK_CRASH, CHECK_FAULT } Checked;

// The whole of what a checker prints is one number: 1 is right.
static Checked ask_checker(Cage *cage, const Suite *s, const SuiteTest *test, const Str *got) {
    CageFile file[5];
    CageJob job = {.lang = CAGE_PYTHON,
                   .role = CAGE_JUDGE,
                   .file = checker_files(s, test, got, file),
                   .n_files = 5,
                   .limits = {.cpu_ms = 10000, .output_bytes = 1 << 16}};
    CageRecord r;
    cage_run(cage, &job, &r);
    Checked out = CHECK_CRASH;
    if (r.verdict == CAGE_SANDBOX_ERROR) out = CHECK_FAULT;
    if (r.verdict == CAGE_OK && r.out.size) {
        char *end;
        double score = strtod(str_text(&r.out), &end);
        end += strspn(end, " \t\r\n");
        if (end != r.out.data && !*end) out = score >= 0.999 ? CHECK_YES : CHECK_NO;
        size_t word = strcspn(str_text(&r.out), " \t\r\n");
        bool alone = word + strspn(str_text(&r.out) + word, " \t\r\n") == r.out.size;
        if (alone && word == 4 && memcmp(r.out.data, "True", 4) == 0) out = CHECK_YES;
        if (alone && word == 5 && memcmp(r.out.data, "False", 5) == 0) out = CHECK_NO;
    }
    cage_record_free(&r);
    return out;
}

// A checker that breaks over an output, but accepts the expected one, calls the output wrong.
static bool checker_accepts(Cage *cage, const Suite *s, const SuiteTest *test, int i,
                            const Str *got, Trial *t) {
    Checked c = ask_checker(cage, s, test, got);
    if (c == CHECK_CRASH && test->output) {
        const Str expected = {(char *)test->output, test->output_size, 0};
        Checked sane = ask_checker(cage, s, test, &expected);
        c = sane == CHECK_YES ? CHECK_NO : sane == CHECK_FAULT ? CHECK_FAULT : CHECK_CRASH;
    }
    if (c == CHECK_YES) return true;
    if (c == CHECK_NO) {
        wrong(t, i, "the checker says no");
    } else {
        fault(t, "the checker");
        t->reason = c == CHECK_CRASH ? "the task's checker fails" : "the sandbox failed";
        t->fault = c == CHECK_FAULT;
    }
    return false;
}

static void run_io(Cage *cage, const Suite *s, const TrialProgram *p, Trial *t) {
    const CageFile file = {"program", p->text[0], p->size[0]};
    CageJob job = {
        .lang = p->lang, .role = CAGE_CANDIDATE, .file = &file, .n_files = 1, .limits = s->limits};
    int slow = 0;
    for (int i = 0; i < s->n_tests && t->verdict != VERDICT_ERROR; i++) {
        const SuiteTest *test = &s->test[i];
        CageRecord r;
        job.input = test->input;
        job.input_bytes = test->input_size;
        cage_run(cage, &job, &r);
        t->layers = r.layers;
        const char *reason = NULL;
        if (r.verdict != CAGE_OK) {
            died(t, i, &r);
            slow += r.verdict == CAGE_TIME_LIMIT;
        } else if (s->checker) {
            if (checker_accepts(cage, s, test, i, &r.out, t)) t->n_passed++;
        } else if (!output_equals(r.out.data ? r.out.data : "", r.out.size, test->output,
                                  test->output_size, &reason)) {
            wrong(t, i, reason);
        } else {
            t->n_passed++;
        }
        bool never = strcmp(r.stage, "compile") == 0 && r.verdict != CAGE_OK;
        cage_record_free(&r);
        // A program that hangs would hang in every test: twice is enough.
        if (never || slow == 2 || (t->first_failed && s->score == SUITE_BINARY)) break;
    }
}

// ---- conversations

static void put_program(const TrialProgram *p, const char *prelude, Str *out) {
    value_open(out, '{', prelude ? 2 : 1);
    value_key(out, "source");
    value_open(out, '(', (uint32_t)p->n);
    for (int i = 0; i < p->n; i++) value_bytes(out, p->text[i], p->size[i]);
    if (prelude) {
        value_key(out, "prelude");
        value_key(out, prelude);
    }
}

// (name, base, arguments, text): the note is "name: text".
static const char *note_exception(Trial *t, const uint8_t *value, size_t size, Arena *arena) {
    const char *why;
    const Value *e = value_read(value, size, &why, arena);
    if (!e || e->kind != '(' || e->size != 4 || e->item[0].kind != 's' || e->item[3].kind != 's')
        return "runtime error";
    const Value *name = &e->item[0], *text = &e->item[3];
    const char *line = arena_printf(
        arena, "%.*s: %.*s", (int)(name->size > 80 ? 80 : name->size), (const char *)name->data,
        (int)(text->size > 200 ? 200 : text->size), (const char *)text->data);
    note(t, line, strlen(line));
    if (value_is_text(name, "MemoryError")) return "memory limit";
    if (value_is_text(name, "SyntaxError") || value_is_text(name, "IndentationError") ||
        value_is_text(name, "TabError"))
        return "does not compile";
    return "runtime error";
}

static void end_badly(Trial *t, int test, Envoy *envoy, EnvoyAnswer how) {
    CageRecord r = {.stage = "run"};
    envoy_end(envoy, how == ENVOY_FORGED, &r);
    if (how == ENVOY_FORGED && r.verdict != CAGE_SANDBOX_ERROR)
        wrong(t, test, "a forged answer");
    else
        died(t, test, &r);
    t->layers = r.layers;
    cage_record_free(&r);
}

static void end_well(Trial *t, Envoy *envoy) {
    CageRecord r = {.stage = "run"};
    envoy_end(envoy, true, &r);
    t->layers = r.layers;
    cage_record_free(&r);
}

// Starts the program; false: a fault of ours, and there is no envoy.
static bool begin_load(Cage *cage, const Suite *s, const TrialProgram *p, Trial *t, Envoy *envoy) {
    static const char starter[] =
        "from typing import *\nfrom collections import *\nfrom itertools import *\n"
        "from functools import *\nfrom heapq import *\nfrom bisect import *\nfrom string import *\n"
        "from math import *\nimport typing, collections, itertools, functools, heapq, bisect\n"
        "import string, math, re, random, datetime, operator, copy, sys, json\n"
        "from math import inf\nfrom builtins import pow\n";
    Str out = {0};
    if (envoy_begin(cage, CAGE_CANDIDATE, &s->limits, envoy) != ST_OK) {
        fault(t, status_text());
        return false;
    }
    put_program(p, s->starter ? starter : NULL, &out);
    (void)envoy_send(envoy, 'L', out.data, out.size); // seen by the wait
    str_free(&out);
    return true;
}

// Waits for it; false: it did not load, the trial says why, and the envoy is gone.
static bool end_load(Trial *t, Envoy *envoy, Arena *arena) {
    EnvoyAnswer how = envoy_wait(envoy);
    if (how != ENVOY_ANSWER) {
        end_badly(t, 0, envoy, how);
        return false;
    }
    if (envoy_kind(envoy) == 'V') return true;
    size_t size;
    const uint8_t *value = envoy_value(envoy, &size);
    wrong(t, 0, note_exception(t, value, size, arena));
    end_well(t, envoy);
    return false;
}

static void run_calls(Cage *cage, const Suite *s, const TrialProgram *p, Trial *t, Arena *arena) {
    Envoy envoy;
    Str out = {0};
    if (!begin_load(cage, s, p, t, &envoy) || !end_load(t, &envoy, arena)) return;
    for (int i = 0; i < s->n_tests; i++) {
        const SuiteTest *test = &s->test[i];
        str_clear(&out);
        value_open(&out, '(', 3);
        value_key(&out, s->entry);
        value_open(&out, '(', (uint32_t)(test->args ? json_count(test->args) : 0));
        for (const Json *a = json_first(test->args); a; a = json_next(a)) value_json(&out, a);
        if (test->kwargs)
            value_json(&out, test->kwargs);
        else
            value_open(&out, '{', 0);
        EnvoyAnswer how = envoy_send(&envoy, 'P', out.data, out.size);
        if (how == ENVOY_ANSWER) how = envoy_wait(&envoy);
        if (how != ENVOY_ANSWER) {
            end_badly(t, i, &envoy, how);
            break;
        }
        ArenaMark mark = arena_mark(arena);
        size_t size;
        const char *why;
        const uint8_t *value = envoy_value(&envoy, &size);
        const Value *got = envoy_kind(&envoy) == 'V' ? value_read(value, size, &why, arena) : NULL;
        if (got && value_equals(got, test->want))
            t->n_passed++;
        else if (envoy_kind(&envoy) == 'E')
            wrong(t, i, t->first_failed ? "" : note_exception(t, value, size, arena));
        else if (envoy_kind(&envoy) == 'U')
            wrong(t, i, "the answer is no plain value");
        else
            wrong(t, i, "wrong answer");
        arena_rewind(arena, mark);
        if (t->first_failed && s->score == SUITE_BINARY) break;
    }
    str_free(&out);
    if (envoy.talk) end_well(t, &envoy);
}

static void put_texts(const char *const *text, int n, Str *out) {
    value_open(out, '(', (uint32_t)n);
    for (int i = 0; i < n; i++) value_key(out, text[i]);
}

static void put_optional(const char *key, const char *text, Str *out) {
    value_key(out, key);
    if (text)
        value_key(out, text);
    else
        value_none(out);
}

static void put_test(const Suite *s, Str *out) {
    value_open(out, '{', 8);
    value_key(out, "tests");
    value_open(out, '(', (uint32_t)s->n_tests);
    for (int i = 0; i < s->n_tests; i++) value_key(out, s->test[i].text);
    value_key(out, "imports");
    put_texts(s->import, s->n_imports, out);
    put_optional("setup", s->setup, out);
    put_optional("entry", s->entry, out);
    put_optional("prompt", s->form == SUITE_CHECK ? s->prompt : NULL, out);
    put_optional("code", s->reference, out);
    value_key(out, "check");
    value_bool(out, s->form == SUITE_CHECK);
    value_key(out, "all");
    value_bool(out, s->score != SUITE_BINARY);
}

// ("right" | "wrong" | "raised" | "error", text, passed, total)
static void read_verdict(Trial *t, const Envoy *envoy, Arena *arena) {
    size_t size;
    const char *why;
    const uint8_t *value = envoy_value(envoy, &size);
    const Value *v = value_read(value, size, &why, arena);
    if (!v || v->kind != '(' || v->size != 4 || v->item[1].kind != 's') {
        fault(t, "the test's verdict cannot be read");
        return;
    }
    t->n_passed = (int)value_get_int(&v->item[2], 0);
    t->n_tests = (int)value_get_int(&v->item[3], 1);
    if (value_is_text(&v->item[0], "right") && t->n_passed == t->n_tests) return;
    note(t, (const char *)v->item[1].data, v->item[1].size);
    if (value_is_text(&v->item[0], "error")) {
        t->verdict = VERDICT_ERROR;
        t->reason = "the task's test cannot be run";
    } else if (value_is_text(&v->item[0], "raised")) {
        bool memory = strncmp(t->note, "MemoryError", 11) == 0;
        wrong(t, t->n_passed, memory ? "memory limit" : "runtime error");
    } else {
        wrong(t, t->n_passed, "wrong answer");
    }
}

static bool may_ask(char kind) {
    return kind && strchr("CAQSIXB#[RZVEU", kind);
}

static bool may_answer(char kind) {
    return kind && strchr("VEUK", kind);
}

// Carries what the test asks to the program, and its answers back, until the test has a verdict.
static void carry(Envoy *test, Envoy *program, Trial *t, Arena *arena) {
    for (;;) {
        size_t size;
        EnvoyAnswer how = envoy_wait(test);
        if (how == ENVOY_ANSWER && envoy_kind(test) == 'D') {
            read_verdict(t, test, arena);
            break;
        }
        if (how != ENVOY_ANSWER || !may_ask(envoy_kind(test))) {
            // The test itself runs in limits; the values that it computes with are the program's.
            CageRecord r = {.stage = "run"};
            envoy_end(test, how == ENVOY_FORGED, &r);
            bool limit = r.verdict == CAGE_TIME_LIMIT || r.verdict == CAGE_MEMORY_LIMIT;
            if (limit)
                wrong(t, 0, "the test ran out of time or memory");
            else
                fault(t, r.why[0] ? r.why : "the test ended without a verdict");
            cage_record_free(&r);
            break;
        }
        const uint8_t *value = envoy_value(test, &size);
        how = envoy_send(program, envoy_kind(test), value, size);
        if (how == ENVOY_ANSWER) how = envoy_wait(program);
        if (how == ENVOY_ANSWER && !may_answer(envoy_kind(program))) how = ENVOY_FORGED;
        if (how != ENVOY_ANSWER) {
            end_badly(t, 0, program, how);
            break;
        }
        value = envoy_value(program, &size);
        (void)envoy_send(test, envoy_kind(program), value, size); // seen by the next wait
    }
}

// Starts the test's process; false: a fault of ours, and there is no envoy.
static bool begin_test(Cage *cage, const Suite *s, Trial *t, Envoy *envoy) {
    Str out = {0};
    int wall = s->limits.wall_ms ? s->limits.wall_ms : 2 * s->limits.cpu_ms + 2000;
    CageLimits limits = {.cpu_ms = 10000 + s->limits.cpu_ms,
                         .wall_ms = wall + 20000,
                         .memory_bytes = 1 << 30,
                         .output_bytes = 8 << 20};
    if (envoy_begin(cage, CAGE_JUDGE, &limits, envoy) != ST_OK) {
        fault(t, status_text());
        return false;
    }
    put_test(s, &out);
    (void)envoy_send(envoy, 'T', out.data, out.size); // seen by the first wait
    str_free(&out);
    return true;
}

// Both processes start side by side where the last program loaded: a guess about this one. A test's
// process that waits for a program that does not load has cost more than it takes to say so.
static void run_asserts(Cage *cage, const Suite *s, const TrialProgram *p, Trial *t, Arena *arena) {
    static bool loaded_last = true;
    Envoy test = {0}, program = {0};
    if (!begin_load(cage, s, p, t, &program)) return;
    bool together = __atomic_load_n(&loaded_last, __ATOMIC_RELAXED);
    if (!together || begin_test(cage, s, t, &test)) {
        bool loaded = end_load(t, &program, arena);
        __atomic_store_n(&loaded_last, loaded, __ATOMIC_RELAXED);
        if (loaded && (together || begin_test(cage, s, t, &test))) carry(&test, &program, t, arena);
    }
    CageRecord r = {.stage = "run"};
    if (test.talk) {
        envoy_end(&test, true, &r);
        cage_record_free(&r);
    }
    if (program.talk) end_well(t, &program);
}

void trial_run(Cage *cage, const Suite *suite, const TrialProgram *program, Trial *t) {
    *t = (Trial){.verdict = VERDICT_WRONG, .n_tests = suite->n_tests, .reason = "wrong answer"};
    Arena *arena = arena_new(1 << 14);
    switch (suite->form) {
    case SUITE_IO: run_io(cage, suite, program, t); break;
    case SUITE_CALLS: run_calls(cage, suite, program, t, arena); break;
    case SUITE_ASSERTS:
    case SUITE_CHECK: run_asserts(cage, suite, program, t, arena); break;
    }
    arena_free(arena);
    if (t->verdict == VERDICT_ERROR) return;
    bool all = t->n_tests > 0 && t->n_passed == t->n_tests && !t->first_failed;
    t->verdict = all ? VERDICT_RIGHT : VERDICT_WRONG;
    if (all) t->reason = "every test passed", t->note[0] = 0;
}
