// tests/test_cage_places.c -- the cage in places that forbid something: it runs with what there is,
// or refuses and says the exact fix. Each place is made in a child; most need root to make.
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/cage.h"

// What a child saw there.
typedef struct PlaceSeen {
    int made, status;
    unsigned layers;
    CageVerdict verdict[3]; // python, c, sh
    char refused[900], why[160];
} PlaceSeen;

static void plain_user(void) {
    if (geteuid() != 0) return;
    if (setgroups(0, NULL) != 0 || setresgid(65534, 65534, 65534) != 0 ||
        setresuid(65534, 65534, 65534) != 0)
        _exit(1);
    prctl(PR_SET_DUMPABLE, 1);
}

static bool allow; // namespaces may be missing

static void look(PlaceSeen *seen) {
    static const CageLang lang[] = {CAGE_PYTHON, CAGE_C, CAGE_SH};
    static const char *const source[] = {
        "print('ran')", "#include <stdio.h>\nint main(void) { puts(\"ran\"); return 0; }\n",
        "echo ran\n"};
    Cage *cage;
    seen->made = 1;
    const CageOpts opts = {.allow_missing = allow ? CAGE_NAMESPACES : 0};
    seen->status = (int)cage_open(&opts, &cage);
    if (seen->status != ST_OK) {
        snprintf(seen->refused, sizeof seen->refused, "%s", status_text());
        return;
    }
    seen->layers = cage_machine(cage)->layers;
    for (int i = 0; i < 3; i++) {
        CageFile file = {NULL, source[i], strlen(source[i])};
        CageJob job = {.lang = lang[i], .file = &file, .n_files = 1};
        CageRecord r;
        cage_run(cage, &job, &r);
        seen->verdict[i] = r.verdict;
        if (r.verdict != CAGE_OK) snprintf(seen->why, sizeof seen->why, "%s", r.why);
        cage_record_free(&r);
    }
    cage_close(cage);
}

// enter() makes the place and gives false where it cannot; the rest is looked at in a child of it,
// so that a new pid namespace counts. The parent of a user namespace maps all ids for it.
static PlaceSeen in_place(bool (*enter)(void), bool maps) {
    PlaceSeen seen = {0};
    int out[2], go[2], came[2];
    assert_int_equal(pipe(out) | pipe(go) | pipe(came), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char c;
        if (maps && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) _exit(0);
        if (write(came[1], "c", 1) != 1 || (maps && read(go[0], &c, 1) != 1)) _exit(0);
        if (!enter()) _exit(0);
        pid_t inner = fork();
        if (inner == 0) {
            look(&seen);
            _exit(write(out[1], &seen, sizeof seen) != sizeof seen);
        }
        waitpid(inner, NULL, 0);
        _exit(0);
    }
    char c, path[64];
    close(out[1]), close(came[1]);
    if (read(came[0], &c, 1) == 1 && maps)
        for (int g = 0; g < 2; g++) {
            snprintf(path, sizeof path, "/proc/%d/%s_map", pid, g ? "gid" : "uid");
            int fd = open(path, O_WRONLY);
            assert_true(write(fd, "0 0 400000\n", 11) == 11);
            close(fd);
        }
    assert_int_equal(write(go[1], "g", 1), 1);
    if (read(out[0], &seen, sizeof seen) != sizeof seen) seen.made = 0;
    waitpid(pid, NULL, 0);
    close(out[0]), close(go[0]), close(go[1]), close(came[0]);
    return seen;
}

// Every language ran, and the layers that have no opt-out held them.
static void assert_ran(const char *where, const PlaceSeen *s) {
    const unsigned must = CAGE_MNTNS | CAGE_PIDNS | CAGE_CAPS | CAGE_NNP | CAGE_RLIMITS |
                          CAGE_SECCOMP | CAGE_CLOCK | CAGE_OUTPUT;
    if (s->status != ST_OK) fail_msg("%s: refused: %s", where, s->refused);
    assert_int_equal(s->layers & must, must);
    if (!(s->layers & CAGE_USERNS)) assert_true(s->layers & CAGE_UID);
    for (int i = 0; i < 3; i++)
        if (s->verdict[i] != CAGE_OK)
            fail_msg("%s: program %d: %s: %s", where, i, cage_verdict_name(s->verdict[i]), s->why);
}

static void assert_refused(const char *where, const PlaceSeen *s, const char *fix) {
    if (s->status == ST_OK) fail_msg("%s: a cage opened, layers %x", where, s->layers);
    assert_int_equal(s->status, ST_UNSUPPORTED);
    if (!strstr(s->refused, fix)) fail_msg("%s: no '%s' in: %s", where, fix, s->refused);
}

#define ONLY_ROOT_MAKES_IT()                                                                       \
    do {                                                                                           \
        if (geteuid() != 0) {                                                                      \
            print_message("skipped: only root makes this place\n");                                \
            skip();                                                                                \
        }                                                                                          \
    } while (0)
