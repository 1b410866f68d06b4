// rl/passk.h -- pass@k without bias, and how sure a mean over questions is.
//
// Layer 4 (rl). Pure arithmetic. pass@k: the chance that at least one of k samples is right,
// estimated from c right ones among n >= k (arXiv 2107.03374, equation 1).
#ifndef RL_PASSK_H
#define RL_PASSK_H

#ifdef __cplusplus
extern "C" {
#endif

// 1 - C(n-c, k) / C(n, k). 0 <= c <= n, 1 <= k. NaN if k > n: n samples say nothing about more.
double passk_estimate(int n, int c, int k);

// The chance that k samples drawn without repetition from these n are all right (unbiased for p^k).
// NaN if k > n.
double passk_all_right(int n, int c, int k);

typedef struct Interval {
    double mean, low, high;
} Interval;

// Mean of one value in [0, 1] per question, with a 95 % interval. Questions are the independent
// units, not samples. Wilson's interval with the number of yes/no draws that would have the spread
// seen between questions: it stays inside [0, 1] and is not empty when all agree. n = 0: NaN,
// the value is unknown.
Interval passk_interval(const double *value, int n);

#ifdef __cplusplus
}
#endif
#endif
