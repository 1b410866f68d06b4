// verifiers/language.c -- one pass: words by script, votes by common words, sentence by sentence.
#include "verifiers/language.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

#include "verifiers/language_words.h"
#include "verifiers/script.h"

// ---- common words: a hash table of the set of languages that have the word

enum { SLOTS = 8192, WORD_BYTES = 48 };
static struct {
    const char *word; // inside of languages[]
    size_t size;
    uint64_t in;
} slots[SLOTS];
static char codes[N_LANGUAGES * 4 + 1];
static uint64_t of_script[N_SCRIPTS];
_Static_assert(N_LANGUAGES <= 64, "a set of languages is one word");

static uint32_t hash_of(const char *word, size_t n) {
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)word[i]) * 16777619u;
    return (h ^ h >> 15) & (SLOTS - 1);
}

static void add_word(const char *word, size_t n, int language) {
    uint32_t at = hash_of(word, n);
    while (slots[at].word && (slots[at].size != n || memcmp(slots[at].word, word, n) != 0))
        at = (at + 1) & (SLOTS - 1);
    slots[at].word = word, slots[at].size = n;
    slots[at].in |= 1ull << language;
}

static void build(void) {
    for (int l = 0; l < N_LANGUAGES; l++) {
        sprintf(codes + strlen(codes), "%s%s", l ? ", " : "", languages[l].code);
        of_script[languages[l].script] |= 1ull << l;
        for (const char *p = languages[l].words; p && *p;) {
            size_t n = strcspn(p, " ");
            add_word(p, n, l);
            p += n + (p[n] == ' ');
        }
    }
}

static void ready(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, build);
}

static uint64_t languages_of(const char *word, size_t n) {
    for (uint32_t at = hash_of(word, n); slots[at].word; at = (at + 1) & (SLOTS - 1))
        if (slots[at].size == n && memcmp(slots[at].word, word, n) == 0) return slots[at].in;
    return 0;
}

static int find(const char *code) {
    size_t n = code ? strcspn(code, "-_") : 0;
    for (int l = 0; l < N_LANGUAGES; l++)
        if (strlen(languages[l].code) == n && strncmp(languages[l].code, code, n) == 0) return l;
    return -1;
}

bool language_known(const char *code) {
    return find(code) >= 0;
}

bool language_has_word(const char *code, const char *word, size_t size) {
    int l = find(code);
    CHECK(l != -1);
    ready();
    return languages_of(word, size) >> l & 1;
}

const char *language_codes(void) {
    ready();
    return codes;
}

// ---- the tally

enum { SENTENCE_WORDS = 30, NONE = -1, PROSE_RUN = 4 };

typedef struct Word {
    Script script;
    uint64_t in;
    int count;
    bool strong; // of a language for certain, not a name in a formula or a keyword
} Word;

typedef struct LanguageTally LanguageTally;
struct LanguageTally {
    int target; // or NONE
    long words[N_LANGUAGES], other, all;
    // the sentence
    long count[N_SCRIPTS];
    double vote[N_LANGUAGES];
    uint64_t voted;
    int in_sentence;
    int last[N_SCRIPTS];  // what the sentence before was
    Word held[PROSE_RUN]; // words inside of LaTeX or code, until they are a run
    int n_held, n_strong;
    bool parted;        // they come from more than one formula or piece of code
    LanguageTally *hid; // strong words of formulas that are no run, or NULL
};

static void add(LanguageTally *t, const Word *w) {
    t->count[w->script] += w->count;
    t->in_sentence += w->count;
    for (uint64_t left = w->in; left; left &= left - 1) {
        int l = __builtin_ctzll(left);
        t->vote[l] += 1.0 / __builtin_popcountll(w->in);
        t->voted |= 1ull << l;
    }
}

// The language of the sentence's words of one script.
static int decide(const LanguageTally *t, Script script) {
    uint64_t can = of_script[script];
    if (!can) return NONE;
    if (script == SCRIPT_HAN) {
        int ja = find("ja"), zh = find("zh");
        if (t->count[SCRIPT_KANA]) return ja;
        return t->target == ja && t->count[SCRIPT_HAN] < 8 ? ja : zh;
    }
    if (!(can & (can - 1))) return __builtin_ctzll(can);
    int best = NONE;
    for (uint64_t left = can & t->voted; left; left &= left - 1) {
        int l = __builtin_ctzll(left);
        if (best == NONE || t->vote[l] > t->vote[best]) best = l;
    }
    bool for_target = t->target != NONE && languages[t->target].script == script;
    if (for_target && (best == NONE || t->vote[best] < t->vote[t->target] + .5))
        return best == NONE && t->last[script] != NONE ? t->last[script] : t->target;
    return best == NONE ? t->last[script] : best;
}

