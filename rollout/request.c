// rollout/request.c -- sampling parameters, lengths, pages and token ids of a request.
#include "rollout/request.h"

#include <string.h>

#include "rollout/batch.h"
#include "rollout/kv.h"

static Status check_texts(const RequestLimits *l, const char *what, const char *const *text,
                          int n) {
    if (n > 0 && !l->tokenizer)
        return FAIL(ST_CONFIG, "a %s text (\"%s\") needs a tokenizer", what, text[0]);
    for (int i = 0; i < n; i++)
        if (text[i][0] == 0) return FAIL(ST_CONFIG, "%s text %d is empty", what, i);
    return ST_OK;
}

Status request_check_sampling(const RequestLimits *l, const SampleConfig *c) {
    if (!(c->temperature == 0 || (c->temperature >= 1e-3 && c->temperature <= 1e3)))
        return FAIL(ST_CONFIG, "temperature %g: 0 (greedy) or 0.001 to 1000", c->temperature);
    if (c->top_k < 0) return FAIL(ST_CONFIG, "top_k %d: 0 (off) or more", c->top_k);
    if (!(c->top_p > 0 && c->top_p <= 1))
        return FAIL(ST_CONFIG, "top_p %g: above 0, at most 1 (off)", c->top_p);
    if (!(c->min_p >= 0 && c->min_p <= 1))
        return FAIL(ST_CONFIG, "min_p %g: from 0 (off) to 1", c->min_p);
    if (c->max_new_tokens < 1)
        return FAIL(ST_CONFIG, "max_new_tokens %d: 1 or more", c->max_new_tokens);
    if (c->max_tokens < 0 || c->pause_after < 0 || c->repeat_window < 0)
        return FAIL(ST_CONFIG, "max_tokens %d, pause_after %d, repeat_window %d: 0 (off) or more",
                    c->max_tokens, c->pause_after, c->repeat_window);
    TRY(check_texts(l, "stop", c->stop_text, c->n_stop_texts));
    return check_texts(l, "pause", c->pause_text, c->n_pause_texts);
}

static bool can_pause(const SampleConfig *c) {
    return c->n_pause_tokens > 0 || c->n_pause_texts > 0 || c->pause_after > 0;
}

// The longest that a sequence of the request can become. One that can pause may be injected any
// number of tokens.
int request_limit(const RequestLimits *l, const SampleConfig *c, int n_prompt, bool pauses) {
    int limit = l->max_context;
    if (c->max_tokens > 0 && c->max_tokens < limit) limit = c->max_tokens;
    if (!pauses && c->max_new_tokens < limit - n_prompt) limit = n_prompt + c->max_new_tokens;
    return limit;
}

Status request_check_pages(const RequestLimits *l, int limit) {
    const int n = kv_pages_of(limit) + l->reserve;
    if (n <= l->kv_pages) return ST_OK;
    return FAIL(ST_CONFIG,
                "a sequence of %d tokens needs %d KV pages of %d and there are %d: plan more "
                "pages or allow fewer new tokens (max_tokens, where a sample can pause)",
                limit, n, KV_PAGE_TOKENS, l->kv_pages);
}

Status request_check_tokens(const RequestLimits *l, const int32_t *token, int n, const char *what) {
    for (int i = 0; i < n; i++)
        if (token[i] < 0 || token[i] >= l->vocab)
            return FAIL(ST_FORMAT, "token %d of the %s is %d, outside 0..%d", i, what, token[i],
                        l->vocab - 1);
    return ST_OK;
}

static bool has_injected(const GivenTokens *given) {
    return given->kind && given->n > 0 && memchr(given->kind, TOKEN_INJECTED, (size_t)given->n);
}

Status request_check(const RequestLimits *l, const EngineRequest *r, int *limit) {
    TRY(request_check_sampling(l, r->sampling));
    if (r->n_prompt < 1 || r->n_samples < 0)
        return FAIL(ST_CONFIG, "a request has %d prompt tokens and %d samples; 1 or more",
                    r->n_prompt, r->n_samples);
    const int n = r->n_samples > 0 ? r->n_samples : 1;
    bool pauses = can_pause(r->sampling);
    for (int i = 0; r->given && i < n; i++)
        pauses = pauses || r->given[i].paused || has_injected(&r->given[i]);
    *limit = request_limit(l, r->sampling, r->n_prompt, pauses);
    if (r->n_prompt >= *limit)
        return FAIL(ST_CONFIG, "the prompt has %d tokens and a sequence has room for %d",
                    r->n_prompt, *limit);
    TRY(request_check_pages(l, *limit));
    TRY(request_check_tokens(l, r->prompt, r->n_prompt, "prompt"));
    for (int i = 0; r->given && i < n; i++) {
        const GivenTokens *g = &r->given[i];
        if (g->n < 0 || g->n >= *limit - r->n_prompt)
            return FAIL(ST_CONFIG, "sample %d was given %d tokens; a response has room for %d", i,
                        g->n, *limit - r->n_prompt);
        TRY(request_check_tokens(l, g->token, g->n, "given response"));
    }
    return ST_OK;
}

Status request_check_draft(DraftKind kind, int n, int n_mtp) {
    if (n < 0 || n > DRAFT_MOST)
        return FAIL(ST_CONFIG, "%d drafted tokens; 0 to %d are possible", n, DRAFT_MOST);
    if (kind != DRAFT_MTP) return ST_OK;
    if (n_mtp == 0)
        return FAIL(ST_CONFIG, "drafts by MTP: the model has no MTP modules; say model.mtp=1, or "
                               "rollout.draft=lookup or none");
    if (n > n_mtp)
        return FAIL(ST_CONFIG,
                    "%d tokens drafted by MTP, but the model has %d modules, one for each token", n,
                    n_mtp);
    return ST_OK;
}
