// policy/train.c -- scoring and training: units of work over the pool, gradients in fixed lanes.
//
// Scoring cuts a pack into blocks of whole sequences, training takes chunks as they are; a unit is
// walked by one worker in its own workspace. Chunk c of n belongs to lane c * 8 / n; a lane is
// claimed whole and adds its chunks in order; lanes fold in a fixed tree (fold.h). So neither
// threads nor chunks in flight touch a bit.
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "policy/net.h"

// First failure by unit number, kept with its sentence for the calling thread.
typedef struct Failure {
    pthread_mutex_t lock;
    Status st;
    int unit;
    char text[512];
} Failure;

static void failure_keep(Failure *f, Status st, int unit) {
    pthread_mutex_lock(&f->lock);
    if (f->st == ST_OK || unit < f->unit) {
        f->st = st;
        f->unit = unit;
        snprintf(f->text, sizeof f->text, "%s", status_text());
    }
    pthread_mutex_unlock(&f->lock);
}
static Status failure_raise(Failure *f) {
    pthread_mutex_destroy(&f->lock);
    return f->st == ST_OK ? ST_OK : FAIL(f->st, "%s", f->text);
}

static Status check_pack(const Policy *p, const Pack *pack) {
    for (int s = 0; s < pack->n_seqs; s++) {
        const Seq *q = &pack->seq[s];
        if (q->end - q->begin > p->opts.max_seq_tokens)
            return FAIL(ST_CONFIG, "sequence %d has %d tokens; the policy was planned for %d",
                        q->id, q->end - q->begin, p->opts.max_seq_tokens);
        for (int t = q->begin; t < q->end; t++)
            if (pack->token[t] < 0 || pack->token[t] >= p->model.vocab_size)
                return FAIL(ST_FORMAT, "sequence %d, token %d: id %d is outside 0..%d", q->id,
                            t - q->begin, pack->token[t], p->model.vocab_size - 1);
    }
    return ST_OK;
}

// Sequences of one leader in at most SHARE_PARTS slices, as even as can be.
static void set_slices(Workspace *w, int n_seqs) {
    w->n_slices = 0;
    for (int begin = 0, end; begin < n_seqs; begin = end) {
        for (end = begin + 1; end < n_seqs && w->leader[end] == begin;) end++;
        const int n = end - begin, parts = n < SHARE_PARTS ? n : SHARE_PARTS;
        for (int i = 0; i < parts; i++) {
            Slice s = {begin + n * i / parts, begin + n * (i + 1) / parts, begin, i, 0};
            for (int k = s.begin; k < s.end; k++)
                if (w->pos0[k] > s.rows) s.rows = w->pos0[k];
            w->slice[w->n_slices++] = s;
        }
    }
}

// The rows of a pack: every sequence's tokens that it does not share.
static void set_inputs(Workspace *w, const Pack *pack, Run *r) {
    int n = 0;
    for (int s = 0; s < pack->n_seqs; s++) {
        const Seq *q = &pack->seq[s];
        w->pos0[s] = pack_shared(pack, s, &w->leader[s]);
        w->offset[s] = n;
        w->packed[s] = pack->offset[s] - pack->offset[0];
        for (int t = 0; t < w->pos0[s]; t++) w->times[w->offset[w->leader[s]] + t]++;
        for (int t = w->pos0[s]; t < q->end - q->begin; t++, n++) {
            w->token[n] = pack->token[q->begin + t];
            w->pos[n] = t;
            w->times[n] = 1;
        }
    }
    CHECK(n == pack->n_rows);
    w->offset[pack->n_seqs] = r->n_tokens = n;
    r->n_seqs = pack->n_seqs;
    set_slices(w, r->n_seqs);
}

// Shared tokens took the way of their leader's.
static void record_shared(const Run *r) {
    const Workspace *w = r->w;
    const size_t step = (size_t)(r->p->n_moe * r->p->model.n_experts_per_tok);
    for (int s = 0; r->record && s < r->n_seqs; s++)
        if (w->pos0[s] > 0)
            memcpy(r->record + (size_t)w->packed[s] * step,
                   r->record + (size_t)w->packed[w->leader[s]] * step,
                   (size_t)w->pos0[s] * step * sizeof *r->record);
}

