// verifiers/math/tree/plainsign.c -- signs that mean something else where they stand in plain text:
// <1,2,3> is a vector, {x | x > 1} a set, U between two intervals their union.
#include <ctype.h>
#include <string.h>

#include "verifiers/math/tree/grammar.h"

enum { MAX_SPAN = 256 }; // tokens of one bracket that are looked at

static bool is_relation(const Token *t, int relation) {
    return token_is(t, MARK_RELATION) && t->exp10 == relation;
}

static int step(const Token *t) {
    if (t->kind != TK_MARK) return 0;
    return t->id == '(' || t->id == '{' || t->id == '[' || t->id == MARK_SET_OPEN    ? 1
           : t->id == ')' || t->id == '}' || t->id == ']' || t->id == MARK_SET_CLOSE ? -1
                                                                                     : 0;
}

// May an item begin at t?
static bool begins_item(const Token *first, const Token *t) {
    const Token *before = t - 1;
    return t == first || token_is(before, ',') || token_is(before, ';') || token_is(before, '(') ||
           token_is(before, MARK_AND) || is_relation(before, RELATION_EQ) ||
           is_relation(before, RELATION_IN);
}

// < ... , ... > without another relation inside.
static void mark_vector(Token *open) {
    bool comma = false;
    int depth = 0;
    Token *t = open + 1;
    for (int i = 0; i < MAX_SPAN && t->kind != TK_END; i++, t++) {
        depth += step(t);
        if (depth < 0 || (depth == 0 && token_is(t, MARK_RELATION))) break;
        comma |= depth == 0 && token_is(t, ',');
    }
    if (depth != 0 || !comma || !is_relation(t, RELATION_GT)) return;
    open->id = MARK_ANGLE_OPEN;
    t->id = MARK_ANGLE_CLOSE;
}

// {x | ...}, {x : ...}, {x in R : ...}
static void mark_builder(Token *open) {
    if (open[1].kind != TK_LETTER) return;
    bool bar = false;
    int depth = 1;
    Token *t = open + 1;
    for (int i = 0; i < MAX_SPAN && t->kind != TK_END; i++, t++) {
        depth += step(t);
        if (depth == 0) break;
        bool sign = token_is(t, '|') || token_is(t, MARK_MID) || token_is(t, ':');
        bool before = t == open + 2 || open[2].kind == TK_MARK;
        bar |= depth == 1 && sign && before;
    }
    if (!bar || !token_is(t, '}')) return;
    open->id = MARK_SET_OPEN;
    t->id = MARK_SET_CLOSE;
}

// Does the bracket that ends, or begins, at t hold a comma?
static bool holds_comma(const Token *first, const Token *t, int way) {
    int depth = 0;
    for (int i = 0; i < MAX_SPAN && t >= first && t->kind != TK_END; i++, t += way) {
        depth += step(t) * way;
        if (depth == 1 && token_is(t, ',')) return true;
        if (depth == 0) return false;
    }
    return false;
}

static bool is_union_sign(const Token *t) {
    if (t->kind == TK_LETTER && t->id == 0) return t->text.size == 1 && *t->text.data == 'U';
    return t->kind == TK_WORD && t->text.size == 5 && strncasecmp(t->text.data, "union", 5) == 0;
}

static bool is_set_of_one(const Token *t) { // \{2\}, {2}
    return token_is(t, MARK_SET_OPEN) || token_is(t, MARK_SET_CLOSE);
}

void plainsign_mark(Token *first) {
    for (Token *t = first; t->kind != TK_END; t++) {
        if (t->kind == TK_NUMBER || t->kind == TK_FUNCTION) continue;
        if (is_relation(t, RELATION_LT) && begins_item(first, t)) {
            mark_vector(t);
        } else if (token_is(t, '{') && begins_item(first, t)) {
            mark_builder(t);
        } else if (is_union_sign(t) && t > first && step(t - 1) < 0 && step(t + 1) > 0 &&
                   (is_set_of_one(t - 1) || holds_comma(first, t - 1, -1)) &&
                   (is_set_of_one(t + 1) || holds_comma(first, t + 1, 1))) {
            t->kind = TK_MARK;
            t->id = MARK_CUP;
        }
    }
}
