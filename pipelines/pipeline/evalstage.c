// pipelines/pipeline/evalstage.c -- the evaluations of stage_eval.h for a model of its own.
#include "pipelines/pipeline/evalstage.h"

#include <string.h>

#include "base/file.h"
#include "pipelines/interrupt.h"
#include "pipelines/run/stage_eval.h"
#include "pipelines/sources.h"

static Status look(const StageOpts *o, Actor *actor, StageResult *out, Str *text) {
    const RunConfig *rc = o->rc;
    TaskSource heldout = {0}, large = {0};
    Metrics row;
    const Chat *chat;
    Status st;
    RlConfig rl = rc->rl;
    TRY_OUT(settings_resolve(&rl));
    TRY_OUT(sources_tasks(rc, SPLIT_HELDOUT, &heldout));
    if (sources_has(rc, SPLIT_LARGE)) TRY_OUT(sources_tasks(rc, SPLIT_LARGE, &large));
    TRY_OUT(stage_chat(rc, actor, &chat));
    if (chat && !rl.prefilled[0]) rl.prefilled = chat_prefilled(chat);
    const EvalDeps deps = {.run = actor_context(actor, chat, (uint64_t)rc->run.seed),
                           .source = &heldout,
                           .cfg = &rl,
                           .stop = interrupt_flag(),
                           .nonfinite = &out->nonfinite};
    metrics_clear(&row);
    TRY_OUT(stage_eval_full(rc, &deps, large.get ? &large : NULL, 1, &row, text, &out->stopped));
out:
    if (heldout.close) heldout.close(&heldout);
    if (large.close) large.close(&large);
    return st;
}

Status stage_evaluate(const StageOpts *o, StageResult *out, Arena *arena) {
    *out = (StageResult){0};
    const char *path = arena_printf(arena, "%s/eval.json", o->out ? o->out : "");
    const char *folder = o->rc->model.path[0] ? o->rc->model.path : NULL;
    const ModelConfig model = runconfig_model(&o->rc->model);
    Actor actor = {0};
    Str text = {0};
    Status st;
    TRY_OUT(sources_check(o->rc)); // the sandbox's broker starts before there are weights
    ActorOpts ao = stage_actor_opts(o, &model, folder);
    ao.trainable = false;
    ao.engine = true;
    TRY_OUT(actor_open(&ao, &actor));
    if (o->dry_run) goto out;
    TRY_OUT(look(o, &actor, out, &text));
    if (out->stopped) goto out;
    str_putc(&text, '\n');
    TRY_OUT(file_mkdirs(o->out));
    TRY_OUT(file_write_atomic(path, text.data, text.size));
    out->model = path;
out:
    actor_close(&actor);
    str_free(&text);
    return st;
}
