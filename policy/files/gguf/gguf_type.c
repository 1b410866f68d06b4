// policy/files/gguf/gguf_type.c -- one decoder a format, each a transcription of its layout.
#include "policy/files/gguf/gguf_type.h"

#include <math.h>
#include <string.h>

#include "base/status.h"
#include "policy/files/dtype.h"

typedef const unsigned char Bytes;

static float half(Bytes *p) {
    return dtype_from_f16(dtype_load16(p));
}

// ---- plain numbers ---------------------------------------------------------------------------
static void f32(Bytes *p, float *y) {
    dtype_decode(DTYPE_F32, p, 1, y);
}
static void f16(Bytes *p, float *y) {
    dtype_decode(DTYPE_F16, p, 1, y);
}
static void bf16(Bytes *p, float *y) {
    dtype_decode(DTYPE_BF16, p, 1, y);
}

// ---- blocks of 32 ----------------------------------------------------------------------------
static void q8_0(Bytes *p, float *y) {
    const float d = half(p);
    for (int i = 0; i < 32; i++) y[i] = (float)(int8_t)p[2 + i] * d;
}

static void q4_0(Bytes *p, float *y) {
    const float d = half(p);
    for (int i = 0; i < 16; i++) {
        y[i] = (float)((p[2 + i] & 15) - 8) * d;
        y[i + 16] = (float)((p[2 + i] >> 4) - 8) * d;
    }
}

static void q4_1(Bytes *p, float *y) {
    const float d = half(p), m = half(p + 2);
    for (int i = 0; i < 16; i++) {
        y[i] = (float)(p[4 + i] & 15) * d + m;
        y[i + 16] = (float)(p[4 + i] >> 4) * d + m;
    }
}

// The fifth bits: bit i belongs to value i.
static int fifth(Bytes *high, int i) {
    return (high[i / 8] >> i % 8 & 1) << 4;
}

static void q5_0(Bytes *p, float *y) {
    const float d = half(p);
    for (int i = 0; i < 16; i++) {
        y[i] = (float)(((p[6 + i] & 15) | fifth(p + 2, i)) - 16) * d;
        y[i + 16] = (float)(((p[6 + i] >> 4) | fifth(p + 2, i + 16)) - 16) * d;
    }
}

static void q5_1(Bytes *p, float *y) {
    const float d = half(p), m = half(p + 2);
    for (int i = 0; i < 16; i++) {
        y[i] = (float)((p[8 + i] & 15) | fifth(p + 4, i)) * d + m;
        y[i + 16] = (float)((p[8 + i] >> 4) | fifth(p + 4, i + 16)) * d + m;
    }
}

// ---- blocks of 256 ---------------------------------------------------------------------------
// Scale and minimum of sub-block j, six bits each, packed in twelve bytes.
static void scale_min(Bytes *s, int j, int *scale, int *minimum) {
    if (j < 4) {
        *scale = s[j] & 63;
        *minimum = s[j + 4] & 63;
    } else {
        *scale = (s[j + 4] & 15) | (s[j - 4] >> 6) << 4;
        *minimum = (s[j + 4] >> 4) | (s[j] >> 6) << 4;
    }
}

// `high` is NULL for Q4_K; else 32 bytes, bit j of byte l belongs to value l of sub-block j.
static void k_blocks(Bytes *p, Bytes *high, Bytes *low, float *y) {
    const float d = half(p), dmin = half(p + 2);
    for (int j = 0; j < 8; j++) {
        int scale, minimum;
        scale_min(p + 4, j, &scale, &minimum);
        const float step = d * (float)scale, from = dmin * (float)minimum;
        for (int l = 0; l < 32; l++) {
            int byte = low[j / 2 * 32 + l], n = j % 2 ? byte >> 4 : byte & 15;
            if (high) n |= (high[l] >> j & 1) << 4;
            y[32 * j + l] = (float)n * step - from;
        }
    }
}

static void q4_k(Bytes *p, float *y) {
    k_blocks(p, NULL, p + 16, y);
}
static void q5_k(Bytes *p, float *y) {
    k_blocks(p, p + 16, p + 48, y);
}

static void q6_k(Bytes *p, float *y) {
    const float d = half(p + 208);
    for (int part = 0; part < 2; part++, y += 128) {
        Bytes *low = p + 64 * part, *high = p + 128 + 32 * part, *scale = p + 192 + 8 * part;
        for (int k = 0; k < 4; k++)
            for (int l = 0; l < 32; l++) {
                int byte = low[l + k % 2 * 32], four = k < 2 ? byte & 15 : byte >> 4;
                int n = (four | (high[l] >> 2 * k & 3) << 4) - 32;
                y[32 * k + l] = d * (float)(int8_t)scale[2 * k + l / 16] * (float)n;
            }
    }
}

