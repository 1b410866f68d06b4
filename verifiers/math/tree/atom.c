// verifiers/math/tree/atom.c -- numbers, letters, functions, and everything with an opening and an
// end.
#include <ctype.h>
#include <string.h>

#include "verifiers/math/tree/grammar.h"
#include "verifiers/math/tree/limits.h"
#include "verifiers/math/tree/wording.h"

static Slice literal(const char *text) {
    return (Slice){text, strlen(text)};
}

// Is this [ the beginning of a group, or the end of an interval [0, 1[ ?
static bool opens_bracket(const Token *t) {
    enum { FAR = 256 };
    const Token *next = t + 1;
    if (next->kind == TK_END ||
        (next->kind == TK_MARK && !strchr("([{-+|", next->id < 128 ? next->id : '?') &&
         next->id != MARK_FRAC && next->id != MARK_SQRT && next->id != MARK_CONSTANT &&
         next->id != MARK_BEGIN && next->id != MARK_BINOM))
        return false;
    for (int i = 0, open = 0; i < FAR && t->kind != TK_END; i++, t++) {
        open += token_is(t, '[') - token_is(t, ']');
        if (open == 0) return true;
    }
    return false;
}

bool grammar_starts_atom(const Reader *r) {
    const Token *t = r->t;
    switch ((TokenKind)t->kind) {
    case TK_END: return false;
    case TK_NUMBER:
    case TK_LETTER:
    case TK_FUNCTION: return true;
    case TK_WORD: return false;
    case TK_MARK: break;
    }
    switch (t->id) {
    case '[': return opens_bracket(t);
    case '(': return !token_is(t + 1, MARK_PMOD); // (mod 7) belongs to the relation
    case '{':
    case MARK_SET_OPEN:
    case MARK_ANGLE_OPEN:
    case MARK_FLOOR_OPEN:
    case MARK_CEIL_OPEN:
    case MARK_BAR_OPEN:
    case MARK_FRAC:
    case MARK_SQRT:
    case MARK_BINOM:
    case MARK_BEGIN:
    case MARK_OVERLINE:
    case MARK_ACCENT:
    case MARK_ANGLE_SIGN:
    case MARK_BIG:
    case MARK_CONSTANT:
    case MARK_EMPTY: return true;
    case '|': return r->bars == 0 && r->sets == 0;
    default: return false;
    }
}

// ---- names

// The text of a subscript: a group, or one token; without blanks and braces. In the arena.
static Slice take_script(Reader *r) {
    char *out = ARENA_ARRAY(r->w->arena, char, 64);
    size_t n = 0;
    int nested = 0;
    do {
        const Token *t = r->t;
        if (t->kind == TK_END) return (Slice){NULL, 0};
        r->t++;
        if (token_is(t, '{')) {
            nested++;
        } else if (token_is(t, '}')) {
            nested--;
        } else {
            Slice s = t->text.data ? t->text : (Slice){t->begin, (size_t)(t->end - t->begin)};
            Slice bound = reader_bound(r, t);
            if (bound.data) s = bound;
            if (n + s.size > 60) return (Slice){NULL, 0};
            memcpy(out + n, s.data, s.size);
            n += s.size;
        }
    } while (nested > 0);
    return (Slice){out, n};
}

static Slice join(Reader *r, Slice a, char with, Slice b) {
    char *out = ARENA_ARRAY(r->w->arena, char, a.size + b.size + 1);
    memcpy(out, a.data, a.size);
    out[a.size] = with;
    memcpy(out + a.size + 1, b.data, b.size);
    return (Slice){out, a.size + b.size + 1};
}

// Subscripts and primes behind a name.
static bool take_name_tail(Reader *r, Slice *name) {
    enum { LONGEST = 200 };
    for (;;) {
        if (name->size > LONGEST) return false;
        if (token_is(r->t, '\'')) {
            r->t++;
            *name = join(r, *name, '\'', (Slice){"", 0});
        } else if (token_is(r->t, '_')) {
            r->t++;
            Slice script = take_script(r);
            if (!script.data) return false;
            *name = join(r, *name, '_', script);
        } else {
            return true;
        }
    }
}

