// base/status.h -- status codes and error messages.
//
// Layer 1. Every module includes this header; it includes no other of the project.
//
// Three kinds of failure:
//   a programming error     CHECK(cond)   prints and aborts, in every build
//   a failing environment   Status        returned, with a message for the user
//   bad model output        Verdict       data, not a Status (verifiers/verdict.h)
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

typedef enum Status {
    ST_OK = 0,
    ST_IO,          // the operating system refused; the sentence ends with strerror
    ST_FORMAT,      // a file or message is not what it claims to be
    ST_CONFIG,      // the run asks for something that cannot be
    ST_NOMEM,       // a device or a budget is full (host malloc failure aborts instead)
    ST_CUDA,        // a CUDA or cuBLAS call failed
    ST_COMM,        // a peer process is gone or disagrees
    ST_UNSUPPORTED, // known, but not built or not on this machine
} Status;

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))

// Records the sentence for this thread and returns `code`, so that a failure is one line:
//     return FAIL(ST_FORMAT, "%s: tensor '%s' ends past the file", path, name);
#ifndef __clang_analyzer__
#define FAIL(code, ...) status_fail((code), __FILE__, __LINE__, __VA_ARGS__)
#else // lets `make lint` see that a FAIL is never ST_OK
#define FAIL(code, ...) (status_fail((code), __FILE__, __LINE__, __VA_ARGS__), (code))
#endif

Status status_fail(Status code, const char *file, int line, const char *fmt, ...) PRINTF_LIKE(4, 5);

// The last sentence recorded on this thread, "" if none. Valid until the next FAIL here.
const char *status_text(void);

// "ST_IO" and so on; never NULL.
const char *status_name(Status code);

// Passes a failure up at once. Use where nothing has been acquired yet.
#define TRY(expr)                                                                                  \
    do {                                                                                           \
        Status try_st_ = (expr);                                                                   \
        if (try_st_ != ST_OK) return try_st_;                                                      \
    } while (0)

// The same where something must be given back: needs `Status st` and the label `out`.
#define TRY_OUT(expr)                                                                              \
    do {                                                                                           \
        st = (expr);                                                                               \
        if (st != ST_OK) goto out;                                                                 \
    } while (0)

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond)) status_bug(#cond, __FILE__, __LINE__);                                        \
    } while (0)

void status_bug(const char *cond, const char *file, int line) __attribute__((noreturn));

#ifdef __cplusplus
}
#endif
#endif
