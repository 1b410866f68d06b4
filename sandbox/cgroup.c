// sandbox/cgroup.c -- folders made, numbers written, folders removed.
#include "sandbox/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ZYGOTE_BYTES = 96 << 20 }; // the warm interpreter is charged to the group too

static CgroupKind kind_now;
static char memory_base[150], pids_base[150];
static int n_made;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static bool put(const char *folder, const char *name, const char *text) {
    char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t n = (ssize_t)strlen(text), got = write(fd, text, (size_t)n);
    int err = errno;
    close(fd);
    errno = err;
    return got == n;
}

static bool put_number(const char *folder, const char *name, int64_t value) {
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)value);
    return put(folder, name, text);
}

// The file stays open: it is read after every program.
static int64_t get_after(int fd, const char *word) {
    char text[1024];
    ssize_t n = fd < 0 ? 0 : pread(fd, text, sizeof text - 1, 0);
    if (n <= 0) return 0;
    text[n] = 0;
    const char *at = strstr(text, word);
    return at ? strtoll(at + strlen(word), NULL, 10) : 0;
}

// Where this process is: the mount point of a hierarchy and its place in it.
static bool own_folder(const char *controller, char *out, size_t size) {
    char line[1024], mount[300] = "", place[300] = "";
    FILE *f = fopen("/proc/self/mountinfo", "re");
    while (f && !*mount && fgets(line, sizeof line, f)) {
        char at[300], type[32], options[300];
        const char *dash = strstr(line, " - ");
        if (sscanf(line, "%*s %*s %*s %*s %299s", at) != 1 || !dash) continue;
        if (sscanf(dash, " - %31s %*s %299s", type, options) != 2) continue;
        if (controller ? strcmp(type, "cgroup") == 0 : strcmp(type, "cgroup2") == 0) {
            bool has = !controller;
            for (char *save, *o = strtok_r(options, ",", &save); o && !has;
                 o = strtok_r(NULL, ",", &save))
                has = strcmp(o, controller) == 0;
            if (has) snprintf(mount, sizeof mount, "%s", at);
        }
    }
    if (f) fclose(f);
    f = fopen("/proc/self/cgroup", "re");
    while (f && !*place && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;
        if (!path) continue;
        *path++ = 0;
        bool has = !controller && !names[1];
        for (char *save, *o = strtok_r(names + 1, ",", &save); o && !has && controller;
             o = strtok_r(NULL, ",", &save))
            has = strcmp(o, controller) == 0;
        if (has) snprintf(place, sizeof place, "%s", path);
    }
    if (f) fclose(f);
    if (!*mount || !*place) return false;
    // Inside a container the place is that of the host, the mount its root.
    int n = snprintf(out, size, "%s%s", mount, strcmp(place, "/") == 0 ? "" : place);
    if (n < (int)size && access(out, F_OK) == 0) return true;
    return snprintf(out, size, "%s", mount) < (int)size;
}

// Where our process numbers count: containers may share the groups of a host.
static unsigned long own_numbers(void) {
    struct stat info;
    return stat("/proc/self/ns/pid", &info) == 0 ? (unsigned long)info.st_ino : 0;
}

// Groups of brokers that were killed. One that is in use cannot be removed.
static void remove_old(const char *own) {
    char path[300];
    DIR *d = opendir(own);
    for (struct dirent *e; d && (e = readdir(d));) {
        int pid;
        unsigned long numbers;
        if (sscanf(e->d_name, "grpo-%lu-%d", &numbers, &pid) != 2 || numbers != own_numbers() ||
            kill(pid, 0) == 0 || errno != ESRCH)
            continue;
        snprintf(path, sizeof path, "%s/grpo-%lu-%d", own, numbers, pid);
        DIR *old = opendir(path);
        for (struct dirent *g; old && (g = readdir(old));)
            if (g->d_type == DT_DIR && g->d_name[0] != '.')
                unlinkat(dirfd(old), g->d_name, AT_REMOVEDIR);
        if (old) closedir(old);
        rmdir(path);
    }
    if (d) closedir(d);
}

static bool make_base(const char *controller, char *base, size_t size) {
    char own[120];
    if (!own_folder(controller, own, sizeof own)) return false;
    remove_old(own);
    int n = snprintf(base, size, "%s/grpo-%lu-%d", own, own_numbers(), (int)getpid());
    if (n >= (int)size) return false;
    return mkdir(base, 0755) == 0 || errno == EEXIST;
}

