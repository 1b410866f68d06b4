// tests/watched_backend.h -- a second backend: counts calls, and its memory is unreadable between
// them.
//
// It owns its memory and forwards every operation to the CPU's. Outside an operation the memory is
// without access (mprotect), so a host that dereferences a device address dies of SIGSEGV, as it
// would with a GPU. The Index is copied to the device. Static functions, included once by a test;
// one thread works with it at a time.
#ifndef TESTS_WATCHED_BACKEND_H
#define TESTS_WATCHED_BACKEND_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "policy/ops.h"

// Operations of a model's walk come first, up to WATCH_LOGITS: those whose calls a unit repeats.
typedef enum WatchedOp {
    WATCH_EMBED,
    WATCH_EMBED_BACK,
    WATCH_RMSNORM,
    WATCH_RMSNORM_BACK,
    WATCH_LINEAR,
    WATCH_LINEAR_GRAD,
    WATCH_GLU,
    WATCH_GLU_BACK,
    WATCH_ROPE,
    WATCH_ATTEND,
    WATCH_ATTEND_BACK,
    WATCH_ROUTE,
    WATCH_ROUTE_BACK,
    WATCH_EXPERTS,
    WATCH_EXPERTS_BACK,
    WATCH_LOGPROB,
    WATCH_LOGPROB_BACK,
    WATCH_DRAW,
    WATCH_LOGITS,
    WATCH_PAGE_COPY,
    WATCH_ADD,
    WATCH_SUMSQ,
    WATCH_ADAMW,
    WATCH_WEIGHTS_SET,
    WATCH_UPLOAD,
    WATCH_DOWNLOAD,
    WATCH_COPY,
    WATCH_ZERO,
    WATCH_OPS
} WatchedOp;

static const char *const watched_name[WATCH_OPS] = {
    "embed",      "embed_back", "rmsnorm",      "rmsnorm_back", "linear",       "linear_grad",
    "glu",        "glu_back",   "rope",         "attend",       "attend_back",  "route",
    "route_back", "experts",    "experts_back", "logprob",      "logprob_back", "draw",
    "logits",     "page_copy",  "add",          "sumsq",        "adamw",        "weights_set",
    "upload",     "download",   "copy",         "zero"};

enum { WATCHED_BLOCKS = 16, WATCHED_PAGE = 2 << 20 };
static struct {
    long calls[WATCH_OPS];
    struct {
        char *at;
        size_t bytes;
    } block[WATCHED_BLOCKS];
    bool open;
} watched;

static void watched_protect(int how) {
    for (int i = 0; i < WATCHED_BLOCKS; i++)
        if (watched.block[i].at)
            CHECK(mprotect(watched.block[i].at, watched.block[i].bytes, how) == 0);
    watched.open = how != PROT_NONE;
}
// An operation inside another one (none of the CPU's calls the table) would find the door open.
static void watched_enter(WatchedOp op) {
    CHECK(!watched.open);
    watched.calls[op]++;
    watched_protect(PROT_READ | PROT_WRITE);
}
static void watched_leave(void) {
    watched_protect(PROT_NONE);
}

static Status watched_alloc(Device *d, size_t bytes, DeviceByte **out) {
    (void)d;
    int i = 0;
    while (i < WATCHED_BLOCKS && watched.block[i].at) i++;
    CHECK(i < WATCHED_BLOCKS);
    const size_t size = (bytes / WATCHED_PAGE + 1) * WATCHED_PAGE;
    char *at = (char *)mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) return FAIL(ST_NOMEM, "watched: no memory for %zu bytes", bytes);
    madvise(at, size, MADV_HUGEPAGE); // a hint: large pages open and close fast
    watched.block[i].at = at;
    watched.block[i].bytes = size;
    *out = (DeviceByte *)at;
    return ST_OK;
}
static void watched_release(Device *d, DeviceByte *memory) {
    (void)d;
    for (int i = 0; memory && i < WATCHED_BLOCKS; i++)
        if (watched.block[i].at == (char *)memory) {
            munmap(watched.block[i].at, watched.block[i].bytes);
            watched.block[i].at = NULL;
        }
}

// A backend that has no threads of its own: units run one after the other, as on one stream.
static int watched_queues(const Device *d) {
    (void)d;
    return 1;
}
static Status watched_open(Pool *pool, Device **out) {
    (void)pool;
    return ops_cpu.open(NULL, out);
}
static int watched_unit_rows(const Device *d, const ModelConfig *m, UnitKind kind, int total,
                             int queues, int cap) {
    (void)d, (void)m, (void)kind, (void)queues;
    return total < cap ? total : cap;
}
static void watched_each(Device *d, int n, UnitFn *fn, void *ctx) {
    (void)d;
    for (int slot = 0; slot < n; slot++) fn(ctx, slot);
}

#define WATCHED(op, name, parameters, arguments)                                                   \
    static void watched_##name parameters {                                                        \
        watched_enter(op);                                                                         \
        ops_cpu.name arguments;                                                                    \
        watched_leave();                                                                           \
    }
WATCHED(WATCH_UPLOAD, upload, (Queue * q, DeviceByte *to, const void *from, size_t bytes),
        (q, to, from, bytes))
WATCHED(WATCH_DOWNLOAD, download, (Queue * q, void *to, const DeviceByte *from, size_t bytes),
        (q, to, from, bytes))
WATCHED(WATCH_COPY, copy, (Queue * q, DeviceByte *to, const DeviceByte *from, size_t bytes),
        (q, to, from, bytes))
