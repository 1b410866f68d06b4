// pipelines/pipeline/pipeline.c -- check all, plan all, then one stage after the other.
#include "pipelines/pipeline/pipeline.h"

#include <string.h>

#include "base/config_need.h"
#include "base/file.h"
#include "base/log.h"
#include "base/rng.h"
#include "pipelines/input.h"
#include "pipelines/interrupt.h"
#include "pipelines/pipeline/artefacts.h"
#include "pipelines/pipeline/evalstage.h"
#include "pipelines/pipeline/rejectstage.h"
#include "pipelines/pipeline/stagelist.h"
#include "pipelines/sources.h"

typedef struct Pipeline {
    const PipelineOpts *opts;
    StageList list;
    Artefacts made;
    int from, to;
    bool planning; // nothing has run: what stages will make is not there
    Arena *arena;
} Pipeline;

// ---- a stage's settings

// Keys of machine and log.
static bool changes_nothing(const char *key) {
    if (strncmp(key, "log.", 4) == 0) return true;
    for (const char *const *free_key = stage_free_keys; *free_key; free_key++)
        if (strcmp(key, *free_key) == 0) return true;
    return false;
}

// Is the key a part of what the stage makes?
static bool counts(const Config *config, StageKind kind, const char *key) {
    if (kind != STAGE_EVAL && strncmp(key, "eval.", 5) == 0) return false;
    // an evaluation reads questions and samples as rl does
    return !changes_nothing(key) && config_acts(config, key, kind == STAGE_SFT ? "sft" : "rl");
}

// Assignments of one stage, without its name.
static int assignments_of(const Pipeline *p, const char *stage, const char **out) {
    int n = 0;
    const size_t size = strlen(stage);
    for (int i = 0; i < p->opts->args->n_assignments; i++) {
        const char *a = p->opts->args->assignment[i];
        if (strncmp(a, stage, size) == 0 && a[size] == '.') out[n++] = a + size + 1;
    }
    return n;
}

// Every assignment is of some stage.
static Status check_assignments(const Pipeline *p) {
    for (int i = 0; i < p->opts->args->n_assignments; i++) {
        const char *a = p->opts->args->assignment[i];
        bool found = false;
        for (int s = 0; s < p->list.n_stages; s++) {
            const size_t size = strlen(p->list.stage[s].name);
            found |= strncmp(a, p->list.stage[s].name, size) == 0 && a[size] == '.';
        }
        if (!found)
            return FAIL(ST_CONFIG,
                        "command line: '%s' is of no stage; say STAGE.section.key=value, as in "
                        "%s.rl.lr=1e-5",
                        a, p->list.stage[0].name);
    }
    return ST_OK;
}

// The stage whose new model this one's weights come from; -1: from a folder.
static int root_of(const StageList *l, int stage) {
    while (l->stage[stage].from >= 0) stage = l->stage[stage].from;
    return l->stage[stage].from_model ? -1 : stage;
}

// The file that a stage before `stage` makes, if `text` is its name; NULL: it is none. While
// nothing has run, documents of the program stand in for it: a plan does not depend on them.
static const char *made_by(const Pipeline *p, int stage, const char *text) {
    const int at = stagelist_find(&p->list, text);
    if (at < 0 || at >= stage || p->list.stage[at].kind != STAGE_REJECT) return NULL;
    const Artefact *a = p->planning ? NULL : artefacts_find(&p->made, text);
    return a && a->made ? a->made : "desk";
}

