// policy/fold.h -- the gradients of N_LANES lanes become one, in a fixed tree and in few buffers.
//
// Private to policy/ (layer 2). The sum is ((0+1)+(2+3))+((4+5)+(6+7)), lanes without work left
// out, whoever ends first: so threads and chunks in flight touch no bit. A lane holds a buffer
// from fold_take to fold_give; two siblings that are complete become one at once, and one buffer
// is free again. A worker waits where all are held. That ends: at most four complete nodes wait
// for a sibling (one of each pair of lanes), three where one worker takes the lanes in order, and
// FOLD_BUFFERS is one more than that.
#ifndef POLICY_FOLD_H
#define POLICY_FOLD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "policy/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { N_LANES = 8, FOLD_LEVELS = 3 };

#define FOLD_BUFFERS(workers) ((workers) + 3 < N_LANES ? (workers) + 3 : N_LANES)

typedef struct Fold {
    const Ops *ops;
    DeviceByte *memory; // [n_buffers][n_floats] fp32, of the caller
    size_t n_floats;
    int n_buffers;
    bool held[N_LANES];
    bool have[FOLD_LEVELS + 1][N_LANES];        // a lane below this node has work
    DeviceByte *done[FOLD_LEVELS + 1][N_LANES]; // a complete node that waits for its sibling
    pthread_mutex_t lock;
    pthread_cond_t freed;
} Fold;

void fold_open(Fold *f, const bool work[N_LANES]);
// The queue is the caller's, on which the buffer is zeroed, and added to its sibling.
DeviceByte *fold_take(Fold *f, Queue *q); // zeroed
void fold_give(Fold *f, Queue *q, int lane, DeviceByte *sum);
// After all: out += the sum of all lanes; out may be NULL.
void fold_close(Fold *f, Queue *q, DeviceByte *out);

#ifdef __cplusplus
}
#endif
#endif
