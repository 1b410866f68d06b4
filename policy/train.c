// policy/train.c -- scoring and training: units of work over the pool, gradients in partial sums.
//
// Scoring cuts a pack into blocks of whole sequences, training takes chunks as they are; a unit is
// walked by one worker in its own workspace. Chunk c of n belongs to partial sum c * n_sums / n; a
// sum is claimed whole and adds its chunks in order; sums are added in a fixed tree (gradsum.h). So
// neither threads nor chunks in flight touch a bit.
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "policy/mtp.h"
#include "policy/net.h"

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

// A pack as a unit, walked: log-probs and entropies of wanted rows are then in w->want_*.
static Status unit_forward(NetUnit *u, const ScoreOpts *opts, size_t first, bool entropy) {
    Policy *p = u->p;
    Workspace *w = u->w;
    const size_t step = (size_t)(p->n_moe * p->model.n_experts_per_tok);
    if (opts->replay && step > 0) unit_replay(u, opts->replay->route + first * step);
    net_forward(u, 0, p->model.n_layers);
    if (opts->record && step > 0) TRY(unit_record(u, opts->record->route + first * step));
    head_logprob(u, (float)(1 / opts->temperature), entropy);
    const size_t bytes = (size_t)u->ix->n_want * sizeof(float);
    p->ops->download(u->q, w->want_logp, w->acts.logp.data, bytes);
    if (entropy) p->ops->download(u->q, w->want_entropy, w->acts.entropy.data, bytes);
    return p->ops->wait(u->q);
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
    bool alone;
    UnitFailure failure;
} Score;

static Pack block_at(const Score *s, int b) { // found by walking, which costs nothing
    Pack out = pack_piece(s->pack, 0, s->cap);
    for (int begin = 0; b > 0; b--) {
        begin += out.n_seqs;
        out = pack_piece(s->pack, begin, s->cap);
    }
    return out;
}

static Status score_block(Score *s, Workspace *w, int b) {
    const Pack block = block_at(s, b);
    const int first = block.offset[0];
    index_pack(&w->ix, &block);
    NetUnit u = unit_begin(s->p, w, s->alone);
    head_keep(&u, &block, s->opts->kept);
    TRY(unit_forward(&u, s->opts, (size_t)first, s->entropy != NULL));
    for (int i = 0; i < w->ix.n_want; i++) {
        s->logp[first + w->ix.want_at[i]] = w->want_logp[i];
        if (s->entropy) s->entropy[first + w->ix.want_at[i]] = w->want_entropy[i];
    }
    return ST_OK;
}

static void score_slot(void *ctx, int slot) {
    Score *s = ctx;
    for (int b; (b = atomic_fetch_add(&s->next, 1)) < s->n_blocks;) {
        Status st = score_block(s, &s->p->work[slot], b);
        if (st != ST_OK) failure_keep(&s->failure, st, b);
    }
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
    const int cap = p->ops->unit_rows(p->device, &p->model, UNIT_SCORE, pack->n_rows, p->n_work,
                                      p->work[0].cap);
    Score s = {.p = p,
               .pack = pack,
               .opts = opts,
               .logp = logp,
               .entropy = entropy,
               .cap = cap,
               .failure = {.lock = PTHREAD_MUTEX_INITIALIZER}};
    for (int at = 0; at < pack->n_seqs; s.n_blocks++) at += pack_piece(pack, at, cap).n_seqs;
    s.alone = s.n_blocks == 1;
    p->ops->each(p->device, s.alone ? 1 : p->n_work, score_slot, &s);
    TRY(failure_raise(&s.failure));
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
    MtpLoss *mtp; // [n_chunks][n_mtp]; NULL: the modules are not trained
    int n_chunks;
    int begin[MAX_PARTIAL_SUMS + 1]; // chunks of each lane
    atomic_int next;
    atomic_bool stop;
    const TrainScope *scope;
    bool alone;
    size_t *first; // packed token at which each chunk begins, for routes
    float *room;   // [n_work][4][room_tokens] log-probs and gradients where a chunk has more packed
                   // tokens than the plan has rows
    int room_tokens;
    UnitFailure failure;
} Train;

