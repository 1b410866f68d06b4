// verifiers/boxed.h -- which part of a response is its answer.
//
// Layer 3 (verifiers). Views into the text, linear time, any bytes. The rules:
//   Only what follows the last </think> counts. A <think> that is not closed after it, or one
//   that the prompt opened and the response never closed, means that there is no answer.
//   boxed   the last complete \boxed{...} or \fbox{...} that is not empty; a box that is all of a
//   box
//           counts as one
//   answer  the last complete <answer>...</answer>, and the box in it if there is one
//   hash    what follows the last "####" up to the end of its line
//   bare    everything
// Markdown around all of the answer (**73**, `73`) is taken off.
#ifndef VERIFIERS_BOXED_H
#define VERIFIERS_BOXED_H

#include <stdbool.h>
#include <stddef.h>

#include "verifiers/judgeinput.h"
#include "verifiers/slice.h"

#ifdef __cplusplus
extern "C" {
#endif

// The text whose last box is the answer: behind the last </think>, or inside of the last <answer>
// tags. No text (NULL) where answers are in no box.
Slice boxed_scope(const JudgeInput *in);

// Did the prompt leave a thought open? "<think>" did, "<think></think>" did not; NULL did not.
bool boxed_prefill_open(const char *prefilled);
// The response after its thoughts; data NULL if a thought is not closed.
Slice boxed_after_think(const char *text, size_t size, const char *prefilled);
// Content of the last complete box; data NULL if there is none.
Slice boxed_last(Slice text);
// The boxes of the last sentence: complete ones with only "," "and" "or" and dress between them, or
// a short text that says "maybe", "otherwise"; *unsure: some word, not only commas; the last box of
// the text last. Empty ones are passed over. Their number, max + 1 if there are more than max.
int boxed_run(Slice text, Slice *box, int max, bool *unsure);
// Nothing in it prints: blanks of any kind, {}, \;, \text{}, \phantom{..}, dots and question marks.
bool boxed_blank(Slice content);
// Trimmed, and without Markdown around all of it: **73**, `73`, __73__, **73**.
Slice boxed_unmarked(Slice s);
// A complete box at the very start of the text: its content, and *end behind its brace. For format.
Slice boxed_first(Slice text, size_t *end);
// The answer by in->extract (NULL = "boxed"), trimmed. If data is NULL, *reason (a literal) says
// why.
Slice boxed_answer(const JudgeInput *in, const char **reason);
bool boxed_extract_known(const char *extract);

#ifdef __cplusplus
}
#endif
#endif
