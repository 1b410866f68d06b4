// verifiers/boxed.c -- one pass over the text with a stack of the boxes that are still open.
#include "verifiers/boxed.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

bool boxed_prefill_open(const char *prefilled) {
    if (!prefilled) return false;
    Slice all = {prefilled, strlen(prefilled)};
    const char *open = slice_last(all, "<think>"), *close = slice_last(all, "</think>");
    return open && (!close || close < open);
}

Slice boxed_after_think(const char *text, size_t size, const char *prefilled) {
    Slice all = {text, size};
    const char *closed = slice_last(all, "</think>");
    if (closed) {
        closed += strlen("</think>");
        all = (Slice){closed, (size_t)(text + size - closed)};
    } else if (boxed_prefill_open(prefilled)) {
        return (Slice){NULL, 0};
    }
    return slice_last(all, "<think>") ? (Slice){NULL, 0} : all;
}

// ---- what prints nothing

// The length of something at p that prints nothing: white space, a command, a brace; 0 if it
// prints.
static size_t prints_nothing(const char *p, const char *end) {
    static const char *const blanks[] = {
        "\xC2\xA0",     "\xC2\xAD",     "\xCD\x8F",     "\xE1\xA0\x8E", "\xE3\x80\x80",
        "\xE3\x85\xA4", "\xE2\xA0\x80", "\xEF\xBB\xBF", "\xE2\x80\xA6", "&nbsp;",
        "&emsp;",       "&ensp;",       "&thinsp;",     "&zwnj;",       "<br>",
        "<br/>",        "<br />",       "\xE2\x81\x9F", "\xE1\x85\x9F", "\xE1\x85\xA0",
        "\xE3\x80\x82", "\xEF\xBC\x8E", "\xE3\x80\x81"};
    static const char *const silent[] = {
        "text",      "textbf",       "textit",     "textrm",       "mathrm",      "mathbf",
        "mathit",    "mbox",         "hbox",       "bm",           "boldsymbol",  "left",
        "right",     "displaystyle", "quad",       "qquad",        "enspace",     "thinspace",
        "space",     "boxed",        "fbox",       "null",         "relax",       "strut",
        "mathstrut", "nonumber",     "notag",      "rm",           "bf",          "it",
        "textstyle", "dots",         "ldots",      "cdots",        "hfill",       "newline",
        "par",       "noindent",     "ensuremath", "operatorname", "underline",   "phantom",
        "vphantom",  "hphantom",     "hspace",     "vspace",       "label",       "tag",
        "large",     "small",        "mathsf",     "mathtt",       "texttt",      "textnormal",
        "emph",      "smash",        "square",     "Box",          "blacksquare", "qed",
        "mathord",   "hskip",        "kern"};
    static const char *const swallowing[] = {"phantom", "vphantom", "hphantom", "hspace",
                                             "vspace",  "label",    "tag"};
    unsigned char c = (unsigned char)*p;
    if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) return 0;
    if (isspace(c) || c < 0x20 || c == 0x7F || strchr("{}~$.,;:?!_'\"`&", c)) {
        for (size_t i = 0; c == '&' && i < sizeof blanks / sizeof *blanks; i++)
            if ((size_t)(end - p) >= strlen(blanks[i]) &&
                memcmp(p, blanks[i], strlen(blanks[i])) == 0)
                return strlen(blanks[i]);
        return 1;
    }
    if (c == '\\') {
        const char *name = p + 1, *q = name;
        while (q < end && isalpha((unsigned char)*q)) q++;
        size_t n = (size_t)(q - name);
        if (!n) return q < end && strchr(",;:!> \n()[]\\/", *q) ? 2 : q == end ? 1 : 0;
        for (size_t i = 0; i < sizeof silent / sizeof *silent; i++) {
            if (strlen(silent[i]) != n || memcmp(silent[i], name, n) != 0) continue;
            bool swallows = false; // \phantom{5}, \hspace{1em}: with the argument
            for (size_t k = 0; k < sizeof swallowing / sizeof *swallowing; k++)
                swallows |= strcmp(silent[i], swallowing[k]) == 0;
            while (swallows && q < end && *q != '}') q++; // with its argument
            return (size_t)(q - p);
        }
        return 0;
    }
    if (c == 0xE2 && end - p >= 3 && (unsigned char)p[1] == 0x80) { // U+2000 .. U+200F, U+2028 ..
        unsigned char last = (unsigned char)p[2];
        if (last <= 0x8F || (last >= 0xA8 && last <= 0xAF)) return 3;
    }
    if (c == 0xE2 && end - p >= 3 && (unsigned char)p[1] == 0x81 && (unsigned char)p[2] >= 0xA0)
        return 3; // word joiner and the like
    if (c == 0xEF && end - p >= 3 && (unsigned char)p[1] == 0xB8 && (unsigned char)p[2] <= 0x8F)
        return 3; // variation selectors
    if (c == '<' && end - p >= 4 && memcmp(p, "<!--", 4) == 0) {
        const char *close = memmem(p, (size_t)(end - p), "-->", 3);
        return close ? (size_t)(close + 3 - p) : 0;
    }
    if (c < 0x80 && c != '<') return 0; // no blank of the table begins with it
    for (size_t i = 0; i < sizeof blanks / sizeof *blanks; i++) {
        size_t n = strlen(blanks[i]);
        if ((size_t)(end - p) >= n && memcmp(p, blanks[i], n) == 0) return n;
    }
    return 0;
}