static void end_sentence(LanguageTally *t) {
    if (!t->in_sentence) return;
    for (int s = SCRIPT_LATIN; s < N_SCRIPTS; s++) {
        if (!t->count[s]) continue;
        int l = decide(t, (Script)s);
        if (l == NONE)
            t->other += t->count[s];
        else
            t->words[l] += t->count[s];
        t->all += t->count[s];
        t->last[s] = l;
    }
    memset(t->count, 0, sizeof t->count); // only now: Han is Japanese beside kana
    for (uint64_t left = t->voted; left; left &= left - 1) t->vote[__builtin_ctzll(left)] = 0;
    t->voted = 0;
    t->in_sentence = 0;
}

static void drop_held(LanguageTally *t) {
    t->n_held = t->n_strong = 0;
    t->parted = false;
}

// Latin and Greek words in LaTeX and code are names of functions and variables, unless they go on.
// Where they stand in several formulas or in code, two of the run must be words for certain.
static void add_held(LanguageTally *t, const Word *w, bool certain) {
    enum { STRONG = 2, OPEN = PROSE_RUN + 1 };
    if (t->n_held == OPEN) { // the run has begun
        add(t, w);
        return;
    }
    if (w->strong && t->hid && !certain) {
        add(t->hid, w);
        if (t->hid->in_sentence >= SENTENCE_WORDS) end_sentence(t->hid);
    }
    if (t->n_held == PROSE_RUN) { // the oldest makes room
        t->n_strong -= t->held[0].strong;
        memmove(t->held, t->held + 1, (PROSE_RUN - 1) * sizeof *t->held);
        t->n_held--;
    }
    t->held[t->n_held++] = *w;
    t->n_strong += w->strong;
    if (t->n_held < PROSE_RUN || ((certain || t->parted) && t->n_strong < STRONG)) return;
    for (int i = 0; i < PROSE_RUN; i++) add(t, &t->held[i]);
    t->n_held = OPEN;
}

// ---- the scan

typedef enum Mode { PROSE, MATH, CODE } Mode;

typedef struct Scan {
    const char *p, *end, *mode_end;
    Mode mode;
    const char *close[7]; // next_close
} Scan;

static bool starts(const Scan *s, const char *with) {
    size_t n = strlen(with);
    return (size_t)(s->end - s->p) >= n && memcmp(s->p, with, n) == 0;
}

enum { N_KINDS = 7 };

static const struct {
    const char *open, *close;
    Mode mode;
    size_t reach; // how far off its end may be
} kinds[N_KINDS] = {{"```", "```", CODE, (size_t)-1},
                    {"`", "`", CODE, 300},
                    {"[asy]", "[/asy]", CODE, (size_t)-1},
                    {"$$", "$$", MATH, 4000},
                    {"\\[", "\\]", MATH, 4000},
                    {"\\(", "\\)", MATH, 1000},
                    {"$", "$", MATH, 1000}};

// Where the next end of kind k is, or the text's end; found once, so that all is linear.
static const char *next_close(Scan *s, int k, const char *from) {
    if (!s->close[k] || s->close[k] < from) {
        const char *at =
            memmem(from, (size_t)(s->end - from), kinds[k].close, strlen(kinds[k].close));
        s->close[k] = at ? at : s->end;
    }
    return s->close[k];
}

// Enters LaTeX or code that begins here and is closed; false if none does.
static bool enter(Scan *s) {
    for (int k = 0; k < N_KINDS; k++) {
        if (!starts(s, kinds[k].open)) continue;
        const char *body = s->p + strlen(kinds[k].open), *close = next_close(s, k, body);
        bool open_end = close == s->end && kinds[k].reach != (size_t)-1;
        if (open_end || (size_t)(close - body) > kinds[k].reach) continue;
        s->mode = kinds[k].mode;
        s->mode_end = close;
        s->p = body;
        return true;
    }
    return false;
}

static void leave(Scan *s) {
    size_t left = (size_t)(s->end - s->p);
    size_t n = starts(s, "[/asy]")                ? 6
               : starts(s, "```")                 ? 3
               : starts(s, "$$") || *s->p == '\\' ? 2
                                                  : 1;
    s->p += n < left ? n : left;
    s->mode = PROSE;
}

static bool is_word_byte(const char *p) {
    unsigned char c = (unsigned char)*p;
    return c == '_' || (c >= '0' && c <= '9');
}

