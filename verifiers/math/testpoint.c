// verifiers/math/testpoint.c -- breakpoints along lines, and points in the parts between them.
#include "verifiers/math/testpoint.h"

#include <math.h>
#include <string.h>

#include "verifiers/math/arb_headers.h"
#include "verifiers/math/ball_value.h"
#include "verifiers/math/linepoly.h"
#include "verifiers/math/residue.h"
#include "verifiers/math/tree/limits.h"

enum { SEARCH_BITS = 64, MAX_SUMMANDS = 12 };

// The letters have the values start + t * way: one of them moves, or all do.
typedef struct TestLine {
    Work *w;
    Point at; // its values are those of `value`
    double start[TESTPOINT_MAX_LETTERS], way[TESTPOINT_MAX_LETTERS], value[TESTPOINT_MAX_LETTERS];
    bool whole, positive; // t takes whole, or positive, numbers only
    double cut[TESTPOINT_MAX_BREAKS];
    int n;
    bool sampled;   // not every breakpoint was found
    bool inexact;   // a breakpoint is no double
    bool rough_end; // one at which a condition ends is none
} TestLine;

// ---- breakpoints

static void add_break(TestLine *l, double v) {
    int i = 0;
    while (i < l->n && l->cut[i] < v) i++;
    double near = 1e-11 * (fabs(v) > 1 ? fabs(v) : 1);
    if ((i < l->n && l->cut[i] - v < near) || (i > 0 && v - l->cut[i - 1] < near)) {
        if (i == l->n || l->cut[i] != v) l->sampled |= i == 0 || l->cut[i - 1] != v;
        return;
    }
    if (l->n == TESTPOINT_MAX_BREAKS) {
        l->sampled = true;
        return;
    }
    memmove(l->cut + i + 1, l->cut + i, (size_t)(l->n - i) * sizeof *l->cut);
    l->cut[i] = v;
    l->n++;
}

static double step_beyond(double end) { // a distance that a double still shows
    return fabs(end) > 8 ? fabs(end) / 8 : 1;
}

// A place between the breakpoints i - 1 and i.
static double inside(const TestLine *l, int i) {
    if (l->n == 0) return 0.7265625;
    if (i == 0) return l->cut[0] - 0.625 * step_beyond(l->cut[0]);
    if (i == l->n) return l->cut[i - 1] + 0.625 * step_beyond(l->cut[i - 1]);
    return l->cut[i - 1] + 0.59375 * (l->cut[i] - l->cut[i - 1]);
}

typedef enum Side { SIDE_BELOW, SIDE_ZERO, SIDE_ABOVE, SIDE_NONE } Side;

// The sign of u - v - k at t.
static Side side_at(TestLine *l, const Expr *u, const Expr *v, long k, double t) {
    for (int i = 0; i < l->at.n_letters; i++) l->value[i] = l->start[i] + t * l->way[i];
    acb_t x, y;
    acb_init(x);
    acb_init(y);
    bool good =
        ball_value(&l->at, u, x) == VALUE_OK && (!v || ball_value(&l->at, v, y) == VALUE_OK);
    Side side = SIDE_NONE;
    if (good) {
        acb_sub(x, x, y, SEARCH_BITS);
        acb_sub_si(x, x, k, SEARCH_BITS);
        if (ball_is_real(x))
            side = arb_is_positive(acb_realref(x))   ? SIDE_ABOVE
                   : arb_is_negative(acb_realref(x)) ? SIDE_BELOW
                                                     : SIDE_ZERO;
    }
    acb_clear(x);
    acb_clear(y);
    return side;
}

// Where the sign of u - v - k changes between `low` and `high`, on whose side it is `below`.
static double halve(TestLine *l, const Expr *u, const Expr *v, long k, double low, double high,
                    Side below) {
    enum { HALVINGS = 22 };
    for (int i = 0; i < HALVINGS; i++) {
        double middle = low + (high - low) / 2;
        Side here = side_at(l, u, v, k, middle);
        if (here == SIDE_ZERO) return middle;
        *(here == below ? &low : &high) = middle;
    }
    return low + (high - low) / 2;
}

