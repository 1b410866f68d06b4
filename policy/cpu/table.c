// policy/cpu/table.c -- memory, and the kernels that are compared with CUDA's.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "policy/cpu/backend.h"
#include "policy/cpu/rows.h"

// Large blocks on huge pages where the system gives them on request: weights are read as one
// stream, and a page of 4 KiB ends a prefetcher's run. calloc takes zeroed pages from the system
// as they are: what is never used (most of a KV store) is never touched. What calloc gave is
// before the block.
Status cpu_alloc(void *dev, size_t bytes, void **out) {
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
void cpu_release(void *dev, void *memory) {
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

const Kernels kernels_cpu = {
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
};