static Status piece_backward(const Train *t, int c, NetUnit *u, const Pack *piece) {
    Policy *p = u->p;
    Workspace *w = u->w;
    const ScoreOpts *opts = t->opts;
    const size_t bytes = (size_t)u->ix->n_want * sizeof(float);
    p->ops->upload(u->q, w->acts.dlogp.data, w->want_logp, bytes);
    p->ops->upload(u->q, w->acts.dentropy.data, w->want_entropy, bytes);
    if (t->mtp) {
        TRY(mtp_train(u, piece, opts->mtp_scale, t->mtp + (size_t)c * (size_t)p->model.n_mtp));
        u->dx_given = true;
    }
    head_backward(u, (float)(1 / opts->temperature), true);
    net_backward(u, 0, p->model.n_layers);
    return ST_OK;
}

// The next piece of a chunk becomes a unit.
static NetUnit piece_begin(const Train *t, Workspace *w, const Pack *piece) {
    index_pack(&w->ix, piece);
    NetUnit u = unit_begin(t->p, w, t->alone);
    head_keep(&u, piece, t->opts->kept);
    u.balance = t->balance;
    return u;
}

// A chunk that the plan holds is one piece. A larger one (a group may be) is cut by sequences: all
// pieces forward for the loss, then each forward again and backward.
static Status train_chunk(Train *t, int slot, int c, DeviceByte *grad) {
    Workspace *w = &t->p->work[slot];
    const Index *ix = &w->ix;
    const Pack *chunk = &t->chunk[c];
    const bool whole = chunk->n_rows <= w->cap;
    float *out[] = {w->logp, w->entropy, w->dlogp, w->dentropy};
    for (int i = 0; i < 4; i++) {
        if (chunk->n_tokens > w->cap)
            out[i] = t->room + (size_t)(slot * 4 + i) * (size_t)t->room_tokens;
        memset(out[i], 0, (size_t)chunk->n_tokens * sizeof(float));
    }
    NetUnit u;
    for (int at = 0; at < chunk->n_seqs;) {
        const Pack piece = pack_piece(chunk, at, w->cap);
        const int first = piece.offset[0] - chunk->offset[0];
        u = piece_begin(t, w, &piece);
        u.save = whole;
        u.grad = whole ? grad : NULL;
        TRY(unit_forward(&u, t->opts, t->first[c] + (size_t)first, true));
        for (int i = 0; i < ix->n_want; i++) {
            const int to = first + ix->want_at[i];
            if (!isfinite(w->want_logp[i]))
                return FAIL(ST_FORMAT, "chunk %d: log-probability of packed token %d is %f", c, to,
                            (double)w->want_logp[i]);
            out[0][to] = w->want_logp[i];
            out[1][to] = w->want_entropy[i];
        }
        at += piece.n_seqs;
    }
    TRY(t->loss(t->ctx, c, chunk, out[0], out[1], out[2], out[3]));
    for (int at = 0; at < chunk->n_seqs;) {
        const Pack piece = pack_piece(chunk, at, w->cap);
        const int first = piece.offset[0] - chunk->offset[0];
        if (!whole) {
            u = piece_begin(t, w, &piece);
            u.save = true;
            u.grad = grad;
            TRY(unit_forward(&u, t->opts, t->first[c] + (size_t)first, true));
        }
        for (int i = 0; i < ix->n_want; i++) {
            w->want_logp[i] = out[2][first + ix->want_at[i]];
            w->want_entropy[i] = out[3][first + ix->want_at[i]];
        }
        TRY(piece_backward(t, c, &u, &piece));
        at += piece.n_seqs;
    }
    return t->p->ops->wait(w->queue);
}

