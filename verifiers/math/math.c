// verifiers/math/math.c -- the judge: which texts, which readings, what verdict.
#include "verifiers/math/math.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "verifiers/boxed.h"
#include "verifiers/designator.h"
#include "verifiers/folding.h"
#include "verifiers/math/ball.h"
#include "verifiers/math/equal.h"
#include "verifiers/math/matrix.h"
#include "verifiers/math/prose.h"
#include "verifiers/math/tree/limits.h"
#include "verifiers/math/tree/reader.h"
#include "verifiers/math/tree/wording.h"

enum { ARENA_BLOCK = 24 * 1024, EXPLAIN_BYTES = 4000, MAX_JOINED = 16 };

// One pair of texts, each in the readings it has.
typedef struct Pair {
    Work w;
    Slice gold, answer;
    Expr *gold_tree, *answer_tree;
} Pair;

static MathResult result(Verdict verdict, MathLayer layer, const char *reason) {
    return (MathResult){.verdict = verdict, .layer = layer, .reason = reason};
}

static MathResult right(const Work *w, MathLayer layer) {
    if (w->sampled && layer >= MATH_NUMERIC)
        return result(VERDICT_RIGHT, layer, "equal at the points that were sampled");
    switch (layer) {
    case MATH_UNREAD:
    case MATH_TEXT: return result(VERDICT_RIGHT, MATH_TEXT, "same text");
    case MATH_RATIONAL: return result(VERDICT_RIGHT, layer, "equal rationals");
    case MATH_IDENTITY: return result(VERDICT_RIGHT, layer, "the same rational function");
    case MATH_NUMERIC: return result(VERDICT_RIGHT, layer, "equal within the proven error");
    case MATH_STRUCTURE: return result(VERDICT_RIGHT, layer, "equal part by part");
    }
    return result(VERDICT_RIGHT, layer, "equal");
}

static bool is_other_script(Slice s) { // "D.", then words that are no factors
    return s.size && (*s.data & 0x80);
}

// (A), A. and "(A) 5" name the same choice; a letter with its content agrees with the letter alone.
static bool same_choice(Work *w, Slice gold, Slice answer) {
    Slice rest_gold, rest_answer;
    Slice a = words_normal(w, gold), b = words_normal(w, answer);
    char x = choice_letter(a, &rest_gold), y = choice_letter(b, &rest_answer);
    if (!x || x != y || (rest_gold.size && rest_answer.size)) return false;
    Slice raw = rest_gold.size ? gold : answer;
    size_t letter = 0; // of the choice
    while (letter < raw.size && (raw.data[letter] < 'A' || raw.data[letter] > 'J')) letter++;
    if ((rest_gold.size || rest_answer.size) && letter + 2 < raw.size &&
        designator_hedged((Slice){raw.data + letter + 2, raw.size - letter - 2}))
        return false; // "(B) two (C) three"
    if (w->rules->choice_bare && (rest_gold.size || rest_answer.size)) return false;
    // "(A)5" without a blank may be a product
    Slice with = rest_gold.size ? gold : answer;
    return (!rest_gold.size && !rest_answer.size) || memchr(with.data, ' ', with.size) ||
           memchr(with.data, '~', with.size) || memchr(with.data, ':', with.size) ||
           memmem(with.data, with.size, "\\quad", 5) || is_other_script(rest_gold) ||
           is_other_script(rest_answer);
}

// "March 5, 2021" in \text{} or not. A letter that stands alone or in pairs may be a name: its case
// counts.
static bool same_sentence(Pair *p) {
    Work *w = &p->w;
    Slice gold = p->gold, answer = p->answer;
    bool letters = p->gold_tree->kind == EX_PRODUCT || p->answer_tree->kind == EX_PRODUCT;
    Slice a = words_sentence(w, gold), b = a.data ? words_sentence(w, answer) : a;
    if (!a.data || a.size != b.size) return false;
    for (size_t i = 0; i < a.size;) {
        size_t run = 0;
        while (i + run < a.size && isalpha((unsigned char)a.data[i + run])) run++;
        size_t n = run ? run : 1;
        bool exact = run < 3 || letters || w->rules->case_matters;
        int order =
            exact ? memcmp(a.data + i, b.data + i, n) : strncasecmp(a.data + i, b.data + i, n);
        if (order != 0) return false;
        i += n;
    }
    return true;
}

