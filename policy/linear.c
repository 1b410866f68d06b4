// policy/linear.c -- every product of activations with a weight, and every norm, goes through here.
//
// An adapter (LoRA: W + s B A) is merged where weights_set makes a Weight's copy, so forward, dX,
// absorbed heads and sampling know nothing of it; only its gradients are products of their own, and
// they belong into net_linear_grad:  dB += s dy^T (x A^T),  dA += s (dy B)^T x.
#include "policy/net.h"

void net_linear(NetUnit *u, const Product *job, int n) {
    u->ops->linear(u->q, job, n);
}

void net_linear_back(NetUnit *u, View dx, View base, View dy, const Weight *w) {
    u->ops->linear(u->q, &(Product){.y = dx, .x = dy, .base = base, .w = w, .transposed = true}, 1);
}

void net_linear_grad(NetUnit *u, const ProductGrad *job, int n) {
    u->ops->linear_grad(u->q, job, n, u->grad);
}

void net_glu(NetUnit *u, const Glu *job) {
    u->ops->glu(u->q, job);
}

void net_norm(NetUnit *u, const Norm *job, int n) {
    u->ops->rmsnorm(u->q, job, n, (float)u->p->model.rms_norm_eps);
}

void net_norm_back(NetUnit *u, const NormBack *job) {
    u->ops->rmsnorm_back(u->q, job, 1, (float)u->p->model.rms_norm_eps, u->grad);
}

void net_latent_norm(NetUnit *u, const Norm *job, int n) {
    u->ops->rmsnorm(u->q, job, n, MLA_LATENT_EPS);
}

void net_latent_norm_back(NetUnit *u, const NormBack *job) {
    u->ops->rmsnorm_back(u->q, job, 1, MLA_LATENT_EPS, u->grad);
}
