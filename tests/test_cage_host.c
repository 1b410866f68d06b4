// tests/test_cage_host.c -- without namespaces: every call that would reach a process, a file or an
// object of the host, against one of each that waits to be reached.
#include "tests/test.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/cage.h"
#include "tests/bare_users.h"

// Everything that is there to be hurt, of the program's own user where it is a plain one's.
typedef struct HostObjects {
    pid_t victim;
    int abstract, path, segment;
    char folder[64];
} HostObjects;

static void become(int user) {
    if (user != PLAIN || geteuid() != 0) return;
    if (setgroups(0, NULL) != 0 || setresgid(65534, 65534, 65534) != 0 ||
        setresuid(65534, 65534, 65534) != 0)
        _exit(1);
    prctl(PR_SET_DUMPABLE, 1);
}

static int listen_at(const char *name, bool abstract) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path + abstract, sizeof at.sun_path - abstract, "%s", name);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + abstract + strlen(name));
    assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(fd, 9), 0);
    return fd;
}

static HostObjects make_host(int user) {
    HostObjects h = {.victim = -1};
    int ready[2];
    char path[100];
    snprintf(h.folder, sizeof h.folder, "/tmp/host-bare.XXXXXX");
    assert_non_null(mkdtemp(h.folder));
    if (user == PLAIN && geteuid() == 0) assert_int_equal(chown(h.folder, 65534, 65534), 0);
    assert_int_equal(pipe(ready), 0);
    h.victim = fork();
    if (h.victim == 0) {
        become(user);
        if (chmod(h.folder, 0777) != 0) _exit(1);
        snprintf(path, sizeof path, "%s/file", h.folder);
        int fd = open(path, O_CREAT | O_RDWR, 0666);
        if (fd < 0 || fchmod(fd, 0666) != 0 || write(fd, "secret", 6) != 6) _exit(1);
        snprintf(path, sizeof path, "%s/fifo", h.folder);
        if (mkfifo(path, 0666) != 0 || write(ready[1], "r", 1) != 1) _exit(1);
        for (;;) pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], path, 1), 1);
    close(ready[0]);
    snprintf(path, sizeof path, "gx-bare-%d", h.victim);
    h.abstract = listen_at(path, true);
    snprintf(path, sizeof path, "%s/socket", h.folder);
    h.path = listen_at(path, false);
    assert_int_equal(chmod(path, 0777), 0);
    h.segment = shmget(0x67785151 + user, 4096, IPC_CREAT | 0666);
    assert_true(h.segment >= 0);
    return h;
}

static void end_host(HostObjects *h) {
    char command[100];
    assert_int_equal(waitpid(h->victim, NULL, WNOHANG), 0); // lives, and is not stopped
    kill(h->victim, SIGKILL);
    waitpid(h->victim, NULL, 0);
    close(h->abstract), close(h->path);
    shmctl(h->segment, IPC_RMID, NULL);
    snprintf(command, sizeof command, "rm -rf %s", h->folder);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): a test's own words
}

