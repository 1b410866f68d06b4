// policy/cpu/drawrow.c -- one weighted selection for top-k and top-p, one walk over integer
// weights.
#include "policy/cpu/drawrow.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/status.h"
#include "policy/cpu/draw_weights.h"

enum { VOCAB_MAX = 1 << 19 }; // so that a sum of weights fits 63 bits

size_t cpu_draw_row_bytes(int vocab) {
    return (size_t)vocab * (sizeof(uint64_t) + sizeof(int32_t));
}

// The best token, or -1 where no row of probabilities can be made of the logits.
static int32_t best_of(const float *logits, int vocab) {
    int32_t best;
    draw_best(logits, vocab, &best);
    return best < 0 || isinf(logits[best]) ? -1 : best;
}

static bool ranks_before(const float *logits, int32_t a, int32_t b) {
    return logits[a] > logits[b] || (a < b && logits[a] == logits[b]);
}

static void swap(int32_t *a, int32_t *b) {
    int32_t t = *a;
    *a = *b, *b = t;
}

// Puts the middle one of first, middle and last at `low`.
static void pick_pivot(int32_t *id, int low, int high, const float *logits) {
    int mid = low + (high - low) / 2, last = high - 1;
    if (ranks_before(logits, id[mid], id[low])) swap(&id[mid], &id[low]);
    if (ranks_before(logits, id[last], id[low])) swap(&id[last], &id[low]);
    if (ranks_before(logits, id[last], id[mid])) swap(&id[last], &id[mid]);
    swap(&id[low], &id[mid]);
}

// Reorders id[0..n) so that its first m are the best m, for the smallest m whose weights (NULL: one
// each) sum to at least `need`; returns m and, in *last, the lowest-ranking of them. A quickselect:
// linear on average.
static int select_best(int32_t *id, int n, const float *logits, const uint64_t *weight,
                       uint64_t need, int32_t *last) {
    int low = 0, high = n;
    *last = -1;
    while (low < high) {
        pick_pivot(id, low, high, logits);
        int32_t pivot = id[low];
        int mid = low; // id[low+1 .. mid] rank before the pivot
        uint64_t mass = 0;
        for (int i = low + 1; i < high; i++) {
            if (!ranks_before(logits, id[i], pivot)) continue;
            mass += weight ? weight[id[i]] : 1;
            swap(&id[++mid], &id[i]);
        }
        swap(&id[low], &id[mid]);
        if (mass >= need) {
            high = mid;
            continue;
        }
        *last = pivot;
        uint64_t with = mass + (weight ? weight[pivot] : 1);
        if (with >= need) return mid + 1;
        need -= with;
        low = mid + 1;
    }
    return low;
}

void cpu_keep_row(float *row, int from, int to, const int32_t *id, int n) {
    if (n == 0) return;
    int low = 0, high = n; // the first id that is not below `from`
    while (low < high) {
        const int mid = low + (high - low) / 2;
        if (id[mid] < from)
            low = mid + 1;
        else
            high = mid;
    }
    for (int v = from; v < to; v++) {
        if (low < n && id[low] == v)
            low++;
        else
            row[v - from] = DRAW_LEFT_OUT;
    }
}

int32_t cpu_draw_row(const DrawRule *rule, const float *logits, int vocab, double uniform,
                     void *scratch) {
    return cpu_draw_row_kept(rule, logits, vocab, uniform, scratch, NULL);
}

int32_t cpu_draw_row_kept(const DrawRule *rule, const float *logits, int vocab, double uniform,
                          void *scratch, uint32_t *kept) {
    if (kept) memset(kept, 0, draw_kept_words(vocab) * sizeof *kept);
    CHECK(vocab > 0 && vocab <= VOCAB_MAX);
    CHECK(uniform >= 0 && uniform < 1);
    int32_t best = best_of(logits, vocab);
    if (best < 0 || rule->inv_temperature == 0) return best;

    uint64_t *weight = scratch, total;
    float scale = rule->inv_temperature, top = logits[best] * scale;
    if (isinf(top)) return -1;
    draw_weights(logits, vocab, scale, top, weight, &total);

    int32_t last = -1; // the lowest-ranking token that is kept; -1 = all are
    bool cut_k = rule->top_k > 0 && rule->top_k < vocab, cut_p = rule->top_p < 1;
    if (cut_k || cut_p) {
        int32_t *id = (int32_t *)(weight + vocab);
        int n = 0;
        for (int i = 0; i < vocab; i++)
            if (weight[i] > 0) id[n++] = i;
        if (cut_k && rule->top_k < n) {
            n = select_best(id, n, logits, NULL, (uint64_t)rule->top_k, &last);
            total = 0;
            for (int i = 0; i < n; i++) total += weight[id[i]];
        }
        if (cut_p) {
            uint64_t need = (uint64_t)ceil(rule->top_p * (double)total);
            select_best(id, n, logits, weight, need > 0 ? need : 1, &last);
        }
    }
    uint64_t least = (uint64_t)ceil(rule->min_p * (double)weight[best]);
    if (last >= 0 || least > 1) {
        total = 0;
        for (int i = 0; i < vocab; i++) {
            bool in = last < 0 || i == last || ranks_before(logits, i, last);
            if (!in || weight[i] < least) weight[i] = 0;
            if (i == best && weight[i] == 0) weight[i] = 1; // min_p > 1: the best one stays
            total += weight[i];
            if (kept && weight[i] > 0) kept[i / 32] |= 1u << (i % 32);
        }
    }

    // 53 bits of uniform times 63 of total, exactly; below total because uniform < 1.
    uint64_t target = (uint64_t)((unsigned __int128)(uint64_t)(uniform * 0x1p53) * total >> 53);
    int32_t drawn;
    draw_walk(weight, vocab, target, &drawn);
    CHECK(drawn >= 0); // the walk ends inside the row
    return drawn;
}
