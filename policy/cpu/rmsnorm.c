// policy/cpu/rmsnorm.c -- RMSNorm forward and backward, fp32, 16 lanes a row.
#include <math.h>

#include "policy/cpu/lanes.h"
#include "policy/cpu/rows.h"

LANE_INLINE float rstd_of(const float *x, int cols, float eps) {
    V16 sum = v16_set(0);
    int c = 0;
    for (; c + LANES <= cols; c += LANES) {
        V16 v = v16_load(x + c);
        sum += v * v;
    }
    if (c < cols) {
        V16 v = v16_load_n(x + c, cols - c, 0);
        sum += v * v;
    }
    return 1.0f / sqrtf(v16_sum(sum) / (float)cols + eps);
}

LANE_INLINE void cpu_rmsnorm_body(void *dev, float *y, int ldy, const float *x, int ldx,
                                  const float *gain, int rows, int cols, float eps) {
    (void)dev;
    for (int r = 0; r < rows; r++, x += ldx, y += ldy) {
        const V16 scale = v16_set(rstd_of(x, cols, eps));
        int c = 0;
        for (; c + LANES <= cols; c += LANES)
            v16_store(y + c, v16_load(x + c) * scale * v16_load(gain + c));
        if (c < cols)
            v16_store_n(y + c,
                        v16_load_n(x + c, cols - c, 0) * scale * v16_load_n(gain + c, cols - c, 0),
                        cols - c);
    }
}
LANES_FN(cpu_rmsnorm,
         (void *dev, float *y, int ldy, const float *x, int ldx, const float *gain, int rows,
          int cols, float eps),
         (dev, y, ldy, x, ldx, gain, rows, cols, eps))

// dx = rstd * (gain dy - x rstd^2 mean(gain dy x)); dgain (may be NULL) += dy x rstd, rows in
// order.
LANE_INLINE void cpu_rmsnorm_grad_body(void *dev, float *dx, int lddx, float *dgain,
                                       const float *dy, int lddy, const float *x, int ldx,
                                       const float *gain, int rows, int cols, float eps, bool add) {
    (void)dev;
    for (int r = 0; r < rows; r++, x += ldx, dy += lddy, dx += lddx) {
        const float rstd = rstd_of(x, cols, eps);
        const V16 scale = v16_set(rstd);
        V16 dot = v16_set(0);
        int c = 0;
        for (; c + LANES <= cols; c += LANES) {
            V16 g = v16_load(dy + c), v = v16_load(x + c);
            dot += g * v16_load(gain + c) * v;
            if (dgain) v16_store(dgain + c, v16_load(dgain + c) + g * v * scale);
        }
        const int left = cols - c;
        if (left) {
            V16 g = v16_load_n(dy + c, left, 0), v = v16_load_n(x + c, left, 0);
            dot += g * v16_load_n(gain + c, left, 0) * v;
            if (dgain) v16_store_n(dgain + c, v16_load_n(dgain + c, left, 0) + g * v * scale, left);
        }
        const V16 back = v16_set(rstd * rstd * (v16_sum(dot) / (float)cols));
        for (c = 0; c + LANES <= cols; c += LANES) {
            V16 d = scale * (v16_load(dy + c) * v16_load(gain + c) - v16_load(x + c) * back);
            v16_store(dx + c, add ? v16_load(dx + c) + d : d);
        }
        if (left) {
            V16 d = scale * (v16_load_n(dy + c, left, 0) * v16_load_n(gain + c, left, 0) -
                             v16_load_n(x + c, left, 0) * back);
            v16_store_n(dx + c, add ? v16_load_n(dx + c, left, 0) + d : d, left);
        }
    }
}
LANES_FN(cpu_rmsnorm_grad,
         (void *dev, float *dx, int lddx, float *dgain, const float *dy, int lddy, const float *x,
          int ldx, const float *gain, int rows, int cols, float eps, bool add),
         (dev, dx, lddx, dgain, dy, lddy, x, ldx, gain, rows, cols, eps, add))
