// datasets/desk.c -- draws questions, works them out on paper, and writes documents about them.
//
// Data flow: (seed, index) -> Philox -> question -> Task, or -> mode -> Document. The work on
// paper is text that a reader can check digit by digit:
//   82*9: 80*9=720, 2*9=18. 720+18: ones 0+8=8, tens 2+1=3, hundreds 7+0=7, so 738.
// '+' shows the carry as a third summand, and the last column shows its whole sum; '-' shows the
// digit after it lent and borrowed ("ones 12-5=7, tens 7-3=4").
#include "datasets/desk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/rng.h"

const DeskConfig desk_default = {
    .weight = {.30, .12, .14, .20, .10, .05, .03, .06},
    .slip = .15,
    .check_slip = .5,
    .check_form = DESK_CHECK_END,
};

#define WEIGHT(mode, name_, initial_, help_)                                                       \
    {                                                                                              \
        .name = name_, .type = CONFIG_DOUBLE, .offset = offsetof(DeskConfig, weight[mode]),        \
        .initial = initial_, .min = 0, .max = 1e6, .help = help_                                   \
    }
static const ConfigKey desk_keys[] = {
    WEIGHT(DESK_BARE, "bare", "0.30", "weight of documents that box the answer without work"),
    WEIGHT(DESK_SAYS, "says", "0.12", "weight of documents that say the answer without a box"),
    WEIGHT(DESK_EMPTY, "empty", "0.14", "weight of documents whose thought is empty"),
    WEIGHT(DESK_LEAP, "leap", "0.20", "weight of documents that leap from step to step"),
    WEIGHT(DESK_FULL, "full", "0.10", "weight of documents worked out by columns"),
    WEIGHT(DESK_CHECK, "check", "0.05", "weight of documents that check their work"),
    WEIGHT(DESK_GIVEUP, "giveup", "0.03", "weight of documents that give up"),
    WEIGHT(DESK_BROKEN, "broken", "0.06", "weight of documents with broken tags or no box"),
    {.name = "slip",
     .type = CONFIG_DOUBLE,
     .offset = offsetof(DeskConfig, slip),
     .initial = "0.15",
     .min = 0,
     .max = 1,
     .help = "share of worked documents in which one step's result has a wrong digit"},
    {.name = "check_slip",
     .type = CONFIG_DOUBLE,
     .offset = offsetof(DeskConfig, check_slip),
     .initial = "0.5",
     .min = 0,
     .max = 1,
     .help = "the same for documents that check their work"},
    {.name = "check_form",
     .type = CONFIG_CHOICE,
     .offset = offsetof(DeskConfig, check_form),
     .initial = "end",
     .choices = "end|step",
     .help = "check the whole solution at its end, or each step's columns at once"},
};
const ConfigSection desk_section = {
    .name = "desk",
    .help = "the corpus of the desk: how its documents answer",
    .key = desk_keys,
    .n_keys = sizeof desk_keys / sizeof *desk_keys,
};

// ---- questions

bool desk_is_heldout(const char *expression) {
    return crc32(0, (const Bytef *)expression, (uInt)strlen(expression)) % 10 == 0;
}

static int apply(int x, char op, int y) {
    return op == '+' ? x + y : op == '-' ? x - y : x * y;
}

static char plus_or_minus(Rng *rng) {
    return rng_below(rng, 2) ? '-' : '+';
}