// ---- scoring

typedef struct Score {
    Policy *p;
    const Pack *pack;
    const ScoreOpts *opts;
    float *logp, *entropy;
    int cap; // rows of a block
    atomic_int next;
    int n_blocks;
    bool solo;
} Score;

static Pack block_at(const Score *s, int b) { // found by walking, which costs nothing
    Pack out = pack_piece(s->pack, 0, s->cap);
    for (int begin = 0; b > 0; b--) {
        begin += out.n_seqs;
        out = pack_piece(s->pack, begin, s->cap);
    }
    return out;
}

static void score_block(Score *s, Workspace *w, int b) {
    Policy *p = s->p;
    Pack block = block_at(s, b);
    const int first = block.offset[0], step = p->n_moe * p->model.n_experts_per_tok;
    Run r = {.p = p, .w = w};
    if (s->opts->replay) r.replay = s->opts->replay->route + (size_t)first * (size_t)step;
    if (s->opts->record) r.record = s->opts->record->route + (size_t)first * (size_t)step;
    w->dev.pool = s->solo ? p->opts.pool : NULL;
    set_inputs(w, &block, &r);
    net_forward(&r);
    record_shared(&r);
    const int n = head_wanted(&block, w);
    head_logprob(&r, n, (float)(1 / s->opts->temperature), s->entropy != NULL);
    for (int i = 0; i < n; i++) {
        s->logp[first + w->want_at[i]] = w->want_logp[i];
        if (s->entropy) s->entropy[first + w->want_at[i]] = w->want_entropy[i];
    }
}

static void score_slot(void *ctx, int slot, int worker) {
    (void)worker;
    Score *s = ctx;
    for (int b; (b = atomic_fetch_add(&s->next, 1)) < s->n_blocks;)
        score_block(s, &s->p->work[slot], b);
}

static Status check_opts(const Policy *p, const ScoreOpts *o) {
    const int k = p->model.n_experts_per_tok;
    if (!(o->temperature > 0))
        return FAIL(ST_CONFIG, "temperature %g: log-probabilities need one above 0",
                    o->temperature);
    if (o->replay && (o->replay->n_moe_layers != p->n_moe || o->replay->k != k))
        return FAIL(ST_CONFIG, "routes for %d layers of %d experts; the model has %d of %d",
                    o->replay->n_moe_layers, o->replay->k, p->n_moe, k);
    if (o->record && (o->record->n_moe_layers != p->n_moe || o->record->k != k))
        return FAIL(ST_CONFIG, "room for routes of %d layers of %d experts; the model has %d of %d",
                    o->record->n_moe_layers, o->record->k, p->n_moe, k);
    return ST_OK;
}

Status policy_score(Policy *p, const Pack *pack, const ScoreOpts *opts, float *logp,
                    float *entropy) {
    TRY(check_opts(p, opts));
    TRY(check_pack(p, pack));
    memset(logp, 0, (size_t)pack->n_tokens * sizeof *logp);
    if (entropy) memset(entropy, 0, (size_t)pack->n_tokens * sizeof *entropy);
    if (pack->n_seqs == 0) return ST_OK;
    // several blocks per worker, but not so small that products starve
    int cap = (pack->n_rows + 4 * p->n_work - 1) / (4 * p->n_work);
    if (cap < 256) cap = 256;
    if (cap > p->work[0].cap) cap = p->work[0].cap;
    Score s = {.p = p, .pack = pack, .opts = opts, .logp = logp, .entropy = entropy, .cap = cap};
    for (int at = 0; at < pack->n_seqs; s.n_blocks++) at += pack_piece(pack, at, cap).n_seqs;
    s.solo = s.n_blocks == 1;
    if (s.solo)
        score_slot(&s, 0, 0);
    else
        pool_for(p->opts.pool, p->n_work, score_slot, &s);
    for (int i = 0; i < pack->n_tokens; i++)
        if (!isfinite(logp[i]))
            return FAIL(ST_FORMAT, "log-probability of packed token %d is %f", i, (double)logp[i]);
    return ST_OK;
}

