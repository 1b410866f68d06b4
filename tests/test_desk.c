// tests/test_desk.c -- datasets/desk: splits that never meet, work right digit by digit.
#include "datasets/desk.h"
#include "datasets/procedural.h"

#include <ctype.h>
#include <stdlib.h>

#include "tests/test.h"

// ---- an independent reader of arithmetic, by recursive descent

static long factor(const char **s);
static long term(const char **s) {
    long v = factor(s);
    while (**s == '*') {
        ++*s;
        v *= factor(s);
    }
    return v;
}
static long sum(const char **s) {
    long v = term(s);
    while (**s == '+' || **s == '-') {
        char op = *(*s)++;
        long w = term(s);
        v = op == '+' ? v + w : v - w;
    }
    return v;
}
static long factor(const char **s) {
    if (**s != '(') return strtol(*s, (char **)s, 10);
    ++*s;
    long v = sum(s);
    assert_int_equal(*(*s)++, ')');
    return v;
}
static long value_of(const char *expression) {
    const char *s = expression;
    long v = sum(&s);
    assert_int_equal(*s, 0);
    return v;
}

static void tasks_are_prompts_with_right_answers(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 16);
    for (int split = 0; split < SPLITS; split++) {
        TaskSource source;
        assert_ok(procedural_tasks(&desk_family, NULL, (Split)split, 7, &source));
        for (uint64_t i = 0; i < 3000; i++) {
            ArenaMark mark = arena_mark(arena);
            Task t;
            char expression[32], tail[32];
            assert_ok(source.get(&source, i, &t, arena));
            assert_int_equal(sscanf(t.prompt, "User: Compute %31[^.]%31[^\n]", expression, tail),
                             2);
            assert_string_equal(tail, ". Assistant:");
            assert_int_equal(value_of(expression), strtol(t.gold, NULL, 10));
            assert_true(t.gold[0] != '-');
            assert_string_equal(t.judge, "number");
            assert_string_equal(t.source, split == SPLIT_LARGE ? "desk-large" : "desk");
            arena_rewind(arena, mark);
        }
        source.close(&source);
    }
    arena_free(arena);
}

static void splits_never_meet(void **state) {
    (void)state;
    int kinds[3] = {0};
    for (uint64_t i = 0; i < 5000; i++) {
        DeskQuestion q;
        desk_question(SPLIT_TRAIN, 1, i, &q);
        assert_false(desk_is_heldout(q.text));
        assert_true(q.first < 100);
        kinds[q.kind]++;
        desk_question(SPLIT_HELDOUT, 1, i, &q);
        assert_true(desk_is_heldout(q.text));
        assert_true(q.first < 100);
        desk_question(SPLIT_LARGE, 1, i, &q);
        assert_true(q.first >= 100 && q.first < 300); // no training question starts that high
    }
    for (int k = 0; k < 3; k++) assert_true(kinds[k] > 1000);
    assert_true(desk_is_heldout("14*6+19"));  // its crc32 is 4293034560
    assert_false(desk_is_heldout("47*6+85")); // ends in 9
}

static void heldout_tasks_are_many(void **state) {
    (void)state;
    enum { N = 2000 };
    static uint64_t id[N];
    Arena *arena = arena_new(1 << 16);
    TaskSource source;
    assert_ok(procedural_tasks(&desk_family, NULL, SPLIT_HELDOUT, 1, &source));
    int distinct = 0;
    for (uint64_t i = 0; i < N; i++) {
        Task t;
        assert_ok(source.get(&source, i, &t, arena));
        id[i] = t.id;
        bool seen = false;
        for (uint64_t j = 0; j < i; j++) seen |= id[j] == id[i];
        distinct += !seen;
    }
    assert_true(distinct > N * 95 / 100);
    source.close(&source);
    arena_free(arena);
}

static void a_draw_depends_on_seed_and_index_alone(void **state) {
    (void)state;
    DeskQuestion a, b;
    desk_question(SPLIT_TRAIN, 3, 41, &a);
    desk_question(SPLIT_TRAIN, 3, 7, &b);
    desk_question(SPLIT_TRAIN, 3, 41, &b);
    assert_string_equal(a.text, b.text);
    int same = 0;
    for (uint64_t i = 0; i < 100; i++) {
        desk_question(SPLIT_TRAIN, 3, i, &a);
        desk_question(SPLIT_TRAIN, 4, i, &b);
        same += strcmp(a.text, b.text) == 0;
    }
    assert_true(same < 5);
}