// stdin: the victim's number, the folder, the key of the segment. Each attempt in a child, for the
// filter may end it; the first three in itself, for a child has another number.
static const char host_attack[] = C_HEAD
    "static int victim, key; static char folder[64], at[100], to[100];\n"
    "#define TRY(what, call) do { int s_ = -1; fflush(stdout); pid_t p_ = fork();\\\n"
    "    if (p_ == 0) { errno = 0; _exit((long)(call) < 0); }\\\n"
    "    waitpid(p_, &s_, 0); n++; if (s_ == -1 || s_ == 0) printf(\"ESCAPED %s\\n\", what);\\\n"
    "    } while (0)\n"
    "static int to_socket(const char *name, int abstract) {\n"
    "    struct sockaddr_un a = {AF_UNIX}; strcpy(a.sun_path + abstract, name);\n"
    "    return connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a,\n"
    "        offsetof(struct sockaddr_un, sun_path) + abstract + strlen(name)); }\n"
    "static const char *in(const char *name) { sprintf(at, \"%s/%s\", folder, name); return at; }\n"
    "static const char *of(const char *name) { sprintf(to, \"/proc/%d/%s\", victim, name);\n"
    "    return to; }\n"
    "int main(void) {\n"
    "    int n = 0; char name[64]; struct timespec t; struct rlimit l; cpu_set_t set;\n"
    "    struct sched_param prio = {0}; char buf[400]; CPU_ZERO(&set); CPU_SET(0, &set);\n"
    "    if (scanf(\"%d %63s %d\", &victim, folder, &key) != 3) return 3;\n"
    "    int who[] = {victim, getppid(), 1, -1, -victim, 0, -getppid()};\n"
    "    for (int i = 0; i < 7; i++) for (int s = 0; s < 20; s += 19)\n"
    "        if (kill(who[i], s) == 0) printf(\"ESCAPED kill %d\\n\", i);\n"
    "    for (int i = 0; i < 3; i++) {\n"
    "        TRY(\"tkill\", syscall(SYS_tkill, who[i], 19));\n"
    "        TRY(\"tgkill\", syscall(SYS_tgkill, who[i], who[i], 19));\n"
    "        TRY(\"sigqueue\", sigqueue(who[i], 19, (union sigval){0}));\n"
    "        TRY(\"pidfd\", syscall(SYS_pidfd_open, who[i], 0));\n"
    "        TRY(\"ptrace\", syscall(SYS_ptrace, 16, who[i], 0, 0));\n"
    "        TRY(\"seize\", syscall(SYS_ptrace, 0x4206, who[i], 0, 0));\n"
    "        TRY(\"kcmp\", syscall(SYS_kcmp, getpid(), who[i], 0, 1, 1));\n"
    "        TRY(\"process_vm\", syscall(SYS_process_vm_readv, who[i], 0, 0, 0, 0, 0));\n"
    "        TRY(\"process_vm\", syscall(SYS_process_vm_writev, who[i], 0, 0, 0, 0, 0));\n"
    "        TRY(\"prlimit\", prlimit(who[i], RLIMIT_NOFILE, NULL, &l));\n"
    "        TRY(\"affinity\", sched_setaffinity(who[i], sizeof set, &set));\n"
    "        TRY(\"affinity\", sched_getaffinity(who[i], sizeof set, &set));\n"
    "        TRY(\"scheduler\", sched_setscheduler(who[i], SCHED_BATCH, &prio));\n"
    "        TRY(\"scheduler\", sched_getscheduler(who[i]));\n"
    "        TRY(\"sched param\", sched_getparam(who[i], &prio));\n"
    "        TRY(\"priority\", setpriority(PRIO_PROCESS, who[i], 5));\n"
    "        TRY(\"priority\", getpriority(PRIO_PROCESS, who[i]));\n"
    "        TRY(\"ioprio\", syscall(SYS_ioprio_set, 1, who[i], 3 << 13));\n"
    "        TRY(\"ioprio\", syscall(SYS_ioprio_get, 1, who[i]));\n"
    "        TRY(\"group\", getpgid(who[i]));\n"
    "        TRY(\"group\", setpgid(who[i], 0));\n"
    "        TRY(\"session\", getsid(who[i]));\n"
    "        TRY(\"robust list\", syscall(SYS_get_robust_list, who[i], &n, &n));\n"
    "        TRY(\"cpu clock\", syscall(SYS_clock_gettime, ~who[i] << 3 | 2, &t));\n"
    "        TRY(\"pages\", syscall(SYS_move_pages, who[i], 0, 0, 0, 0, 0));\n"
    "        TRY(\"migrate\", syscall(SYS_migrate_pages, who[i], 64, buf, buf));\n"
    "    }\n"
    "    static const char *const proc[] = {\"mem\", \"environ\", \"maps\", \"status\", \"fd\",\n"
    "        \"cmdline\", \"stat\", \"auxv\", \"root/etc/passwd\", \"cwd\", \"task\", "
    "\"ns/mnt\"};\n"
    "    for (int i = 0; i < 12; i++) {\n"
    "        TRY(proc[i], open(of(proc[i]), O_RDONLY));\n"
    "        TRY(proc[i], open(of(proc[i]), O_RDWR)); }\n"
    "    TRY(\"exe\", readlink(of(\"exe\"), buf, 64)); TRY(\"cwd\", readlink(of(\"cwd\"), buf, "
    "64));\n"
    "    TRY(\"fd 0\", readlink(of(\"fd/0\"), buf, 64));\n"
    "    TRY(\"own mem\", open(\"/proc/self/mem\", O_RDWR));\n"
    "    TRY(\"oom\", open(\"/proc/self/oom_score_adj\", O_WRONLY));\n"
    "    TRY(\"read\", open(in(\"file\"), O_RDONLY)); TRY(\"write\", open(in(\"file\"), "
    "O_WRONLY));\n"
    "    TRY(\"list\", open(folder, O_RDONLY)); TRY(\"make\", open(in(\"new\"), O_CREAT | 1, "
    "0600));\n"
    "    TRY(\"unnamed\", open(folder, O_TMPFILE | O_RDWR, 0600));\n"
    "    TRY(\"fifo\", open(in(\"fifo\"), O_RDWR)); TRY(\"truncate\", truncate(in(\"file\"), 0));\n"
    "    TRY(\"unlink\", unlink(in(\"file\"))); TRY(\"mkdir\", mkdir(in(\"new\"), 0700));\n"
    "    TRY(\"symlink\", symlink(\"x\", in(\"new\"))); TRY(\"rmdir\", rmdir(folder));\n"
    "    TRY(\"mknod\", mknod(in(\"new\"), S_IFIFO | 0600, 0)); TRY(\"chmod\", chmod(folder, 0));\n"
    "    TRY(\"chmod\", chmod(in(\"file\"), 0)); TRY(\"chown\", chown(in(\"file\"), 1, 1));\n"
    "    TRY(\"chmodat\", fchmodat(AT_FDCWD, in(\"file\"), 0, 0));\n"
    "    TRY(\"chmod 2\", syscall(452, AT_FDCWD, in(\"file\"), 0, 0));\n"
    "    TRY(\"chmod fd\", fchmod(open(in(\"file\"), O_PATH), 0));\n"
    "    strcpy(name, \"mine\"); close(open(name, O_CREAT | O_WRONLY, 0600));\n"
    "    TRY(\"rename out\", rename(name, in(\"mine\"))); TRY(\"rename in\", rename(in(\"file\"), "
    "\"f\"));\n"
    "    TRY(\"link out\", link(name, in(\"mine\"))); TRY(\"link in\", link(in(\"file\"), "
    "\"f\"));\n"
    "    TRY(\"exchange\", renameat2(AT_FDCWD, name, AT_FDCWD, in(\"file\"), 2));\n"
    "    TRY(\"above\", open(\"../x\", O_CREAT | O_WRONLY, 0600));\n"
    "    TRY(\"beside\", open(\"../../pch/x\", O_CREAT | O_WRONLY, 0600));\n"
    "    TRY(\"slot\", open(\"../../x\", O_CREAT | O_WRONLY, 0600));\n"
    "    TRY(\"slots\", open(\"../../..\", O_RDONLY)); TRY(\"slots\", open(\"../..\", O_RDONLY));\n"
    "    TRY(\"shm\", open(\"/dev/shm/gx\", O_CREAT | O_RDWR, 0600));\n"
    "    TRY(\"watch\", syscall(SYS_inotify_init1, 0)); TRY(\"socket\", to_socket(in(\"socket\"), "
    "0));\n"
    "    sprintf(name, \"gx-bare-%d\", victim); TRY(\"abstract\", to_socket(name, 1));\n"
    "    TRY(\"shm segment\", syscall(SYS_shmget, key, 0, 0));\n"
    "    TRY(\"semaphore\", syscall(SYS_semget, 0, 1, 0600 | 01000));\n"
    "    TRY(\"queue\", syscall(SYS_mq_open, \"gx\", O_CREAT | O_RDWR, 0600, 0));\n"
    "    TRY(\"keys\", syscall(SYS_add_key, \"user\", \"gx\", \"x\", 1, -4));\n"
    "    int lib = open(\"/dev/null\", O_RDONLY); struct flock f = {.l_type = F_RDLCK};\n"
    "    TRY(\"flock\", syscall(SYS_flock, lib, 1)); TRY(\"lock\", fcntl(lib, F_SETLK, &f));\n"
    "    TRY(\"ofd lock\", fcntl(lib, 37, &f)); TRY(\"lease\", fcntl(lib, 1024, F_RDLCK));\n"
    "    TRY(\"notify\", fcntl(lib, 1026, 1)); TRY(\"owner\", fcntl(0, F_SETOWN, victim));\n"
    "    TRY(\"name\", syscall(SYS_uname, buf)); TRY(\"hosts\", gethostname(buf, 64));\n"
    "    printf(\"%d tried\\n\", n); return 0; }\n";