// `model`: the folder it begins with; NULL: as it is planned, before the model of an earlier stage
// is there: that one's shape.
static Status open_config(const Pipeline *p, int stage, const char *model, RunConfig *rc) {
    const StageSpec *s = &p->list.stage[stage];
    const char *assignment[ARGS_MAX];
    const int root = root_of(&p->list, stage);
    ConfigParts parts = {.command = s->kind >= STAGE_EVAL ? NULL : stage_kind_name(s->kind),
                         .recipe = p->list.config,
                         .doc = p->list.doc,
                         .sections = {p->list.settings, NULL, s->overrides},
                         .data = s->data,
                         .assignment = assignment};
    parts.n_assignments = assignments_of(p, s->name, assignment);
    const Json *shape = root >= 0 ? json_get(p->list.stage[root].overrides, "model") : NULL;
    Status st = ST_OK;
    if (!model && s->from >= 0) { // the folder of the first model of the chain has the same shape
        int first = stage;
        while (p->list.stage[first].from >= 0) first = p->list.stage[first].from;
        model = p->list.stage[first].from_model;
    }
    if (model) {
        const char *set[3] = {"model.path", model, s->from >= 0 ? "an earlier stage" : "from"};
        memcpy(parts.set[0], set, sizeof set);
    }
    st = runconfig_open_parts(rc, &parts);
    if (st != ST_OK) return st;
    if (!model && shape && root != stage) // planned with the shape of the stage that makes it
        st = config_load_node(rc->config, p->list.doc, shape, "model", "recipe");
    for (int i = 0; st == ST_OK && i < config_count(rc->config); i++) {
        const ConfigEntry e = config_entry(rc->config, i);
        Str text = {0};
        if (strncmp(e.name, "data.", 5) == 0 && config_value(rc->config, e.name, &text)) {
            const char *made = made_by(p, stage, str_text(&text));
            const char *path = made ? made : stagelist_input(&p->list, str_text(&text));
            if (strcmp(path, str_text(&text)) != 0)
                st = config_override(rc->config, e.name, path, "inputs");
        }
        str_free(&text);
    }
    if (st == ST_OK) st = config_apply(rc->config);
    if (st == ST_OK) st = s->kind == STAGE_RL ? stage_steps(rc) : ST_OK;
    if (st != ST_OK) runconfig_close(rc);
    return st;
}

// reject has flags instead of sections and goes another way
static StageFn *const run_kind[N_STAGE_KINDS] = {stage_sft, stage_zero, stage_evaluate, NULL};

static StageOpts stage_opts(const Pipeline *p, int stage, const RunConfig *rc, bool dry_run) {
    const PipelineOpts *o = p->opts;
    return (StageOpts){
        .rc = rc,
        .args = o->args,
        .command = stage_kind_name(p->list.stage[stage].kind),
        .out = o->run ? arena_printf(p->arena, "%s/%s", o->run, p->list.stage[stage].name) : NULL,
        .dry_run = dry_run,
        .memory_bytes = o->memory_bytes};
}

// ---- before anything runs

static const char *reads(const Pipeline *p, const StageSpec *s) {
    return s->from >= 0    ? p->list.stage[s->from].name
           : s->from_model ? s->from_model
                           : "a new model";
}

// Memory of a stage that only samples, and its flags.
static Status plan_reject(const Pipeline *p, int stage, const RunConfig *rc) {
    const StageSpec *s = &p->list.stage[stage];
    char *argv[REJECT_WORDS];
    int n;
    Actor actor = {0};
    TRY(rejectstage_line(&p->list, s, "MODEL", "FILE", argv, &n, p->arena));
    const StageOpts so = stage_opts(p, stage, rc, true);
    const ModelConfig model = runconfig_model(&rc->model);
    ActorOpts ao = stage_actor_opts(&so, &model, rc->model.path[0] ? rc->model.path : NULL);
    ao.trainable = false;
    ao.engine = true;
    Status st = actor_open(&ao, &actor);
    actor_close(&actor);
    return st;
}