static Expr *take_arguments(Reader *r, Slice name) {
    Expr *call = expr_new(r->w, EX_APPLY);
    if (!call) return NULL;
    call->text = name;
    r->t++; // the bracket
    if (reader_take(r, ')')) return expr_done(r->w, call);
    int sets = r->sets;
    r->sets = name.size && *name.data == 'P'; // P(A | B)
    do {
        Expr *e = grammar_relation(r);
        if (!e) return NULL;
        expr_add(call, e);
    } while (reader_take(r, ',') || reader_take(r, ';') ||
             (r->sets && (reader_take(r, '|') || reader_take(r, MARK_MID))));
    r->sets = sets;
    return reader_take(r, ')') ? expr_done(r->w, call) : NULL;
}

static bool names_function(const Reader *r, const Token *t, Slice name) {
    if (t == r->apply) return true;
    const Token *open = r->t;
    if (!token_is(open, '(')) return false;
    bool certain = (t->id == 0 && name.size == 1 && strchr("fgFG", *name.data)) ||
                   (t->id == 1 && t->text.size == 3 &&
                    (memcmp(t->text.data, "phi", 3) == 0 || memcmp(t->text.data, "psi", 3) == 0 ||
                     memcmp(t->text.data, "Phi", 3) == 0)) ||
                   memchr(name.data, '\'', name.size);
    if (certain) return true;
    // h(x), P(n): one letter or number alone inside
    return name.size >= 1 && strchr("hHPQpq", *name.data) &&
           (open[1].kind == TK_LETTER || open[1].kind == TK_NUMBER) && token_is(open + 2, ')');
}

static Expr *take_letter(Reader *r) {
    const Token *t = r->t++;
    Slice name = t->text;
    Slice bound = reader_bound(r, t);
    if (bound.data && !token_is(r->t, '_') && !token_is(r->t, '\''))
        return expr_leaf(r->w, EX_SYMBOL, 0, bound);
    if (!take_name_tail(r, &name)) return NULL;
    if (t == r->apply && reader_take(r, '^')) { // f^{-1}(x) = ...
        Slice script = take_script(r);
        if (!script.data) return NULL;
        name = join(r, name, '^', script);
    }
    if (names_function(r, t, name) && token_is(r->t, '(')) return take_arguments(r, name);
    bool bare = name.size == 1 && t->id == 0;
    if (bare && *name.data == 'e') return expr_leaf(r->w, EX_CONSTANT, 'e', literal(""));
    if (bare && (*name.data == 'i' || (*name.data == 'j' && r->w->rules->engineering_j)))
        return expr_leaf(r->w, EX_CONSTANT, 'i', literal(""));
    return expr_leaf(r->w, EX_SYMBOL, 0, name);
}

// \overline{AB}, \vec{v}, \angle ABC: one name.
static Expr *take_decorated(Reader *r, Slice prefix) {
    Slice name = take_script(r);
    if (!name.data) return NULL;
    name = join(r, prefix, ' ', name);
    return take_name_tail(r, &name) ? expr_leaf(r->w, EX_SYMBOL, 0, name) : NULL;
}

static Expr *take_angle(Reader *r) {
    r->t++;
    if (token_is(r->t, '{')) return take_decorated(r, literal("angle"));
    Slice name = literal("angle");
    int n = 0;
    while (r->t->kind == TK_LETTER && n++ < 8) {
        Slice letter = (r->t++)->text;
        if (!take_name_tail(r, &letter)) return NULL;
        name = join(r, name, ' ', letter);
    }
    if (r->t->kind == TK_NUMBER && !n) name = join(r, name, ' ', (r->t++)->text), n++;
    return n ? expr_leaf(r->w, EX_SYMBOL, 0, name) : NULL;
}

// ---- numbers

