// verifiers/code/trial_talk.c -- trials that are conversations: calls, and a test's own text.
#include <string.h>

#include "base/clock.h"
#include "verifiers/code/dialogue.h"
#include "verifiers/code/trial_parts.h"
#include "verifiers/code/value.h"

static void put_program(const TrialProgram *p, bool leetcode, Str *out) {
    value_open(out, '{', 2);
    value_key(out, "source");
    value_open(out, '(', (uint32_t)p->n);
    for (int i = 0; i < p->n; i++) value_bytes(out, p->text[i], p->size[i]);
    value_key(out, "leetcode");
    value_bool(out, leetcode);
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
    trial_note(t, line, strlen(line));
    if (value_is_text(name, "MemoryError")) return "memory limit";
    if (value_is_text(name, "SyntaxError") || value_is_text(name, "IndentationError") ||
        value_is_text(name, "TabError"))
        return "does not compile";
    return "runtime error";
}

static void end_badly(Trial *t, int test, Dialogue *dialogue, DialogueAnswer how) {
    CageRecord r = {.stage = "run"};
    dialogue_end(dialogue, how == DIALOGUE_FORGED, &r);
    if (how == DIALOGUE_FORGED && r.verdict != CAGE_SANDBOX_ERROR)
        trial_wrong(t, test, "a forged answer");
    else
        trial_died(t, test, &r);
    t->layers = r.layers;
    cage_record_free(&r);
}

static void end_well(Trial *t, Dialogue *dialogue) {
    CageRecord r = {.stage = "run"};
    dialogue_end(dialogue, true, &r);
    t->layers = r.layers;
    cage_record_free(&r);
}

// Starts the program; false: our own fault, and there is no conversation.
static bool begin_load(Cage *cage, const Suite *s, const TrialProgram *p, Trial *t,
                       Dialogue *dialogue) {
    Str out = {0};
    if (dialogue_begin(cage, CAGE_CANDIDATE, &s->limits, p->seed, dialogue) != ST_OK) {
        trial_fault(t, status_text());
        return false;
    }
    put_program(p, s->leetcode, &out);
    (void)dialogue_send(dialogue, 'L', out.data, out.size); // seen by the wait
    str_free(&out);
    return true;
}

// Waits for it; false: it did not load, the trial says why, and the conversation is gone.
static bool end_load(Trial *t, Dialogue *dialogue, Arena *arena) {
    DialogueAnswer how = dialogue_wait(dialogue);
    if (how != DIALOGUE_ANSWER) {
        end_badly(t, 0, dialogue, how);
        return false;
    }
    if (dialogue_kind(dialogue) == 'V') return true;
    size_t size;
    const uint8_t *value = dialogue_value(dialogue, &size);
    trial_wrong(t, 0, note_exception(t, value, size, arena));
    end_well(t, dialogue);
    return false;
}

void trial_calls(Cage *cage, const Suite *s, const TrialProgram *p, Trial *t, Arena *arena) {
    Dialogue dialogue;
    Str out = {0};
    if (!begin_load(cage, s, p, t, &dialogue) || !end_load(t, &dialogue, arena)) return;
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
        DialogueAnswer how = dialogue_send(&dialogue, 'P', out.data, out.size);
        if (how == DIALOGUE_ANSWER) how = dialogue_wait(&dialogue);
        if (how != DIALOGUE_ANSWER) {
            end_badly(t, i, &dialogue, how);
            break;
        }
        ArenaMark mark = arena_mark(arena);
        size_t size;
        const char *why;
        const uint8_t *value = dialogue_value(&dialogue, &size);
        const Value *got =
            dialogue_kind(&dialogue) == 'V' ? value_read(value, size, &why, arena) : NULL;
        if (got && value_equals(got, test->want))
            t->n_passed++;
        else if (dialogue_kind(&dialogue) == 'E')
            trial_wrong(t, i, t->first_failed ? "" : note_exception(t, value, size, arena));
        else if (dialogue_kind(&dialogue) == 'U')
            trial_wrong(t, i, "the answer is no plain value");
        else
            trial_wrong(t, i, "wrong answer");
        arena_rewind(arena, mark);
        if (t->first_failed && s->score == SUITE_BINARY) break;
    }
    str_free(&out);
    if (dialogue.talk) end_well(t, &dialogue);
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
    value_open(out, '{', 9);
    value_key(out, "tests");
    value_open(out, '(', (uint32_t)s->n_tests);
    for (int i = 0; i < s->n_tests; i++) value_key(out, s->test[i].text);
    value_key(out, "imports");
    put_texts(s->import, s->n_imports, out);
    put_optional("setup", s->setup, out);
    put_optional("entry", s->entry, out);
    put_optional("prompt", s->form == SUITE_CHECK ? s->prompt : NULL, out);
    put_optional("code", s->reference, out);
    value_key(out, "leetcode");
    value_bool(out, s->leetcode);
    value_key(out, "check");
    value_bool(out, s->form == SUITE_CHECK);
    value_key(out, "all");
    value_bool(out, s->score != SUITE_BINARY);
}

