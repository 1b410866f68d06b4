// policy/fold.c -- the gradients of N_LANES lanes become one, in a fixed tree and in few buffers.
#include "policy/fold.h"

#include <string.h>

#include "base/status.h"

enum { BLOCK = 1 << 14 };

typedef struct Sum {
    const Fold *f;
    float *to;
    const float *from; // NULL: to becomes 0
} Sum;

static void sum_block(void *ctx, int i, int worker) {
    (void)worker;
    const Sum *s = ctx;
    const size_t begin = (size_t)i * BLOCK, left = s->f->n_floats - begin;
    const int n = (int)(left < BLOCK ? left : BLOCK);
    if (s->from)
        s->f->ops->axpy_rows(NULL, s->to + begin, 0, NULL, s->from + begin, 0, NULL, NULL, NULL, 1,
                             n);
    else
        memset(s->to + begin, 0, (size_t)n * sizeof *s->to);
}

static void sum_all(const Fold *f, float *to, const float *from) {
    Sum s = {f, to, from};
    pool_for(f->pool, (int)((f->n_floats + BLOCK - 1) / BLOCK), sum_block, &s);
}

void fold_open(Fold *f, const bool work[N_LANES]) {
    memset(f->held, 0, sizeof f->held);
    memset(f->done, 0, sizeof f->done);
    memcpy(f->have[0], work, sizeof f->have[0]);
    for (int level = 0; level < FOLD_LEVELS; level++)
        for (int i = 0; i < N_LANES >> (level + 1); i++)
            f->have[level + 1][i] = f->have[level][2 * i] || f->have[level][2 * i + 1];
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->freed, NULL);
}

float *fold_take(Fold *f) {
    int at = -1;
    pthread_mutex_lock(&f->lock);
    for (;;) {
        for (int i = 0; i < f->n_buffers && at < 0; i++)
            if (!f->held[i]) at = i;
        if (at >= 0) break;
        pthread_cond_wait(&f->freed, &f->lock);
    }
    f->held[at] = true;
    pthread_mutex_unlock(&f->lock);
    float *buffer = f->memory + (size_t)at * f->n_floats;
    sum_all(f, buffer, NULL);
    return buffer;
}

void fold_give(Fold *f, int lane, float *sum) {
    int i = lane;
    pthread_mutex_lock(&f->lock);
    for (int level = 0; level < FOLD_LEVELS; level++, i /= 2) {
        if (!f->have[level][i ^ 1]) continue;
        float *other = f->done[level][i ^ 1];
        if (!other) {
            f->done[level][i] = sum;
            pthread_mutex_unlock(&f->lock);
            return;
        }
        pthread_mutex_unlock(&f->lock);
        float *left = i & 1 ? other : sum, *right = i & 1 ? sum : other;
        sum_all(f, left, right);
        pthread_mutex_lock(&f->lock);
        f->held[(size_t)(right - f->memory) / f->n_floats] = false;
        pthread_cond_broadcast(&f->freed);
        sum = left;
    }
    f->done[FOLD_LEVELS][0] = sum;
    pthread_mutex_unlock(&f->lock);
}

void fold_close(Fold *f, float *out) {
    if (out && f->done[FOLD_LEVELS][0]) sum_all(f, out, f->done[FOLD_LEVELS][0]);
    pthread_cond_destroy(&f->freed);
    pthread_mutex_destroy(&f->lock);
}
