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
    for (size_t i = text.size - n + 1; i-- > 0;) {
        const char *at = text.data + i;
        if (at[0] == needle[0] && at[n - 1] == needle[n - 1] && memcmp(at, needle, n) == 0)
            return at;
    }
    return NULL;
}
