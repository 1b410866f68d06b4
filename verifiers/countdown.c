// verifiers/countdown.c -- recursive descent with a depth, over rationals.
#include "verifiers/countdown.h"

#include <ctype.h>
#include <gmp.h>
#include <stdlib.h>
#include <string.h>

#include "verifiers/folding.h"
#include "verifiers/game_answer.h"

typedef struct Game {
    mpz_t number[COUNTDOWN_MAX_NUMBERS], target;
    int n;
    bool use_all;
} Game;

static void game_free(Game *g) {
    for (int i = 0; i < g->n; i++) mpz_clear(g->number[i]);
    mpz_clear(g->target);
}

// A whole number as it is written in the task.
static bool read_whole(const char *text, mpz_t out) {
    while (text && isspace((unsigned char)*text)) text++;
    size_t n = text ? strlen(text) : 0;
    while (n && isspace((unsigned char)text[n - 1])) n--;
    size_t sign = n && *text == '-';
    if (n == sign || n - sign > COUNTDOWN_MAX_DIGITS) return false;
    char digits[COUNTDOWN_MAX_DIGITS + 2];
    for (size_t i = sign; i < n; i++)
        if (!isdigit((unsigned char)text[i])) return false;
    memcpy(digits, text, n);
    digits[n] = 0;
    return mpz_set_str(out, digits, 10) == 0;
}

static const char *raw(const Json *value) {
    return !value                            ? NULL
           : json_kind(value) == JSON_NUMBER ? json_raw(value)
                                             : json_text(value, NULL);
}

static const char *read_game(const JudgeInput *in, Game *g) {
    *g = (Game){.use_all = json_bool(json_get(in->task, "use_all"), true)};
    mpz_init(g->target);
    const Json *target = json_get(in->task, "target"), *list = json_get(in->task, "numbers");
    if (!list) list = json_get(in->task, "nums");
    if (!read_whole(target ? raw(target) : in->gold, g->target))
        return "the target is no whole number";
    if (!list || json_kind(list) != JSON_ARRAY || !json_first(list)) return "no list of numbers";
    for (const Json *v = json_first(list); v; v = json_next(v)) {
        if (g->n == COUNTDOWN_MAX_NUMBERS) return "more than 64 numbers";
        mpz_init(g->number[g->n++]);
        if (!read_whole(raw(v), g->number[g->n - 1])) return "one of the numbers is not whole";
    }
    return NULL;
}

const char *countdown_refuses(const JudgeInput *in) {
    Game g;
    const char *why = read_game(in, &g);
    game_free(&g);
    return why;
}

typedef struct Parse {
    const char *p, *end;
    Game *game;
    bool used[COUNTDOWN_MAX_NUMBERS];
    int depth;
    const char *why; // the first thing that is wrong
} Parse;

static bool wrong(Parse *s, const char *why) {
    if (!s->why) s->why = why;
    return false;
}

static bool eat(Parse *s, const char *what) {
    size_t n = strlen(what);
    if ((size_t)(s->end - s->p) < n || memcmp(s->p, what, n) != 0) return false;
    if (*what == '\\' && s->p + n < s->end && isalpha((unsigned char)s->p[n])) return false;
    s->p += n;
    return true;
}

static void blanks(Parse *s) {
    while (s->p < s->end &&
           (isspace((unsigned char)*s->p) || eat(s, "\\left") || eat(s, "\\right") ||
            eat(s, "\\,") || eat(s, "\\;") || eat(s, "\\!") || *s->p == '$'))
        if (s->p < s->end && (isspace((unsigned char)*s->p) || *s->p == '$')) s->p++;
}

static bool sum(Parse *s, mpq_t out);

static bool number(Parse *s, mpq_t out) {
    char digits[COUNTDOWN_MAX_DIGITS + 1];
    size_t n = 0;
    while (s->p < s->end && isdigit((unsigned char)*s->p)) {
        if (n == COUNTDOWN_MAX_DIGITS) return wrong(s, "a number that was not given");
        digits[n++] = *s->p++;
    }
    digits[n] = 0;
    if (s->p < s->end && (*s->p == '.' || *s->p == '_' || isalpha((unsigned char)*s->p)))
        return wrong(s, "not an expression of whole numbers");
    mpz_t value;
    mpz_init_set_str(value, digits, 10);
    int found = -1;
    bool given = false;
    for (int i = 0; i < s->game->n && found < 0; i++) {
        if (mpz_cmp(s->game->number[i], value) != 0) continue;
        given = true;
        if (!s->used[i]) found = i;
    }
    if (found >= 0) s->used[found] = true;
    mpq_set_z(out, value);
    mpz_clear(value);
    return found >= 0 ||
           wrong(s, given ? "a number used too often" : "a number that was not given");
}

static bool group(Parse *s, const char *close, mpq_t out) {
    if (s->depth == COUNTDOWN_MAX_DEPTH) return wrong(s, "nested too deeply");
    s->depth++;
    bool ok = sum(s, out);
    s->depth--;
    blanks(s);
    return ok && (eat(s, close) || wrong(s, "a bracket is not closed"));
}

static bool quotient(Parse *s, mpq_t over, const mpq_t under) {
    if (mpq_sgn(under) == 0) return wrong(s, "division by zero");
    mpq_div(over, over, under);
    return true;
}

