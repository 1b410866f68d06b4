// policy/cpu/rope.c -- rotary positions: adjacent pairs turned by table angles.
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
