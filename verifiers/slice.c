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
    for (size_t at = text.size; at >= n; at--)
        if (text.data[at - n] == needle[0] && text.data[at - 1] == needle[n - 1] &&
            memcmp(text.data + at - n, needle, n) == 0)
            return text.data + at - n;
    return NULL;
}