WATCHED(WATCH_ZERO, zero, (Queue * q, DeviceByte *at, size_t bytes), (q, at, bytes))
WATCHED(WATCH_WEIGHTS_SET, weights_set, (Queue * q, Weight *const *w, int n), (q, w, n))
WATCHED(WATCH_EMBED, embed, (Queue * q, View x, const Weight *table, Ints token),
        (q, x, table, token))
WATCHED(WATCH_EMBED_BACK, embed_back,
        (Queue * q, const Weight *table, View dx, Ints token, DeviceByte *grad),
        (q, table, dx, token, grad))
WATCHED(WATCH_RMSNORM, rmsnorm, (Queue * q, const Norm *job, int n, float eps), (q, job, n, eps))
WATCHED(WATCH_RMSNORM_BACK, rmsnorm_back,
        (Queue * q, const NormBack *job, int n, float eps, DeviceByte *grad),
        (q, job, n, eps, grad))
WATCHED(WATCH_LINEAR, linear, (Queue * q, const Product *job, int n), (q, job, n))
WATCHED(WATCH_LINEAR_GRAD, linear_grad,
        (Queue * q, const ProductGrad *job, int n, DeviceByte *grad), (q, job, n, grad))
WATCHED(WATCH_GLU, glu, (Queue * q, const Glu *job), (q, job))
WATCHED(WATCH_GLU_BACK, glu_back, (Queue * q, const GluBack *job), (q, job))
WATCHED(WATCH_ROPE, rope,
        (Queue * q, const Rope *job, int n, const RopeTable *table, Ints pos, bool inverse),
        (q, job, n, table, pos, inverse))
WATCHED(WATCH_ATTEND, attend, (Queue * q, const Attend *a, const Index *ix), (q, a, ix))
WATCHED(WATCH_ATTEND_BACK, attend_back, (Queue * q, const AttendBack *a, const Index *ix),
        (q, a, ix))
WATCHED(WATCH_PAGE_COPY, page_copy,
        (Queue * q, DeviceByte *cache, size_t layer_bytes, int n_layers, int from, int to,
         int n_tokens),
        (q, cache, layer_bytes, n_layers, from, to, n_tokens))
WATCHED(WATCH_ROUTE, route, (Queue * q, const RouterShape *shape, const Route *r, const Index *ix),
        (q, shape, r, ix))
WATCHED(WATCH_ROUTE_BACK, route_back,
        (Queue * q, const RouterShape *shape, const RouteBack *r, const Index *ix),
        (q, shape, r, ix))
WATCHED(WATCH_EXPERTS, experts, (Queue * q, const Experts *e), (q, e))
WATCHED(WATCH_EXPERTS_BACK, experts_back, (Queue * q, const ExpertsBack *e, DeviceByte *grad),
        (q, e, grad))
WATCHED(WATCH_LOGPROB, logprob, (Queue * q, const Logprob *l), (q, l))
WATCHED(WATCH_LOGPROB_BACK, logprob_back, (Queue * q, const LogprobBack *l, DeviceByte *grad),
        (q, l, grad))
WATCHED(WATCH_DRAW, draw,
        (Queue * q, View x, const Weight *head, const Draw *d, int n, DeviceByte *out),
        (q, x, head, d, n, out))
WATCHED(WATCH_ADD, add, (Queue * q, DeviceByte *to, const DeviceByte *from, size_t floats),
        (q, to, from, floats))
WATCHED(WATCH_SUMSQ, sumsq,
        (Queue * q, DeviceByte *out, const DeviceByte *block, const ParamSpan *span, int n),
        (q, out, block, span, n))
WATCHED(WATCH_ADAMW, adamw,
        (Queue * q, const AdamW *a, const ParamSpan *span, int n, DeviceByte *moved),
        (q, a, span, n, moved))

// Logits come to the host as a copy.
typedef struct WatchedLogits {
    LogitsBlockFn *fn;
    void *ctx;
    int vocab;
} WatchedLogits;
static void watched_block(void *ctx, int at, int n, const float *logits) {
    const WatchedLogits *l = (const WatchedLogits *)ctx;
    const size_t bytes = (size_t)n * (size_t)l->vocab * sizeof *logits;
    float *host = (float *)malloc(bytes);
    CHECK(host);
    memcpy(host, logits, bytes);
    watched_protect(PROT_NONE);
    l->fn(l->ctx, at, n, host);
    watched_protect(PROT_READ | PROT_WRITE);
    free(host);
}
static void watched_logits(Queue *q, View x, const Weight *head, LogitsBlockFn *fn, void *ctx) {
    WatchedLogits l = {fn, ctx, head->n};
    watched_enter(WATCH_LOGITS);
    ops_cpu.logits(q, x, head, watched_block, &l);
    watched_leave();
}

// The whole table; what is not here is the CPU's own.
static Ops watched_ops(void) {
    Ops o = ops_cpu;
    o.name = "watched";
    o.copies_index = true;
    o.open = watched_open;
    o.queues = watched_queues;
    o.alloc = watched_alloc;
    o.release = watched_release;
    o.each = watched_each;
    o.unit_rows = watched_unit_rows;
#define PUT(name) o.name = watched_##name
    PUT(upload), PUT(download), PUT(copy), PUT(zero), PUT(weights_set), PUT(embed), PUT(embed_back);
    PUT(rmsnorm), PUT(rmsnorm_back), PUT(linear), PUT(linear_grad), PUT(glu), PUT(glu_back);
    PUT(rope), PUT(attend), PUT(attend_back), PUT(page_copy), PUT(route), PUT(route_back);
    PUT(experts), PUT(experts_back), PUT(logprob), PUT(logprob_back), PUT(draw), PUT(logits),
        PUT(add);
    PUT(sumsq), PUT(adamw);
#undef PUT
    return o;
}

#endif