// Where a sign changes on a grid of sizes: each twice the last one up to a thousand, then wider.
static void search(TestLine *l, const Expr *u, const Expr *v, long k) {
    static const int exponent[] = {-60, -32, -16, -8, -4, -3, -2, -1, 0,  1,  2,  3,  4,
                                   5,   6,   7,   8,  9,  10, 13, 17, 22, 28, 36, 46, 58};
    enum { SIZES = sizeof exponent / sizeof *exponent, MOST = 5 };
    int found = 0;
    Side last = SIDE_NONE;
    double at = 0;
    l->sampled = l->inexact = true;
    for (int i = -SIZES; i <= SIZES && found < MOST; i++) {
        double t = i == 0  ? 0
                   : i < 0 ? -ldexp(1.05, exponent[-i - 1])
                           : ldexp(1.05, exponent[i - 1]);
        if (l->positive && t <= 0) continue;
        if (l->w->steps < MATH_MAX_STEPS / 2) return; // the comparison needs the rest
        Side side = side_at(l, u, v, k, t);
        if (side == SIDE_ZERO) {
            add_break(l, t);
            found++;
        } else if (i > -SIZES && at != 0 && side != last && last != SIDE_ZERO) {
            add_break(l, halve(l, u, v, k, at, t, last));
            found++;
        }
        last = side;
        at = t;
    }
}

// Does a letter that moves stand in the tree?
static bool moves(const TestLine *l, const Expr *e) {
    if (!(e->has & (HAS_SYMBOL | HAS_UNKNOWN))) return false;
    if (e->kind == EX_SYMBOL || e->kind == EX_APPLY || e->kind == EX_FOLD) {
        int i = point_letter(&l->at, e);
        if (i >= 0 && l->way[i] != 0) return true;
        if (e->kind == EX_APPLY) return false;
    }
    for (const Expr *c = e->first; c; c = c->next)
        if (moves(l, c)) return true;
    return false;
}

// Where u - v - k is zero or has a pole.
static void zeros(TestLine *l, const Expr *u, const Expr *v, long k) {
    uint32_t has = u->has | (v ? v->has : 0);
    if (!moves(l, u) && !(v && moves(l, v))) return;
    bool pieces = (has & HAS_PIECES) != 0, good = true;
    double cut[TESTPOINT_MAX_BREAKS], root[2 * LINE_MAX_DEGREE];
    TestLine parts = *l;
    memcpy(cut, l->cut, sizeof cut);
    Point from = l->at;
    from.value = l->start;
    for (int i = 0; i <= (pieces ? parts.n : 0) && good; i++) {
        LineFraction f, g;
        line_fraction_init(&f);
        line_fraction_init(&g);
        double middle = inside(&parts, i);
        good = line_fraction(&from, l->way, u, middle, &f) &&
               (!v || line_fraction(&from, l->way, v, middle, &g));
        if (good) {
            line_subtract(&f, v ? &g : NULL, k);
            int n = line_roots(&f, root, 2 * LINE_MAX_DEGREE);
            good = n >= 0;
            l->inexact |= !f.exact;
            for (int j = 0; j < n; j++)
                if (!pieces ||
                    ((i == 0 || root[j] > cut[i - 1]) && (i == parts.n || root[j] < cut[i])))
                    add_break(l, root[j]);
        }
        line_fraction_clear(&f);
        line_fraction_clear(&g);
    }
    if (!good) search(l, u, v, k);
}

static void walk(TestLine *l, const Expr *e);

// The ends of the conditions: both sides may differ in the end alone, so it must be met exactly.
static void walk_condition(TestLine *l, const Expr *e) {
    if (e->kind == EX_LIST)
        for (const Expr *c = e->first; c; c = c->next) walk_condition(l, c);
    if (e->kind != EX_RELATION) return;
    for (const Expr *c = e->first; c->next; c = c->next) {
        if (!moves(l, c) && !moves(l, c->next)) continue;
        bool before = l->inexact;
        l->inexact = false;
        zeros(l, c, c->next, 0);
        l->rough_end |= l->inexact;
        l->inexact = before;
    }
}

