// rl/settings_check.c -- settings that cannot act, and settings that are rarely meant.
//
// A setting counts as changed where its value is not the default, so that a whole configuration
// that was written down can be read back.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rl/settings.h"

// A changed setting without effect. `needs` completes "rl.KEY=VALUE does nothing without ...".
typedef struct IdleSetting {
    const char *key;
    bool acts;
    const char *needs;
} IdleSetting;

static const ConfigKey *find_key(const char *name) {
    for (int i = 0; i < n_rl_keys; i++)
        if (strcmp(rl_keys[i].name, name) == 0) return &rl_keys[i];
    CHECK(!"a rule is about a setting that there is");
    return NULL;
}

// The value as it would be typed, if it is not the default.
static bool changed(const RlConfig *cfg, const ConfigKey *key, char *text, size_t size) {
    const char *at = (const char *)cfg + key->offset;
    switch (key->type) {
    case CONFIG_BOOL: {
        bool value;
        memcpy(&value, at, sizeof value);
        snprintf(text, size, "%s", value ? "true" : "false");
        return strcmp(text, key->initial) != 0;
    }
    case CONFIG_INT: {
        int64_t value;
        memcpy(&value, at, sizeof value);
        snprintf(text, size, "%lld", (long long)value);
        return value != strtoll(key->initial, NULL, 10);
    }
    case CONFIG_DOUBLE: {
        double value;
        memcpy(&value, at, sizeof value);
        snprintf(text, size, "%g", value);
        return value != strtod(key->initial, NULL);
    }
    case CONFIG_TEXT: {
        const char *value;
        memcpy(&value, at, sizeof value);
        snprintf(text, size, "%s", value ? value : "");
        return strcmp(text, key->initial) != 0;
    }
    case CONFIG_CHOICE: {
        int value;
        memcpy(&value, at, sizeof value);
        const char *word = key->choices;
        for (int i = 0; i < value && word; i++)
            word = strchr(word, '|') ? strchr(word, '|') + 1 : NULL;
        snprintf(text, size, "%.*s", word ? (int)strcspn(word, "|") : 1, word ? word : "?");
        return strcmp(text, key->initial) != 0;
    }
    default: return false;
    }
}

Status settings_check(const RlConfig *c) {
    const bool clips = c->loss != LOSS_SAPO;
    const bool divides = c->advantage != ADV_NONE && c->advantage != ADV_LEAVE_ONE_OUT &&
                         c->advantage != ADV_MAXRL &&
                         !(c->advantage == ADV_AUTO && c->loss == LOSS_DR_GRPO);
    const bool tis = c->tis_cap > 0, sapo = c->loss == LOSS_SAPO;
    const bool masks = c->tis_mode == TIS_TOKEN_MASK || c->tis_mode == TIS_SEQUENCE_MASK;
    const bool curriculum = c->curriculum != CURRICULUM_OFF;
    const IdleSetting rule[] = {
        {"kl_coef", c->kl != KL_OFF, "rl.kl=k3 (or k2, unbiased, k3+)"},
        {"reference_refresh_steps", settings_reference(c), "a reference: rl.kl=k3"},
        {"min_lr_ratio", c->schedule != SCHEDULE_CONSTANT, "rl.schedule=cosine or linear"},
        {"tis_cap", c->old_logp == OLD_RECOMPUTE, "rl.old_logp=recompute"},
        {"tis_mode", tis, "rl.tis_cap above 0 (2 is usual)"},
        {"tis_floor", tis && masks,
         "rl.tis_cap above 0 and rl.tis_mode=token-mask or sequence-mask"},
        {"clip_low", clips, "a loss that clips, not rl.loss=sapo"},
        {"clip_high", clips, "a loss that clips, not rl.loss=sapo"},
        {"dual_clip", clips && c->loss != LOSS_CISPO,
         "a loss with such a bound, not sapo or cispo"},
        {"sapo_tau_pos", sapo, "rl.loss=sapo"},
        {"sapo_tau_neg", sapo, "rl.loss=sapo"},
        {"advantage_std", divides, "rl.advantage=std or batch-std"},
        {"advantage_eps", divides, "rl.advantage=std or batch-std"},
        {"overlong_penalty", c->overlong_buffer > 0, "rl.overlong_buffer above 0"},
        {"overlong_buffer", c->overlong_penalty != 0, "rl.overlong_penalty above 0"},
        {"judge_deadline_ms", c->judge_program && c->judge_program[0], "rl.judge_program"},
        {"curriculum_floor", curriculum, "rl.curriculum=level or task"},
        {"curriculum_decay", curriculum, "rl.curriculum=level or task"},
    };
    for (size_t i = 0; i < sizeof rule / sizeof rule[0]; i++) {
        char text[64];
        if (rule[i].acts || !changed(c, find_key(rule[i].key), text, sizeof text)) continue;
        return FAIL(ST_CONFIG, "rl.%s=%s does nothing without %s: set that too, or leave it out",
                    rule[i].key, text, rule[i].needs);
    }
    if (tis && masks && c->tis_floor >= c->tis_cap)
        return FAIL(ST_CONFIG, "rl.tis_floor=%g: must be below rl.tis_cap=%g", c->tis_floor,
                    c->tis_cap);
    return ST_OK;
}

void settings_advice(const RlConfig *c, Str *out) {
    if (c->kl == KL_K1)
        str_puts(out,
                 "rl.kl=k1 as a loss has an expected gradient of zero: it adds noise and keeps "
                 "nothing near the reference; k2, k3+ or unbiased have the gradient of the KL, "
                 "and k1 belongs into the reward\n");
    if (c->top_k > 0 || c->top_p < 1 || c->min_p > 0)
        str_printf(
            out,
            "sampling with rl.%s draws from a part of the distribution, and the loss is over "
            "all of it: the policy gradient is then biased, and what is never drawn is never "
            "corrected; train with top_k=0, top_p=1, min_p=0\n",
            c->top_k > 0   ? "top_k"
            : c->top_p < 1 ? "top_p"
                           : "min_p");
}