static bool within_tolerance(Work *w, const Expr *gold, const Expr *answer, const char *tolerance) {
    if (!expr_is_scalar(gold) || !expr_is_scalar(answer)) return false;
    bool grouped;
    const Expr *bar = reader_read(w, slice_of(tolerance), true, &grouped);
    mpq_t q;
    mpq_init(q);
    bool near =
        bar && rational_value(w, bar, NULL, q) == VALUE_OK && ball_near(w, gold, answer, 0, q);
    mpq_clear(q);
    return near;
}

// Tools that take 6/8 for another answer than 3/4: numbers must be written alike.
static bool written_alike(Work *w, const Expr *a, const Expr *b) {
    if (!w->rules->fractions_reduced || expr_same(a, b)) return true;
    mpq_t q;
    mpq_init(q);
    bool numbers = expr_is_scalar(a) && expr_is_scalar(b) &&
                   rational_value(w, a, NULL, q) == VALUE_OK &&
                   rational_value(w, b, NULL, q) == VALUE_OK;
    mpq_clear(q);
    bool percent = a->kind == EX_PERCENT || b->kind == EX_PERCENT;
    return !numbers || percent;
}

static const Expr *bare_number(const Expr *e) {
    while (e->kind == EX_UNIT || e->kind == EX_PERCENT || e->kind == EX_DEGREE) e = e->first;
    return e;
}

// Qwen's grader tries a number also as a percentage of what was meant, and of which it is one.
static bool hundredfold(Work *w, const Expr *a, const Expr *b) {
    mpq_t x, y, hundred;
    mpq_init(x);
    mpq_init(y);
    mpq_init(hundred);
    mpq_set_ui(hundred, 100, 1);
    bool same = w->rules->percent_by_number &&
                rational_value(w, bare_number(a), NULL, x) == VALUE_OK &&
                rational_value(w, bare_number(b), NULL, y) == VALUE_OK;
    if (same) {
        bool up = mpq_cmp(x, y) < 0;
        mpq_mul(up ? x : y, up ? x : y, hundred);
        same = mpq_equal(x, y);
    }
    mpq_clear(x);
    mpq_clear(y);
    mpq_clear(hundred);
    return same;
}

// Tools that ask for an interval where the gold is one, but take one for an inequality.
static bool wants_interval(const Work *w, const Expr *gold, const Expr *answer) {
    return w->rules->interval_wants_one && gold->kind != EX_RELATION &&
           answer->kind == EX_RELATION &&
           (gold->kind == EX_INTERVAL || gold->kind == EX_UNION || gold->kind == EX_SET);
}

static bool same_trees(Work *w, const Expr *gold, const Expr *answer, const MathOptions *options,
                       MathLayer *layer) {
    *layer = MATH_UNREAD;
    w->why = NULL;
    if (equal_answers(w, gold, answer, layer))
        return written_alike(w, gold, answer) && !wants_interval(w, gold, answer);
    if (hundredfold(w, gold, answer)) return true;
    if (options && options->tolerance && !w->over &&
        within_tolerance(w, gold, answer, options->tolerance)) {
        *layer = MATH_NUMERIC;
        return true;
    }
    return false;
}

// The same bytes, but for how much white space there is.
static bool same_spelling(Slice a, Slice b) {
    size_t i = 0, j = 0;
    while (i < a.size && j < b.size) {
        bool x = isspace((unsigned char)a.data[i]), y = isspace((unsigned char)b.data[j]);
        if (x != y || (!x && a.data[i] != b.data[j])) return false;
        if (!x) {
            i++, j++;
            continue;
        }
        while (i < a.size && isspace((unsigned char)a.data[i])) i++;
        while (j < b.size && isspace((unsigned char)b.data[j])) j++;
    }
    return i == a.size && j == b.size;
}