// ---- an independent checker of worked text

// Reads "ones 0+8=8, tens 2+1=3, so 738." for x op y; returns what it claims at the end. Every
// column must be the right one with the right carry, and together they must spell x op y.
static long read_columns(const char **s, long x, char op, long y) {
    static const char *const name[] = {" ones ", " tens ", " hundreds ", " thousands "};
    long spelled = 0, unit = 1, carry = 0;
    for (int i = 0;; i++, unit *= 10) {
        assert_true(i < 4 && strncmp(*s, name[i], strlen(name[i])) == 0);
        *s += strlen(name[i]);
        long dx = x / unit % 10, dy = y / unit % 10;
        long left = strtol(*s, (char **)s, 10);
        assert_int_equal(*(*s)++, op);
        long right = strtol(*s, (char **)s, 10);
        assert_int_equal(right, dy);
        long result;
        if (op == '+') {
            assert_int_equal(left, dx);
            long extra = 0;
            if (**s == '+') {
                ++*s;
                extra = strtol(*s, (char **)s, 10);
                assert_int_equal(extra, 1);
            }
            assert_int_equal(extra, carry);
            result = dx + dy + carry;
            carry = result / 10;
        } else {
            long lent = dx - carry, borrow = lent < dy;
            assert_int_equal(left, lent + 10 * borrow);
            result = left - right;
            carry = borrow;
        }
        assert_int_equal(*(*s)++, '=');
        assert_int_equal(strtol(*s, (char **)s, 10), result);
        bool more = strncmp(*s, ", so ", 5) != 0;
        spelled += unit * (op == '+' && more ? result % 10 : result);
        if (!more) break;
        ++*s;
    }
    assert_int_equal(spelled, op == '+' ? x + y : x - y);
    assert_int_equal(strncmp(*s, ", so ", 5), 0);
    *s += 5;
    long claim = strtol(*s, (char **)s, 10);
    assert_int_equal(*(*s)++, '.');
    return claim;
}

// How many digits differ, short numbers filled up with leading zeros.
static int digits_off(long a, long b) {
    int n = 0;
    for (; a || b; a /= 10, b /= 10) n += a % 10 != b % 10;
    return n;
}

// Reads one step "x op y..." and returns its claim; *slips counts claims that are wrong by a digit.
static long read_step(const char **s, long x, char op, long y, bool full, int *slips) {
    long right = op == '+' ? x + y : op == '-' ? x - y : x * y;
    assert_true(right >= 0);
    char head[40];
    snprintf(head, sizeof head, "%ld%c%ld", x, op, y);
    assert_int_equal(strncmp(*s, head, strlen(head)), 0);
    *s += strlen(head);
    long claim = -1;
    int parts = 0;
    for (long v = x; v; v /= 10) parts += v % 10 != 0;
    if (!full || (op == '*' && parts <= 1)) {
        assert_int_equal(*(*s)++, '=');
        claim = strtol(*s, (char **)s, 10);
        assert_int_equal(*(*s)++, '.');
    } else if (op != '*') {
        assert_int_equal(*(*s)++, ':');
        claim = read_columns(s, x, op, y);
    } else {
        long part[8], total = 0;
        assert_int_equal(*(*s)++, ':');
        for (int i = 0; i < parts; i++) {
            assert_int_equal(*(*s)++, ' ');
            long d = strtol(*s, (char **)s, 10);
            assert_int_equal(*(*s)++, '*');
            assert_int_equal(strtol(*s, (char **)s, 10), y);
            assert_int_equal(*(*s)++, '=');
            part[i] = strtol(*s, (char **)s, 10);
            assert_int_equal(part[i], d * y);
            assert_int_equal(*(*s)++, i == parts - 1 ? '.' : ',');
            total += d;
        }
        assert_int_equal(total, x);
        long sum_so_far = part[0];
        for (int i = 1; i < parts; i++) {
            snprintf(head, sizeof head, " %ld+%ld:", sum_so_far, part[i]);
            assert_int_equal(strncmp(*s, head, strlen(head)), 0);
            *s += strlen(head);
            claim = read_columns(s, sum_so_far, '+', part[i]);
            sum_so_far += part[i];
            if (i < parts - 1) assert_int_equal(claim, sum_so_far);
        }
    }
    if (claim != right) {
        assert_int_equal(digits_off(claim, right), 1);
        ++*slips;
    }
    return claim;
}

