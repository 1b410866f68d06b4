// policy/cpu/table.c -- the CPU row of the ops table: memory, products, and the names of the rest.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "policy/cpu/gemm.h"
#include "policy/cpu/quant.h"
#include "policy/cpu/rows.h"

// Large blocks on huge pages where the system gives them on request: weights are read as one
// stream, and a page of 4 KiB ends a prefetcher's run. calloc takes zeroed pages from the system
// as they are: what is never used (most of a KV store) is never touched. What calloc gave stands
// before the block.
static Status cpu_alloc(void *dev, size_t bytes, void **out) {
    (void)dev;
    const size_t huge = (size_t)2 << 20, align = bytes < huge ? 256 : huge;
    if (bytes > SIZE_MAX / 2) return FAIL(ST_NOMEM, "cpu: no memory for %zu bytes", bytes);
    const size_t size = bytes ? (bytes + align - 1) / align * align : align;
    // cppcheck-suppress pointerSize ; the pointer itself is kept there
    char *given = calloc(1, size + align + sizeof given);
    if (!given) return FAIL(ST_NOMEM, "cpu: no memory for %zu bytes", bytes);
    const size_t past = (size_t)((uintptr_t)(given + sizeof given) % align);
    char *block = given + sizeof given + (past ? align - past : 0);
    memcpy(block - sizeof given, &given, sizeof given);
    if (align == huge) madvise(block, size, MADV_HUGEPAGE); // a hint: refused is fine
    *out = block;
    return ST_OK;
}
static void cpu_release(void *dev, void *memory) {
    (void)dev;
    if (!memory) return;
    char *given;
    memcpy(&given, (char *)memory - sizeof given, sizeof given);
    free(given);
}
static void cpu_clear(void *dev, void *memory, size_t bytes) {
    (void)dev;
    memset(memory, 0, bytes);
}
static Status cpu_copy(void *dev, void *to, const void *from, size_t bytes) {
    (void)dev;
    memcpy(to, from, bytes);
    return ST_OK;
}
static Status cpu_sync(void *dev) {
    (void)dev;
    return ST_OK;
}

static void cpu_gemm(void *dev, float *c, int ldc, const float *a, int lda, int m, const Packed *w,
                     int into, const int32_t *gather) {
    const CpuDev *d = dev;
    const GemmOpts opts = {
        .accumulate = into == GEMM_ADD, .go_on = into == GEMM_GO_ON, .gather = gather};
    if (m <= 0) return;
    if (d->pool)
        gemm_pool(d->pool, c, ldc, a, lda, m, w, &opts, d->work);
    else
        gemm(c, ldc, a, lda, m, w, &opts, d->work);
}

void cpu_round_bf16(void *dev, float *x, size_t n) {
    (void)dev;
    enum { PIECE = 1 << 20 };
    for (; n > PIECE; n -= PIECE, x += PIECE) bf16_round_n(x, x, PIECE);
    bf16_round_n(x, x, (int)n);
}

const Ops ops_cpu = {
    .name = "cpu",
    .alloc = cpu_alloc,
    .release = cpu_release,
    .clear = cpu_clear,
    .upload = cpu_copy,
    .download = cpu_copy,
    .sync = cpu_sync,
    .rmsnorm_quant = cpu_rmsnorm_quant,
    .quant_both = cpu_quant_both,
    .logprob = shared_logprob,
    .logprob_grad = shared_logprob_grad,
    .gemm = cpu_gemm,
    .gemm_grad = shared_gemm_grad,
    .rmsnorm = shared_rmsnorm,
    .rmsnorm_grad = cpu_rmsnorm_grad,
    .swiglu = shared_swiglu,
    .swiglu_grad = shared_swiglu_grad,
    .round_bf16 = cpu_round_bf16,
    .axpy_rows = cpu_axpy_rows,
    .gather_rows = cpu_gather_rows,
    .scale_rows = cpu_scale_rows,
    .dot_rows = cpu_dot_rows,
    .rope = cpu_rope,
    .rope_halves = shared_rope_halves,
    .router = cpu_router,
    .router_grad = cpu_router_grad,
    .router_balance = cpu_router_balance,
    .attention = cpu_attention,
    .attention_grad = cpu_attention_grad,
    .adamw = cpu_adamw,
};
