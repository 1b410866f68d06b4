// verifiers/math/equal.c -- one function a kind of pair.
#include "verifiers/math/equal.h"

#include <string.h>

#include "verifiers/math/collection.h"
#include "verifiers/math/matrix.h"
#include "verifiers/math/rational.h"
#include "verifiers/math/realset.h"
#include "verifiers/math/statement.h"
#include "verifiers/math/tree/limits.h"
#include "verifiers/math/tree/unit.h"
#include "verifiers/math/tree/wording.h"

enum { MAX_NESTED = 48 };

static bool differ(Work *w, const char *why) {
    w->why = why;
    return false;
}

// ---- words

// A letter, letters side by side or words, as a text; false if it is something else.
static bool spell(const Expr *e, char *out, size_t cap, size_t *n) {
    Slice s = e->text;
    if (e->kind == EX_CONSTANT && e->op != 'o')
        s = (Slice){e->op == 'p' ? "pi" : e->op == 'e' ? "e" : "i", e->op == 'p' ? 2 : 1};
    else if (e->kind == EX_PRODUCT) {
        for (const Expr *c = e->first; c; c = c->next)
            if (!spell(c, out, cap, n)) return false;
        return true;
    } else if (e->kind == EX_POWER && e->last->kind == EX_NUMBER) {
        return false;
    } else if (e->kind != EX_TEXT && e->kind != EX_SYMBOL) {
        return false;
    }
    if (*n + s.size > cap) return false;
    memcpy(out + *n, s.data, s.size);
    *n += s.size;
    return true;
}

static bool same_words(Work *w, const Expr *a, const Expr *b) {
    char x[256], y[256];
    size_t nx = 0, ny = 0;
    if (a->kind == EX_TEXT && b->kind == EX_TEXT)
        return words_equal(a->text, b->text, w->rules->case_matters) ||
               differ(w, "different words");
    if (!spell(a, x, sizeof x, &nx) || !spell(b, y, sizeof y, &ny))
        return differ(w, "words and a formula");
    return words_equal((Slice){x, nx}, (Slice){y, ny}, true) || // letters: a is not A
           differ(w, "different words");
}

static bool says_empty(const Expr *e) {
    static const char *const words[] = {"nosolution",      "nosolutions", "norealsolution",
                                        "norealsolutions", "emptyset",    "theemptyset",
                                        "nosuchsolution"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words_equal(e->text, slice_of(words[i]), false)) return true;
    return false;
}

static bool says_all_reals(const Expr *e) {
    static const char *const words[] = {"allrealnumbers", "allreals",    "allrealvalues",
                                        "anyrealnumber",  "realnumbers", "therealnumbers"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words_equal(e->text, slice_of(words[i]), false)) return true;
    return false;
}

// ---- units

static bool unit_is_factor(Work *w, const Expr *value, Slice unit, const Expr *product,
                           MathLayer *layer) {
    // 0.64 N without \text: the letter at the end of a product
    if (product->kind != EX_PRODUCT || product->n != 2 || product->last->kind != EX_SYMBOL)
        return false;
    return words_equal(product->last->text, unit, false) &&
           equal_answers(w, value, product->first, layer);
}

// 5 m and 500 cm
static bool same_converted(Work *w, const Expr *a, const Expr *b, MathLayer *layer) {
    int64_t up, down;
    int exp10;
    if (!unit_convert(a->text, b->text, &up, &down, &exp10))
        return differ(w, "units of different dimensions");
    Expr *factor = expr_integer(w, (long)up);
    if (factor && exp10) factor = expr_number(w, factor->text, factor->exp10 + exp10);
    factor = expr_two(w, EX_QUOTIENT, factor, expr_integer(w, (long)down));
    const Expr *value = expr_two(w, EX_PRODUCT, expr_copy(w, a->first), factor);
    return value && equal_answers(w, value, b->first, layer);
}

