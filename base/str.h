// base/str.h -- a text that grows.
//
// Layer 1. Bytes, not characters: may hold zero bytes and invalid UTF-8. Always terminated, so
// `data` can be printed. A zeroed Str is empty; str_free frees the memory.
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Str {
    char *data; // NULL while nothing was ever added; see str_text
    size_t size, cap;
} Str;

void str_free(Str *s);
void str_clear(Str *s); // empties, keeps the memory
void str_add(Str *s, const void *data, size_t size);
void str_puts(Str *s, const char *text);
void str_putc(Str *s, char c);
void str_printf(Str *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
const char *str_text(const Str *s); // never NULL

// Adds `size` bytes as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD;
// '<' becomes \u003c, so the text is harmless inside an HTML <script> as well. Control characters
// are escaped, those of U+007F to U+009F too, which a terminal may obey.
void str_json(Str *s, const char *data, size_t size);
// Adds text of unknown origin for a terminal: control characters but \n and \t, and bytes that are
// not UTF-8, as \x1b or \u009b.
void str_shown(Str *s, const char *data, size_t size);
// Adds a number as JSON: shortest form that reads back the same double; NaN and infinities as null.
void str_number(Str *s, double value);
// Adds text with & < > " ' escaped for HTML.
void str_html(Str *s, const char *data, size_t size);

// Levenshtein distance, capped at 64 characters a side; for "did you mean".
int str_distance(const char *a, const char *b);

// Is data[0..size) valid UTF-8 (no surrogates, no overlong forms)? If not and `bad` is not NULL,
// *bad is the offset of the first wrong byte.
bool str_is_utf8(const char *data, size_t size, size_t *bad);

#ifdef __cplusplus
}
#endif
#endif
