// rollout/live.c -- growth and lookup of live samples, copies of their requests.
#include "rollout/live.h"

#include <stdlib.h>
#include <string.h>

static void *counted(LiveStore *store, void *old, size_t old_bytes, size_t bytes) {
    void *p = realloc(old, bytes);
    CHECK(p);
    store->bytes += bytes - old_bytes;
    return p;
}

static void *counted_new(LiveStore *store, size_t count, size_t size) {
    void *p = calloc(count > 0 ? count : 1, size);
    CHECK(p);
    store->bytes += count * size;
    return p;
}

static void counted_free(LiveStore *store, void *p, size_t bytes) {
    free(p);
    store->bytes -= bytes;
}

// ---- the request's arrays: ids and texts in one block

static size_t texts_bytes(const char *const *text, int n) {
    size_t bytes = (size_t)n * sizeof(char *);
    for (int i = 0; i < n; i++) bytes += strlen(text[i]) + 1;
    return bytes;
}

static const char *const *copy_texts(const char *const *text, int n, char ***pointers,
                                     char **chars) {
    char **copy = *pointers;
    for (int i = 0; i < n; i++) {
        const size_t size = strlen(text[i]) + 1;
        memcpy(*chars, text[i], size);
        copy[i] = *chars;
        *chars += size;
    }
    *pointers += n;
    return (const char *const *)copy;
}

static const int32_t *copy_ids(const int32_t *id, int n, char **chars) {
    int32_t *copy = (int32_t *)(void *)*chars;
    if (n > 0) memcpy(copy, id, (size_t)n * sizeof *id);
    *chars += (size_t)n * sizeof *id;
    return copy;
}

// The block: pointers to texts, ids, then characters.
static void copy_sampling(LiveGroup *group, const SampleConfig *from) {
    SampleConfig *to = &group->sampling;
    *to = *from;
    group->given_bytes = texts_bytes(from->stop_text, from->n_stop_texts) +
                         texts_bytes(from->pause_text, from->n_pause_texts) +
                         (size_t)(from->n_stop_tokens + from->n_pause_tokens) * sizeof(int32_t);
    group->given = counted_new(group->store, group->given_bytes, 1);
    char **pointers = group->given;
    char *rest = (char *)(pointers + from->n_stop_texts + from->n_pause_texts);
    to->stop_token = copy_ids(from->stop_token, from->n_stop_tokens, &rest);
    to->pause_token = copy_ids(from->pause_token, from->n_pause_tokens, &rest);
    to->stop_text = copy_texts(from->stop_text, from->n_stop_texts, &pointers, &rest);
    to->pause_text = copy_texts(from->pause_text, from->n_pause_texts, &pointers, &rest);
}

// ---- columns

static void set_cap(LiveSample *s, int cap) {
    LiveStore *store = s->group->store;
    const size_t old = (size_t)s->cap, n = (size_t)cap;
    s->token = counted(store, s->token, old * sizeof *s->token, n * sizeof *s->token);
    s->kind = counted(store, s->kind, old * sizeof *s->kind, n * sizeof *s->kind);
    s->logp = counted(store, s->logp, old * sizeof *s->logp, n * sizeof *s->logp);
    s->version = counted(store, s->version, old * sizeof *s->version, n * sizeof *s->version);
    s->kv_version =
        counted(store, s->kv_version, old * sizeof *s->kv_version, n * sizeof *s->kv_version);
    const size_t route = (size_t)s->group->route_step * sizeof *s->route;
    if (route > 0) {
        s->route = counted(store, s->route, old * route, n * route);
        memset(s->route + old * (size_t)s->group->route_step, 0xFF, (n - old) * route); // -1
    }
    if (s->group->sampling.record & RECORD_KEPT)
        s->kept_end =
            counted(store, s->kept_end, old * sizeof *s->kept_end, n * sizeof *s->kept_end);
    s->cap = cap;
}

