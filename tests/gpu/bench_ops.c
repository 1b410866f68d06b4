// tests/gpu/bench_ops.c -- times the CUDA kernels against the memory bandwidth of the device.
//
// One JSON line a case: {"op","rows","cols","us","gbs","floor_us","of_floor"}. The floor is the
// bytes that must move, at the bandwidth that a device-to-device copy of 1 GiB reaches in the same
// run (read + write counted).
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "policy/cuda/device.h"

enum { WARM = 3, REPEAT = 11, INNER = 10 };

static void *dev;
static const Kernels *ops = &kernels_cuda;

#define MUST(expr)                                                                                 \
    do {                                                                                           \
        if ((expr) != ST_OK) {                                                                     \
            fprintf(stderr, "bench_ops: %s\n", status_text());                                     \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static void *buffer(size_t bytes) {
    void *p;
    MUST(ops->alloc(dev, bytes, &p));
    return p;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct Case {
    KernelView x, y, z;
    float *gain, *a, *b, *c;
    int32_t *token;
} Case;

static void run_norm(Case *k) {
    MUST(ops->rmsnorm_quant(dev, k->y, k->a, k->x, k->gain, 1e-6f));
}
static void run_quant(Case *k) {
    MUST(ops->quant_both(dev, k->y, k->z, k->x));
}
static void run_logprob(Case *k) {
    MUST(ops->logprob(dev, k->x, k->token, 1, k->a, k->b, k->c));
}
static void run_grad(Case *k) {
    MUST(ops->logprob_grad(dev, k->x, k->token, 1, k->c, k->b, k->a, k->a));
}

static double median_us(void (*run)(Case *), Case *k) {
    double t[REPEAT];
    for (int i = -WARM; i < REPEAT; i++) {
        MUST(ops->sync(dev));
        double begin = clock_now();
        for (int j = 0; j < INNER; j++) run(k);
        MUST(ops->sync(dev));
        if (i >= 0) t[i] = (clock_now() - begin) / INNER;
    }
    qsort(t, REPEAT, sizeof *t, by_value);
    return t[REPEAT / 2] * 1e6;
}

static double copy_gbs; // measured first

static void report(const char *op, void (*run)(Case *), Case *k, double bytes) {
    double us = median_us(run, k), floor_us = bytes / copy_gbs * 1e-3;
    printf("{\"op\":\"%s\",\"rows\":%d,\"cols\":%d,\"us\":%.1f,\"gbs\":%.0f,\"floor_us\":%.1f,\"of_"
           "floor\":%.2f}\n",
           op, k->x.rows, k->x.cols, us, bytes / us * 1e-3, floor_us, us / floor_us);
}

static void run_copy(Case *k) {
    // Both pointers are the device's; the table lets the runtime find the direction.
    MUST(ops->upload(dev, k->y.data, k->x.data, (size_t)1 << 30));
}

int main(void) {
    if (cuda_device_count() == 0) {
        printf("skipped: GPU timings: no device answers\n");
        return 0;
    }
    MUST(cuda_device_open(0, &dev));
    Case copy = {.x.data = buffer((size_t)1 << 30), .y.data = buffer((size_t)1 << 30)};
    copy_gbs = 2 * (double)((size_t)1 << 30) / median_us(run_copy, &copy) * 1e-3;
    printf("{\"op\":\"copy\",\"gbs\":%.0f}\n", copy_gbs);
    ops->release(dev, copy.x.data), ops->release(dev, copy.y.data);

    enum { T = 16384, D = 2048, R = 1024, V = 129280 };
    const double n = (double)T * D, logits = (double)R * V * 4;
    Case k = {.x = {.data = buffer((size_t)T * D * 4),
                    .rows = T,
                    .cols = D,
                    .stride = D,
                    .dtype = DTYPE_F32},
              .y = {.data = buffer((size_t)T * D),
                    .scale = buffer((size_t)T * D / 128 * 4),
                    .rows = T,
                    .cols = D,
                    .stride = D,
                    .dtype = DTYPE_E4M3},
              .z = {.data = buffer((size_t)T * D),
                    .scale = buffer((size_t)T * D / 128 * 4),
                    .rows = D,
                    .cols = T,
                    .stride = T,
                    .dtype = DTYPE_E4M3},
              .gain = buffer(D * 4),
              .a = buffer(T * 4),
              .b = buffer(T * 4),
              .c = buffer(T * 4),
              .token = buffer(T * 4)};
    report("rmsnorm_quant", run_norm, &k, n * 5);
    report("quant_both", run_quant, &k, n * 6);
    k.x = (KernelView){
        .data = buffer((size_t)R * V * 4), .rows = R, .cols = V, .stride = V, .dtype = DTYPE_F32};
    report("logprob", run_logprob, &k, logits);
    report("logprob_grad", run_grad, &k, 2 * logits);
    cuda_device_close(dev);
    return 0;
}
