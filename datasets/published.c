// datasets/published.c -- the table of names, and how their rows become questions.
#include "datasets/published.h"

#include <pthread.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "datasets/codeset.h"

// A slice as a text in the program (the path is relative to the root, where make runs).
#define SLICE(symbol, path)                                                                        \
    __asm__(".section .rodata\n.global " #symbol "\n" #symbol ":\n.incbin \"" path                 \
            "\"\n.byte 0\n.previous\n");                                                           \
    extern const char symbol[]
SLICE(slice_gsm8k, "datasets/slices/gsm8k.jsonl");
SLICE(slice_math, "datasets/slices/math.jsonl");
SLICE(slice_math500, "datasets/slices/math500.jsonl");
SLICE(slice_humaneval, "datasets/slices/humaneval.jsonl");
SLICE(slice_mbpp, "datasets/slices/mbpp.jsonl");
SLICE(slice_ifeval, "datasets/slices/ifeval.jsonl");

static const char *field(const Json *row, const char *first, const char *second) {
    const char *text = json_text(json_get(row, first), NULL);
    return text ? text : second ? json_text(json_get(row, second), NULL) : NULL;
}

static bool is_list(const Json *row, const char *name) {
    const Json *list = json_get(row, name);
    return list && json_kind(list) == JSON_ARRAY;
}

// ---- HumanEval

static bool fits_humaneval(const Json *row) {
    return field(row, "entry_point", NULL) && field(row, "test", NULL) &&
           field(row, "prompt", NULL);
}

static const char *question_humaneval(const Json *row, Arena *arena) {
    const char *prompt = field(row, "prompt", NULL);
    return prompt ? arena_printf(arena,
                                 "Complete this Python function. Answer with the whole function, "
                                 "and what it needs, in one ```python block.\n\n```python\n%s\n```",
                                 prompt)
                  : NULL;
}

// ---- MBPP

static const Json *asserts(const Json *row) {
    const char *const name[] = {"test_list", "tests"};
    for (int i = 0; i < 2; i++) {
        const Json *first = is_list(row, name[i]) ? json_first(json_get(row, name[i])) : NULL;
        if (first && strncmp(json_text(first, ""), "assert", 6) == 0) return json_get(row, name[i]);
    }
    return NULL;
}

static bool fits_mbpp(const Json *row) {
    return asserts(row) && field(row, "prompt", "text");
}

static const char *question_mbpp(const Json *row, Arena *arena) {
    const char *prompt = field(row, "prompt", "text");
    if (!prompt || !asserts(row)) return NULL;
    Str out = {0};
    str_printf(&out,
               "%s\nAnswer with the whole program in one ```python block. It must pass these "
               "tests:\n\n```python\n",
               prompt);
    for (const Json *t = json_first(asserts(row)); t; t = json_next(t))
        str_printf(&out, "%s\n", json_text(t, ""));
    str_puts(&out, "```");
    const char *text = arena_printf(arena, "%s", str_text(&out));
    str_free(&out);
    return text;
}

// ---- others

static bool fits_ifeval(const Json *row) {
    return is_list(row, "instruction_id_list") && field(row, "prompt", NULL);
}

static bool fits_countdown(const Json *row) {
    return (is_list(row, "nums") || is_list(row, "numbers")) && json_get(row, "target");
}

static const char *question_countdown(const Json *row, Arena *arena) {
    const char *own = field(row, "prompt", "question");
    if (own) return arena_printf(arena, "%s", own);
    Str numbers = {0};
    const Json *target = json_get(row, "target");
    json_echo(json_get(row, is_list(row, "nums") ? "nums" : "numbers"), &numbers);
    const char *text = arena_printf(
        arena,
        "Using the numbers %s, write an expression that equals %s. You may use + - * / and "
        "brackets, and must use each number exactly once. Show your thoughts in <think> </think> "
        "and put the expression in <answer> </answer>.",
        str_text(&numbers),
        json_kind(target) == JSON_NUMBER ? json_raw(target) : json_text(target, ""));
    str_free(&numbers);
    return text;
}

static bool fits_choice(const Json *row) {
    return is_list(row, "options") || is_list(row, "choices");
}