// ---- training

typedef struct Train {
    Policy *p;
    const Pack *chunk;
    const ScoreOpts *opts;
    LossFn *loss;
    void *ctx;
    float balance;
    int n_chunks;
    int begin[N_LANES + 1]; // chunks of each lane
    atomic_int next;
    atomic_bool stop;
    bool solo;
    size_t *first; // packed token at which each chunk begins, for routes
    float *room;   // [n_work][4][room_tokens] log-probs and gradients where a chunk has more packed
                   // tokens than the plan has rows
    int room_tokens;
    Failure failure;
} Train;

// A piece of a chunk as a Run: inputs set, forward done, log-probs of wanted tokens in w. Returns
// how many are wanted.
static int piece_forward(const Train *t, Run *r, const Pack *piece, size_t first) {
    const int step = t->p->n_moe * t->p->model.n_experts_per_tok;
    if (t->opts->replay) r->replay = t->opts->replay->route + first * (size_t)step;
    if (t->opts->record) r->record = t->opts->record->route + first * (size_t)step;
    set_inputs(r->w, piece, r);
    net_forward(r);
    record_shared(r);
    const int n = head_wanted(piece, r->w);
    head_logprob(r, n, (float)(1 / t->opts->temperature), true);
    return n;
}

static void piece_backward(const Train *t, Run *r, int n) {
    Policy *p = t->p;
    Workspace *w = r->w;
    const int D = p->model.hidden_size;
    head_backward(r, n, (float)(1 / t->opts->temperature), true);
    for (int l = p->model.n_layers - 1; l >= 0; l--) {
        ffn_backward(r, l);
        if (p->model.family == FAMILY_DENSE)
            dense_backward(r, l);
        else
            mla_backward(r, l);
    }
    p->ops->axpy_rows(&w->dev, net_at(p, r->grad, p->embed), D, w->token, w->dx, D, NULL, NULL,
                      NULL, r->n_tokens, D);
}

// A chunk that the plan holds is one piece. A larger one (a group may be) is cut by sequences: all
// pieces forward for the loss, then each forward again and backward.
static Status train_chunk(Train *t, int slot, int c, float *grad) {
    Policy *p = t->p;
    Workspace *w = &p->work[slot];
    const Pack *chunk = &t->chunk[c];
    const bool whole = chunk->n_rows <= w->cap;
    float *out[] = {w->logp, w->entropy, w->dlogp, w->dentropy};
    for (int i = 0; i < 4; i++) {
        if (chunk->n_tokens > w->cap)
            out[i] = t->room + (size_t)(slot * 4 + i) * (size_t)t->room_tokens;
        memset(out[i], 0, (size_t)chunk->n_tokens * sizeof(float));
    }
    Run r = {.p = p, .w = w, .balance = t->balance, .save = whole, .grad = whole ? grad : NULL};
    w->dev.pool = t->solo ? p->opts.pool : NULL;
    int n = 0;
    for (int at = 0; at < chunk->n_seqs;) {
        const Pack piece = pack_piece(chunk, at, w->cap);
        const int first = piece.offset[0] - chunk->offset[0];
        n = piece_forward(t, &r, &piece, t->first[c] + (size_t)first);
        for (int i = 0; i < n; i++) {
            const int to = first + w->want_at[i];
            if (!isfinite(w->want_logp[i]))
                return FAIL(ST_FORMAT, "chunk %d: log-probability of packed token %d is %f", c, to,
                            (double)w->want_logp[i]);
            out[0][to] = w->want_logp[i];
            out[1][to] = w->want_entropy[i];
        }
        at += piece.n_seqs;
    }
    TRY(t->loss(t->ctx, c, chunk, out[0], out[1], out[2], out[3]));
    r.save = true;
    r.grad = grad;
    for (int at = 0; at < chunk->n_seqs;) {
        const Pack piece = pack_piece(chunk, at, w->cap);
        const int first = piece.offset[0] - chunk->offset[0];
        if (!whole) n = piece_forward(t, &r, &piece, t->first[c] + (size_t)first);
        for (int i = 0; i < n; i++) {
            w->want_dlogp[i] = out[2][first + w->want_at[i]];
            w->want_dentropy[i] = out[3][first + w->want_at[i]];
        }
        piece_backward(t, &r, n);
        at += piece.n_seqs;
    }
    return ST_OK;
}

