// policy/gradsum.c -- the gradients of MAX_PARTIAL_SUMS lanes become one, in a fixed tree and in
// few buffers.
#include "policy/gradsum.h"

#include <string.h>

#include "base/status.h"

void gradsum_open(GradSum *f, const bool work[MAX_PARTIAL_SUMS]) {
    memset(f->held, 0, sizeof f->held);
    memset(f->done, 0, sizeof f->done);
    memcpy(f->have[0], work, sizeof f->have[0]);
    for (int level = 0; level < SUM_LEVELS; level++)
        for (int i = 0; i < MAX_PARTIAL_SUMS >> (level + 1); i++)
            f->have[level + 1][i] = f->have[level][2 * i] || f->have[level][2 * i + 1];
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->freed, NULL);
}

DeviceByte *gradsum_take(GradSum *f, Queue *q) {
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
    const size_t bytes = f->n_floats * sizeof(float);
    DeviceByte *buffer = device_at(f->memory, (size_t)at * bytes);
    f->ops->zero(q, buffer, bytes);
    return buffer;
}

void gradsum_give(GradSum *f, Queue *q, int lane, DeviceByte *sum) {
    int i = lane;
    pthread_mutex_lock(&f->lock);
    for (int level = 0; level < SUM_LEVELS; level++, i /= 2) {
        if (!f->have[level][i ^ 1]) continue;
        DeviceByte *other = f->done[level][i ^ 1];
        if (!other) {
            f->done[level][i] = sum;
            pthread_mutex_unlock(&f->lock);
            return;
        }
        pthread_mutex_unlock(&f->lock);
        DeviceByte *left = i & 1 ? other : sum, *right = i & 1 ? sum : other;
        f->ops->add(q, left, right, f->n_floats);
        pthread_mutex_lock(&f->lock);
        f->held[((uintptr_t)right - (uintptr_t)f->memory) / (f->n_floats * sizeof(float))] = false;
        pthread_cond_broadcast(&f->freed);
        sum = left;
    }
    f->done[SUM_LEVELS][0] = sum;
    pthread_mutex_unlock(&f->lock);
}

void gradsum_close(GradSum *f, Queue *q, DeviceByte *out) {
    if (out && f->done[SUM_LEVELS][0]) f->ops->add(q, out, f->done[SUM_LEVELS][0], f->n_floats);
    pthread_cond_destroy(&f->freed);
    pthread_mutex_destroy(&f->lock);
}
