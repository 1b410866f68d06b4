// verifiers/math/tree/expr.h -- the tree of a mathematical answer.
//
// Layer 3 (verifiers). Nodes live in the arena of one verdict and are never freed singly. Children
// hang in a list (first, next). A tree is at most MATH_MAX_DEPTH deep, so walking it may recurse.
#ifndef VERIFIERS_MATH_TREE_EXPR_H
#define VERIFIERS_MATH_TREE_EXPR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "verifiers/boxed.h"
#include "verifiers/math/tree/rules.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ExprKind {
    // scalars
    EX_NUMBER,    // text: digits; exp10
    EX_SYMBOL,    // text: the name with subscript, primes and accent; flag: in bold, a vector
    EX_CONSTANT,  // op: 'p' pi, 'e', 'i', 'o' infinity
    EX_SUM,       // children
    EX_PRODUCT,   // children
    EX_NEGATE,    // one child
    EX_QUOTIENT,  // numerator, denominator
    EX_POWER,     // base, exponent
    EX_ROOT,      // radicand, index
    EX_CALL,      // op: ExprFunction; arguments (logarithm: argument, base)
    EX_APPLY,     // an unknown function: text is its name; arguments
    EX_FACTORIAL, // op: 1 for n!, 2 for n!!
    EX_BINOMIAL,  // n, k
    EX_ABS,
    EX_FLOOR,
    EX_CEIL,
    EX_PLUSMINUS, // op: '+' for \pm, '-' for \mp; one child
    EX_PERCENT,
    EX_DEGREE,
    // what surrounds a scalar
    EX_UNIT,  // one child; text: the unit, normalised
    EX_BASED, // text: digits in base op
    EX_RATIO, // a : b : c
    EX_DOTS,  // an ellipsis
    EX_TEXT,  // text: normalised words
    EX_FOLD,  // \sum, \prod (op 's', 'p') of a letter between two bounds: low, high, body
    EX_BIG,   // \int, \lim, other \sum, with all that belongs to it: text, compared as written
    // collections
    EX_TUPLE,    // ( , ): two parts may be an open interval
    EX_BRACKET,  // [ , ]: a closed interval or a list
    EX_INTERVAL, // lo, hi; op: bit 0 = lo belongs to it, bit 1 = hi does
    EX_SET,
    EX_LIST, // commas alone
    EX_UNION,
    EX_INTERSECTION,
    EX_WITHOUT, // A \setminus B
    EX_DOMAIN,  // op: 'R', 'Z', 'N', 'Q', 'C', 'P' (primes)
    EX_MATRIX,  // op: columns; rows = n / op; flag: a determinant
    EX_CASES,   // op: columns
    // statements
    EX_RELATION, // operands; each but the first has in `relation` what precedes it
} ExprKind;

typedef enum ExprFunction {
    FN_SIN = 1,
    FN_COS,
    FN_TAN,
    FN_COT,
    FN_SEC,
    FN_CSC,
    FN_ARCSIN,
    FN_ARCCOS,
    FN_ARCTAN,
    FN_ARCCOT,
    FN_ARCSEC,
    FN_ARCCSC,
    FN_SINH,
    FN_COSH,
    FN_TANH,
    FN_COTH,
    FN_SECH,
    FN_CSCH,
    FN_ARSINH,
    FN_ARCOSH,
    FN_ARTANH,
    FN_LN,
    FN_LOG,
    FN_EXP,
    FN_SIGN,
    FN_GCD,
    FN_LCM,
    FN_MAX,
    FN_MIN,
    FN_RE,
    FN_IM,
    FN_ARG,
    FN_CONJ,
    FN_GAMMA,
    FN_DET,
    FN_MOD,
    N_FUNCTIONS,
    FN_WORD_ABS,
    FN_WORD_FLOOR,
    FN_WORD_CEIL,
    FN_WORD_CIS,
    FN_WORD_CBRT,
    FN_WORD_NAMED, // tr A, deg f: read as nodes of their own
} ExprFunction;

typedef enum Relation {
    RELATION_NONE,
    RELATION_EQ,
    RELATION_NE,
    RELATION_LT,
    RELATION_LE,
    RELATION_GT,
    RELATION_GE,
    RELATION_IN,
    RELATION_NOTIN,
    RELATION_APPROX,
    RELATION_CONGRUENT,
    RELATION_OTHER,            // and what lies behind it: each command is a relation of its own,
    RELATION_NEGATED = 0x4000, // with \not before it another
} Relation;

