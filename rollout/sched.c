// rollout/sched.c -- admission by sample order, pages by age, the youngest gives way.
#include "rollout/sched.h"

#include <string.h>

static int n_members(const Sched *s, int group) {
    return s->batch->group_begin[group + 1] - s->batch->group_begin[group];
}

Sched sched_open(Batch *batch, Policy *policy, Kv *kv, int max_runs, int max_rows, int longest,
                 Arena *arena) {
    CHECK(max_runs >= 1 && max_rows >= max_runs);
    CHECK(kv_pages_held(kv) == 0 && kv_pages_of(longest) <= kv_pages_free(kv));
    Sched s = {.batch = batch, .policy = policy, .kv = kv, .max_runs = max_runs};
    s.max_rows = max_rows;
    s.run = ARENA_ARRAY(arena, Run, max_runs);
    s.state = ARENA_ARRAY(arena, uint8_t, batch->n_samples);
    s.group = ARENA_ARRAY(arena, GroupState, batch->n_groups);
    s.spare_page = ARENA_ARRAY(arena, int32_t *, max_runs);
    s.n_spare = max_runs;
    s.page_cap = kv_pages_of(longest);
    for (int i = 0; i < max_runs; i++) s.spare_page[i] = ARENA_ARRAY(arena, int32_t, s.page_cap);
    for (int g = 0; g < batch->n_groups; g++) {
        int n = kv_pages_of(batch->prompt_begin[g + 1] - batch->prompt_begin[g]);
        if (n > s.page_cap) continue; // fills the context: will be skipped
        s.group[g].begun = n_members(&s, g) == 0;
        s.group[g].kv.page = ARENA_ARRAY(arena, int32_t, n);
        s.group[g].kv.cap = n;
    }
    return s;
}

static Run *new_run(Sched *s, int group, int sample, int length) {
    CHECK(s->n_runs < s->max_runs && s->n_spare > 0);
    Run *run = &s->run[s->n_runs++];
    *run = (Run){.group = group, .sample = sample, .length = length};
    run->kv = (KvTable){.page = s->spare_page[--s->n_spare], .cap = s->page_cap};
    return run;
}

static void set_ready(Sched *s, int group, int sample) {
    s->state[sample] = SAMPLE_READY;
    s->n_ready++;
    s->group[group].n_ready++;
    if (sample < s->first_ready) s->first_ready = sample;
}

// The youngest run gives its place and pages back.
static void put_aside_last(Sched *s) {
    Run *run = &s->run[s->n_runs - 1];
    if (run->sample >= 0) {
        set_ready(s, run->group, run->sample);
    } else {
        s->group[run->group].begun = false;
        if (run->group < s->next_group) s->next_group = run->group;
    }
    s->n_preempted++;
    kv_release(s->kv, &run->kv);
    s->spare_page[s->n_spare++] = run->kv.page;
    s->n_runs--;
}

// READY samples of these groups will compute their prompt anew, each for itself.
static void drop_idle_prompts(Sched *s) {
    for (int g = 0; g < s->batch->n_groups; g++) kv_release(s->kv, &s->group[g].kv);
}

// Pages for what is known of the sequence. Without room for them (only if nothing else runs) they
// are found page by page later.
static void reserve(Sched *s, Run *run) {
    bool reserved = kv_grow(s->kv, &run->kv, run->length);
    CHECK(reserved || s->n_runs == 1);
}

static void admit_sample(Sched *s, int sample, int group) {
    GroupState *from = &s->group[group];
    const Batch *b = s->batch;
    Run *run = new_run(s, group, sample, b->token_end[sample] - b->token_begin[sample]);
    s->state[sample] = SAMPLE_RUNNING;
    s->n_ready--;
    from->n_ready--;
    if (from->kv.n_tokens == 0) {
        // Its prompt is gone: computed with the rest of the sample.
    } else if (from->n_ready == 0) {
        kv_move(&run->kv, &from->kv); // the last one takes the pages, tail and all
    } else if (kv_fork(s->kv, &run->kv, &from->kv, s->policy)) {
        s->n_shared_tokens += run->kv.n_tokens;
    } else {
        CHECK(s->n_runs == 1); // admission keeps a page for the copy, unless nothing else runs
        drop_idle_prompts(s);
    }
    reserve(s, run);
}

// Places are filled while pages for the whole sequence so far, and one more for everybody who
// runs, are free; the first run is admitted in any case.
static bool has_room(const Sched *s, int n_pages) {
    return s->n_runs == 0 || kv_pages_free(s->kv) >= n_pages + s->n_runs + 1;
}

