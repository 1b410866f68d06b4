// base/status.c -- the last sentence of each thread.
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static _Thread_local char sentence[2048];

Status status_fail(Status code, const char *file, int line, const char *fmt, ...) {
    (void)file; // kept in the call for a debugger; the sentence is for the person
    (void)line;
    char text[sizeof sentence]; // an argument may be status_text() itself
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    snprintf(sentence, sizeof sentence, "%s", text);
    return code;
}

const char *status_text(void) {
    return sentence;
}

const char *status_name(Status code) {
    switch (code) {
    case ST_OK: return "ST_OK";
    case ST_IO: return "ST_IO";
    case ST_FORMAT: return "ST_FORMAT";
    case ST_CONFIG: return "ST_CONFIG";
    case ST_NOMEM: return "ST_NOMEM";
    case ST_CUDA: return "ST_CUDA";
    case ST_COMM: return "ST_COMM";
    case ST_UNSUPPORTED: return "ST_UNSUPPORTED";
    }
    return "ST_UNKNOWN";
}

void status_bug(const char *cond, const char *file, int line) {
    fprintf(stderr, "grpo: bug: %s:%d: %s does not hold. Please report this line.\n", file, line,
            cond);
    abort();
}