static void walk_call(TestLine *l, const Expr *e) {
    const Expr *u = e->first;
    switch (e->op) {
    case FN_LN:
    case FN_LOG:
        zeros(l, u, NULL, 0);
        if (e->n > 1) zeros(l, u->next, NULL, 0), zeros(l, u->next, NULL, 1);
        return;
    case FN_ARCTAN:
    case FN_ARCCOT:
    case FN_ARSINH:
    case FN_SIGN: zeros(l, u, NULL, 0); return;
    case FN_ARCSIN:
    case FN_ARCCOS:
    case FN_ARCSEC:
    case FN_ARCCSC:
    case FN_ARCOSH:
    case FN_ARTANH:
        zeros(l, u, NULL, -1);
        zeros(l, u, NULL, 0);
        zeros(l, u, NULL, 1);
        return;
    case FN_MAX:
    case FN_MIN:
        for (const Expr *x = u; x; x = x->next)
            for (const Expr *y = x->next; y; y = y->next) zeros(l, x, y, 0);
        return;
    case FN_MOD:
        l->sampled = true;
        zeros(l, u, NULL, 0);
        if (u->next) zeros(l, u, u->next, 0);
        return;
    default: l->sampled = true; return;
    }
}

// A sum or product whose terms have breakpoints of their own.
static void walk_fold(TestLine *l, const Expr *e) {
    long low, high;
    walk(l, e->first);
    walk(l, e->first->next);
    if (!(e->last->has & HAS_PIECES)) return;
    long *k = &l->w->bound[e->text.data[1] - '0'];
    if (rational_bounds(l->w, e, &low, &high) && high - low < MAX_SUMMANDS) {
        for (*k = low; *k <= high; ++*k) walk(l, e->last);
    } else {
        l->sampled = true;
        *k = 1;
        walk(l, e->last);
    }
}

// From the inside outwards: the arguments of a maximum may have pieces themselves.
static void walk(TestLine *l, const Expr *e) {
    if (!(e->has & HAS_PIECES) || e->kind == EX_APPLY) return;
    if (e->kind == EX_FOLD) {
        if (!(e->has & HAS_UNKNOWN)) walk_fold(l, e);
        return;
    }
    for (const Expr *c = e->first; c; c = c->next) walk(l, c);
    switch ((ExprKind)e->kind) {
    case EX_ABS:
    case EX_ROOT: zeros(l, e->first, NULL, 0); return;
    case EX_POWER: // x^{1/2}; a whole exponent has no breakpoint
        if ((e->last->kind == EX_NUMBER && e->last->exp10 >= 0) ||
            !(e->first->has & (HAS_SYMBOL | HAS_BOUND | HAS_UNKNOWN)))
            return;
        zeros(l, e->first, NULL, 0);
        return;
    case EX_FLOOR:
    case EX_CEIL: // every whole number is one: those next to zero, and points of many sizes
        l->sampled = true;
        for (long k = -2; k <= 2; k++) zeros(l, e->first, NULL, k);
        return;
    case EX_CALL: walk_call(l, e); return;
    case EX_CASES:
        for (const Expr *c = e->first; c; c = c->next->next) walk_condition(l, c->next);
        return;
    default: return;
    }
}

// ---- letters

static void take_letter(TestPlan *out, PointKind kind, const Expr *e, bool moves) {
    uint64_t key = point_key(e);
    for (int i = 0; i < out->n_letters; i++)
        if (out->letter[i] == key) {
            out->moves[i] |= moves;
            return;
        }
    if (out->n_letters == TESTPOINT_MAX_LETTERS) {
        out->sampled = true;
        return;
    }
    out->whole[out->n_letters] =
        kind == POINT_WHOLE ||
        (kind == POINT_COUNT && e->kind == EX_SYMBOL && ball_whole_letter(e));
    out->moves[out->n_letters] = moves;
    out->letter[out->n_letters++] = key;
}

// `moves`: does e stand in something that has breakpoints? A letter outside of all has none.
static void find_letters(TestPlan *out, PointKind kind, const Expr *e, bool moves) {
    bool unknown = e->kind == EX_APPLY || (e->kind == EX_FOLD && (e->has & HAS_UNKNOWN));
    if (unknown || (e->kind == EX_SYMBOL && expr_bound(e) < 0)) {
        take_letter(out, kind, e, moves);
        return;
    }
    bool frame = e->kind == EX_SUM || e->kind == EX_PRODUCT || e->kind == EX_NEGATE ||
                 e->kind == EX_QUOTIENT;
    moves |= !frame && (e->has & HAS_PIECES);
    for (const Expr *c = e->first; c; c = c->next) find_letters(out, kind, c, moves);
}

// ---- points