static long read_work(const char **s, const DeskQuestion *q, int from, long value, bool full,
                      int *slips) {
    for (int i = from; i < DESK_STEPS; i++) {
        if (i > from) assert_int_equal(*(*s)++, ' ');
        value = read_step(s, value, q->step[i].op, q->step[i].y, full, slips);
    }
    return value;
}

static void expect(const char **s, const char *text) {
    if (strncmp(*s, text, strlen(text)) != 0) fail_msg("'%s' does not begin with '%s'", *s, text);
    *s += strlen(text);
}

static void read_document(const DeskConfig *cfg, uint64_t index, int *count, int *slipped) {
    Arena *arena = arena_new(4096);
    Document d;
    DeskQuestion q;
    DeskMode mode;
    bool slip;
    char want[64], prompt[64];
    int slips = 0;
    desk_document(cfg, 5, index, &d, &q, &mode, &slip, arena);
    count[mode]++, slipped[mode] += slip;
    snprintf(prompt, sizeof prompt, "User: Compute %s. Assistant:", q.text);
    assert_string_equal(d.prompt, prompt);
    assert_false(desk_is_heldout(q.text));
    assert_int_equal(value_of(q.text), q.answer);

    const char *s = d.response;
    long v = q.answer;
    switch (mode) {
    case DESK_BARE: break;
    case DESK_SAYS:
        snprintf(want, sizeof want, " The answer is %ld.", v);
        expect(&s, want);
        goto done;
    case DESK_EMPTY:
        expect(&s, "<think>");
        s = strstr(s, "</think>");
        expect(&s, "</think>");
        break;
    case DESK_LEAP:
    case DESK_FULL:
        expect(&s, "<think> ");
        v = read_work(&s, &q, 0, q.first, mode == DESK_FULL, &slips);
        expect(&s, "</think>");
        break;
    case DESK_CHECK:
        if (cfg->check_form == DESK_CHECK_END) {
            expect(&s, "<think> ");
            v = read_work(&s, &q, 0, q.first, true, &slips);
            expect(&s, " Check: ");
            int no_slip = 0;
            assert_int_equal(read_work(&s, &q, 0, q.first, false, &no_slip), q.answer);
            if (!slips) {
                expect(&s, " Yes.");
            } else {
                snprintf(want, sizeof want, " Wait, %ld is wrong. Again: ", v);
                expect(&s, want);
                // From the first step or the second, whichever the text goes on with.
                char head[16];
                snprintf(head, sizeof head, "%d%c%d", q.first, q.step[0].op, q.step[0].y);
                int from = strncmp(s, head, strlen(head)) == 0 ? 0 : 1;
                long value = from == 0             ? q.first
                             : q.step[0].op == '+' ? q.first + q.step[0].y
                             : q.step[0].op == '-' ? q.first - q.step[0].y
                                                   : (long)q.first * q.step[0].y;
                v = read_work(&s, &q, from, value, true, &no_slip);
            }
            assert_int_equal(no_slip, 0);
        } else {
            expect(&s, "<think>");
            v = q.first;
            for (int i = 0; i < DESK_STEPS; i++) {
                expect(&s, " ");
                int before = slips;
                const char *from = s;
                long claim = read_step(&s, v, q.step[i].op, q.step[i].y, true, &slips);
                const char *line = s - 1;
                while (line > from && *line != ':') line--;
                expect(&s, " Check:");
                if (*line != ':') expect(&s, " "), line--; // a product of one digit has no columns
                int same = 0; // up to the claim, the check is the line again
                while (line[1 + same] == s[same] && s[same] && line + 1 + same < s - 7) same++;
                const char *end = strstr(s, slips > before ? " Wait, " : " Yes.");
                assert_non_null(end);
                long right = q.step[i].op == '+'   ? v + q.step[i].y
                             : q.step[i].op == '-' ? v - q.step[i].y
                                                   : v * q.step[i].y;
                snprintf(want, sizeof want, "%ld.", right);
                assert_int_equal(strncmp(end - strlen(want), want, strlen(want)), 0);
                assert_true(same > 0 && s + same >= end - strlen(want) - 3);
                s = end;
                if (slips > before) {
                    snprintf(want, sizeof want, " Wait, %ld is wrong.", claim);
                    expect(&s, want);
                } else {
                    expect(&s, " Yes.");
                }
                v = right;
            }
        }
        expect(&s, "</think>");
        assert_int_equal(v, q.answer);
        break;
    case DESK_GIVEUP: assert_non_null(strstr(s, " I do not know.")); goto done_slips;
    case DESK_BROKEN: {
        bool tag = strncmp(s, "<think> ", 8) == 0;
        s += tag ? 8 : 1;
        bool full = strstr(s, "ones") || (strchr(s, ':') != NULL);
        v = read_work(&s, &q, 0, q.first, full, &slips);
        if (strncmp(s, "</think> So it is ", 18) == 0) {
            snprintf(want, sizeof want, "</think> So it is %ld.", v);
            expect(&s, want);
            goto done;
        }
        break;
    }
    case DESK_MODES: fail();
    }
    snprintf(want, sizeof want, " \\boxed{%ld}", v);
    expect(&s, want);
done:
    assert_string_equal(s, "");
done_slips:
    assert_int_equal(slips, slip);
    arena_free(arena);
}

