// verifiers/math/realset.c -- reading, then one normal form: sorted pieces that do not touch.
#include "verifiers/math/realset.h"

#include <stdlib.h>
#include <string.h>

#include "verifiers/math/rational.h"

static bool add(RealSet *s, Piece p) {
    if (s->n >= REALSET_MAX || !p.lo || !p.hi) return false;
    s->piece[s->n++] = p;
    return true;
}

static const Expr *infinity(Work *w, bool minus) {
    Expr *e = expr_leaf(w, EX_CONSTANT, 'o', (Slice){"", 0});
    return minus ? expr_one(w, EX_NEGATE, 0, e) : e;
}

static bool is_infinite(const Expr *e) {
    return (e->has & HAS_INFINITY) != 0;
}

// < 0, 0, > 0; *known false if no order can be shown.
static int order(Work *w, const Expr *a, const Expr *b, bool *known) {
    return scalar_order(w, a, b, known);
}

// Sorts, drops what is empty, joins what touches. False: some order is not known.
static bool normalise(Work *w, RealSet *s) {
    bool known;
    for (int i = 0; i < s->n; i++) {
        Piece *p = &s->piece[i];
        int o = order(w, p->lo, p->hi, &known);
        if (!known) return false;
        if (o > 0 || (o == 0 && !(p->lo_in && p->hi_in))) {
            *p = s->piece[--s->n];
            i--;
        }
    }
    for (int i = 1; i < s->n; i++) { // insertion sort
        Piece p = s->piece[i];
        int j = i;
        for (; j > 0; j--) {
            int o = order(w, s->piece[j - 1].lo, p.lo, &known);
            if (!known) return false;
            if (o < 0 || (o == 0 && (s->piece[j - 1].lo_in || !p.lo_in))) break;
            s->piece[j] = s->piece[j - 1];
        }
        s->piece[j] = p;
    }
    int n = 0;
    for (int i = 0; i < s->n; i++) {
        Piece p = s->piece[i];
        if (n) {
            Piece *last = &s->piece[n - 1];
            int gap = order(w, last->hi, p.lo, &known);
            if (!known) return false;
            if (gap > 0 || (gap == 0 && (last->hi_in || p.lo_in))) {
                int end = order(w, last->hi, p.hi, &known);
                if (!known) return false;
                if (end < 0) last->hi = p.hi, last->hi_in = p.hi_in;
                if (end == 0) last->hi_in |= p.hi_in;
                continue;
            }
        }
        s->piece[n++] = p;
    }
    s->n = n;
    return true;
}

static bool intersect(Work *w, const RealSet *a, const RealSet *b, RealSet *out) {
    out->n = 0;
    bool known;
    for (int i = 0; i < a->n; i++)
        for (int j = 0; j < b->n; j++) {
            Piece p = a->piece[i], q = b->piece[j];
            int lo = order(w, p.lo, q.lo, &known);
            if (!known) return false;
            if (lo < 0) p.lo = q.lo, p.lo_in = q.lo_in;
            if (lo == 0) p.lo_in &= q.lo_in;
            int hi = order(w, p.hi, q.hi, &known);
            if (!known) return false;
            if (hi > 0) p.hi = q.hi, p.hi_in = q.hi_in;
            if (hi == 0) p.hi_in &= q.hi_in;
            if (!add(out, p)) return false;
        }
    return normalise(w, out);
}

// The reals without s.
static bool complement(Work *w, RealSet *s, RealSet *out) {
    if (!normalise(w, s)) return false;
    out->n = 0;
    const Expr *from = infinity(w, true);
    bool from_in = false;
    for (int i = 0; i < s->n; i++) {
        if (!add(out, (Piece){from, s->piece[i].lo, from_in, !s->piece[i].lo_in})) return false;
        from = s->piece[i].hi;
        from_in = !s->piece[i].hi_in;
    }
    return add(out, (Piece){from, infinity(w, false), from_in, false}) && normalise(w, out);
}

