// verifiers/math/tree/atom.c -- an atom by its first token, functions, and what follows one.
#include <ctype.h>
#include <string.h>

#include "verifiers/math/tree/grammar.h"
#include "verifiers/math/tree/limits.h"
#include "verifiers/math/tree/wording.h"

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

Expr *grammar_argument(Reader *r, bool one_digit) {
    Token *t = r->t;
    if (token_is(t, '{')) return grammar_group(r);
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
    r->alone = t;
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

// tr A, deg f: functions without a rule, known by their names.
static Expr *named_call(Reader *r, Slice name, Expr *argument) {
    Expr *call = argument ? expr_new(r->w, EX_APPLY) : NULL;
    if (!call) return NULL;
    call->text = name;
    expr_add(call, argument);
    return expr_done(r->w, call);
}

// max(b, a) as max(a, b): by their hashes, which says nothing but is the same for both.
static void sort_arguments(Expr *call) {
    Expr *sorted = NULL;
    for (Expr *c = call->first, *next; c; c = next) {
        next = c->next;
        Expr **at = &sorted;
        while (*at && (*at)->hash < c->hash) at = &(*at)->next;
        c->next = *at;
        *at = c;
    }
    call->first = call->last = sorted;
    while (call->last && call->last->next) call->last = call->last->next;
}

static Expr *make_call(Reader *r, int fn, Expr *argument, Expr *base) {
    switch (fn) {
    case FN_WORD_ABS: return expr_one(r->w, EX_ABS, 0, argument);
    case FN_WORD_FLOOR: return expr_one(r->w, EX_FLOOR, 0, argument);
    case FN_WORD_CEIL: return expr_one(r->w, EX_CEIL, 0, argument);
    case FN_WORD_CIS: { // cos x + i sin x
        Expr *imaginary =
            expr_two(r->w, EX_PRODUCT, expr_leaf(r->w, EX_CONSTANT, 'i', slice_of("")),
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
    if (argument->kind == EX_TUPLE || (several && argument->kind == EX_LIST) ||
        (several && argument->kind == EX_SET && argument->n > 0 && argument->op != 'b'))
        call->first = argument->first, call->last = argument->last; // \gcd(a, b)
    else
        expr_add(call, argument);
    if (several) sort_arguments(call);
    if (base) expr_add(call, base);
    return expr_done(r->w, call);
}

// log2(8), log10(x) in plain text: the digits are the base.
static Expr *take_plain_base(Reader *r) {
    const Token *log = r->t - 1, *digits = r->t;
    bool base = log->id == FN_LOG && *log->begin != '\\' && digits->kind == TK_NUMBER &&
                digits->plain && digits->begin == log->end && token_is(digits + 1, '(');
    return base ? expr_number(r->w, (r->t++)->text, 0) : NULL;
}

static bool begins_operand(const Token *t) {
    if (grammar_ends_item(t)) return false;
    if (t->kind != TK_MARK) return true;
    return t->id != MARK_RELATION && t->id != '+' && t->id != '-' && t->id != '*' && t->id != '/';
}

static Expr *take_function(Reader *r) {
    Slice name = r->t->text;
    int fn = (r->t++)->id;
    Expr *power = NULL, *base = take_plain_base(r);
    bool inverse = false;
    for (int i = 0; i < 2; i++) { // \sin^2_.., \log_2^3
        if (!power && !inverse && reader_take(r, '^')) {
            power = grammar_argument(r, false);
            if (!power) return NULL;
            inverse = power->kind == EX_NEGATE && power->first->kind == EX_NUMBER &&
                      power->first->text.size == 1 && *power->first->text.data == '1';
        } else if (!base && reader_take(r, '_')) {
            base = grammar_argument(r, !begins_operand(r->t + 1)); // \log_28 is 3
            if (!base || fn != FN_LOG) return NULL;
        }
    }
    if (inverse && fn >= FN_SIN && fn <= FN_CSC) {
        fn += FN_ARCSIN - FN_SIN;
        power = NULL;
    }
    Expr *argument;
    if (reader_take(r, '(')) {
        argument = grammar_bracketed(r, '(');
    } else if (token_is(r->t, '{')) {
        argument = grammar_group(r);
    } else if (reader_take(r, '[')) {
        argument = grammar_bracketed(r, '[');
    } else {
        argument = take_bare_argument(r, fn <= FN_CSCH);
    }
    Expr *call =
        fn == FN_WORD_NAMED ? named_call(r, name, argument) : make_call(r, fn, argument, base);
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
        e = t->plain && t[1].kind != TK_MARK ? grammar_letter_digits(r) : NULL;
        if (!e) e = grammar_number(r);
        break;
    case TK_LETTER:
        e = isupper((unsigned char)*t->text.data) ? grammar_letter_digits(r) : NULL;
        if (!e) e = grammar_letter(r);
        break;
    case TK_FUNCTION: e = take_function(r); break;
    case TK_WORD:
        e = grammar_letter_digits(r);
        if (!e) {
            r->t++;
            Slice text = words_normal(r->w, t->text);
            if (text.size && grammar_name_tail(r, &text)) e = expr_leaf(r->w, EX_TEXT, 0, text);
        }
        break;
    case TK_MARK:
        switch (t->id) {
        case '(':
            e = grammar_letter_digits(r);
            if (!e) r->t++, e = grammar_bracketed(r, '(');
            break;
        case '[':
        case ']':
        case MARK_SET_OPEN:
        case MARK_ANGLE_OPEN: r->t++, e = grammar_bracketed(r, t->id); break;
        case '{':
            if (t[1].kind == TK_NUMBER && t[1].plain && token_is(t + 2, '}') &&
                token_is(t + 3, '_')) { // {4210}_{5}
                r->t += 3;
                e = grammar_based(r, t[1].text);
                break;
            }
            e = grammar_group(r);
            break;
        case '|': e = grammar_paired(r, EX_ABS, '|'); break;
        case MARK_BAR_OPEN: e = grammar_paired(r, EX_ABS, MARK_BAR_CLOSE); break;
        case MARK_DOUBLE_BAR: e = grammar_norm(r); break;
        case MARK_FLOOR_OPEN: e = grammar_paired(r, EX_FLOOR, MARK_FLOOR_CLOSE); break;
        case MARK_CEIL_OPEN: e = grammar_paired(r, EX_CEIL, MARK_CEIL_CLOSE); break;
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
        case MARK_BEGIN: e = grammar_environment(r); break;
        case MARK_OVERLINE:
            r->t++;
            e = is_sum_group(r->t) ? make_call(r, FN_CONJ, grammar_group(r), NULL)
                                   : grammar_decorated(r, slice_of("bar"));
            break;
        case MARK_ACCENT: r->t++, e = grammar_decorated(r, t->text); break;
        case MARK_DOT_ACCENT: r->t++, e = grammar_decorated(r, slice_of("dot")); break;
        case MARK_ANGLE_SIGN: e = grammar_angle(r); break;
        case MARK_BIG: e = grammar_big(r); break;
        case MARK_CONSTANT: r->t++, e = expr_leaf(r->w, EX_CONSTANT, t->exp10, slice_of("")); break;
        case MARK_EMPTY: r->t++, e = expr_done(r->w, expr_new(r->w, EX_SET)); break;
        case MARK_DOMAIN: {
            r->t++;
            Slice name = t->text;
            bool tail = grammar_name_tail(r, &name);
            if (tail && token_is(r->t, '^')) { // \mathbb{R}^+
                r->t++;
                Slice script = grammar_script(r);
                tail = script.data != NULL;
                if (tail) name = grammar_join(r, name, '^', script);
            }
            e = tail ? expr_leaf(r->w, EX_DOMAIN, *name.data, name) : NULL;
            break;
        }
        case MARK_DOTS: r->t++, e = expr_leaf(r->w, EX_DOTS, 0, slice_of("")); break;
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
                r->unit =
                    *(r->t++)->text.data == 'C' ? slice_of("celsius") : slice_of("fahrenheit");
        } else if (token_is(r->t, '_') && e->kind == EX_POWER && e->first->kind == EX_SYMBOL &&
                   expr_bound(e->first) < 0) { // v^2_0: the power before the index
            Slice name = e->first->text;
            if (!grammar_name_tail(r, &name)) return NULL;
            e = expr_two(r->w, EX_POWER, expr_leaf(r->w, EX_SYMBOL, 0, name), e->last);
        } else if (token_is(r->t, '_') && e->kind == EX_NUMBER && !e->exp10) {
            const Token *digits = token_is(t, '(') ? t + 1 : t;
            e = digits->kind == TK_NUMBER && !digits->exp10 && (r->t - t == 1 || r->t - t == 3)
                    ? grammar_based(r, digits->text)
                    : NULL;
        } else {
            break;
        }
    }
    return e;
}
