// verifiers/math/tree/expr.c -- making trees within the budget, comparing and printing them.
#include "verifiers/math/tree/expr.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "verifiers/math/tree/limits.h"

enum { NODES_PER_BLOCK = 64 };

static const char *const bound_names[EXPR_MAX_BOUND] = {"#0", "#1", "#2", "#3"};

Expr *expr_new(Work *w, ExprKind kind) {
    if (w->over) return NULL;
    if (w->n_nodes++ >= MATH_MAX_NODES) {
        w->over = "too many parts";
        return NULL;
    }
    if (!w->block_left) {
        w->block = arena_alloc_unset(w->arena, NODES_PER_BLOCK, sizeof(Expr));
        w->block_left = NODES_PER_BLOCK;
    }
    Expr *e = w->block++;
    w->block_left--;
    *e = (Expr){.kind = (uint8_t)kind};
    return e;
}

static uint32_t mix(uint32_t h, uint32_t v) {
    h ^= v + 0x9E3779B9u + (h << 6) + (h >> 2);
    return h * 0x85EBCA6Bu;
}

// Signs between operands that need not commute: f \circ g is compared as it is written.
static bool is_operator(Slice name) {
    static const char *const names[] = {"circ", "oplus", "otimes", "star", "nabla"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (name.size == strlen(names[i]) && memcmp(name.data, names[i], name.size) == 0)
            return true;
    return false;
}

static bool has_letters(const Expr *e) {
    for (const Expr *c = e->first; c; c = c->next)
        if (c->has & (HAS_SYMBOL | HAS_BOUND | HAS_UNKNOWN)) return true;
    return false;
}

// Functions that are analytic wherever they exist need no breakpoints.
static bool is_one_piece(int function) {
    return function <= FN_CSC || (function >= FN_SINH && function <= FN_CSCH) ||
           function == FN_EXP || function == FN_GAMMA || function == FN_DET;
}

static uint32_t complex_bits(const Expr *e) {
    bool conjugate = e->kind == EX_SYMBOL && e->text.size == 5 &&
                     memcmp(e->text.data, "bar ", 4) == 0 && strchr("zw", e->text.data[4]);
    bool part = e->kind == EX_CALL &&
                (e->op == FN_RE || e->op == FN_IM || e->op == FN_ARG || e->op == FN_CONJ);
    return conjugate || part ? HAS_COMPLEX : 0;
}

static uint32_t own_bits(const Expr *e) {
    CHECK(e->kind != EX_POWER || (e->first && e->last));
    switch ((ExprKind)e->kind) {
    case EX_NUMBER: return e->exp10 < 0 || e->flag ? HAS_POINT : 0;
    case EX_SYMBOL:
        if (expr_bound(e) >= 0) return HAS_BOUND;
        return HAS_SYMBOL | (is_operator(e->text) ? HAS_OPAQUE : 0) |
               (memchr(e->text.data, '#', e->text.size) ? HAS_UNKNOWN : 0);
    case EX_CONSTANT: return e->op == 'i' ? HAS_I : e->op == 'o' ? HAS_INFINITY : HAS_PI_OR_E;
    case EX_SUM:
    case EX_PRODUCT:
    case EX_NEGATE:
    case EX_QUOTIENT:
    case EX_PERCENT: return 0;
    case EX_DEGREE: return HAS_PI_OR_E;
    case EX_POWER: { // a whole exponent keeps a field's arithmetic
        const Expr *x = e->last;
        if (x->kind == EX_NEGATE) x = x->first;
        if (x->kind == EX_NUMBER && x->exp10 >= 0) return 0;
        if (expr_bound(x) >= 0) return 0;
        if (!x->has && x->kind == EX_PRODUCT) return 0;
        if (!x->has && x->kind == EX_POWER) return 0;
        const Expr *b = e->first;
        if (b->kind == EX_NEGATE && (x->has & HAS_SYMBOL)) return HAS_IRRATIONAL | HAS_WHOLE;
        bool base = (b->has & (HAS_SYMBOL | HAS_BOUND | HAS_UNKNOWN)) != 0;
        return HAS_IRRATIONAL | (base ? HAS_PIECES : 0);
    }
    case EX_ROOT: return HAS_IRRATIONAL | (has_letters(e) ? HAS_PIECES : 0);
    case EX_CALL:
        return HAS_IRRATIONAL | (!is_one_piece(e->op) && has_letters(e) ? HAS_PIECES : 0) |
               (e->op == FN_DET && e->first && e->first->kind == EX_MATRIX ? HAS_DET : 0);
    case EX_FOLD: {
        uint32_t bounds = e->first->has | e->first->next->has;
        return HAS_FOLD | (bounds & HAS_SYMBOL ? HAS_WHOLE : 0) |
               (bounds & HAS_INFINITY ? HAS_SYMBOL | HAS_UNKNOWN : 0);
    }
    case EX_APPLY: {
        bool bound = false;
        for (const Expr *c = e->first; c; c = c->next) bound |= (c->has & HAS_BOUND) != 0;
        return HAS_SYMBOL | (bound ? HAS_UNKNOWN : 0);
    }
    case EX_ABS:
        return HAS_IRRATIONAL | HAS_ABS | (has_letters(e) ? HAS_PIECES : 0) |
               (e->first->kind == EX_MATRIX ? HAS_DET : 0);
    case EX_FLOOR:
    case EX_CEIL: return HAS_IRRATIONAL | HAS_WHOLE | HAS_ROUND | (has_letters(e) ? HAS_PIECES : 0);
    case EX_FACTORIAL:
    case EX_BINOMIAL: return HAS_IRRATIONAL | HAS_WHOLE;
    case EX_PLUSMINUS: return HAS_SIGN;
    case EX_UNIT:
    case EX_BASED:
    case EX_RATIO: return HAS_OBJECT;
    case EX_DOTS:
    case EX_TEXT:
    case EX_BIG: return HAS_OBJECT | HAS_OPAQUE;
    case EX_TUPLE:
    case EX_BRACKET:
    case EX_INTERVAL:
    case EX_SET:
    case EX_LIST:
    case EX_UNION:
    case EX_INTERSECTION:
    case EX_WITHOUT:
    case EX_DOMAIN:
    case EX_MATRIX:
    case EX_RELATION: return HAS_OBJECT | HAS_COLLECTION;
    case EX_CASES: return HAS_OBJECT | HAS_COLLECTION | HAS_PIECES;
    }
    return 0;
}

Expr *expr_done(Work *w, Expr *e) {
    if (!e || w->over) return NULL;
    uint32_t h = mix(e->kind, e->op), has = 0;
    uint16_t depth = 0;
    for (size_t i = 0; i < e->text.size; i++) h = h * 31 + (unsigned char)e->text.data[i];
    h = mix(h, (uint32_t)e->exp10);
    e->n = 0;
    for (const Expr *c = e->first; c; c = c->next, e->n++) {
        h = mix(h, c->hash + c->relation);
        has |= c->has;
        if (c->depth > depth) depth = c->depth;
    }
    e->has = has | own_bits(e) | complex_bits(e);
    if (e->kind == EX_FOLD && !(e->last->has & HAS_INFINITY)) e->has &= ~(uint32_t)HAS_INFINITY;
    e->hash = h;
    e->depth = (uint16_t)(depth + 1);
    if (e->depth > MATH_MAX_DEPTH) {
        w->over = "too deep";
        return NULL;
    }
    return e;
}

void expr_add(Expr *parent, Expr *child) {
    if (!parent || !child) return;
    child->next = NULL;
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
}

Expr *expr_leaf(Work *w, ExprKind kind, int op, Slice text) {
    Expr *e = expr_new(w, kind);
    if (!e) return NULL;
    e->op = (uint16_t)op;
    e->text = text;
    return expr_done(w, e);
}

Expr *expr_number(Work *w, Slice digits, int32_t exp10) {
    bool point = exp10 < 0;
    while (digits.size > 1 && *digits.data == '0') digits.data++, digits.size--;
    while (digits.size > 1 && exp10 < 0 && digits.data[digits.size - 1] == '0')
        digits.size--, exp10++;
    if (digits.size == 1 && *digits.data == '0') exp10 = 0;
    if (digits.size > MATH_MAX_DIGITS || exp10 > MATH_MAX_POWER10 || exp10 < -MATH_MAX_POWER10) {
        if (!w->over) w->over = "a number of too many digits";
        return NULL;
    }
    Expr *e = expr_new(w, EX_NUMBER);
    if (!e) return NULL;
    e->text = digits;
    e->exp10 = exp10;
    e->flag = point;
    return expr_done(w, e);
}

Expr *expr_integer(Work *w, long value) {
    char text[32];
    int n = snprintf(text, sizeof text, "%lu",
                     value < 0 ? -(unsigned long)value : (unsigned long)value);
    char *copy = ARENA_ARRAY(w->arena, char, n + 1);
    memcpy(copy, text, (size_t)n);
    Expr *e = expr_number(w, (Slice){copy, (size_t)n}, 0);
    return value < 0 ? expr_one(w, EX_NEGATE, 0, e) : e;
}

Expr *expr_one(Work *w, ExprKind kind, int op, Expr *a) {
    Expr *e = a ? expr_new(w, kind) : NULL;
    if (!e) return NULL;
    e->op = (uint16_t)op;
    expr_add(e, a);
    return expr_done(w, e);
}

Expr *expr_two(Work *w, ExprKind kind, Expr *a, Expr *b) {
    Expr *e = a && b ? expr_new(w, kind) : NULL;
    if (!e) return NULL;
    expr_add(e, a);
    expr_add(e, b);
    return expr_done(w, e);
}

Expr *expr_copy(Work *w, const Expr *e) {
    Expr *copy = e ? expr_new(w, (ExprKind)e->kind) : NULL;
    if (!copy) return NULL;
    *copy = *e;
    copy->next = NULL;
    copy->relation = RELATION_NONE;
    return copy;
}

bool expr_same(const Expr *a, const Expr *b) {
    if (a == b) return true;
    if (!a || !b || a->hash != b->hash || a->kind != b->kind || a->op != b->op || a->n != b->n ||
        a->exp10 != b->exp10 || a->text.size != b->text.size)
        return false;
    if (a->text.size && memcmp(a->text.data, b->text.data, a->text.size) != 0) return false;
    const Expr *y = b->first;
    for (const Expr *x = a->first; x; x = x->next, y = y->next)
        if (x->relation != y->relation || !expr_same(x, y)) return false;
    return true;
}

const Expr *expr_child(const Expr *e, uint32_t i) {
    const Expr *c = e->first;
    while (i-- && c) c = c->next;
    return c;
}

int expr_bound(const Expr *e) {
    for (int i = 0; e->kind == EX_SYMBOL && e->text.size == 2 && i < EXPR_MAX_BOUND; i++)
        if (e->text.data == bound_names[i]) return i; // the very name: nobody can write it
    return -1;
}

Slice expr_bound_name(int i) {
    return (Slice){bound_names[i], 2};
}

bool expr_is_scalar(const Expr *e) {
    return !(e->has & (HAS_OBJECT | HAS_SIGN | HAS_INFINITY));
}

const char *expr_kind_name(ExprKind kind) {
    static const char *const name[] = {
        [EX_NUMBER] = "number",
        [EX_SYMBOL] = "symbol",
        [EX_CONSTANT] = "constant",
        [EX_SUM] = "+",
        [EX_PRODUCT] = "*",
        [EX_NEGATE] = "-",
        [EX_QUOTIENT] = "/",
        [EX_POWER] = "^",
        [EX_ROOT] = "root",
        [EX_CALL] = "call",
        [EX_APPLY] = "apply",
        [EX_FACTORIAL] = "factorial",
        [EX_BINOMIAL] = "binomial",
        [EX_ABS] = "abs",
        [EX_FLOOR] = "floor",
        [EX_CEIL] = "ceiling",
        [EX_PLUSMINUS] = "plus-minus",
        [EX_PERCENT] = "percent",
        [EX_DEGREE] = "degree",
        [EX_UNIT] = "unit",
        [EX_BASED] = "in-base",
        [EX_RATIO] = "ratio",
        [EX_DOTS] = "...",
        [EX_TEXT] = "text",
        [EX_FOLD] = "fold",
        [EX_BIG] = "big",
        [EX_TUPLE] = "tuple",
        [EX_BRACKET] = "bracket",
        [EX_INTERVAL] = "interval",
        [EX_SET] = "set",
        [EX_LIST] = "list",
        [EX_UNION] = "union",
        [EX_INTERSECTION] = "intersection",
        [EX_WITHOUT] = "without",
        [EX_DOMAIN] = "domain",
        [EX_MATRIX] = "matrix",
        [EX_CASES] = "cases",
        [EX_RELATION] = "relation",
    };
    return name[kind];
}

const char *expr_function_name(int function) {
    static const char *const name[N_FUNCTIONS] = {
        "",       "sin",    "cos",    "tan",  "cot",   "sec",  "csc",  "arcsin", "arccos", "arctan",
        "arccot", "arcsec", "arccsc", "sinh", "cosh",  "tanh", "coth", "sech",   "csch",   "arsinh",
        "arcosh", "artanh", "ln",     "log",  "exp",   "sgn",  "gcd",  "lcm",    "max",    "min",
        "re",     "im",     "arg",    "conj", "gamma", "det",  "mod"};
    return function > 0 && function < N_FUNCTIONS ? name[function] : "?";
}

static const char *relation_name(int relation) {
    static const char *const name[] = {"",   "=",  "!=",     "<", "<=", ">",
                                       ">=", "in", "not-in", "~", "==", "?"};
    return relation < RELATION_OTHER ? name[relation] : "rel";
}

void expr_write(const Expr *e, size_t max, Str *out) {
    if (!e) {
        str_puts(out, "(unread)");
        return;
    }
    if (out->size > max) {
        str_puts(out, "..");
        return;
    }
    switch ((ExprKind)e->kind) {
    case EX_NUMBER:
        str_add(out, e->text.data, e->text.size < 40 ? e->text.size : 40);
        if (e->text.size > 40) str_puts(out, "..");
        if (e->exp10) str_printf(out, "e%d", e->exp10);
        return;
    case EX_SYMBOL: str_add(out, e->text.data, e->text.size); return;
    case EX_CONSTANT:
        str_puts(out, e->op == 'p' ? "pi" : e->op == 'o' ? "oo" : e->op == 'e' ? "#e" : "#i");
        return;
    case EX_DOMAIN: str_putc(out, (char)e->op); return;
    case EX_DOTS: str_puts(out, "..."); return;
    default: break;
    }
    str_printf(out, "(%s",
               e->kind == EX_CALL                        ? expr_function_name(e->op)
               : e->kind == EX_FOLD                      ? (e->op == 's' ? "sum-of" : "product-of")
               : e->kind == EX_PLUSMINUS && e->op == '-' ? "minus-plus"
                                                         : expr_kind_name((ExprKind)e->kind));
    if (e->kind == EX_INTERVAL)
        str_printf(out, " %c%c", e->op & 1 ? '[' : '(', e->op & 2 ? ']' : ')');
    if (e->kind == EX_MATRIX || e->kind == EX_CASES) str_printf(out, " %d columns", e->op);
    if (e->kind == EX_BASED) str_printf(out, " %d", e->op);
    if (e->kind == EX_FACTORIAL && e->op == 2) str_puts(out, " double");
    if (e->text.size) {
        str_puts(out, " \"");
        str_add(out, e->text.data, e->text.size);
        str_putc(out, '"');
    }
    for (const Expr *c = e->first; c; c = c->next) {
        str_putc(out, ' ');
        if (c->relation) str_printf(out, "%s ", relation_name(c->relation));
        expr_write(c, max, out);
    }
    str_putc(out, ')');
}