// 0.1\overline{6}, 0.\dot{1}4\dot{2}: (digits with period - digits before it) / 99..90..0
static Expr *take_period(Reader *r, const Token *number) {
    Slice period = {NULL, 0};
    if (token_is(r->t, MARK_OVERLINE)) {
        r->t++;
        bool brace = reader_take(r, '{');
        if (r->t->kind != TK_NUMBER || !r->t->plain) return NULL;
        period = (r->t++)->text;
        if (brace && !reader_take(r, '}')) return NULL;
    } else if (token_is(r->t, MARK_DOT_ACCENT)) {
        char *digits = ARENA_ARRAY(r->w->arena, char, 64);
        size_t n = 0;
        for (int dots = 0; dots < 2 && n < 60;) {
            bool dot = reader_take(r, MARK_DOT_ACCENT), brace = dot && reader_take(r, '{');
            if (r->t->kind != TK_NUMBER || !r->t->plain) {
                if (dots == 1 && !dot) break;
                return NULL;
            }
            Slice s = (r->t++)->text;
            if (n + s.size > 60) return NULL;
            memcpy(digits + n, s.data, s.size);
            n += s.size;
            if (brace && !reader_take(r, '}')) return NULL;
            dots += dot;
            if (dots == 1 && r->t->kind != TK_NUMBER && !token_is(r->t, MARK_DOT_ACCENT)) break;
        }
        period = (Slice){digits, n};
    } else { // 0.(3)
        r->t++;
        if (r->t->kind != TK_NUMBER || !r->t->plain) return NULL;
        period = (r->t++)->text;
        if (!reader_take(r, ')')) return NULL;
    }
    if (!period.size || period.size > 60 || number->text.size > 200) return NULL;
    if (r->t->kind == TK_NUMBER) return NULL; // digits behind an endless row
    size_t n = period.size, places = (size_t)-number->exp10;
    char *nines = ARENA_ARRAY(r->w->arena, char, n);
    memset(nines, '9', n);
    Expr *repeat = expr_two(r->w, EX_QUOTIENT, expr_number(r->w, period, -(int32_t)places),
                            expr_number(r->w, (Slice){nines, n}, 0));
    return expr_two(r->w, EX_SUM, expr_number(r->w, number->text, number->exp10), repeat);
}

static Expr *take_number(Reader *r) {
    const Token *t = r->t++;
    bool point = !t->plain && (t->exp10 < 0 || t->end[-1] == '.' || t->id == 1) &&
                 !memchr(t->begin, 'e', (size_t)(t->end - t->begin)) &&
                 !memchr(t->begin, 'E', (size_t)(t->end - t->begin));
    if (point && (token_is(r->t, MARK_OVERLINE) || token_is(r->t, MARK_DOT_ACCENT)))
        return take_period(r, t);
    if (point && t->end[-1] == '.' && token_is(r->t, '(') && !r->t->space &&
        r->t[1].kind == TK_NUMBER)
        return take_period(r, t);
    if (point && token_is(r->t, MARK_DOTS)) return NULL; // 0.333...: how far is not said
    return expr_number(r->w, t->text, t->exp10);
}

// digits_base, (digits)_base, A5_{16}: `digits` may hold letters.
static Expr *make_based(Reader *r, Slice digits) {
    static const struct {
        const char *word;
        int base;
    } words[] = {{"two", 2},  {"three", 3},   {"four", 4},    {"five", 5},
                 {"six", 6},  {"seven", 7},   {"eight", 8},   {"nine", 9},
                 {"ten", 10}, {"twelve", 12}, {"sixteen", 16}};
    int base = 0;
    r->t++; // '_'
    bool brace = reader_take(r, '{'), round = reader_take(r, '(');
    if (r->t->kind == TK_NUMBER && r->t->plain && r->t->text.size <= 2 && *r->t->text.data != '0') {
        for (size_t i = 0; i < r->t->text.size; i++) base = base * 10 + (r->t->text.data[i] - '0');
        r->t++;
    } else if (r->t->kind == TK_WORD || r->t->kind == TK_LETTER) {
        Slice word = r->t->kind == TK_WORD ? r->t->text : (Slice){r->t->begin, r->t->run};
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (words_equal(word, literal(words[i].word), false)) base = words[i].base;
        r->t += r->t->kind == TK_WORD ? 1 : r->t->run ? r->t->run : 1;
    }
    if (round && !reader_take(r, ')')) return NULL;
    if (brace && !reader_take(r, '}')) return NULL;
    if (base < 2 || base > 36 || !digits.size || digits.size > 200) return NULL;
    while (digits.size > 1 && *digits.data == '0') digits.data++, digits.size--;
    for (size_t i = 0; i < digits.size; i++) {
        int c = toupper((unsigned char)digits.data[i]);
        if ((isdigit(c) ? c - '0' : c - 'A' + 10) >= base) return NULL;
    }
    if (base == 10) return expr_number(r->w, digits, 0);
    return expr_leaf(r->w, EX_BASED, base, digits);
}