// Links, \commands and <tags>: the bytes to pass over, 0 if none is here.
static size_t no_language(const Scan *s) {
    const char *p = s->p;
    if (*p == '\\') {
        while (++p < s->end && ((*p | 32) >= 'a' && (*p | 32) <= 'z')) {
        }
        return (size_t)(p - s->p);
    }
    if (*p == '<') {
        p += 1 + (p + 1 < s->end && p[1] == '/');
        const char *name = p;
        while (p < s->end && p - name < 32 && (((*p | 32) >= 'a' && (*p | 32) <= 'z'))) p++;
        return p > name && p < s->end && *p == '>' ? (size_t)(p + 1 - s->p) : 0;
    }
    if (starts(s, "http://") || starts(s, "https://") || starts(s, "www.")) {
        while (p < s->end && (unsigned char)*p > ' ') p++;
        return (size_t)(p - s->p);
    }
    return 0;
}

// \text{..} and its like: words may follow it.
static bool is_text_command(const char *p, size_t n) {
    static const char *const names[] = {"\\text",   "\\textbf", "\\textit", "\\mathrm",
                                        "\\textrm", "\\mbox",   "\\mathit", "\\mathbf",
                                        "\\quad",   "\\",       "\\texttt", "\\textsf"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == n && memcmp(names[i], p, n) == 0) return true;
    return false;
}

static bool ends_sentence(uint32_t c) {
    return c == '.' || c == '!' || c == '?' || c == '\n' || c == ';' || c == 0x3002 ||
           c == 0xff01 || c == 0xff1f || c == 0x964 || c == 0x6d4 || c == 0x61f;
}

static uint32_t next_char(const char *p, const char *end, size_t *n) {
    if ((unsigned char)*p < 0x80) {
        *n = 1;
        return (unsigned char)*p;
    }
    utf8proc_int32_t c;
    utf8proc_ssize_t got = utf8proc_iterate((const utf8proc_uint8_t *)p, end - p, &c);
    *n = got > 0 ? (size_t)got : 1;
    return got > 0 ? (uint32_t)c : 0xfffd;
}

// Names of functions that are outside of LaTeX as well.
static bool is_notation(const char *word, size_t n) {
    static const char *const names[] = {"sin", "cos", "tan", "log", "ln",     "exp",    "max",
                                        "min", "mod", "gcd", "lcm", "arcsin", "arccos", "arctan"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == n && memcmp(names[i], word, n) == 0) return true;
    return false;
}

// Words of programming languages that are words of English as well.
static bool is_keyword(const char *word, size_t n) {
    static const char words[] =
        " for in if and or not is else as with from import while do return this new to end then "
        "begin select where by on set let def class try case default break continue print true "
        "false none null function var const int float list all any sum max min range len input "
        "order group join into values update delete create table public static void string char "
        "double long short package using include define switch except finally raise yield pass ";
    char key[WORD_BYTES + 2];
    if (n + 2 >= sizeof key) return false;
    key[0] = ' ';
    memcpy(key + 1, word, n);
    key[n + 1] = ' ', key[n + 2] = 0;
    return strstr(words, key) != NULL;
}