bool boxed_blank(Slice content) {
    const char *p = content.data, *end = p + content.size;
    while (p < end) {
        size_t n = prints_nothing(p, end);
        if (!n) return false;
        p += n;
    }
    return true;
}

// The same for boxes inside of boxes: a look at the beginning is enough, so that all stays linear.
static bool is_blank_box(Slice content) {
    enum { LONGEST_EMPTY = 256 };
    return content.size <= LONGEST_EMPTY && boxed_blank(content);
}

// The length of "\boxed{" or "\fbox {" at s, blanks before the brace included; 0 if it is no box.
static size_t box_opens(const char *s, const char *end) {
    static const char *const name[] = {"\\boxed", "\\fbox"};
    for (int i = 0; i < 2; i++) {
        size_t n = strlen(name[i]);
        if ((size_t)(end - s) <= n || memcmp(s, name[i], n) != 0) continue;
        const char *p = s + n;
        while (p < end && (*p == ' ' || *p == '\t' || *p == '\n')) p++;
        if (p < end && *p == '{') return (size_t)(p + 1 - s);
    }
    return 0;
}

typedef struct OpenBox {
    const char *begin, *content;
    size_t depth; // of braces outside of it
} OpenBox;

// Boxes with nothing but "," "and" "or" and dress between them.
typedef struct BoxedRun {
    Slice *box;
    int n, max;
    const char *end; // of the last
    bool unsure;     // "or", "and", "maybe" between them
} BoxedRun;

static bool is_connector(const char *p, const char *end) {
    static const char *const words[] = {"\\quad", "\\qquad", "\\text", "\\mbox", "and", "or", "\\(",
                                        "\\)",    "\\[",     "\\]",    "\\,",    "\\;", "\\ "};
    enum { FAR = 64 };
    if (end - p > FAR) return false;
    while (p < end) {
        size_t taken = strchr(" \t\n\r,;$~{}&", *p) && *p ? 1 : 0;
        for (size_t i = 0; !taken && i < sizeof words / sizeof *words; i++) {
            size_t n = strlen(words[i]);
            if ((size_t)(end - p) >= n && memcmp(p, words[i], n) == 0) taken = n;
        }
        if (!taken) return false;
        p += taken;
    }
    return true;
}

// "or" in other scripts and as a sign; a slash or a bar alone.
static bool is_other_or(const char *p, const char *end) {
    static const char *const ors[] = {
        "\\lor",
        "\\vee",
        "\xE2\x88\xA8",                                     // ∨
        "\xE6\x88\x96",                                     // 或
        "\xEB\x98\x90\xEB\x8A\x94",                         // 또는
        "\xED\x98\xB9\xEC\x9D\x80",                         // 혹은
        "\xE3\x81\xBE\xE3\x81\x9F\xE3\x81\xAF",             // または
        "\xE3\x81\x82\xE3\x82\x8B\xE3\x81\x84\xE3\x81\xAF", // あるいは
        "\xE3\x82\x82\xE3\x81\x97\xE3\x81\x8F\xE3\x81\xAF", // もしくは
        "\xD0\xB8\xD0\xBB\xD0\xB8",                         // или
        "\xD0\xBB\xD0\xB8\xD0\xB1\xD0\xBE",                 // либо
        "\xD8\xA3\xD9\x88",                                 // أو
        "\xE0\xA4\xAF\xE0\xA4\xBE"};                        // या
    for (size_t i = 0; i < sizeof ors / sizeof *ors; i++)
        if (memmem(p, (size_t)(end - p), ors[i], strlen(ors[i]))) return true;
    bool sign = false;
    for (; p < end; p++) {
        if (!*p || !strchr(" \t\n\r$|/", *p)) return false;
        sign |= *p == '|' || *p == '/';
    }
    return sign;
}

