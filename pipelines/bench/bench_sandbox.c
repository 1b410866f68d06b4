// pipelines/bench/bench_sandbox.c -- medians of one slot, rates of two, bubblewrap beside; a soak.
#include "pipelines/bench/bench_sandbox.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "sandbox/cage.h"

static const char python_source[] = "def add(a, b):\n    return a + b\n"
                                    "assert add(1, 2) == 3\nassert add(-1, 1) == 0\n"
                                    "assert add(10, 5) == 15\n";
static const char c_source[] = "int main(void) { return 0; }\n";

typedef struct Load {
    Cage *cage;
    CageJob job;
    int runs, bad;
    double *seconds; // [runs], each program's
} Load;

static void *load(void *arg) {
    Load *l = arg;
    for (int i = 0; i < l->runs; i++) {
        CageRecord r;
        double begin = clock_now();
        cage_run(l->cage, &l->job, &r);
        l->seconds[i] = clock_now() - begin;
        l->bad += r.verdict != CAGE_OK;
        cage_record_free(&r);
    }
    return NULL;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void say(bool json, const char *what, int slots, const double *seconds, int n, double rate) {
    double median = seconds[n / 2] * 1e3, p99 = seconds[n - 1 - n / 100] * 1e3;
    if (json)
        printf("{\"name\":\"sandbox\",\"what\":\"%s\",\"slots\":%d,\"runs\":%d,\"min_ms\":%.3f,"
               "\"median_ms\":%.3f,\"p99_ms\":%.3f,\"per_s\":%.0f}\n",
               what, slots, n, seconds[0] * 1e3, median, p99, rate);
    else
        printf("  %-18s %d at a time  min %7.3f  median %7.3f  p99 %7.3f ms  %7.0f a second\n",
               what, slots, seconds[0] * 1e3, median, p99, rate);
}

// Rate of `slots` threads; every program's time goes to *seconds.
static Status measure(Cage *cage, CageLang lang, int slots, int runs, bool json, double *rate) {
    const char *source = lang == CAGE_PYTHON ? python_source : c_source;
    CageFile file = {NULL, source, strlen(source)};
    enum { MOST = 64 };
    pthread_t thread[MOST];
    Load loads[MOST];
    double *seconds = malloc((size_t)slots * (size_t)runs * sizeof *seconds);
    CHECK(seconds && slots <= MOST);
    int bad = 0;
    for (int i = 0; i < slots; i++)
        loads[i] = (Load){.cage = cage,
                          .job = {.lang = lang, .file = &file, .n_files = 1},
                          .runs = 20, // warm: slots, compile store
                          .seconds = seconds + (ptrdiff_t)i * runs};
    double begin = 0;
    for (int pass = 0; pass < 2; pass++) {
        begin = clock_now();
        for (int i = 0; i < slots; i++)
            CHECK(pthread_create(&thread[i], NULL, load, &loads[i]) == 0);
        for (int i = 0; i < slots; i++) {
            pthread_join(thread[i], NULL);
            bad += loads[i].bad;
            loads[i].runs = runs;
        }
    }
    int n = slots * runs;
    *rate = n / (clock_now() - begin);
    qsort(seconds, (size_t)n, sizeof *seconds, by_value);
    say(json, cage_lang_name(lang), slots, seconds, n, *rate);
    free(seconds);
    return bad ? FAIL(ST_IO, "sandbox: %d programs of the benchmark did not end with ok", bad)
               : ST_OK;
}

// What others pay: bubblewrap with all its namespaces around the same interpreter or program.
typedef struct Wrapped {
    char *const *argv;
    int runs;
    double *seconds;
    bool bad;
} Wrapped;

static void *wrap(void *arg) {
    Wrapped *w = arg;
    static char *const env[] = {"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", NULL};
    for (int i = 0; i < w->runs; i++) {
        pid_t pid;
        int status = 1;
        double begin = clock_now();
        if (posix_spawn(&pid, w->argv[0], NULL, NULL, w->argv, env) != 0 ||
            waitpid(pid, &status, 0) != pid)
            w->bad = true;
        w->seconds[i] = clock_now() - begin;
        w->bad |= status != 0;
    }
    return NULL;
}

static bool measure_wrapped(const char *what, char *const *argv, int slots, int runs, bool json,
                            double *rate) {
    pthread_t thread[2];
    Wrapped w[2];
    bool bad = false;
    double *seconds = malloc((size_t)slots * (size_t)runs * sizeof *seconds);
    CHECK(seconds && slots <= 2);
    double begin = clock_now();
    for (int i = 0; i < slots; i++) {
        w[i] = (Wrapped){argv, runs, seconds + (ptrdiff_t)i * runs, false};
        CHECK(pthread_create(&thread[i], NULL, wrap, &w[i]) == 0);
    }
    for (int i = 0; i < slots; i++) {
        pthread_join(thread[i], NULL);
        bad |= w[i].bad;
    }
    int n = slots * runs;
    *rate = n / (clock_now() - begin);
    qsort(seconds, (size_t)n, sizeof *seconds, by_value);
    if (!bad) say(json, what, slots, seconds, n, *rate);
    free(seconds);
    return !bad;
}

#define WRAP                                                                                       \
    "/usr/bin/bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--ro-bind", "/usr",  \
        "/usr", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--tmpfs",     \
        "/tmp", "--dev", "/dev", "--clearenv"

static void compare(bool json, int runs, const double *ours) {
    static char *const python[] = {WRAP, "/usr/bin/python3",    "-I", "-S",
                                   "-c", (char *)python_source, NULL};
    static char *const native[] = {WRAP, "/usr/bin/true", NULL};
    double rate[2];
    if (access("/usr/bin/bwrap", X_OK) != 0) {
        printf(json ? "" : "  bubblewrap is not installed: apt-get install bubblewrap\n");
        return;
    }
    if (!measure_wrapped("bwrap + python", python, 2, runs / 4 + 1, json, &rate[0]) ||
        !measure_wrapped("bwrap + true", native, 2, runs / 2 + 1, json, &rate[1])) {
        printf(json ? "" : "  bubblewrap does not run here\n");
        return;
    }
    for (int i = 0; i < 2; i++)
        printf(json ? "{\"name\":\"sandbox_ratio\",\"what\":\"%s\",\"times_bwrap\":%.2f}\n"
                    : "  %s: %.1f times the rate of bubblewrap\n",
               i ? "c" : "python", ours[i] / rate[i]);
}

Status bench_sandbox(bool json, int runs) {
    Cage *cage;
    double rate, ours[2] = {0, 0};
    Status st;
    TRY(cage_open(NULL, &cage));
    if (!json) {
        printf("programs in the cage, layers:");
        for (int i = 0; i < CAGE_N_LAYERS; i++)
            if (cage_machine(cage)->layers & 1u << i) printf(" %s", cage_layer_name(i));
        printf("\n");
    }
    TRY_OUT(measure(cage, CAGE_PYTHON, 1, runs, json, &rate));
    TRY_OUT(measure(cage, CAGE_C, 1, runs * 4, json, &rate));
    TRY_OUT(measure(cage, CAGE_PYTHON, 2, runs, json, &ours[0]));
    TRY_OUT(measure(cage, CAGE_C, 2, runs * 4, json, &ours[1]));
    compare(json, runs, ours);
out:
    cage_close(cage);
    return st;
}

typedef struct Grown {
    long kib, fds, processes, mounts;
} Grown;

static long count_in(const char *path, bool lines) {
    long n = 0;
    if (lines) {
        FILE *f = fopen(path, "re");
        for (int c; f && (c = getc(f)) != EOF;) n += c == '\n';
        if (f) fclose(f);
        return n;
    }
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) n += isdigit((unsigned char)e->d_name[0]) != 0;
    if (d) closedir(d);
    return n;
}

