// rollout/drafter.c -- guesses by the policy's MTP modules, or from the sample's own tokens.
#include "rollout/drafter.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

int draft_lookup(const int32_t *token, int n_tokens, int32_t *draft, int n) {
    for (int length = LOOKUP_LONGEST; length >= LOOKUP_SHORTEST; length--) {
        const int32_t *last = token + n_tokens - length;
        for (int at = n_tokens - length - 1; at >= 0; at--) {
            if (memcmp(token + at, last, (size_t)length * sizeof *token) != 0) continue;
            const int behind = n_tokens - at - length;
            if (n > behind) n = behind;
            memcpy(draft, token + at + length, (size_t)n * sizeof *draft);
            return n;
        }
    }
    return 0;
}

void drafter_open(Drafter *d, const DrafterOpts *o) {
    *d = (Drafter){.opts = *o};
    if (o->n_drafts == 0)
        d->opts.n_drafts = o->kind == DRAFT_MTP ? policy_model(o->policy)->n_mtp : LOOKUP_TOKENS;
    if (o->kind != DRAFT_MTP) return;
    d->seq = calloc((size_t)o->max_seqs, sizeof *d->seq);
    d->token = calloc((size_t)o->max_rows, sizeof *d->token);
    CHECK(d->seq && d->token);
}

void drafter_close(Drafter *d) {
    free(d->seq);
    free(d->token);
}

// The token behind a prompt differs between the samples of its group: that of the first stands for
// all in the pages they share.
static const LiveSample *first_begun(const LiveGroup *g) {
    for (int i = 0; i < g->n_samples; i++)
        if (live_response_length(&g->sample[i]) > 0) return &g->sample[i];
    return NULL;
}

// Rows of a prompt with a known token behind them; the tokens are copied to `token`.
static int prompt_rows(const LiveGroup *g, const DecodeSeq *rows, int32_t *token) {
    int n = rows->n_new;
    if (g->n_unfinished == 0) return 0;
    const bool last = rows->pos + n == g->n_prompt;
    memcpy(token, g->prompt + rows->pos + 1, (size_t)(n - last) * sizeof *token);
    if (!last) return n;
    const LiveSample *s = first_begun(g);
    if (s) token[n - 1] = s->token[g->n_prompt];
    return s ? n : n - 1;
}

static void want_drafts(const Drafter *d, const LiveSample *s, DraftSeq *out) {
    out->n_drafts = d->opts.n_drafts;
    out->rule = live_draw_rule(s->group);
    for (int k = 0; k < d->opts.n_drafts; k++) out->uniform[k] = live_uniform(s, k);
}

static Status run_modules(Drafter *d, const Scheduler *sched, const DecodeSeq *decode, int n) {
    int n_seqs = 0, row = 0;
    for (int i = 0; i < n; row += decode[i++].n_new) {
        const SchedSeq *run = &sched->seq[i];
        DraftSeq *q = &d->seq[n_seqs];
        *q = (DraftSeq){.rows = decode[i], .first_row = row};
        if (!run->sample) {
            q->rows.token = d->token + row;
            q->rows.n_new = prompt_rows(run->group, &decode[i], d->token + row);
        } else if (run->sample->state == SAMPLE_RUNNING) {
            const LiveSample *s = run->sample;
            q->rows.token = s->token + decode[i].pos + 1;
            q->rows.n_new = s->kv.n_tokens - decode[i].pos;
            q->rows.page = s->kv.page;
            if (s->kv.n_tokens == s->n_tokens - 1) want_drafts(d, s, q);
        } else {
            continue;
        }
        q->rows.id = i;
        n_seqs += q->rows.n_new > 0;
    }
    TRY(policy_draft(d->opts.policy, d->seq, n_seqs, d->opts.n_drafts));
    for (int i = 0; i < n_seqs; i++) {
        LiveSample *s = sched->seq[d->seq[i].rows.id].sample;
        if (!s) continue;
        s->n_drafts = d->seq[i].n_drafts;
        memcpy(s->draft, d->seq[i].draft, sizeof s->draft);
    }
    return ST_OK;
}

static void look_up(const Drafter *d, LiveSample *s) {
    if (s->state == SAMPLE_RUNNING || s->state == SAMPLE_READY)
        s->n_drafts = draft_lookup(s->token, s->n_tokens, s->draft, d->opts.n_drafts);
}

Status drafter_run(Drafter *d, const Scheduler *sched, const DecodeSeq *decode, int n,
                   double *seconds) {
    if (d->opts.kind == DRAFT_NONE) return ST_OK;
    const double begin = clock_now();
    Status st = ST_OK;
    for (int i = 0; i < n; i++) {
        const SchedSeq *run = &sched->seq[i];
        const int n_samples = run->sample ? 1 : run->group->n_samples;
        for (int k = 0; k < n_samples; k++) {
            LiveSample *s = run->sample ? run->sample : &run->group->sample[k];
            if (run->sample) s->n_drafts = 0;
            if (d->opts.kind == DRAFT_LOOKUP) look_up(d, s);
        }
    }
    if (d->opts.kind == DRAFT_MTP) st = run_modules(d, sched, decode, n);
    *seconds += clock_now() - begin;
    return st;
}
