// verifiers/math/tree/rules.c -- the rows.
#include "verifiers/math/tree/rules.h"

#include <stddef.h>
#include <string.h>

static const MathRules rows[] = {
    {.name = "default",
     .percent = PERCENT_HUNDREDTH,
     .brackets = BRACKETS_STRICT,
     .ratio_is_number = true,
     .interval_is_inequality = true,
     .digits_rational = 12,
     .digits_irrational = 8},
    {.name = "convert-units",
     .percent = PERCENT_HUNDREDTH,
     .brackets = BRACKETS_STRICT,
     .units_convert = true,
     .ratio_is_number = true,
     .interval_is_inequality = true,
     .digits_rational = 12,
     .digits_irrational = 8},
    {.name = "math-verify",
     .percent = PERCENT_HUNDREDTH,
     .brackets = BRACKETS_LOOSE,
     .units_ignored = true,
     .base_ignored = true,
     .ratio_is_number = true,
     .interval_is_inequality = true,
     .interval_wants_one = true,
     .choice_bare = true,
     .empty_by_sign = true,
     .digits_rational = 6,
     .digits_irrational = 6},
    {.name = "qwen",
     .percent = PERCENT_EITHER,
     .brackets = BRACKETS_IGNORED,
     .list_ordered = true,
     .units_ignored = true,
     .ratio_is_number = true,
     .percent_by_number = true,
     .signs_written = true,
     .tuple_names_kept = true,
     .choice_bare = true,
     .empty_by_sign = true,
     .domain_kept = true,
     .engineering_j = true,
     .digits_rational = 12,
     .digits_irrational = 8,
     .relative = 1e-4},
    {.name = "prm800k",
     .percent = PERCENT_DROPPED,
     .brackets = BRACKETS_STRICT,
     .list_ordered = true,
     .units_ignored = true,
     .signs_written = true,
     .list_names_kept = true,
     .tuple_names_kept = true,
     .choice_bare = true,
     .empty_by_sign = true,
     .domain_kept = true,
     .fractions_reduced = true},
    {.name = "verl",
     .percent = PERCENT_DROPPED,
     .brackets = BRACKETS_STRICT,
     .list_ordered = true,
     .units_ignored = true,
     .case_matters = true,
     .strings_only = true},
};

const MathRules *rules_find(const char *name) {
    if (!name) return &rows[0];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, name) == 0) return &rows[i];
    return NULL;
}

const char *rules_names(void) {
    return "default, convert-units, math-verify, qwen, prm800k, verl";
}
