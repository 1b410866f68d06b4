// policy/mtp.c -- the MTP modules of a unit, forward and backward, as mtp.h says.
#include "policy/mtp.h"

#include <math.h>

void mtp_params(ParamAdder *a, int l, Layer *y, const ModelConfig *m) {
    const int D = m->hidden_size;
    // published unquantised: bf16 where the other linears are FP8
    const Precision p = m->precision == PRECISION_FP8 ? PRECISION_BF16 : m->precision;
    y->enorm = add_vector(a, l, "enorm", D);
    y->hnorm = add_vector(a, l, "hnorm", D);
    y->eh_proj = add_matrix(a, l, "eh_proj", D, 2 * D, p);
    y->head_norm = add_vector(a, l, "shared_head.norm", D);
}

void mtp_save(PlanCursor *b, const ModelConfig *m, MtpSave *s, bool plain) {
    const int D = m->hidden_size;
    s->embed = plan_view(b, 1, D, VIEW_F32);
    s->state = plan_view(b, 1, D, PLAN_ACT);
    s->cat = plan_view(b, 1, 2 * D, PLAN_ACT);
    s->x = plan_view(b, plain ? 0 : 1, D, VIEW_F32);
    s->logp = plan_view(b, 1, 1, VIEW_F32);
    s->lse = plan_view(b, 1, 1, VIEW_F32);
    s->dlogp = plan_view(b, 1, 1, VIEW_F32);
}

static MtpSave save_of(const NetUnit *u, int k) {
    MtpSave s = u->w->mtp[k];
    View *v[] = {&s.embed, &s.state, &s.cat, &s.x, &s.logp, &s.lse, &s.dlogp};
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) v[i]->rows *= u->ix->n_rows;
    return s;
}

static MtpUnit module_of(const NetUnit *u, int k) {
    const Policy *p = u->p;
    MtpUnit m = {.u = unit_with_index(u, &u->w->mtp_ix[k]), .l = p->model.n_layers + k};
    m.s = save_of(&m.u, k);
    m.from = k == 0 ? u->acts.x : u->w->mtp[k - 1].x;
    if (k > 0) m.from.rows *= u->w->mtp_ix[k - 1].n_rows;
    m.from_norm = k == 0 ? &p->final_norm : &p->layer[m.l - 1].head_norm;
    m.u.norm = &p->layer[m.l].head_norm;
    m.u.acts.x = m.s.x;
    m.u.acts.logp = m.s.logp;
    m.u.acts.lse = m.s.lse;
    m.u.acts.dlogp = m.s.dlogp;
    m.u.dx_given = k + 1 < p->model.n_mtp;
    return m;
}

MtpUnit mtp_decoding(const NetUnit *u, int k) {
    const Policy *p = u->p;
    MtpUnit m = {.u = *u, .l = p->model.n_layers + k};
    m.s = save_of(u, 0);
    m.from = k == 0 ? p->hidden : m.s.x;
    m.from_norm = k == 0 ? &p->final_norm : &p->layer[m.l - 1].head_norm;
    m.u.norm = &p->layer[m.l].head_norm;
    m.u.acts.x = m.s.x;
    return m;
}

void mtp_forward(MtpUnit *m) {
    NetUnit *u = &m->u;
    const Layer *y = &u->p->layer[m->l];
    const MtpSave *s = &m->s;
    const int D = s->embed.cols;
    u->ops->embed(u->q, s->embed, &u->p->embed, u->ix->token);
    net_norm(u, &(Norm){.y = s->state, .x = m->from, .gain = m->from_norm, .rows = u->ix->from}, 1);
    const Norm both[] = {{.y = view_cols(s->cat, 0, D), .x = s->embed, .gain = &y->enorm},
                         {.y = view_cols(s->cat, D, D), .x = s->state, .gain = &y->hnorm}};
    net_norm(u, both, 2);
    net_linear(u, &(Product){.y = unit_save(u, m->l).x0, .x = s->cat, .w = &y->eh_proj}, 1);
    u->p->attention->forward(u, m->l);
    ffn_forward(u, m->l, s->x);
}

// From acts.dx, the gradient of the module's x without its own head, to that of `from`.
static void module_back(MtpUnit *m, View dfrom) {
    NetUnit *u = &m->u;
    const Layer *y = &u->p->layer[m->l];
    const MtpSave *s = &m->s;
    const int D = s->embed.cols;
    const View dx = u->acts.dx, dh = u->acts.dh;
    View dcat = u->w->dcat;
    dcat.rows *= u->ix->n_rows;
    head_backward(u, 1, false);
    ffn_backward(u, m->l);
    u->p->attention->backward(u, m->l);
    net_linear_grad(u, &(ProductGrad){.y = dx, .x = s->cat, .w = &y->eh_proj}, 1);
    net_linear_back(u, dcat, (View){0}, dx, &y->eh_proj);
    net_norm_back(
        u, &(NormBack){.dx = dh, .dy = view_cols(dcat, 0, D), .x = s->embed, .gain = &y->enorm});
    u->ops->embed_back(u->q, &u->p->embed, dh, u->ix->token, u->grad);
    net_norm_back(
        u, &(NormBack){.dx = dh, .dy = view_cols(dcat, D, D), .x = s->state, .gain = &y->hnorm});
    u->ops->zero(u->q, dfrom.data, view_bytes(dfrom));
    net_norm_back(
        u, &(NormBack){
               .dx = dfrom, .dy = dh, .x = m->from, .gain = m->from_norm, .rows = u->ix->from});
}

// Log-probabilities of a module's wanted tokens: their sum, and the gradient of each, a constant.
static Status loss_of(MtpUnit *m, float weight, MtpLoss *loss) {
    NetUnit *u = &m->u;
    const int n = u->ix->n_want;
    const size_t bytes = (size_t)n * sizeof(float);
    float *logp = u->w->want_logp;
    head_logprob(u, 1, false);
    u->ops->download(u->q, logp, m->s.logp.data, bytes);
    TRY(u->ops->wait(u->q));
    for (int i = 0; i < n; i++) {
        if (!isfinite(logp[i]))
            return FAIL(ST_FORMAT, "MTP layer %d: log-probability of packed token %d is %f", m->l,
                        u->ix->want_at[i], (double)logp[i]);
        loss->sum -= (double)logp[i];
        logp[i] = -weight;
    }
    loss->tokens += n;
    u->ops->upload(u->q, m->s.dlogp.data, logp, bytes);
    return ST_OK;
}

Status mtp_train(NetUnit *u, const Pack *piece, double scale, MtpLoss *loss) {
    const int n = u->p->model.n_mtp;
    MtpUnit module[MTP_MOST];
    for (int k = 0; k < n; k++) {
        index_ahead(&u->w->mtp_ix[k], piece, k + 1);
        module[k] = module_of(u, k);
        mtp_forward(&module[k]);
        TRY(loss_of(&module[k], (float)(scale / n), &loss[k]));
    }
    for (int k = n - 1; k >= 0; k--)
        module_back(&module[k], k > 0 ? module[k - 1].u.acts.dx : u->acts.dx);
    return ST_OK;
}