// ("right" | "wrong" | "raised" | "error", text, passed, total)
static void read_verdict(Trial *t, const Dialogue *dialogue, Arena *arena) {
    size_t size;
    const char *why;
    const uint8_t *value = dialogue_value(dialogue, &size);
    const Value *v = value_read(value, size, &why, arena);
    if (!v || v->kind != '(' || v->size != 4 || v->item[1].kind != 's') {
        trial_fault(t, "the test's verdict cannot be read");
        return;
    }
    t->n_passed = (int)value_get_int(&v->item[2], 0);
    t->n_tests = (int)value_get_int(&v->item[3], 1);
    if (value_is_text(&v->item[0], "right") && t->n_passed == t->n_tests) return;
    trial_note(t, (const char *)v->item[1].data, v->item[1].size);
    if (value_is_text(&v->item[0], "error")) {
        t->verdict = VERDICT_ERROR;
        t->reason = "the task's test cannot be run";
    } else if (value_is_text(&v->item[0], "raised")) {
        bool memory = strncmp(t->note, "MemoryError", 11) == 0;
        trial_wrong(t, t->n_passed, memory ? "memory limit" : "runtime error");
    } else {
        trial_wrong(t, t->n_passed, "wrong answer");
    }
}

static bool may_ask(char kind) {
    return kind && strchr("CAQSIXB#[RZWeVEU", kind);
}

static bool may_answer(char kind) {
    return kind && strchr("VEUK", kind);
}

// The test's process has ended, or says what cannot be. Before the program was asked that is the
// test's own doing; behind it the values may be, that the program made it compute with.
static void test_ended(Trial *t, Dialogue *test, DialogueAnswer how, bool asked) {
    CageRecord r = {.stage = "run"};
    dialogue_end(test, how == DIALOGUE_FORGED, &r);
    bool limit = r.verdict == CAGE_TIME_LIMIT || r.verdict == CAGE_MEMORY_LIMIT;
    if (r.verdict == CAGE_SANDBOX_ERROR)
        trial_fault(t, r.why[0] ? r.why : "the test ended without a verdict");
    else if (limit)
        trial_wrong(t, 0, "the test ran out of time or memory");
    else if (asked)
        trial_wrong(t, 0, "the test ended without a verdict");
    else
        trial_fault(t, "the test ended without a verdict");
    cage_record_free(&r);
}

// The third process, in which texts of the program are evaluated for the test. False: the trial
// says why.
static bool begin_evaluator(Cage *cage, const Suite *s, Trial *t, Dialogue *evaluator,
                            Arena *arena) {
    const TrialProgram none = {.lang = CAGE_PYTHON, .text = {""}, .n = 1};
    if (evaluator->talk) return true;
    return begin_load(cage, s, &none, t, evaluator) && end_load(t, evaluator, arena);
}