static bool same_units(Work *w, const Expr *a, const Expr *b, MathLayer *layer) {
    if (a->kind == EX_UNIT && b->kind == EX_UNIT) {
        if (w->rules->units_ignored || unit_same_name(a->text, b->text))
            return equal_answers(w, a->first, b->first, layer);
        if (a->n == 2 && b->n == 2) return equal_answers(w, a->last, b->last, layer);
        return w->rules->units_convert ? same_converted(w, a, b, layer)
                                       : differ(w, "different units");
    }
    const Expr *with = a->kind == EX_UNIT ? a : b, *plain = with == a ? b : a;
    if (plain->kind == EX_PERCENT || plain->kind == EX_DEGREE)
        return w->rules->units_ignored ? equal_answers(w, with->first, plain->first, layer)
                                       : differ(w, "different units");
    return equal_answers(w, with->first, plain, layer) ||
           (with->n == 2 && equal_answers(w, with->last, plain, layer)) || // 12 m/s^2 of letters
           unit_is_factor(w, with->first, with->text, plain, layer);
}

static bool same_percent(Work *w, const Expr *a, const Expr *b, MathLayer *layer) {
    const Expr *with = a->kind == EX_PERCENT ? a : b, *plain = with == a ? b : a;
    if (a->kind == b->kind) return scalar_same(w, a->first, b->first, layer);
    bool dropped =
        w->rules->percent != PERCENT_HUNDREDTH && scalar_same(w, with->first, plain, layer);
    return dropped ||
           (w->rules->percent != PERCENT_DROPPED && scalar_same(w, with, plain, layer)) ||
           differ(w, "percent is a hundredth");
}

// ---- ratios

static bool same_ratio(Work *w, const Expr *a, const Expr *b, MathLayer *layer) {
    if (a->kind != EX_RATIO || b->kind != EX_RATIO) {
        const Expr *ratio = a->kind == EX_RATIO ? a : b, *plain = ratio == a ? b : a;
        if (!w->rules->ratio_is_number || ratio->n != 2 || !expr_is_scalar(plain))
            return differ(w, "a ratio alone");
        const Expr *value =
            expr_two(w, EX_QUOTIENT, expr_copy(w, ratio->first), expr_copy(w, ratio->last));
        return value && scalar_same(w, value, plain, layer);
    }
    if (a->n != b->n) return differ(w, "ratios of different length");
    if (a->op != b->op) return differ(w, "a time and a ratio");
    bool clock = a->flag && b->flag;
    bool scaled = !clock && w->rules->ratio_is_number && !((a->has | b->has) & HAS_OPAQUE);
    const Expr *y = b->first;
    for (const Expr *x = a->first; x; x = x->next, y = y->next) {
        if (!scaled) {
            if (!equal_answers(w, x, y, layer)) return differ(w, "different ratios");
            continue;
        }
        const Expr *left = expr_two(w, EX_PRODUCT, expr_copy(w, x), expr_copy(w, b->first));
        const Expr *right = expr_two(w, EX_PRODUCT, expr_copy(w, y), expr_copy(w, a->first));
        if (!left || !right || !scalar_same(w, left, right, layer))
            return differ(w, "different ratios");
    }
    return true;
}

// ---- the rest, part by part

static bool same_parts(Work *w, const Expr *a, const Expr *b, MathLayer *layer) {
    if (a->kind != b->kind || a->op != b->op || a->n != b->n || a->n == 0)
        return differ(w, "different kinds of answers");
    if (a->text.size != b->text.size ||
        (a->text.size && memcmp(a->text.data, b->text.data, a->text.size) != 0))
        return differ(w, "different names");
    const Expr *y = b->first;
    for (const Expr *x = a->first; x; x = x->next, y = y->next)
        if (x->relation != y->relation || !equal_answers(w, x, y, layer)) return false;
    return true;
}

static bool is_set_of_reals(const Expr *e) {
    switch ((ExprKind)e->kind) {
    case EX_INTERVAL:
    case EX_UNION:
    case EX_INTERSECTION:
    case EX_WITHOUT:
    case EX_DOMAIN: return true;
    case EX_SET: return e->op == 'b';
    case EX_RELATION: return statement_is_inequality(e);
    case EX_LIST:
        if (e->first->kind == EX_INTERVAL) return e->op == 'o'; // (-oo, 2) or (3, oo)
        if (e->first->kind != EX_RELATION || !statement_is_inequality(e->first)) return false;
        return e->op == 'o' || e->op == 'a' || realset_names_domain(e) || realset_half_lines(e);
    default: return false;
    }
}

static bool may_be_reals(const Expr *e) {
    return is_set_of_reals(e) || e->kind == EX_TUPLE || e->kind == EX_BRACKET ||
           e->kind == EX_SET || e->kind == EX_RELATION;
}

