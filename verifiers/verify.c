// verifiers/verify.c -- the table of judges. A new judge is one file pair and one row.
#include "verifiers/verify.h"

#include <pthread.h>
#include <string.h>

#include "verifiers/format.h"
#include "verifiers/number.h"

static const Judge judges[] = {
    {.name = "number",
     .help = "the answer equals the gold as an exact number: fractions, decimals, percent",
     .fn = number_judge,
     .needs_gold = true},
    {.name = "math",
     .help = "as number, until expressions can be judged; a gold that is no number is an error",
     .fn = number_judge,
     .needs_gold = true},
    {.name = "format", .help = "the response has the form of its template", .fn = format_judge},
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

static char names[1024];

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

const char *verify_read_row(const Json *row, JudgeInput *in) {
    static const char *const name[] = {"prompt",  "template", "prefilled",
                                       "extract", "target",   "policy"};
    const char **const field[] = {&in->prompt,  &in->template_, &in->prefilled,
                                  &in->extract, &in->target,    &in->policy};
    static const char *const wrong[] = {"\"prompt\" is not a text",    "\"template\" is not a text",
                                        "\"prefilled\" is not a text", "\"extract\" is not a text",
                                        "\"target\" is not a text",    "\"policy\" is not a text"};
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
        const Json *value = json_get(row, name[i]);
        if (!value || json_kind(value) == JSON_NULL) continue;
        if (json_kind(value) != JSON_STRING) return wrong[i];
        *field[i] = json_text(value, NULL);
    }
    const Json *gold = json_get(row, "gold");
    if (gold && json_kind(gold) == JSON_STRING)
        in->gold = json_text(gold, NULL);
    else if (gold && json_kind(gold) == JSON_NUMBER)
        in->gold = json_raw(gold);
    else if (gold && json_kind(gold) != JSON_NULL)
        return "\"gold\" is neither a text nor a number";
    in->finished = json_bool(json_get(row, "finished"), in->finished);
    in->task = row;
    return NULL;
}