static bool scalar_or_infinite(const Expr *e) {
    return !(e->has & (HAS_OBJECT | HAS_SIGN));
}

static bool is_name(const Expr *e) {
    return e->kind == EX_SYMBOL || e->kind == EX_APPLY;
}

static int flip(int relation) {
    switch (relation) {
    case RELATION_LT: return RELATION_GT;
    case RELATION_LE: return RELATION_GE;
    case RELATION_GT: return RELATION_LT;
    case RELATION_GE: return RELATION_LE;
    default: return relation;
    }
}

static bool about(RealSet *s, const Expr *name) {
    if (s->name && !expr_same(s->name, name)) return false;
    s->name = name;
    return true;
}

// name REL bound
static bool half_line(Work *w, int relation, const Expr *bound, RealSet *out) {
    switch (relation) {
    case RELATION_LT:
    case RELATION_LE:
        return add(out, (Piece){infinity(w, true), bound, false, relation == RELATION_LE});
    case RELATION_GT:
    case RELATION_GE:
        return add(out, (Piece){bound, infinity(w, false), relation == RELATION_GE, false});
    case RELATION_NE:
        return add(out, (Piece){infinity(w, true), bound, false, false}) &&
               add(out, (Piece){bound, infinity(w, false), false, false});
    case RELATION_EQ: return add(out, (Piece){bound, bound, true, true});
    default: return false;
    }
}

// The one letter of a tree, NULL if there is none or another.
static const Expr *one_letter(const Expr *e, const Expr *seen, bool *many) {
    if (e->kind == EX_APPLY) *many = true;
    if (e->kind == EX_SYMBOL) {
        if (seen && !expr_same(seen, e)) *many = true;
        return e;
    }
    for (const Expr *c = e->first; c; c = c->next) {
        const Expr *found = one_letter(c, seen, many);
        if (found) seen = found;
    }
    return seen;
}

static Expr *from_rational(Work *w, mpq_srcptr q) {
    char *num = mpz_get_str(NULL, 10, mpq_numref(q)), *den = mpz_get_str(NULL, 10, mpq_denref(q));
    bool minus = *num == '-';
    char *a = arena_printf(w->arena, "%s", num + minus), *b = arena_printf(w->arena, "%s", den);
    free(num);
    free(den);
    Expr *top = expr_number(w, slice_of(a), 0), *low = expr_number(w, slice_of(b), 0);
    Expr *e = strcmp(b, "1") == 0 ? top : expr_two(w, EX_QUOTIENT, top, low);
    return minus ? expr_one(w, EX_NEGATE, 0, e) : e;
}

// left REL right, linear in one letter with rational coefficients: solved.
static bool linear(Work *w, const Expr *left, const Expr *right, int relation, RealSet *out) {
    bool many = false, good = true;
    const Expr *letter = one_letter(right, one_letter(left, NULL, &many), &many);
    if (!letter || many ||
        ((left->has | right->has) & (HAS_IRRATIONAL | HAS_OBJECT | HAS_SIGN | HAS_INFINITY)))
        return false;
    mpq_t at, l, r, value[3];
    mpq_init(at);
    mpq_init(l);
    mpq_init(r);
    for (int i = 0; i < 3; i++) {
        static const int place[] = {0, 1, 17};
        mpq_init(value[i]);
        mpq_set_si(at, place[i], 1);
        good = good && rational_value(w, left, at, l) == VALUE_OK &&
               rational_value(w, right, at, r) == VALUE_OK;
        if (good) mpq_sub(value[i], l, r);
    }
    if (good) {
        mpq_sub(value[1], value[1], value[0]); // the slope
        mpq_set_ui(at, 17, 1);
        mpq_mul(l, value[1], at);
        mpq_add(l, l, value[0]);
        good = mpq_equal(l, value[2]) && mpq_sgn(value[1]) != 0;
        // and at a place where no other curve of low degree is met by chance
        mpq_set_si(at, -1000003, 7);
        if (good)
            good = rational_value(w, left, at, l) == VALUE_OK &&
                   rational_value(w, right, at, r) == VALUE_OK;
        if (good) {
            mpq_sub(l, l, r);
            mpq_mul(r, value[1], at);
            mpq_add(r, r, value[0]);
            good = mpq_equal(l, r);
        }
    }
    if (good) {
        mpq_div(l, value[0], value[1]);
        mpq_neg(l, l);
        if (mpq_sgn(value[1]) < 0) relation = flip(relation);
        good = about(out, letter) && half_line(w, relation, from_rational(w, l), out);
    }
    for (int i = 0; i < 3; i++) mpq_clear(value[i]);
    mpq_clear(at);
    mpq_clear(l);
    mpq_clear(r);
    return good;
}

