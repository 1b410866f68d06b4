// rollout/scheduler.c -- admission in order of age, pages by age, the last admitted is preempted.
#include "rollout/scheduler.h"

#include <stdlib.h>
#include <string.h>

void scheduler_open(Scheduler *sched, Policy *policy, KvPool *kv, LiveStore *store, int max_seqs,
                    int max_rows, int n_pages, bool reserve) {
    CHECK(max_seqs >= 1 && max_rows >= max_seqs);
    *sched = (Scheduler){.policy = policy,
                         .kv = kv,
                         .store = store,
                         .max_seqs = max_seqs,
                         .max_rows = max_rows,
                         .n_pages = n_pages,
                         .reserve = reserve};
    sched->seq = calloc((size_t)max_seqs, sizeof *sched->seq);
    CHECK(sched->seq);
}

void scheduler_close(Scheduler *sched) {
    free(sched->seq);
}

static KvTable *table_of(const SchedSeq *seq) {
    return seq->sample ? &seq->sample->kv : &seq->group->kv;
}
static int length_of(const SchedSeq *seq) {
    return seq->sample ? seq->sample->n_tokens : seq->group->n_prompt;
}
static const int32_t *tokens_of(const SchedSeq *seq) {
    return seq->sample ? seq->sample->token : seq->group->prompt;
}

bool scheduler_drawn(const SchedSeq *seq) {
    return table_of(seq)->n_tokens == length_of(seq);
}

// A sample without pages that will fork the prompt of its group, if that is cached then.
static bool forks(const LiveSample *sample) {
    return (sample->state == SAMPLE_READY || sample->state == SAMPLE_PAUSED) &&
           sample->kv.n_pages == 0;
}

static void set_state(LiveSample *sample, SampleState state) {
    sample->group->n_forks -= forks(sample);
    sample->state = state;
    sample->group->n_forks += forks(sample);
}

static void drop_pages(Scheduler *s, LiveSample *sample) {
    sample->group->n_forks -= forks(sample);
    kv_release(s->kv, &sample->kv);
    sample->group->n_forks += forks(sample);
}

// ---- lists

static void ready_insert(Scheduler *s, LiveSample *sample) {
    LiveSample *before = s->last_ready;
    while (before && before->id > sample->id) before = before->before_ready;
    LiveSample *next = before ? before->next_ready : s->first_ready;
    sample->before_ready = before;
    sample->next_ready = next;
    *(before ? &before->next_ready : &s->first_ready) = sample;
    *(next ? &next->before_ready : &s->last_ready) = sample;
}

static void ready_remove(Scheduler *s, LiveSample *sample) {
    LiveSample *before = sample->before_ready, *next = sample->next_ready;
    *(before ? &before->next_ready : &s->first_ready) = next;
    *(next ? &next->before_ready : &s->last_ready) = before;
    sample->before_ready = sample->next_ready = NULL;
}

static void waiting_insert(Scheduler *s, LiveGroup *group) {
    LiveGroup **at = &s->first_waiting;
    while (*at && (*at)->number < group->number) at = &(*at)->next_waiting;
    group->next_waiting = *at;
    *at = group;
    group->begun = false;
}

static void waiting_remove(Scheduler *s, LiveGroup *group) {
    LiveGroup **at = &s->first_waiting;
    while (*at != group) at = &(*at)->next_waiting;
    *at = group->next_waiting;
    group->next_waiting = NULL;
}

void scheduler_add(Scheduler *s, LiveGroup *group) {
    int n_waiting = 0, n_new = 0;
    for (int i = 0; i < group->n_samples; i++) {
        n_waiting += group->sample[i].state == SAMPLE_WAITING;
        group->n_forks += forks(&group->sample[i]);
        n_new +=
            group->sample[i].state == SAMPLE_WAITING && !live_response_length(&group->sample[i]);
    }
    group->begun = true;
    if (n_new > 0 || n_waiting > 1) // samples with tokens wait too, to share the prompt
        waiting_insert(s, group);
    else
        for (int i = 0; i < group->n_samples; i++)
            if (group->sample[i].state == SAMPLE_WAITING) scheduler_ready(s, &group->sample[i]);
}

