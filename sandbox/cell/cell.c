// sandbox/cell/cell.c -- a slot from outside to inside: namespaces, root, then the zygote.
//
// Two processes: the outer one waits (its death ends the inner one), the inner one is pid 1 of the
// slot's namespaces and becomes the zygote, by staying what it is or by starting Python.
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/cage.h"
#include "sandbox/cell/cell.h"
#include "sandbox/cell/start.h"

// Both are of the slot, made before any program.
__asm__(".section .rodata\ncell_so:\n.incbin \"" CELL_SO "\"\ncell_so_end:\n"
        "zygote_py:\n.incbin \"sandbox/cell/zygote.py\"\n.byte 0\n"
        "boot_js:\n.incbin \"sandbox/cell/boot.js\"\nboot_js_end:\n.previous\n"
        ".section .data\n.balign 16\nstart_o:\n.incbin \"" CELL_START "\"\nstart_o_end:\n"
        ".previous\n");
extern const char cell_so[], cell_so_end[], zygote_py[], boot_js[], boot_js_end[];
extern char start_o[], start_o_end[];

static int put_text(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    int rc = cell_write(fd, text, strlen(text)), err = errno;
    close(fd);
    errno = err;
    return rc;
}

// Who the inner process is: from outside, where that is permitted.
static int map_ids(Cell *c, pid_t pid) {
    char path[64], map[128];
    const CellSlot *s = &c->slot;
    for (int group = 0; group < 2; group++) {
        unsigned own = group ? getegid() : geteuid();
        if (s->uid_base)
            snprintf(map, sizeof map, "0 %u 1\n1 %u 1\n", s->uid_base, s->uid_base + 1);
        else
            snprintf(map, sizeof map, "0 %u 1\n", own);
        if (group && !s->uid_base) {
            snprintf(path, sizeof path, "/proc/%d/setgroups", pid);
            if (DO(c, "deny setgroups", put_text(path, "deny")) < 0) return -1;
        }
        snprintf(path, sizeof path, "/proc/%d/%s_map", pid, group ? "gid" : "uid");
        if (DO(c, group ? "map groups" : "map users", put_text(path, map)) < 0) return -1;
    }
    return 0;
}

static int fill_notes(Cell *c, const char *root) {
    int fd = (int)DO(c, "notes", syscall(SYS_memfd_create, "notes", MFD_CLOEXEC));
    if (fd < 0) return -1;
    if (dup2(fd, CELL_NOTES) < 0) return -1;
    close(fd);
    if (cell_write(CELL_NOTES, &c->slot, sizeof c->slot) < 0) return -1;
    if (cell_write(CELL_NOTES, c->filter, c->slot.filter_len * 8ul) < 0) return -1;
    if (cell_write(CELL_NOTES, root, c->slot.root_bytes) < 0) return -1;
    return cell_write(CELL_NOTES, &c->n_steps, sizeof c->n_steps);
}

static int start_python(Cell *c, const char *root) {
    char so[200], tmp[200], helper[220], home[220], folder[220], hashes[40];
    cell_path(c, "/cell.so", so, sizeof so);
    cell_path(c, c->slot.bare ? "/w/tmp" : "/tmp", tmp, sizeof tmp);
    snprintf(helper, sizeof helper, "CELL_SO=%s", so);
    snprintf(home, sizeof home, "HOME=%s", tmp);
    snprintf(folder, sizeof folder, "TMPDIR=%s", tmp);
    snprintf(hashes, sizeof hashes, "PYTHONHASHSEED=%u", (unsigned)c->slot.hash_seed);
    int fd = (int)DO(c, "helper of Python", open(so, O_WRONLY | O_CREAT | O_CLOEXEC, 0444));
    if (fd < 0) return -1;
    // cppcheck-suppress comparePointers ; two ends of one block that the assembler laid out
    if (cell_write(fd, cell_so, (size_t)(cell_so_end - cell_so)) < 0) return -1;
    close(fd);
    if (fill_notes(c, root) < 0) return -1;
    char *const argv[] = {c->slot.python,    "-s", "-S", "-B", "-X", "utf8", "-c",
                          (char *)zygote_py, NULL};
    char *const env[] = {"PATH=/usr/bin:/bin", home,   folder, "LC_ALL=C.UTF-8",
                         "LANG=C.UTF-8",       helper, hashes, NULL};
    return (int)DO(c, "start Python", execve(c->slot.python, argv, env));
}

// A file of ours in the new root, before it is sealed.
static int put_file(Cell *c, const char *step, const char *name, const char *data, size_t size) {
    char path[200];
    if (!c->slot.bare && mkdir("/pch", 0755) < 0 && errno != EEXIST) return -1;
    cell_path(c, name, path, sizeof path);
    int fd = (int)DO(c, step, open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0444));
    if (fd < 0 || cell_write(fd, data, size) < 0) return -1;
    return close(fd);
}

static int put_boot(Cell *c) {
    size_t size = (size_t)((uintptr_t)boot_js_end - (uintptr_t)boot_js);
    return put_file(c, "start of node", "/pch/boot.js", boot_js, size);
}

// The object that compiled programs are linked with, with what our own library knows filled in.
static int put_start(Cell *c) {
#if CELL_START_KNOWN
    long *const size[8] = {CELL_START_SIZES};
    const size_t bytes = (size_t)((uintptr_t)start_o_end - (uintptr_t)start_o);
    char *at = memmem(start_o, bytes, CELL_START_MARK, sizeof CELL_START_MARK);
    CellStart k = {.mark = CELL_START_MARK,
                   .hwcap = _dl_hwcap,
                   .min_stack = _dl_minsigstacksize,
                   .string_control = __x86_string_control};
    for (int i = 0; i < 8; i++) k.size[i] = *size[i];
    memcpy(k.features, _dl_x86_cpu_features, sizeof k.features);
    if (!at) return -1;
    memcpy(at, &k, sizeof k);
    return put_file(c, "start of programs", "/pch/start.o", start_o, bytes);
#else
    (void)start_o, (void)start_o_end;
    return (int)DO(c, "start of programs", -1);
#endif
}

