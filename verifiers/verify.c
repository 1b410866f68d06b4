// verifiers/verify.c -- the table of judges. A new judge is one file pair and one row.
#include "verifiers/verify.h"

#include <pthread.h>
#include <string.h>

#include "verifiers/boxed.h"
#include "verifiers/choice.h"
#include "verifiers/code/code.h"
#include "verifiers/countdown.h"
#include "verifiers/format.h"
#include "verifiers/ifeval/ifeval.h"
#include "verifiers/knights.h"
#include "verifiers/language.h"
#include "verifiers/math/math.h"
#include "verifiers/number.h"
#include "verifiers/program.h"

// ---- rows that need more than their function

// Could the gold be read if it were an answer? Both readers say error for a gold that they cannot.
static const char *gold_refused(const JudgeInput *in, JudgeFn *judge, const char *why) {
    if (!in->gold) return "the task has no gold answer";
    JudgeInput same = {.text = in->gold,
                       .size = strlen(in->gold),
                       .finished = true,
                       .gold = in->gold,
                       .policy = in->policy,
                       .extract = "bare"};
    return judge(&same).verdict == VERDICT_ERROR ? why : NULL;
}

static const char *number_refuses(const JudgeInput *in) {
    return gold_refused(in, number_judge, "the gold answer is no number");
}

static MathOptions math_options(const JudgeInput *in) {
    // OlympiadBench: the gold's error bar is in the row.
    const Json *error = json_get(in->task, "error");
    const char *bar =
        error && json_kind(error) == JSON_NUMBER ? json_raw(error) : json_text(error, NULL);
    return (MathOptions){.policy = in->policy, .tolerance = bar && *bar ? bar : NULL};
}

static Judgement math_row(const JudgeInput *in) {
    MathOptions options = math_options(in);
    Judgement j = math_judge_with(in, &options, NULL);
    if (in->explain && j.answer && in->gold) {
        Slice gold = boxed_last(slice_of(in->gold));
        if (!gold.data) gold = slice_of(in->gold);
        Arena *arena = arena_new(1 << 16);
        str_puts(in->explain,
                 math_explain(gold.data, gold.size, j.answer, j.answer_size, &options, arena));
        arena_free(arena);
    }
    return j;
}

static const char *math_refuses(const JudgeInput *in) {
    if (!math_policy_known(in->policy)) return "no such policy";
    return gold_refused(in, math_judge, "the gold answer cannot be read");
}

static const char *format_refuses(const JudgeInput *in) {
    return format_template_known(in->template_) ? NULL : "no such template";
}

// ---- the table

static const Judge judges[] = {
    {.name = "number",
     .help = "the answer equals the gold as an exact number: fractions, decimals, percent",
     .fn = number_judge,
     .needs_gold = true,
     .refuses = number_refuses},
    {.name = "math",
     .help = "the answer equals the gold as mathematics: expressions, sets, intervals, ...",
     .fn = math_row,
     .needs_gold = true,
     .refuses = math_refuses},
    {.name = "code",
     .help = "the program does what its tests want, in a cage",
     .fn = code_judge,
     .refuses = code_refuses,
     .ready = code_ready},
    {.name = "format",
     .help = "the response has the form of its template",
     .fn = format_judge,
     .refuses = format_refuses},
    {.name = "language",
     .help = "the share of the thought's words that are of the target language",
     .fn = language_judge,
     .refuses = language_refuses},
    {.name = "ifeval",
     .help = "the response follows its instructions: the 25 types of IFEval, strict and loose",
     .fn = ifeval_judge,
     .refuses = ifeval_refuses},
    {.name = "choice",
     .help = "multiple choice: the letter, or the text of its option",
     .fn = choice_judge,
     .needs_gold = true,
     .refuses = choice_refuses},
    {.name = "countdown",
     .help = "an expression of the given numbers, each once, that makes the target",
     .fn = countdown_judge,
     .refuses = countdown_refuses},
    {.name = "knights",
     .help = "knights and knaves: everybody is called what they are",
     .fn = knights_judge,
     .needs_gold = true,
     .refuses = knights_refuses},
    {.name = "program", .help = "a program of yours that speaks JSON lines", .fn = program_judge},
};
enum { N_JUDGES = sizeof judges / sizeof *judges };

int verify_count(void) {
    return N_JUDGES;
}

const Judge *verify_at(int i) {
    CHECK(i >= 0 && i < N_JUDGES);
    return &judges[i];
}

const Judge *verify_find(const char *name) {
    for (int i = 0; i < N_JUDGES; i++)
        if (strcmp(judges[i].name, name) == 0) return &judges[i];
    return NULL;
}

static char names[256];

static void join_names(void) {
    for (int i = 0; i < N_JUDGES; i++) {
        CHECK(strlen(names) + strlen(judges[i].name) + 3 < sizeof names);
        if (i) strcat(names, ", ");
        strcat(names, judges[i].name);
    }
}

const char *verify_names(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, join_names);
    return names;
}

Status verify_need(const char *name, const char *who, const Judge **out) {
    *out = name ? verify_find(name) : NULL;
    if (!*out)
        return FAIL(ST_CONFIG, "%s asks for the judge '%s'; there are: %s", who, name ? name : "",
                    verify_names());
    return (*out)->ready ? (*out)->ready() : ST_OK;
}

Judgement verify_judge(const Judge *judge, const JudgeInput *in) {
    if (judge->needs_gold && !in->gold)
        return (Judgement){.verdict = VERDICT_ERROR, .reason = "the task has no gold answer"};
    return judge->fn(in);
}

// ---- rows of a file

static const char *read_gold(const Json *gold, JudgeInput *in) {
    if (!gold || json_kind(gold) == JSON_NULL) return NULL;
    if (json_kind(gold) == JSON_NUMBER)
        in->gold = json_raw(gold);
    else if (json_kind(gold) == JSON_STRING)
        in->gold = json_text(gold, NULL);
    else
        return "\"gold\" is neither a text nor a number";
    return json_kind(gold) == JSON_STRING && strlen(in->gold) != json_text_size(gold)
               ? "\"gold\" holds a zero byte"
               : NULL;
}

const char *verify_read_row(const Json *row, JudgeInput *in) {
    const struct {
        const char *name;
        const char **field;
        const char *wrong;
    } text[] = {{"prompt", &in->prompt, "\"prompt\" is not a text"},
                {"template", &in->template_, "\"template\" is not a text"},
                {"prefilled", &in->prefilled, "\"prefilled\" is not a text"},
                {"extract", &in->extract, "\"extract\" is not a text"},
                {"target", &in->target, "\"target\" is not a text"},
                {"math_policy", &in->policy, "\"math_policy\" is not a text"}};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        const Json *value = json_get(row, text[i].name);
        if (!value || json_kind(value) == JSON_NULL) continue;
        // Countdown's target is a number, and its judge's own field.
        if (json_kind(value) == JSON_NUMBER && text[i].field == &in->target) continue;
        if (json_kind(value) != JSON_STRING) return text[i].wrong;
        *text[i].field = json_text(value, NULL);
    }
    in->finished = json_bool(json_get(row, "finished"), in->finished);
    in->task = row;
    return read_gold(json_get(row, "gold"), in);
}