typedef struct TestMaker {
    Work *w;
    TestPlan *out;
    PointKind kind;
    bool below_zero;
    uint64_t drawn;
} TestMaker;

// In [0, 1), of 20 bits: the coefficients of the polynomials stay short.
static double draw(TestMaker *m) {
    return (double)(work_random(m->w, ++m->drawn * 0x51ED2701u, 71) >> 44) / 1048576.0;
}

static void emit(TestMaker *m, const TestLine *l, double t, int part, bool edge) {
    if (m->out->n_points == TESTPOINT_MAX_POINTS || !isfinite(t)) return;
    if (l->positive && t <= 0) return;
    TestPoint *p = &m->out->point[m->out->n_points++];
    for (int i = 0; i < m->out->n_letters; i++) p->value[i] = l->start[i] + t * l->way[i];
    p->part = part;
    p->edge = edge;
}

// Distances from the last breakpoint; the first ones are enough where all breakpoints are known.
static const double far_away[] = {0.43, 3.17, 211.7, 37.3, 1211.7, 20431.3, 1300003.7};

static void real_part(TestMaker *m, const TestLine *l, int i, int part) {
    if (l->n == 0) {
        emit(m, l, 0.3 + draw(m), part, false);
        if (!l->positive) emit(m, l, -0.3 - draw(m), part, false);
        return;
    }
    if (i > 0 && i < l->n) {
        double low = l->cut[i - 1], gap = l->cut[i] - low;
        emit(m, l, low + gap * (0.2 + 0.2 * draw(m)), part, false);
        emit(m, l, low + gap * (0.6 + 0.2 * draw(m)), part, false);
        return;
    }
    double end = i ? l->cut[i - 1] : l->cut[0], unit = step_beyond(end);
    size_t n = l->sampled ? sizeof far_away / sizeof *far_away : 3;
    for (size_t k = 0; k < n; k++) {
        double way = unit * far_away[k] * (0.9 + 0.2 * draw(m));
        emit(m, l, i ? end + way : end - way, part, false);
    }
}

static void whole_part(TestMaker *m, const TestLine *l, int i, int part) {
    double low = i > 0 ? floor(l->cut[i - 1]) + 1 : (double)-INFINITY;
    double high = i < l->n ? ceil(l->cut[i]) - 1 : (double)INFINITY;
    if (l->positive && low < 1) low = 1;
    if (low > high) return;
    if (isfinite(low) && isfinite(high)) {
        emit(m, l, low, part, false);
        if (high > low) emit(m, l, high, part, false);
        if (high > low + 1) emit(m, l, low + 1, part, false);
        if (high > low + 3)
            emit(m, l, floor(low + (high - low) * (0.2 + 0.6 * draw(m))), part, false);
        return;
    }
    bool up = isfinite(low);
    double end = up ? low : isfinite(high) ? high : 0;
    static const double way[] = {0, 1, 2, 38, 1212, 20431, 1300003};
    size_t n = m->kind == POINT_COUNT ? 4 : sizeof way / sizeof *way;
    double unit = 1 + floor(fabs(end) / 4096); // breakpoints of a search are near the place only
    for (size_t k = 0; k < n; k++) {
        double far = k < 3 ? way[k] : way[k] * unit;
        emit(m, l, up ? end + far : end - far, part, false);
    }
}

// Points of many sizes, where parts may have been missed.
static void many_sizes(TestMaker *m, const TestLine *l) {
    static const double size[] = {0.07, 0.6, 1.3, 2.1, 3.4, 4.6,  6.1,   7.7,    9.4,
                                  13,   21,  55,  144, 700, 5003, 92003, 3000017};
    for (size_t k = 0; k < sizeof size / sizeof *size; k++)
        for (int sign = 1; sign >= -1; sign -= 2) {
            double t = sign * size[k] * (0.9 + 0.2 * draw(m));
            if (l->whole) t = floor(t);
            if (m->kind == POINT_COUNT && fabs(t) > 60) continue;
            emit(m, l, t, -1, false);
            if (!l->whole && size[k] > 2 && size[k] < 100) emit(m, l, floor(t), -1, false);
        }
}