// Reads the word at s->p, whose first letter is of `script`.
static void read_word(Scan *s, Script script, bool glued, LanguageTally *t) {
    char low[WORD_BYTES];
    size_t size = 0, letters = 0, n;
    const char *limit = s->mode == PROSE ? s->end : s->mode_end;
    bool fits = true;
    while (s->p < limit) {
        uint32_t c = next_char(s->p, limit, &n);
        if (script_of(c) != script && !(letters && script_is_mark(c))) break;
        uint32_t small = c < 0x80 ? (c | 32) : (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
        fits = fits && size + 4 <= sizeof low;
        if (fits)
            size += (size_t)utf8proc_encode_char((utf8proc_int32_t)small,
                                                 (utf8proc_uint8_t *)low + size);
        letters += !script_is_mark(c);
        s->p += n;
        if (script == SCRIPT_HAN || script == SCRIPT_KANA) break;
    }
    glued = glued || (s->p < s->end && is_word_byte(s->p));
    bool names = script == SCRIPT_LATIN || script == SCRIPT_GREEK; // what formulas are made of
    if (names && (letters < 2 || glued)) {
        if (s->mode == CODE && glued) drop_held(t);
        return;
    }
    if (names && fits && is_notation(low, size)) return;
    Word w = {.script = script, .count = 1};
    if (fits) w.in = languages_of(low, size) & of_script[script];
    if (script == SCRIPT_CYRILLIC && letters < 2 && !w.in) return;
    if (script == SCRIPT_THAI || script == SCRIPT_LAO || script == SCRIPT_KHMER ||
        script == SCRIPT_MYANMAR)
        w.count = (int)((letters + 3) / 4);
    bool code = s->mode == CODE;
    w.strong = fits && ((w.in && letters >= (code ? 2 : 3) && !(code && is_keyword(low, size))) ||
                        (letters >= 5 && !code));
    if (names && s->mode != PROSE) {
        add_held(t, &w, code);
        return;
    }
    drop_held(t);
    add(t, &w);
}

static void tally(const char *text, size_t size, LanguageTally *t) {
    ready();
    if (size > LANGUAGE_MAX_BYTES) size = LANGUAGE_MAX_BYTES;
    Scan s = {.p = text, .end = text + size};
    bool glued = false; // a digit or _ is before
    for (int i = 0; i < N_SCRIPTS; i++) t->last[i] = NONE;
    while (s.p < s.end) {
        if (s.mode != PROSE && s.p >= s.mode_end) {
            leave(&s);
            if (t->n_held) t->parted = true;
            glued = false;
            continue;
        }
        char c = *s.p;
        if (s.mode == PROSE && (c == '`' || c == '$' || c == '\\' || c == '[') && enter(&s))
            continue;
        size_t n =
            s.mode != CODE && (c == '\\' || c == '<' || c == 'h' || c == 'w') ? no_language(&s) : 0;
        if (n) {
            s.p += n;
            if (c == '\\' && t->n_held <= PROSE_RUN && s.mode != PROSE) {
                if (is_text_command(s.p - n, n))
                    t->parted = true;
                else
                    drop_held(t);
            }
            continue;
        }
        uint32_t at = next_char(s.p, s.end, &n);
        Script script = script_of(at);
        if (script != SCRIPT_NONE && !script_is_mark(at)) {
            read_word(&s, script, glued, t);
            glued = false;
            continue;
        }
        bool goes_on = c == ' ' || c == ',' || c == '\'' || (c == '\n' && s.mode != CODE);
        if (s.mode == MATH && (c == '{' || c == '}') && t->n_held) goes_on = t->parted = true;
        if (s.mode != PROSE ? !goes_on : c >= '0' && c <= '9') drop_held(t);
        if (ends_sentence(at) || t->in_sentence >= SENTENCE_WORDS) end_sentence(t);
        glued = is_word_byte(s.p);
        s.p += n;
    }
    end_sentence(t);
    if (t->hid) end_sentence(t->hid);
}

// Words in formulas that are too many to be names: more than half as many as stand outside.
static void add_hidden(LanguageTally *t) {
    enum { MANY = 8 };
    if (t->hid->all < MANY || 2 * t->hid->all <= t->all) return;
    for (int l = 0; l < N_LANGUAGES; l++) t->words[l] += t->hid->words[l];
    t->other += t->hid->other;
    t->all += t->hid->all;
}

LanguageShare language_share(const char *text, size_t size, const char *target) {
    LanguageTally hidden = {.target = find(target)}, t = {.target = find(target), .hid = &hidden};
    CHECK(t.target != NONE);
    for (int i = 0; i < N_SCRIPTS; i++) hidden.last[i] = NONE;
    tally(text, size, &t);
    add_hidden(&t);
    LanguageShare s = {.share = 1, .target = t.words[t.target], .words = t.all};
    if (t.all) s.share = (double)s.target / (double)t.all;
    return s;
}

const char *language_detect(const char *text, size_t size) {
    LanguageTally t = {.target = NONE};
    tally(text, size, &t);
    int best = NONE;
    for (int l = 0; l < N_LANGUAGES; l++)
        if (t.words[l] && (best == NONE || t.words[l] > t.words[best])) best = l;
    return best == NONE ? NULL : languages[best].code;
}

// ---- the judge

const char *language_refuses(const JudgeInput *in) {
    if (!in->target) return "no target language";
    return language_known(in->target) ? NULL : "no such language; a code as en, de, zh";
}

Judgement language_judge(const JudgeInput *in) {
    const char *refused = language_refuses(in);
    if (refused) return (Judgement){.verdict = VERDICT_ERROR, .reason = refused};
    const char *text = in->text ? in->text : "", *end = text + (in->text ? in->size : 0);
    bool whole = in->extract && strcmp(in->extract, "bare") == 0;
    const char *close = NULL;
    for (const char *p = text; !whole && (p = memmem(p, (size_t)(end - p), "</think>", 8)); p += 8)
        close = p;
    if (close) {
        const char *open = memmem(text, (size_t)(close - text), "<think>", 7);
        text = open ? open + 7 : text;
        end = close;
    }
    LanguageShare s = language_share(text, (size_t)(end - text), in->target);
    Judgement j = {.verdict = s.share >= LANGUAGE_RIGHT ? VERDICT_RIGHT : VERDICT_WRONG,
                   .score = s.share,
                   .reason = !s.words                    ? "no words"
                             : s.share >= LANGUAGE_RIGHT ? "in the target language"
                                                         : "other languages"};
    snprintf(j.note, sizeof j.note, "%ld of %ld words", s.target, s.words);
    if (in->explain)
        str_printf(in->explain, "%s: %ld of %ld words (%.1f %%) of the %s are %s\n", j.reason,
                   s.target, s.words, 100 * s.share, close ? "thought" : "text", in->target);
    return j;
}