// A5_{16}, \text{AB}_{16}, (1A)_{16}: digits with letters; NULL without moving if it is none.
static Expr *take_letter_digits(Reader *r) {
    Token *t = r->t;
    bool bracket = token_is(t, '(');
    t += bracket;
    const Token *first = t;
    char *digits = ARENA_ARRAY(r->w->arena, char, 64);
    size_t n = 0;
    bool letter = false;
    for (; n < 40; t++) {
        bool word = t->kind == TK_WORD && t->text.size <= 16;
        bool capital = t->kind == TK_LETTER && t->id == 0 && t->text.size == 1 &&
                       isupper((unsigned char)*t->text.data);
        if (t != first && t->space) break;
        if (!word && !capital && !(t->kind == TK_NUMBER && t->plain && t->text.size < 20)) break;
        for (size_t i = 0; word && i < t->text.size; i++)
            if (!isdigit((unsigned char)t->text.data[i]) &&
                !isupper((unsigned char)t->text.data[i]))
                return NULL;
        memcpy(digits + n, t->text.data, t->text.size);
        n += t->text.size;
        letter |= word || capital;
    }
    if (bracket && !token_is(t++, ')')) return NULL;
    if (!letter || n < 2 || !token_is(t, '_')) return NULL;
    Token *from = r->t;
    r->t = t;
    Expr *e = make_based(r, (Slice){digits, n});
    if (!e) r->t = from;
    return e;
}

// ---- brackets

static bool closes(const Token *t) {
    return token_is(t, ')') || token_is(t, ']') || token_is(t, MARK_SET_CLOSE) || token_is(t, '[');
}

static bool has_infinity(const Expr *e) {
    return (e->has & HAS_INFINITY) && !(e->has & HAS_OBJECT);
}

static Expr *make_bracketed(Reader *r, int open, int close, Expr *list, uint32_t n) {
    if (open == MARK_SET_OPEN) {
        if (close != MARK_SET_CLOSE) return NULL;
        list->kind = EX_SET;
        return expr_done(r->w, list);
    }
    if (close == MARK_SET_CLOSE) return NULL;
    if (n == 1)
        return (open == '(' && close == ')') || (open == '[' && close == ']') ? list->first : NULL;
    bool lo = open == '[', hi = close == ']'; // ]a,b[ has them turned round
    bool turned = open == ']' || close == '[';
    bool mixed = lo != hi || turned;
    bool endless = n == 2 && (has_infinity(list->first) || has_infinity(list->last));
    if (mixed || endless) {
        if (n != 2) return NULL;
        list->kind = EX_INTERVAL;
        list->op = (uint16_t)(lo | hi << 1);
        return expr_done(r->w, list);
    }
    list->kind = lo ? EX_BRACKET : EX_TUPLE;
    return expr_done(r->w, list);
}

// Behind the opening bracket. { x | x > 2 } is a set with op 'b'.
static Expr *take_bracketed(Reader *r, int open) {
    Expr *list = expr_new(r->w, EX_TUPLE);
    int bars = r->bars, sets = r->sets, close = 0;
    uint32_t n = 0;
    if (!list) return NULL;
    r->bars = 0;
    r->sets = open == MARK_SET_OPEN;
    if (open == MARK_SET_OPEN && reader_take(r, MARK_SET_CLOSE)) {
        r->bars = bars, r->sets = sets;
        list->kind = EX_SET;
        return expr_done(r->w, list);
    }
    for (;;) {
        Token *from = r->t;
        Expr *e = open == '(' ? grammar_item(r) : grammar_relation(r);
        if (!e && open == MARK_SET_OPEN && !r->w->over) e = grammar_text(r, from);
        if (!e || ++n > 4 * MATH_MAX_ELEMENTS) return NULL;
        expr_add(list, e);
        if (open == MARK_SET_OPEN && n == 1 &&
            (token_is(r->t, '|') || token_is(r->t, MARK_MID) || token_is(r->t, ':'))) {
            r->t++;
            r->sets = 0;
            Expr *condition = grammar_list(r);
            if (!condition) return NULL;
            expr_add(list, condition);
            list->op = 'b';
            break;
        }
        if (!reader_take(r, ',') && !reader_take(r, ';')) break;
    }
    r->bars = bars, r->sets = sets;
    if (open == MARK_ANGLE_OPEN) {
        if (!reader_take(r, MARK_ANGLE_CLOSE) || n < 2) return NULL;
        return expr_done(r->w, list); // a vector
    }
    if (!closes(r->t)) return NULL;
    close = r->t->id;
    if (close == '[' && open != ']' && open != '[' && open != '(') return NULL;
    r->t++;
    return make_bracketed(r, open, close, list, n);
}