static bool same_reals(Work *w, const Expr *a, const Expr *b, MathLayer *layer, bool *read) {
    RealSet x, y;
    x.n = y.n = 0;
    x.name = y.name = NULL;
    *read = realset_read(w, a, &x) && realset_read(w, b, &y);
    return *read && realset_same(w, &x, &y, layer);
}

static bool is_kind(const Expr *a, const Expr *b, ExprKind kind) {
    return a->kind == kind || b->kind == kind;
}

static bool is_statement(const Expr *e) {
    return e->kind == EX_RELATION;
}

// Neither is a scalar, a list or a statement on one side.
static bool equal_objects(Work *w, const Expr *a, const Expr *b, MathLayer *layer) {
    if (*layer < MATH_STRUCTURE) *layer = MATH_STRUCTURE;
    if (is_kind(a, b, EX_TEXT)) {
        const Expr *text = a->kind == EX_TEXT ? a : b, *other = text == a ? b : a;
        if (other->kind == EX_SET && other->n == 0)
            return (!w->rules->empty_by_sign && says_empty(text)) || differ(w, "words and a set");
        if (is_set_of_reals(other)) {
            bool read = false;
            Expr *reals =
                w->rules->empty_by_sign ? NULL : expr_leaf(w, EX_DOMAIN, 'R', (Slice){"R", 1});
            return (says_all_reals(text) && reals && same_reals(w, reals, other, layer, &read)) ||
                   differ(w, "words and a set");
        }
        return same_words(w, a, b);
    }
    if (is_kind(a, b, EX_RATIO)) return same_ratio(w, a, b, layer);
    if (is_kind(a, b, EX_BASED)) {
        if (a->kind == b->kind)
            return ((a->op == b->op || w->rules->base_ignored) &&
                    words_equal(a->text, b->text, false)) ||
                   differ(w, "different digits or base");
        const Expr *based = a->kind == EX_BASED ? a : b, *plain = based == a ? b : a;
        return (w->rules->base_ignored && plain->kind == EX_NUMBER &&
                words_equal(based->text, plain->text, false)) ||
               differ(w, "a base on one side alone");
    }
    if (is_kind(a, b, EX_CASES)) {
        MathLayer before = *layer;
        if (a->kind == b->kind && collection_same(w, a, b, layer)) return true;
        *layer = before;
        return scalar_same_cases(w, a, b, layer) || differ(w, "different cases");
    }
    const Expr *x = matrix_fold(w, a), *y = matrix_fold(w, b);
    if (x != a || y != b) return equal_answers(w, x, y, layer);
    switch ((ExprKind)a->kind) {
    case EX_SET:
    case EX_TUPLE:
    case EX_BRACKET:
    case EX_MATRIX:
    case EX_CASES: return collection_same(w, a, b, layer);
    case EX_UNION:
    case EX_INTERSECTION:
        if (a->kind == b->kind) return collection_unordered(w, a, b, layer);
        break;
    default: break;
    }
    if (is_kind(a, b, EX_SET) || is_kind(a, b, EX_MATRIX) || is_kind(a, b, EX_TUPLE))
        return collection_same(w, a, b, layer);
    if ((a->has & HAS_INFINITY) && (b->has & HAS_INFINITY)) {
        bool known;
        return (scalar_order(w, a, b, &known) == 0 && known) || differ(w, "different infinities");
    }
    return same_parts(w, a, b, layer);
}

// ---- a domain behind the answer

static bool holds_letter(const Expr *e, const Expr *letter) {
    if (e->kind == EX_SYMBOL) return expr_same(e, letter);
    for (const Expr *c = e->first; c; c = c->next)
        if (holds_letter(c, letter)) return true;
    return false;
}

