// pipelines/sources.c -- families by name, files by path.
#include "pipelines/sources.h"

#include <string.h>

#include "base/file.h"
#include "datasets/jsonl.h"

static const char *name_of(const RunConfig *rc, Split split) {
    if (split == SPLIT_HELDOUT) return rc->data.heldout;
    if (split == SPLIT_LARGE) return rc->data.large;
    return rc->data.tasks;
}

static const void *family_config(const RunConfig *rc, const TaskFamily *family) {
    return family == &desk_family ? &rc->desk : NULL;
}

bool sources_has(const RunConfig *rc, Split split) {
    if (name_of(rc, split)[0]) return true;
    const TaskFamily *family = family_find(rc->data.tasks);
    return family && family->source[split];
}

Status sources_tasks(const RunConfig *rc, Split split, TaskSource *out) {
    const char *name = name_of(rc, split);
    const TaskFamily *family = family_find(name[0] ? name : rc->data.tasks);
    uint64_t seed = (uint64_t)(split == SPLIT_TRAIN ? rc->run.seed : rc->data.eval_seed);
    if (family) return procedural_tasks(family, family_config(rc, family), split, seed, out);
    if (!name[0])
        return FAIL(ST_CONFIG, "data.%s: is needed, because data.tasks is a file (%s)",
                    split_name(split), rc->data.tasks);
    if (!file_exists(name))
        return FAIL(ST_CONFIG, "%s: is neither a family (%s) nor a file", name, family_names());
    JsonlFields fields = {.template_ = rc->data.template_[0] ? rc->data.template_ : NULL,
                          .shuffle = split == SPLIT_TRAIN,
                          .seed = seed};
    return jsonl_tasks(name, &fields, out);
}

Status sources_corpus(const RunConfig *rc, Corpus **out) {
    const char *name = rc->data.corpus;
    uint64_t seed = (uint64_t)rc->run.seed;
    const TaskFamily *family = family_find(name);
    if (family) return corpus_of_family(family, family_config(rc, family), seed, out);
    if (!file_exists(name))
        return FAIL(ST_CONFIG, "%s: is neither a family (%s) nor a file", name, family_names());
    return corpus_of_jsonl(name, true, seed, out);
}

Status sources_hashes(const RunConfig *rc, Str *out) {
    str_putc(out, '{');
    for (int s = 0; s < SPLITS; s++) {
        if (!sources_has(rc, (Split)s)) continue;
        TaskSource source;
        TRY(sources_tasks(rc, (Split)s, &source));
        if (out->size > 1) str_puts(out, ", ");
        str_printf(out, "\"%s\": \"%016llx\"", split_name((Split)s),
                   (unsigned long long)source.hash);
        source.close(&source);
    }
    str_putc(out, '}');
    return ST_OK;
}
