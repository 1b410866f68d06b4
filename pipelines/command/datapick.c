// pipelines/command/datapick.c -- records sorted by id, rows looked up in them.
#include "pipelines/command/datapick.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/rng.h"
#include "base/str.h"
#include "pipelines/command/evalfile.h"

static int by_id(const void *a, const void *b) {
    uint64_t x = ((const EvalRecord *)a)->id, y = ((const EvalRecord *)b)->id;
    return x < y ? -1 : x > y;
}

static bool is_heldout(uint64_t id, double share) {
    enum { BITS = 53 };
    return (double)(rng_mix(id) >> (64 - BITS)) < share * (double)((uint64_t)1 << BITS);
}

static Status pick_rows(const TaskSource *source, const DataPick *pick, EvalFile *file,
                        DataPicked *out, Str *kept, Str *heldout, Arena *arena) {
    qsort(file->record, (size_t)file->n, sizeof *file->record, by_id);
    int64_t found = 0;
    for (int64_t i = 0; i < source->n_tasks; i++) {
        ArenaMark mark = arena_mark(arena);
        Task task;
        TRY(source->get(source, (uint64_t)i, &task, arena));
        EvalRecord want = {.id = task.id};
        EvalRecord *r = bsearch(&want, file->record, (size_t)file->n, sizeof want, by_id);
        if (r && r->samples > 0) {
            found++;
            bool fits = r->n_right >= pick->min_right &&
                        (pick->max_right < 0 || r->n_right <= pick->max_right);
            bool aside = fits && pick->heldout && is_heldout(task.id, pick->share);
            if (fits) str_printf(aside ? heldout : kept, "%s\n", task.row);
            out->taken += fits && !aside;
            out->heldout += aside;
            r->samples = 0; // a second row with the same question is passed over
        }
        arena_rewind(arena, mark);
    }
    out->asked = file->n;
    if (found == 0)
        return FAIL(ST_CONFIG, "%s: none of its %d questions is in %s", pick->records, file->n,
                    source->name);
    if (out->taken + out->heldout == 0)
        return FAIL(ST_CONFIG, "%s: no question was right that often", pick->records);
    return ST_OK;
}

Status datapick(const TaskSource *source, const DataPick *pick, DataPicked *out) {
    Arena *arena = arena_new(1 << 16);
    Str kept = {0}, heldout = {0};
    EvalFile file = {0};
    Status st;
    *out = (DataPicked){0};
    TRY_OUT(evalfile_read(pick->records, &file, arena));
    TRY_OUT(pick_rows(source, pick, &file, out, &kept, &heldout, arena));
    TRY_OUT(file_write_atomic(pick->out, str_text(&kept), kept.size));
    if (pick->heldout) TRY_OUT(file_write_atomic(pick->heldout, str_text(&heldout), heldout.size));
out:
    str_free(&kept);
    str_free(&heldout);
    arena_free(arena);
    return st;
}