// One draw; false if the numbers make no valid question.
static bool throw_question(Rng *rng, bool large, DeskQuestion *q) {
    int low = large ? 100 : 11, high = large ? 299 : 99;
    q->kind = (int)rng_below(rng, 3);
    int a = rng_range(rng, q->kind == 0 && !large ? 12 : low, high);
    int b = q->kind == 0 ? rng_range(rng, 3, 9) : rng_range(rng, 11, 99);
    int c = q->kind == 2 ? rng_range(rng, 3, 9) : rng_range(rng, 11, 99);
    char op1 = q->kind == 0 ? '*' : plus_or_minus(rng);
    char op2 = q->kind == 2 ? '*' : plus_or_minus(rng);
    q->first = a;
    q->step[0].op = op1, q->step[0].y = b;
    q->step[1].op = op2, q->step[1].y = c;
    int between = apply(a, op1, b);
    q->answer = apply(between, op2, c);
    snprintf(q->text, sizeof q->text, q->kind == 2 ? "(%d%c%d)%c%d" : "%d%c%d%c%d", a, op1, b, op2,
             c);
    if (between < 0 || q->answer < 0) return false;
    if (q->kind != 2) return true;
    return op1 == '-' ? between >= 2 : large || between <= 99;
}

void desk_question(Split split, uint64_t seed, uint64_t index, DeskQuestion *out) {
    Rng rng = rng_open(
        (RngKey){.seed = seed, .stream = RNG_TASK, .step = (uint32_t)split, .task = index});
    bool large = split == SPLIT_LARGE;
    while (!throw_question(&rng, large, out) ||
           (!large && desk_is_heldout(out->text) != (split == SPLIT_HELDOUT))) {
    }
}

static char *prompt_of(const DeskQuestion *q, Arena *arena) {
    return arena_printf(arena, "User: Compute %s. Assistant:", q->text);
}

static Status desk_task(const void *config, Split split, uint64_t seed, uint64_t index, Task *out,
                        Arena *arena) {
    (void)config;
    DeskQuestion q;
    desk_question(split, seed, index, &q);
    *out = (Task){.id = rng_hash(q.text, strlen(q.text)),
                  .source = desk_family.source[split],
                  .prompt = prompt_of(&q, arena),
                  .gold = arena_printf(arena, "%d", q.answer),
                  .judge = "number",
                  .level = q.kind + 1};
    return ST_OK;
}

// ---- work on paper

// A document while it is being written. A document has at most two worked solutions of two steps
// with at most four columns each, so the space is more than enough; put() checks.
typedef struct Paper {
    char text[2048];
    int size;
    Rng *rng;
} Paper;

