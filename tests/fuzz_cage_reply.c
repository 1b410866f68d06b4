// tests/fuzz_cage_reply.c -- random bytes as the broker's reply and as a program's message.
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/cage_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    WireReply reply = {0};
    CageRecord record = {0};
    memcpy(&reply, data, size < sizeof reply ? size : sizeof reply);
    if (size > 0 && data[0] & 1) reply.magic = WIRE_MAGIC; // past the first gate half of the time
    if (wire_decode(&reply, &record) == ST_OK) {
        // What is let through is sane: a pass is an exit of 0, a stage has a name.
        if (record.verdict == CAGE_OK && (record.exit != 0 || record.signal != 0)) abort();
        if (!record.stage || strlen(record.why) >= sizeof record.why) abort();
        if (strcmp(cage_verdict_name(record.verdict), "") == 0) abort();
    } else if (record.verdict != CAGE_SANDBOX_ERROR) {
        abort();
    }
    cage_record_free(&record);

    // The same bytes as a program's side of a talk: a frame comes whole, or an error does.
    int fds[2];
    Str out = {0};
    if (size > 60000 || pipe2(fds, O_NONBLOCK) != 0) return 0;
    if (write(fds[1], data, size) != (ssize_t)size) abort();
    close(fds[1]);
    size_t at = 0;
    while (wire_read_frame(fds[0], 4096, 0, &out) == ST_OK) {
        uint32_t n;
        memcpy(&n, data + at, 4);
        at += 4 + (size_t)n;
        if (n > 4096 || at > size || out.size != n) abort();
        if (n > 0 && memcmp(out.data, data + at - n, n) != 0) abort();
        str_clear(&out);
    }
    close(fds[0]);
    str_free(&out);
    return 0;
}
