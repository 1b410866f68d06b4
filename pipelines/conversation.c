// pipelines/conversation.c -- render, encode, sample, listen.
#include "pipelines/conversation.h"

#include <string.h>

#include "base/clock.h"
#include "base/rng.h"
#include "policy/text/tokenstream.h"

void conversation_open(Conversation *talk, Actor *actor, const SampleConfig *sampling,
                       int context) {
    *talk = (Conversation){.actor = actor, .sampling = *sampling, .context = context};
    talk->arena = arena_new(1 << 16);
}

void conversation_close(Conversation *talk) {
    if (talk->arena) arena_free(talk->arena);
    talk->arena = NULL;
}

void conversation_clear(Conversation *talk) {
    arena_free(talk->arena);
    talk->arena = arena_new(1 << 16);
    talk->n = talk->n_forgotten = 0;
}

static void remember(Conversation *talk, const char *role, const char *text) {
    CHECK(talk->n < CONVERSATION_MAX);
    talk->message[talk->n++] =
        (ChatMessage){.role = role, .content = arena_printf(talk->arena, "%s", text)};
}

// The oldest question and its reply; a system message stays. False: only the last question is left.
static bool forget(Conversation *talk) {
    int from = talk->n > 0 && strcmp(talk->message[0].role, "system") == 0;
    int to = from + 1;
    while (to < talk->n && strcmp(talk->message[to].role, "user") != 0) to++;
    if (to >= talk->n) return false;
    memmove(talk->message + from, talk->message + to,
            (size_t)(talk->n - to) * sizeof *talk->message);
    talk->n -= to - from;
    talk->n_forgotten++;
    return true;
}

static Status encode(const Conversation *talk, int32_t **ids, int *n, Arena *arena) {
    const Chat *chat = &talk->actor->chat;
    Str text = {0};
    Status st = chat_render(chat, talk->message, talk->n, true, &text);
    if (st == ST_OK) {
        size_t bos = chat_own_bos(talk->actor->tokenizer, str_text(&text));
        st = tokenizer_encode(talk->actor->tokenizer, str_text(&text) + bos, text.size - bos, true,
                              true, ids, n, arena);
    }
    str_free(&text);
    return st;
}

// ---- listening -------------------------------------------------------------------------------
typedef struct Listener {
    const Conversation *talk;
    TokenStream stream;
    ReplyFn *fn;
    void *ctx;
    Str text, piece;
    size_t told; // bytes of text that fn has had
    bool thought;
    int n_tokens;
} Listener;

static const char open_tag[] = "<think>", close_tag[] = "</think>";

// How many bytes at the end may be the beginning of the tag.
static size_t partial(const char *s, size_t size, const char *tag) {
    size_t n = strlen(tag) - 1;
    if (n > size) n = size;
    while (n > 0 && memcmp(s + size - n, tag, n) != 0) n--;
    return n;
}

static void tell(Listener *l, size_t until, bool thought) {
    if (until > l->told) l->fn(l->ctx, l->text.data + l->told, until - l->told, thought);
    l->told = until;
}

// Hands on what is new, cut at the tags; a tag that is half there waits unless `last`.
static void hand_on(Listener *l, bool last) {
    if (!l->fn) return;
    for (;;) {
        const char *tag = l->thought ? close_tag : open_tag;
        const char *at = l->text.size > l->told ? memmem(l->text.data + l->told,
                                                         l->text.size - l->told, tag, strlen(tag))
                                                : NULL;
        if (!at) break;
        size_t begin = (size_t)(at - l->text.data), end = begin + strlen(tag);
        tell(l, l->thought ? end : begin, l->thought);
        tell(l, end, true);
        l->thought = !l->thought;
    }
    size_t wait = last || l->text.size == l->told
                      ? 0
                      : partial(l->text.data + l->told, l->text.size - l->told,
                                l->thought ? close_tag : open_tag);
    tell(l, l->text.size - wait, l->thought);
}

static bool is_stop(const SampleConfig *cfg, int32_t token) {
    for (int i = 0; i < cfg->n_stop_tokens; i++)
        if (cfg->stop_token[i] == token) return true;
    return false;
}

static void on_token(void *ctx, int sample, int32_t token) {
    (void)sample;
    Listener *l = ctx;
    l->n_tokens++;
    if (is_stop(&l->talk->sampling, token)) return;
    tokenstream_add(&l->stream, token, &l->text);
    hand_on(l, false);
}

// ---- a turn ----------------------------------------------------------------------------------
static Status reply_to(Conversation *talk, const volatile int *stop, Listener *l, Reply *out,
                       Arena *arena) {
    int32_t *ids = NULL;
    int n = 0;
    for (;;) {
        TRY(encode(talk, &ids, &n, arena));
        if (n == 0) return FAIL(ST_FORMAT, "the tokenizer makes no token of this conversation");
        if (n + 1 < talk->context && n + talk->sampling.max_new_tokens <= talk->context) break;
        if (forget(talk)) continue;
        if (n + 1 < talk->context) break;
        return FAIL(ST_CONFIG, "the question has %d tokens, the context %d: raise --context", n,
                    talk->context);
    }
    SampleConfig cfg = talk->sampling;
    if (cfg.max_new_tokens > talk->context - n) cfg.max_new_tokens = talk->context - n;
    cfg.on_token = on_token;
    cfg.token_ctx = l;
    Batch *batch = batch_new(1, 1, arena);
    batch_ask(batch, 0, NULL, rng_hash(ids, (uint64_t)n * sizeof *ids), 0, ids, n, arena);
    TRY(engine_sample(talk->actor->engine, batch, &cfg, RNG_EVAL, NULL, NULL, stop, NULL, arena));
    tokenstream_end(&l->stream, &l->text);
    hand_on(l, true);
    out->n_prompt = n;
    out->n_tokens = l->n_tokens;
    out->finish = batch->stage == STAGE_SAMPLED ? (Finish)batch->finish[0] : FINISH_ABORT;
    return ST_OK;
}

Status conversation_say(Conversation *talk, const char *text, const volatile int *stop, ReplyFn *fn,
                        void *ctx, Reply *out) {
    const Chat *chat = &talk->actor->chat;
    *out = (Reply){0};
    if (talk->n == 0 && chat->said && chat->said[0]) remember(talk, "system", chat->said);
    if (talk->n + 2 > CONVERSATION_MAX) forget(talk);
    remember(talk, "user", text);
    Arena *arena = arena_new(1 << 20);
    const char *open = chat_prefilled(chat);
    Listener l = {.talk = talk,
                  .stream = {.tokenizer = talk->actor->tokenizer, .skip_special = true},
                  .fn = fn,
                  .ctx = ctx};
    str_puts(&l.text, open);
    hand_on(&l, false);
    double begin = clock_now();
    Status st = reply_to(talk, stop, &l, out, arena);
    out->seconds = clock_now() - begin;
    if (st == ST_OK) {
        remember(talk, "assistant", str_text(&l.text));
        out->text = l.text;
    } else {
        talk->n--; // what was said is not part of the talk
        str_free(&l.text);
    }
    str_free(&l.piece);
    arena_free(arena);
    return st;
}