// This process and its children, the broker among them.
static Grown look(void) {
    Grown g = {.mounts = count_in("/proc/self/mountinfo", true),
               .fds = count_in("/proc/self/fd", false)};
    DIR *d = opendir("/proc");
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[300], line[256];
        long parent = -1, rss = 0;
        if (!isdigit((unsigned char)e->d_name[0])) continue;
        snprintf(path, sizeof path, "/proc/%s/status", e->d_name);
        FILE *f = fopen(path, "re");
        while (f && fgets(line, sizeof line, f)) {
            if (sscanf(line, "PPid: %ld", &parent) == 1 && parent != getpid()) break;
            sscanf(line, "VmRSS: %ld", &rss);
        }
        if (f) fclose(f);
        if (parent != getpid()) continue;
        g.processes++;
        g.kib += rss;
        snprintf(path, sizeof path, "/proc/%s/fd", e->d_name);
        g.fds += count_in(path, false);
    }
    if (d) closedir(d);
    return g;
}

Status bench_sandbox_soak(bool json, int runs) {
    Cage *cage;
    Status st = ST_OK;
    TRY(cage_open(NULL, &cage));
    Load l = {.cage = cage, .runs = 1};
    double one;
    Grown begin = {0}, end;
    for (int i = 0; i < runs; i++) {
        bool python = i % 5 == 0;
        const char *source = python ? python_source : c_source;
        CageFile file = {NULL, source, strlen(source)};
        l.job = (CageJob){.lang = python ? CAGE_PYTHON : CAGE_C, .file = &file, .n_files = 1};
        l.seconds = &one;
        load(&l);
        if (i == (runs < 4000 ? runs / 2 : 2000)) begin = look(); // warm, recycled once
    }
    end = look();
    printf(json ? "{\"name\":\"sandbox_soak\",\"runs\":%d,\"bad\":%d,\"kib\":[%ld,%ld],"
                  "\"fds\":[%ld,%ld],\"processes\":[%ld,%ld],\"mounts\":[%ld,%ld]}\n"
                : "soak: %d programs, %d not ok; broker %ld to %ld KiB, %ld to %ld descriptors, "
                  "%ld to %ld processes, %ld to %ld mounts\n",
           runs, l.bad, begin.kib, end.kib, begin.fds, end.fds, begin.processes, end.processes,
           begin.mounts, end.mounts);
    if (l.bad || end.fds > begin.fds || end.processes > begin.processes ||
        end.mounts > begin.mounts || end.kib > begin.kib + 2048)
        st = FAIL(ST_IO, "sandbox: something grows with the number of programs");
    cage_close(cage);
    return st;
}
