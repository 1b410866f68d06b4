// pipelines/pipeline/stagelist.c -- every sentence about a recipe of stages comes from here.
#include "pipelines/pipeline/stagelist.h"

#include <ctype.h>
#include <string.h>

#include "base/file.h"
#include "pipelines/recipe.h"

static const char *const kinds[N_STAGE_KINDS] = {"sft", "rl", "eval", "reject"};

const char *stage_kind_name(StageKind kind) {
    return kinds[kind];
}

int stagelist_find(const StageList *l, const char *name) {
    for (int i = 0; i < l->n_stages; i++)
        if (strcmp(l->stage[i].name, name) == 0) return i;
    return -1;
}

const char *stagelist_input(const StageList *l, const char *text) {
    return json_text(json_get(l->inputs, text), text);
}

// ---- members of an object: known ones, each of its kind

typedef struct Member {
    const char *name;
    JsonKind kind;
    bool needed;
} Member;

static Status check_members(const StageList *l, const Json *object, const char *what,
                            const Member *known, int n) {
    if (json_kind(object) != JSON_OBJECT)
        return FAIL(ST_CONFIG, "%s:%d: %s is an object {...}, not %s", l->name,
                    json_line(l->doc, object), what, json_kind_name(json_kind(object)));
    for (const Json *e = json_first(object); e; e = json_next(e)) {
        int at = 0;
        while (at < n && strcmp(known[at].name, json_key(e)) != 0) at++;
        if (at == n) {
            Str names = {0};
            for (int i = 0; i < n; i++) str_printf(&names, "%s%s", i ? ", " : "", known[i].name);
            Status st = FAIL(ST_CONFIG, "%s:%d: %s has no member '%s'; there are: %s", l->name,
                             json_line(l->doc, e), what, json_key(e), str_text(&names));
            str_free(&names);
            return st;
        }
        if (json_kind(e) != known[at].kind)
            return FAIL(ST_CONFIG, "%s:%d: '%s' of %s is %s, not %s", l->name, json_line(l->doc, e),
                        json_key(e), what, json_kind_name(known[at].kind),
                        json_kind_name(json_kind(e)));
        for (const Json *other = json_first(object); other != e; other = json_next(other))
            if (strcmp(json_key(other), json_key(e)) == 0)
                return FAIL(ST_CONFIG, "%s:%d: '%s' of %s was already given in line %d", l->name,
                            json_line(l->doc, e), json_key(e), what, json_line(l->doc, other));
    }
    for (int i = 0; i < n; i++)
        if (known[i].needed && !json_get(object, known[i].name))
            return FAIL(ST_CONFIG, "%s:%d: %s wants '%s'", l->name, json_line(l->doc, object), what,
                        known[i].name);
    return ST_OK;
}

// It is a folder's name: letters, digits, - and _.
static Status check_name(const StageList *l, const StageSpec *s) {
    bool good = s->name[0] != 0 && strlen(s->name) <= 40;
    for (const char *c = s->name; *c; c++)
        good = good && (isalnum((unsigned char)*c) || *c == '-' || *c == '_');
    if (!good)
        return FAIL(ST_CONFIG,
                    "%s:%d: a stage's name is a folder's: up to 40 letters, digits, - and _, not "
                    "'%s'",
                    l->name, s->line, s->name);
    const int other = stagelist_find(l, s->name);
    if (other >= 0)
        return FAIL(ST_CONFIG, "%s:%d: line %d has a stage '%s' already", l->name, s->line,
                    l->stage[other].line, s->name);
    if (json_get(l->inputs, s->name))
        return FAIL(ST_CONFIG, "%s:%d: '%s' is an input's name too; rename one", l->name, s->line,
                    s->name);
    return ST_OK;
}

// Does a stage that has not been read yet have this name?
static bool comes_later(const Json *stage, const char *name) {
    for (; stage; stage = json_next(stage))
        if (strcmp(json_text(json_get(stage, "name"), ""), name) == 0) return true;
    return false;
}

static Status find_from(const StageList *l, const Json *node, StageSpec *s) {
    const char *from = json_text(json_get(node, "from"), NULL);
    s->from = -1;
    if (!from) {
        if (s->kind == STAGE_SFT) return ST_OK;
        return FAIL(ST_CONFIG,
                    "%s:%d: stage '%s' (%s) wants \"from\": an earlier stage, an input or a model "
                    "folder",
                    l->name, s->line, s->name, kinds[s->kind]);
    }
    const int stage = stagelist_find(l, from);
    if (stage >= 0 && l->stage[stage].kind >= STAGE_EVAL)
        return FAIL(ST_CONFIG, "%s:%d: stage '%s' begins with '%s', which makes no model (%s)",
                    l->name, s->line, s->name, from, kinds[l->stage[stage].kind]);
    if (stage >= 0) {
        s->from = stage;
        return ST_OK;
    }
    if (comes_later(node, from))
        return FAIL(ST_CONFIG,
                    "%s:%d: stage '%s' begins with '%s', which %s: put what a stage reads before "
                    "it",
                    l->name, s->line, s->name, from,
                    strcmp(from, s->name) == 0 ? "is itself" : "comes after it");
    s->from_model = stagelist_input(l, from);
    if (!file_exists(s->from_model))
        return FAIL(ST_CONFIG,
                    "%s:%d: stage '%s' begins with '%s', which is no stage before it, no input and "
                    "no folder",
                    l->name, s->line, s->name, s->from_model);
    return ST_OK;
}