// The breakpoints of both trees along a line that has its start and its way, and points of it.
static void one_line(TestMaker *m, const Expr *a, const Expr *b, TestLine *l) {
    l->w = m->w;
    l->whole = false;
    for (int i = 0; i < m->out->n_letters; i++) l->whole |= l->way[i] != 0 && m->out->whole[i];
    l->positive =
        (m->kind == POINT_COUNT && l->whole) || (m->kind == POINT_WHOLE && !m->below_zero);
    l->at = (Point){.w = m->w,
                    .kind = m->kind,
                    .complex = ((a->has | b->has) & (HAS_I | HAS_COMPLEX)) != 0,
                    .precision = SEARCH_BITS,
                    .letter = m->out->letter,
                    .value = l->value,
                    .n_letters = m->out->n_letters};
    walk(l, a);
    walk(l, b);
    m->out->sampled |= l->sampled;
    int moving = 0;
    for (int i = 0; i < m->out->n_letters; i++) moving += l->way[i] != 0;
    m->out->rough_end |= l->rough_end && moving == 1; // where all move ends are fractions
    for (int i = 0; i <= l->n; i++) {
        int part = m->out->n_parts++;
        if (l->whole)
            whole_part(m, l, i, part);
        else
            real_part(m, l, i, part);
        if (i < l->n && (!l->whole || l->cut[i] == floor(l->cut[i])))
            emit(m, l, l->cut[i], -1, true);
    }
}

// Where one letter moves the others stay: positive, of both signs, large.
static void base_values(TestMaker *m, int base, double *value) {
    static const double least[] = {0.2, 0.6, 20}, span[] = {4.5, 8, 700};
    for (int i = 0; i < m->out->n_letters; i++) {
        double v = least[base] + span[base] * draw(m);
        if (m->out->whole[i]) v = 1 + floor(m->kind == POINT_COUNT && base == 2 ? v / 20 : v);
        bool negative = m->out->whole[i] ? m->kind == POINT_WHOLE && m->below_zero
                                         : m->kind == POINT_MIXED || m->kind == POINT_COUNT;
        bool minus = base > 0 && negative && (base == 1) != (draw(m) < 0.4);
        value[i] = minus ? -v : v;
    }
}

// All letters move: max(x, y, -100) and max(x, y) differ only where both are small.
static void all_move(TestMaker *m, const double *value, int turn, TestLine *l) {
    *l = (TestLine){0};
    for (int i = 0; i < m->out->n_letters; i++) {
        bool whole = m->out->whole[i];
        double speed = whole ? 1 + floor(2 * draw(m)) : 0.75 + draw(m) / 2;
        bool back = turn > 0 && m->kind != POINT_WHOLE && !whole && draw(m) < 0.5;
        l->way[i] = !m->out->moves[i] ? 0 : back ? -speed : speed;
        l->start[i] = m->kind == POINT_COUNT || whole ? 0 : value[i] / 8;
    }
}

bool testpoint_plan(Work *w, const Expr *a, const Expr *b, PointKind kind, bool below_zero,
                    TestPlan *out) {
    *out = (TestPlan){.point = ARENA_ARRAY(w->arena, TestPoint, TESTPOINT_MAX_POINTS)};
    TestMaker m = {.w = w, .out = out, .kind = kind, .below_zero = below_zero};
    find_letters(out, kind, a, false);
    find_letters(out, kind, b, false);
    int moving = 0;
    for (int i = 0; i < out->n_letters; i++) moving += out->moves[i];
    int bases = moving <= 1 ? 1 : moving <= 3 ? 3 : 2;
    for (int base = 0; base < bases; base++) {
        double value[TESTPOINT_MAX_LETTERS] = {0};
        base_values(&m, base, value);
        TestLine line[TESTPOINT_MAX_LETTERS + 1];
        int n = 0;
        for (int i = 0; i < out->n_letters; i++) {
            if (!out->moves[i]) continue;
            line[n] = (TestLine){0};
            memcpy(line[n].start, value, sizeof value);
            line[n].start[i] = 0;
            line[n].way[i] = 1;
            one_line(&m, a, b, &line[n++]);
        }
        if (moving > 1) {
            all_move(&m, value, base, &line[n]);
            one_line(&m, a, b, &line[n++]);
        }
        if (base > 0) continue;
        out->n_needed = out->n_points;
        for (int i = 0; i < n; i++)
            if (line[i].sampled) many_sizes(&m, &line[i]);
    }
    if (out->n_points == TESTPOINT_MAX_POINTS) out->sampled = true;
    return w->steps >= 0;
}
