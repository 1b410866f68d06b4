// verifiers/written.c -- a cursor over the text; decimals, fractions, what surrounds them.
#include "verifiers/written.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "verifiers/math/tree/tail.h"

enum { MAX_WRAPPERS = 256, MAX_EXPONENT_DIGITS = 15 };

void written_init(WrittenNumber *n) {
    mpz_init(n->num);
    mpz_init_set_ui(n->den, 1);
    n->exp = 0;
    n->unit[0] = 0;
}

void written_clear(WrittenNumber *n) {
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
    char text[WRITTEN_MAX_BYTES + 1];
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

static bool take_frac(Cursor *c, WrittenNumber *n) {
    static const char *const names[] = {"\\frac", "\\dfrac", "\\tfrac", "\\cfrac", NULL};
    if (!take_one_of(c, names)) return false;
    int64_t below = 0;
    if (!take_argument(c, n->num, &n->exp) || !take_argument(c, n->den, &below)) return false;
    n->exp -= below;
    return mpz_sgn(n->den) != 0;
}

void written_times_power_of_ten(mpz_t value, int64_t exp) {
    mpz_t power;
    mpz_init(power);
    mpz_ui_pow_ui(power, 10, (unsigned long)exp);
    mpz_mul(value, value, power);
    mpz_clear(power);
}

// The fraction of a mixed number behind the whole number `n`: both positive integers.
static bool take_mixed(Cursor *c, WrittenNumber *n, bool *found) {
    WrittenNumber part;
    Cursor ahead = *c;
    bool good = true, space;
    written_init(&part);
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
        written_times_power_of_ten(n->num, n->exp);
        n->exp = 0;
        written_times_power_of_ten(part.exp < 0 ? part.den : part.num,
                                   part.exp < 0 ? -part.exp : part.exp);
        good = mpz_sgn(part.num) >= 0 && mpz_sgn(part.den) > 0;
        mpz_mul(n->num, n->num, part.den);
        mpz_add(n->num, n->num, part.num);
        mpz_set(n->den, part.den);
        *c = ahead;
    }
    written_clear(&part);
    return good;
}

static bool take_value(Cursor *c, WrittenNumber *n) {
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

// ---- what surrounds a number

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

// value + up / down
static void add_fraction(WrittenNumber *n, int64_t up, int64_t down) {
    mpz_t part;
    if (n->exp > 0)
        written_times_power_of_ten(n->num, n->exp);
    else
        written_times_power_of_ten(n->den, -n->exp);
    n->exp = 0;
    mpz_init_set_si(part, (long)up);
    mpz_mul(part, part, n->den);
    mpz_mul_si(n->num, n->num, (long)down);
    mpz_mul_si(n->den, n->den, (long)down);
    mpz_add(n->num, n->num, part);
    mpz_clear(part);
}

// "0.3 repeating": `written` is the decimal as written.
static bool repeat_digits(WrittenNumber *n, Slice written) {
    const char *point = memchr(written.data, '.', written.size);
    if (!point) return false;
    int places = (int)(written.data + written.size - point - 1);
    for (const char *p = written.data; p < written.data + written.size; p++)
        if (p != point && !isdigit((unsigned char)*p)) return false;
    Slice tail = {point + 1, (size_t)places};
    if (!tail_can_repeat(tail, -places)) return false;
    add_fraction(n, 0, 9); // n = 9 n / 9
    mpz_t last;
    mpz_init_set_ui(last, (unsigned long)(tail.data[places - 1] - '0'));
    written_times_power_of_ten(n->num, places);
    written_times_power_of_ten(n->den, places);
    // one ninth of the last place: digit / (9 * 10^places); den is 9 * 10^k with k >= places
    mpz_t unit;
    mpz_init(unit);
    mpz_ui_pow_ui(unit, 10, (unsigned long)places);
    mpz_mul_ui(unit, unit, 9);
    mpz_divexact(unit, n->den, unit);
    mpz_addmul(n->num, last, unit);
    mpz_clear(unit);
    mpz_clear(last);
    return true;
}

// What the words behind the number make of it. `written`: the number as written.
static bool take_tail(Cursor *c, WrittenNumber *n, Slice written) {
    enum { FAR = 400 }; // a power of ten that a fraction can be added to
    NumberTail tail;
    skip_blanks(c);
    Slice text = within(*c);
    c->p = c->end;
    if (!text.size) return true;
    // letters right behind the digits: "5x", "5k" are products or more
    bool glued = isalpha((unsigned char)*text.data) && text.data == written.data + written.size;
    if (!tail_read(text, &tail) || tail.factorial || (tail.base && tail.base != 10)) return false;
    if (glued && (tail.noun || text.size < 2)) return false;
    if ((tail.add_up || tail.repeating) && (n->exp > FAR || n->exp < -FAR)) return false;
    if (tail.add_up && mpz_cmp_ui(n->den, 1) != 0) return false; // "1/2 and a half"
    if (tail.repeating && !repeat_digits(n, written)) return false;
    if (tail.add_up) add_fraction(n, tail.add_up, tail.add_down);
    mpz_mul_si(n->num, n->num, (long)tail.up);
    mpz_mul_si(n->den, n->den, (long)tail.down);
    n->exp += tail.exp10 - (tail.percent ? 2 : 0);
    if (tail.power > 1) {
        mpz_pow_ui(n->num, n->num, (unsigned long)tail.power);
        mpz_pow_ui(n->den, n->den, (unsigned long)tail.power);
        n->exp *= tail.power;
    }
    memcpy(n->unit, tail.unit, sizeof n->unit);
    return true;
}

bool written_read(Slice text, WrittenNumber *n) {
    static const char *const currency[] = {
        "US\\$", "US$", "USD ", "EUR ",         "GBP ",     "Rs. ",     "Rs.",          "Rs ",
        "INR ",  "\\$", "$",    "\xE2\x82\xAC", "\xC2\xA3", "\xC2\xA5", "\xE2\x82\xB9", NULL};
    text = slice_trim(text);
    if (!text.data || !text.size || text.size > WRITTEN_MAX_BYTES) return false;
    text = unwrap(text);
    Cursor c = {text.data, text.data + text.size}, name = c;
    if (take_one_of(&c, currency)) {
        skip_blanks(&c);
    } else if (name.p < name.end && isalpha((unsigned char)*name.p)) { // "x = 5"
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
    const char *from = c.p;
    if (!take_value(&c, n)) return false;
    if (!take_tail(&c, n, (Slice){from, (size_t)(c.p - from)})) return false;
    if (sign < 0) mpz_neg(n->num, n->num);
    return true;
}