// |inside| REL bound, the bound a positive number: -bound REL' inside REL bound, or what is
// outside.
static bool absolute(Work *w, const Expr *inside, int relation, const Expr *bound, RealSet *out) {
    bool known;
    const Expr *zero = expr_integer(w, 0);
    if (!zero || (bound->has & HAS_SYMBOL) || (inside->has & HAS_ABS) ||
        scalar_order(w, bound, zero, &known) <= 0 || !known)
        return false;
    const Expr *minus = expr_one(w, EX_NEGATE, 0, expr_copy(w, bound));
    RealSet up = {0}, down = {0};
    if (!minus || !linear(w, inside, bound, relation, &up) ||
        !linear(w, inside, minus, flip(relation), &down) || !about(out, up.name))
        return false;
    bool outside = relation == RELATION_GT || relation == RELATION_GE;
    if (!outside && relation != RELATION_LT && relation != RELATION_LE) return false;
    if (!outside) return intersect(w, &up, &down, out);
    for (int i = 0; i < up.n; i++)
        if (!add(out, up.piece[i])) return false;
    for (int i = 0; i < down.n; i++)
        if (!add(out, down.piece[i])) return false;
    return true;
}

static bool read_relation(Work *w, const Expr *e, RealSet *out) {
    const Expr *a = e->first, *b = a->next, *c = b->next;
    if (e->n == 2) {
        if (a->kind == EX_ABS) return absolute(w, a->first, b->relation, b, out);
        if (b->kind == EX_ABS) return absolute(w, b->first, flip(b->relation), a, out);
        if (b->relation == RELATION_IN && is_name(a))
            return realset_read(w, b, out) && about(out, a);
        if (b->relation == RELATION_NOTIN && is_name(a)) {
            RealSet inner = {0};
            return realset_read(w, b, &inner) && complement(w, &inner, out) && about(out, a);
        }
        if (!scalar_or_infinite(a) || !scalar_or_infinite(b)) return false;
        if (is_name(a) && !(b->has & HAS_SYMBOL))
            return about(out, a) && half_line(w, b->relation, b, out);
        if (is_name(b) && !(a->has & HAS_SYMBOL))
            return about(out, b) && half_line(w, flip(b->relation), a, out);
        if (b->relation != RELATION_EQ && linear(w, a, b, b->relation, out)) return true;
        if (is_name(a)) return about(out, a) && half_line(w, b->relation, b, out);
        if (is_name(b)) return about(out, b) && half_line(w, flip(b->relation), a, out);
        return false;
    }
    if (e->n != 3 || !is_name(b) || !scalar_or_infinite(a) || !scalar_or_infinite(c)) return false;
    int left = b->relation, right = c->relation;
    bool up = (left == RELATION_LT || left == RELATION_LE) &&
              (right == RELATION_LT || right == RELATION_LE);
    bool down = (left == RELATION_GT || left == RELATION_GE) &&
                (right == RELATION_GT || right == RELATION_GE);
    if (!up && !down) return false;
    if (!about(out, b)) return false;
    bool left_in = left == RELATION_LE || left == RELATION_GE,
         right_in = right == RELATION_LE || right == RELATION_GE;
    return up ? add(out, (Piece){a, c, left_in, right_in})
              : add(out, (Piece){c, a, right_in, left_in});
}