// ---- the table -------------------------------------------------------------------------------
static const GgufType types[] = {
    {"F32", GGUF_F32, 1, 4, f32},    {"F16", GGUF_F16, 1, 2, f16},
    {"BF16", GGUF_BF16, 1, 2, bf16}, {"Q8_0", GGUF_Q8_0, 32, 34, q8_0},
    {"Q4_0", 2, 32, 18, q4_0},       {"Q4_1", 3, 32, 20, q4_1},
    {"Q5_0", 6, 32, 22, q5_0},       {"Q5_1", 7, 32, 24, q5_1},
    {"Q4_K", 12, 256, 144, q4_k},    {"Q5_K", 13, 256, 176, q5_k},
    {"Q6_K", 14, 256, 210, q6_k},    {"Q8_1", 9, 32, 36, NULL},
    {"Q2_K", 10, 256, 84, NULL},     {"Q3_K", 11, 256, 110, NULL},
    {"Q8_K", 15, 256, 292, NULL},    {"IQ2_XXS", 16, 256, 66, NULL},
    {"IQ2_XS", 17, 256, 74, NULL},   {"IQ3_XXS", 18, 256, 98, NULL},
    {"IQ1_S", 19, 256, 50, NULL},    {"IQ4_NL", 20, 32, 18, NULL},
    {"IQ3_S", 21, 256, 110, NULL},   {"IQ2_S", 22, 256, 82, NULL},
    {"IQ4_XS", 23, 256, 136, NULL},  {"I8", 24, 1, 1, NULL},
    {"I16", 25, 1, 2, NULL},         {"I32", 26, 1, 4, NULL},
    {"I64", 27, 1, 8, NULL},         {"F64", 28, 1, 8, NULL},
    {"IQ1_M", 29, 256, 56, NULL},    {"TQ1_0", 34, 256, 54, NULL},
    {"TQ2_0", 35, 256, 66, NULL},    {"MXFP4", 39, 32, 17, NULL},
};
enum { N_TYPES = sizeof types / sizeof *types };

const GgufType *gguf_type(uint32_t number) {
    for (int i = 0; i < N_TYPES; i++)
        if (types[i].number == number) return &types[i];
    return NULL;
}

const GgufType *gguf_type_named(const char *name) {
    for (int i = 0; i < N_TYPES; i++)
        if (strcmp(types[i].name, name) == 0) return &types[i];
    return NULL;
}

const char *gguf_types_read(void) {
    return "F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K and Q6_K";
}

void gguf_decode(const GgufType *type, const unsigned char *in, size_t n, float *out) {
    CHECK(type->decode != NULL && n % (size_t)type->block == 0);
    if (type->block == 1) {
        Dtype dtype = type->number == GGUF_F32   ? DTYPE_F32
                      : type->number == GGUF_F16 ? DTYPE_F16
                                                 : DTYPE_BF16;
        dtype_decode(dtype, in, n, out);
        return;
    }
    for (size_t i = 0; i < n / (size_t)type->block; i++)
        type->decode(in + i * (size_t)type->bytes, out + i * (size_t)type->block);
}

static void encode_q8_0(const float *x, unsigned char *out) {
    float amax = 0;
    for (int i = 0; i < 32; i++) amax = fabsf(x[i]) > amax ? fabsf(x[i]) : amax;
    const float d = amax / 127, inverse = d != 0 ? 1 / d : 0;
    dtype_encode(DTYPE_F16, &d, 1, out);
    for (int i = 0; i < 32; i++) out[2 + i] = (unsigned char)(int8_t)roundf(x[i] * inverse);
}

void gguf_encode(const GgufType *type, const float *in, size_t n, unsigned char *out) {
    switch (type->number) {
    case GGUF_F32: dtype_encode(DTYPE_F32, in, n, out); return;
    case GGUF_F16: dtype_encode(DTYPE_F16, in, n, out); return;
    case GGUF_BF16: dtype_encode(DTYPE_BF16, in, n, out); return;
    default: break;
    }
    CHECK(type->number == GGUF_Q8_0 && n % 32 == 0);
    for (size_t i = 0; i < n / 32; i++) encode_q8_0(in + 32 * i, out + 34 * i);
}
