// policy/cpu/gemm_codes.h -- rows of tokens become rows of bf16 codes: the transposition of dW.
//
// Included by gemm_amx.c and gemm_avx512bf16.c inside their ISA_TARGET, after they named
// LOW_OF(u) and HIGH_OF(u): which values of a block of 32 of K are the low and the high half of
// the 32-bit unit u of a row; and pairs_of(low, high): two vectors, rounded, as one of pairs.
#ifdef LOW_OF

INLINE __mmask16 first_codes(int n) {
    return n >= 16 ? (__mmask16)0xffff : n <= 0 ? (__mmask16)0 : (__mmask16)((1u << n) - 1);
}

// 16 rows of 16 values of 32 bits, transposed: pairs, quads, then 128-bit lanes twice.
INLINE void transpose(__m512i r[16]) {
    __m512i t[16];
    UNROLL for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    UNROLL for (int i = 0; i < 16; i += 4) {
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    UNROLL for (int i = 0; i < 4; i++) {
        t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
        t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
        t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
        t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
    }
    UNROLL for (int i = 0; i < 8; i++) {
        r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
        r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
    }
}

static void transpose16(uint16_t *to, ptrdiff_t to_row, const float *const row[K_BLOCK], int cols) {
    for (int n = 0; n < cols; n += 16) {
        const __mmask16 lanes = first_codes(cols - n);
        __m512i r[16];
        UNROLL for (int u = 0; u < 16; u++) {
            r[u] = pairs_of(_mm512_maskz_loadu_ps(lanes, row[LOW_OF(u)] + n),
                            _mm512_maskz_loadu_ps(lanes, row[HIGH_OF(u)] + n));
        }
        transpose(r);
        UNROLL for (int i = 0; i < 16; i++) {
            if (n + i < cols) _mm512_storeu_si512(to + (n + i) * to_row, r[i]);
        }
    }
}

#endif
