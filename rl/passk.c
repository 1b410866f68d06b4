// rl/passk.c -- products instead of binomials, so nothing overflows.
#include "rl/passk.h"

#include <math.h>

#include "base/status.h"

// C(a, k) / C(n, k): all k drawn from the a marked ones of n.
static double all_marked(int n, int a, int k) {
    CHECK(k >= 1 && k <= n && a >= 0 && a <= n);
    double p = 1;
    for (int i = 0; i < k; i++) p *= a - i > 0 ? (double)(a - i) / (n - i) : 0;
    return p;
}

double passk_estimate(int n, int c, int k) {
    if (k > n) return (double)NAN;
    return 1 - all_marked(n, n - c, k);
}

double passk_all_right(int n, int c, int k) {
    if (k > n) return (double)NAN;
    return all_marked(n, c, k);
}

Interval passk_interval(const double *value, int n) {
    if (n == 0) return (Interval){(double)NAN, (double)NAN, (double)NAN};
    double sum = 0, squares = 0;
    for (int i = 0; i < n; i++) sum += value[i];
    double mean = sum / n;
    for (int i = 0; i < n; i++) squares += (value[i] - mean) * (value[i] - mean);
    double draws = n; // squares / n == mean (1 - mean) for yes/no values: then draws is n
    if (squares > 0 && n > 1) draws = mean * (1 - mean) * n * (n - 1) / squares;
    if (draws < n) draws = n; // rounding, and n - 1
    const double z = 1.959963984540054, zz = z * z;
    double centre = (mean + zz / (2 * draws)) / (1 + zz / draws);
    double half = z / (1 + zz / draws) * sqrt(mean * (1 - mean) / draws + zz / (4 * draws * draws));
    return (Interval){mean, fmax(0, fmin(mean, centre - half)), fmin(1, fmax(mean, centre + half))};
}