// Does a text say "or", "maybe", "otherwise" and nothing that takes the answer before it back?
static bool is_alternative(const char *p, const char *end) {
    static const char *const unsure[] = {
        "or",     "maybe",  "perhaps",       "possibly",    "otherwise", "else",
        "unless", "either", "alternatively", "alternative", "probably",  "might",
        "could",  "ou",     "oder",          "o",           "oppure",    "lub",
        "guess",  "veya",   "atau",          "eller",       NULL};
    static const char *const corrects[] = {
        "wait",  "actually", "correction", "sorry", "mistake", "corrected", "should", "recheck",
        "wrong", "error",    "therefore",  "thus",  "final",   "finally",   "so",     NULL};
    enum { FAR = 96 };
    if (end - p > FAR) return false;
    bool found = is_other_or(p, end);
    while (p < end) {
        size_t n = 0;
        while (p + n < end && isalpha((unsigned char)p[n])) n++;
        for (const char *const *w = unsure; n && *w; w++)
            found |= strlen(*w) == n && strncasecmp(p, *w, n) == 0;
        for (const char *const *w = corrects; n && *w; w++)
            if (strlen(*w) == n && strncasecmp(p, *w, n) == 0) return false;
        p += n + (n == 0);
    }
    return found;
}

static void run_add(BoxedRun *run, const OpenBox *box, const char *end) {
    if (run->n && is_connector(run->end, box->begin))
        run->unsure |= memmem(run->end, (size_t)(box->begin - run->end), "or", 2) ||
                       memmem(run->end, (size_t)(box->begin - run->end), "and", 3);
    else if (run->n && is_alternative(run->end, box->begin))
        run->unsure = true;
    else
        run->n = 0, run->unsure = false;
    if (run->n < run->max) run->box[run->n] = (Slice){box->content, (size_t)(end - box->content)};
    if (run->n <= run->max) run->n++; // max + 1: too many
    run->end = end + 1;
}

// Walks the text and returns the content of the complete box that ends last; with `first`, of the
// box that the text begins with, and stops behind it (*stop).
static Slice find_box(Slice text, bool first, const char **stop, BoxedRun *run) {
    const char *p = text.data, *end = p + text.size;
    enum { FEW = 8 };
    OpenBox few[FEW], *open = few; // most texts have one or two
    size_t n_open = 0, cap = FEW, depth = 0;
    Slice found = {NULL, 0};
    bool some = false; // a box that is not empty was found
    while (p < end) {
        size_t opening = *p == '\\' ? box_opens(p, end) : 0;
        if (first && p == text.data && !opening) break;
        if (opening) {
            const char *begin = p;
            p += opening;
            if (n_open == cap) {
                cap = 2 * cap;
                OpenBox *more = realloc(open == few ? NULL : open, cap * sizeof *open);
                CHECK(more != NULL);
                if (open == few) memcpy(more, few, sizeof few);
                open = more;
            }
            open[n_open++] = (OpenBox){.begin = begin, .content = p, .depth = depth};
            depth++;
        } else if (*p == '\\') {
            p += p + 1 < end ? 2 : 1; // the next byte is escaped: \{ \} \\ ; a name goes on as text
        } else if (*p == '{') {
            depth++, p++;
        } else if (*p == '}') {
            if (depth) depth--;
            if (n_open && open[n_open - 1].depth == depth) {
                OpenBox *box = &open[--n_open];
                Slice content = {box->content, (size_t)(p - box->content)};
                bool blank = !first && is_blank_box(content);
                if (!blank || !some) found = content;
                some = some || !blank;
                if (stop) *stop = p + 1;
                if (run && n_open == 0 && !blank) run_add(run, box, p);
                if (first && n_open == 0) break;
            }
            p++;
        } else {
            do p++;
            while (p < end && *p != '\\' && *p != '{' && *p != '}');
        }
    }
    if (first && n_open) found = (Slice){NULL, 0};
    if (open != few) free(open);
    return found;
}

Slice boxed_first(Slice text, size_t *end) {
    const char *stop = text.data;
    Slice box = find_box(text, true, &stop, NULL);
    *end = (size_t)(stop - text.data);
    return box;
}

Slice boxed_last(Slice text) {
    if (!text.data) return text;
    if (!memchr(text.data, '\\', text.size)) return (Slice){NULL, 0}; // no command, no box
    Slice box = find_box(text, false, NULL, NULL);
    for (int level = 0; box.data && level < 8; level++) { // \boxed{\boxed{5}}
        Slice inner = slice_trim(box);
        size_t end;
        if (!inner.size || !box_opens(inner.data, inner.data + inner.size)) break;
        Slice content = boxed_first(inner, &end);
        if (!content.data || end != inner.size) break;
        box = content;
    }
    return box;
}

