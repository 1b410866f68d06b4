// verifiers/choice.c -- peels what surrounds a letter, then looks at letter and text.
#include "verifiers/choice.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "verifiers/designator.h"
#include "verifiers/folding.h"
#include "verifiers/game_answer.h"

enum { N_LETTERS = 26 };

// ---- a plain text

typedef struct PlainText {
    char text[CHOICE_MAX_BYTES + 1];
    size_t n;
} PlainText;

// The length of a command of LaTeX at p that only dresses; *blank: it leaves a blank behind.
static size_t dress_at(const char *p, const char *end, bool *blank) {
    static const char *const dress[] = {
        "text",      "textbf",       "textit", "textrm", "textsf",       "textnormal", "texttt",
        "mathrm",    "mathbf",       "mathit", "mathsf", "mbox",         "hbox",       "boldsymbol",
        "bm",        "pmb",          "left",   "right",  "displaystyle", "rm",         "bf",
        "underline", "operatorname", "emph",   "boxed",  "fbox",         "mathtt",     "textup",
        "large",     "Large",        "bold"};
    static const char *const blanks[] = {"quad", "qquad", "enspace", "space", "thinspace"};
    const char *q = p + 1;
    while (q < end && isalpha((unsigned char)*q)) q++;
    size_t n = (size_t)(q - p - 1);
    *blank = false;
    if (!n) {
        *blank = true;
        return q < end && strchr(",;:! >()[]\n", *q) ? 2 : 0;
    }
    for (size_t i = 0; i < sizeof dress / sizeof *dress; i++)
        if (strlen(dress[i]) == n && memcmp(dress[i], p + 1, n) == 0) return n + 1;
    for (size_t i = 0; i < sizeof blanks / sizeof *blanks; i++)
        if (strlen(blanks[i]) == n && memcmp(blanks[i], p + 1, n) == 0) return *blank = true, n + 1;
    return 0;
}

// Without commands of fonts and sizes, braces, dollar signs, Markdown; one blank where there are
// some; full-width signs as plain ones, dashes as " - ".
static Slice plain_text(Slice s, PlainText *out) {
    char *room;
    s = folding_text(s, CHOICE_MAX_BYTES, &room);
    out->n = 0;
    bool blank = false;
    for (const char *p = s.data, *end = p + s.size; p < end && out->n + 3 < sizeof out->text;) {
        bool leaves;
        size_t n = *p == '\\' ? dress_at(p, end, &leaves) : 0;
        if (n) {
            blank |= leaves;
            p += n;
            continue;
        }
        bool dash =
            end - p >= 3 && memcmp(p, "\xE2\x80", 2) == 0 && (p[2] == '\x93' || p[2] == '\x94');
        bool marks = end - p > 1 && (memcmp(p, "**", 2) == 0 || memcmp(p, "__", 2) == 0);
        bool set = *p == '\\' && end - p > 1 && (p[1] == '{' || p[1] == '}'); // \{B\}
        if (isspace((unsigned char)*p) || *p == '~') {
            blank = true, p++;
        } else if (set) {
            p += 2;
        } else if (*p == '{' || *p == '}' || *p == '$' || *p == '`' || *p == '"') {
            p++;
        } else if (marks) {
            p += 2;
        } else {
            if (blank && out->n) out->text[out->n++] = ' ';
            blank = false;
            out->text[out->n++] = dash ? '-' : *p;
            p += dash ? 3 : 1;
        }
    }
    free(room);
    out->text[out->n] = 0;
    return slice_trim((Slice){out->text, out->n});
}

static Slice without(Slice s, size_t front, size_t back) {
    return slice_trim((Slice){s.data + front, s.size - front - back});
}

static bool begins(Slice s, const char *with) {
    size_t n = strlen(with);
    return s.size >= n && strncasecmp(s.data, with, n) == 0;
}

