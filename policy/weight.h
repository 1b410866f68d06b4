// policy/weight.h -- a parameter as operations read it: the one thing that packing, FP8, adapters
// and sharding change.
//
// Layer 2 (policy). `data` is the backend's own copy (panels, bf16 rows, E4M3 with scales and a
// transpose, or nothing where it reads the fp32 master), made by ops->weights_set after every
// change of the masters. Several matrices of one shape are one Weight: the heads of kv_b_proj, the
// experts of a layer. Two Weights may read one parameter: kv_b_proj as W_UK and W_UV, a tied
// embedding as table and as head.
#ifndef POLICY_WEIGHT_H
#define POLICY_WEIGHT_H

#include "policy/device.h"
#include "policy/model.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {               // what a Weight is read for
    WEIGHT_FWD = 1,  // y = x W^T
    WEIGHT_BACK = 2, // y = x W: dX of a linear, and the forward product of W_UK
    WEIGHT_LONG = 4, // BACK is of many rows: its copy may be made before each use and not be kept
    WEIGHT_ROWS = 8, // read by rows or values (the embedding, a norm's gain): no product
};

typedef struct Weight {
    Precision precision; // of its products
    unsigned use;        // 0: nobody reads it
    int param;           // number in Policy.param of matrix 0
    int bias;            // the same; 0, which is the embedding, means none
    int n, k, batch;     // n 0: absent; a vector has k 0; batch: matrices of one shape
    size_t at, bias_at;  // floats from the start of the block of weights
    size_t step;         // floats from one matrix to the next
    size_t grad_at, bias_grad_at, grad_step; // the same in the block of gradients, or NO_GRAD
    DeviceByte *data;                        // ops->weight_bytes of the plan
    const DeviceByte *master, *bias_master;  // fp32, of matrix 0 and of the bias
} Weight;

// A frozen tensor has no place in the block of gradients: operations pass it over.
#define NO_GRAD SIZE_MAX

static inline bool weight_here(const Weight *w) {
    return w->n > 0;
}

// down(silu(gate x) * up x): one MLP, or with batch > 1 the experts of a layer.
typedef struct Ffn {
    Weight gate, up, down;
} Ffn;

#ifdef __cplusplus
}
#endif
#endif