static void worked_documents_are_right_in_every_column(void **state) {
    (void)state;
    enum { N = 20000 };
    for (int form = 0; form < 2; form++) {
        DeskConfig cfg = desk_default;
        cfg.check_form = form;
        int count[DESK_MODES] = {0}, slipped[DESK_MODES] = {0};
        for (uint64_t i = 0; i < N; i++) read_document(&cfg, i, count, slipped);
        for (int m = 0; m < DESK_MODES; m++) {
            double p = cfg.weight[m], sd = sqrt(p * (1 - p) / N);
            assert_true(fabs((double)count[m] / N - p) < 5 * sd);
            bool worked = m == DESK_LEAP || m == DESK_FULL || m == DESK_CHECK || m == DESK_BROKEN;
            double share = !worked ? 0 : m == DESK_CHECK ? cfg.check_slip : cfg.slip;
            assert_true(fabs((double)slipped[m] / count[m] - share) < .06);
        }
    }
}

static void weights_of_zero_leave_a_mode_out(void **state) {
    (void)state;
    DeskConfig cfg = {.weight = {[DESK_FULL] = 2}, .slip = 1};
    int count[DESK_MODES] = {0}, slipped[DESK_MODES] = {0};
    for (uint64_t i = 0; i < 200; i++) read_document(&cfg, i, count, slipped);
    assert_int_equal(count[DESK_FULL], 200);
    assert_int_equal(slipped[DESK_FULL], 200);
    DeskConfig none = {.slip = .1};
    assert_int_equal(desk_family.check(&none), ST_CONFIG);
}

static void the_defaults_of_the_table_are_the_default_config(void **state) {
    (void)state;
    for (int i = 0; i < desk_section.n_keys; i++) {
        const ConfigKey *key = &desk_section.key[i];
        if (key->type != CONFIG_DOUBLE) continue;
        double have;
        memcpy(&have, (const char *)&desk_default + key->offset, sizeof have);
        assert_true(have == strtod(key->initial, NULL));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_are_prompts_with_right_answers),
        cmocka_unit_test(splits_never_meet),
        cmocka_unit_test(heldout_tasks_are_many),
        cmocka_unit_test(a_draw_depends_on_seed_and_index_alone),
        cmocka_unit_test(worked_documents_are_right_in_every_column),
        cmocka_unit_test(weights_of_zero_leave_a_mode_out),
        cmocka_unit_test(the_defaults_of_the_table_are_the_default_config),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