// Takes off one layer of a plain text: (..)  [..]  *..*  "Option .."  a final dot.
static bool peel(Slice *s) {
    static const char *const lead[] = {
        "the final answer is ",
        "the correct answer is ",
        "the correct option is ",
        "the correct choice is ",
        "the right answer is ",
        "the best answer is ",
        "the answer is ",
        "my answer is ",
        "answer is ",
        "the answer:",
        "final answer:",
        "correct answer:",
        "correct option:",
        "best answer:",
        "answer:",
        "ans:",
        "option:",
        "choice:",
        "option ",
        "choice ",
        "answer ",
        "so ",
        "therefore ",
        "thus ",
        "\xE7\xAD\x94\xE6\xA1\x88\xE6\x98\xAF", // 答案是
        "\xE7\xAD\x94\xE6\xA1\x88\xE4\xB8\xBA", // 答案为
        "\xE7\xAD\x94\xE6\xA1\x88:",            // 答案:
        "\xE7\xAD\x94\xE6\xA1\x88",             // 答案
        "\xE6\x95\x85\xE9\x80\x89:",            // 故选:
        "\xE6\x95\x85\xE9\x80\x89",             // 故选
        "\xE9\x80\x89\xE9\xA1\xB9",             // 选项
        "\xE9\x80\x89:",                        // 选:
        "\xE9\x80\x89",                         // 选
    };
    static const char pairs[] = "()[]";
    if (s->size == 0) return false;
    char last = s->data[s->size - 1];
    for (size_t i = 0; i < sizeof lead / sizeof *lead; i++)
        if (begins(*s, lead[i]) && s->size > strlen(lead[i])) {
            *s = without(*s, strlen(lead[i]), 0);
            return true;
        }
    if (s->size > 2 && (last == '*' || last == '\'') && s->data[0] == last) {
        *s = without(*s, 1, 1);
        return true;
    }
    for (const char *p = pairs; *p && s->size > 2; p += 2)
        if (s->data[0] == p[0] && last == p[1] && !memchr(s->data + 1, p[1], s->size - 2)) {
            *s = without(*s, 1, 1);
            return true;
        }
    if (s->size > 1 && (last == '.' || last == ',' || last == ':' || last == ';' ||
                        (last == ')' && s->size == 2))) {
        *s = without(*s, 0, 1);
        return true;
    }
    return false;
}

static const Json *options_of(const JudgeInput *in) {
    const Json *list = json_get(in->task, "options");
    if (!list) list = json_get(in->task, "choices");
    return list && json_kind(list) == JSON_ARRAY ? list : NULL;
}

// Equal but for case, white space and a final dot.
static bool same_text(Slice a, Slice b) {
    while (peel(&a)) {
    }
    while (peel(&b)) {
    }
    size_t i = 0, k = 0;
    for (;;) {
        bool gap_a = false, gap_b = false;
        while (i < a.size && isspace((unsigned char)a.data[i])) i++, gap_a = true;
        while (k < b.size && isspace((unsigned char)b.data[k])) k++, gap_b = true;
        if (i == a.size || k == b.size) return i == a.size && k == b.size;
        if (gap_a != gap_b) return false;
        if (tolower((unsigned char)a.data[i++]) != tolower((unsigned char)b.data[k++]))
            return false;
    }
}

static bool one_of(const char *set, char c) {
    return c && strchr(set, c);
}

static Slice text_of(const Json *option) {
    return slice_trim((Slice){json_text(option, ""), json_text_size(option)});
}

// An option may carry its own letter: "B. Paris", "(B) Paris".
static Slice bare_option(const Json *option, int letter) {
    Slice s = text_of(option);
    size_t bracket = s.size > 2 && s.data[0] == '(';
    if (s.size > 2 + bracket && toupper((unsigned char)s.data[bracket]) == 'A' + letter &&
        one_of(".):", s.data[bracket + 1]))
        return without(s, bracket + 2, 0);
    return s;
}

// The letter whose option this text is, -1 if none or several.
static int by_text(const Json *options, Slice text) {
    int found = -1, letter = 0;
    PlainText bare, all;
    for (const Json *o = json_first(options); o && letter < N_LETTERS; o = json_next(o), letter++) {
        if (!same_text(plain_text(bare_option(o, letter), &bare), text) &&
            !same_text(plain_text(text_of(o), &all), text))
            continue;
        if (found >= 0) return -1;
        found = letter;
    }
    return found;
}