static Status plan(const Pipeline *p) {
    RunConfig tried;
    for (int i = 0; i < p->list.n_stages; i++) { // all settings before the first plan
        TRY(open_config(p, i, p->list.stage[i].from_model, &tried));
        runconfig_close(&tried);
    }
    for (int i = 0; i < p->list.n_stages; i++) {
        const StageSpec *s = &p->list.stage[i];
        RunConfig rc;
        StageResult result;
        log_info("stage %d of %d, %s (%s): from %s, writes %s/%s", i + 1, p->list.n_stages, s->name,
                 stage_kind_name(s->kind), reads(p, s), p->opts->run ? p->opts->run : "RUN",
                 s->name);
        TRY(open_config(p, i, s->from_model, &rc));
        StageOpts so = stage_opts(p, i, &rc, true);
        Status st = s->kind == STAGE_REJECT ? plan_reject(p, i, &rc)
                                            : run_kind[s->kind](&so, &result, p->arena);
        runconfig_close(&rc);
        if (st != ST_OK)
            return FAIL(st, "%s:%d: stage '%s': %s", p->list.name, s->line, s->name, status_text());
    }
    return ST_OK;
}

// ---- a stage's key

static void add_input(Artefact *a, const char *name, const char *path, uint64_t hash) {
    if (a->n_inputs < ARTEFACT_INPUTS) a->input[a->n_inputs++] = (ArtefactInput){name, path, hash};
    a->key = rng_mix(a->key ^ hash ^ rng_hash(name, strlen(name)));
}

// The rows that the stage reads, whatever names them: a file, a folder, a mix by weights.
static Status add_rows(const Pipeline *p, StageKind kind, const RunConfig *rc, Artefact *out) {
    if (kind == STAGE_REJECT) return ST_OK;
    if (kind != STAGE_SFT) {
        Str text = {0};
        Status st = sources_hashes(rc, &text);
        if (st == ST_OK)
            add_input(out, "questions", arena_printf(p->arena, "%s", rc->data.tasks),
                      rng_hash(text.data, text.size));
        str_free(&text);
        return st;
    }
    Corpus *corpus[2] = {NULL, NULL};
    TRY(sources_corpus(rc, &corpus[0]));
    Status st = sources_corpus_heldout(rc, &corpus[1]);
    for (int i = 0; i < 2 && st == ST_OK; i++)
        if (corpus[i])
            add_input(out, i ? "held-out documents" : "documents",
                      arena_printf(p->arena, "%s", i ? rc->data.corpus_heldout : rc->data.corpus),
                      corpus_hash(corpus[i]));
    corpus_free(corpus[0]);
    corpus_free(corpus[1]);
    return st;
}

// Models that score what an rl stage draws: MODEL or SOURCE=MODEL.
static Status add_teachers(const Pipeline *p, StageKind kind, const RunConfig *rc, Artefact *out) {
    for (int i = 0; kind == STAGE_RL && i < rc->rl.teachers.n; i++) {
        const char *name = rc->rl.teachers.value[i], *equals = strchr(name, '='), *folder;
        uint64_t hash;
        TRY(input_model(equals ? equals + 1 : name, &folder, p->arena));
        TRY(artefact_hash(folder, &hash));
        add_input(out, "a teacher", arena_printf(p->arena, "%s", name), hash);
    }
    return ST_OK;
}

