// policy/files/safetensors.h -- tensors of a .safetensors file or a sharded folder, read as
// hostile.
//
// Layer 2 (policy/files). A file is u64 header size (little endian), a JSON header {name: {dtype,
// shape, data_offsets}} and data. Checked before anything is believed: header at most 100 MB and
// inside the file, every range inside the data, size = shape x dtype without overflow, no two
// ranges overlapping, no holes, no name twice; the shards are those the index names. Tensors are
// views into the mapping. ST_IO, ST_FORMAT (file and tensor named), ST_UNSUPPORTED (a dtype that is
// known to the format but not to us).
#ifndef POLICY_FILES_SAFETENSORS_H
#define POLICY_FILES_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "policy/files/dtype.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SAFETENSORS_HEADER_MAX = 100 * 1000 * 1000, SAFETENSORS_DIMS_MAX = 8 };

typedef struct SafeTensor {
    const char *name, *dtype_name, *file;
    Dtype dtype;
    int n_dims;
    int64_t dim[SAFETENSORS_DIMS_MAX];
    const unsigned char *data;
    size_t bytes;
} SafeTensor;

typedef struct SafeTensors SafeTensors;

// A file; or a folder with model.safetensors, or with model.safetensors.index.json and its shards.
MUST_USE Status safetensors_open(const char *path, SafeTensors **out);
// One file held in memory (borrowed until safetensors_close); `name` is what errors call it.
MUST_USE Status safetensors_parse(const void *data, size_t size, const char *name,
                                  SafeTensors **out);
void safetensors_close(SafeTensors *file); // NULL is fine

int safetensors_count(const SafeTensors *file);
const SafeTensor *safetensors_at(const SafeTensors *file, int i);              // sorted by name
const SafeTensor *safetensors_find(const SafeTensors *file, const char *name); // NULL if none

// The tensor as fp32, rows x cols (cols 0: a vector of rows), exactly that shape. F8_E4M3 wants a
// sibling NAME_scale_inv [ceil(rows/128), ceil(cols/128)] F32: value = code * scale of its 128 x
// 128 block. A number that is not finite is ST_FORMAT.
MUST_USE Status safetensors_read(const SafeTensors *file, const char *name, int rows, int cols,
                                 float *out);

// The same by rows of any tensor of F32, BF16, F16 or F8_E4M3: the last dimension is a row, the
// others count rows (a vector is one row). Rows [row, row + n) as fp32.
int64_t safetensors_n_rows(const SafeTensor *tensor);
int64_t safetensors_n_cols(const SafeTensor *tensor);
MUST_USE Status safetensors_rows(const SafeTensors *file, const SafeTensor *tensor, int64_t row,
                                 int64_t n, float *out);
// Have two tensors one shape and the same values?
MUST_USE Status safetensors_equal(const SafeTensors *file, const SafeTensor *a, const SafeTensor *b,
                                  bool *same);
// Of a model whose head is its embedding: ST_FORMAT if there is an lm_head.weight of other values.
MUST_USE Status safetensors_check_tied(const SafeTensors *file);
// Is it the scale of an F8_E4M3 tensor, NAME_scale_inv?
bool safetensors_is_scale(const SafeTensors *file, const SafeTensor *tensor);

#ifdef __cplusplus
}
#endif
#endif
