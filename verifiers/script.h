// verifiers/script.h -- the script that a letter belongs to.
//
// Layer 3 (verifiers).
#ifndef VERIFIERS_SCRIPT_H
#define VERIFIERS_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum Script {
    SCRIPT_NONE, // no letter
    SCRIPT_LATIN,
    SCRIPT_GREEK,
    SCRIPT_CYRILLIC,
    SCRIPT_ARMENIAN,
    SCRIPT_HEBREW,
    SCRIPT_ARABIC,
    SCRIPT_DEVANAGARI,
    SCRIPT_BENGALI,
    SCRIPT_GURMUKHI,
    SCRIPT_GUJARATI,
    SCRIPT_TAMIL,
    SCRIPT_TELUGU,
    SCRIPT_KANNADA,
    SCRIPT_MALAYALAM,
    SCRIPT_SINHALA,
    SCRIPT_THAI,
    SCRIPT_LAO,
    SCRIPT_MYANMAR,
    SCRIPT_GEORGIAN,
    SCRIPT_ETHIOPIC,
    SCRIPT_KHMER,
    SCRIPT_HANGUL,
    SCRIPT_KANA,
    SCRIPT_HAN,
    SCRIPT_OTHER,
    N_SCRIPTS
} Script;

// Letters, and the marks that follow them; digits, signs and emoji are SCRIPT_NONE.
Script script_of(uint32_t c);
bool script_is_mark(uint32_t c);

#ifdef __cplusplus
}
#endif
#endif
