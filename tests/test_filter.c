// tests/test_filter.c -- sandbox/filter: the packed program answers as libseccomp's, and what it
// says.
#include "sandbox/cell/cell.h"
#include "sandbox/filter.h"
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <sys/syscall.h>

// Each kind with namespaces, then without: as a plain user's, where every rule is on.
enum { N = 2 * FILTER_KINDS, BARE = FILTER_KINDS };
static const unsigned all_rules = FILTER_OWN_PID | FILTER_BARE | FILTER_MODES;
static Filter plain[N], packed[N];

static int make(void **state) {
    (void)state;
    for (int k = 0; k < N; k++) {
        const FilterKind kind = (FilterKind)(k % FILTER_KINDS);
        const unsigned rules = k < BARE ? 0 : all_rules;
        if (filter_compile(kind, rules, &plain[k]) != ST_OK ||
            filter_make(kind, rules, &packed[k]) != ST_OK)
            return -1;
    }
    return 0;
}

static struct seccomp_data call(uint32_t nr, uint64_t first) {
    struct seccomp_data d = {.nr = (int)nr, .arch = AUDIT_ARCH_X86_64, .args = {first}};
    return d;
}

static void check_same(int kind, const struct seccomp_data *d) {
    uint32_t want = filter_eval(&plain[kind], d), got = filter_eval(&packed[kind], d);
    if (want != got)
        fail_msg("kind %d, call %d(%llx, %llx, %llx) of %x: %x, libseccomp says %x", kind, d->nr,
                 (unsigned long long)d->args[0], (unsigned long long)d->args[1],
                 (unsigned long long)d->args[2], d->arch, got, want);
}

static void every_number_gets_the_answer_of_libseccomp(void **state) {
    (void)state;
    for (int k = 0; k < N; k++)
        for (uint32_t nr = 0; nr < 0x10000; nr++) {
            static const uint32_t base[] = {0, 0x40000000, 0x80000000, 0xffff0000};
            for (int b = 0; b < 4; b++) {
                struct seccomp_data d = call(base[b] + nr, 0);
                check_same(k, &d);
                d.arch = nr & 1 ? AUDIT_ARCH_I386 : AUDIT_ARCH_AARCH64;
                check_same(k, &d);
            }
        }
}

// Each constant of the program in each argument, whole, with the upper half set, a bit off.
static void every_argument_gets_the_answer_of_libseccomp(void **state) {
    (void)state;
    long n_looked = 0;
    for (int k = 0; k < N; k++) {
        const struct sock_filter *in = (const struct sock_filter *)(const void *)plain[k].insn;
        for (uint32_t nr = 0; nr < 500; nr++) {
            struct seccomp_data none = call(nr, 0), all = none;
            memset(all.args, 0xff, sizeof all.args);
            check_same(k, &all);
            for (int i = 0; i < plain[k].n; i++)
                for (int arg = 0; arg < 6; arg++) {
                    static const uint64_t flip[] = {0, 1ull << 32, 1, 1ull << 31, ~0ull << 32};
                    for (int f = 0; f < 5; f++) {
                        struct seccomp_data d = call(nr, 0);
                        d.args[arg] = in[i].k ^ flip[f];
                        check_same(k, &d);
                        if (arg != 4) continue;
                        d.args[0] = 200; // the descriptor of an executable
                        check_same(k, &d);
                    }
                    n_looked++;
                }
        }
    }
    assert_true(n_looked > 1000000);
}

static void the_packed_program_is_half_as_long(void **state) {
    (void)state;
    for (int k = 0; k < N; k++) {
        print_message("kind %d: %d instructions, packed %d\n", k, plain[k].n, packed[k].n);
        assert_true(packed[k].n * 20 <= plain[k].n * 11);
    }
}

static uint32_t says(int kind, long nr, uint64_t first) {
    struct seccomp_data d = call((uint32_t)nr, first);
    return filter_eval(&packed[kind], &d);
}