static const Json *option(const Json *options, int letter) {
    const Json *o = json_first(options);
    while (o && letter-- > 0) o = json_next(o);
    return o;
}

// "A, C"  "A and C"  "AC": the set as bits, 0 if it is none of that.
static uint32_t letters(Slice s) {
    uint32_t set = 0;
    for (size_t i = 0; i < s.size;) {
        char c = s.data[i];
        Slice left = {s.data + i, s.size - i};
        if (begins(left, "and ") && i) {
            i += 4;
        } else if (i && (begins(left, "\xE5\x92\x8C") || begins(left, "\xE4\xB8\x8E"))) {
            i += 3; // 和 与
        } else if (isspace((unsigned char)c) || one_of(",;()[]&+", c)) {
            i++;
        } else if (isalpha((unsigned char)c)) {
            bool word = i + 1 < s.size && islower((unsigned char)s.data[i + 1]) &&
                        islower((unsigned char)c);
            uint32_t bit = 1u << (toupper((unsigned char)c) - 'A');
            if (word || (set & bit)) return 0;
            set |= bit;
            i++;
        } else {
            return 0;
        }
    }
    return set;
}

// Letters of a list are all capitals or all small: "A, c" is none, "A and C" is.
static bool is_one_case(Slice s) {
    bool upper = false, lower = false;
    for (size_t i = 0; i < s.size; i++) {
        size_t n = 0;
        while (i + n < s.size && isalpha((unsigned char)s.data[i + n])) n++;
        upper |= n && isupper((unsigned char)s.data[i]);
        lower |= n == 1 && islower((unsigned char)s.data[i]);
        i += n ? n - 1 : 0;
    }
    return !(upper && lower);
}

// "B. two", "(B) two", "B - two", "(B): two": the letter, and *rest = "two"; -1 if it is none of
// that.
static int letter_and_text(Slice s, Slice *rest) {
    bool bracket = s.size > 2 && (*s.data == '(' || *s.data == '[');
    Slice t = without(s, bracket, 0);
    if (t.size < 3 || !isalpha((unsigned char)*t.data)) return -1;
    int letter = toupper((unsigned char)*t.data) - 'A';
    if (!bracket && t.size > 5 && t.data[1] == ' ' && t.data[2] == '(' &&
        t.data[t.size - 1] == ')') { // "B (two)"
        *rest = without(t, 3, 1);
        return letter;
    }
    size_t sign = 1;
    if (t.data[1] == ' ' && (t.data[2] == '-' || t.data[2] == ':' || t.data[2] == '=')) sign = 2;
    if (!one_of(bracket ? ")]" : ".):]-=", t.data[sign])) return -1;
    bool joined = sign == 1 && (t.data[1] == '-' || t.data[1] == '=');
    if (joined && t.data[2] != ' ') return -1; // "A-frame"
    *rest = without(t, sign + 1, 0);
    while (rest->size > 1 && one_of(".:-", *rest->data)) *rest = without(*rest, 1, 0);
    return letter;
}

// "B 15", "B, 15", "B(15)": letter and text with no sign of a choice; only where the text is that
// option's. -1 if it is none of that.
static int letter_before_text(Slice s, Slice *rest) {
    if (s.size < 3 || !isalpha((unsigned char)*s.data)) return -1;
    bool bracket = s.data[1] == '(' && s.data[s.size - 1] == ')';
    if (!bracket && s.data[1] != ' ' && s.data[1] != ',') return -1;
    *rest = without(s, 2, bracket);
    if (rest->size == 1 && isalpha((unsigned char)*rest->data)) return -1; // "B, C": two letters
    return toupper((unsigned char)*s.data) - 'A';
}

