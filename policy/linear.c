// policy/linear.c -- a linear layer of all tokens: forward, and the gradients of its three parts.
#include "policy/net.h"

// Rows of stride 0 make one row serve all, and all add to one.
void net_linear(Run *r, const Linear *linear, float *y, const float *x, int ldx, bool add) {
    const Policy *p = r->p;
    const int n = linear->n;
    p->ops->gemm(&r->w->dev, y, n, x, ldx, r->n_tokens, &linear->fwd, add ? GEMM_ADD : GEMM_SET,
                 NULL);
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
    int n, k, each;
    Precision precision;
} Turn;

static void turn_piece(void *ctx, int i, int worker) {
    (void)worker;
    const Turn *t = ctx;
    const int at = i * t->each, left = t->k - at;
    Packed part;
    gemm_pack(&part, t->data + gemm_packed_bytes(at, t->n, t->precision), t->w + at, t->k,
              left < t->each ? left : t->each, t->n, true, t->precision);
}

Packed net_back_rows(Run *r, const Linear *y, int begin, int n) {
    Pool *pool = r->w->dev.pool;
    const int pieces = 4 * pool_threads(pool), panels = (y->k + GEMM_PANEL - 1) / GEMM_PANEL;
    Turn t = {.data = r->w->turned,
              .w = net_at(r->p, r->p->master, y->param) + (size_t)begin * (size_t)y->k,
              .n = n,
              .k = y->k,
              .each = (panels + pieces - 1) / pieces * GEMM_PANEL,
              .precision = y->precision};
    pool_for(pool, (y->k + t.each - 1) / t.each, turn_piece, &t);
    return (Packed){
        .data = t.data, .n = y->k, .k = n, .precision = y->precision, .takes_gradients = true};
}

Packed net_back(Run *r, const Linear *y) {
    return y->back.data ? y->back : net_back_rows(r, y, 0, y->n);
}

void net_linear_back(Run *r, const Linear *linear, float *dx, const float *dy, bool add) {
    const Packed back = net_back(r, linear);
    r->p->ops->gemm(&r->w->dev, dx, linear->k, dy, linear->n, r->n_tokens, &back,
                    add ? GEMM_ADD : GEMM_SET, NULL);
}