static bool read_parts(Work *w, const Expr *e, RealSet *out, bool both) {
    RealSet inner = {0}, sum = {0};
    bool first = true;
    for (const Expr *c = e->first; c; c = c->next) {
        inner.n = 0, inner.name = NULL;
        if (!realset_read(w, c, &inner)) return false;
        if (inner.name && !about(out, inner.name)) return false;
        if (first) {
            memcpy(out->piece, inner.piece, sizeof inner.piece);
            out->n = inner.n;
        } else if (both) {
            sum.n = 0;
            if (!intersect(w, out, &inner, &sum)) return false;
            memcpy(out->piece, sum.piece, sizeof sum.piece);
            out->n = sum.n;
        } else {
            for (int i = 0; i < inner.n; i++)
                if (!add(out, inner.piece[i])) return false;
        }
        first = false;
    }
    return !first;
}

// (6, 2) and (3, 3) are points: as intervals they would be empty, and one as good as the other.
static bool runs_down(Work *w, const Expr *pair) {
    bool known;
    if (!scalar_or_infinite(pair->first) || !scalar_or_infinite(pair->last)) return false;
    int o = order(w, pair->first, pair->last, &known);
    bool closed = pair->kind == EX_BRACKET || (pair->kind == EX_INTERVAL && pair->op == 3);
    return known && (o > 0 || (o == 0 && !closed));
}

// \mathbb{R}, \mathbb{R}^+, \mathbb{R}_{>0}, \mathbb{R}^*
static bool part_of_reals(Work *w, Slice name, RealSet *out) {
    static const struct {
        const char *name;
        bool below, zero, above;
    } row[] = {{"R", true, true, true},        {"R^+", false, false, true},
               {"R_>0", false, false, true},   {"R^-", true, false, false},
               {"R_<0", true, false, false},   {"R^*", true, false, true},
               {"R_\\ge0", false, true, true}, {"R_\\geq0", false, true, true}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        if (strlen(row[i].name) != name.size || memcmp(row[i].name, name.data, name.size) != 0)
            continue;
        const Expr *zero = expr_integer(w, 0), *low = infinity(w, true), *high = infinity(w, false);
        if (row[i].below && row[i].zero) return add(out, (Piece){low, high, false, false});
        return (!row[i].below || add(out, (Piece){low, zero, false, false})) &&
               (!row[i].above || add(out, (Piece){zero, high, row[i].zero, false}));
    }
    return false;
}

static bool is_half_line(const Expr *e) {
    if (!e || e->kind != EX_RELATION || e->n != 2) return false;
    int r = e->last->relation;
    return r == RELATION_LT || r == RELATION_LE || r == RELATION_GT || r == RELATION_GE;
}

// x >= 2, x <= 5: both, where both together leave a part of the line but not all of it is in one of
// them; x < 2, x > 5: one of them, as nothing is in both. Else the comma is not understood.
static bool two_half_lines(Work *w, const Expr *list, RealSet *out) {
    RealSet both = {0}, either = {0}, first = {0}, second = {0};
    if (list->n != 2 || !is_half_line(list->first) || !is_half_line(list->last) ||
        !read_relation(w, list->first, &first) || !read_relation(w, list->last, &second) ||
        !first.name || !second.name || !expr_same(first.name, second.name) || first.n != 1 ||
        second.n != 1 || !intersect(w, &first, &second, &both))
        return false;
    either = first;
    if (!add(&either, second.piece[0]) || !normalise(w, &either)) return false;
    bool all = either.n == 1 && is_infinite(either.piece[0].lo) && is_infinite(either.piece[0].hi);
    if (both.n > 0 && !all) return false;
    *out = both.n > 0 ? both : either;
    return about(out, first.name);
}

bool realset_names_domain(const Expr *list) {
    if (list->op != ',') return false;
    for (const Expr *c = list->first; c; c = c->next)
        if (c->kind == EX_RELATION && c->n == 2 && c->last->relation == RELATION_IN &&
            c->last->kind == EX_DOMAIN)
            return true;
    return false;
}

