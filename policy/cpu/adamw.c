// policy/cpu/adamw.c -- one AdamW step over a block of parameters, and whether any of them moved.
#include <string.h>

#include "policy/cpu/rows.h"
#include "policy/cpu/vec.h"

enum { BLOCK = 1024 };

void cpu_adamw(float *w, float *m, float *v, const float *g, size_t n, const AdamW *step,
               bool decay, int *moved) {
    const VecAdamW s = {.rate = step->rate,
                        .decay = decay ? step->decay : 0,
                        .b1 = step->beta1,
                        .b2 = step->beta2,
                        .eps = step->eps,
                        .c1 = step->correct1,
                        .c2 = step->correct2,
                        .clip = step->scale};
    float old[BLOCK];
    for (size_t i = 0; i < n; i += BLOCK) {
        const int count = n - i < BLOCK ? (int)(n - i) : BLOCK;
        memcpy(old, w + i, (size_t)count * sizeof *old);
        vec_adamw(w + i, m + i, v + i, g + i, &s, count);
        *moved |= memcmp(old, w + i, (size_t)count * sizeof *old) != 0;
    }
}
