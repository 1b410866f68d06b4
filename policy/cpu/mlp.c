// policy/cpu/mlp.c -- SwiGLU and the moves of rows between tokens and experts.
#include <string.h>

#include "policy/cpu/lanes.h"
#include "policy/cpu/rows.h"

LANE_INLINE V16 sigmoid(V16 x) {
    return v16_set(1.0f) / (v16_set(1.0f) + v16_exp(-x));
}

LANE_INLINE void cpu_swiglu_body(void *dev, float *act, const float *gate, const float *up,
                                 size_t n) {
    (void)dev;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        V16 g = v16_load(gate + i);
        v16_store(act + i, g * sigmoid(g) * v16_load(up + i));
    }
    if (i < n) {
        int left = (int)(n - i);
        V16 g = v16_load_n(gate + i, left, 0);
        v16_store_n(act + i, g * sigmoid(g) * v16_load_n(up + i, left, 0), left);
    }
}
LANES_FN(cpu_swiglu, (void *dev, float *act, const float *gate, const float *up, size_t n),
         (dev, act, gate, up, n))

// silu'(g) = s + g s (1 - s)
LANE_INLINE void cpu_swiglu_grad_body(void *dev, float *dgate, float *dup, const float *dact,
                                      const float *gate, const float *up, size_t n) {
    (void)dev;
    const V16 one = v16_set(1.0f);
    size_t i = 0;
    for (; i < n; i += LANES) {
        int left = n - i < LANES ? (int)(n - i) : LANES;
        V16 g, u, d;
        if (left == LANES)
            g = v16_load(gate + i), u = v16_load(up + i), d = v16_load(dact + i);
        else
            g = v16_load_n(gate + i, left, 0), u = v16_load_n(up + i, left, 0),
            d = v16_load_n(dact + i, left, 0);
        V16 s = sigmoid(g);
        V16 dg = d * u * (s + g * s * (one - s)), du = d * g * s;
        if (left == LANES)
            v16_store(dgate + i, dg), v16_store(dup + i, du);
        else
            v16_store_n(dgate + i, dg, left), v16_store_n(dup + i, du, left);
    }
}
LANES_FN(cpu_swiglu_grad,
         (void *dev, float *dgate, float *dup, const float *dact, const float *gate,
          const float *up, size_t n),
         (dev, dgate, dup, dact, gate, up, n))

LANE_INLINE void cpu_axpy_rows_body(void *dev, float *y, int ldy, const int32_t *to, const float *x,
                                    int ldx, const int32_t *from, const float *weight,
                                    const int32_t *entry, int rows, int cols) {
    (void)dev;
    for (int r = 0; r < rows; r++) {
        float *out = y + (size_t)(to ? to[r] : r) * (size_t)ldy;
        const float *in = x + (size_t)(from ? from[r] : r) * (size_t)ldx;
        const V16 w = v16_set(weight ? weight[entry ? entry[r] : r] : 1.0f);
        int c = 0;
        for (; c + LANES <= cols; c += LANES)
            v16_store(out + c, v16_load(out + c) + w * v16_load(in + c));
        if (c < cols)
            v16_store_n(out + c,
                        v16_load_n(out + c, cols - c, 0) + w * v16_load_n(in + c, cols - c, 0),
                        cols - c);
    }
}
LANES_FN(cpu_axpy_rows,
         (void *dev, float *y, int ldy, const int32_t *to, const float *x, int ldx,
          const int32_t *from, const float *weight, const int32_t *entry, int rows, int cols),
         (dev, y, ldy, to, x, ldx, from, weight, entry, rows, cols))

void cpu_gather_rows(void *dev, float *y, const float *x, int ldx, const int32_t *from, int rows,
                     int cols) {
    (void)dev;
    for (int r = 0; r < rows; r++)
        memcpy(y + (size_t)r * (size_t)cols, x + (size_t)from[r] * (size_t)ldx,
               (size_t)cols * sizeof *y);
}

LANE_INLINE void cpu_scale_rows_body(void *dev, float *x, const float *weight, const int32_t *entry,
                                     int rows, int cols) {
    (void)dev;
    for (int r = 0; r < rows; r++, x += cols) {
        const V16 w = v16_set(weight[entry[r]]);
        int c = 0;
        for (; c + LANES <= cols; c += LANES) v16_store(x + c, w * v16_load(x + c));
        if (c < cols) v16_store_n(x + c, w * v16_load_n(x + c, cols - c, 0), cols - c);
    }
}
LANES_FN(cpu_scale_rows,
         (void *dev, float *x, const float *weight, const int32_t *entry, int rows, int cols),
         (dev, x, weight, entry, rows, cols))

LANE_INLINE void cpu_dot_rows_body(void *dev, float *out, const int32_t *entry, const float *a,
                                   const float *b, int rows, int cols) {
    (void)dev;
    for (int r = 0; r < rows; r++, a += cols, b += cols) {
        V16 sum = v16_set(0);
        int c = 0;
        for (; c + LANES <= cols; c += LANES) sum += v16_load(a + c) * v16_load(b + c);
        if (c < cols) sum += v16_load_n(a + c, cols - c, 0) * v16_load_n(b + c, cols - c, 0);
        out[entry[r]] = v16_sum(sum);
    }
}
LANES_FN(cpu_dot_rows,
         (void *dev, float *out, const int32_t *entry, const float *a, const float *b, int rows,
          int cols),
         (dev, out, entry, a, b, rows, cols))
