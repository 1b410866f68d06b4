// datasets/rowform.c -- the table of forms, and how each is read.
#include "datasets/rowform.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "datasets/rowread.h"

static const char *const prompt_names[] = {
    "prompt",   "question",      "problem",     "quiz",  "query", "context_messages",
    "messages", "conversations", "instruction", "input", NULL};
static const char *const gold_names[] = {"gold",
                                         "answer",
                                         "expected_answer",
                                         "final_answer",
                                         "ground_truth",
                                         "reference_answer",
                                         "correct_answer",
                                         "solution",
                                         "solution_text",
                                         "label",
                                         NULL};

static bool has(const Json *row, const char *path) {
    const Json *value = rowread_at(row, path);
    return value && json_kind(value) != JSON_NULL;
}

// ---- who judges the rows of verl, by their data_source

typedef struct SourceJudge {
    const char *part, *judge;
} SourceJudge;

static const SourceJudge source_judges[] = {
    {"countdown", "countdown"}, {"kk_logic", "knights"},  {"knights", "knights"},
    {"codecontest", "code"},    {"code_contest", "code"}, {"apps", "code"},
    {"codeforces", "code"},     {"taco", "code"},         {"livecodebench", "code"},
    {"primeintellect", "code"}, {"leetcode", "code"},     {"kodcode", "code"},
    {"humaneval", "code"},      {"mbpp", "code"},         {"ifeval", "ifeval"},
};

static const char *judge_of_source(const char *source) {
    for (size_t i = 0; source && i < sizeof source_judges / sizeof *source_judges; i++)
        if (strcasestr(source, source_judges[i].part)) return source_judges[i].judge;
    return "math";
}

// ---- prompts

const char *rowform_prompt(const Json *value, const char *name, RowTask *out, Arena *arena) {
    out->prompt_field = name;
    if (!rowread_is_turns(value)) {
        const char *why = NULL;
        out->prompt = rowread_text(value, name, &why, arena);
        return out->prompt ? NULL : why;
    }
    const char *why = rowread_turns(value, name, &out->turn, &out->n_turns, arena);
    if (why) return why;
    while (out->n_turns && strcmp(out->turn[out->n_turns - 1].role, "user") != 0) out->n_turns--;
    if (out->n_turns == 0) return arena_printf(arena, "'%s' has no message of the user", name);
    out->prompt = out->turn[out->n_turns - 1].content;
    if (out->n_turns == 1) out->turn = NULL, out->n_turns = 0;
    return NULL;
}

static const char *refuse_images(const Json *row) {
    static const char *const names[] = {"images", "image", "videos", "audio"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const Json *v = json_get(row, names[i]);
        if (!v || json_kind(v) == JSON_NULL || (json_kind(v) == JSON_ARRAY && json_count(v) == 0))
            continue;
        return i == 2   ? "the row has videos; models here read text only"
               : i == 3 ? "the row has audio; models here read text only"
                        : "the row has images; models here read text only";
    }
    return NULL;
}

static const char *usual_prompt(const Json *row, RowTask *out, Arena *arena) {
    const char *name = "prompt";
    const Json *value = rowread_first(row, prompt_names, &name);
    if (!value)
        return "no question: needs 'prompt', 'question' or 'problem', or the field that "
               "data.fields names";
    return rowform_prompt(value, name, out, arena);
}

static void usual_gold(const Json *row, RowTask *out, Arena *arena) {
    const char *name = "answer";
    const Json *value = rowread_first(row, gold_names, &name);
    out->gold_field = value ? name : NULL;
    if (value)
        out->gold = rowread_text(value, name, &out->gold_why, arena);
    else
        out->gold_why = "no answer: needs 'answer', 'gold', 'ground_truth' or 'solution', or the "
                        "field that data.fields names";
}

// ---- verl, DAPO-Math

static bool fits_verl(const Json *row) {
    return has(row, "reward_model.ground_truth") && json_get(row, "prompt");
}