static Expr *take_group(Reader *r) {
    Expr *e;
    r->t++;
    if (reader_take(r, '}')) return NULL;
    int bars = r->bars, sets = r->sets;
    r->bars = 0, r->sets = 0;
    e = grammar_fraction(r);
    r->bars = bars, r->sets = sets;
    return e && reader_take(r, '}') ? e : NULL;
}

static Expr *take_paired(Reader *r, ExprKind kind, int close) {
    r->t++;
    int bars = r->bars, sets = r->sets;
    r->bars = close == '|' ? bars + 1 : 0;
    r->sets = 0;
    Expr *e = grammar_sum(r);
    r->bars = bars, r->sets = sets;
    if (!e || !(reader_take(r, close) || (kind == EX_ABS && reader_take(r, '|')))) return NULL;
    return expr_one(r->w, kind, 0, e);
}

static Expr *take_norm(Reader *r) {
    r->t++;
    Expr *e = grammar_sum(r), *norm = expr_new(r->w, EX_APPLY);
    if (!e || !norm || !reader_take(r, MARK_DOUBLE_BAR)) return NULL;
    norm->text = literal("norm");
    expr_add(norm, e);
    return expr_done(r->w, norm);
}

static Expr *take_environment(Reader *r) {
    Slice name = (r->t++)->text;
    bool cases = name.size >= 5 && (memcmp(name.data, "cases", 5) == 0 ||
                                    (name.size == 6 && memcmp(name.data, "dcases", 6) == 0));
    bool matrix = (name.size >= 6 && memmem(name.data, name.size, "matrix", 6)) ||
                  (name.size == 5 && memcmp(name.data, "array", 5) == 0);
    if (!cases && !matrix) return NULL;
    Expr *e = expr_new(r->w, cases ? EX_CASES : EX_MATRIX);
    if (!e) return NULL;
    uint32_t columns = 0, in_row = 0, n_rows = 0;
    int bars = r->bars, sets = r->sets;
    r->bars = 0, r->sets = 0;
    for (;;) {
        bool empty = in_row == 0 && (token_is(r->t, MARK_END) || token_is(r->t, MARK_ROW));
        if (!empty) {
            Expr *cell = grammar_item(r);
            if (!cell) return NULL;
            while (cases && reader_take(r, ',')) continue; // "x, & x > 0"
            expr_add(e, cell);
            in_row++;
        }
        if (reader_take(r, '&')) continue;
        if (in_row) {
            if (columns && in_row != columns) return NULL;
            columns = in_row;
            in_row = 0;
            if (++n_rows > MATH_MAX_MATRIX || columns > MATH_MAX_MATRIX) {
                r->w->over = "a matrix of too many rows";
                return NULL;
            }
        }
        if (reader_take(r, MARK_ROW)) continue;
        break;
    }
    r->bars = bars, r->sets = sets;
    if (!reader_take(r, MARK_END) || !n_rows) return NULL;
    e->op = (uint16_t)columns;
    if (cases && columns == 1 && n_rows > 1) // a system of equations
        e->kind = EX_LIST, e->op = 'a';
    Expr *done = expr_done(r->w, e);
    if (done && name.data[0] == 'v') return expr_one(r->w, EX_CALL, FN_DET, done);
    return done;
}