static int bare_header(Cell *c, int header) {
    return header >= 0 ? root_header(c, c->slot.folder, header) : 0;
}

static int inner(Cell *c, const char *root, int header) {
    if (DO(c, "parent death signal", prctl(PR_SET_PDEATHSIG, SIGKILL)) < 0) return -1;
    if (c->slot.layers & CAGE_USERNS) {
        if (DO(c, "first group of the slot", setresgid(0, 0, 0)) < 0) return -1;
        if (DO(c, "first user of the slot", setresuid(0, 0, 0)) < 0) return -1;
        if (DO(c, "parent death signal", prctl(PR_SET_PDEATHSIG, SIGKILL)) < 0) return -1;
    }
    int null = open("/dev/null", O_RDWR);
    if (null < 0) return -1;
    for (int i = 0; i < CELL_FIRST; i++)
        if (i != CELL_CONTROL && i != null && dup2(null, i) < 0) return -1;
    if (null >= CELL_FIRST) close(null);
    if (c->slot.layers & CAGE_UTSNS && DO(c, "host name", sethostname("cage", 4)) < 0) return -1;
    if (c->slot.bare ? bare_header(c, header) < 0 : root_build(c, root, header) < 0) return -1;
    if (c->slot.start && put_start(c) < 0) return -1;
    if (c->slot.kind == CELL_NODE && put_boot(c) < 0) return -1;
    if (c->slot.kind == CELL_PYTHON) return start_python(c, root);
    if (root_seal(c, root) < 0) return -1;
    if (cell_ready(c, 0, "") < 0) return 0;
    serve_loop(c);
    return 0;
}

// Waits for the inner process and for the broker's end.
static void outer(Cell *c, pid_t pid, int go) {
    if (c->slot.layers & CAGE_USERNS && map_ids(c, pid) < 0) {
        cell_ready(c, errno ? errno : EIO, NULL);
        kill(pid, SIGKILL);
        _exit(1);
    }
    (void)!write(go, "g", 1);
    syscall(SYS_close_range, 0, ~0u, 0);
    int status = 0;
    pid_t got;
    // Without namespaces orphans come here; what they leave is ended with the slot.
    while ((got = waitpid(-1, &status, 0)) != pid && (got > 0 || errno == EINTR)) {
    }
    if (c->slot.bare) bare_leave(c, WIFEXITED(status) && WEXITSTATUS(status) == CELL_BYE);
    _exit(0);
}

// No namespaces: two processes all the same, the outer one outlives whatever the inner one does,
// and the broker too.
static int begin_bare(Cell *c) {
    c->broker = getppid();
    if (DO(c, "outlive the broker", prctl(PR_SET_PDEATHSIG, 0)) < 0 || domain_enter(c) < 0)
        return -1;
    return bare_make(c);
}

int main(void) {
    static Cell cell;
    Cell *c = &cell;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    syscall(SYS_close_range, CELL_HEADER + 1, ~0u, 0);
    struct rlimit files = {512, 512};
    setrlimit(RLIMIT_NOFILE, &files);
    if (cell_read(CELL_CONTROL, &c->slot, sizeof c->slot) < 0) return 1;
    if (c->slot.magic != CELL_MAGIC || c->slot.filter_len > CELL_FILTER) return 1;
    size_t filter_bytes = c->slot.filter_len * 8ul;
    char *block = malloc(filter_bytes + c->slot.root_bytes + 1);
    if (!block || cell_read(CELL_CONTROL, block, filter_bytes + c->slot.root_bytes) < 0) return 1;
    c->filter = (const uint64_t *)(const void *)block;
    c->fail_at = c->slot.fail_slot;

    int go[2], header = -1;
    if (c->slot.header) header = fcntl(CELL_HEADER, F_DUPFD_CLOEXEC, CELL_FIRST);
    close(CELL_HEADER); // whatever it was
    struct clone_args args = {.flags = CLONE_NEWPID | CLONE_NEWNS, .exit_signal = SIGCHLD};
    if (c->slot.layers & CAGE_USERNS) args.flags |= CLONE_NEWUSER;
    if (c->slot.layers & CAGE_NETNS) args.flags |= CLONE_NEWNET;
    if (c->slot.layers & CAGE_IPCNS) args.flags |= CLONE_NEWIPC;
    if (c->slot.layers & CAGE_UTSNS) args.flags |= CLONE_NEWUTS;
    if (pipe2(go, O_CLOEXEC) < 0) return 1;
    pid_t pid = -1;
    if (!c->slot.bare)
        pid = (pid_t)DO(c, "namespaces of the slot", syscall(SYS_clone3, &args, sizeof args));
    else if (begin_bare(c) == 0)
        pid = (pid_t)DO(c, "inner process of the slot", fork());
    if (pid < 0) {
        cell_ready(c, errno, NULL);
        if (c->slot.bare) bare_leave(c, true);
        return 1;
    }
    if (pid > 0) outer(c, pid, go[1]);
    char g;
    close(go[1]);
    if (read(go[0], &g, 1) != 1) return 1;
    close(go[0]);
    if (inner(c, block + filter_bytes, header) < 0) cell_ready(c, errno ? errno : EIO, NULL);
    return 1;
}