// The next lane with work, in ascending order; n_sums when there is none.
static int next_lane(Train *t) {
    int lane;
    do lane = atomic_fetch_add(&t->next, 1);
    while (lane < t->p->n_sums && t->begin[lane] == t->begin[lane + 1]);
    return lane;
}

// The chunks of the step that partial sum `lane` has end with this call.
static bool lane_ends(const Train *t, int lane) {
    const TrainScope *s = t->scope;
    return train_sum_begins(lane + 1, t->p->n_sums, s->total) <= s->first + t->n_chunks;
}

// A zeroed buffer, or what an earlier call of the step began.
static DeviceByte *lane_sum(Train *t, int lane, Queue *q) {
    Policy *p = t->p;
    const bool begun = train_sum_begins(lane, p->n_sums, t->scope->total) < t->scope->first;
    if (!begun) return gradsum_take(&p->gradsum, q);
    DeviceByte *sum = p->open_sum;
    p->open_sum = NULL;
    CHECK(sum != NULL);
    return sum;
}

static void train_slot(void *ctx, int slot) {
    Train *t = ctx;
    Policy *p = t->p;
    const bool one = p->n_sums == 1;
    for (int lane; (lane = next_lane(t)) < p->n_sums;) {
        Queue *q = p->work[slot].queue;
        DeviceByte *grad = one ? p->grad : lane_sum(t, lane, q);
        for (int c = t->begin[lane]; c < t->begin[lane + 1] && !atomic_load(&t->stop); c++) {
            Status st = train_chunk(t, slot, c, grad);
            if (st == ST_OK) continue;
            failure_keep(&t->failure, st, c);
            atomic_store(&t->stop, true);
        }
        if (one) continue;
        if (lane_ends(t, lane))
            gradsum_give(&p->gradsum, q, lane, grad);
        else
            p->open_sum = grad; // the next call goes on with it
    }
}

// Chunks whose sequences share nothing, as MTP modules want them: the last tokens that a prompt
// shares are continued by other tokens in each sequence.
static const Pack *without_sharing(const Pack *chunk, int n, Arena *arena) {
    Pack *out = ARENA_ARRAY(arena, Pack, n);
    for (int c = 0; c < n; c++) {
        out[c] = chunk[c];
        out[c].shared = NULL;
        out[c].n_rows = chunk[c].n_tokens;
    }
    return out;
}

static void add_mtp_losses(const Train *t) {
    const int n = t->p->model.n_mtp;
    for (int i = 0; t->opts->mtp_loss && i < t->n_chunks * n; i++) {
        t->opts->mtp_loss[i % n].sum += t->mtp[i].sum;
        t->opts->mtp_loss[i % n].tokens += t->mtp[i].tokens;
    }
}

// Loads of experts that units counted go to the host's sums.
static Status add_loads(Policy *p) {
    const size_t n = (size_t)p->n_routers * (size_t)p->model.n_routed_experts;
    int64_t *load = n > 0 ? ARENA_ARRAY(p->arena, int64_t, n) : NULL;
    for (int i = 0; n > 0 && i < p->n_trainers; i++) {
        const Workspace *w = &p->work[i];
        p->ops->download(w->queue, load, w->acts.load, n * sizeof *load);
        p->ops->zero(w->queue, w->acts.load, n * sizeof *load);
        TRY(p->ops->wait(w->queue));
        for (size_t j = 0; j < n; j++) p->load[j] += load[j];
    }
    return p->ops->wait(p->work[0].queue);
}

int train_sum_begins(int s, int n_sums, int total) {
    return (int)(((long)s * total + n_sums - 1) / n_sums);
}

TrainScope train_scope(const Pack *chunk, int n_chunks) {
    TrainScope whole = {.end = n_chunks, .total = n_chunks};
    for (int c = 0; c < n_chunks; c++) whole.n_seqs += chunk[c].n_seqs;
    return whole;
}

int policy_partial_sums(const Policy *p) {
    return p->n_sums;
}

