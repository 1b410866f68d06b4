// rl/wordgram.h -- words of a text as hashes, and sets of n words in a row.
//
// Layer 4 (rl). A word is a run of letters and digits without regard to the case of A to Z; each
// character from U+2E80 on (Han, Kana, Hangul, ...) is a word by itself; signs and blanks only
// part words. Two texts with equal words in a row have equal hashes; different ones, 64 bits.
#ifndef RL_WORDGRAM_H
#define RL_WORDGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct WordList { // zeroed: empty
    uint64_t *word;       // [n] hashes
    size_t n, cap;
} WordList;

void wordlist_add(WordList *words, const char *text, size_t size); // behind those that are there
void wordlist_clear(WordList *words);
void wordlist_free(WordList *words);
// Of n words from `first` on.
uint64_t wordlist_gram(const WordList *words, size_t first, size_t n);
// The share of n-grams that stood in the text before: 0 none, near 1 a loop. 0 where there are
// fewer than 2n words.
double wordlist_repeats(const WordList *words, size_t n);

typedef struct GramSet { // zeroed: empty
    uint64_t *key;       // open addressing; 0 is a free place
    size_t n, cap;
} GramSet;

bool gramset_add(GramSet *set, uint64_t gram); // false: it was there
bool gramset_has(const GramSet *set, uint64_t gram);
void gramset_free(GramSet *set);

#ifdef __cplusplus
}
#endif
#endif