// ---- reserved pages: each sequence at its longest; what forks a prompt shares its full pages

static int reservation(const LiveGroup *g, int n_own, int n_forked, bool prompt) {
    const int longest = kv_pages_of(g->limit), shared = g->n_prompt / KV_PAGE_TOKENS;
    const int forks = n_forked > 0 ? n_forked : 1; // a cached prompt is no use without one
    return n_own * longest + (prompt || n_forked > 0 ? shared + 1 + forks * (longest - shared) : 0);
}

static bool prompt_cached(const LiveGroup *g) {
    return !g->prompt_runs && g->kv.n_tokens > 0;
}

static void update_reservation(Scheduler *s, LiveGroup *g) {
    if (!s->reserve) return;
    const int now = g->n_unfinished == 0 ? 0
                                         : reservation(g, g->n_own, g->n_forked,
                                                       g->prompt_runs || g->kv.n_pages > 0);
    s->n_reserved += now - g->n_reserved;
    g->n_reserved = now;
}

// May the sample (NULL: the prompt of the group) be admitted?
static bool may_reserve(const Scheduler *s, const LiveGroup *g, const LiveSample *sample) {
    if (sample && sample->admitted) return true;
    const bool fork = sample && prompt_cached(g);
    const int then = reservation(g, g->n_own + (sample && !fork), g->n_forked + fork,
                                 !sample || g->prompt_runs || g->kv.n_pages > 0);
    return s->n_reserved - g->n_reserved + then <= s->n_pages;
}

static void set_admitted(LiveSample *sample, bool admitted, bool forked) {
    LiveGroup *g = sample->group;
    g->n_own -= sample->admitted && !sample->forked;
    g->n_forked -= sample->admitted && sample->forked;
    sample->admitted = admitted, sample->forked = forked;
    g->n_own += admitted && !forked;
    g->n_forked += admitted && forked;
}

// ---- giving pages back

static void release_prompt(Scheduler *s, LiveGroup *g) {
    if (!g->prompt_runs && g->n_forks == 0) kv_release(s->kv, &g->kv);
}

// The pages of the youngest sample that has some and does not run.
static bool drop_idle_sample(Scheduler *s, const LiveSample *except) {
    if (s->reserve) return false;
    for (int i = s->store->n_samples - 1; i >= 0; i--) {
        LiveSample *sample = s->store->sample[i];
        if (sample == except || sample->kv.n_pages == 0) continue;
        if (sample->state != SAMPLE_PAUSED && sample->state != SAMPLE_READY) continue;
        drop_pages(s, sample);
        s->n_preempted++;
        return true;
    }
    return false;
}

// Ready samples of these groups will compute their prompt again, each for itself.
static void drop_idle_prompts(Scheduler *s) {
    for (int i = 0; i < s->store->n_samples; i++) {
        LiveGroup *g = s->store->sample[i]->group;
        if (!g->prompt_runs) kv_release(s->kv, &g->kv);
    }
}

static void preempt_last(Scheduler *s) {
    CHECK(!s->reserve);
    SchedSeq *seq = &s->seq[--s->n_seqs];
    kv_release(s->kv, table_of(seq));
    if (seq->sample) {
        scheduler_ready(s, seq->sample);
    } else {
        seq->group->prompt_runs = false;
        waiting_insert(s, seq->group);
    }
    s->n_preempted++;
}

void scheduler_forget_pages(Scheduler *s) {
    for (int i = 0; i < s->store->n_samples; i++) {
        LiveSample *sample = s->store->sample[i];
        drop_pages(s, sample);
        kv_release(s->kv, &sample->group->kv);
    }
    CHECK(kv_pages_held(s->kv) == 0);
    if (!s->reserve) return;
    for (int i = 0; i < s->n_seqs; i++) { // without shared pages fewer may fit: admitted again
        if (s->seq[i].sample) {
            scheduler_ready(s, s->seq[i].sample);
        } else {
            s->seq[i].group->prompt_runs = false;
            waiting_insert(s, s->seq[i].group);
        }
    }
    s->n_seqs = 0;
    for (int i = 0; i < s->store->n_samples; i++) {
        set_admitted(s->store->sample[i], false, false);
        update_reservation(s, s->store->sample[i]->group);
    }
}