// ---- functions

Expr *grammar_argument(Reader *r, bool one_digit) {
    Token *t = r->t;
    if (token_is(t, '{')) return take_group(r);
    if (one_digit && t->kind == TK_NUMBER && t->text.size > 1 && t->plain) {
        Expr *digit = expr_number(r->w, (Slice){t->text.data, 1}, 0);
        t->text.data++, t->text.size--;
        t->begin++;
        return digit;
    }
    if (token_is(t, '-') || token_is(t, '+')) {
        r->t++;
        Expr *e = grammar_atom(r);
        return token_is(t, '-') ? expr_one(r->w, EX_NEGATE, 0, e) : e;
    }
    return grammar_atom(r);
}

static Expr *take_root(Reader *r) {
    r->t++;
    Expr *index = NULL;
    if (reader_take(r, '[')) {
        index = grammar_sum(r);
        if (!index || !reader_take(r, ']')) return NULL;
    } else {
        index = expr_integer(r->w, 2);
    }
    Expr *radicand = grammar_argument(r, false);
    return radicand ? expr_two(r->w, EX_ROOT, radicand, index) : NULL;
}

// The argument of a function without brackets: \sin 2x, \cos\frac{\pi}{3}, \tan \pi/4.
static Expr *take_bare_argument(Reader *r, bool trig) {
    Expr *value = NULL;
    if (!reader_enter(r)) return NULL;
    int minus = 0;
    while (token_is(r->t, '-')) r->t++, minus ^= 1;
    if (r->t->kind == TK_FUNCTION) {
        value = grammar_factor(r); // \ln\sin x
    } else {
        value = grammar_factor(r);
        while (value) {
            if (trig && token_is(r->t, '/') && (value->has & (HAS_PI_OR_E | HAS_SYMBOL))) {
                r->t++;
                Expr *below = grammar_factor(r);
                value = below ? expr_two(r->w, EX_QUOTIENT, value, below) : NULL;
                continue;
            }
            const Token *t = r->t;
            if (!grammar_starts_atom(r) || t->kind == TK_FUNCTION || t->kind == TK_NUMBER ||
                t->plain || token_is(t, '(') || token_is(t, '[') || token_is(t, MARK_BIG))
                break;
            Expr *factor = grammar_factor(r);
            value = factor ? expr_two(r->w, EX_PRODUCT, value, factor) : NULL;
        }
    }
    reader_leave(r);
    return minus ? expr_one(r->w, EX_NEGATE, 0, value) : value;
}

static Expr *make_call(Reader *r, int fn, Expr *argument, Expr *base) {
    switch (fn) {
    case FN_WORD_ABS: return expr_one(r->w, EX_ABS, 0, argument);
    case FN_WORD_FLOOR: return expr_one(r->w, EX_FLOOR, 0, argument);
    case FN_WORD_CEIL: return expr_one(r->w, EX_CEIL, 0, argument);
    case FN_WORD_CIS: { // cos x + i sin x
        Expr *imaginary = expr_two(r->w, EX_PRODUCT, expr_leaf(r->w, EX_CONSTANT, 'i', literal("")),
                                   expr_one(r->w, EX_CALL, FN_SIN, expr_copy(r->w, argument)));
        return expr_two(r->w, EX_SUM, expr_one(r->w, EX_CALL, FN_COS, argument), imaginary);
    }
    case FN_WORD_CBRT: return expr_two(r->w, EX_ROOT, argument, expr_integer(r->w, 3));
    default: break;
    }
    if (!argument) return NULL;
    Expr *call = expr_new(r->w, EX_CALL);
    if (!call) return NULL;
    call->op = (uint16_t)fn;
    bool several = fn == FN_MAX || fn == FN_MIN || fn == FN_GCD || fn == FN_LCM;
    if (argument->kind == EX_TUPLE ||
        (several && argument->kind == EX_SET && argument->n > 0 && argument->op != 'b'))
        call->first = argument->first, call->last = argument->last; // \gcd(a, b)
    else
        expr_add(call, argument);
    if (base) expr_add(call, base);
    return expr_done(r->w, call);
}

