// verifiers/slice.c -- trimming and searching.
#include "verifiers/slice.h"

#include <ctype.h>
#include <string.h>

Slice slice_of(const char *text) {
    return (Slice){text, strlen(text)};
}

Slice slice_trim(Slice s) {
    while (s.size && isspace((unsigned char)s.data[0])) s.data++, s.size--;
    while (s.size && isspace((unsigned char)s.data[s.size - 1])) s.size--;
    return s;
}

const char *slice_last(Slice text, const char *needle) {
    size_t n = strlen(needle);
    if (text.size < n) return NULL;
    enum { SPAN = 256 }; // searched at a time: a checked memrchr reads all that it is given
    size_t left = text.size - n + 1; // places where it may begin
    while (left) {
        size_t span = left < SPAN ? left : SPAN;
        const char *at = memrchr(text.data + left - span, *needle, span);
        if (!at) {
            left -= span;
            continue;
        }
        if (at[n - 1] == needle[n - 1] && memcmp(at, needle, n) == 0) return at;
        left = (size_t)(at - text.data);
    }
    return NULL;
}
