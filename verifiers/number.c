// verifiers/number.c -- two written numbers compared by cross multiplication, and the judge.
//
// Powers of ten stay apart from N and D, so 1e999999999 costs nothing; where two of them differ by
// more than the digits at hand can make up for, the numbers differ.
#include "verifiers/number.h"

#include <gmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "verifiers/boxed.h"
#include "verifiers/folding.h"
#include "verifiers/math/tree/unit.h"
#include "verifiers/written.h"

// ---- comparison

static bool same_value(const WrittenNumber *a, const WrittenNumber *b) {
    if (mpz_sgn(a->num) == 0 || mpz_sgn(b->num) == 0) return mpz_sgn(a->num) == mpz_sgn(b->num);
    if (a->exp < b->exp) {
        const WrittenNumber *t = a;
        a = b;
        b = t;
    }
    uint64_t shift = (uint64_t)a->exp - (uint64_t)b->exp;
    mpz_t left, right;
    mpz_inits(left, right, NULL);
    mpz_mul(left, a->num, b->den);
    mpz_mul(right, b->num, a->den);
    bool same = false;
    if (shift <= mpz_sizeinbase(right, 10)) { // otherwise the left side has more digits
        written_times_power_of_ten(left, (int64_t)shift);
        same = mpz_cmp(left, right) == 0;
    }
    mpz_clears(left, right, NULL);
    return same;
}

static bool same_unit(const WrittenNumber *a, const WrittenNumber *b) {
    return !a->unit[0] || !b->unit[0] || unit_same_name(slice_of(a->unit), slice_of(b->unit));
}

_Static_assert((int)NUMBER_MAX_BYTES == (int)WRITTEN_MAX_BYTES, "one budget");

Verdict number_compare(const char *gold, size_t gold_size, const char *answer, size_t answer_size,
                       const char **reason) {
    WrittenNumber want, have;
    Verdict verdict = VERDICT_WRONG;
    written_init(&want);
    written_init(&have);
    char *room_gold = NULL, *room_answer = NULL;
    Slice written = folding_text((Slice){answer, answer_size}, NUMBER_MAX_BYTES, &room_answer);
    if (!written_read(folding_text((Slice){gold, gold_size}, NUMBER_MAX_BYTES, &room_gold),
                      &want)) {
        verdict = VERDICT_ERROR;
        *reason = "gold is not a number";
    } else if (!written_read(written, &have)) {
        *reason = answer_size > NUMBER_MAX_BYTES ? "too long for a number" : "not a number";
    } else if (!same_value(&want, &have)) {
        *reason = "different rationals";
    } else if (!same_unit(&want, &have)) {
        *reason = "different units";
    } else {
        verdict = VERDICT_RIGHT;
        *reason = "equal rationals";
    }
    written_clear(&want);
    written_clear(&have);
    free(room_gold);
    free(room_answer);
    return verdict;
}

// "\boxed{1} or \boxed{2}": right only if each of the boxes is.
static bool is_hedge(const JudgeInput *in, Slice gold) {
    enum { MAX_BOXES = 16 };
    Slice box[MAX_BOXES];
    bool unsure;
    const char *reason;
    int n = boxed_run(boxed_scope(in), box, MAX_BOXES, &unsure);
    if (!unsure) return false;
    for (int i = 0; i + 1 < n && i < MAX_BOXES; i++) {
        Slice one = boxed_unmarked(box[i]);
        if (number_compare(gold.data, gold.size, one.data, one.size, &reason) != VERDICT_RIGHT)
            return true;
    }
    return n > MAX_BOXES;
}

Judgement number_judge(const JudgeInput *in) {
    Judgement j = {.verdict = VERDICT_ERROR};
    if (!in->gold) {
        j.reason = "no gold";
        return j;
    }
    if (!boxed_extract_known(in->extract)) {
        j.reason = "unknown way to extract";
        return j;
    }
    Slice gold = {in->gold, strlen(in->gold)}, box = boxed_last(gold);
    if (box.data) {
        gold = box;
    } else {
        const char *hash = slice_last(gold, "####");
        if (hash) gold = (Slice){hash + 4, (size_t)(gold.data + gold.size - hash - 4)};
    }
    const char *reason;
    Slice answer = boxed_answer(in, &reason);
    if (answer.data && !in->finished) answer = (Slice){NULL, 0}, reason = "cut off";
    // A gold that cannot be read is an error whatever the response says.
    j.verdict = number_compare(gold.data, gold.size, answer.data, answer.size, &j.reason);
    if (j.verdict == VERDICT_WRONG && !answer.data) j.reason = reason;
    if (j.verdict == VERDICT_RIGHT && is_hedge(in, gold)) {
        j.verdict = VERDICT_WRONG;
        j.reason = "several boxes that say different things";
    }
    j.score = j.verdict == VERDICT_RIGHT;
    j.answer = answer.data;
    j.answer_size = answer.size;
    return j;
}