static Expr *take_function(Reader *r) {
    int fn = (r->t++)->id;
    Expr *power = NULL, *base = NULL;
    bool inverse = false;
    for (int i = 0; i < 2; i++) { // \sin^2_.., \log_2^3
        if (!power && !inverse && reader_take(r, '^')) {
            power = grammar_argument(r, false);
            if (!power) return NULL;
            inverse = power->kind == EX_NEGATE && power->first->kind == EX_NUMBER &&
                      power->first->text.size == 1 && *power->first->text.data == '1';
        } else if (!base && reader_take(r, '_')) {
            base = grammar_argument(r, false);
            if (!base || fn != FN_LOG) return NULL;
        }
    }
    if (inverse && fn >= FN_SIN && fn <= FN_CSC) {
        fn += FN_ARCSIN - FN_SIN;
        power = NULL;
    }
    Expr *argument;
    if (reader_take(r, '(')) {
        argument = take_bracketed(r, '(');
    } else if (token_is(r->t, '{')) {
        argument = take_group(r);
    } else if (reader_take(r, '[')) {
        argument = take_bracketed(r, '[');
    } else {
        argument = take_bare_argument(r, fn <= FN_CSCH);
    }
    Expr *call = make_call(r, fn, argument, base);
    return power ? expr_two(r->w, EX_POWER, call, power) : call;
}

// {3+4i}: under a line it is a conjugate, not a name.
static bool is_sum_group(const Token *t) {
    if (!token_is(t, '{')) return false;
    bool sum = false;
    for (t++; t->kind != TK_END && !token_is(t, '{') && !token_is(t, '}'); t++)
        sum |= token_is(t, '+') || token_is(t, '-');
    return sum;
}

// _6C_3, ^6P_3, behind an empty group or none: combinations and arrangements.
static Expr *take_combination(Reader *r) {
    r->t++;
    Expr *n = grammar_argument(r, false), *k;
    const Token *letter = r->t;
    if (!n || letter->kind != TK_LETTER ||
        !(token_is(letter + 1, '_') || token_is(letter + 1, '^')))
        return NULL;
    r->t += 2;
    k = grammar_argument(r, false);
    if (!k) return NULL;
    if (*letter->text.data == 'C') return expr_two(r->w, EX_BINOMIAL, n, k);
    if (*letter->text.data != 'P') return NULL;
    Expr *rest = expr_two(r->w, EX_SUM, expr_copy(r->w, n), expr_one(r->w, EX_NEGATE, 0, k));
    return expr_two(r->w, EX_QUOTIENT, expr_one(r->w, EX_FACTORIAL, 1, n),
                    expr_one(r->w, EX_FACTORIAL, 1, rest));
}

