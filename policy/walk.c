// policy/walk.c -- the walk through the layers, all of them or a range, forward and backward.
#include <stdio.h>
#include <string.h>

#include "policy/net.h"

// Families of attention, by what a config says it is.
static const Attention *const families[] = {
    [FAMILY_MLA_MOE] = &attention_mla, [FAMILY_DENSE] = &attention_dense};
const Attention *attention_of(const ModelConfig *m) {
    return families[m->family];
}

// What was planned in rows for each row of a unit becomes views of this unit's rows.
static void cut(View *v, size_t n, int rows) {
    for (size_t i = 0; i < n; i++) v[i].rows *= rows;
}

static void upload_index(const Ops *ops, Queue *q, const Index *ix) {
    if (ix->device) ops->upload(q, ix->device, ix->host, ix->used * sizeof *ix->host);
}

NetUnit unit_begin(Policy *p, Workspace *w, bool alone) {
    NetUnit u = {.p = p, .ops = p->ops, .q = w->queue, .ix = &w->ix, .w = w, .acts = w->acts};
    u.norm = &p->final_norm;
    cut((View *)&u.acts, offsetof(Acts, drawn) / sizeof(View), w->ix.n_rows);
    p->ops->begin(w->queue, alone);
    upload_index(p->ops, w->queue, &w->ix);
    return u;
}

NetUnit unit_with_index(const NetUnit *u, const Index *ix) {
    NetUnit out = *u;
    out.ix = ix;
    out.kept = NULL;
    out.acts = u->w->acts;
    cut((View *)&out.acts, offsetof(Acts, drawn) / sizeof(View), ix->n_rows);
    upload_index(u->ops, u->q, ix);
    return out;
}

Save unit_save(const NetUnit *u, int l) {
    Save s = u->save ? u->w->save[l] : u->w->pass;
    cut((View *)&s, offsetof(Save, slots) / sizeof(View), u->ix->n_rows);
    return s;
}

View unit_route(const NetUnit *u, int l) {
    const int T = u->ix->n_rows, at = u->p->layer[l].moe_at;
    // MTP modules have other rows than the layers of the unit, whose routes are one block
    return view_rows(u->acts.route, at * (at < u->p->n_moe ? T : u->w->cap), T);
}

// ---- routes: [packed tokens, n_moe, k] outside, [n_moe, rows, k] in a unit

// Packed index in the unit of a sequence's first row.
static size_t packed_row(const Index *ix, int s) {
    return (size_t)(ix->packed[s] + ix->pos0.host[s]);
}

// Moves all routes of the unit between the two orders.
static void move_routes(const NetUnit *u, int16_t *packed, int16_t *rows, bool record) {
    const Index *ix = u->ix;
    const size_t k = (size_t)u->p->model.n_experts_per_tok, n_moe = (size_t)u->p->n_moe;
    for (int s = 0; s < ix->n_seqs; s++)
        for (int t = ix->offset.host[s]; t < ix->offset.host[s + 1]; t++)
            for (size_t l = 0; l < n_moe; l++) {
                const size_t at = packed_row(ix, s) + (size_t)(t - ix->offset.host[s]);
                int16_t *out = packed + (at * n_moe + l) * k;
                int16_t *in = rows + (l * (size_t)ix->n_rows + (size_t)t) * k;
                memcpy(record ? out : in, record ? in : out, k * sizeof *in);
            }
}

static size_t route_bytes(const NetUnit *u) {
    return (size_t)u->p->n_moe * (size_t)u->ix->n_rows * (size_t)u->p->model.n_experts_per_tok *
           sizeof(int16_t);
}

void unit_replay(NetUnit *u, const int16_t *route) {
    move_routes(u, (int16_t *)route, u->w->route, false);
    u->ops->upload(u->q, u->acts.route.data, u->w->route, route_bytes(u));
    u->replay = true;
}

Status unit_tell_routes(NetUnit *u, const DecodeSeq *seq, int n_seqs) {
    const Index *ix = u->ix;
    const size_t k = (size_t)u->p->model.n_experts_per_tok, n_moe = (size_t)u->p->n_moe;
    bool any = false;
    for (int s = 0; s < n_seqs; s++) any |= seq[s].route != NULL;
    if (!any || n_moe == 0) return ST_OK;
    u->ops->download(u->q, u->w->route, u->acts.route.data, route_bytes(u));
    TRY(u->ops->wait(u->q));
    for (int s = 0; s < n_seqs; s++)
        for (int t = 0; seq[s].route && t < seq[s].n_new; t++)
            for (size_t l = 0; l < n_moe; l++) {
                const size_t row = l * (size_t)ix->n_rows + (size_t)(ix->offset.host[s] + t);
                memcpy(seq[s].route + ((size_t)t * n_moe + l) * k, u->w->route + row * k,
                       k * sizeof *seq[s].route);
            }
    return ST_OK;
}

Status unit_record(NetUnit *u, int16_t *route) {
    const Index *ix = u->ix;
    const size_t step = (size_t)(u->p->n_moe * u->p->model.n_experts_per_tok);
    u->ops->download(u->q, u->w->route, u->acts.route.data, route_bytes(u));
    TRY(u->ops->wait(u->q));
    move_routes(u, route, u->w->route, true);
    for (int s = 0; s < ix->n_seqs; s++) // shared tokens took the way of their leader's
        memmove(route + (size_t)ix->packed[s] * step,
                route + (size_t)ix->packed[ix->leader.host[s]] * step,
                (size_t)ix->pos0.host[s] * step * sizeof *route);
    return ST_OK;
}

// ---- the first failure of units in flight

void failure_keep(UnitFailure *f, Status st, int unit) {
    pthread_mutex_lock(&f->lock);
    if (f->st == ST_OK || unit < f->unit) {
        f->st = st;
        f->unit = unit;
        snprintf(f->text, sizeof f->text, "%s", status_text());
    }
    pthread_mutex_unlock(&f->lock);
}

Status failure_raise(UnitFailure *f) {
    pthread_mutex_destroy(&f->lock);
    return f->st == ST_OK ? ST_OK : FAIL(f->st, "%s", f->text);
}

// ---- the walk

void net_forward(NetUnit *u, int from, int to) {
    const Policy *p = u->p;
    if (from == 0) u->ops->embed(u->q, unit_save(u, 0).x0, &p->embed, u->ix->token);
    for (int l = from; l < to; l++) {
        p->attention->forward(u, l);
        ffn_forward(u, l, l + 1 < to ? unit_save(u, l + 1).x0 : u->acts.x);
    }
}

void net_backward(NetUnit *u, int from, int to) {
    const Policy *p = u->p;
    for (int l = to - 1; l >= from; l--) {
        ffn_backward(u, l);
        p->attention->backward(u, l);
    }
    if (from == 0) u->ops->embed_back(u->q, &p->embed, u->acts.dx, u->ix->token, u->grad);
}
