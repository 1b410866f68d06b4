// verifiers/code/value.h -- Python values as bytes, written and read without Python.
//
// Layer 3 (verifiers). What goes into a program's cage and what comes out of it. One byte says the
// exact type (a subclass of int is no int here), sizes are 32-bit little-endian:
//
//   N None   T True   F False   . Ellipsis   ! NotImplemented
//   i n bytes    int, two's complement, little-endian, any size
//   f 8 bytes    float, its bits              c 16 bytes   complex
//   s n bytes    str, UTF-8 (lone surrogates pass)          b n bytes  bytes    y n bytes bytearray
//   ( n values   tuple    [ list    < set    z frozenset    { n pairs  dict     r 3 values  range
//   @ k          the k-th mutable container of this conversation again
//   g name       a built-in thing by its name;   x name value, q name value: from the standard
//   library o k, w k     an object that stays with the sender, with the receiver
//
// A frame is a tag of 16 bytes, one byte that says what it is, one value. Reading trusts nothing:
// any bytes are a value or a reason, depth and number of nodes are bounded.
#ifndef VERIFIERS_CODE_VALUE_H
#define VERIFIERS_CODE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    VALUE_TAG_BYTES = 16,
    VALUE_HEAD_BYTES = VALUE_TAG_BYTES + 1,
    VALUE_MAX_BYTES = (8 << 20) + 4096, // of a frame
    VALUE_MAX_DEPTH = 112,
    VALUE_MAX_NODES = 1 << 20, // of a value that is read as a tree
};

// ---- writing
void value_none(Str *out);
void value_bool(Str *out, bool value);
void value_int(Str *out, int64_t value);
void value_text(Str *out, const char *text, size_t size);
void value_bytes(Str *out, const void *data, size_t size);
void value_open(Str *out, char kind, uint32_t n); // '(' '[' or '{': n values or pairs follow
void value_key(Str *out, const char *key);        // a text that is a C string
// A JSON value as Python's json module reads it: whole numbers are ints of any size.
void value_json(Str *out, const Json *value);

// ---- reading
typedef struct Value Value;
struct Value {
    char kind;           // the byte above; '@' is resolved: item[0] is the container
    size_t size;         // bytes of data, values of a container (two for a pair)
    const uint8_t *data; // i f c s b y g x q: a view into the frame
    Value *item;         // [size]; x and q: one
};

// Is data[0..size) exactly one value? NULL, or why not (a literal). Allocates nothing.
const char *value_check(const uint8_t *data, size_t size);
// Reads one value that is all of data. NULL with *why (a literal) if it is none, or if it has
// objects that stay elsewhere, or references to what is not in it.
const Value *value_read(const uint8_t *data, size_t size, const char **why, Arena *arena);

int64_t value_get_int(const Value *value, int64_t fallback); // also of an int beyond 64 bits
bool value_is_text(const Value *value, const char *text);

// Is a returned value the one that is wanted? Exact types, with JSON's for Python's: an array is a
// list or a tuple, an object is a dict whose keys are texts or whole numbers, true and false are
// bools and nothing else. A number written without '.' and 'e' is equal to an int of that value, or
// to a float that is exactly it; one written as a decimal to within 1e-6, absolute or relative.
bool value_equals(const Value *value, const Json *want);

#ifdef __cplusplus
}
#endif
#endif