static void nothing_of_the_host_is_reached(void **state) {
    (void)state;
    for (int user = 0; user < N_USERS; user++) {
        if (!has(user)) continue;
        const CageOpts opts = opts_of(user);
        HostObjects h = make_host(user); // before the cage, whose sockets it would keep open
        Cage *cage = open_cage(&opts);
        if (!cage) {
            end_host(&h);
            skip();
        }
        struct stat before, after;
        char input[120], path[100];
        snprintf(path, sizeof path, "%s/file", h.folder);
        snprintf(input, sizeof input, "%d %s %d\n", h.victim, h.folder, 0x67785151 + user);
        assert_int_equal(stat(path, &before), 0);
        CageRecord r = run(cage, CAGE_C, host_attack, input);
        print_message("%s: %s", user == ROOT ? "root" : "plain user", str_text(&r.out));
        if (r.verdict != CAGE_OK || strstr(str_text(&r.out), "ESCAPED"))
            fail_msg("%s %s\n%s%s", cage_verdict_name(r.verdict), r.why, str_text(&r.out),
                     str_text(&r.err));
        assert_non_null(strstr(str_text(&r.out), " tried"));
        cage_record_free(&r);
        // The time of a file of its user: the call does nothing.
        snprintf(input, sizeof input, "%s", path);
        r = run(cage, CAGE_PYTHON,
                "import os\ntry:\n    os.utime(input(), (1, 1))\nexcept OSError:\n    pass\n",
                input);
        assert_int_equal(r.verdict, CAGE_OK);
        cage_record_free(&r);
        assert_int_equal(stat(path, &after), 0);
        assert_int_equal(before.st_mtime, after.st_mtime);
        assert_int_equal(before.st_mode, after.st_mode);
        cage_close(cage);
        end_host(&h);
    }
}

int main(int argc, char **argv) {
    cage_main(argc, argv);
    among_ourselves();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_of_the_host_is_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
