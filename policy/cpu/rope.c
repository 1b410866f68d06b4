// policy/cpu/rope.c -- rotary positions: adjacent pairs, or pairs of halves, turned by table
// angles.
#include "policy/cpu/lanes.h"
#include "policy/cpu/rows.h"

void cpu_rope(void *dev, float *x, int ldx, int heads, int step, const float *table,
              const int32_t *pos, int rows, int dim, bool inverse) {
    (void)dev;
    for (int r = 0; r < rows; r++) {
        const float *angle = table + (size_t)pos[r] * (size_t)dim;
        for (int h = 0; h < heads; h++) {
            float *p = x + (size_t)r * (size_t)ldx + (size_t)h * (size_t)step;
            for (int i = 0; i < dim; i += 2) {
                float c = angle[i], s = inverse ? -angle[i + 1] : angle[i + 1];
                float a = p[i], b = p[i + 1];
                p[i] = a * c - b * s;
                p[i + 1] = a * s + b * c;
            }
        }
    }
}

LANE_INLINE void cpu_rope_halves_body(void *dev, float *x, int ldx, int heads, int step,
                                      const float *table, const int32_t *pos, int rows, int dim,
                                      bool inverse) {
    (void)dev;
    const int half = dim / 2;
    const V16 sign = v16_set(inverse ? -1.0f : 1.0f);
    for (int r = 0; r < rows; r++) {
        const float *c = table + (size_t)pos[r] * (size_t)dim, *s = c + half;
        for (int h = 0; h < heads; h++) {
            float *p = x + (size_t)r * (size_t)ldx + (size_t)h * (size_t)step, *q = p + half;
            int i = 0;
            for (; i + LANES <= half; i += LANES) {
                V16 a = v16_load(p + i), b = v16_load(q + i), t = v16_load(s + i) * sign;
                v16_store(p + i, a * v16_load(c + i) - b * t);
                v16_store(q + i, a * t + b * v16_load(c + i));
            }
            const int left = half - i;
            if (left == 0) continue;
            V16 a = v16_load_n(p + i, left, 0), b = v16_load_n(q + i, left, 0);
            V16 t = v16_load_n(s + i, left, 0) * sign, u = v16_load_n(c + i, left, 0);
            v16_store_n(p + i, a * u - b * t, left);
            v16_store_n(q + i, a * t + b * u, left);
        }
    }
}
LANES_FN(cpu_rope_halves,
         (void *dev, float *x, int ldx, int heads, int step, const float *table, const int32_t *pos,
          int rows, int dim, bool inverse),
         (dev, x, ldx, heads, step, table, pos, rows, dim, inverse))
