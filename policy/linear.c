// policy/linear.c -- a linear layer of all tokens: forward, and the gradients of its three parts.
#include "policy/net.h"

// Rows of stride 0 make one row serve all, and all add to one.
void net_linear(Run *r, const Linear *linear, float *y, const float *x, int ldx, bool add) {
    const Policy *p = r->p;
    const int n = linear->n;
    p->ops->gemm(&r->w->dev, y, n, x, ldx, r->n_tokens, &linear->fwd, add, NULL);
    if (linear->bias)
        p->ops->axpy_rows(&r->w->dev, y, n, NULL, net_at(p, p->master, linear->bias), 0, NULL, NULL,
                          NULL, r->n_tokens, n);
}

void net_bias_grad(Run *r, const Linear *linear, const float *dy) {
    if (linear->bias)
        r->p->ops->axpy_rows(&r->w->dev, net_at(r->p, r->grad, linear->bias), 0, NULL, dy,
                             linear->n, NULL, NULL, NULL, r->n_tokens, linear->n);
}

void net_linear_grad(Run *r, const Linear *linear, const float *dy, const float *x, int ldx) {
    r->p->ops->gemm_grad(&r->w->dev, net_at(r->p, r->grad, linear->param), linear->k, dy, linear->n,
                         x, ldx, NULL, r->n_tokens, linear->n, linear->k, linear->precision);
    net_bias_grad(r, linear, dy);
}

typedef struct Turn { // W^T [k,n] in pieces of `each` rows, whole panels
    char *data;
    const float *w;
    const Linear *linear;
    int each;
} Turn;

static void turn_piece(void *ctx, int i, int worker) {
    (void)worker;
    const Turn *t = ctx;
    const Linear *y = t->linear;
    const int at = i * t->each, left = y->k - at;
    Packed part;
    gemm_pack(&part, t->data + gemm_packed_bytes(at, y->n, y->precision), t->w + at, y->k,
              left < t->each ? left : t->each, y->n, true, y->precision);
}

Packed net_back(Run *r, const Linear *y) {
    if (y->back.data) return y->back;
    Pool *pool = r->w->dev.pool;
    const int pieces = 4 * pool_threads(pool), panels = (y->k + GEMM_PANEL - 1) / GEMM_PANEL;
    Turn t = {.data = r->w->turned,
              .w = net_at(r->p, r->p->master, y->param),
              .linear = y,
              .each = (panels + pieces - 1) / pieces * GEMM_PANEL};
    pool_for(pool, (y->k + t.each - 1) / t.each, turn_piece, &t);
    return (Packed){
        .data = t.data, .n = y->k, .k = y->n, .precision = y->precision, .takes_gradients = true};
}

void net_linear_back(Run *r, const Linear *linear, float *dx, const float *dy, bool add) {
    const Packed back = net_back(r, linear);
    r->p->ops->gemm(&r->w->dev, dx, linear->k, dy, linear->n, r->n_tokens, &back, add, NULL);
}
