// policy/cpu/adamw.c -- one AdamW step over a block of parameters.
#include <math.h>

#include "policy/cpu/rows.h"

void cpu_adamw(void *dev, float *w, float *m, float *v, const float *g, size_t n,
               const AdamWStep *step, int *moved) {
    (void)dev;
    const AdamWStep s = *step;
    int any = 0;
    for (size_t i = 0; i < n; i++) {
        float d = g[i] * s.scale, old = w[i];
        m[i] = s.beta1 * m[i] + (1.0f - s.beta1) * d;
        v[i] = s.beta2 * v[i] + (1.0f - s.beta2) * d * d;
        float update = m[i] * s.correct1 / (sqrtf(v[i] * s.correct2) + s.eps);
        w[i] = old - s.decay * old - s.rate * update;
        any |= w[i] != old;
    }
    *moved |= any;
}