#define MUST_BE_MADE(seen)                                                                         \
    do {                                                                                           \
        if (!(seen).made) {                                                                        \
            print_message("skipped: this machine does not let such a place be made\n");            \
            skip();                                                                                \
        }                                                                                          \
    } while (0)

static bool new_namespaces(void) {
    return unshare(CLONE_NEWNS | CLONE_NEWPID) == 0 &&
           mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static bool no_proc(void) {
    return new_namespaces() && umount2("/proc", MNT_DETACH) == 0;
}

static bool masked_proc(void) {
    return new_namespaces() && mount("tmpfs", "/proc", "tmpfs", MS_RDONLY, NULL) == 0;
}

static bool no_proc_plain(void) {
    if (!no_proc()) return false;
    plain_user();
    return true;
}

static bool other_proc_plain(void) {
    if (!new_namespaces()) return false;
    plain_user();
    return true;
}

static void in_a_container_without_proc_root_has_a_cage(void **state) {
    (void)state;
    ONLY_ROOT_MAKES_IT();
    PlaceSeen s = in_place(no_proc, false);
    MUST_BE_MADE(s);
    assert_ran("no /proc", &s);
    assert_false(s.layers & CAGE_USERNS); // its map cannot be written
    s = in_place(masked_proc, false);
    assert_ran("masked /proc", &s);
}

static void with_the_proc_of_another_namespace_root_has_a_cage(void **state) {
    (void)state;
    ONLY_ROOT_MAKES_IT();
    PlaceSeen s = in_place(new_namespaces, false);
    MUST_BE_MADE(s);
    assert_ran("another's /proc", &s);
}

static void a_plain_user_without_proc_is_told_so(void **state) {
    (void)state;
    ONLY_ROOT_MAKES_IT();
    PlaceSeen s = in_place(no_proc_plain, false);
    MUST_BE_MADE(s);
    assert_refused("no /proc, plain", &s, "/proc");
    s = in_place(other_proc_plain, false);
    if (s.status != ST_OK) assert_refused("another's /proc, plain", &s, "/proc");
}

static bool forbid_users(void) {
    int fd = open("/proc/sys/user/max_user_namespaces", O_WRONLY);
    return fd >= 0 && write(fd, "0", 1) == 1 && close(fd) == 0;
}

static bool forbid_users_plain(void) {
    if (!forbid_users()) return false;
    plain_user();
    return true;
}

static void where_user_namespaces_are_forbidden_the_fix_is_said(void **state) {
    (void)state;
    ONLY_ROOT_MAKES_IT();
    PlaceSeen s = in_place(forbid_users_plain, true);
    MUST_BE_MADE(s);
    assert_refused("max_user_namespaces=0, plain", &s, "sysctl user.max_user_namespaces=");
    assert_non_null(strstr(s.refused, "apparmor_restrict_unprivileged_userns=0"));
    s = in_place(forbid_users, true); // root goes on with another uid
    assert_ran("max_user_namespaces=0, root", &s);
    assert_false(s.layers & CAGE_USERNS);
}

// As Docker's default profile does for a process without CAP_SYS_ADMIN.
static bool filtered(const char *const *names, bool namespaces) {
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    bool ok = ctx != NULL;
    for (; ok && *names; names++)
        ok = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), seccomp_syscall_resolve_name(*names),
                              0) == 0;
    static const unsigned flag[] = {CLONE_NEWUSER, CLONE_NEWNS,  CLONE_NEWPID,
                                    CLONE_NEWNET,  CLONE_NEWIPC, CLONE_NEWUTS};
    for (int i = 0; ok && namespaces && i < 6; i++)
        ok = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                              SCMP_A0(SCMP_CMP_MASKED_EQ, flag[i], flag[i])) == 0;
    if (ok && namespaces)
        ok = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0;
    ok = ok && seccomp_load(ctx) == 0;
    seccomp_release(ctx);
    return ok;
}

static bool docker(void) {
    static const char *const names[] = {"unshare",    "setns", "mount",  "umount2",
                                        "pivot_root", "bpf",   "keyctl", "open_by_handle_at",
                                        NULL};
    return filtered(names, true);
}

static bool docker_plain(void) {
    plain_user();
    return docker();
}

static bool no_mounts(void) {
    static const char *const names[] = {"mount",  "umount2",   "pivot_root",
                                        "fsopen", "open_tree", NULL};
    return filtered(names, false);
}

static void under_the_filter_of_a_container_the_fix_is_said(void **state) {
    (void)state;
    PlaceSeen s = in_place(docker_plain, false);
    MUST_BE_MADE(s);
    assert_refused("Docker's filter, plain", &s, "--security-opt seccomp=unconfined");
    s = in_place(docker, false);
    assert_refused("Docker's filter", &s, "--security-opt seccomp=unconfined");
    assert_refused("Docker's filter", &s, "--sandbox-allow-missing=ns");
}