// n >= 1, x \neq 0, c \in R: what goes without saying. Bounds above and far from zero say more.
static const Expr *usual_domain(Work *w, const Expr *e) {
    if (e->kind != EX_RELATION || e->n != 2) return NULL;
    const Expr *left = e->first, *right = e->last;
    int relation = right->relation;
    if (right->kind == EX_SYMBOL && left->kind != EX_SYMBOL) { // 0 < x
        const Expr *letter = right;
        right = left, left = letter;
        relation = relation == RELATION_LT   ? RELATION_GT
                   : relation == RELATION_LE ? RELATION_GE
                   : relation == RELATION_NE ? RELATION_NE
                                             : RELATION_NONE;
    }
    if (left->kind != EX_SYMBOL) return NULL;
    if (relation == RELATION_IN) return right->kind == EX_DOMAIN ? left : NULL;
    if (relation == RELATION_NE) return expr_is_scalar(right) ? left : NULL;
    long bound;
    bool near = (relation == RELATION_GT || relation == RELATION_GE) &&
                rational_integer(w, right, &bound) && bound >= -2 && bound <= 2;
    return near ? left : NULL;
}

// f(x) = x + 1, x > 0: without the conditions on letters of the formula. `e` itself where there are
// none.
static const Expr *without_domain(Work *w, const Expr *e) {
    if (e->kind != EX_LIST || (e->op != ',' && e->op != 'd') || e->n < 2) return e;
    const Expr *formula = e->first, *value = formula;
    if (formula->kind == EX_RELATION) {
        if (statement_is_inequality(formula)) return e;
        value = formula->last;
    }
    for (const Expr *c = formula->next; c; c = c->next) {
        const Expr *letter = usual_domain(w, c);
        if (!letter || !holds_letter(value, letter)) return e;
    }
    return formula;
}

static bool equal_inside(Work *w, const Expr *a, const Expr *b, MathLayer *layer) {
    const Expr *x = without_domain(w, a), *y = without_domain(w, b);
    if ((x == a) != (y == b) && !w->rules->domain_kept) return equal_answers(w, x, y, layer);
    if (w->rules->signs_written && ((a->has ^ b->has) & HAS_SIGN))
        return differ(w, "plus-minus on one side alone");
    if (is_kind(a, b, EX_LIST) || ((a->has | b->has) & HAS_SIGN)) {
        bool read = false, same;
        if ((is_set_of_reals(a) || is_set_of_reals(b)) && (is_set_of_reals(a) || may_be_reals(a)) &&
            (is_set_of_reals(b) || may_be_reals(b))) {
            same = same_reals(w, a, b, layer, &read);
            if (read) return same;
        }
        return collection_same(w, a, b, layer);
    }
    if (is_kind(a, b, EX_UNIT)) {
        if (is_statement(a) || is_statement(b)) return statement_same(w, a, b, layer);
        return same_units(w, a, b, layer);
    }
    if (is_kind(a, b, EX_PERCENT) && expr_is_scalar(a) && expr_is_scalar(b))
        return same_percent(w, a, b, layer);
    if (is_kind(a, b, EX_DEGREE) && expr_is_scalar(a) &&
        expr_is_scalar(b)) { // a sign that may be left out
        if (a->kind == EX_DEGREE) a = a->first;
        if (b->kind == EX_DEGREE) b = b->first;
        return scalar_same(w, a, b, layer) || differ(w, "different numbers");
    }
    if (is_statement(a) && is_statement(b) && statement_same(w, a, b, layer)) return true;
    if (is_kind(a, b, EX_TEXT) && (is_set_of_reals(a) || is_set_of_reals(b)))
        return equal_objects(w, a, b, layer);
    if (is_set_of_reals(a) || is_set_of_reals(b)) {
        bool read = false, same = false;
        bool relation = is_statement(a) != is_statement(b);
        if (may_be_reals(a) && may_be_reals(b) && (!relation || w->rules->interval_is_inequality))
            same = same_reals(w, a, b, layer, &read);
        if (read) return same;
    }
    if (is_statement(a) || is_statement(b)) return statement_same(w, a, b, layer);
    if (expr_is_scalar(a) && expr_is_scalar(b))
        return scalar_same(w, a, b, layer) || differ(w, "different values");
    return equal_objects(w, a, b, layer);
}

bool equal_answers(Work *w, const Expr *a, const Expr *b, MathLayer *layer) {
    if (!a || !b || w->over) return false;
    if (expr_same(a, b)) {
        if (*layer < MATH_TEXT) *layer = MATH_TEXT;
        return true;
    }
    if (!work_spend(w, 1) || w->nested >= MAX_NESTED) {
        w->over = "too many steps";
        return false;
    }
    w->nested++;
    bool same = equal_inside(w, a, b, layer);
    w->nested--;
    if (w->steps < 0) w->over = "too many steps";
    return same && !w->over;
}