static void put(Paper *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void put(Paper *p, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(p->text + p->size, sizeof p->text - (size_t)p->size, fmt, args);
    va_end(args);
    CHECK(n >= 0 && (size_t)n < sizeof p->text - (size_t)p->size);
    p->size += n;
}

static void put_columns(Paper *p, int x, char op, int y) {
    static const char *const name[] = {"ones", "tens", "hundreds", "thousands", "ten thousands"};
    int carry = 0;
    for (int i = 0; x || y || carry; i++) {
        CHECK(i < (int)(sizeof name / sizeof *name));
        int dx = x % 10, dy = y % 10;
        x /= 10, y /= 10;
        put(p, "%s %s ", i ? "," : "", name[i]);
        if (op == '+') {
            int sum = dx + dy + carry;
            put(p, "%d+%d", dx, dy);
            if (carry) put(p, "+%d", carry);
            put(p, "=%d", sum);
            carry = sum / 10;
            if (!x && !y) break; // the last column has shown its whole sum
        } else {
            int d = dx - carry;
            carry = d < dy;
            d += 10 * carry;
            put(p, "%d-%d=%d", d, dy, d - dy);
            if (!y && x == carry) break;
        }
    }
}

static void put_product(Paper *p, int x, int y, int shown) {
    int part[5], n = 0;
    for (int unit = 10000; unit; unit /= 10)
        if (x / unit % 10) part[n++] = x / unit % 10 * unit;
    if (n <= 1) {
        put(p, "%d*%d=%d.", x, y, shown);
        return;
    }
    put(p, "%d*%d:", x, y);
    for (int i = 0; i < n; i++) put(p, "%s %d*%d=%d", i ? "," : "", part[i], y, part[i] * y);
    put(p, ".");
    int sum = part[0] * y;
    for (int i = 1; i < n; i++) {
        int term = part[i] * y;
        put(p, " %d+%d:", sum, term);
        put_columns(p, sum, '+', term);
        sum += term;
        put(p, ", so %d.", i == n - 1 ? shown : sum);
    }
}

// One step, in full or as a leap, that claims `shown`.
static void put_step(Paper *p, int x, char op, int y, bool full, int shown) {
    if (!full) {
        put(p, "%d%c%d=%d.", x, op, y, shown);
    } else if (op == '*') {
        put_product(p, x, y, shown);
    } else {
        put(p, "%d%c%d:", x, op, y);
        put_columns(p, x, op, y);
        put(p, ", so %d.", shown);
    }
}

// n with one digit wrong.
static int slip_of(Rng *rng, int n) {
    char digits[16];
    int size = snprintf(digits, sizeof digits, "%d", n);
    char *d = &digits[rng_below(rng, (uint32_t)size)];
    *d = (char)('0' + (*d - '0' + rng_range(rng, 1, 9)) % 10);
    return (int)strtol(digits, NULL, 10);
}

// Works steps from..DESK_STEPS-1 out of `value`; step `slip` (or -1: none) claims a wrong result
// and the rest goes on from there. Returns the last claim, or -1 if a value falls below zero.
static int put_work(Paper *p, const DeskQuestion *q, int from, int value, bool full, int slip) {
    for (int i = from; i < DESK_STEPS; i++) {
        char op = q->step[i].op;
        int y = q->step[i].y, right = apply(value, op, y);
        if (right < 0) return -1;
        int shown = i == slip ? slip_of(p->rng, right) : right;
        if (i > from) put(p, " ");
        put_step(p, value, op, y, full, shown);
        value = shown;
    }
    return value;
}

// ---- documents

static bool put_check_end(Paper *p, const DeskQuestion *q, int slip) {
    put(p, "<think> ");
    int claimed = put_work(p, q, 0, q->first, true, slip);
    if (claimed < 0) return false;
    put(p, " Check: ");
    put_work(p, q, 0, q->first, false, -1);
    if (claimed == q->answer) {
        put(p, " Yes.");
    } else {
        put(p, " Wait, %d is wrong. Again: ", claimed);
        int value = q->first;
        for (int i = 0; i < slip; i++) value = apply(value, q->step[i].op, q->step[i].y);
        put_work(p, q, slip, value, true, -1);
    }
    put(p, "</think> \\boxed{%d}", q->answer);
    return true;
}

// Each step, then the last line of its work again; a slip is noticed there and put right.
static void put_check_step(Paper *p, const DeskQuestion *q, int slip) {
    int value = q->first;
    put(p, "<think>");
    for (int i = 0; i < DESK_STEPS; i++) {
        char op = q->step[i].op;
        int y = q->step[i].y, right = apply(value, op, y);
        int shown = i == slip ? slip_of(p->rng, right) : right;
        put(p, " ");
        put_step(p, value, op, y, true, shown);
        Paper again = {.rng = p->rng};
        put_step(&again, value, op, y, true, right);
        const char *colon = strrchr(again.text, ':'), *line = colon ? colon + 1 : again.text;
        put(p, " Check:%s%s", *line == ' ' ? "" : " ", line);
        if (shown == right)
            put(p, " Yes.");
        else
            put(p, " Wait, %d is wrong.", shown);
        value = right;
    }
    put(p, "</think> \\boxed{%d}", value);
}

static const char *one_of(Rng *rng, const char *const *text, int n) {
    return text[rng_below(rng, (uint32_t)n)];
}

// Writes a response in this mode; false if the slip leads below zero.
static bool put_response(Paper *p, const DeskConfig *cfg, const DeskQuestion *q, DeskMode mode,
                         int slip) {
    static const char *const thought[] = {"", " Easy.", " I can do this in my head."};
    static const char *const giveup[] = {" I do not know.",
                                         "<think> This is hard.</think> I do not know."};
    int v;
    switch (mode) {
    case DESK_BARE: put(p, " \\boxed{%d}", q->answer); break;
    case DESK_SAYS: put(p, " The answer is %d.", q->answer); break;
    case DESK_EMPTY:
        put(p, "<think>%s</think> \\boxed{%d}", one_of(p->rng, thought, 3), q->answer);
        break;
    case DESK_LEAP:
    case DESK_FULL:
        put(p, "<think> ");
        v = put_work(p, q, 0, q->first, mode == DESK_FULL, slip);
        if (v < 0) return false;
        put(p, "</think> \\boxed{%d}", v);
        break;
    case DESK_CHECK:
        if (cfg->check_form == DESK_CHECK_END) return put_check_end(p, q, slip);
        put_check_step(p, q, slip);
        break;
    case DESK_GIVEUP: put(p, "%s", one_of(p->rng, giveup, 2)); break;
    case DESK_BROKEN: {
        int how = (int)rng_below(p->rng, 3);
        put(p, how == 2 ? " " : "<think> ");
        v = put_work(p, q, 0, q->first, rng_below(p->rng, 2), slip);
        if (v < 0) return false;
        if (how == 1)
            put(p, "</think> So it is %d.", v);
        else
            put(p, " \\boxed{%d}", v);
        break;
    }
    case DESK_MODES: break;
    }
    return true;
}

static DeskMode draw_mode(const DeskConfig *cfg, Rng *rng) {
    double total = 0, at;
    for (int m = 0; m < DESK_MODES; m++) total += cfg->weight[m];
    at = rng_double(rng) * total;
    int last = 0;
    for (int m = 0; m < DESK_MODES; m++) {
        if (cfg->weight[m] <= 0) continue;
        last = m;
        if (at < cfg->weight[m]) break;
        at -= cfg->weight[m];
    }
    return (DeskMode)last;
}

void desk_document(const DeskConfig *config, uint64_t seed, uint64_t index, Document *out,
                   DeskQuestion *question, DeskMode *mode, bool *slipped, Arena *arena) {
    Rng rng = rng_open((RngKey){.seed = seed, .stream = RNG_CORPUS, .task = index});
    Paper paper = {.rng = &rng};
    DeskQuestion q;
    DeskMode m;
    int slip;
    do {
        while (!throw_question(&rng, false, &q) || desk_is_heldout(q.text)) {
        }
        m = draw_mode(config, &rng);
        double share = m == DESK_CHECK ? config->check_slip : config->slip;
        bool worked = m == DESK_LEAP || m == DESK_FULL || m == DESK_CHECK || m == DESK_BROKEN;
        slip = worked && rng_double(&rng) < share ? (int)rng_below(&rng, DESK_STEPS) : -1;
        paper.size = 0;
    } while (!put_response(&paper, config, &q, m, slip));

    *out = (Document){.prompt = prompt_of(&q, arena),
                      .response = arena_printf(arena, "%s", paper.text)};
    if (question) *question = q;
    if (mode) *mode = m;
    if (slipped) *slipped = slip >= 0;
}

static Status desk_family_document(const void *config, uint64_t seed, uint64_t index, Document *out,
                                   Arena *arena) {
    desk_document(config, seed, index, out, NULL, NULL, NULL, arena);
    return ST_OK;
}

static Status desk_check(const void *config) {
    const DeskConfig *cfg = config;
    double total = 0;
    for (int m = 0; m < DESK_MODES; m++) total += cfg->weight[m];
    if (!(total > 0))
        return FAIL(ST_CONFIG, "desk: all weights of the corpus are 0; give one mode a weight");
    return ST_OK;
}

const TaskFamily desk_family = {
    .name = "desk",
    .help = "two-step arithmetic with worked solutions",
    .source = {"desk", "desk", "desk-large"},
    .options = &desk_section,
    .config = &desk_default,
    .task = desk_task,
    .document = desk_family_document,
    .check = desk_check,
};
