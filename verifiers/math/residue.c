// verifiers/math/residue.c -- evaluation modulo 2^61 - 31.
#include "verifiers/math/residue.h"

#include "verifiers/math/tree/limits.h"

static const uint64_t P = 2305843009213693921u;              // 2^61 - 31, prime, 1 mod 4
static const uint64_t ROOT_OF_MINUS_1 = 583529827753931384u; // squares to P - 1

uint64_t residue_times(uint64_t a, uint64_t b) {
    return (uint64_t)((unsigned __int128)a * b % P);
}

static uint64_t plus(uint64_t a, uint64_t b) {
    uint64_t c = a + b;
    return c >= P ? c - P : c;
}

static uint64_t power(uint64_t base, uint64_t k) {
    uint64_t out = 1;
    for (; k; k >>= 1, base = residue_times(base, base))
        if (k & 1) out = residue_times(out, base);
    return out;
}

uint64_t work_random(const Work *w, uint64_t hash, int point) {
    uint64_t z = w->seed + hash * 0x9E3779B97F4A7C15u + (uint64_t)(point + 1) * 0xD1B54A32D192ED03u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u; // splitmix64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

uint64_t name_hash(Slice name) {
    uint64_t h = 1469598103934665603u; // FNV-1a
    for (size_t i = 0; i < name.size; i++) h = (h ^ (unsigned char)name.data[i]) * 1099511628211u;
    return h;
}

static uint64_t number(const Expr *e) {
    uint64_t v = 0;
    for (size_t i = 0; i < e->text.size; i++)
        v = (uint64_t)(((unsigned __int128)v * 10 + (unsigned)(e->text.data[i] - '0')) % P);
    if (!e->exp10) return v;
    uint64_t ten = power(10, (uint64_t)(e->exp10 < 0 ? -e->exp10 : e->exp10));
    return residue_times(v, e->exp10 < 0 ? power(ten, P - 2) : ten);
}

// The exponent modulo P - 1; false if it is no whole number. *zero: no power of 0 has it.
static bool exponent(Work *w, const Expr *e, uint64_t *out, bool *zero) {
    if (e->has & (HAS_SYMBOL | HAS_PI_OR_E | HAS_I | HAS_OBJECT)) return false;
    mpq_t q;
    mpq_init(q);
    bool good = rational_value(w, e, NULL, q) == VALUE_OK && mpz_cmp_ui(mpq_denref(q), 1) == 0;
    if (good) {
        *zero = mpq_sgn(q) <= 0;
        *out = mpz_fdiv_ui(mpq_numref(q), P - 1);
    }
    mpq_clear(q);
    return good;
}

static ValueStatus fold(Work *w, const Expr *e, int point, uint64_t *out) {
    uint64_t v = 0, next = 0;
    ValueStatus got = residue_value(w, e->first, point, &v);
    for (const Expr *c = e->first->next; c && got == VALUE_OK; c = c->next) {
        got = residue_value(w, c, point, &next);
        if (got != VALUE_OK) break;
        if (e->kind == EX_SUM)
            v = plus(v, next);
        else if (e->kind == EX_PRODUCT)
            v = residue_times(v, next);
        else if (next == 0)
            got = VALUE_UNDEFINED;
        else
            v = residue_times(v, power(next, P - 2));
    }
    *out = v;
    return got;
}

// n! of a plain whole number, one product a factor.
static ValueStatus factorial(Work *w, const Expr *e, uint64_t *out) {
    long n;
    enum { MOST = 100000 };
    if (e->op != 1 || !rational_integer(w, e->first, &n)) return VALUE_NONE;
    if (n < 0) return VALUE_UNDEFINED;
    if (n > MOST || !work_spend(w, n / 16)) return VALUE_OVER;
    uint64_t v = 1;
    for (long i = 2; i <= n; i++) v = residue_times(v, (uint64_t)i);
    *out = v;
    return VALUE_OK;
}

static ValueStatus fold_bounds(Work *w, const Expr *e, int point, uint64_t *out) {
    long low, high;
    if (e->has & HAS_UNKNOWN) {
        *out = work_random(w, e->hash * 0x10001u, point) % P;
        return VALUE_OK;
    }
    if (!rational_bounds(w, e, &low, &high)) return VALUE_NONE;
    ValueStatus got = VALUE_OK;
    uint64_t v = e->op == 'p', term = 0;
    long *k = &w->bound[e->text.data[1] - '0'];
    for (*k = low; *k <= high && got == VALUE_OK; ++*k) {
        got = residue_value(w, e->last, point, &term);
        v = e->op == 's' ? plus(v, term) : residue_times(v, term);
    }
    *out = v;
    return got;
}

ValueStatus residue_value(Work *w, const Expr *e, int point, uint64_t *out) {
    if (!work_spend(w, 1)) return VALUE_OVER;
    ValueStatus got;
    uint64_t k = 0;
    bool zero = false;
    switch ((ExprKind)e->kind) {
    case EX_NUMBER: *out = number(e); return VALUE_OK;
    case EX_FOLD: return fold_bounds(w, e, point, out);
    case EX_SYMBOL:
        if (expr_bound(e) >= 0) {
            long bound = w->bound[expr_bound(e)];
            *out = bound < 0 ? P - (uint64_t)-bound : (uint64_t)bound;
            return VALUE_OK;
        }
        *out = work_random(w, name_hash(e->text), point) % P;
        return VALUE_OK;
    case EX_APPLY: *out = work_random(w, e->hash * 0x10001u, point) % P; return VALUE_OK;
    case EX_CONSTANT:
        if (e->op == 'o') return VALUE_NONE;
        *out = e->op == 'i' ? ROOT_OF_MINUS_1 : work_random(w, e->op, point) % P;
        return VALUE_OK;
    case EX_SUM:
    case EX_PRODUCT:
    case EX_QUOTIENT: return fold(w, e, point, out);
    case EX_NEGATE:
        got = residue_value(w, e->first, point, out);
        if (got == VALUE_OK && *out) *out = P - *out;
        return got;
    case EX_PERCENT:
        got = residue_value(w, e->first, point, out);
        *out = residue_times(*out, power(100, P - 2));
        return got;
    case EX_DEGREE: // pi / 180
        got = residue_value(w, e->first, point, out);
        *out =
            residue_times(residue_times(*out, work_random(w, 'p', point) % P), power(180, P - 2));
        return got;
    case EX_POWER:
        if (!exponent(w, e->last, &k, &zero)) return VALUE_NONE;
        got = residue_value(w, e->first, point, out);
        if (got != VALUE_OK) return got;
        if (*out == 0) return zero ? VALUE_UNDEFINED : VALUE_OK;
        *out = power(*out, k);
        return VALUE_OK;
    case EX_FACTORIAL: return factorial(w, e, out);
    default: return VALUE_NONE;
    }
}
