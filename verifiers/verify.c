// verifiers/verify.c -- the table of judges. A new judge is one file pair and one row.
#include "verifiers/verify.h"

#include <string.h>

#include "verifiers/format.h"
#include "verifiers/number.h"

static const Judge judges[] = {
    {"number", "the answer equals the gold as an exact number", number_judge},
    {"math", "as number, until expressions can be judged; a gold that is no number is an error",
     number_judge},
    {"format", "the response has the form of its template", format_judge},
};

const Judge *verify_find(const char *name) {
    for (size_t i = 0; i < sizeof judges / sizeof *judges; i++)
        if (strcmp(judges[i].name, name) == 0) return &judges[i];
    return NULL;
}

const char *verify_names(void) {
    return "number, math, format";
}
