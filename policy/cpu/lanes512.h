// policy/cpu/lanes512.h -- what lanes.h has in AVX-512's own instructions: the same bits, faster.
//
// Included inside ISA_TARGET(ISA_AVX512), after <immintrin.h>, policy/cpu/isa.h and LANES_512. gcc
// makes poor code of the generic vectors' comparisons: a maximum is one instruction here, and a
// mask costs nothing.
#ifdef LANES_512

#define SET _mm512_set1_ps

INLINE __mmask16 first_512(int n) {
    return n >= 16 ? (__mmask16)0xffff : (__mmask16)((1u << (n > 0 ? n : 0)) - 1);
}
// As v16_top, v16_sum and v16_exp: lane 0 of their folds, their steps.
INLINE float top_512(__m512 x) {
    const __m256 a = _mm256_max_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    const __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 c = _mm_max_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_max_ss(c, _mm_movehdup_ps(c)));
}
INLINE float sum_512(__m512 x) {
    const __m256 a = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    const __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c)));
}
INLINE __m512 exp_512(__m512 x) {
#define MULTIPLY_ADD(a, b, c) _mm512_add_ps(_mm512_mul_ps(a, b), SET(c)) // two roundings
    const __mmask16 whole = _mm512_cmp_ps_mask(x, SET(-87.0f), _CMP_NLT_UQ);
    x = _mm512_min_ps(SET(88.0f), x); // a NaN stays
    const __m512 t = MULTIPLY_ADD(x, SET(1.44269504088896341f), 12582912.0f);
    const __m512 n = _mm512_sub_ps(t, SET(12582912.0f));
    __m512 r = _mm512_sub_ps(x, _mm512_mul_ps(n, SET(0.693359375f)));
    r = _mm512_sub_ps(r, _mm512_mul_ps(n, SET(-2.12194440e-4f)));
    __m512 p = MULTIPLY_ADD(SET(1.9875691500e-4f), r, 1.3981999507e-3f);
    p = MULTIPLY_ADD(p, r, 8.3334519073e-3f);
    p = MULTIPLY_ADD(p, r, 4.1665795894e-2f);
    p = MULTIPLY_ADD(p, r, 1.6666665459e-1f);
    p = MULTIPLY_ADD(p, r, 5.0000001201e-1f);
    p = _mm512_add_ps(_mm512_add_ps(_mm512_mul_ps(p, _mm512_mul_ps(r, r)), r), SET(1.0f));
    const __m512i e = _mm512_slli_epi32(_mm512_castps_si512(t), 23);
    return _mm512_castsi512_ps(_mm512_maskz_add_epi32(whole, _mm512_castps_si512(p), e));
}

#undef MULTIPLY_ADD
#endif