// Carries what the test asks to the program or to the evaluator, and answers back, until the test
// has a verdict.
static void relay(Cage *cage, const Suite *s, Dialogue *test, Dialogue *program, Trial *t,
                  Arena *arena) {
    Dialogue evaluator = {0};
    bool asked = false;
    for (;;) {
        size_t size;
        DialogueAnswer how = dialogue_wait(test);
        if (how == DIALOGUE_ANSWER && dialogue_kind(test) == 'D') {
            read_verdict(t, test, arena);
            break;
        }
        bool evaluates = how == DIALOGUE_ANSWER && dialogue_kind(test) & 0x80;
        char kind = how == DIALOGUE_ANSWER ? (char)(dialogue_kind(test) & 0x7f) : 0;
        if (how != DIALOGUE_ANSWER || !may_ask(kind)) {
            test_ended(t, test, how, asked);
            break;
        }
        if (evaluates && !begin_evaluator(cage, s, t, &evaluator, arena)) break;
        if (evaluates && evaluator.deadline > test->deadline) evaluator.deadline = test->deadline;
        Dialogue *other = evaluates ? &evaluator : program;
        const uint8_t *value = dialogue_value(test, &size);
        how = dialogue_send(other, kind, value, size);
        if (how == DIALOGUE_ANSWER) how = dialogue_wait(other);
        if (how == DIALOGUE_ANSWER && !may_answer(dialogue_kind(other))) how = DIALOGUE_FORGED;
        if (how != DIALOGUE_ANSWER) {
            end_badly(t, 0, other, how);
            break;
        }
        asked = asked || kind != 'Q';
        value = dialogue_value(other, &size);
        (void)dialogue_send(test, dialogue_kind(other), value, size); // seen by the next wait
    }
    CageRecord r = {.stage = "run"};
    if (evaluator.talk) {
        dialogue_end(&evaluator, true, &r);
        cage_record_free(&r);
    }
}

// Starts the test's process; false: our own fault, and there is no conversation.
static bool begin_test(Cage *cage, const Suite *s, Trial *t, Dialogue *dialogue, double begin) {
    Str out = {0};
    // Within twice the program's wall time from `begin` on: its values may be made to keep a test
    // busy.
    int wall = trial_wall_ms(s), passed = (int)((clock_now() - begin) * 1000);
    int ms = wall + wall / 2;
    if (ms > 2 * wall - passed) ms = 2 * wall - passed;
    if (ms < wall / 2) ms = wall / 2;
    CageLimits limits = {
        .cpu_ms = ms, .wall_ms = ms, .memory_bytes = 1 << 30, .output_bytes = 8 << 20};
    if (dialogue_begin(cage, CAGE_JUDGE, &limits, 0, dialogue) != ST_OK) {
        trial_fault(t, status_text());
        return false;
    }
    put_test(s, &out);
    (void)dialogue_send(dialogue, 'T', out.data, out.size); // seen by the first wait
    str_free(&out);
    return true;
}

// Both processes start side by side where the last program loaded: a guess about this one. A test's
// process that waits for a program that does not load has cost more than it takes to say so.
void trial_asserts(Cage *cage, const Suite *s, const TrialProgram *p, Trial *t, Arena *arena) {
    static bool loaded_last = true;
    Dialogue test = {0}, program = {0};
    double begin = clock_now();
    if (!begin_load(cage, s, p, t, &program)) return;
    bool together = __atomic_load_n(&loaded_last, __ATOMIC_RELAXED);
    if (!together || begin_test(cage, s, t, &test, begin)) {
        bool loaded = end_load(t, &program, arena);
        __atomic_store_n(&loaded_last, loaded, __ATOMIC_RELAXED);
        if (loaded && (together || begin_test(cage, s, t, &test, begin)))
            relay(cage, s, &test, &program, t, arena);
    }
    CageRecord r = {.stage = "run"};
    if (test.talk) {
        dialogue_end(&test, true, &r);
        cage_record_free(&r);
    }
    if (program.talk) end_well(t, &program);
}