Expr *grammar_atom(Reader *r) {
    Token *t = r->t;
    if (!reader_enter(r)) return NULL;
    Expr *e = NULL;
    switch ((TokenKind)t->kind) {
    case TK_END: break;
    case TK_NUMBER:
        e = t->plain && t[1].kind != TK_MARK ? take_letter_digits(r) : NULL;
        if (!e) e = take_number(r);
        break;
    case TK_LETTER:
        e = isupper((unsigned char)*t->text.data) ? take_letter_digits(r) : NULL;
        if (!e) e = take_letter(r);
        break;
    case TK_FUNCTION: e = take_function(r); break;
    case TK_WORD:
        e = take_letter_digits(r);
        if (!e) {
            r->t++;
            Slice text = words_normal(r->w, t->text);
            if (text.size && take_name_tail(r, &text)) e = expr_leaf(r->w, EX_TEXT, 0, text);
        }
        break;
    case TK_MARK:
        switch (t->id) {
        case '(':
            e = take_letter_digits(r);
            if (!e) r->t++, e = take_bracketed(r, '(');
            break;
        case '[':
        case ']':
        case MARK_SET_OPEN:
        case MARK_ANGLE_OPEN: r->t++, e = take_bracketed(r, t->id); break;
        case '{': e = take_group(r); break;
        case '|': e = take_paired(r, EX_ABS, '|'); break;
        case MARK_BAR_OPEN: e = take_paired(r, EX_ABS, MARK_BAR_CLOSE); break;
        case MARK_DOUBLE_BAR: e = take_norm(r); break;
        case MARK_FLOOR_OPEN: e = take_paired(r, EX_FLOOR, MARK_FLOOR_CLOSE); break;
        case MARK_CEIL_OPEN: e = take_paired(r, EX_CEIL, MARK_CEIL_CLOSE); break;
        case MARK_FRAC:
        case MARK_BINOM: {
            r->t++;
            Expr *up = grammar_argument(r, true), *down = up ? grammar_argument(r, true) : NULL;
            e = expr_two(r->w, t->id == MARK_FRAC ? EX_QUOTIENT : EX_BINOMIAL, up, down);
            break;
        }
        case '_':
        case '^': e = take_combination(r); break;
        case MARK_SQRT: e = take_root(r); break;
        case MARK_BEGIN: e = take_environment(r); break;
        case MARK_OVERLINE:
            r->t++;
            e = is_sum_group(r->t) ? make_call(r, FN_CONJ, take_group(r), NULL)
                                   : take_decorated(r, literal("bar"));
            break;
        case MARK_ACCENT: r->t++, e = take_decorated(r, t->text); break;
        case MARK_DOT_ACCENT: r->t++, e = take_decorated(r, literal("dot")); break;
        case MARK_ANGLE_SIGN: e = take_angle(r); break;
        case MARK_BIG: e = grammar_big(r); break;
        case MARK_CONSTANT: r->t++, e = expr_leaf(r->w, EX_CONSTANT, t->exp10, literal("")); break;
        case MARK_EMPTY: r->t++, e = expr_done(r->w, expr_new(r->w, EX_SET)); break;
        case MARK_DOMAIN: {
            r->t++;
            Slice name = t->text;
            bool tail = take_name_tail(r, &name);
            if (tail && token_is(r->t, '^')) { // \mathbb{R}^+
                r->t++;
                Slice script = take_script(r);
                tail = script.data != NULL;
                if (tail) name = join(r, name, '^', script);
            }
            e = tail ? expr_leaf(r->w, EX_DOMAIN, *name.data, name) : NULL;
            break;
        }
        case MARK_DOTS: r->t++, e = expr_leaf(r->w, EX_DOTS, 0, literal("")); break;
        case MARK_CURRENCY: { // $5
            r->t++;
            Expr *value = grammar_argument(r, false);
            if (value) r->unit = t->text, e = value;
            break;
        }
        default: break;
        }
        break;
    }
    reader_leave(r);
    return e;
}

Expr *grammar_factor(Reader *r) {
    Token *t = r->t;
    Expr *e = grammar_atom(r);
    while (e && !r->w->over) {
        if (reader_take(r, '^')) {
            Expr *power = grammar_argument(r, false);
            if (power && token_is(r->t, '^')) { // 2^3^2: from the right
                r->t++;
                power = expr_two(r->w, EX_POWER, power, grammar_argument(r, false));
                if (token_is(r->t, '^')) return NULL;
            }
            e = power ? expr_two(r->w, EX_POWER, e, power) : NULL;
        } else if (reader_take(r, '!')) {
            int op = 1;
            if (token_is(r->t, '!') && !r->t->space) r->t++, op = 2;
            e = expr_one(r->w, EX_FACTORIAL, op, e);
        } else if (reader_take(r, '%')) {
            e = expr_one(r->w, EX_PERCENT, 0, e);
        } else if (reader_take(r, MARK_DEGREE)) {
            e = expr_one(r->w, EX_DEGREE, 0, e);
            if (r->t->kind == TK_LETTER && r->t->text.size == 1 && strchr("CF", *r->t->text.data) &&
                (r->t[1].kind == TK_END || r->t->plain)) // a temperature
                r->unit = *(r->t++)->text.data == 'C' ? literal("celsius") : literal("fahrenheit");
        } else if (token_is(r->t, '_') && e->kind == EX_NUMBER && !e->exp10) {
            const Token *digits = token_is(t, '(') ? t + 1 : t;
            e = digits->kind == TK_NUMBER && !digits->exp10 && (r->t - t == 1 || r->t - t == 3)
                    ? make_based(r, digits->text)
                    : NULL;
        } else {
            break;
        }
    }
    return e;
}