// {"inputs":[..],"outputs":[..]} of code as input_output, {"target","numbers"} of countdown as
// such.
static const char *judge_row(const char *judge, const Json *truth, Arena *arena) {
    Str out = {0};
    if (strcmp(judge, "countdown") == 0 && json_kind(truth) == JSON_OBJECT) {
        json_echo(truth, &out);
    } else {
        str_puts(&out, "{\"input_output\":");
        json_echo(truth, &out);
        str_putc(&out, '}');
    }
    const char *text = arena_printf(arena, "%s", str_text(&out));
    str_free(&out);
    return text;
}

static const char *read_verl(const Json *row, RowTask *out, Arena *arena) {
    const Json *truth = rowread_at(row, "reward_model.ground_truth");
    out->source = rowread_text(json_get(row, "data_source"), "data_source", NULL, arena);
    out->judge = judge_of_source(out->source);
    if (strcmp(out->judge, "code") == 0 || strcmp(out->judge, "countdown") == 0) {
        out->judge_row = judge_row(out->judge, truth, arena);
    } else if (strcmp(out->judge, "knights") == 0 && json_kind(truth) == JSON_OBJECT) {
        const Json *text = json_get(truth, "solution_text_format");
        out->gold = rowread_text(text, "reward_model.ground_truth.solution_text_format",
                                 &out->gold_why, arena);
    } else {
        out->gold_field = "reward_model.ground_truth";
        out->gold = rowread_text(truth, out->gold_field, &out->gold_why, arena);
    }
    return rowform_prompt(json_get(row, "prompt"), "prompt", out, arena);
}

// ---- open-r1 and PRIME: verification_info

static bool fits_verification(const Json *row) {
    return has(row, "verification_info");
}

static const char *read_verification(const Json *row, RowTask *out, Arena *arena) {
    const Json *info = json_get(row, "verification_info");
    JsonDoc *doc = NULL;
    if (json_kind(info) == JSON_STRING) { // written as a text
        if (json_parse(json_text(info, ""), json_text_size(info), "verification_info", 1, false,
                       &doc) != ST_OK)
            return "'verification_info' is a text that is not JSON";
        info = json_root(doc);
    }
    const char *why = usual_prompt(row, out, arena);
    const Json *cases = json_get(info, "test_cases");
    if (cases && json_kind(cases) == JSON_ARRAY) {
        Str text = {0};
        str_puts(&text, "{\"tests\":");
        json_echo(cases, &text);
        str_putc(&text, '}');
        out->judge = "code";
        out->judge_row = arena_printf(arena, "%s", str_text(&text));
        str_free(&text);
    } else if (has(info, "ground_truth")) {
        out->gold_field = "verification_info.ground_truth";
        out->gold =
            rowread_text(json_get(info, "ground_truth"), out->gold_field, &out->gold_why, arena);
    } else {
        usual_gold(row, out, arena);
    }
    json_free(doc);
    return why;
}

// ---- the others

static const char *read_usual(const Json *row, RowTask *out, Arena *arena) {
    usual_gold(row, out, arena);
    return usual_prompt(row, out, arena);
}

// Alpaca: the input, where there is one, is below the instruction.
static const char *read_alpaca(const Json *row, RowTask *out, Arena *arena) {
    usual_gold(row, out, arena);
    if (!out->gold)
        out->gold = rowread_text(json_get(row, "output"), "output", &out->gold_why, arena);
    const char *why = rowform_prompt(json_get(row, "instruction"), "instruction", out, arena);
    const char *input = rowread_text(json_get(row, "input"), "input", NULL, arena);
    if (!why && input && *input) out->prompt = arena_printf(arena, "%s\n\n%s", out->prompt, input);
    return why;
}

