// base/log.h -- messages for the user, on stderr.
//
// Layer 1. Results go to stdout, never through this log. A progress line is repainted only on a
// terminal; elsewhere it is a plain line. NO_COLOR, TERM=dumb and --color are honoured.
// Thread-safe.
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum LogLevel { LOG_QUIET, LOG_WARN, LOG_INFO, LOG_DEBUG } LogLevel;
typedef enum LogColor { LOG_COLOR_AUTO, LOG_COLOR_ALWAYS, LOG_COLOR_NEVER } LogColor;

void log_open(LogLevel level, LogColor color); // without a call: LOG_INFO, auto
// Also appends plain lines to a file, those of every level; NULL stops. False: one is open already,
// or it cannot be opened (a log that cannot be written stops nothing).
bool log_copy_to(const char *path);

void log_info(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_warn(const char *fmt, ...) PRINTF_LIKE(1, 2);  // "warning: ..."
void log_error(const char *fmt, ...) PRINTF_LIKE(1, 2); // "error: ..."
void log_debug(const char *fmt, ...) PRINTF_LIKE(1, 2);

// The line at the bottom of a terminal; elsewhere printed as a line only when `keep`.
void log_progress(bool keep, const char *fmt, ...) PRINTF_LIKE(2, 3);
void log_progress_end(void);

bool log_is_terminal(void);
bool log_has_color(void);

#ifdef __cplusplus
}
#endif
#endif