Status cgroup_open(CgroupKind *kind) {
    *kind = kind_now = CGROUP_NONE;
    if (make_base(NULL, memory_base, sizeof memory_base)) {
        if (put(memory_base, "cgroup.subtree_control", "+memory +pids")) {
            snprintf(pids_base, sizeof pids_base, "%s", memory_base);
            *kind = kind_now = CGROUP_V2;
            return ST_OK;
        }
        rmdir(memory_base);
    }
    bool memory = make_base("memory", memory_base, sizeof memory_base);
    if (memory && make_base("pids", pids_base, sizeof pids_base)) {
        *kind = kind_now = CGROUP_V1;
        return ST_OK;
    }
    if (memory) rmdir(memory_base);
    return FAIL(ST_UNSUPPORTED, "no cgroup that may be written (memory and pids): %s",
                strerror(errno));
}

void cgroup_close(void) {
    if (kind_now == CGROUP_NONE) return;
    rmdir(memory_base);
    if (kind_now == CGROUP_V1) rmdir(pids_base);
    kind_now = CGROUP_NONE;
}

const char *cgroup_kind_name(CgroupKind kind) {
    return kind == CGROUP_V2 ? "v2" : kind == CGROUP_V1 ? "v1" : "none";
}

Status cgroup_join(int pid, Cgroup *out) {
    *out = (Cgroup){.oom_fd = -1};
    if (kind_now == CGROUP_NONE) return ST_OK;
    pthread_mutex_lock(&lock);
    int number = n_made++;
    pthread_mutex_unlock(&lock);
    snprintf(out->memory, sizeof out->memory, "%s/%d", memory_base, number);
    snprintf(out->pids, sizeof out->pids, "%s/%d", pids_base, number);
    bool ok = mkdir(out->memory, 0755) == 0;
    if (ok && kind_now == CGROUP_V1) ok = mkdir(out->pids, 0755) == 0;
    ok = ok && put_number(out->memory, "cgroup.procs", pid);
    if (ok && kind_now == CGROUP_V1) ok = put_number(out->pids, "cgroup.procs", pid);
    if (!ok) return FAIL(ST_IO, "%s: cannot join: %s", out->memory, strerror(errno));
    char path[300];
    snprintf(path, sizeof path, "%s/%s", out->memory,
             kind_now == CGROUP_V2 ? "memory.events" : "memory.oom_control");
    out->oom_fd = open(path, O_RDONLY | O_CLOEXEC);
    return ST_OK;
}

Status cgroup_limit(Cgroup *group, int64_t memory_bytes, int processes) {
    if (!group->memory[0]) return ST_OK;
    int64_t want = (memory_bytes + ZYGOTE_BYTES) * 1024 + processes; // both in one number
    if (want == group->limit) return ST_OK;
    bool v2 = kind_now == CGROUP_V2;
    bool ok = put_number(group->memory, v2 ? "memory.max" : "memory.limit_in_bytes",
                         memory_bytes + ZYGOTE_BYTES) &&
              put_number(group->pids, "pids.max", processes + 4);
    if (!ok) return FAIL(ST_IO, "%s: cannot limit: %s", group->memory, strerror(errno));
    if (v2) (void)put(group->memory, "memory.swap.max", "0"); // where there is swap at all
    group->limit = want;
    return ST_OK;
}

bool cgroup_oom(Cgroup *group) {
    if (!group->memory[0]) return false;
    int64_t n = get_after(group->oom_fd, "oom_kill ");
    bool more = n > group->oom_kills;
    group->oom_kills = n;
    return more;
}

static void remove_soon(const char *folder) {
    for (int i = 0; i < 50 && rmdir(folder) < 0 && errno == EBUSY; i++) usleep(2000);
}

void cgroup_kill(const Cgroup *group) {
    char path[300];
    int pid;
    if (!group->memory[0] || (kind_now == CGROUP_V2 && put(group->memory, "cgroup.kill", "1")))
        return;
    snprintf(path, sizeof path, "%s/cgroup.procs", group->pids);
    for (int n = 1, i = 0; n > 0 && i < 100; i++) {
        FILE *f = fopen(path, "re");
        for (n = 0; f && fscanf(f, "%d", &pid) == 1; n++)
            if (pid > 0) kill(pid, SIGKILL);
        if (f) fclose(f);
        if (n > 0) usleep(2000);
    }
}

void cgroup_leave(Cgroup *group) {
    if (!group->memory[0]) return;
    if (group->oom_fd >= 0) close(group->oom_fd);
    remove_soon(group->memory);
    if (kind_now == CGROUP_V1) remove_soon(group->pids);
    *group = (Cgroup){.oom_fd = -1};
}
