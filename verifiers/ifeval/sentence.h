// verifiers/ifeval/sentence.h -- words and sentences, as IFEval's rules count them.
//
// Layer 3 (verifiers). The reference counts with NLTK: words as runs of \w, sentences with the
// Punkt tokenizer (Kiss and Strunk, Computational Linguistics 32(4), 2006), capital words with the
// Treebank tokenizer. Written from their rules. Punkt's trained table for English is replaced by a
// list of abbreviations and by the common words of language_words.h for its evidence of case;
// README.md says how often that matters.
#ifndef VERIFIERS_IFEVAL_SENTENCE_H
#define VERIFIERS_IFEVAL_SENTENCE_H

#include "verifiers/boxed.h"

#ifdef __cplusplus
extern "C" {
#endif

long sentence_words(Slice text);
long sentence_count(Slice text);
// Tokens whose letters are all capitals ("DON'T" is two: DO N'T).
long sentence_capitals(Slice text);

#ifdef __cplusplus
}
#endif
#endif