static bool fraction(Parse *s, mpq_t out) {
    mpq_t under;
    mpq_init(under);
    blanks(s);
    bool ok = (eat(s, "{") || wrong(s, "not an expression")) && group(s, "}", out);
    blanks(s);
    ok = ok && (eat(s, "{") || wrong(s, "not an expression")) && group(s, "}", under) &&
         quotient(s, out, under);
    mpq_clear(under);
    return ok;
}

static bool factor(Parse *s, mpq_t out) {
    bool minus = false;
    for (blanks(s); eat(s, "-") || eat(s, "\xe2\x88\x92"); blanks(s)) {
        if (minus) return wrong(s, "not an expression");
        minus = true;
    }
    bool ok;
    if (s->p == s->end)
        ok = wrong(s, "the expression ends too early");
    else if (isdigit((unsigned char)*s->p))
        ok = number(s, out);
    else if (eat(s, "("))
        ok = group(s, ")", out);
    else if (eat(s, "["))
        ok = group(s, "]", out);
    else if (eat(s, "{"))
        ok = group(s, "}", out);
    else if (eat(s, "\\frac") || eat(s, "\\dfrac") || eat(s, "\\tfrac"))
        ok = fraction(s, out);
    else if (*s->p == '*' || *s->p == '/')
        ok = wrong(s, "** and // are no operations here");
    else
        ok = wrong(s, "not an expression of + - * / and whole numbers");
    if (ok && minus) mpq_neg(out, out);
    return ok;
}

static bool product(Parse *s, mpq_t out) {
    if (!factor(s, out)) return false;
    mpq_t next;
    mpq_init(next);
    bool ok = true;
    while (ok) {
        blanks(s);
        bool times = eat(s, "*") || eat(s, "\xc3\x97") || eat(s, "\\times") || eat(s, "\\cdot") ||
                     eat(s, "\xc2\xb7");
        if (!times && !eat(s, "/") && !eat(s, "\xc3\xb7") && !eat(s, "\\div")) break;
        ok = factor(s, next);
        if (ok && times)
            mpq_mul(out, out, next);
        else if (ok)
            ok = quotient(s, out, next);
    }
    mpq_clear(next);
    return ok;
}

static bool sum(Parse *s, mpq_t out) {
    if (!product(s, out)) return false;
    mpq_t next;
    mpq_init(next);
    bool ok = true;
    while (ok) {
        blanks(s);
        bool plus = eat(s, "+");
        if (!plus && !eat(s, "-") && !eat(s, "\xe2\x88\x92")) break;
        ok = product(s, next);
        if (ok && plus)
            mpq_add(out, out, next);
        else if (ok)
            mpq_sub(out, out, next);
    }
    mpq_clear(next);
    return ok;
}

// Behind the expression: nothing, or "= target".
static bool tail(Parse *s) {
    blanks(s);
    if (s->p == s->end) return true;
    if (!eat(s, "=")) return wrong(s, "not an expression of + - * / and whole numbers");
    mpz_t said;
    mpz_init(said);
    blanks(s);
    char text[COUNTDOWN_MAX_DIGITS + 2];
    size_t n = 0;
    while (s->p < s->end && n < sizeof text - 1 &&
           (isdigit((unsigned char)*s->p) || (n == 0 && *s->p == '-')))
        text[n++] = *s->p++;
    text[n] = 0;
    blanks(s);
    bool ok = s->p == s->end && read_whole(text, said) && mpz_cmp(said, s->game->target) == 0;
    mpz_clear(said);
    return ok || wrong(s, "what stands behind = is not the target");
}

static bool solves(Parse *s) {
    mpq_t value, target;
    mpq_inits(value, target, NULL);
    bool ok = sum(s, value) && tail(s);
    for (int i = 0; ok && s->game->use_all && i < s->game->n; i++)
        if (!s->used[i]) ok = wrong(s, "a number is not used");
    mpq_set_z(target, s->game->target);
    if (ok && !mpq_equal(value, target)) ok = wrong(s, "another value than the target");
    mpq_clears(value, target, NULL);
    return ok;
}

Judgement countdown_judge(const JudgeInput *in) {
    Game g;
    Judgement j = {.verdict = VERDICT_WRONG};
    j.reason = read_game(in, &g);
    if (j.reason) {
        j.verdict = VERDICT_ERROR;
        game_free(&g);
        return j;
    }
    Slice answer = game_answer(in, &j.reason);
    j.answer = answer.data, j.answer_size = answer.size;
    if (!in->finished) {
        j.reason = "cut off";
    } else if (answer.data && answer.size > COUNTDOWN_MAX_BYTES) {
        j.reason = "longer than 4096 bytes";
    } else if (answer.data) {
        char *room; // （５＋７）×３
        Slice plain = folding_text(answer, COUNTDOWN_MAX_BYTES, &room);
        Parse s = {.p = plain.data, .end = plain.data + plain.size, .game = &g};
        bool right = solves(&s);
        free(room);
        j.verdict = right ? VERDICT_RIGHT : VERDICT_WRONG;
        j.score = right;
        j.reason = right ? "the target, each number once" : s.why;
    }
    game_free(&g);
    return j;
}