static void admit(Sched *s) {
    const Batch *b = s->batch;
    while (s->n_runs < s->max_runs && s->n_ready > 0) {
        while (s->state[s->first_ready] != SAMPLE_READY) s->first_ready++;
        int sample = s->first_ready, group = batch_group_of(b, sample);
        int length = b->token_end[sample] - b->token_begin[sample];
        int shared = s->group[group].kv.n_tokens / KV_PAGE_TOKENS;
        if (!has_room(s, kv_pages_of(length) - shared)) return;
        admit_sample(s, sample, group);
    }
    if (s->n_ready > 0) return;
    int coming = 0; // samples that run, or will when the prompts that run are cached
    for (int r = 0; r < s->n_runs; r++)
        coming += s->run[r].sample >= 0 ? 1 : n_members(s, s->run[r].group);
    while (s->next_group < b->n_groups && s->n_runs < s->max_runs && coming < s->max_runs) {
        int g = s->next_group, length = b->prompt_begin[g + 1] - b->prompt_begin[g];
        if (!s->group[g].begun) {
            if (!has_room(s, kv_pages_of(length))) return;
            s->group[g].begun = true;
            reserve(s, new_run(s, g, -1, length));
            coming += n_members(s, g);
        }
        s->next_group++;
    }
}

// Pages for run r, from those younger than it; false: it was itself put aside.
static bool find_pages(Sched *s, int r, int n_tokens) {
    while (!kv_grow(s->kv, &s->run[r].kv, n_tokens)) {
        if (s->n_runs > 1) {
            put_aside_last(s);
            if (r == s->n_runs) return false;
        } else {
            int held = kv_pages_held(s->kv);
            drop_idle_prompts(s);
            CHECK(kv_pages_held(s->kv) < held); // sched_open checked that one sequence fits
        }
    }
    return true;
}

int sched_plan(Sched *s, DecodeSeq *seq) {
    admit(s);
    const Batch *b = s->batch;
    int rows = s->max_rows;
    for (int r = 0; r < s->n_runs; r++) {
        Run *run = &s->run[r];
        int wanted = run->length - run->kv.n_tokens, cap = rows - (s->n_runs - r - 1);
        run->n_new = wanted < cap ? wanted : cap;
        CHECK(run->n_new >= 1);
        if (!find_pages(s, r, run->kv.n_tokens + run->n_new)) break;
        rows -= run->n_new;
        const int32_t *token = run->sample >= 0 ? b->token + b->token_begin[run->sample]
                                                : b->prompt_token + b->prompt_begin[run->group];
        seq[r] = (DecodeSeq){.token = token + run->kv.n_tokens,
                             .n_new = run->n_new,
                             .pos = run->kv.n_tokens,
                             .page = run->kv.page,
                             .n_logits = run->n_new == wanted,
                             .id = r};
    }
    CHECK(s->n_runs > 0 || s->n_done == b->n_samples);
    return s->n_runs;
}

void sched_advance(Sched *s) {
    for (int r = 0; r < s->n_runs; r++) {
        s->run[r].kv.n_tokens += s->run[r].n_new;
        s->n_computed_tokens += s->run[r].n_new;
    }
}

void sched_goes_on(Sched *s, Run *run, int sample) {
    if (run->sample >= 0)
        run->length++;
    else
        set_ready(s, run->group, sample);
}

void sched_is_done(Sched *s, int sample) {
    CHECK(s->state[sample] != SAMPLE_DONE);
    s->state[sample] = SAMPLE_DONE;
    s->n_done++;
}

void sched_skip_group(Sched *s, int group) {
    s->group[group].begun = true;
    for (int i = s->batch->group_begin[group]; i < s->batch->group_begin[group + 1]; i++)
        sched_is_done(s, i);
}

void sched_sweep(Sched *s) {
    int kept = 0;
    for (int r = 0; r < s->n_runs; r++) {
        Run *run = &s->run[r];
        bool prompt_cached = run->sample < 0 && sched_wants_logits(run);
        if (prompt_cached && s->group[run->group].n_ready > 0)
            kv_move(&s->group[run->group].kv, &run->kv);
        if (prompt_cached || (run->sample >= 0 && s->state[run->sample] == SAMPLE_DONE)) {
            kv_release(s->kv, &run->kv);
            s->spare_page[s->n_spare++] = run->kv.page;
        } else {
            s->run[kept++] = *run;
        }
    }
    s->n_runs = kept;
}

void sched_close(Sched *s) {
    for (int r = 0; r < s->n_runs; r++) kv_release(s->kv, &s->run[r].kv);
    drop_idle_prompts(s);
    s->n_runs = 0;
    CHECK(kv_pages_held(s->kv) == 0);
}
