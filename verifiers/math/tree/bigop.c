// verifiers/math/tree/bigop.c -- \sum and \prod with bounds; \int, \lim and the rest as written.
#include <string.h>

#include "verifiers/math/tree/grammar.h"

Slice reader_bound(const Reader *r, const Token *t) {
    for (int i = r->n_bound - 1; i >= 0; i--)
        if (t->kind == TK_LETTER && t->text.size == r->bound[i].size &&
            memcmp(t->text.data, r->bound[i].data, t->text.size) == 0)
            return expr_bound_name(i);
    return (Slice){NULL, 0};
}

// \sum_{k=1}^{n} and \prod_{k=1}^{n}: the bounds in either order, then one term.
static Expr *take_fold(Reader *r) {
    const Token *big = r->t++, *letter = NULL;
    Expr *low = NULL, *high = NULL;
    bool sum = big->text.size == 3 && memcmp(big->text.data, "sum", 3) == 0;
    bool product = big->text.size == 4 && memcmp(big->text.data, "prod", 4) == 0;
    if ((!sum && !product) || r->n_bound == EXPR_MAX_BOUND) return NULL;
    for (int i = 0; i < 2; i++) {
        if (!high && reader_take(r, '^')) {
            high = grammar_argument(r, false);
        } else if (!low && token_is(r->t, '_') && token_is(r->t + 1, '{') &&
                   r->t[2].kind == TK_LETTER && token_is(r->t + 3, MARK_RELATION) &&
                   r->t[3].exp10 == RELATION_EQ) {
            letter = r->t + 2;
            r->t += 4;
            low = grammar_sum(r);
            if (!reader_take(r, '}')) return NULL;
        }
    }
    if (!low || !high) return NULL;
    r->bound[r->n_bound++] = letter->text;
    Expr *body = grammar_term(r);
    r->n_bound--;
    Expr *fold = body ? expr_new(r->w, EX_FOLD) : NULL;
    if (!fold) return NULL;
    fold->op = sum ? 's' : 'p';
    fold->text = expr_bound_name(r->n_bound);
    expr_add(fold, low);
    expr_add(fold, high);
    expr_add(fold, body);
    return expr_done(r->w, fold);
}

// Behind a bound: "{...}" or one token.
static Token *behind_bound(Token *t) {
    int nested = 0;
    do {
        if (t->kind == TK_END) return t;
        nested += token_is(t, '{') - token_is(t, '}');
        t++;
    } while (nested > 0);
    return t;
}

static void turn(Token *from, Token *to) { // the other way round
    for (to--; from < to; from++, to--) {
        Token t = *from;
        *from = *to;
        *to = t;
    }
}

// \int^1_0 as \int_0^1.
static void lower_bound_first(Reader *r) {
    Token *up = r->t + 1;
    if (!token_is(up, '^')) return;
    Token *low = behind_bound(up + 1);
    if (!token_is(low, '_')) return;
    Token *end = behind_bound(low + 1);
    turn(up, low);
    turn(low, end);
    turn(up, end);
}

// \sum, \int, \lim and what belongs to them, as written.
static Expr *take_big_text(Reader *r) {
    size_t n = 0, cap = 256;
    char *out = ARENA_ARRAY(r->w->arena, char, cap);
    int nested = 0;
    lower_bound_first(r);
    for (;; r->t++) {
        const Token *t = r->t;
        if (t->kind == TK_END) break;
        bool open =
            token_is(t, '(') || token_is(t, '[') || token_is(t, '{') || token_is(t, MARK_SET_OPEN);
        bool close =
            token_is(t, ')') || token_is(t, ']') || token_is(t, '}') || token_is(t, MARK_SET_CLOSE);
        if (close && nested == 0) break;
        if (nested == 0 &&
            (token_is(t, ',') || token_is(t, ';') || token_is(t, MARK_AND) || token_is(t, '&') ||
             token_is(t, MARK_ROW) || token_is(t, MARK_END) || token_is(t, MARK_RELATION)))
            break;
        nested += open - close;
        if (n + t->text.size + 2 > cap) return NULL;
        bool lone = (token_is(t, '{') && t[1].kind != TK_END && token_is(t + 2, '}')) ||
                    (token_is(t, '}') && n && token_is(t - 2, '{'));
        if (lone) continue; // _{0} is _0
        memcpy(out + n, t->text.data, t->text.size);
        n += t->text.size;
        out[n++] = ' ';
    }
    return n ? expr_leaf(r->w, EX_BIG, 0, (Slice){out, n}) : NULL;
}

Expr *grammar_big(Reader *r) {
    Reader before = *r;
    Expr *e = take_fold(r);
    if (e || r->w->over) return e;
    *r = before;
    return take_big_text(r);
}
