// verifiers/language.h -- is a thought written in the language it was asked for?
//
// Layer 3 (verifiers). The language consistency reward of DeepSeek-R1 (arXiv 2501.12948, section
// 2.3.2): the share of words of the target language in the thought. What is no language is left
// out: LaTeX, code, links, digits, single letters, tags. A word is a run of letters of one script;
// of Han and Kana each character; of scripts without blanks (Thai, Lao, Khmer, Burmese) four
// characters. Scripts tell most languages apart; where several share one (Latin, Cyrillic, Arabic,
// Devanagari, Han) each sentence goes to the language most of whose commonest words it holds, and
// to the target where nothing speaks against it. Four or more words in a row inside of LaTeX or
// code are prose all the same, also where they are spread over several formulas; so are many words
// in formulas, more than half as many as stand outside; and foreign scripts count everywhere:
// nothing is hidden between dollars or backticks. Real code is left out: keywords and names make no
// prose.
//
// Linear time, no memory, any bytes. Of a longer text the first LANGUAGE_MAX_BYTES are looked at:
// about 100,000 words, within 50 ms.
#ifndef VERIFIERS_LANGUAGE_H
#define VERIFIERS_LANGUAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "verifiers/judgeinput.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LANGUAGE_MAX_BYTES = 512 * 1024 };

typedef struct LanguageShare {
    double share; // target / words; 1 where there are no words
    long target, words;
} LanguageShare;

// Codes of ISO 639-1 ("en", "zh"; "zh-cn" is "zh"): 61 languages.
bool language_known(const char *code);
const char *language_codes(void); // "en, de, fr, ..."

// `target` must be known.
LanguageShare language_share(const char *text, size_t size, const char *target);
// The language of most words, as a code; NULL if there are no words or none can be told.
const char *language_detect(const char *text, size_t size);

// Is the word (lower case) one of the language's commonest? `code` must be known.
bool language_has_word(const char *code, const char *word, size_t size);

// The judge "language": the thought of a response (all of it where there is none, or with
// extract="bare"). Score = share; right from LANGUAGE_RIGHT on. Error: no target, or unknown.
Judgement language_judge(const JudgeInput *in);
const char *language_refuses(const JudgeInput *in);
#define LANGUAGE_RIGHT 0.9

#ifdef __cplusplus
}
#endif
#endif