// The string normal form of MATH's first grader: units, percent, degree and dollar signs and a
// short left side are gone.
static Slice string_normal(Work *w, Slice text) {
    static const char *const drop[] = {"\\%",       "%",   "\\$",    "^\\circ",
                                       "^{\\circ}", "\\!", "\\left", "\\right"};
    const char *unit = memmem(text.data, text.size, "\\text{ ", 7);
    if (unit && unit > text.data) text.size = (size_t)(unit - text.data);
    const char *equals = memchr(text.data, '=', text.size);
    if (equals && slice_trim((Slice){text.data, (size_t)(equals - text.data)}).size <= 2)
        text = (Slice){equals + 1, (size_t)(text.data + text.size - equals - 1)};
    char *out = ARENA_ARRAY(w->arena, char, text.size + 1);
    size_t n = 0;
    for (size_t i = 0; i < text.size;) {
        size_t taken = 0;
        for (size_t k = 0; !taken && k < sizeof drop / sizeof *drop; k++)
            if (text.size - i >= strlen(drop[k]) &&
                memcmp(text.data + i, drop[k], strlen(drop[k])) == 0)
                taken = strlen(drop[k]);
        bool frac = text.size - i > 6 && (memcmp(text.data + i, "\\dfrac", 6) == 0 ||
                                          memcmp(text.data + i, "\\tfrac", 6) == 0);
        if (frac) out[n++] = '\\', taken = 2;
        if (!taken) out[n++] = text.data[i], taken = 1;
        i += taken;
    }
    return words_normal(w, (Slice){out, n});
}

static bool read_both(Pair *p, bool group, bool *grouped) {
    bool in_gold, in_answer;
    p->gold_tree = reader_read(&p->w, p->gold, group, &in_gold);
    p->gold_tree = matrix_determinants(&p->w, p->gold_tree);
    if (!p->gold_tree) return false;
    p->answer_tree = reader_read(&p->w, p->answer, group, &in_answer);
    p->answer_tree = matrix_determinants(&p->w, p->answer_tree);
    *grouped = in_gold || in_answer;
    return p->answer_tree != NULL;
}

static MathResult decide(Pair *p, const MathOptions *options) {
    Work *w = &p->w;
    MathLayer layer;
    bool grouped;
    if (!p->gold.size) return result(VERDICT_ERROR, MATH_UNREAD, "the gold answer is empty");
    if (p->gold.size == p->answer.size && memcmp(p->gold.data, p->answer.data, p->gold.size) == 0)
        return right(&p->w, MATH_TEXT);
    if (p->gold.size > MATH_MAX_BYTES)
        return result(VERDICT_ERROR, MATH_UNREAD, "the gold answer is too long");
    if (!p->answer.size) {
        p->answer_tree = NULL;
        p->gold_tree = reader_read(w, p->gold, true, &grouped);
        return p->gold_tree ? result(VERDICT_WRONG, MATH_UNREAD, "the answer is empty")
                            : result(VERDICT_ERROR, MATH_UNREAD, "the gold answer cannot be read");
    }
    if (w->rules->strings_only) {
        if (p->answer.size > MATH_MAX_BYTES) return result(VERDICT_WRONG, MATH_TEXT, "too long");
        Slice a = string_normal(w, p->gold), b = string_normal(w, p->answer);
        return words_equal(a, b, w->rules->case_matters)
                   ? right(w, MATH_TEXT)
                   : result(VERDICT_WRONG, MATH_TEXT, "different texts");
    }
    bool read = read_both(p, true, &grouped);
    if (!p->gold_tree) { // only a copy of it can be right
        const char *over = w->over;
        w->over = NULL;
        if (same_spelling(p->gold, p->answer)) return right(&p->w, MATH_TEXT);
        return result(VERDICT_ERROR, MATH_UNREAD, over ? over : "the gold answer cannot be read");
    }
    if (!read)
        return result(VERDICT_WRONG, MATH_UNREAD, w->over ? w->over : "the answer cannot be read");
    if (same_trees(w, p->gold_tree, p->answer_tree, options, &layer)) return right(&p->w, layer);
    bool large = w->over || w->too_large;
    if (large && scalar_too_large(w, p->gold_tree) && !scalar_too_large(w, p->answer_tree))
        return result(VERDICT_ERROR, layer, "the gold answer is over budget");
    const char *why = w->over        ? w->over
                      : w->too_large ? "too large to evaluate"
                      : w->why       ? w->why
                                     : "different answers";
    MathResult wrong = result(VERDICT_WRONG, layer, why);
    if (same_choice(w, p->gold, p->answer)) return right(&p->w, MATH_STRUCTURE);
    if (same_sentence(p)) return right(&p->w, MATH_TEXT);
    if (grouped && !w->over) { // 100,200 may be two numbers: read both that way
        Expr *gold = p->gold_tree, *answer = p->answer_tree;
        if (read_both(p, false, &grouped) &&
            same_trees(w, p->gold_tree, p->answer_tree, options, &layer))
            return right(&p->w, layer);
        p->gold_tree = gold, p->answer_tree = answer;
    }
    return wrong;
}