static bool fits_gsm8k(const Json *row) {
    const char *answer = json_text(json_get(row, "answer"), "");
    return has(row, "question") && strstr(answer, "####") != NULL;
}
static bool fits_math(const Json *row) {
    return has(row, "problem") && has(row, "solution") && has(row, "level") && has(row, "type");
}
static bool fits_numina(const Json *row) {
    return has(row, "problem") && has(row, "solution") &&
           (has(row, "messages") || has(row, "problem_type") || has(row, "source"));
}
static bool fits_deepmath(const Json *row) {
    return has(row, "question") && has(row, "final_answer");
}
static bool fits_conversation(const Json *row) {
    return rowread_is_turns(json_get(row, "prompt")) || rowread_is_turns(json_get(row, "messages"));
}
static bool fits_sharegpt(const Json *row) {
    return rowread_is_turns(json_get(row, "conversations"));
}
static bool fits_preference(const Json *row) {
    return has(row, "chosen") && has(row, "rejected");
}
static bool fits_alpaca(const Json *row) {
    return has(row, "instruction") && has(row, "output");
}
static bool fits_openrlhf(const Json *row) {
    return has(row, "context_messages") ||
           (has(row, "input") && (has(row, "label") || has(row, "output")));
}
static bool fits_lcb(const Json *row) {
    return has(row, "question_content") && has(row, "public_test_cases");
}
static bool fits_contests(const Json *row) {
    return has(row, "public_tests") && has(row, "description");
}
static bool fits_apps(const Json *row) {
    return has(row, "input_output") && has(row, "question");
}

typedef struct RowForm {
    const char *name;
    bool (*fits)(const Json *row);
    const char *(*read)(const Json *row, RowTask *out, Arena *arena); // NULL: see published.c
} RowForm;

static const RowForm forms[] = {
    {"verl", fits_verl, read_verl},
    {"open-r1 (verification_info)", fits_verification, read_verification},
    {"LiveCodeBench", fits_lcb, NULL},
    {"code_contests", fits_contests, NULL},
    {"APPS or TACO", fits_apps, NULL},
    {"GSM8K", fits_gsm8k, read_usual},
    {"MATH", fits_math, read_usual},
    {"NuminaMath", fits_numina, read_usual},
    {"DeepMath", fits_deepmath, read_usual},
    {"preferences (chosen, rejected)", fits_preference, read_usual},
    {"ShareGPT", fits_sharegpt, read_usual},
    {"conversations (TRL)", fits_conversation, read_usual},
    {"alpaca", fits_alpaca, read_alpaca},
    {"OpenRLHF", fits_openrlhf, read_usual},
};
enum { N_FORMS = sizeof forms / sizeof *forms };

static const RowForm *form_of(const Json *row) {
    for (int i = 0; i < N_FORMS; i++)
        if (forms[i].fits(row)) return &forms[i];
    return NULL;
}

const char *rowform_name(const Json *row) {
    const RowForm *form = form_of(row);
    const Published *known = published_of_row(row);
    if (form) return form->name;
    return known ? known->name : "questions and answers";
}

const char *rowform_read(const Json *row, const Published *known, RowTask *out, Arena *arena) {
    static const char *const sources[] = {"source", "data_source", NULL};
    static const char *const judges[] = {"judge", NULL};
    *out = (RowTask){0};
    const char *why = refuse_images(row);
    if (why) return why;
    const RowForm *form = known ? NULL : form_of(row);
    if (!known && !(form && form->read)) known = published_of_row(row);
    if (known) {
        out->judge = known->judge;
        usual_gold(row, out, arena);
        if (known->question) {
            out->prompt = known->question(row, arena);
            if (!out->prompt) why = usual_prompt(row, out, arena);
        } else {
            why = usual_prompt(row, out, arena);
        }
    } else {
        why = form && form->read ? form->read(row, out, arena) : read_usual(row, out, arena);
    }
    if (why) return why;
    if (!out->source)
        out->source = rowread_text(rowread_first(row, sources, NULL), "source", NULL, arena);
    const char *own = rowread_text(rowread_first(row, judges, NULL), "judge", NULL, arena);
    if (own) out->judge = own;
    return NULL;
}