static void where_mounts_are_forbidden_the_fix_is_said(void **state) {
    (void)state;
    PlaceSeen s = in_place(no_mounts, false);
    MUST_BE_MADE(s);
    assert_refused("no mounts", &s, "--security-opt apparmor=unconfined");
}

static bool no_landlock(void) {
    static const char *const names[] = {"landlock_create_ruleset", NULL};
    return filtered(names, false);
}

static void without_landlock_it_runs_and_notes_it(void **state) {
    (void)state;
    PlaceSeen s = in_place(no_landlock, false);
    MUST_BE_MADE(s);
    assert_ran("no Landlock", &s);
    assert_false(s.layers & CAGE_LANDLOCK);
}

static bool no_seccomp(void) {
    static const char *const names[] = {"seccomp", NULL};
    return filtered(names, false);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

static bool no_limits(void) {
    static const char *const names[] = {"setrlimit", "prlimit64", NULL};
    return filtered(names, false);
}

// What the refusals above offer: every language runs, held by what has no need of namespaces.
static void where_there_are_no_namespaces_and_that_is_allowed_programs_run(void **state) {
    (void)state;
    static const struct {
        const char *where;
        bool (*enter)(void);
        bool maps, of_root;
    } place[] = {{"max_user_namespaces=0, plain", forbid_users_plain, true, false},
                 {"Docker's filter, plain", docker_plain, false, false},
                 {"Docker's filter", docker, false, true},
                 {"no mounts", no_mounts, false, true}};
    const unsigned must = CAGE_BARE_LAYERS | CAGE_LANDLOCK | CAGE_CAPS | CAGE_NNP | CAGE_RLIMITS |
                          CAGE_SECCOMP | CAGE_CLOCK | CAGE_OUTPUT;
    for (size_t i = 0; i < sizeof place / sizeof place[0]; i++) {
        if (place[i].maps && geteuid() != 0) continue;
        allow = true;
        PlaceSeen s = in_place(place[i].enter, place[i].maps);
        allow = false;
        if (!s.made) continue;
        if (s.status != ST_OK && strstr(s.refused, "Landlock must hold")) {
            print_message("skipped: %s\n", s.refused);
            skip();
        }
        if (s.status != ST_OK) fail_msg("%s: %s", place[i].where, s.refused);
        assert_int_equal(s.layers & (must | CAGE_NAMESPACES), must);
        if (geteuid() == 0) assert_int_equal((s.layers & CAGE_UID) != 0, place[i].of_root);
        for (int k = 0; k < 3; k++)
            if (s.verdict[k] != CAGE_OK) fail_msg("%s: program %d: %s", place[i].where, k, s.why);
    }
}

static bool docker_without_landlock(void) {
    static const char *const names[] = {"landlock_create_ruleset", NULL};
    return filtered(names, false) && docker();
}

static void what_is_allowed_needs_landlock(void **state) {
    (void)state;
    allow = true;
    PlaceSeen s = in_place(docker_without_landlock, false);
    allow = false;
    MUST_BE_MADE(s);
    assert_refused("Docker's filter, no Landlock", &s, "Landlock must hold signals");
}

static void without_seccomp_or_limits_there_is_no_cage(void **state) {
    (void)state;
    PlaceSeen s = in_place(no_seccomp, false);
    MUST_BE_MADE(s);
    assert_refused("no seccomp", &s, "seccomp");
    if (SANITIZED) {
        print_message("no place without limits: the sanitizer itself asks for them\n");
        return;
    }
    s = in_place(no_limits, false);
    assert_refused("no limits", &s, "limit");
}

static bool as_plain(void) {
    plain_user();
    return true;
}

static void a_plain_user_has_a_cage(void **state) {
    (void)state;
    PlaceSeen s = in_place(as_plain, false);
    MUST_BE_MADE(s);
    if (s.status != ST_OK && strstr(s.refused, "user namespaces are refused")) {
        print_message("skipped: this machine gives plain users no namespaces: %s\n", s.refused);
        skip();
    }
    assert_ran("plain user", &s);
    assert_true(s.layers & CAGE_USERNS);
}

int main(int argc, char **argv) {
    cage_main(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_user_has_a_cage),
        cmocka_unit_test(in_a_container_without_proc_root_has_a_cage),
        cmocka_unit_test(with_the_proc_of_another_namespace_root_has_a_cage),
        cmocka_unit_test(a_plain_user_without_proc_is_told_so),
        cmocka_unit_test(where_user_namespaces_are_forbidden_the_fix_is_said),
        cmocka_unit_test(under_the_filter_of_a_container_the_fix_is_said),
        cmocka_unit_test(where_mounts_are_forbidden_the_fix_is_said),
        cmocka_unit_test(without_landlock_it_runs_and_notes_it),
        cmocka_unit_test(where_there_are_no_namespaces_and_that_is_allowed_programs_run),
        cmocka_unit_test(what_is_allowed_needs_landlock),
        cmocka_unit_test(without_seccomp_or_limits_there_is_no_cage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
