// rl/wordgram.c -- FNV-1a of each word, mixed in order.
#include "rl/wordgram.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/status.h"

// Bytes of the character at text[at]; *wide: a word by itself. Wrong bytes are characters of one.
static size_t character(const char *text, size_t left, bool *wide) {
    unsigned char c = (unsigned char)text[0];
    size_t n = c < 0xC0 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    if (n > left) n = 1;
    // U+2E80 is E2 BA 80
    *wide = n == 4 || (n == 3 && (c > 0xE2 || (c == 0xE2 && (unsigned char)text[1] >= 0xBA)));
    return n;
}

static bool part_of_word(unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
}

static void push(WordList *w, uint64_t hash) {
    if (w->n == w->cap) {
        w->cap = w->cap ? 2 * w->cap : 256;
        w->word = realloc(w->word, w->cap * sizeof *w->word);
        CHECK(w->word != NULL);
    }
    w->word[w->n++] = hash;
}

void wordlist_add(WordList *w, const char *text, size_t size) {
    const uint64_t start = 14695981039346656037ULL, prime = 1099511628211ULL;
    uint64_t hash = start;
    bool inside = false;
    for (size_t at = 0, n; at < size; at += n) {
        bool wide;
        n = character(text + at, size - at, &wide);
        bool word = part_of_word((unsigned char)text[at]);
        if (inside && (wide || !word)) {
            push(w, hash);
            hash = start, inside = false;
        }
        if (!word) continue;
        for (size_t i = 0; i < n; i++) {
            unsigned char c = (unsigned char)text[at + i];
            if (c >= 'A' && c <= 'Z') c = (unsigned char)(c + 32);
            hash = (hash ^ c) * prime;
        }
        inside = true;
        if (!wide) continue;
        push(w, hash);
        hash = start, inside = false;
    }
    if (inside) push(w, hash);
}

void wordlist_clear(WordList *w) {
    w->n = 0;
}

void wordlist_free(WordList *w) {
    free(w->word);
    *w = (WordList){0};
}

uint64_t wordlist_gram(const WordList *w, size_t first, size_t n) {
    CHECK(first + n <= w->n);
    uint64_t hash = n;
    for (size_t i = first; i < first + n; i++) hash = rng_mix(hash ^ w->word[i]);
    return hash;
}

double wordlist_repeats(const WordList *w, size_t n) {
    if (w->n < 2 * n) return 0;
    GramSet seen = {0};
    size_t grams = w->n - n + 1, again = 0;
    for (size_t i = 0; i < grams; i++) again += !gramset_add(&seen, wordlist_gram(w, i, n));
    gramset_free(&seen);
    return (double)again / (double)grams;
}

static size_t place(const GramSet *set, uint64_t key) {
    size_t at = (size_t)rng_mix(key) & (set->cap - 1);
    while (set->key[at] != 0 && set->key[at] != key) at = (at + 1) & (set->cap - 1);
    return at;
}

bool gramset_add(GramSet *set, uint64_t gram) {
    if (gram == 0) gram = 1;
    if (2 * (set->n + 1) > set->cap) {
        GramSet old = *set;
        set->cap = old.cap ? 2 * old.cap : 64;
        set->key = calloc(set->cap, sizeof *set->key);
        CHECK(set->key != NULL);
        for (size_t i = 0; i < old.cap; i++)
            if (old.key[i]) set->key[place(set, old.key[i])] = old.key[i];
        free(old.key);
    }
    size_t at = place(set, gram);
    if (set->key[at]) return false;
    set->key[at] = gram;
    set->n++;
    return true;
}

bool gramset_has(const GramSet *set, uint64_t gram) {
    return set->cap > 0 && set->key[place(set, gram ? gram : 1)] != 0;
}

void gramset_free(GramSet *set) {
    free(set->key);
    *set = (GramSet){0};
}