static const char *question_choice(const Json *row, Arena *arena) {
    const char *asked = field(row, "question", "prompt");
    if (!asked) return NULL;
    Str out = {0};
    str_puts(&out, asked);
    char letter = 'A';
    const Json *o = json_first(json_get(row, is_list(row, "options") ? "options" : "choices"));
    for (; o && letter <= 'Z'; o = json_next(o)) {
        const char *text = json_text(o, "");
        bool lettered = text[0] == '(' || (text[0] == letter && text[1] && strchr(".):", text[1]));
        if (lettered)
            str_printf(&out, "\n%s", text);
        else
            str_printf(&out, "\n%c. %s", letter, text);
        letter++;
    }
    str_puts(&out, "\nPut the letter of the right option within \\boxed{}.");
    const char *text = arena_printf(arena, "%s", str_text(&out));
    str_free(&out);
    return text;
}

#define BOXED "{}\nPlease reason step by step, and put your final answer within \\boxed{}."

static const Published table[] = {
    {"gsm8k", "grade-school word problems (OpenAI): train 7,473, test 1,319", "MIT", "math", true,
     BOXED, NULL, NULL, slice_gsm8k},
    {"math", "competition mathematics (Hendrycks): train 7,500, test 5,000", "MIT", "math", true,
     BOXED, NULL, NULL, slice_math},
    {"math500", "the 500 test problems of MATH that PRM800K kept", "MIT", "math", true, BOXED, NULL,
     NULL, slice_math500},
    {"humaneval", "164 Python functions with their tests (OpenAI)", "MIT", "code", false, NULL,
     question_humaneval, fits_humaneval, slice_humaneval},
    {"mbpp", "974 short Python programs with asserts (Google); sanitized 427", "CC BY 4.0", "code",
     false, NULL, question_mbpp, fits_mbpp, slice_mbpp},
    {"livecodebench", "contest problems, by stdin or by calls (also SandboxFusion's records)", "",
     "code", false, NULL, codeset_question, codeset_fits, NULL},
    {"apps", "contest and interview problems: rows with input_output", "", "code", false, NULL,
     codeset_question, NULL, NULL},
    {"codeforces", "rows with tests or official_tests, a checker where there is one", "", "code",
     false, NULL, codeset_question, NULL, NULL},
    {"code_contests", "rows with public, private and generated tests", "", "code", false, NULL,
     codeset_question, NULL, NULL},
    {"ifeval", "541 prompts with instructions that a program can check (Google)", "Apache-2.0",
     "ifeval", false, NULL, NULL, fits_ifeval, slice_ifeval},
    {"countdown", "rows {\"nums\",\"target\"}: an expression that makes the target", "",
     "countdown", false, NULL, question_countdown, fits_countdown, NULL},
    {"choice", "rows {\"question\",\"options\",\"answer\"}: multiple choice", "", "choice", true,
     NULL, question_choice, fits_choice, NULL},
    {"knights", "rows {\"question\" (or quiz),\"gold\" (or solution_text)}: knights and knaves", "",
     "knights", true, NULL, NULL, NULL, NULL},
};
enum { N_PUBLISHED = sizeof table / sizeof *table };

int published_count(void) {
    return N_PUBLISHED;
}

const Published *published_at(int i) {
    CHECK(i >= 0 && i < N_PUBLISHED);
    return &table[i];
}

static const Published *find(const char *name, size_t size) {
    for (int i = 0; i < N_PUBLISHED; i++)
        if (strlen(table[i].name) == size && memcmp(table[i].name, name, size) == 0)
            return &table[i];
    return NULL;
}

const Published *published_find(const char *name) {
    return find(name, strlen(name));
}

static char names[256];

static void join_names(void) {
    for (int i = 0; i < N_PUBLISHED; i++) {
        CHECK(strlen(names) + strlen(table[i].name) + 3 < sizeof names);
        if (i) strcat(names, ", ");
        strcat(names, table[i].name);
    }
}

const char *published_names(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, join_names);
    return names;
}

const Published *published_of_row(const Json *row) {
    for (int i = 0; i < N_PUBLISHED; i++)
        if (table[i].fits && table[i].fits(row)) return &table[i];
    return NULL;
}

bool published_is(const char *what) {
    return find(what, strcspn(what, "=")) != NULL;
}
