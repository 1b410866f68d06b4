// tests/attacks/k33_records_on_every_descriptor.c -- hostile: records_on_every_descriptor
/* NAME: records_on_every_descriptor
 * MODE: stdio:sum
 * WHAT: writes what a record of the cage looks like to every descriptor that there might be
 * EXPECTED: wrong_answer, runtime_error
 * OBSERVE: no ESCAPED line */
#include "attack.h"
int main(void) {
    struct { uint32_t magic; int32_t err; char step[64]; int32_t status; uint32_t by, n; uint64_t cpu, wall, peak; } tail = {.peak = 1};
    for (uint32_t magic = 0x43454c4c; magic < 0x43454c4c + 4; magic++)
        for (int fd = 3; fd < 1024; fd++) {
            tail.magic = magic;
            if (write(fd, &tail, sizeof tail) > 0) puts("ESCAPED a descriptor takes a record");
            if (write(fd, "R", 1) > 0) puts("ESCAPED a descriptor takes a byte");
        }
    return 0;
}
