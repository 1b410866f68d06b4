// sandbox/cage_wire.h -- what a caller and the broker say to each other, over one socket a lane.
//
// Both are the same program, so headers travel as they lie in memory; every length is checked all
// the same, and a reply that is not whole and sane is our own fault, never a verdict.
#ifndef SANDBOX_WIRE_H
#define SANDBOX_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox/cage.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    WIRE_MAGIC = 0x67617763,
    WIRE_FD = 3,                 // the broker's socket
    WIRE_MAX_BYTES = 64 << 20,   // program, files and stdin of one job
    WIRE_MAX_OUTPUT = 256 << 20, // stdout or stderr of one reply
};

typedef struct WireOpen { // caller -> broker, once
    uint32_t magic, without, allow, fail_slot, fail_run, drop, full, busy;
    char python[256];
} WireOpen; // the broker answers with a CageMachine, then takes lanes: 'L' with a socket

typedef struct WireAsk { // after the byte 'A'; the byte 'E' alone ends a talk
    uint32_t magic, lang, role, talk, n_files;
    CageLimits limits;
    uint64_t seed;
    uint64_t files_bytes, input_bytes; // n_files times {u32 name size, u32 size, name, 0, bytes, 0}
} WireAsk;

typedef struct WireReply { // after the byte 'R'; the byte 'T' carries a talk's two descriptors
    uint32_t magic, verdict, stage;
    int32_t exit, signal;
    uint32_t layers, truncated;
    uint32_t compiled, compile_hit, slots_made, second_try;
    uint64_t cpu_us, wall_us;
    int64_t peak_kb;
    uint64_t out_bytes, err_bytes;
    char why[160];
    uint32_t slot;
} WireReply;

// "run", "compile", "setup"; anything else is NULL.
const char *wire_stage(uint32_t stage);
enum { WIRE_RUN, WIRE_COMPILE, WIRE_SETUP };

// From a reply's header to a record without its bytes. ST_FORMAT: not sane; *record is a
// sandbox_error then.
MUST_USE Status wire_decode(const WireReply *reply, CageRecord *record);

// Whole or not at all; false at the end of the socket.
bool wire_send(int fd, const void *data, size_t size);
bool wire_receive(int fd, void *data, size_t size);
bool wire_receive_before(int fd, void *data, size_t size, double deadline); // of clock_now
// One byte with descriptors. n_fds in: room; out: how many came.
bool wire_send_fds(int fd, char what, const int *fds, int n_fds);
bool wire_receive_fds(int fd, char *what, int *fds, int *n_fds);

// Waits for `events` of poll(2) until the deadline (of clock_now). False: it is over.
bool wire_wait(int fd, short events, double deadline);
// One message of a program: 32-bit little-endian length, then the bytes, appended to *out. Reads no
// byte past it. ST_FORMAT: longer than max_bytes; ST_IO: it ended or did not come in time.
MUST_USE Status wire_read_frame(int fd, size_t max_bytes, int wall_ms, Str *out);

#ifdef __cplusplus
}
#endif
#endif
