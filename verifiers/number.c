// verifiers/number.c -- a reader of written numbers, and their comparison by cross multiplication.
//
// Powers of ten stay apart from N and D, so 1e999999999 costs nothing; where two of them differ by
// more than the digits at hand can make up for, the numbers differ.
#include "verifiers/number.h"

#include <ctype.h>
#include <gmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "verifiers/boxed.h"

enum { MAX_WRAPPERS = 256, MAX_EXPONENT_DIGITS = 15 };

typedef struct Number {
    mpz_t num, den;
    int64_t exp; // value = num / den * 10^exp
    Slice unit;
} Number;

static void number_init(Number *n) {
    mpz_init(n->num);
    mpz_init_set_ui(n->den, 1);
    n->exp = 0;
    n->unit = (Slice){NULL, 0};
}

static void number_clear(Number *n) {
    mpz_clear(n->num);
    mpz_clear(n->den);
}

// ---- a cursor over the text

typedef struct Cursor {
    const char *p, *end;
} Cursor;

static bool take(Cursor *c, const char *text) {
    size_t n = strlen(text);
    if ((size_t)(c->end - c->p) < n || memcmp(c->p, text, n) != 0) return false;
    c->p += n;
    return true;
}

// A command of LaTeX: a name that is not the beginning of a longer one.
static bool take_command(Cursor *c, const char *name) {
    Cursor before = *c;
    if (take(c, name) && (c->p == c->end || !isalpha((unsigned char)*c->p))) return true;
    *c = before;
    return false;
}

static bool take_one_of(Cursor *c, const char *const *texts) {
    for (; *texts; texts++)
        if (take(c, *texts)) return true;
    return false;
}

static void skip_blanks(Cursor *c) {
    static const char *const blanks[] = {"\\,", "\\!", "\\;", "\\:", "\\ ", "~", NULL};
    for (;;) {
        if (c->p < c->end && isspace((unsigned char)*c->p))
            c->p++;
        else if (!take_one_of(c, blanks) && !take_command(c, "\\left") &&
                 !take_command(c, "\\right") && !take_command(c, "\\displaystyle"))
            return;
    }
}

static bool at_digit(const Cursor *c) {
    return c->p < c->end && *c->p >= '0' && *c->p <= '9';
}

// +1, -1; 0 if there is no sign.
static int take_sign(Cursor *c) {
    return take(c, "-") || take(c, "\xE2\x88\x92") ? -1 : take(c, "+") ? 1 : 0;
}

// ---- numbers

// A separator of thousands with exactly three digits behind it: moves behind the separator.
static bool take_separator(Cursor *c) {
    static const char *const marks[] = {",\\!", "{,}", ",", "\\,", NULL};
    Cursor ahead = *c;
    if (!take_one_of(&ahead, marks)) return false;
    const char *from = ahead.p;
    while (at_digit(&ahead)) ahead.p++;
    if (ahead.p - from != 3) return false;
    c->p = from;
    return true;
}

typedef struct Digits {
    char text[NUMBER_MAX_BYTES + 1];
    size_t n;
} Digits;

static void take_digits(Cursor *c, Digits *d) {
    while (at_digit(c)) d->text[d->n++] = *c->p++;
}

// An unsigned decimal into num and exp (added). `whole`: it has neither point nor separators.
static bool take_decimal(Cursor *c, mpz_t num, int64_t *exp, bool *whole) {
    Digits *d = malloc(sizeof *d);
    CHECK(d != NULL);
    d->n = 0;
    const char *from = c->p;
    take_digits(c, d);
    bool grouped = false;
    if (d->n >= 1 && d->n <= 3)
        while (take_separator(c)) take_digits(c, d), grouped = true;
    Cursor point = *c;
    size_t before = d->n;
    if (take(&point, ".") && (at_digit(&point) || before)) {
        *c = point;
        take_digits(c, d);
        *exp -= (int64_t)(d->n - before);
    }
    bool good = d->n > 0;
    if (whole) *whole = good && !grouped && (size_t)(c->p - from) == d->n;
    while (d->n > 1 && d->text[d->n - 1] == '0') d->n--, ++*exp;
    d->text[d->n] = 0;
    if (good) mpz_set_str(num, d->text, 10);
    free(d);
    return good;
}

