// policy/head.c -- log-probabilities and logits of wanted rows, and the way back.
#include <stdlib.h>

#include "policy/net.h"

static View normed(NetUnit *u) {
    const View h = view_rows(u->acts.h, 0, u->ix->n_want);
    net_norm(u, &(Norm){.y = h, .x = u->acts.x, .gain = u->norm, .rows = u->ix->want_row}, 1);
    return h;
}

static Logprob logprob_of(NetUnit *u, float inv_temperature, bool entropy) {
    const int n = u->ix->n_want;
    return (Logprob){.x = normed(u),
                     .head = &u->p->head,
                     .token = u->ix->want_token,
                     .inv_temperature = inv_temperature,
                     .kept = u->kept,
                     .logp = view_rows(u->acts.logp, 0, n),
                     .entropy = entropy ? view_rows(u->acts.entropy, 0, n) : (View){0},
                     .lse = view_rows(u->acts.lse, 0, n)};
}

void head_logprob(NetUnit *u, float inv_temperature, bool entropy) {
    const Logprob l = logprob_of(u, inv_temperature, entropy);
    u->ops->logprob(u->q, &l);
}

void head_backward(NetUnit *u, float inv_temperature, bool entropy) {
    const int n = u->ix->n_want;
    const Logprob of = logprob_of(u, inv_temperature, entropy);
    const View dh = view_rows(u->acts.dh, 0, n);
    u->ops->logprob_back(u->q,
                         &(LogprobBack){.of = &of,
                                        .dlogp = view_rows(u->acts.dlogp, 0, n),
                                        .dentropy = view_rows(u->acts.dentropy, 0, n),
                                        .dx = dh},
                         u->grad);
    if (!u->dx_given) u->ops->zero(u->q, u->acts.dx.data, view_bytes(u->acts.dx));
    net_norm_back(u, &(NormBack){.dx = u->acts.dx,
                                 .dy = dh,
                                 .x = u->acts.x,
                                 .gain = u->norm,
                                 .rows = u->ix->want_row,
                                 .add = u->dx_given});
}

// In the order of wanted tokens, which is that of the index.
void head_keep(NetUnit *u, const Pack *pack, const KeptTokens *kept) {
    Workspace *w = u->w;
    if (!kept) return;
    if (w->kept_cap < u->ix->n_want) {
        free(w->kept);
        w->kept_cap = u->ix->n_want;
        w->kept = malloc((size_t)w->kept_cap * sizeof *w->kept);
        CHECK(w->kept);
    }
    int n = 0;
    for (int s = 0; s < pack->n_seqs; s++)
        for (int t = pack->seq[s].begin + 1; t < pack->seq[s].end; t++)
            if (pack->want && pack->want[t]) {
                const int64_t begin = kept->begin[t];
                w->kept[n] = (KeptSet){kept->token + begin, (int)(kept->begin[t + 1] - begin)};
                n++;
            }
    CHECK(n == u->ix->n_want);
    u->kept = w->kept;
}

void head_draw(NetUnit *u, const Draw *draw, int n) {
    u->ops->draw(u->q, normed(u), &u->p->head, draw, n, u->acts.drawn);
}

void head_logits(NetUnit *u, LogitsBlockFn *fn, void *ctx) {
    u->ops->logits(u->q, normed(u), &u->p->head, fn, ctx);
}
