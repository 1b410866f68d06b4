// verifiers/math/tree/limits.h -- the budgets of the maths judge, each with its reason.
//
// Layer 3 (verifiers). A verdict takes at most 50 ms and 64 MiB whatever a model wrote. An answer
// over a budget is wrong, a gold over it is an error. The longest gold of GSM8K, MATH and
// OlympiadBench has 500 bytes.
#ifndef VERIFIERS_MATH_TREE_LIMITS_H
#define VERIFIERS_MATH_TREE_LIMITS_H

enum {
    MATH_MAX_BYTES = 32768, // a trimmed answer; five pages of formulae, read in under 1 ms
    MATH_MAX_TOKENS = 8192, // 32 bytes each; what 32 KiB of ordinary LaTeX holds
    MATH_MAX_NODES = 32768, // of one tree; +- and products of matrices multiply nodes
    MATH_MAX_DEPTH = 160,   // of groups and of the tree: the only recursion; 100 braces still pass
    MATH_MAX_DIGITS = 8192, // of one number; mpz_set_str takes 0.1 ms for them
    MATH_MAX_BITS = 65536,  // of exact numerator and denominator; 5,900! fits
    MATH_MAX_POWER10 = 19000,  // |e| in 1e..: stays inside MATH_MAX_BITS
    MATH_MAX_FACTORIAL = 5000, // n of an exact n!, 54,000 bits
    MATH_MAX_SIGNS = 4,        // plus-minus signs in one answer: 16 variants
    MATH_MAX_TERMS = 4000,     // of one \sum or \prod; their work counts against MATH_MAX_STEPS
    MATH_MAX_ELEMENTS = 512,   // of one list or set: pairs are compared
    MATH_MAX_MATRIX = 64,      // rows or columns
    MATH_MAX_PRECISION = 4096, // bits of a ball: what 2 * height + 128 may ask for
    MATH_MAX_STEPS = 60000,    // evaluated nodes of one verdict, a rational or residue each
    MATH_MORE_STEPS = 100000,  // added once, where functions with breakpoints are compared
    MATH_BALL_STEP_BITS = 16,  // a ball of P bits counts P / 16 steps (0.1 us each)
    MATH_MAX_CALL_STEPS = 20,  // a transcendental function costs this many times more
};

#endif
