// policy/gradsum.h -- the gradients of MAX_PARTIAL_SUMS lanes become one, in a fixed tree and in
// few buffers.
//
// Private to policy/ (layer 2). The sum is ((0+1)+(2+3))+((4+5)+(6+7)), sums without chunks left
// out, whoever ends first: so threads and chunks in flight touch no bit. A sum holds a buffer
// from gradsum_take to gradsum_give; two siblings that are complete become one at once, and one
// buffer is free again. A worker waits where all are held. That ends: at most four complete nodes
// wait for a sibling (one of each pair of sums), three where one worker takes the sums in order,
// and SUM_BUFFERS is one more than that.
#ifndef POLICY_GRADSUM_H
#define POLICY_GRADSUM_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "policy/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { MAX_PARTIAL_SUMS = 8, SUM_LEVELS = 3 };

#define SUM_BUFFERS(workers) ((workers) + 3 < MAX_PARTIAL_SUMS ? (workers) + 3 : MAX_PARTIAL_SUMS)

typedef struct GradSum {
    const Ops *ops;
    DeviceByte *memory; // [n_buffers][n_floats] fp32, of the caller
    size_t n_floats;
    int n_buffers;
    bool held[MAX_PARTIAL_SUMS];
    bool have[SUM_LEVELS + 1][MAX_PARTIAL_SUMS]; // a lane below this node has work
    DeviceByte
        *done[SUM_LEVELS + 1][MAX_PARTIAL_SUMS]; // a complete node that waits for its sibling
    pthread_mutex_t lock;
    pthread_cond_t freed;
} GradSum;

void gradsum_open(GradSum *f, const bool work[MAX_PARTIAL_SUMS]);
// The queue is the caller's, on which the buffer is zeroed, and added to its sibling.
DeviceByte *gradsum_take(GradSum *f, Queue *q); // zeroed
void gradsum_give(GradSum *f, Queue *q, int lane, DeviceByte *sum);
// After all: out += the sum of all lanes; out may be NULL.
void gradsum_close(GradSum *f, Queue *q, DeviceByte *out);

#ifdef __cplusplus
}
#endif
#endif
