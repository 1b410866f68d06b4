// policy/files/gguf/gguf.h -- a GGUF file: its metadata and its tensors, read as hostile.
//
// Layer 2 (policy/files). "GGUF", u32 version (2 or 3), u64 tensors, u64 keys; keys with values;
// tensor infos {name, dims, type, offset}; data from the next multiple of general.alignment
// (ggml's docs/gguf.md). Checked before anything is believed: every count and length against the
// bytes that are left, no key or tensor twice, no overflow in dims, rows of whole blocks, offsets
// aligned, data inside the file and overlapping nowhere. Tensors and texts are views into the
// mapping. ST_IO; ST_FORMAT and ST_UNSUPPORTED name the file and what was expected.
#ifndef POLICY_FILES_GGUF_H
#define POLICY_FILES_GGUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "policy/files/gguf/gguf_type.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { GGUF_DIMS_MAX = 4, GGUF_ALIGNMENT = 32 };

// Numbers of the format's value types.
typedef enum GgufKind {
    GGUF_U8_VALUE,
    GGUF_I8_VALUE,
    GGUF_U16_VALUE,
    GGUF_I16_VALUE,
    GGUF_U32_VALUE,
    GGUF_I32_VALUE,
    GGUF_F32_VALUE,
    GGUF_BOOL_VALUE,
    GGUF_TEXT_VALUE,
    GGUF_ARRAY_VALUE,
    GGUF_U64_VALUE,
    GGUF_I64_VALUE,
    GGUF_F64_VALUE
} GgufKind;

typedef struct GgufText {
    const char *data; // not terminated
    size_t size;
} GgufText;

typedef struct GgufValue {
    const char *key;
    GgufKind kind, element;    // element: of an array
    uint64_t count;            // of an array
    const unsigned char *data; // a scalar's or an array's bytes (texts: see item)
    const GgufText *item;      // [count] of an array of texts; [1] of a text
} GgufValue;

typedef struct GgufTensor {
    const char *name;
    const GgufType *type;
    int n_dims;
    int64_t dim[GGUF_DIMS_MAX]; // outermost first, as in PyTorch; the file has them reversed
    int64_t rows, cols;         // cols = the innermost dimension
    const unsigned char *data;
    size_t bytes;
} GgufTensor;

typedef struct Gguf Gguf;

MUST_USE Status gguf_open(const char *path, Gguf **out);
// A file held in memory (borrowed until gguf_close); `name` is what errors call it.
MUST_USE Status gguf_parse(const void *data, size_t size, const char *name, Gguf **out);
void gguf_close(Gguf *file); // NULL is fine
const char *gguf_name(const Gguf *file);

int gguf_n_values(const Gguf *file);
const GgufValue *gguf_value_at(const Gguf *file, int i);        // in file order
const GgufValue *gguf_value(const Gguf *file, const char *key); // NULL if none

// Scalars of any integer (or bool) or float type; the fallback where the key is absent or of
// another kind. An integer beyond int64 is the fallback too.
int64_t gguf_int(const Gguf *file, const char *key, int64_t fallback);
double gguf_num(const Gguf *file, const char *key, double fallback);
bool gguf_bool(const Gguf *file, const char *key, bool fallback);
const GgufText *gguf_text(const Gguf *file, const char *key); // NULL if none
bool gguf_text_is(const Gguf *file, const char *key, const char *text);
// Element i of an array of numbers.
int64_t gguf_item_int(const GgufValue *array, uint64_t i, int64_t fallback);

int gguf_n_tensors(const Gguf *file);
const GgufTensor *gguf_tensor_at(const Gguf *file, int i);         // in file order
const GgufTensor *gguf_tensor(const Gguf *file, const char *name); // NULL if none

// Rows [row, row + n) as fp32 [n, cols]. ST_UNSUPPORTED: a type that is not read; ST_FORMAT: a
// number that is not finite.
MUST_USE Status gguf_rows(const Gguf *file, const GgufTensor *tensor, int64_t row, int64_t n,
                          float *out);

#ifdef __cplusplus
}
#endif
#endif