// A whole exponent "-12", of at most 15 digits.
static bool take_exponent(Cursor *c, int64_t *exp) {
    int sign = take_sign(c);
    int64_t value = 0;
    const char *from = c->p;
    for (; at_digit(c); c->p++) {
        if (c->p - from >= MAX_EXPONENT_DIGITS) return false;
        value = value * 10 + (*c->p - '0');
    }
    *exp += sign < 0 ? -value : value;
    return c->p > from;
}

static bool take_power(Cursor *c, int64_t *exp) { // behind "10"
    if (!take(c, "^")) return false;
    if (!take(c, "{")) return take_exponent(c, exp);
    skip_blanks(c);
    if (!take_exponent(c, exp)) return false;
    skip_blanks(c);
    return take(c, "}");
}

// "e-5", "\times 10^{-5}" behind a decimal, if it is there; false if it begins and goes wrong.
static bool take_scale(Cursor *c, int64_t *exp) {
    static const char *const times[] = {"\\times", "\\cdot", "*", "\xC3\x97", "x", NULL};
    Cursor ahead = *c;
    if (take(&ahead, "e") || take(&ahead, "E")) {
        *c = ahead;
        return take_exponent(c, exp);
    }
    skip_blanks(&ahead);
    if (!take_one_of(&ahead, times)) return true;
    skip_blanks(&ahead);
    if (!take(&ahead, "10") || !take_power(&ahead, exp)) return false;
    *c = ahead;
    return true;
}

// A signed decimal in optional brackets, as in (3)/(4) and \frac{-3}{4}. Result in num and exp.
static bool take_signed(Cursor *c, mpz_t num, int64_t *exp) {
    skip_blanks(c);
    bool bracket = take(c, "(");
    skip_blanks(c);
    int sign = take_sign(c);
    skip_blanks(c);
    if (!take_decimal(c, num, exp, NULL)) return false;
    if (sign < 0) mpz_neg(num, num);
    skip_blanks(c);
    return !bracket || take(c, ")");
}

// One argument of \frac: a group, or a single digit.
static bool take_argument(Cursor *c, mpz_t num, int64_t *exp) {
    skip_blanks(c);
    if (!take(c, "{")) {
        if (!at_digit(c)) return false;
        mpz_set_ui(num, (unsigned long)(*c->p++ - '0'));
        return true;
    }
    return take_signed(c, num, exp) && take(c, "}");
}

static bool take_frac(Cursor *c, Number *n) {
    static const char *const names[] = {"\\frac", "\\dfrac", "\\tfrac", "\\cfrac", NULL};
    if (!take_one_of(c, names)) return false;
    int64_t below = 0;
    if (!take_argument(c, n->num, &n->exp) || !take_argument(c, n->den, &below)) return false;
    n->exp -= below;
    return mpz_sgn(n->den) != 0;
}

static void times_power_of_ten(mpz_t value, int64_t exp) {
    mpz_t power;
    mpz_init(power);
    mpz_ui_pow_ui(power, 10, (unsigned long)exp);
    mpz_mul(value, value, power);
    mpz_clear(power);
}

// The fraction of a mixed number behind the whole number `n`: both positive integers.
static bool take_mixed(Cursor *c, Number *n, bool *found) {
    Number part;
    Cursor ahead = *c;
    bool good = true, space;
    number_init(&part);
    skip_blanks(&ahead);
    space = ahead.p > c->p;
    *found = false;
    if (ahead.p < ahead.end && *ahead.p == '\\') {
        *found = take_frac(&ahead, &part);
    } else if (space && at_digit(&ahead)) { // "2 1/3": digits behind a blank are nothing else
        int64_t below = 0;
        bool whole_num, whole_den;
        good = take_decimal(&ahead, part.num, &part.exp, &whole_num) && whole_num;
        skip_blanks(&ahead);
        good = good && take(&ahead, "/");
        skip_blanks(&ahead);
        good = good && take_decimal(&ahead, part.den, &below, &whole_den) && whole_den &&
               mpz_sgn(part.den) != 0;
        part.exp -= below;
        *found = true;
    }
    if (*found && good) { // whole + num / den; exponents are at most as large as the text is long
        times_power_of_ten(n->num, n->exp);
        n->exp = 0;
        times_power_of_ten(part.exp < 0 ? part.den : part.num, part.exp < 0 ? -part.exp : part.exp);
        good = mpz_sgn(part.num) >= 0 && mpz_sgn(part.den) > 0;
        mpz_mul(n->num, n->num, part.den);
        mpz_add(n->num, n->num, part.num);
        mpz_set(n->den, part.den);
        *c = ahead;
    }
    number_clear(&part);
    return good;
}

