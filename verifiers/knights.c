// verifiers/knights.c -- names gather until a role is said of them.
#include "verifiers/knights.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "verifiers/game_answer.h"

typedef enum Role { UNSAID, KNIGHT, KNAVE } Role;

typedef struct People {
    Slice name[KNIGHTS_MAX_PEOPLE];
    Role role[KNIGHTS_MAX_PEOPLE];
    int n;
} People;

static bool is(Slice word, const char *text) {
    return word.size == strlen(text) && strncasecmp(word.data, text, word.size) == 0;
}

static bool one_of(Slice word, const char *const *list) {
    for (; *list; list++)
        if (is(word, *list)) return true;
    return false;
}

// A run of letters (bytes above 127 are letters), with ' and - inside; size 0 at the end. *gap
// tells whether a sentence or line ended before it, *doubt (never cleared) whether "?" or "!=" did.
static Slice next_word(const char **at, const char *end, bool *gap, bool *doubt) {
    const char *p = *at;
    *gap = false;
    while (p < end && !isalpha((unsigned char)*p) && !((unsigned char)*p & 0x80)) {
        *gap = *gap || *p == '\n' || *p == ';' || *p == '.';
        *doubt = *doubt || *p == '?' || (*p == '!' && p + 1 < end && p[1] == '=') ||
                 (*p == '/' && p + 1 < end && p[1] == '=');
        p++;
    }
    const char *from = p;
    while (p < end &&
           (isalpha((unsigned char)*p) || ((unsigned char)*p & 0x80) ||
            ((*p == '\'' || *p == '-') && p > from && p + 1 < end && isalpha((unsigned char)p[1]))))
        p++;
    *at = p;
    return (Slice){from, (size_t)(p - from)};
}

static Role role_of(Slice word) {
    if (is(word, "knight") || is(word, "knights")) return KNIGHT;
    return is(word, "knave") || is(word, "knaves") ? KNAVE : UNSAID;
}

static int find(const People *p, Slice name) {
    for (int i = 0; i < p->n; i++)
        if (p->name[i].size == name.size && strncasecmp(p->name[i].data, name.data, name.size) == 0)
            return i;
    return -1;
}

static const char *const filler[] = {"is",   "a",      "an",     "the",   "are",   "and", "both",
                                     "text", "textbf", "mathrm", "boxed", "while", "but", NULL};
// Words that say nothing about a role; every other word might, and is not a plain statement.
static const char *const harmless[] = {
    "is",        "a",          "an",         "the",          "are",      "and",        "both",
    "all",       "text",       "textbf",     "textit",       "mathrm",   "mathbf",     "boxed",
    "quad",      "qquad",      "while",      "but",          "whereas",  "also",       "too",
    "therefore", "thus",       "hence",      "so",           "then",     "answer",     "final",
    "solution",  "conclusion", "result",     "must",         "be",       "we",         "have",
    "conclude",  "that",       "following",  "as",           "follows",  "people",     "person",
    "islander",  "islanders",  "inhabitant", "inhabitants",  "identity", "identities", "role",
    "roles",     "type",       "types",      "respectively", "mbox",     "left",       "right",
    "begin",     "end",        "aligned",    "array",        "cases",    "of",         "in",
    "this",      "island",     "puzzle",     "each",         "they",     "one",        "who",
    "here",      "finally",    "newline",    "item",         "itemize",  "enumerate",  "it",
    "colon",     "correct",    "assignment", "definitely",   "indeed",   "certainly",  "truth",
    "teller",    NULL};
static const char *const unclear[] = {"not", "or",    "if",     "either", "neither",
                                      "nor", "isn't", "aren't", "maybe",  NULL};

// Reads the gold: everybody it names, with their roles.
static const char *read_gold(const char *gold, People *out) {
    *out = (People){0};
    if (!gold) return "the task has no gold answer";
    const char *p = gold, *end = p + strlen(p);
    int waiting = 0; // the last so many have no role yet
    for (bool gap, doubt = false;;) {
        Slice word = next_word(&p, end, &gap, &doubt);
        if (!word.size) break;
        Role role = role_of(word);
        if (role != UNSAID) {
            if (!waiting) return "the gold answer gives a role to nobody";
            for (; waiting; waiting--) out->role[out->n - waiting] = role;
        } else if (one_of(word, unclear)) {
            return "the gold answer is not plain";
        } else if (!one_of(word, filler)) {
            if (out->n == KNIGHTS_MAX_PEOPLE) return "more than 64 people";
            if (find(out, word) >= 0) return "the gold answer names somebody twice";
            out->name[out->n++] = word;
            waiting++;
        }
    }
    return !out->n || waiting ? "the gold answer names no roles" : NULL;
}

const char *knights_refuses(const JudgeInput *in) {
    People people;
    return read_gold(in->gold, &people);
}

// Why the text does not say what `gold` says; NULL if it does.
static const char *compare(const People *gold, Slice text) {
    Role said[KNIGHTS_MAX_PEOPLE] = {0};
    int waiting[KNIGHTS_MAX_PEOPLE], n_waiting = 0;
    const char *p = text.data, *end = p + text.size;
    for (bool gap, doubt = false;;) {
        Slice word = next_word(&p, end, &gap, &doubt);
        if (doubt) return "not a plain statement";
        if (!word.size) break;
        if (gap && n_waiting) return "somebody is named without a role";
        Role role = role_of(word);
        int who = find(gold, word);
        if (role != UNSAID) {
            if (!n_waiting) return "a role for somebody who is not there";
            for (int i = 0; i < n_waiting; i++) {
                Role *before = &said[waiting[i]];
                if (*before != UNSAID && *before != role) return "somebody is called both";
                *before = role;
            }
            n_waiting = 0;
        } else if (one_of(word, unclear)) {
            return "not a plain statement";
        } else if (who >= 0) {
            if (n_waiting < KNIGHTS_MAX_PEOPLE) waiting[n_waiting++] = who;
        } else if (!one_of(word, harmless)) {
            return "a word that a plain statement does not have";
        }
    }
    if (n_waiting) return "somebody is named without a role";
    for (int i = 0; i < gold->n; i++) {
        if (said[i] == UNSAID) return "somebody is left out";
        if (said[i] != gold->role[i]) return "somebody is called what they are not";
    }
    return NULL;
}

Judgement knights_judge(const JudgeInput *in) {
    People gold;
    Judgement j = {.reason = read_gold(in->gold, &gold)};
    if (j.reason) {
        j.verdict = VERDICT_ERROR;
        return j;
    }
    Slice answer = game_answer(in, &j.reason);
    j.answer = answer.data, j.answer_size = answer.size;
    if (!in->finished) {
        j.reason = "cut off";
    } else if (answer.data && answer.size > KNIGHTS_MAX_BYTES) {
        j.reason = "longer than 16384 bytes";
    } else if (answer.data) {
        const char *why = compare(&gold, answer);
        j.verdict = why ? VERDICT_WRONG : VERDICT_RIGHT;
        j.score = why == NULL;
        j.reason = why ? why : "everybody as they are";
    }
    return j;
}