// One character for all that look like it: full-width digits, the many minus signs.
static Slice folded(Work *w, Slice text) {
    if (text.size > MATH_MAX_BYTES || !folding_needed(text)) return text;
    char *out = ARENA_ARRAY(w->arena, char, text.size);
    return slice_trim((Slice){out, folding_into(text, out)});
}

static bool begin(Pair *p, Slice gold, Slice answer, const MathOptions *options) {
    const MathRules *rules = rules_find(options ? options->policy : NULL);
    if (!rules) return false;
    *p = (Pair){0};
    p->w = (Work){.arena = arena_new(ARENA_BLOCK),
                  .steps = MATH_MAX_STEPS,
                  .more_steps = MATH_MORE_STEPS,
                  .rules = rules,
                  .seed = 0x6D617468};
    p->gold = folded(&p->w, slice_trim(gold));
    p->answer = folded(&p->w, slice_trim(answer));
    return true;
}

MathResult math_compare(const char *gold, size_t gold_size, const char *answer, size_t answer_size,
                        const MathOptions *options) {
    Pair p;
    if (!begin(&p, (Slice){gold, gold_size}, (Slice){answer, answer_size}, options))
        return result(VERDICT_ERROR, MATH_UNREAD, "no such policy");
    MathResult got = decide(&p, options);
    arena_free(p.w.arena);
    return got;
}

static void write_tree(const char *name, const Expr *tree, Str *out) {
    Str line = {0};
    expr_write(tree, EXPLAIN_BYTES, &line);
    str_printf(out, "%s %s\n", name, str_text(&line));
    str_free(&line);
}

static void explain(Slice gold, Slice answer, const MathOptions *options, Str *out) {
    Pair p;
    if (!begin(&p, gold, answer, options)) {
        str_puts(out, "no such policy\n");
        return;
    }
    MathResult got = decide(&p, options);
    bool grouped;
    if (!p.gold_tree && !p.w.over) read_both(&p, true, &grouped);
    write_tree("gold  ", p.gold_tree, out);
    write_tree("answer", p.answer_tree, out);
    str_printf(out, "%s, decided by the layer \"%s\": %s\n", verdict_name(got.verdict),
               math_layer_name(got.layer), got.reason);
    arena_free(p.w.arena);
}

const char *math_explain(const char *gold, size_t gold_size, const char *answer, size_t answer_size,
                         const MathOptions *options, Arena *arena) {
    Str text = {0};
    explain((Slice){gold, gold_size}, (Slice){answer, answer_size}, options, &text);
    const char *copy = arena_printf(arena, "%s", str_text(&text));
    str_free(&text);
    return copy;
}

static Slice gold_answer(const char *gold) {
    Slice all = {gold, strlen(gold)}, box = boxed_last(all);
    if (box.data) return box;
    const char *hash = slice_last(all, "####");
    return hash ? (Slice){hash + 4, (size_t)(all.data + all.size - hash - 4)} : all;
}

// "\boxed{1}, \boxed{2}" as the list 1, 2: asked only where the last box alone is not right.
// malloc'd.
static Slice joined_boxes(Slice text) {
    Slice box[MAX_JOINED];
    bool unsure;
    int n = boxed_run(text, box, MAX_JOINED, &unsure);
    size_t size = 0;
    if (n > MAX_JOINED) return (Slice){NULL, 0};
    for (int i = 0; i < n; i++) size += box[i].size + 2;
    if (n < 2 || size > MATH_MAX_BYTES) return (Slice){NULL, 0};
    char *out = malloc(size), *p = out;
    CHECK(out != NULL);
    for (int i = 0; i < n; i++) {
        memcpy(p, box[i].data, box[i].size);
        p += box[i].size;
        if (i + 1 < n) *p++ = ',', *p++ = ' ';
    }
    return (Slice){out, (size_t)(p - out)};
}

// "\boxed{1} or \boxed{2}" says two things: right only if each of the boxes is, or all as a list.
static bool is_hedge(const JudgeInput *in, Slice gold, const MathOptions *options) {
    if (in->extract && strcmp(in->extract, "boxed") != 0 && strcmp(in->extract, "answer") != 0)
        return false;
    // Most responses have one box; "box" is in each of them.
    const char *first = memmem(in->text, in->size, "box", 3), *end = in->text + in->size;
    if (!first || !memmem(first + 3, (size_t)(end - first - 3), "box", 3)) return false;
    Slice box[MAX_JOINED], text = boxed_scope(in);
    enum { MAX_EACH = 3 }; // looked at one by one: a comparison each
    bool unsure;
    int n = boxed_run(text, box, MAX_JOINED, &unsure);
    if (n < 2 || !unsure) return false;
    if (n > MAX_JOINED) return true;
    bool each = n <= MAX_EACH;
    for (int i = 0; each && i + 1 < n; i++) {
        Slice one = boxed_unmarked(box[i]);
        each = math_compare(gold.data, gold.size, one.data, one.size, options).verdict ==
               VERDICT_RIGHT;
    }
    if (each) return false;
    Slice list = joined_boxes(text);
    bool right =
        list.data &&
        math_compare(gold.data, gold.size, list.data, list.size, options).verdict == VERDICT_RIGHT;
    free((char *)list.data);
    return !right;
}

