// pipelines/run/stage.c -- what all stages share: folder, checkpoints, closing facts.
#include "pipelines/run/stage.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "pipelines/defaults.h"
#include "pipelines/run/machine.h"
#include "pipelines/sources.h"
#include "policy/files/checkpoint.h"

// These change no result.
const char *const stage_free_keys[] = {
    "run.threads",  "run.chunks_in_flight", "run.memory_mb",
    "run.keep",     "run.checkpoint_every", "run.base_checkpoint_every",
    "run.max_time", "run.decode_seqs",
    "eval.*", // of what is still to be evaluated
    "log.every",    "log.tensorboard",      NULL};

Status stage_open_run(const StageOpts *o, const char *path, const char *command, const char *data,
                      RunFolder **out) {
    RunFolderOpts ro = {.path = path,
                        .command = command,
                        .args = o->args,
                        .config = o->rc->config,
                        .free_keys = stage_free_keys,
                        .data = data,
                        .seed = o->rc->run.seed,
                        .keep = (int)o->rc->run.keep,
                        .fresh = o->fresh,
                        .override_config = o->override_config,
                        .tensorboard = o->rc->log.tensorboard,
                        .trl_names = o->rc->metrics.alias == 1};
    return runfolder_open(&ro, out);
}

void stage_never_ran(const StageOpts *o, const char *path, const char *command, Status why) {
    Arena *arena = arena_new(0);
    const char *sentence = arena_printf(arena, "%s", status_text());
    RunFolder *run = NULL;
    if (!file_exists(arena_printf(arena, "%s/run.json", path)) &&
        stage_open_run(o, path, command, NULL, &run) != ST_OK)
        log_warn("%s", status_text());
    status_fail(why, __FILE__, __LINE__, "%s", sentence);
    runfolder_failed(run, why);
    runfolder_close(run);
    arena_free(arena);
}

Status stage_steps(RunConfig *rc) {
    if (rc->data.epochs <= 0) return ST_OK;
    if (config_was_asked(rc->config, "rl.steps"))
        return FAIL(ST_CONFIG, "data.epochs=%g and rl.steps=%lld: say one of them", rc->data.epochs,
                    (long long)rc->rl.steps);
    TaskSource source;
    TRY(sources_tasks(rc, SPLIT_TRAIN, &source));
    int64_t n = source.n_tasks;
    task_source_close(&source);
    if (n == 0)
        return FAIL(ST_CONFIG,
                    "data.epochs=%g: the questions of data.tasks=%s never end; say "
                    "rl.steps",
                    rc->data.epochs, rc->data.tasks);
    const RlConfig *rl = &rc->rl;
    double rollouts = ceil(rc->data.epochs * (double)n / (double)rl->groups_per_step);
    double steps = rollouts * (double)rl->updates_per_rollout * (double)rl->epochs;
    char text[32];
    snprintf(text, sizeof text, "%.0f", steps);
    TRY(config_override(rc->config, "rl.steps", text, "data.epochs"));
    TRY(defaults_of_steps(rc->config));
    TRY(config_apply(rc->config));
    log_info("%g epochs of %lld questions: %s steps", rc->data.epochs, (long long)n, text);
    return ST_OK;
}

ActorOpts stage_actor_opts(const StageOpts *o, const ModelConfig *model, const char *folder) {
    const RunConfig *rc = o->rc;
    uint64_t memory = o->memory_bytes ? o->memory_bytes : (uint64_t)rc->run.memory_mb << 20;
    return (ActorOpts){.folder = folder,
                       .model = model,
                       .trainable = true,
                       .allocate = !o->dry_run,
                       .threads = (int)rc->run.threads,
                       .chunk_tokens = (int)rc->rl.chunk_tokens,
                       .partial_sums = settings_partial_sums(&rc->rl),
                       .max_seq_tokens = runconfig_longest(rc),
                       .decode_seqs = (int)rc->run.decode_seqs,
                       .new_tokens = (int)runconfig_new_tokens(rc),
                       .group_size = (int)rc->rl.group_size,
                       .chunks_in_flight = (int)rc->run.chunks_in_flight,
                       .memory_bytes = memory,
                       .seed = (uint64_t)rc->run.seed};
}

Status stage_chat(const RunConfig *rc, Actor *actor, const Chat **out) {
    const DataSettings *d = &rc->data;
    const char *said = strcmp(d->system, "r1-zero") == 0 ? chat_r1_zero() : d->system;
    *out = NULL;
    if (!d->chat[0]) {
        if (said[0]) return FAIL(ST_CONFIG, "data.system needs data.chat, e.g. data.chat=auto");
        return ST_OK;
    }
    TRY(actor_chat(actor, d->chat, (ChatThinking)d->thinking, said));
    *out = &actor->chat;
    return ST_OK;
}