// ---- admission

// Places are filled while pages for the whole sequence so far, and one more for every sequence that
// runs, are free; the first sequence is admitted in any case.
static bool has_room(Scheduler *s, int n_pages, const LiveSample *for_sample) {
    do {
        if (s->n_seqs == 0 || kv_pages_free(s->kv) >= n_pages + s->n_seqs + 1) return true;
    } while (drop_idle_sample(s, for_sample));
    return false;
}

static uint32_t *versions_of(const SchedSeq *seq) {
    return seq->sample ? seq->sample->kv_version : seq->group->kv_version;
}

// From token `at` of the sequence on; NULL: not recorded.
static int16_t *routes_of(const SchedSeq *seq, int at) {
    int16_t *route = seq->sample ? seq->sample->route : seq->group->route;
    return route ? route + (size_t)at * (size_t)seq->group->route_step : NULL;
}

// Pages that the prefix cache has; the current weights made them.
static void find_cached(Scheduler *s, SchedSeq *seq) {
    if (seq->group->route_step > 0) return; // nobody knows the routes of those
    const int n = kv_find(s->kv, table_of(seq), tokens_of(seq), length_of(seq));
    for (int t = 0; t < n; t++) versions_of(seq)[t] = policy_version(s->policy);
    s->n_shared_tokens += n;
}

// Pages for what is known of the sequence. Without space for them (only if nothing else runs) they
// are found page by page later.
static void take_pages(Scheduler *s, const SchedSeq *seq) {
    const bool taken = kv_grow(s->kv, table_of(seq), length_of(seq));
    CHECK(taken || (s->n_seqs == 1 && !s->reserve));
}

static SchedSeq *new_seq(Scheduler *s, LiveGroup *group, LiveSample *sample) {
    CHECK(s->n_seqs < s->max_seqs);
    SchedSeq *seq = &s->seq[s->n_seqs++];
    *seq = (SchedSeq){.group = group, .sample = sample};
    return seq;
}

static void admit_sample(Scheduler *s, LiveSample *sample) {
    LiveGroup *g = sample->group;
    SchedSeq *seq = new_seq(s, g, sample);
    const bool empty = sample->kv.n_pages == 0, fork = empty && prompt_cached(g);
    ready_remove(s, sample);
    set_state(sample, SAMPLE_RUNNING);
    if (!sample->admitted) set_admitted(sample, true, fork);
    if (fork) {
        if (g->n_forks == 0) {
            kv_move(&sample->kv, &g->kv); // the last one takes the pages, tail and all
        } else if (kv_fork(s->kv, &sample->kv, &g->kv, s->policy)) {
            s->n_shared_tokens += sample->kv.n_tokens;
        } else {
            CHECK(s->n_seqs == 1 && !s->reserve); // else admission kept a page for the copy
            drop_idle_prompts(s);
        }
        if (sample->kv.n_tokens > 0) live_take_prompt(sample);
    } else if (empty) {
        find_cached(s, seq);
    }
    update_reservation(s, g);
    take_pages(s, seq);
}

// Pages that the sample still needs for the tokens it has.
static int pages_missing(const LiveSample *sample) {
    const LiveGroup *g = sample->group;
    const int all = kv_pages_of(sample->n_tokens);
    if (sample->kv.n_pages > 0) return all > sample->kv.n_pages ? all - sample->kv.n_pages : 0;
    return all - (g->prompt_runs ? 0 : g->kv.n_tokens / KV_PAGE_TOKENS);
}

