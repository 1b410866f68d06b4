// policy/device.h -- how the host names what is in a device's memory.
//
// Layer 2 (policy). Host data are plain arrays. Data on a device have addresses of an incomplete
// type: the host can neither read one nor step through it; only a backend (policy/cpu, policy/cuda)
// makes a real pointer of it. Bytes cross by ops->upload and ops->download, in the order of a
// queue.
#ifndef POLICY_DEVICE_H
#define POLICY_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Device Device; // each backend defines its own
// Operations of one queue run in the order of the calls, in the queue's own workspace; a call may
// return before the work is done. A queue is used by one thread at a time. CPU: one thread, or all
// of them while a unit runs alone. CUDA: one stream.
typedef struct Queue Queue;

typedef struct DeviceByte DeviceByte; // never defined: *p and p + 1 do not compile

static inline DeviceByte *device_at(const DeviceByte *base, size_t bytes) {
    return (DeviceByte *)((uintptr_t)base + bytes);
}

typedef enum ViewType { VIEW_F32, VIEW_BF16, VIEW_E4M3, VIEW_I16, VIEW_I32 } ViewType;

static inline size_t view_type_bytes(ViewType t) {
    return t == VIEW_E4M3 ? 1 : t == VIEW_BF16 || t == VIEW_I16 ? 2 : 4;
}

// A matrix on the device: value (r, c) at data + (r * stride + c) values. No data: nothing is
// there, which many operations take for "not wanted". A backend with FP8 products may keep a second
// form beside it: E4M3 codes at the same places, and their scales, f32 [rows, ceil(cols / 128)],
// one for 128 neighbours of a row. The operation that writes the view writes both.
typedef struct View {
    DeviceByte *data, *codes, *scale;
    int rows, cols, stride; // stride in values
    ViewType type;
} View;

static inline bool view_here(View v) {
    return v.data != NULL;
}
static inline View view_rows(View v, int from, int n) {
    const size_t skip = (size_t)from * (size_t)v.stride;
    const size_t tiles = (size_t)from * (size_t)((v.cols + 127) / 128);
    if (v.data) v.data = device_at(v.data, skip * view_type_bytes(v.type));
    if (v.codes) v.codes = device_at(v.codes, skip);
    if (v.scale) v.scale = device_at(v.scale, tiles * sizeof(float));
    v.rows = n;
    return v;
}
// Of data, for views without gaps between rows.
static inline size_t view_bytes(View v) {
    return (size_t)v.rows * (size_t)v.stride * view_type_bytes(v.type);
}
// Columns [from, from + n), without codes.
static inline View view_cols(View v, int from, int n) {
    if (v.data) v.data = device_at(v.data, (size_t)from * view_type_bytes(v.type));
    v.codes = v.scale = NULL;
    v.cols = n;
    return v;
}
// The same memory as rows of `cols` values without gaps, where fewer than planned are used.
static inline View view_fit(View v, int cols) {
    v.cols = v.stride = cols;
    return v;
}
// [T, heads * d] as [T * heads, d], without codes: row t * heads + h.
static inline View view_heads(View v, int heads) {
    v.rows *= heads;
    v.cols /= heads;
    v.stride /= heads;
    v.codes = v.scale = NULL;
    return v;
}

// Integers that host and device both read. The host writes `host`; index_upload copies them where
// the backend asks for it (ops->copies_index). `device` is NULL where it does not.
typedef struct Ints {
    const int32_t *host;
    const DeviceByte *device;
    int n;
} Ints;

#ifdef __cplusplus
}
#endif
#endif