static Status record_of(const Pipeline *p, int stage, const RunConfig *rc, const char *model,
                        Artefact *out) {
    const StageSpec *s = &p->list.stage[stage];
    *out = (Artefact){.stage = s->name, .kind = stage_kind_name(s->kind)};
    Str settings = {0}, line = {0}, value = {0};
    Status st = ST_OK;
    for (int i = 0; i < config_count(rc->config); i++) {
        const ConfigEntry e = config_entry(rc->config, i);
        if (!counts(rc->config, s->kind, e.name) || strcmp(e.name, "model.path") == 0) continue;
        str_clear(&value);
        config_value(rc->config, e.name, &value);
        str_printf(&settings, "%s=%s\n", e.name, str_text(&value));
    }
    if (s->kind == STAGE_REJECT) { // its flags are all that it is told
        str_clear(&settings);
        json_echo(s->flags, &settings);
    }
    out->settings = rng_hash(str_text(&settings), settings.size);
    out->key = rng_mix(out->settings ^ rng_hash(out->kind, strlen(out->kind)));
    if (model) {
        uint64_t hash;
        TRY_OUT(artefact_hash(model, &hash));
        add_input(out, "from", model, hash);
    }
    for (int i = 0; i < config_count(rc->config); i++) {
        const ConfigEntry e = config_entry(rc->config, i);
        if (strncmp(e.name, "data.", 5) != 0 || !counts(rc->config, s->kind, e.name)) continue;
        str_clear(&value);
        uint64_t hash;
        if (!config_value(rc->config, e.name, &value) || !file_exists(str_text(&value))) continue;
        TRY_OUT(artefact_hash(str_text(&value), &hash));
        add_input(out, arena_printf(p->arena, "%s", e.name),
                  arena_printf(p->arena, "%s", str_text(&value)), hash);
    }
    TRY_OUT(add_rows(p, s->kind, rc, out));
    TRY_OUT(add_teachers(p, s->kind, rc, out));
    for (const Json *e = json_first(s->flags); e; e = json_next(e)) {
        const char *path = stagelist_input(&p->list, json_text(e, ""));
        uint64_t hash;
        if (!path[0] || !file_exists(path)) continue;
        TRY_OUT(artefact_hash(path, &hash));
        add_input(out, json_key(e), path, hash);
    }
    args_line(p->opts->args, true, &line);
    out->command = arena_printf(p->arena, "%s", str_text(&line));
out:
    str_free(&settings);
    str_free(&line);
    str_free(&value);
    return st;
}

// Is what the record made still there, as it was made?
static bool still_there(const Artefact *a) {
    uint64_t hash;
    return a->done && a->made && artefact_hash(a->made, &hash) == ST_OK && hash == a->hash;
}

// "rl.lr: 1e-4 -> 2e-4, ..." against the run.json of the stage's folder; "" where there is none.
static void settings_changed(const Pipeline *p, const RunConfig *rc, const char *stage, Str *out) {
    static const char *const ignore[] = {"model.path", NULL};
    JsonDoc *doc = NULL;
    Str lines = {0};
    const char *path = arena_printf(p->arena, "%s/%s/run.json", p->opts->run, stage);
    if (json_read_if_there(path, &doc) == ST_OK && doc &&
        config_diff(rc->config, doc, json_get(json_root(doc), "config"), ignore, &lines) == ST_OK)
        for (const char *at = str_text(&lines); *at;
             at += strcspn(at, "\n") + (strchr(at, '\n') != NULL))
            str_printf(out, "%s%.*s", out->size ? ", " : ": ", (int)strcspn(at, "\n"), at);
    str_free(&lines);
    json_free(doc);
}

static void say_changes(const Pipeline *p, const RunConfig *rc, const Artefact *was,
                        const Artefact *now) {
    Str what = {0};
    settings_changed(p, rc, now->stage, &what);
    if (was->settings != now->settings)
        log_info("stage %s runs again: its settings changed%s", now->stage, str_text(&what));
    str_free(&what);
    for (int i = 0; i < now->n_inputs; i++) {
        bool same = false;
        for (int k = 0; k < was->n_inputs; k++)
            same |= strcmp(was->input[k].name, now->input[i].name) == 0 &&
                    was->input[k].hash == now->input[i].hash;
        if (!same)
            log_info("stage %s runs again: the content of %s changed (%s)", now->stage,
                     now->input[i].name, now->input[i].path);
    }
    if (was->key == now->key && was->done)
        log_info("stage %s runs again: what it made is gone or changed (%s)", now->stage,
                 was->made);
}

// ---- running

static Status run_reject(const Pipeline *p, const StageSpec *s, const char *model, bool fresh,
                         StageResult *out) {
    const char *folder = arena_printf(p->arena, "%s/%s", p->opts->run, s->name);
    const char *file = arena_printf(p->arena, "%s/kept.jsonl", folder);
    char *argv[REJECT_WORDS], *aside;
    int n;
    if (fresh && file_exists(folder)) TRY(file_move_aside(folder, &aside, p->arena));
    TRY(file_mkdirs(folder));
    TRY(rejectstage_line(&p->list, s, model, file, argv, &n, p->arena));
    return rejectstage_run(argv, n, file, out);
}

