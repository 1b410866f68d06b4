// verifiers/program.h -- a judge of your own: a program that speaks JSON lines.
//
// Layer 3 (verifiers). The command is run by /bin/sh in a clean environment (PATH, HOME, LANG), as
// many times as there are threads that judge; each copy answers one request after the other:
//
//   stdin   {"id":7,"text":"the response","finished":true,"gold":"..","prompt":"..","task":{..}}
//   stdout  {"id":7,"verdict":"right","score":1,"reason":"as it should be","answer":"42"}
//
// "verdict" is right, wrong or error; "score" (0 to 1) may be alone, then 1 is right. Flush
// after every line. The first request to each copy has id 0 and an empty text: any answer will do,
// it proves that the program works, at start and after a restart. Every other has a deadline. A
// program that misses it, dies, or says something else gives the verdict error, never a zero, is
// killed with all its children and started again for the next request. Trusted code: it runs
// outside of the sandbox.
#ifndef VERIFIERS_PROGRAM_H
#define VERIFIERS_PROGRAM_H

#include "base/status.h"
#include "verifiers/judgeinput.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    PROGRAM_MAX_ANSWER = 65536, // bytes of one line
    PROGRAM_MAX_COPIES = 256,
    PROGRAM_DEADLINE_MS = 10000,
    PROGRAM_START_MS = 60000, // for the request with id 0: imports take their time
};

typedef struct ProgramOpts {
    const char *command;
    int copies;      // at most so many at once; 0 = 1
    int deadline_ms; // of a request; 0 = PROGRAM_DEADLINE_MS
    int start_ms;    // of id 0; 0 = PROGRAM_START_MS
} ProgramOpts;

typedef struct ProgramStats {
    long requests, starts;     // starts beyond the first copies are restarts
    long late, died, nonsense; // requests without a verdict, by what went wrong
} ProgramStats;

// Starts one copy and asks it id 0. ST_CONFIG: it does not run or does not answer; the sentence
// says how it ended. The caller owns *out.
MUST_USE Status program_open(const ProgramOpts *opts, Program **out);
void program_close(Program *program); // ends all copies; NULL is fine
ProgramStats program_stats(Program *program);

// One line of an answer to request `id` about `in`; false: it is none. For tests.
bool program_read(const char *line, size_t size, long id, const JudgeInput *in, Judgement *out);

// The judge "program": in->program answers. Thread-safe: a request waits for a free copy.
Judgement program_judge(const JudgeInput *in);

#ifdef __cplusplus
}
#endif
#endif