int boxed_run(Slice text, Slice *box, int max, bool *unsure) {
    BoxedRun run = {.box = box, .max = max};
    if (text.data && memchr(text.data, '\\', text.size)) find_box(text, false, NULL, &run);
    *unsure = run.unsure;
    return run.n;
}

Slice boxed_unmarked(Slice s) {
    static const char *const marks[] = {"***", "**", "__", "```", "``", "`", "*", "_"};
    enum { MOST = 4 };
    for (int level = 0; level < MOST; level++) {
        s = slice_trim(s);
        if (!s.size || !strchr("*_`", *s.data) || !*s.data) return s;
        Slice body = s;
        if (body.size > 2 && body.data[body.size - 1] == '.' &&
            strchr("*_`", body.data[body.size - 2]))
            body.size--;
        bool taken = false;
        for (size_t i = 0; !taken && i < sizeof marks / sizeof *marks; i++) {
            size_t n = strlen(marks[i]);
            if (body.size <= 2 * n || memcmp(body.data, marks[i], n) != 0 ||
                memcmp(body.data + body.size - n, marks[i], n) != 0)
                continue;
            Slice inner = {body.data + n, body.size - 2 * n};
            if (memchr(inner.data, *marks[i], inner.size)) return s; // **2** * **3**
            s = inner;
            taken = true;
        }
        if (!taken) return s;
    }
    return slice_trim(s);
}

static Slice inside_tag(Slice text) {
    const char *close = slice_last(text, "</answer>");
    if (!close) return (Slice){NULL, 0};
    const char *open = slice_last((Slice){text.data, (size_t)(close - text.data)}, "<answer>");
    if (!open) return (Slice){NULL, 0};
    open += strlen("<answer>");
    return (Slice){open, (size_t)(close - open)};
}

static Slice answer_tag(Slice text) {
    Slice content = inside_tag(text), box = boxed_last(content);
    return box.data ? box : content;
}

Slice boxed_scope(const JudgeInput *in) {
    const char *how = in->extract ? in->extract : "boxed";
    bool tag = !strcmp(how, "answer");
    if (!tag && strcmp(how, "boxed") != 0) return (Slice){NULL, 0};
    Slice text = boxed_after_think(in->text, in->size, in->prefilled);
    return tag && text.data ? inside_tag(text) : text;
}

static Slice hash_line(Slice text) {
    const char *hash = slice_last(text, "####");
    if (!hash) return (Slice){NULL, 0};
    hash += 4;
    size_t left = (size_t)(text.data + text.size - hash);
    const char *newline = memchr(hash, '\n', left);
    return (Slice){hash, newline ? (size_t)(newline - hash) : left};
}

// "The answer is not \boxed{5}": the word right before the box.
static bool is_denied(Slice text, const char *content) {
    static const char *const words[] = {"not", "never", "isn't", "wasn't", "cannot", "nicht"};
    const char *p = content;
    while (p > text.data && *p != '\\') p--; // of \boxed
    while (p > text.data && (isspace((unsigned char)p[-1]) || strchr("$*_({[\\", p[-1]))) p--;
    const char *end = p;
    while (p > text.data && (isalpha((unsigned char)p[-1]) || p[-1] == '\'')) p--;
    size_t n = (size_t)(end - p);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == n && strncasecmp(p, words[i], n) == 0) return true;
    return false;
}

bool boxed_extract_known(const char *extract) {
    return !extract || !strcmp(extract, "boxed") || !strcmp(extract, "answer") ||
           !strcmp(extract, "hash") || !strcmp(extract, "bare");
}

Slice boxed_answer(const JudgeInput *in, const char **reason) {
    const char *how = in->extract ? in->extract : "boxed";
    *reason = NULL;
    if (!in->text) {
        *reason = "empty response";
        return (Slice){NULL, 0};
    }
    if (!strcmp(how, "bare")) return boxed_unmarked((Slice){in->text, in->size});
    Slice rest = boxed_after_think(in->text, in->size, in->prefilled), answer = {NULL, 0};
    if (!rest.data) {
        *reason = "thought not closed";
    } else if (!strcmp(how, "answer")) {
        answer = answer_tag(rest);
        if (!answer.data) *reason = "no answer tag";
    } else if (!strcmp(how, "hash")) {
        answer = hash_line(rest);
        if (!answer.data) *reason = "no ####";
    } else {
        answer = boxed_last(rest);
        if (!answer.data) *reason = "no box";
        if (answer.data && is_denied(rest, answer.data)) {
            answer = (Slice){NULL, 0};
            *reason = "the answer is denied";
        }
    }
    return answer.data ? boxed_unmarked(answer) : answer;
}