static void calls_are_allowed_refused_or_deadly(void **state) {
    (void)state;
    assert_int_equal(says(FILTER_NATIVE, SYS_read, 0), SECCOMP_RET_ALLOW);
    assert_int_equal(says(FILTER_NATIVE, SYS_execve, 0), SECCOMP_RET_ERRNO | EPERM);
    assert_int_equal(says(FILTER_TOOLS, SYS_execve, 0), SECCOMP_RET_ALLOW);
    assert_int_equal(says(FILTER_PYTHON, SYS_socket, 1), SECCOMP_RET_ERRNO | EPERM);
    assert_int_equal(says(FILTER_PYTHON, SYS_socketpair, 1ull << 32 | 1), SECCOMP_RET_ALLOW);
    assert_int_equal(says(FILTER_PYTHON, SYS_socketpair, 2), SECCOMP_RET_ERRNO | EPERM);
    assert_int_equal(says(FILTER_NATIVE, SYS_clone3, 0), SECCOMP_RET_ERRNO | ENOSYS);
    assert_int_equal(says(FILTER_NATIVE, SYS_mount, 0), SECCOMP_RET_KILL_PROCESS);
    assert_int_equal(says(FILTER_NATIVE, SYS_ptrace, 0), SECCOMP_RET_KILL_PROCESS);
    assert_int_equal(says(FILTER_NATIVE, 0x40000000 | SYS_read, 0), SECCOMP_RET_KILL_PROCESS);
    struct seccomp_data lock = call(SYS_fcntl, 1);
    lock.args[1] = 1ull << 32 | F_SETLK;
    assert_int_equal(filter_eval(&packed[FILTER_NATIVE], &lock), SECCOMP_RET_ERRNO | EPERM);
}

// Without namespaces a program speaks of its own process only, by the number that is put in later.
static void without_namespaces_other_processes_are_not_spoken_of(void **state) {
    (void)state;
    static const long about[] = {
        SYS_kill, SYS_tgkill, SYS_getpgid, SYS_getsid, SYS_sched_getaffinity, SYS_sched_getparam};
    for (int kind = BARE; kind < N; kind++) {
        for (size_t i = 0; i < sizeof about / sizeof about[0]; i++) {
            assert_int_equal(says(kind, about[i], CELL_OWN_PID), SECCOMP_RET_ALLOW);
            assert_int_equal(says(kind, about[i], 1ull << 32 | CELL_OWN_PID), SECCOMP_RET_ALLOW);
            static const uint64_t others[] = {1, 77, ~0ull, (uint64_t)-CELL_OWN_PID};
            for (int k = 0; k < 4; k++)
                assert_int_equal(says(kind, about[i], others[k]), SECCOMP_RET_ERRNO | EPERM);
        }
        assert_int_equal(says(kind, SYS_kill, 0), SECCOMP_RET_ERRNO | EPERM);
        assert_int_equal(says(kind, SYS_getsid, 0), SECCOMP_RET_ALLOW);
        assert_int_equal(says(kind, SYS_tkill, CELL_OWN_PID), SECCOMP_RET_ERRNO | EPERM);
        assert_int_equal(says(kind, SYS_clock_gettime, 1), SECCOMP_RET_ALLOW);
        assert_int_equal(says(kind, SYS_clock_gettime, (~1234u << 3 | 2)),
                         SECCOMP_RET_ERRNO | EPERM);
        assert_int_equal(says(kind, SYS_chmod, 0), SECCOMP_RET_ERRNO | EPERM);
        assert_int_equal(says(kind, SYS_utimensat, 0), SECCOMP_RET_ERRNO | 0);
    }
    assert_int_equal(says(BARE + FILTER_NATIVE, SYS_uname, 0), SECCOMP_RET_ERRNO | EPERM);
    assert_int_equal(says(FILTER_NATIVE, SYS_kill, 77), SECCOMP_RET_ALLOW);
    assert_int_equal(says(FILTER_NATIVE, SYS_chmod, 0), SECCOMP_RET_ALLOW);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_gets_the_answer_of_libseccomp),
        cmocka_unit_test(every_argument_gets_the_answer_of_libseccomp),
        cmocka_unit_test(the_packed_program_is_half_as_long),
        cmocka_unit_test(calls_are_allowed_refused_or_deadly),
        cmocka_unit_test(without_namespaces_other_processes_are_not_spoken_of),
    };
    return cmocka_run_group_tests(tests, make, NULL);
}