static Status fill(const char *folder, const Actor *actor, const StageMark *mark, StageSaveFn *save,
                   void *ctx) {
    Str path = {0}, text = {0};
    Status st;
    str_printf(&path, "%s/model", folder);
    TRY_OUT(checkpoint_save(path.data, actor->policy, actor->tokenizer, "f32"));
    str_clear(&path);
    str_printf(&path, "%s/state/policy.state", folder);
    TRY_OUT(checkpoint_state_save(path.data, actor->policy, NULL, 0));
    str_clear(&path);
    str_printf(&path, "%s/state/stage.json", folder);
    str_printf(&text, "{\"evaluated\": %s, \"best\": %.17g", mark->evaluated ? "true" : "false",
               mark->best);
    if (mark->waited) str_printf(&text, ", \"waited\": %lld", (long long)mark->waited);
    if (mark->layers) str_printf(&text, ", \"layers\": %u", mark->layers);
    if (mark->row.n) {
        str_puts(&text, ", \"row\": ");
        metrics_json(&mark->row, 0, 0, &text);
    }
    str_puts(&text, "}\n");
    TRY_OUT(file_write_atomic(path.data, text.data, text.size));
    str_clear(&path);
    str_printf(&path, "%s/state", folder);
    if (save) TRY_OUT(save(ctx, path.data));
out:
    str_free(&path);
    str_free(&text);
    return st;
}

Status stage_save(RunFolder *run, const Actor *actor, int64_t step, const StageMark *mark,
                  bool is_best, StageSaveFn *save, void *ctx) {
    Str folder = {0};
    double begin = clock_now();
    Status st = runfolder_checkpoint_begin(run, step, &folder);
    if (st == ST_OK) st = fill(str_text(&folder), actor, mark, save, ctx);
    if (st == ST_OK) st = runfolder_checkpoint_commit(run, step, is_best);
    if (st != ST_OK) runfolder_checkpoint_abort(run, step);
    if (st == ST_OK)
        log_debug("checkpoint step-%lld%s: %.2f s", (long long)step, is_best ? " (the best)" : "",
                  clock_now() - begin);
    str_free(&folder);
    return st;
}

// Names that are too long, or too many, are not ours.
static Status read_row(const Json *data, const char *path, Metrics *out) {
    metrics_clear(out);
    for (const Json *v = data ? json_first(data) : NULL; v; v = json_next(v)) {
        if (out->n == METRICS_MAX || !json_key(v)[0] || strlen(json_key(v)) >= METRICS_NAME)
            return FAIL(ST_FORMAT, "%s: the row of the step is none of ours", path);
        metrics_set(out, json_num(v, (double)NAN), "%s", json_key(v));
    }
    return ST_OK;
}

Status stage_load(RunFolder *run, const Actor *actor, StageMark *mark) {
    Arena *arena = arena_new(1 << 16);
    const char *folder = runfolder_resume_path(run);
    JsonDoc *doc = NULL;
    void *extra = NULL;
    size_t extra_size = 0;
    Status st;
    TRY_OUT(checkpoint_state_load(arena_printf(arena, "%s/state/policy.state", folder),
                                  actor->policy, &extra, &extra_size, arena));
    const char *path = arena_printf(arena, "%s/state/stage.json", folder);
    TRY_OUT(json_read(path, false, &doc));
    mark->evaluated = json_bool(json_get(json_root(doc), "evaluated"), false);
    mark->best = json_num(json_get(json_root(doc), "best"), -1);
    mark->waited = json_int(json_get(json_root(doc), "waited"), 0);
    mark->layers = (unsigned)json_int(json_get(json_root(doc), "layers"), 0);
    st = read_row(json_get(json_get(json_root(doc), "row"), "data"), path, &mark->row);
out:
    json_free(doc);
    arena_free(arena);
    return st;
}

void stage_facts(const Actor *actor, double seconds, const char *warnings, Str *out) {
    Str text = {0};
    bool kept = actor_memory_kept(actor, &text);
    if (kept)
        log_info("%s", str_text(&text));
    else
        log_warn("%s", str_text(&text));
    str_printf(out, "\"seconds\": %.1f,\n  \"memory\": {\"plan_bytes\": %zu, \"peak_bytes\": %llu}",
               seconds, actor->policies.total, (unsigned long long)machine_peak_rss());
    str_puts(out, ",\n  \"warnings\": [");
    int n = 0;
    for (const char *line = warnings ? warnings : ""; *line;) {
        size_t size = strcspn(line, "\n");
        if (n++) str_puts(out, ", ");
        str_json(out, line, size);
        line += size + (line[size] == '\n');
    }
    if (!kept) {
        if (n) str_puts(out, ", ");
        str_json(out, str_text(&text), text.size);
    }
    str_putc(out, ']');
    str_free(&text);
}