// The next sample that may be admitted; NULL: none now. Where pages are reserved and nothing runs,
// one may go before others: those wait for pages that it will give back.
static LiveSample *next_ready(Scheduler *s) {
    LiveSample *sample = s->first_ready;
    if (!sample) return NULL;
    if (!s->reserve) return has_room(s, pages_missing(sample), sample) ? sample : NULL;
    while (sample && !may_reserve(s, sample->group, sample))
        sample = s->n_seqs == 0 ? sample->next_ready : NULL;
    return sample;
}

static bool admit_ready(Scheduler *s) {
    while (s->n_seqs < s->max_seqs) {
        LiveSample *sample = next_ready(s);
        if (!sample) break;
        admit_sample(s, sample);
    }
    return !s->first_ready;
}

// Prompts, as long as their samples will find places.
static void admit_prompts(Scheduler *s) {
    int coming = 0; // samples that run, or will when the prompts that run are cached
    for (int i = 0; i < s->n_seqs; i++)
        coming += s->seq[i].sample ? 1 : s->seq[i].group->n_unfinished;
    while (s->first_waiting && s->n_seqs < s->max_seqs && coming < s->max_seqs) {
        LiveGroup *g = s->first_waiting;
        if (s->reserve ? !may_reserve(s, g, NULL) : !has_room(s, kv_pages_of(g->n_prompt), NULL))
            return;
        waiting_remove(s, g);
        g->begun = g->prompt_runs = true;
        SchedSeq *seq = new_seq(s, g, NULL);
        find_cached(s, seq);
        update_reservation(s, g);
        take_pages(s, seq);
        coming += g->n_unfinished;
    }
}

// ---- the next call

// Pages for sequence i, from idle samples and from sequences admitted after it; false: it was
// itself preempted.
static bool find_pages(Scheduler *s, int i, int n_tokens) {
    while (!kv_grow(s->kv, table_of(&s->seq[i]), n_tokens)) {
        CHECK(!s->reserve);
        if (drop_idle_sample(s, NULL)) continue;
        if (s->n_seqs > 1) {
            preempt_last(s);
            if (i == s->n_seqs) return false;
        } else {
            const int held = kv_pages_held(s->kv);
            drop_idle_prompts(s);
            CHECK(kv_pages_held(s->kv) < held); // engine_submit checked that one sequence fits
        }
    }
    return true;
}

static void make_room_to_draw(const SchedSeq *seq) {
    if (seq->sample) {
        live_reserve(seq->sample, seq->sample->n_tokens + 1);
        return;
    }
    for (int i = 0; i < seq->group->n_samples; i++) {
        LiveSample *sample = &seq->group->sample[i];
        if (sample->state == SAMPLE_WAITING && live_response_length(sample) == 0)
            live_reserve(sample, seq->group->n_prompt + 1);
    }
}

// How many guesses of a sample go along, of at most `rows`: they are not worth a preemption.
static int take_drafts(Scheduler *s, const SchedSeq *seq, int rows) {
    LiveSample *sample = seq->sample;
    if (!sample || sample->n_drafts == 0) return 0;
    const LiveGroup *g = sample->group;
    const int context = g->limit - sample->n_tokens - 1,
              budget = g->sampling.max_new_tokens - sample->n_sampled - 1;
    int n = sample->n_drafts < rows ? sample->n_drafts : rows;
    n = n < context ? n : context;
    n = n < budget ? n : budget;
    if (n <= 0 || !kv_grow(s->kv, &sample->kv, sample->n_tokens + n)) return 0;
    live_reserve(sample, sample->n_tokens + n + 1);
    memcpy(sample->token + sample->n_tokens, sample->draft, (size_t)n * sizeof *sample->draft);
    return n;
}

