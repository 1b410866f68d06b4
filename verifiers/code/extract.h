// verifiers/code/extract.h -- the program inside a response.
//
// Layer 3 (verifiers). Views into the text, linear time, any bytes. The rules:
//   Only what follows the last </think> counts; a thought that is not closed hides everything.
//   The program is a complete fenced block (``` or ~~~, three or more, closed by at least as many)
//   whose language fits: the one asked for, or none that is known. Which of several, and what of
//   the others goes before it: blocks.h. A block that is not closed is no block. A prompt that
//   ended inside a block (`prefilled` has an open fence) makes the response begin in it. Without
//   any fence the program is the content of the last <answer>...</answer>, else the whole text.
//   "bare" says that the text is the program itself.
#ifndef VERIFIERS_CODE_EXTRACT_H
#define VERIFIERS_CODE_EXTRACT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "sandbox/cage.h"
#include "verifiers/code/blocks.h"
#include "verifiers/judgeinput.h"
#include "verifiers/slice.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Extract {
    Slice code;      // data NULL: none, and `reason` says why
    int indent;      // columns that its fence was indented by: taken off each line by extract_text
    bool fenced;     // false: the whole text
    CageLang lang;   // the fence's language if it names one, else the one asked for
    const char *tag; // view: the fence's own word, not terminated; NULL if none
    Slice part[BLOCK_PARTS]; // blocks of the same response that go before it
    int part_indent[BLOCK_PARTS], n_parts;
    const char *reason;
} Extract;

// `lang` NULL: any language is fine, Python where none is named.
Extract extract_code(const JudgeInput *in, const CageLang *lang, const BlockTask *task);
// The program as it is run: without the fence's indentation, behind the parts. Appends.
void extract_text(const Extract *found, Str *out);

#ifdef __cplusplus
}
#endif
#endif
