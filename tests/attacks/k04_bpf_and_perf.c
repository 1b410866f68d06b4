// tests/attacks/k04_bpf_and_perf.c -- hostile: bpf_and_perf
/* NAME: bpf_and_perf
 * MODE: program
 * WHAT: loads a BPF program, makes a map, opens performance counters of itself and of all
 * EXPECTED: ok, security_violation
 * OBSERVE: no ESCAPED line */
#include "attack.h"
int main(void) {
    static uint64_t attr[16];
    static uint64_t perf[16] = {1 | 112ull << 32};
    attr[0] = 2ull | 4ull << 32, attr[1] = 4ull | 1ull << 32;
    for (long cmd = 0; cmd < 20; cmd++) TRY("bpf", syscall(SYS_bpf, cmd, attr, sizeof attr));
    TRY("perf of itself", syscall(SYS_perf_event_open, perf, 0, -1, -1, 0));
    TRY("perf of pid 1", syscall(SYS_perf_event_open, perf, 1, -1, -1, 0));
    TRY("perf of a processor", syscall(SYS_perf_event_open, perf, -1, 0, -1, 0));
    return 0;
}
