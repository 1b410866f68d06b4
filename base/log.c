// base/log.c -- one lock, one line at a time; the progress line is lifted and put back.
#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static LogLevel level = LOG_INFO;
static LogColor color = LOG_COLOR_AUTO;
static FILE *copy;
static char progress[512]; // shown at the bottom now; "" if none

void log_open(LogLevel new_level, LogColor new_color) {
    pthread_mutex_lock(&lock);
    level = new_level;
    color = new_color;
    pthread_mutex_unlock(&lock);
}

bool log_copy_to(const char *path) {
    pthread_mutex_lock(&lock);
    bool good = !copy || !path;
    if (copy && !path) {
        fclose(copy);
        copy = NULL;
    }
    if (good && path) good = (copy = fopen(path, "ae")) != NULL;
    pthread_mutex_unlock(&lock);
    return good;
}

bool log_is_terminal(void) {
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0);
}

bool log_has_color(void) {
    const char *no_color = getenv("NO_COLOR");
    switch (color) {
    case LOG_COLOR_ALWAYS: return true;
    case LOG_COLOR_NEVER: return false;
    case LOG_COLOR_AUTO: break;
    }
    return log_is_terminal() && !(no_color && *no_color);
}

// The first characters of `text` that fit into one line of the terminal.
static int fit(const char *text) {
    struct winsize size;
    int columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
    int bytes = 0;
    for (int seen = 0; text[bytes]; bytes++)
        if (((unsigned char)text[bytes] & 0xC0) != 0x80 && ++seen >= columns) break;
    return bytes;
}

static void paint(void) {
    fprintf(stderr, "\r\033[K%.*s", fit(progress), progress);
}

static void put_line(const char *mark, const char *mark_color, const char *text) {
    if (progress[0]) fputs("\r\033[K", stderr);
    if (log_has_color() && *mark_color)
        fprintf(stderr, "%s%s\033[0m%s\n", mark_color, mark, text);
    else
        fprintf(stderr, "%s%s\n", mark, text);
    if (progress[0]) paint();
    fflush(stderr);
}

static void put_copy(const char *mark, const char *text) {
    if (!copy) return;
    fprintf(copy, "%s%s\n", mark, text);
    fflush(copy);
}

static void say(LogLevel least, const char *mark, const char *mark_color, const char *fmt,
                va_list args) {
    char text[4096];
    vsnprintf(text, sizeof text, fmt, args);
    for (char *c = text; *c; c++) { // names in an untrusted file may hold escapes of the terminal
        const unsigned char u = (unsigned char)*c, next = (unsigned char)c[u != 0];
        if ((u < 0x20 && *c != '\n' && *c != '\t') || u == 0x7f) *c = '?';
        if (u == 0xC2 && next >= 0x80 && next < 0xA0) c[0] = c[1] = '?'; // U+0080 to U+009F
    }
    pthread_mutex_lock(&lock);
    if (level >= least) put_line(mark, mark_color, text);
    put_copy(mark, text);
    pthread_mutex_unlock(&lock);
}

void log_info(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    say(LOG_INFO, "", "", fmt, args);
    va_end(args);
}

void log_warn(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    say(LOG_WARN, "warning: ", "\033[33m", fmt, args);
    va_end(args);
}

void log_error(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    say(LOG_QUIET, "error: ", "\033[31m", fmt, args);
    va_end(args);
}

void log_debug(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    say(LOG_DEBUG, "", "", fmt, args);
    va_end(args);
}

void log_progress(bool keep, const char *fmt, ...) {
    char text[sizeof progress];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    pthread_mutex_lock(&lock);
    if (level >= LOG_INFO && log_is_terminal()) {
        memcpy(progress, text, sizeof progress);
        paint();
        fflush(stderr);
    } else if (keep && level >= LOG_INFO) {
        put_line("", "", text);
    }
    if (keep) put_copy("", text);
    pthread_mutex_unlock(&lock);
}

void log_progress_end(void) {
    pthread_mutex_lock(&lock);
    if (progress[0]) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        progress[0] = 0;
    }
    pthread_mutex_unlock(&lock);
}