static Status read_stage(StageList *l, const Json *node) {
    static const Member members[] = {
        {"name", JSON_STRING, true},       {"kind", JSON_STRING, true},
        {"from", JSON_STRING, false},      {"data", JSON_OBJECT, false},
        {"overrides", JSON_OBJECT, false}, {"flags", JSON_OBJECT, false}};
    StageSpec *s = &l->stage[l->n_stages];
    *s = (StageSpec){.line = json_line(l->doc, node)};
    TRY(check_members(l, node, "a stage", members, sizeof members / sizeof *members));
    s->name = json_text(json_get(node, "name"), "");
    TRY(check_name(l, s));
    const char *kind = json_text(json_get(node, "kind"), "");
    int k = 0;
    while (k < N_STAGE_KINDS && strcmp(kinds[k], kind) != 0) k++;
    if (k == N_STAGE_KINDS)
        return FAIL(ST_CONFIG,
                    "%s:%d: stage '%s' is of kind '%s'; there are: sft, rl, eval, reject", l->name,
                    s->line, s->name, kind);
    s->kind = (StageKind)k;
    TRY(find_from(l, node, s));
    s->data = json_get(node, "data");
    s->overrides = json_get(node, "overrides");
    s->flags = json_get(node, "flags");
    if (s->kind == STAGE_REJECT ? s->data || s->overrides : s->flags != NULL)
        return FAIL(ST_CONFIG, "%s:%d: stage '%s' (%s) takes %s", l->name, s->line, s->name,
                    kinds[s->kind],
                    s->kind == STAGE_REJECT ? "\"flags\", those of 'grpo reject', and no sections"
                                            : "\"data\" and \"overrides\", no \"flags\"");
    l->n_stages++;
    return ST_OK;
}

static Status read_inputs(const StageList *l) {
    for (const Json *e = json_first(l->inputs); e; e = json_next(e)) {
        if (json_kind(e) != JSON_STRING)
            return FAIL(ST_CONFIG, "%s:%d: input '%s' is a path, not %s", l->name,
                        json_line(l->doc, e), json_key(e), json_kind_name(json_kind(e)));
        if (!file_exists(json_text(e, "")))
            return FAIL(ST_CONFIG, "%s:%d: input '%s': there is no %s", l->name,
                        json_line(l->doc, e), json_key(e), json_text(e, ""));
    }
    return ST_OK;
}

static Status read_list(StageList *l, Arena *arena) {
    static const Member members[] = {{"name", JSON_STRING, false},
                                     {"config", JSON_STRING, false},
                                     {"inputs", JSON_OBJECT, false},
                                     {"settings", JSON_OBJECT, false},
                                     {"stages", JSON_ARRAY, true}};
    const Json *root = json_root(l->doc);
    TRY(check_members(l, root, "a recipe of stages", members, sizeof members / sizeof *members));
    l->inputs = json_get(root, "inputs");
    l->settings = json_get(root, "settings");
    l->config = json_text(json_get(root, "config"), NULL);
    if (l->config && !recipe_find(l->config))
        return FAIL(ST_CONFIG, "%s:%d: no config '%s' in the program; there are: %s", l->name,
                    json_line(l->doc, json_get(root, "config")), l->config, recipe_names());
    TRY(read_inputs(l));
    const Json *stages = json_get(root, "stages");
    if (json_count(stages) == 0)
        return FAIL(ST_CONFIG, "%s:%d: a recipe has one stage at least", l->name,
                    json_line(l->doc, stages));
    l->stage = ARENA_ARRAY(arena, StageSpec, json_count(stages));
    for (const Json *e = json_first(stages); e; e = json_next(e)) TRY(read_stage(l, e));
    return ST_OK;
}

Status stagelist_open(const char *path, StageList *out, Arena *arena) {
    const Recipe *inside = recipe_stages(path);
    *out = (StageList){.name = path};
    if (!inside && !file_exists(path))
        return FAIL(ST_CONFIG, "%s: no such recipe file; recipes of stages in the program: %s",
                    path, recipe_stages_names());
    Status st = inside ? json_parse(inside->text, strlen(inside->text), path, 1, true, &out->doc)
                       : json_read(path, true, &out->doc);
    if (st != ST_OK) return FAIL(ST_CONFIG, "%s", status_text());
    st = read_list(out, arena);
    if (st != ST_OK) stagelist_close(out);
    return st;
}

void stagelist_close(StageList *l) {
    json_free(l->doc);
    l->doc = NULL;
}