static bool take_value(Cursor *c, Number *n) {
    bool whole = false, mixed = false;
    if (c->p < c->end && *c->p == '\\') return take_frac(c, n);
    if (c->p < c->end && *c->p == '(') {
        if (!take_signed(c, n->num, &n->exp)) return false;
    } else {
        Cursor power = *c;
        if (take(&power, "10") && take_power(&power, &n->exp)) {
            *c = power;
            mpz_set_ui(n->num, 1);
            return true;
        }
        n->exp = 0;
        if (!take_decimal(c, n->num, &n->exp, &whole)) return false;
        if (whole && !take_mixed(c, n, &mixed)) return false;
        if (mixed) return true;
        if (!take_scale(c, &n->exp)) return false;
    }
    Cursor ahead = *c;
    skip_blanks(&ahead);
    if (take(&ahead, "/") || take_command(&ahead, "\\div") || take(&ahead, "\xC3\xB7")) {
        int64_t below = 0;
        if (!take_signed(&ahead, n->den, &below) || mpz_sgn(n->den) == 0) return false;
        n->exp -= below;
        *c = ahead;
    }
    return true;
}

// ---- what stands around a number

static Slice within(Cursor c) {
    return (Slice){c.p, (size_t)(c.end - c.p)};
}

// "{...}" at the cursor, braces matched: its content, and the cursor behind it.
static bool take_group(Cursor *c, Slice *content) {
    Cursor ahead = *c;
    size_t depth = 1;
    if (!take(&ahead, "{")) return false;
    const char *from = ahead.p;
    for (; ahead.p < ahead.end; ahead.p++) {
        if (*ahead.p == '{')
            depth++;
        else if (*ahead.p == '}' && --depth == 0)
            break;
    }
    if (depth) return false;
    *content = (Slice){from, (size_t)(ahead.p - from)};
    c->p = ahead.p + 1;
    return true;
}

static const char *const text_commands[] = {"\\textbf", "\\textit", "\\text", "\\mathrm",
                                            "\\mathbf", "\\mathit", "\\mbox", NULL};

// Takes off everything that encloses the whole text: $..$, \(..\), {..}, \text{..}.
static Slice unwrap(Slice s) {
    for (int i = 0; i < MAX_WRAPPERS; i++) {
        Cursor c;
        s = slice_trim(s);
        c = (Cursor){s.data, s.data + s.size};
        skip_blanks(&c);
        s = within(c);
        Slice content;
        if (s.size >= 2 && *s.data == '$' && s.data[s.size - 1] == '$' &&
            s.data[s.size - 2] != '\\') {
            s = (Slice){s.data + 1, s.size - 2};
            continue;
        }
        if (s.size >= 4 && s.data[0] == '\\' && s.data[s.size - 2] == '\\' &&
            ((s.data[1] == '(' && s.data[s.size - 1] == ')') ||
             (s.data[1] == '[' && s.data[s.size - 1] == ']'))) {
            s = (Slice){s.data + 2, s.size - 4};
            continue;
        }
        take_one_of(&c, text_commands);
        skip_blanks(&c);
        if (!take_group(&c, &content)) break;
        skip_blanks(&c);
        if (c.p != c.end) break;
        s = content;
    }
    return s;
}

static bool is_word(Slice s, const char *word) {
    return s.size == strlen(word) && strncasecmp(s.data, word, s.size) == 0;
}

// Percent, degrees, a unit, a final point.
static void take_tail(Cursor *c, Number *n) {
    static const char *const percent[] = {"\\%", "%", NULL};
    static const char *const degree[] = {"^\\circ", "^{\\circ}", "\\degree", "\xC2\xB0", NULL};
    skip_blanks(c);
    if (take_one_of(c, percent))
        n->exp -= 2;
    else
        take_one_of(c, degree);
    skip_blanks(c);
    Cursor ahead = *c;
    Slice unit;
    if (take_one_of(&ahead, text_commands) && take_group(&ahead, &unit)) {
        unit = slice_trim(unit);
        Slice power;
        const char *from = unit.data;
        if (take(&ahead, "^") && !take_group(&ahead, &power) && at_digit(&ahead)) ahead.p++;
        if (is_word(unit, "percent"))
            n->exp -= 2;
        else if (!is_word(unit, "dollars") && !is_word(unit, "degrees") && unit.size)
            n->unit = (Slice){from, (size_t)(ahead.p - from)};
        *c = ahead;
        skip_blanks(c);
    } else if (take_command(&ahead, "percent")) {
        n->exp -= 2;
        *c = ahead;
    } else if (take_command(&ahead, "dollars") || take_command(&ahead, "degrees")) {
        *c = ahead;
    }
    take(c, ".");
    skip_blanks(c);
}

