// rl/settings_advice.c -- settings that are allowed and rarely meant.
#include "rl/settings.h"

void settings_advice(const RlConfig *c, Str *out) {
    if (c->kl == KL_K1)
        str_puts(out,
                 "rl.kl=k1 as a loss has an expected gradient of zero: it adds noise and keeps "
                 "nothing near the reference; k2, k3+ or unbiased have the gradient of the KL, "
                 "and k1 belongs into the reward\n");
    if (!c->keep_sampling_mask && (c->top_k > 0 || c->top_p < 1 || c->min_p > 0))
        str_printf(
            out,
            "sampling with rl.%s draws from a part of the distribution, and the loss is over "
            "all of it: the policy gradient is then biased, and what is never drawn is never "
            "corrected; train with top_k=0, top_p=1, min_p=0, or with rl.keep_sampling_mask=true\n",
            c->top_k > 0   ? "top_k"
            : c->top_p < 1 ? "top_p"
                           : "min_p");
}
