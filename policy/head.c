// policy/head.c -- embedding at one end, log-probabilities of wanted tokens at the other.
//
// The head runs over blocks of head_rows wanted tokens; the logits of a block are made, used and
// overwritten, and made again in the backward pass: no [tokens, vocabulary] array exists. Where the
// head keeps no second packed copy, the backward pass goes by columns instead.
#include <string.h>

#include "policy/net.h"

void net_forward(Run *r) {
    Policy *p = r->p;
    Workspace *w = r->w;
    const size_t D = (size_t)p->model.hidden_size;
    const float *embed = net_at(p, p->master, p->embed);
    float *x = net_save(r, 0)->x0;
    for (int t = 0; t < r->n_tokens; t++)
        memcpy(x + (size_t)t * D, embed + (size_t)w->token[t] * D, D * sizeof *x);
    for (int l = 0; l < p->model.n_layers; l++) {
        if (p->model.family == FAMILY_DENSE)
            dense_forward(r, l);
        else
            mla_forward(r, l);
        ffn_forward(r, l, l + 1 < p->model.n_layers ? net_save(r, l + 1)->x0 : w->x);
    }
}

int head_wanted(const Pack *pack, Workspace *w) {
    int n = 0;
    for (int s = 0; s < pack->n_seqs; s++)
        for (int t = 1; t < pack->seq[s].end - pack->seq[s].begin; t++) {
            if (!pack->want || !pack->want[pack->seq[s].begin + t]) continue;
            CHECK(t > w->pos0[s]); // the token before predicts it, which is the sequence's own
            w->want_row[n] = w->offset[s] + t - 1 - w->pos0[s];
            w->want_at[n] = pack->offset[s] - pack->offset[0] + t;
            w->want_token[n++] = pack->token[pack->seq[s].begin + t];
        }
    return n;
}

void head_logits(Run *r, int at, int n) {
    Policy *p = r->p;
    Workspace *w = r->w;
    const int D = p->model.hidden_size;
    p->ops->gather_rows(&w->dev, w->head_dx, w->x, D, w->want_row + at, n, D);
    p->ops->rmsnorm(&w->dev, w->head_x, D, w->head_dx, D, net_at(p, p->master, p->final_norm), n, D,
                    (float)p->model.rms_norm_eps);
    p->ops->gemm(&w->dev, w->head_logit, p->model.vocab_size, w->head_x, D, n, &p->head.fwd, false,
                 NULL);
}

static int head_block(Run *r, int at, int n_want) {
    const int rows = r->p->head_rows, n = n_want - at < rows ? n_want - at : rows;
    head_logits(r, at, n);
    return n;
}

static View logits_view(const Run *r, int n) {
    const int v = r->p->model.vocab_size;
    return (View){.data = r->w->head_logit, .rows = n, .cols = v, .stride = v, .dtype = DTYPE_F32};
}

void head_logprob(Run *r, int n_want, float inv_temperature, bool entropy) {
    Workspace *w = r->w;
    for (int at = 0; at < n_want; at += r->p->head_rows) {
        const int n = head_block(r, at, n_want);
        Status st = r->p->ops->logprob(&w->dev, logits_view(r, n), w->want_token + at,
                                       inv_temperature, w->want_logp + at,
                                       entropy ? w->want_entropy + at : NULL, w->want_lse + at);
        CHECK(st == ST_OK);
    }
}

// The normed rows' gradients in dh [n,D] become the hidden rows' in w->dx; x [n,D] the rows
// themselves. A row may be wanted once only.
static void norm_backward(Run *r, int at, int n, const float *dh, const float *x) {
    Policy *p = r->p;
    Workspace *w = r->w;
    const size_t D = (size_t)p->model.hidden_size;
    for (int i = 0; i < n; i++)
        p->ops->rmsnorm_grad(&w->dev, w->dx + (size_t)w->want_row[at + i] * D, (int)D,
                             net_at(p, r->grad, p->final_norm), dh + (size_t)i * D, (int)D,
                             x + (size_t)i * D, (int)D, net_at(p, p->master, p->final_norm), 1,
                             (int)D, (float)p->model.rms_norm_eps, false);
}