// Reads the whole text as a number; false if it is none. `n` is initialised.
static bool number_read(Slice text, Number *n) {
    static const char *const currency[] = {"\\$", "$", "\xE2\x82\xAC", "\xC2\xA3", NULL};
    text = slice_trim(text);
    if (!text.data || !text.size || text.size > NUMBER_MAX_BYTES) return false;
    text = unwrap(text);
    Cursor c = {text.data, text.data + text.size}, name = c;
    if (name.p < name.end && isalpha((unsigned char)*name.p)) { // "x = 5"
        name.p++;
        skip_blanks(&name);
        if (!take(&name, "=")) return false;
        skip_blanks(&name);
        c = name;
    }
    int sign = take_sign(&c);
    skip_blanks(&c);
    if (take_one_of(&c, currency)) skip_blanks(&c);
    if (!sign) sign = take_sign(&c);
    skip_blanks(&c);
    if (!take_value(&c, n)) return false;
    if (sign < 0) mpz_neg(n->num, n->num);
    take_tail(&c, n);
    return c.p == c.end;
}

// ---- comparison

static bool same_value(const Number *a, const Number *b) {
    if (mpz_sgn(a->num) == 0 || mpz_sgn(b->num) == 0) return mpz_sgn(a->num) == mpz_sgn(b->num);
    if (a->exp < b->exp) {
        const Number *t = a;
        a = b;
        b = t;
    }
    uint64_t shift = (uint64_t)a->exp - (uint64_t)b->exp;
    mpz_t left, right;
    mpz_inits(left, right, NULL);
    mpz_mul(left, a->num, b->den);
    mpz_mul(right, b->num, a->den);
    bool same = false;
    if (shift <= mpz_sizeinbase(right, 10)) { // otherwise the left side has more digits
        times_power_of_ten(left, (int64_t)shift);
        same = mpz_cmp(left, right) == 0;
    }
    mpz_clears(left, right, NULL);
    return same;
}

static bool same_unit(Slice a, Slice b) {
    if (!a.data || !b.data) return true;
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

Verdict number_compare(const char *gold, size_t gold_size, const char *answer, size_t answer_size,
                       const char **reason) {
    Number want, have;
    Verdict verdict = VERDICT_WRONG;
    number_init(&want);
    number_init(&have);
    if (!number_read((Slice){gold, gold_size}, &want)) {
        verdict = VERDICT_ERROR;
        *reason = "gold is not a number";
    } else if (!number_read((Slice){answer, answer_size}, &have)) {
        *reason = answer_size > NUMBER_MAX_BYTES ? "too long for a number" : "not a number";
    } else if (!same_value(&want, &have)) {
        *reason = "different rationals";
    } else if (!same_unit(want.unit, have.unit)) {
        *reason = "different units";
    } else {
        verdict = VERDICT_RIGHT;
        *reason = "equal rationals";
    }
    number_clear(&want);
    number_clear(&have);
    return verdict;
}

Judgement number_judge(const JudgeInput *in) {
    Judgement j = {.verdict = VERDICT_ERROR};
    if (!in->gold) {
        j.reason = "no gold";
        return j;
    }
    if (!boxed_extract_known(in->extract)) {
        j.reason = "unknown way to extract";
        return j;
    }
    Slice gold = {in->gold, strlen(in->gold)}, box = boxed_last(gold);
    if (box.data) {
        gold = box;
    } else {
        const char *hash = slice_last(gold, "####");
        if (hash) gold = (Slice){hash + 4, (size_t)(gold.data + gold.size - hash - 4)};
    }
    const char *reason;
    Slice answer = boxed_answer(in, &reason);
    if (answer.data && !in->finished) answer = (Slice){NULL, 0}, reason = "cut off";
    // A gold that cannot be read is an error whatever the response says.
    j.verdict = number_compare(gold.data, gold.size, answer.data, answer.size, &j.reason);
    if (j.verdict == VERDICT_WRONG && !answer.data) j.reason = reason;
    j.score = j.verdict == VERDICT_RIGHT;
    j.answer = answer.data;
    j.answer_size = answer.size;
    return j;
}