static Status run_stage(Pipeline *p, int stage, StageResult *out) {
    const StageSpec *s = &p->list.stage[stage];
    const char *model = s->from_model;
    if (s->from >= 0) {
        const Artefact *before = artefacts_find(&p->made, p->list.stage[s->from].name);
        if (!before || !before->done || !before->made)
            return FAIL(ST_CONFIG,
                        "%s:%d: stage '%s' begins with '%s', which has not been run in %s: leave "
                        "out --from, or name that stage",
                        p->list.name, s->line, s->name, p->list.stage[s->from].name, p->opts->run);
        model = before->made;
    }
    RunConfig rc;
    TRY(open_config(p, stage, model, &rc));
    StageOpts so = stage_opts(p, stage, &rc, false);
    Artefact now;
    Status st;
    TRY_OUT(record_of(p, stage, &rc, model, &now));
    Artefact *was = artefacts_find(&p->made, s->name);
    if (was && was->key == now.key && still_there(was)) {
        log_info("stage %s: done before, nothing changed", s->name);
        out->model = was->made;
        goto out;
    }
    if (was && (was->key != now.key || was->done)) {
        say_changes(p, &rc, was, &now);
        so.fresh = true;
    }
    TRY_OUT(artefacts_put(&p->made, &now)); // begun: a stop or a kill goes on with the same key
    log_info("stage %s (%s) begins", s->name, now.kind);
    if (s->kind == STAGE_REJECT)
        TRY_OUT(run_reject(p, s, model, so.fresh, out));
    else
        TRY_OUT(run_kind[s->kind](&so, out, p->arena));
    if (out->stopped || out->gate_closed) goto out;
    now.made = out->model;
    TRY_OUT(artefact_hash(now.made, &now.hash));
    now.done = true;
    TRY_OUT(artefacts_put(&p->made, &now));
out:
    runconfig_close(&rc);
    return st;
}

static Status find_range(Pipeline *p) {
    const char *const name[2] = {p->opts->from, p->opts->to};
    int *const at[2] = {&p->from, &p->to};
    p->from = 0, p->to = p->list.n_stages - 1;
    for (int i = 0; i < 2; i++) {
        if (!name[i]) continue;
        *at[i] = stagelist_find(&p->list, name[i]);
        if (*at[i] < 0) {
            Str names = {0};
            for (int s = 0; s < p->list.n_stages; s++)
                str_printf(&names, "%s%s", s ? ", " : "", p->list.stage[s].name);
            Status st = FAIL(ST_CONFIG, "--%s %s: %s has no such stage; there are: %s",
                             i ? "to" : "from", name[i], p->list.name, str_text(&names));
            str_free(&names);
            return st;
        }
    }
    if (p->from > p->to)
        return FAIL(ST_CONFIG, "--from %s comes after --to %s", p->opts->from, p->opts->to);
    return ST_OK;
}

Status pipeline_run(const PipelineOpts *opts, StageResult *out, Arena *arena) {
    *out = (StageResult){0};
    Pipeline p = {.opts = opts, .arena = arena};
    TRY(stagelist_open(opts->recipe, &p.list, arena));
    Status st;
    TRY_OUT(find_range(&p));
    TRY_OUT(check_assignments(&p));
    p.planning = true;
    TRY_OUT(plan(&p));
    p.planning = false;
    if (opts->dry_run) goto out;
    TRY_OUT(file_mkdirs(opts->run));
    TRY_OUT(artefacts_open(opts->run, p.list.n_stages, &p.made, arena));
    for (int i = p.from; i <= p.to; i++) {
        *out = (StageResult){0};
        TRY_OUT(run_stage(&p, i, out));
        if (out->stopped || out->gate_closed) break;
    }
out:
    stagelist_close(&p.list);
    return st;
}