// What a tree holds somewhere.
enum {
    HAS_SYMBOL = 1,
    HAS_IRRATIONAL = 2, // a root, a function, a power that is no whole number: balls are needed
    HAS_PI_OR_E = 4,
    HAS_I = 8,
    HAS_INFINITY = 16,
    HAS_ABS = 32,
    HAS_WHOLE = 64,   // factorials, binomials, floors, (-1)^n: its letters are whole numbers
    HAS_SIGN = 128,   // plus-minus
    HAS_OBJECT = 256, // something that is no scalar
    HAS_POINT = 512,  // a decimal point
    HAS_COLLECTION = 1024,
    HAS_OPAQUE = 2048,    // an ellipsis, text or a big operator inside: compared as written only
    HAS_ROUND = 4096,     // floor or ceiling
    HAS_FOLD = 8192,      // a sum or product by \sum or \prod
    HAS_DET = 16384,      // a determinant of a matrix that is written out
    HAS_BOUND = 32768,    // the letter of a \sum
    HAS_UNKNOWN = 65536,  // a name that depends on it, as a_k or f(k); an endless \sum
    HAS_COMPLEX = 262144, // Re, Im, arg, a conjugate: the letters z and w are complex
    HAS_PIECES = 131072, // |x|, roots, logarithms, max, ... of letters: a function with breakpoints
};

typedef struct Expr Expr;
struct Expr {
    uint8_t kind;
    uint16_t relation; // in a relation: what precedes this operand
    uint16_t op;
    uint16_t depth;
    bool flag;
    uint32_t has;
    uint32_t n; // children
    int32_t exp10;
    uint32_t hash; // of kind, op, text, children in order
    Expr *first, *last, *next;
    Slice text;
};

// The letter of a \sum is renamed by how deep it is: #0 is the outermost. Its value is in
// Work.bound while the body is evaluated. A \sum with an unknown is an unknown as a whole.
enum { EXPR_MAX_BOUND = 4 };

// One verdict's memory and budget.
typedef struct Work {
    Arena *arena;
    Expr *block; // nodes come in blocks
    uint32_t block_left, n_nodes;
    int64_t steps;      // left; below zero = over budget
    int64_t more_steps; // added once, where functions with breakpoints are compared
    const MathRules *rules;
    const char *over; // NULL, or which budget ended
    const char *why;  // NULL, or the difference that was found: a literal
    bool too_large;   // some value could not be had within the budgets
    bool sampled;     // functions were compared at points that may miss a part of one
    int nested;       // of comparisons inside of each other
    int phrases;      // of phrases that are read inside of each other
    uint64_t seed;    // of the random points
    long bound[EXPR_MAX_BOUND];
} Work;

// NULL in, NULL out: a node over budget (Work.over) is NULL, and so is all that is built on it.
Expr *expr_new(Work *w, ExprKind kind);
Expr *expr_leaf(Work *w, ExprKind kind, int op, Slice text);
Expr *expr_number(Work *w, Slice digits, int32_t exp10); // leading and trailing zeros are cut
Expr *expr_integer(Work *w, long value);
Expr *expr_one(Work *w, ExprKind kind, int op, Expr *a);
Expr *expr_two(Work *w, ExprKind kind, Expr *a, Expr *b);
void expr_add(Expr *parent, Expr *child); // appends; expr_done when all are there
Expr *expr_done(Work *w, Expr *e);        // depth, hash, has
Expr *expr_copy(Work *w, const Expr *e);  // the node alone, children shared, next cut

// The same tree in every part, in this order.
bool expr_same(const Expr *a, const Expr *b);
const char *expr_kind_name(ExprKind kind);
const char *expr_function_name(int function);
// One line: (+ 1 (* 2 x)). At most about `max` bytes.
void expr_write(const Expr *e, size_t max, Str *out);
const Expr *expr_child(const Expr *e, uint32_t i);
bool expr_is_scalar(const Expr *e);
Slice expr_bound_name(int i);
int expr_bound(const Expr *e); // the place in Work.bound of a letter #0, #1, ..; -1 for all others

#ifdef __cplusplus
}
#endif
#endif