// The other readings of an answer that is not right as written.
static bool right_otherwise(const JudgeInput *in, Slice gold, Slice answer,
                            const MathOptions *options, MathResult *got) {
    bool bare = in->extract && strcmp(in->extract, "bare") == 0;
    MathResult again = *got;
    if (answer.size > MATH_MAX_BYTES) return false;
    if (bare) {
        Slice formula = prose_formula(answer);
        if (formula.data)
            again = math_compare(gold.data, gold.size, formula.data, formula.size, options);
    } else if (!in->extract || strcmp(in->extract, "boxed") == 0) {
        Slice list = joined_boxes(boxed_after_think(in->text, in->size, in->prefilled));
        Slice whole_gold = {in->gold, strlen(in->gold)}, gold_list = joined_boxes(whole_gold);
        if (gold_list.data) gold = gold_list;
        if (list.data || gold_list.data) {
            if (list.data) answer = list;
            again = math_compare(gold.data, gold.size, answer.data, answer.size, options);
        }
        free((char *)list.data);
        free((char *)gold_list.data);
    }
    if (again.verdict != VERDICT_RIGHT) return false;
    *got = again;
    return true;
}

Judgement math_judge_with(const JudgeInput *in, const MathOptions *options, MathResult *out) {
    Judgement j = {.verdict = VERDICT_ERROR};
    MathResult got = result(VERDICT_ERROR, MATH_UNREAD, "no gold");
    const char *missing = NULL;
    if (in->gold && !boxed_extract_known(in->extract)) {
        got.reason = "unknown way to extract";
    } else if (in->gold) {
        Slice gold = gold_answer(in->gold), answer = boxed_answer(in, &missing);
        if (answer.data && !in->finished) answer = (Slice){NULL, 0}, missing = "cut off";
        // A gold that cannot be read is an error whatever the response says.
        Slice text = answer.data ? answer : (Slice){"", 0};
        got = math_compare(gold.data, gold.size, text.data, text.size, options);
        if (!answer.data && got.verdict != VERDICT_ERROR)
            got = result(VERDICT_WRONG, MATH_UNREAD, missing);
        if (answer.data && got.verdict == VERDICT_WRONG)
            right_otherwise(in, gold, answer, options, &got);
        else if (answer.data && got.verdict == VERDICT_RIGHT && is_hedge(in, gold, options))
            got = result(VERDICT_WRONG, MATH_STRUCTURE, "several boxes that say different things");
        j.answer = answer.data;
        j.answer_size = answer.size;
    }
    j.verdict = got.verdict;
    j.score = got.verdict == VERDICT_RIGHT;
    j.reason = got.reason;
    if (out) *out = got;
    return j;
}

bool math_gold_readable(const char *gold, const MathOptions *options, const char **reason) {
    Pair p;
    *reason = "no such policy";
    if (!begin(&p, gold_answer(gold), (Slice){"", 0}, options)) return false;
    MathResult got = decide(&p, options);
    arena_free(p.w.arena);
    *reason = got.reason;
    return got.verdict != VERDICT_ERROR;
}

Judgement math_judge(const JudgeInput *in) {
    MathOptions options = {.policy = in->policy};
    return math_judge_with(in, &options, NULL);
}

const char *math_layer_name(MathLayer layer) {
    switch (layer) {
    case MATH_UNREAD: return "unread";
    case MATH_TEXT: return "text";
    case MATH_RATIONAL: return "rational";
    case MATH_IDENTITY: return "identity";
    case MATH_NUMERIC: return "numeric";
    case MATH_STRUCTURE: return "structure";
    }
    return "?";
}

bool math_policy_known(const char *policy) {
    return rules_find(policy) != NULL;
}

const char *math_policy_names(void) {
    return rules_names();
}