// The next lane with work, in ascending order; n_lanes when there is none.
static int next_lane(Train *t) {
    int lane;
    do lane = atomic_fetch_add(&t->next, 1);
    while (lane < t->p->n_lanes && t->begin[lane] == t->begin[lane + 1]);
    return lane;
}

static void train_slot(void *ctx, int slot, int worker) {
    (void)worker;
    Train *t = ctx;
    Policy *p = t->p;
    const bool one = p->n_lanes == 1;
    for (int lane; (lane = next_lane(t)) < p->n_lanes;) {
        float *grad = one ? p->grad : fold_take(&p->fold);
        for (int c = t->begin[lane]; c < t->begin[lane + 1] && !atomic_load(&t->stop); c++) {
            Status st = train_chunk(t, slot, c, grad);
            if (st == ST_OK) continue;
            failure_keep(&t->failure, st, c);
            atomic_store(&t->stop, true);
        }
        if (!one) fold_give(&p->fold, lane, grad);
    }
}

Status policy_train(Policy *p, const Pack *chunk, int n_chunks, const ScoreOpts *opts, LossFn *loss,
                    void *ctx) {
    CHECK(p->opts.trainable);
    if (n_chunks == 0) return ST_OK;
    TRY(check_opts(p, opts));
    int n_seqs = 0, largest = 0;
    for (int c = 0; c < n_chunks; c++) {
        TRY(check_pack(p, &chunk[c]));
        if (chunk[c].n_tokens > largest) largest = chunk[c].n_tokens;
        n_seqs += chunk[c].n_seqs;
    }
    net_phase(p, true);
    ArenaMark mark = arena_mark(p->arena);
    Train t = {.p = p,
               .chunk = chunk,
               .opts = opts,
               .loss = loss,
               .ctx = ctx,
               .balance = (float)(opts->balance_alpha / n_seqs),
               .n_chunks = n_chunks,
               .failure = {.lock = PTHREAD_MUTEX_INITIALIZER}};
    t.first = ARENA_ARRAY(p->arena, size_t, n_chunks + 1);
    for (int c = 0; c < n_chunks; c++) t.first[c + 1] = t.first[c] + (size_t)chunk[c].n_tokens;
    // lane l begins with the first c for which c * lanes / n >= l
    const int lanes = p->n_lanes;
    for (int l = 0; l <= lanes; l++) t.begin[l] = (int)(((long)l * n_chunks + lanes - 1) / lanes);
    if (largest > p->work[0].cap) {
        t.room_tokens = largest;
        t.room = ARENA_ARRAY(p->arena, float, (size_t)p->n_trainers * 4 * (size_t)largest);
    }
    bool work[N_LANES] = {false};
    for (int l = 0; l < lanes; l++) work[l] = t.begin[l] < t.begin[l + 1];
    if (lanes > 1) fold_open(&p->fold, work);
    t.solo = n_chunks == 1 || p->n_trainers == 1; // the threads then share each product
    if (t.solo)
        train_slot(&t, 0, 0);
    else
        pool_for(p->opts.pool, p->n_trainers, train_slot, &t);
    if (lanes > 1) fold_close(&p->fold, t.failure.st == ST_OK ? p->grad : NULL);
    const size_t n_load = (size_t)p->n_moe * (size_t)p->model.n_routed_experts;
    for (int i = 0; i < p->n_work; i++)
        for (size_t j = 0; j < n_load; j++) {
            p->load[j] += p->work[i].load[j];
            p->work[i].load[j] = 0;
        }
    arena_rewind(p->arena, mark);
    return failure_raise(&t.failure);
}