void live_reserve(LiveSample *s, int n_tokens) {
    const LiveGroup *g = s->group;
    if (n_tokens > s->cap) {
        int cap = s->cap + s->cap / 2 + 32;
        if (cap > g->limit) cap = g->limit;
        set_cap(s, cap > n_tokens ? cap : n_tokens);
    }
    if (s->n_tokens > 0) return;
    const size_t n = (size_t)g->n_prompt;
    memcpy(s->token, g->prompt, n * sizeof *s->token);
    memset(s->kind, TOKEN_PROMPT, n);
    memset(s->logp, 0, n * sizeof *s->logp);
    memset(s->version, 0, n * sizeof *s->version);
    if (s->kept_end) memset(s->kept_end, 0, n * sizeof *s->kept_end);
    live_take_prompt(s);
    s->n_tokens = s->run_begin = g->n_prompt;
}

void live_take_prompt(LiveSample *s) {
    const LiveGroup *g = s->group;
    const size_t n = (size_t)g->n_prompt;
    memcpy(s->kv_version, g->kv_version, n * sizeof *s->kv_version);
    if (s->route) memcpy(s->route, g->route, n * (size_t)g->route_step * sizeof *s->route);
}

static void reserve_kept(LiveSample *s, int64_t n) {
    if (s->n_kept + n <= s->kept_cap) return;
    const size_t old = (size_t)s->kept_cap * sizeof *s->kept_token;
    s->kept_cap = (s->n_kept + n) * 3 / 2 + 64;
    s->kept_token =
        counted(s->group->store, s->kept_token, old, (size_t)s->kept_cap * sizeof *s->kept_token);
}

void live_keep(LiveSample *s, const int32_t *id, int64_t n) {
    reserve_kept(s, n);
    if (n > 0) memcpy(s->kept_token + s->n_kept, id, (size_t)n * sizeof *id);
    s->kept_next = n;
}

void live_keep_bits(LiveSample *s, const uint32_t *kept, int vocab) {
    int64_t n = 0;
    for (size_t w = 0; w < draw_kept_words(vocab); w++) n += __builtin_popcount(kept[w]);
    reserve_kept(s, n);
    int32_t *id = s->kept_token + s->n_kept;
    for (size_t w = 0; w < draw_kept_words(vocab); w++)
        for (uint32_t bits = kept[w]; bits; bits &= bits - 1)
            *id++ = (int32_t)(32 * w) + __builtin_ctz(bits);
    s->kept_next = n;
}

void live_append(LiveSample *s, int32_t token, int kind, float logp, uint32_t version) {
    CHECK(s->n_tokens < s->cap);
    const int at = s->n_tokens++;
    s->token[at] = token;
    s->kind[at] = (uint8_t)kind;
    s->logp[at] = kind == TOKEN_SAMPLED ? logp : 0;
    s->version[at] = kind == TOKEN_SAMPLED ? version : 0;
    s->kv_version[at] = 0;
    if (s->kept_end) {
        if (kind == TOKEN_SAMPLED) s->n_kept += s->kept_next;
        s->kept_next = 0;
        s->kept_end[at] = s->n_kept;
    }
    if (kind == TOKEN_SAMPLED)
        s->n_sampled++;
    else
        s->run_begin = s->n_tokens;
}

// ---- draws

DrawRule live_draw_rule(const LiveGroup *g) {
    const SampleConfig *c = &g->sampling;
    return draw_rule(c->temperature, c->top_k, c->top_p, c->min_p);
}

double live_uniform(const LiveSample *s, int ahead) {
    RngKey key = s->group->key;
    key.sample += (uint32_t)s->index;
    return rng_uniform(&key, (uint32_t)(s->n_tokens + ahead - s->group->n_prompt));
}

// ---- the store

static void register_sample(LiveStore *store, LiveSample *s) {
    if (store->n_samples == store->cap) {
        const int cap = 2 * store->cap + 16;
        store->sample = counted(store, store->sample, (size_t)store->cap * sizeof(LiveSample *),
                                (size_t)cap * sizeof(LiveSample *));
        store->cap = cap;
    }
    store->sample[store->n_samples++] = s;
}

