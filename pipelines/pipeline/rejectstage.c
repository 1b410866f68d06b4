// pipelines/pipeline/rejectstage.c -- flags of a recipe as the words of the command.
#include "pipelines/pipeline/rejectstage.h"

#include <string.h>

#include "base/file.h"
#include "pipelines/command.h"

static Status add_word(char *argv[REJECT_WORDS], int *n, const char *word, Arena *arena) {
    if (*n == REJECT_WORDS - 1) return FAIL(ST_CONFIG, "more than %d words", REJECT_WORDS - 1);
    argv[(*n)++] = arena_printf(arena, "%s", word);
    argv[*n] = NULL;
    return ST_OK;
}

static const Flag *flag_of(const Command *c, const char *name) {
    for (int i = 0; i < c->n_flags; i++)
        if (strcmp(c->flag[i].name, name) == 0) return &c->flag[i];
    return NULL;
}

// A text, a number, true for a switch, or a list of them for a flag that is given several times.
static Status add_flag(const StageList *l, const Json *e, const char *name, char *argv[], int *n,
                       Arena *arena) {
    if (json_kind(e) == JSON_ARRAY) {
        for (const Json *v = json_first(e); v; v = json_next(v))
            TRY(add_flag(l, v, name, argv, n, arena));
        return ST_OK;
    }
    const bool text = json_kind(e) == JSON_STRING;
    if (!text && json_kind(e) != JSON_NUMBER && json_kind(e) != JSON_BOOL)
        return FAIL(ST_CONFIG, "%s:%d: flag '%s' is a text, a number, true or a list, not %s",
                    l->name, json_line(l->doc, e), name, json_kind_name(json_kind(e)));
    if (json_kind(e) == JSON_BOOL && !json_bool(e, false)) return ST_OK;
    TRY(add_word(argv, n, arena_printf(arena, "--%s", name), arena));
    if (json_kind(e) == JSON_BOOL) return ST_OK;
    return add_word(argv, n, text ? stagelist_input(l, json_text(e, "")) : json_raw(e), arena);
}

Status rejectstage_line(const StageList *l, const StageSpec *s, const char *model, const char *out,
                        char *argv[REJECT_WORDS], int *n, Arena *arena) {
    const char *const first[] = {"grpo", "reject", model, "--out", out};
    *n = 0;
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        TRY(add_word(argv, n, first[i], arena));
    for (const Json *e = json_first(s->flags); e; e = json_next(e)) {
        const char *name = json_key(e);
        if (strcmp(name, "out") == 0 || !flag_of(&command_reject, name))
            return FAIL(ST_CONFIG,
                        "%s:%d: 'grpo reject' has no flag '%s' for a stage; 'grpo help "
                        "reject' lists them",
                        l->name, json_line(l->doc, e), name);
        TRY(add_flag(l, e, name, argv, n, arena));
    }
    return ST_OK;
}

Status rejectstage_run(char *argv[REJECT_WORDS], int n, const char *file, StageResult *out) {
    static Args args;
    *out = (StageResult){0};
    TRY(args_parse(&args, n, argv, command_reject.flag, command_reject.n_flags, false));
    const int code = command_reject.run(&args);
    out->stopped = code == EXIT_STOPPED;
    out->nonfinite = code == EXIT_NUMERIC;
    if (code == EXIT_USAGE) return FAIL(ST_CONFIG, "'grpo reject' refused its flags (see above)");
    if (code != EXIT_DONE && !out->stopped)
        return FAIL(ST_IO, "'grpo reject' ended with exit code %d (see above)", code);
    out->model = file;
    return ST_OK;
}