static void logit_gradients(Run *r, View logits, int at, const int32_t *token, float by,
                            bool entropy) {
    const Workspace *w = r->w;
    Status st = r->p->ops->logprob_grad(&r->w->dev, logits, token, by, w->want_lse + at,
                                        entropy ? w->want_entropy + at : NULL, w->want_dlogp + at,
                                        entropy ? w->want_dentropy + at : NULL);
    CHECK(st == ST_OK);
}

// All wanted rows, by columns of the vocabulary: once log-sum-exp and entropy are known, columns
// need nothing of each other. So a chunk meets every row of the head and of its gradient once.
static void backward_by_columns(Run *r, int n_want, float by, bool entropy) {
    Policy *p = r->p;
    Workspace *w = r->w;
    const Ops *ops = p->ops;
    const int D = p->model.hidden_size, V = p->model.vocab_size;
    float *x = w->y, *normed = w->h, *dnormed = w->dh;
    ops->gather_rows(&w->dev, x, w->x, D, w->want_row, n_want, D);
    ops->rmsnorm(&w->dev, normed, D, x, D, net_at(p, p->master, p->final_norm), n_want, D,
                 (float)p->model.rms_norm_eps);
    for (int v = 0; v < V; v += HEAD_COLUMNS) {
        const int n = V - v < HEAD_COLUMNS ? V - v : HEAD_COLUMNS;
        const View logits = {
            .data = w->head_logit, .rows = n_want, .cols = n, .stride = n, .dtype = DTYPE_F32};
        const Packed part = {.data = (char *)p->head.fwd.data +
                                     gemm_packed_bytes(v, D, p->head.precision),
                             .n = n,
                             .k = D,
                             .precision = p->head.precision};
        ops->gemm(&w->dev, w->head_logit, n, normed, D, n_want, &part, GEMM_SET, NULL);
        for (int i = 0; i < n_want; i++) w->head_token[i] = w->want_token[i] - v;
        logit_gradients(r, logits, 0, w->head_token, by, entropy);
        ops->gemm_grad(&w->dev, net_at(p, r->grad, p->head.param) + (size_t)v * (size_t)D, D,
                       w->head_logit, n, normed, D, NULL, n_want, n, D, p->head.precision);
        const Packed back = net_back_rows(r, &p->head, v, n);
        ops->gemm(&w->dev, dnormed, D, w->head_logit, n, n_want, &back,
                  v > 0 ? GEMM_GO_ON : GEMM_SET, NULL);
    }
    norm_backward(r, 0, n_want, dnormed, x);
}

void head_backward(Run *r, int n_want, float inv_temperature, bool entropy) {
    Policy *p = r->p;
    Workspace *w = r->w;
    const Ops *ops = p->ops;
    const int D = p->model.hidden_size, V = p->model.vocab_size;
    memset(w->dx, 0, (size_t)r->n_tokens * (size_t)D * sizeof(float));
    if (!p->head.back.data) {
        backward_by_columns(r, n_want, inv_temperature, entropy);
        return;
    }
    for (int at = 0; at < n_want; at += p->head_rows) {
        const int n = head_block(r, at, n_want);
        logit_gradients(r, logits_view(r, n), at, w->want_token + at, inv_temperature, entropy);
        ops->gemm_grad(&w->dev, net_at(p, r->grad, p->head.param), D, w->head_logit, V, w->head_x,
                       D, NULL, n, V, D, p->head.precision);
        ops->gemm(&w->dev, w->head_x, D, w->head_logit, V, n, &p->head.back, GEMM_SET, NULL);
        norm_backward(r, at, n, w->head_x, w->head_dx); // which still holds the hidden rows
    }
}