LiveGroup *live_add(LiveStore *store, const EngineRequest *request, int limit, int route_step) {
    LiveGroup *g = counted_new(store, 1, sizeof *g);
    const size_t n = (size_t)request->n_prompt;
    g->store = store;
    g->number = ++store->last_group;
    g->n_prompt = request->n_prompt;
    g->limit = limit;
    g->n_samples = g->n_unfinished = g->n_unreleased =
        request->n_samples > 0 ? request->n_samples : 1;
    g->key = request->key;
    g->first_number = request->number;
    g->prompt = counted_new(store, n, sizeof *g->prompt);
    memcpy(g->prompt, request->prompt, n * sizeof *g->prompt);
    g->kv_version = counted_new(store, n, sizeof *g->kv_version);
    if (request->sampling->record & RECORD_ROUTES) g->route_step = route_step;
    if (g->route_step > 0) {
        const size_t routes = n * (size_t)g->route_step;
        g->route = counted_new(store, routes, sizeof *g->route);
        memset(g->route, 0xFF, routes * sizeof *g->route); // -1
    }
    copy_sampling(g, request->sampling);
    g->sample = counted_new(store, (size_t)g->n_samples, sizeof *g->sample);
    for (int i = 0; i < g->n_samples; i++) {
        g->sample[i] = (LiveSample){.id = ++store->last_id,
                                    .group = g,
                                    .index = i,
                                    .stop_text = -1,
                                    .pause_text = -1,
                                    .pause_after = g->sampling.pause_after};
        register_sample(store, &g->sample[i]);
    }
    return g;
}

// Index of the first sample with an id of at least `id`.
static int lower_bound(const LiveStore *store, SampleId id) {
    int low = 0, high = store->n_samples;
    while (low < high) {
        const int mid = low + (high - low) / 2;
        if (store->sample[mid]->id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

LiveSample *live_find(const LiveStore *store, SampleId id) {
    const int at = lower_bound(store, id);
    return at < store->n_samples && store->sample[at]->id == id ? store->sample[at] : NULL;
}

LiveSample *live_after(const LiveStore *store, SampleId after) {
    const int at = lower_bound(store, after + 1);
    return at < store->n_samples ? store->sample[at] : NULL;
}

static void group_free(LiveGroup *g) {
    LiveStore *store = g->store;
    CHECK(g->kv.n_pages == 0);
    counted_free(store, g->prompt, (size_t)g->n_prompt * sizeof *g->prompt);
    counted_free(store, g->kv_version, (size_t)g->n_prompt * sizeof *g->kv_version);
    counted_free(store, g->route, (size_t)g->n_prompt * (size_t)g->route_step * sizeof *g->route);
    counted_free(store, g->given, g->given_bytes);
    counted_free(store, g->sample, (size_t)g->n_samples * sizeof *g->sample);
    counted_free(store, g, sizeof *g);
}

void live_remove(LiveStore *store, LiveSample *s) {
    CHECK(s->state == SAMPLE_FINISHED && s->kv.n_pages == 0 && !s->queued);
    const size_t cap = (size_t)s->cap;
    counted_free(store, s->token, cap * sizeof *s->token);
    counted_free(store, s->kind, cap * sizeof *s->kind);
    counted_free(store, s->logp, cap * sizeof *s->logp);
    counted_free(store, s->version, cap * sizeof *s->version);
    counted_free(store, s->kv_version, cap * sizeof *s->kv_version);
    counted_free(store, s->route, cap * (size_t)s->group->route_step * sizeof *s->route);
    if (s->kept_end) counted_free(store, s->kept_end, cap * sizeof *s->kept_end);
    counted_free(store, s->kept_token, (size_t)s->kept_cap * sizeof *s->kept_token);
    const int at = lower_bound(store, s->id);
    memmove(&store->sample[at], &store->sample[at + 1],
            (size_t)(store->n_samples - at - 1) * sizeof *store->sample);
    store->n_samples--;
    if (store->n_samples == 0) { // an idle engine holds nothing
        counted_free(store, store->sample, (size_t)store->cap * sizeof(LiveSample *));
        store->sample = NULL;
        store->cap = 0;
    }
    if (--s->group->n_unreleased == 0) group_free(s->group);
}

void live_free(LiveStore *store) {
    CHECK(store->n_samples == 0 && store->bytes == 0);
}