bool realset_half_lines(const Expr *list) {
    return list->op == ',' && list->n == 2 && is_half_line(list->first) && is_half_line(list->last);
}

bool realset_read(Work *w, const Expr *e, RealSet *out) {
    RealSet inner;
    switch ((ExprKind)e->kind) {
    case EX_INTERVAL:
        return !runs_down(w, e) && scalar_or_infinite(e->first) && scalar_or_infinite(e->last) &&
               add(out, (Piece){e->first, e->last, (e->op & 1) != 0, (e->op & 2) != 0});
    case EX_TUPLE:
    case EX_BRACKET:
        return e->n == 2 && !runs_down(w, e) && scalar_or_infinite(e->first) &&
               scalar_or_infinite(e->last) &&
               add(out, (Piece){e->first, e->last, e->kind == EX_BRACKET, e->kind == EX_BRACKET});
    case EX_SET:
        if (e->op == 'b') {
            RealSet from = {0}, condition = {0};
            if (!realset_read(w, e->last, &condition)) return false;
            if (is_name(e->first)) {
                if (condition.name && !expr_same(condition.name, e->first)) return false;
                *out = condition;
            } else if (e->first->kind != EX_RELATION || !read_relation(w, e->first, &from) ||
                       !intersect(w, &from, &condition, out)) { // {n in N | n > 2} is not real
                return false;
            }
            out->name = NULL; // {y | y > 0} is {x | x > 0}
            return true;
        }
        for (const Expr *c = e->first; c; c = c->next)
            if (!scalar_or_infinite(c) || !add(out, (Piece){c, c, true, true})) return false;
        return true;
    case EX_DOMAIN: return e->op == 'R' && part_of_reals(w, e->text, out);
    case EX_RELATION: return read_relation(w, e, out);
    case EX_UNION: return read_parts(w, e, out, false);
    case EX_INTERSECTION: return read_parts(w, e, out, true);
    case EX_LIST:
        for (const Expr *c = e->first; c; c = c->next)
            if (c->kind != EX_RELATION && c->kind != EX_INTERVAL) return false;
        if (realset_half_lines(e)) return two_half_lines(w, e, out);
        if (e->op != 'o' && e->op != 'a' && !realset_names_domain(e)) return false;
        return read_parts(w, e, out, e->op != 'o');
    case EX_WITHOUT: {
        RealSet rest = {0}, left = {0};
        inner.n = 0, inner.name = NULL;
        return realset_read(w, e->first, &left) && realset_read(w, e->last, &inner) &&
               complement(w, &inner, &rest) && intersect(w, &left, &rest, out);
    }
    default: return false;
    }
}

static bool same_end(Work *w, const Expr *a, const Expr *b, MathLayer *layer) {
    bool known;
    if (is_infinite(a) || is_infinite(b)) return scalar_order(w, a, b, &known) == 0 && known;
    return scalar_same(w, a, b, layer);
}

bool realset_same(Work *w, RealSet *a, RealSet *b, MathLayer *layer) {
    if (a->name && b->name && !expr_same(a->name, b->name)) {
        w->why = "different letters";
        return false;
    }
    // ends with letters in them have no order: compared as written
    bool ordered = normalise(w, a) && normalise(w, b);
    if (!ordered && (a->n != 1 || b->n != 1)) return false;
    if (a->n != b->n) {
        w->why = "different sets of numbers";
        return false;
    }
    if (*layer < MATH_STRUCTURE) *layer = MATH_STRUCTURE;
    for (int i = 0; i < a->n; i++) {
        const Piece *p = &a->piece[i], *q = &b->piece[i];
        if (p->lo_in != q->lo_in || p->hi_in != q->hi_in) {
            w->why = "an end belongs to one alone";
            return false;
        }
        if (!same_end(w, p->lo, q->lo, layer) || !same_end(w, p->hi, q->hi, layer)) {
            w->why = "different ends";
            return false;
        }
    }
    return true;
}