int scheduler_plan(Scheduler *s, DecodeSeq *decode) {
    if (admit_ready(s)) admit_prompts(s);
    int rows = s->max_rows;
    for (int i = 0; i < s->n_seqs; i++) {
        SchedSeq *seq = &s->seq[i];
        const KvTable *table = table_of(seq);
        const int wanted = length_of(seq) - table->n_tokens, cap = rows - (s->n_seqs - i - 1);
        seq->n_new = wanted < cap ? wanted : cap;
        CHECK(seq->n_new >= 1);
        if (!find_pages(s, i, table->n_tokens + seq->n_new)) break;
        if (seq->n_new == wanted) make_room_to_draw(seq);
        seq->n_drafts = seq->n_new == wanted ? take_drafts(s, seq, cap - wanted) : 0;
        rows -= seq->n_new + seq->n_drafts;
        decode[i] = (DecodeSeq){.token = tokens_of(seq) + table->n_tokens,
                                .n_new = seq->n_new + seq->n_drafts,
                                .pos = table->n_tokens,
                                .page = table->page,
                                .n_logits = seq->n_new == wanted ? 1 + seq->n_drafts : 0,
                                .id = i,
                                .route = routes_of(seq, table->n_tokens)};
    }
    CHECK(s->n_seqs > 0 || s->reserve || (!s->first_ready && !s->first_waiting));
    return s->n_seqs;
}

// To the samples whose first token is drawn from the prompt.
static void tell_versions(const LiveGroup *g) {
    for (int i = 0; i < g->n_samples; i++)
        if (g->sample[i].state == SAMPLE_WAITING && g->sample[i].n_tokens > 0)
            live_take_prompt(&g->sample[i]);
}

void scheduler_advance(Scheduler *s, uint32_t version) {
    for (int i = 0; i < s->n_seqs; i++) {
        const SchedSeq *seq = &s->seq[i];
        KvTable *table = table_of(seq);
        for (int t = table->n_tokens; t < table->n_tokens + seq->n_new; t++)
            versions_of(seq)[t] = version;
        table->n_tokens += seq->n_new;
        s->n_computed_tokens += seq->n_new + seq->n_drafts;
        if (!seq->sample && scheduler_drawn(seq)) tell_versions(seq->group);
        kv_publish(s->kv, table, tokens_of(seq));
    }
}

void scheduler_keep_draft(const SchedSeq *seq, uint32_t version) {
    LiveSample *sample = seq->sample;
    sample->kv_version[sample->kv.n_tokens++] = version;
}

void scheduler_check(const Scheduler *s) {
    for (int i = 0; i < s->n_seqs; i++) kv_check(s->kv, table_of(&s->seq[i]), !s->reserve);
}

// ---- outcomes

void scheduler_ready(Scheduler *s, LiveSample *sample) {
    set_state(sample, SAMPLE_READY);
    ready_insert(s, sample);
    update_reservation(s, sample->group);
}

void scheduler_pause(Scheduler *s, LiveSample *sample) {
    CHECK(sample->state == SAMPLE_RUNNING || sample->state == SAMPLE_WAITING);
    set_state(sample, SAMPLE_PAUSED);
    update_reservation(s, sample->group);
}

void scheduler_finish(Scheduler *s, LiveSample *sample) {
    LiveGroup *g = sample->group;
    CHECK(sample->state != SAMPLE_FINISHED);
    if (sample->state == SAMPLE_READY) ready_remove(s, sample);
    set_state(sample, SAMPLE_FINISHED);
    drop_pages(s, sample);
    set_admitted(sample, false, false);
    g->n_unfinished--;
    if (g->n_unfinished == 0 && !g->begun) {
        waiting_remove(s, g);
        g->begun = true;
    }
    release_prompt(s, g);
    update_reservation(s, g);
}

void scheduler_sweep(Scheduler *s) {
    int kept = 0;
    for (int i = 0; i < s->n_seqs; i++) {
        const SchedSeq *seq = &s->seq[i];
        LiveGroup *g = seq->group;
        if (seq->sample && seq->sample->state != SAMPLE_RUNNING) continue;
        if (!seq->sample && (scheduler_drawn(seq) || g->n_unfinished == 0)) {
            g->prompt_runs = false;
            release_prompt(s, g);
            update_reservation(s, g);
            continue;
        }
        s->seq[kept++] = *seq;
    }
    s->n_seqs = kept;
}