// The chosen letters; 0 and a reason if there are none.
static uint32_t read_choice(Slice text, const Json *options, const char **why) {
    PlainText plain, own_text;
    *why = "no letter and no option";
    if (text.size > CHOICE_MAX_BYTES) return 0;
    Slice s = plain_text(text, &plain), whole = s;
    int n_options = options ? json_count(options) : N_LETTERS;
    for (int layer = 0; layer < 16; layer++) {
        bool one_letter = s.size == 1 && isalpha((unsigned char)*s.data) &&
                          toupper((unsigned char)*s.data) - 'A' < n_options;
        int letter = options && s.size && !one_letter ? by_text(options, s) : -1;
        if (letter >= 0) return 1u << letter;
        Slice rest;
        int first = options ? letter_and_text(s, &rest) : -1;
        const Json *own = first >= 0 ? option(options, first) : NULL;
        if (own && same_text(plain_text(bare_option(own, first), &own_text), rest))
            return 1u << first; // (B) y
        first = options ? letter_before_text(s, &rest) : -1;
        own = first >= 0 ? option(options, first) : NULL;
        if (own && same_text(plain_text(bare_option(own, first), &own_text), rest))
            return 1u << first; // B 15
        uint32_t several = s.size > 1 && s.size < 64 && is_one_case(s) ? letters(s) : 0;
        if (several & (several - 1) && (n_options == N_LETTERS || !(several >> n_options)))
            return several; // (A), (C)
        if (!peel(&s)) break;
    }
    if (s.size == 1 && isalpha((unsigned char)*s.data))
        return 1u << (toupper((unsigned char)*s.data) - 'A');
    // A letter, a sign, and the text of its option.
    Slice form[] = {s, whole};
    for (int i = 0; i < 2; i++) {
        Slice rest;
        int letter = letter_and_text(form[i], &rest);
        if (letter < 0) continue;
        const Json *own = options ? option(options, letter) : NULL;
        if (!rest.size) return 1u << letter;
        if (options && own && same_text(plain_text(bare_option(own, letter), &own_text), rest))
            return 1u << letter;
        if (!options && !designator_hedged(rest)) return 1u << letter;
        uint32_t several = letters(s);
        if (several) return several;
        *why = options ? "a letter with another text than its option's" : "more than one choice";
        return 0;
    }
    return letters(s);
}

static const char *read_gold(const JudgeInput *in, uint32_t *set) {
    if (!in->gold) return "the task has no gold answer";
    const char *why;
    *set = read_choice(slice_of(in->gold), options_of(in), &why);
    if (!*set) return "the gold answer is no letter and no option";
    const Json *options = options_of(in);
    int n = options ? json_count(options) : N_LETTERS;
    return n < N_LETTERS && *set >> n ? "the gold answer's letter has no option" : NULL;
}

const char *choice_refuses(const JudgeInput *in) {
    uint32_t set;
    return read_gold(in, &set);
}

// "\boxed{B} or \boxed{C}": right only if each of the boxes is.
static bool is_hedge(const JudgeInput *in, uint32_t gold) {
    enum { MAX_BOXES = 16 };
    Slice box[MAX_BOXES];
    bool unsure;
    const char *why;
    int n = boxed_run(boxed_scope(in), box, MAX_BOXES, &unsure);
    if (!unsure) return false;
    for (int i = 0; i + 1 < n && i < MAX_BOXES; i++)
        if (read_choice(box[i], options_of(in), &why) != gold) return true;
    return n > MAX_BOXES;
}

Judgement choice_judge(const JudgeInput *in) {
    uint32_t gold = 0;
    Judgement j = {.reason = read_gold(in, &gold)};
    if (j.reason) {
        j.verdict = VERDICT_ERROR;
        return j;
    }
    Slice answer = game_answer(in, &j.reason);
    j.answer = answer.data, j.answer_size = answer.size;
    if (!in->finished) {
        j.reason = "cut off";
    } else if (answer.data && answer.size > CHOICE_MAX_BYTES) {
        j.reason = "longer than 4096 bytes";
    } else if (answer.data) {
        uint32_t set = read_choice(answer, options_of(in), &j.reason);
        bool right = set == gold;
        if (right && is_hedge(in, gold)) right = false, set = 0, j.reason = "several boxes";
        if (set) j.reason = right ? "the right choice" : "another choice";
        j.verdict = right ? VERDICT_RIGHT : VERDICT_WRONG;
        j.score = right;
    }
    return j;
}
