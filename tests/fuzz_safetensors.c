// tests/fuzz_safetensors.c -- any bytes as a safetensors file: refused or read, never a bad access.
#include <stdlib.h>

#include "policy/files/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    SafeTensors *s = NULL;
    if (safetensors_parse(data, size, "fuzz", &s) != ST_OK) return 0;
    for (int i = 0; i < safetensors_count(s); i++) {
        const SafeTensor *t = safetensors_at(s, i);
        if (t->n_dims < 1 || t->n_dims > 2 || t->bytes > 1 << 20 || t->dim[0] > 1 << 20) continue;
        int rows = (int)t->dim[0], cols = t->n_dims == 2 ? (int)t->dim[1] : 0;
        if (t->n_dims == 2 && (t->dim[1] > 1 << 20 || t->dim[1] == 0)) continue;
        float *out = (float *)malloc(((size_t)rows * (size_t)(cols ? cols : 1) + 1) * sizeof *out);
        Status st = safetensors_read(s, t->name, rows, cols, out);
        (void)st;
        free(out);
    }
    safetensors_close(s);
    return 0;
}