// Is it a part of a step, and the one that is due?
static void check_scope(const Policy *p, const TrainScope *s, int n_chunks) {
    CHECK(s->begin <= s->first && s->first + n_chunks <= s->end && s->end <= s->total);
    bool begins = false, ends = false;
    for (int i = 0; i <= p->n_sums; i++) {
        begins |= train_sum_begins(i, p->n_sums, s->total) == s->begin;
        ends |= train_sum_begins(i, p->n_sums, s->total) == s->end;
    }
    CHECK(begins && ends && s->first == (p->sums_open ? p->next_chunk : s->begin));
}

// Partial sums that have chunks in this policy's part of the step.
static void open_sums(Policy *p, const TrainScope *s) {
    bool work[MAX_PARTIAL_SUMS] = {false};
    for (int l = 0; l < p->n_sums; l++) {
        const int from = train_sum_begins(l, p->n_sums, s->total),
                  to = train_sum_begins(l + 1, p->n_sums, s->total);
        work[l] = from < to && from >= s->begin && to <= s->end;
    }
    if (p->n_sums > 1) gradsum_open(&p->gradsum, work);
    p->sums_open = true;
}

Status policy_train(Policy *p, const Pack *chunk, int n_chunks, const TrainScope *scope,
                    const ScoreOpts *opts, LossFn *loss, void *ctx) {
    CHECK(p->opts.trainable);
    if (n_chunks == 0) return ST_OK;
    TRY(check_opts(p, opts));
    int largest = 0;
    for (int c = 0; c < n_chunks; c++) {
        TRY(check_pack(p, &chunk[c]));
        if (chunk[c].n_tokens > largest) largest = chunk[c].n_tokens;
    }
    check_scope(p, scope, n_chunks);
    net_phase(p, true);
    ArenaMark mark = arena_mark(p->arena);
    Train t = {.p = p,
               .chunk = chunk,
               .opts = opts,
               .loss = loss,
               .ctx = ctx,
               .balance = (float)(opts->balance_alpha / (double)scope->n_seqs),
               .scope = scope,
               .n_chunks = n_chunks,
               .failure = {.lock = PTHREAD_MUTEX_INITIALIZER}};
    if (opts->mtp_scale > 0 && p->model.n_mtp > 0) {
        t.chunk = without_sharing(chunk, n_chunks, p->arena);
        t.mtp = ARENA_ARRAY(p->arena, MtpLoss, (size_t)n_chunks * (size_t)p->model.n_mtp);
        p->mtp_trained = true;
    }
    t.first = ARENA_ARRAY(p->arena, size_t, n_chunks + 1);
    for (int c = 0; c < n_chunks; c++) t.first[c + 1] = t.first[c] + (size_t)chunk[c].n_tokens;
    for (int l = 0; l <= p->n_sums; l++) {
        const int at = train_sum_begins(l, p->n_sums, scope->total) - scope->first;
        t.begin[l] = at < 0 ? 0 : at < n_chunks ? at : n_chunks;
    }
    if (largest > p->work[0].cap) {
        t.room_tokens = largest;
        t.room = ARENA_ARRAY(p->arena, float, (size_t)p->n_trainers * 4 * (size_t)largest);
    }
    if (!p->sums_open) open_sums(p, scope);
    p->next_chunk = scope->first + n_chunks;
    t.alone = n_chunks == 1 || p->n_trainers == 1; // the threads then share each product
    p->ops->each(p->device, t.alone ? 1 : p->n_trainers, train_slot, &t);
    Queue *q = p->work[0].queue;
    const bool failed = t.failure.st != ST_OK;
    if (failed || p->next_chunk == scope->end) {
        if (p->n_sums > 1) gradsum_close(&p->gradsum, q, failed ? NULL : p->grad);
        p->sums_open = false;
        p->open_sum = NULL;
    }
    Status st = add_loads(p);
    if (t.mtp && t.failure.st == ST_OK) add_mtp_losses(&t);
    if (st != ST_OK) failure_keep(&t.failure, st, n_chunks);
    arena_rewind(p->arena, mark);
    return failure_raise(&t.failure);
}
