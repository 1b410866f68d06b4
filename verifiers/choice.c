// verifiers/choice.c -- peels what stands around a letter, then looks at letter and text.
#include "verifiers/choice.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "verifiers/either.h"

enum { N_LETTERS = 26 };

static Slice without(Slice s, size_t front, size_t back) {
    return slice_trim((Slice){s.data + front, s.size - front - back});
}

static bool begins(Slice s, const char *with) {
    size_t n = strlen(with);
    return s.size >= n && strncasecmp(s.data, with, n) == 0;
}

// Takes off one layer: $..$  (..)  [..]  {..}  **..**  \text{..}  "Option .."  a final dot.
static bool peel(Slice *s) {
    static const char *const macro[] = {"\\text{",   "\\textbf{", "\\mathrm{", "\\mathbf{",
                                        "\\textit{", "\\mbox{",   "\\mathit{", "\\textrm{"};
    static const char *const lead[] = {"the correct answer is ",
                                       "the answer is ",
                                       "the correct option is ",
                                       "correct answer:",
                                       "answer:",
                                       "option ",
                                       "choice ",
                                       "option:",
                                       "\\left",
                                       "answer "};
    static const char pairs[] = "(){}[]\"\"";
    if (s->size == 0) return false;
    char last = s->data[s->size - 1];
    for (size_t i = 0; i < sizeof macro / sizeof *macro; i++)
        if (begins(*s, macro[i]) && last == '}' &&
            !memchr(s->data + strlen(macro[i]), '}', s->size - strlen(macro[i]) - 1)) {
            *s = without(*s, strlen(macro[i]), 1);
            return true;
        }
    for (size_t i = 0; i < sizeof lead / sizeof *lead; i++)
        if (begins(*s, lead[i]) && s->size > strlen(lead[i])) {
            *s = without(*s, strlen(lead[i]), 0);
            return true;
        }
    if (s->size > 2 && (last == '*' || last == '$') && s->data[0] == last) {
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
    for (const Json *o = json_first(options); o && letter < N_LETTERS; o = json_next(o), letter++) {
        if (!same_text(bare_option(o, letter), text) && !same_text(text_of(o), text)) continue;
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
        if (begins((Slice){s.data + i, s.size - i}, "and ") && i) {
            i += 4;
        } else if (isspace((unsigned char)c) || c == ',' || c == ';' || c == '(' || c == ')') {
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

// The chosen letters; 0 and a reason if there are none.
static uint32_t read_choice(Slice s, const Json *options, const char **why) {
    *why = "no letter and no option";
    Slice whole = s;
    for (int layer = 0; layer < 16; layer++) {
        bool one_letter = s.size == 1 && isalpha((unsigned char)*s.data);
        int letter = options && s.size && !one_letter ? by_text(options, s) : -1;
        if (letter >= 0) return 1u << letter;
        if (!peel(&s)) break;
    }
    if (s.size == 1 && isalpha((unsigned char)*s.data))
        return 1u << (toupper((unsigned char)*s.data) - 'A');
    // A letter, a sign, and the text of its option.
    Slice form[] = {s, whole};
    for (int i = 0; i < 2; i++) {
        size_t bracket = form[i].size > 2 && (*form[i].data == '(' || *form[i].data == '[');
        Slice t = without(form[i], bracket, 0);
        if (t.size < 3 || !isalpha((unsigned char)*t.data) || !one_of(".):]", t.data[1])) continue;
        int letter = toupper((unsigned char)*t.data) - 'A';
        Slice rest = without(t, 2, 0);
        const Json *own = options ? option(options, letter) : NULL;
        if (!rest.size || !options) return 1u << letter;
        if (own && same_text(bare_option(own, letter), rest)) return 1u << letter;
        uint32_t several = letters(s);
        if (several) return several;
        *why = "a letter with another text than its option's";
        return 0;
    }
    return letters(s);
}

static const char *read_gold(const JudgeInput *in, uint32_t *set) {
    if (!in->gold) return "the task has no gold answer";
    const char *why;
    *set = read_choice(slice_trim(slice_of(in->gold)), options_of(in), &why);
    if (!*set) return "the gold answer is no letter and no option";
    const Json *options = options_of(in);
    int n = options ? json_count(options) : N_LETTERS;
    return n < N_LETTERS && *set >> n ? "the gold answer's letter has no option" : NULL;
}

const char *choice_refuses(const JudgeInput *in) {
    uint32_t set;
    return read_gold(in, &set);
}

Judgement choice_judge(const JudgeInput *in) {
    uint32_t gold = 0;
    Judgement j = {.reason = read_gold(in, &gold)};
    if (j.reason) {
        j.verdict = VERDICT_ERROR;
        return j;
    }
    Slice answer = either_answer(in, &j.reason);
    j.answer = answer.data, j.answer_size = answer.size;
    if (!in->finished) {
        j.reason = "cut off";
    } else if (answer.data && answer.size > CHOICE_MAX_BYTES) {
        j.reason = "longer than 4096 bytes";
    } else if (answer.data) {
        uint32_t set = read_choice(answer, options_of(in), &j.reason);
        bool right = set == gold;
        if (set) j.reason = right ? "the right choice" : "another choice";
        j.verdict = right ? VERDICT_RIGHT : VERDICT_WRONG;
        j.score = right;
    }
    return j;
}
