// pipelines/command/command_doctor.c -- `grpo doctor`: what this machine can do, with the fix.
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/pool.h"
#include "pipelines/command.h"
#include "pipelines/run/machine.h"
#include "policy/cpu/gemm.h"
#include "sandbox/cage.h"

typedef enum Level { LEVEL_OK, LEVEL_WARN, LEVEL_FAIL } Level;

typedef struct Doctor {
    bool json;
    int n[3];
    Str out;
} Doctor;

static void tell(Doctor *d, Level level, const char *name, const char *fix, const char *fmt, ...)
    PRINTF_LIKE(5, 6);
static void tell(Doctor *d, Level level, const char *name, const char *fix, const char *fmt, ...) {
    static const char *const word[] = {"ok", "warn", "FAIL"};
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    d->n[level]++;
    if (d->json) {
        str_puts(&d->out, "{\"check\":");
        str_json(&d->out, name, strlen(name));
        str_printf(&d->out, ",\"level\":\"%s\",\"found\":", word[level]);
        str_json(&d->out, text, strlen(text));
        if (fix && level != LEVEL_OK) {
            str_puts(&d->out, ",\"fix\":");
            str_json(&d->out, fix, strlen(fix));
        }
        str_puts(&d->out, "}\n");
        return;
    }
    str_printf(&d->out, "%-5s %-10s %s\n", word[level], name, text);
    if (fix && level != LEVEL_OK) str_printf(&d->out, "%16s -> %s\n", "", fix);
}

static void look_at_cpu(Doctor *d, const Machine *m) {
    Str sets = {0};
    for (int r = GEMM_SETS - 1; r >= 0; r--)
        if (gemm_set_supported((GemmSet)r))
            str_printf(&sets, "%s%s", sets.size ? ", " : "", gemm_set_name((GemmSet)r));
    tell(d, LEVEL_OK, "cpu", NULL, "%s; %d core%s for this process", m->cpu[0] ? m->cpu : "unknown",
         m->cores, m->cores == 1 ? "" : "s");
    Status st = gemm_select(getenv("GRPO_CPU"));
    if (st != ST_OK) {
        tell(d, LEVEL_FAIL, "gemm", "unset GRPO_CPU", "%s", status_text());
    } else {
        GemmSet set = gemm_set();
        bool slow = set == GEMM_PORTABLE;
        tell(d, slow ? LEVEL_WARN : LEVEL_OK, "gemm",
             "AVX2 with FMA is wanted: the portable set is for tests",
             "%s is used; this machine has %s%s", gemm_set_name(set), str_text(&sets),
             set == GEMM_AMX ? "" : " (without AMX a run takes longer)");
    }
    str_free(&sets);
}

static void look_at_memory(Doctor *d, const Machine *m) {
    Str total = {0}, free_ = {0};
    machine_bytes(m->memory_bytes, &total);
    machine_bytes(m->available_bytes, &free_);
    tell(d, m->available_bytes < (512ull << 20) ? LEVEL_WARN : LEVEL_OK, "memory",
         "the desk recipe wants about half a GiB: end other programs", "%s, of which %s can be had",
         str_text(&total), str_text(&free_));
    str_free(&total);
    str_free(&free_);
}

// Writes, syncs and removes 16 MiB: what a checkpoint will see.
static void look_at_disk(Doctor *d, const char *folder) {
    struct statvfs info;
    if (statvfs(folder, &info) != 0) {
        tell(d, LEVEL_FAIL, "disk", "choose a folder that is there", "%s: %s", folder,
             strerror(errno));
        return;
    }
    Str free_ = {0}, path = {0};
    uint64_t left = (uint64_t)info.f_bavail * info.f_frsize;
    machine_bytes(left, &free_);
    str_printf(&path, "%s/.grpo-doctor.%d", folder, (int)getpid());
    enum { MIB = 1 << 20, N = 16 };
    char *block = calloc(1, MIB);
    CHECK(block);
    int fd = open(path.data, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    bool good = fd >= 0;
    double begin = clock_now();
    for (int i = 0; i < N && good; i++) good = write(fd, block, MIB) == MIB;
    good = good && fsync(fd) == 0;
    int why = errno;
    double seconds = clock_now() - begin;
    if (fd >= 0) close(fd), unlink(path.data);
    free(block);
    if (!good)
        tell(d, LEVEL_FAIL, "disk", "choose another -o", "%s: cannot write 16 MiB: %s", folder,
             strerror(why));
    else
        tell(d, left < (1ull << 30) ? LEVEL_WARN : LEVEL_OK, "disk",
             "less than 1 GiB is left for runs", "%s free in %s; %.0f MB/s synced",
             str_text(&free_), folder, N * 1.048576 / seconds);
    str_free(&free_);
    str_free(&path);
}

static void nothing(void *ctx, int i, int worker) {
    (void)ctx;
    (void)i;
    (void)worker;
}

static void look_at_threads(Doctor *d, const Machine *m) {
    Pool *pool = pool_new(0);
    enum { ROUNDS = 200 };
    pool_for(pool, 64, nothing, NULL);
    double begin = clock_now();
    for (int i = 0; i < ROUNDS; i++) pool_for(pool, pool_threads(pool), nothing, NULL);
    double us = (clock_now() - begin) / ROUNDS * 1e6;
    tell(d, us > 200 ? LEVEL_WARN : LEVEL_OK, "threads",
         "other programs take the cores; a run will be slower",
         "%d; a shared loop starts in %.1f us", pool_threads(pool), us);
    pool_free(pool);
    (void)m;
}

static void look_at_rest(Doctor *d) {
#if HAVE_CUDA
    tell(d, LEVEL_OK, "cuda", NULL, "built in: first kernels only; runs use the CPU");
#else
    tell(d, LEVEL_OK, "cuda", NULL, "not built in; runs use the CPU");
#endif
    const char *locale = setlocale(LC_CTYPE, "");
    const char *set = locale ? nl_langinfo(CODESET) : "";
    bool utf8 = strcmp(set, "UTF-8") == 0;
    tell(d, LEVEL_OK, "locale", NULL, "%s%s", locale ? locale : "C",
         utf8 ? "" : " (not UTF-8: samples may look odd on this terminal; files are UTF-8 anyway)");
    setlocale(LC_CTYPE, "C");
    tell(d, LEVEL_OK, "terminal", NULL, "%s, colour %s",
         log_is_terminal() ? "a terminal: one repainted line" : "no terminal: plain lines",
         log_has_color() ? "on" : "off");
    tell(d, LEVEL_OK, "build", NULL, "%s", command_version());
}

// What programs would be held by; without a cage everything but code tasks still works.
static void look_at_sandbox(Doctor *d) {
    static CageMachine m;
    Str names = {0};
    Status st = cage_probe(NULL, &m);
    if (st != ST_OK || m.refused[0]) {
        tell(d, LEVEL_WARN, "sandbox", st == ST_OK ? m.refused : status_text(),
             "programs cannot be confined here: tasks with code are refused");
        return;
    }
    for (int i = 0; i < CAGE_N_LAYERS; i++)
        if (m.layers & 1u << i)
            str_printf(&names, "%s%s", names.size ? " " : "", cage_layer_name(i));
    tell(d, LEVEL_OK, "sandbox", NULL, "%s (cgroup %s, Landlock ABI %d)", str_text(&names),
         m.cgroup, m.landlock_abi);
    for (int i = 0; i < CAGE_N_LAYERS; i++)
        if (m.missing[i][0])
            tell(d, LEVEL_OK, "sandbox", NULL, "without %s: %.300s", cage_layer_name(i),
                 m.missing[i]);
    str_clear(&names);
    for (int i = 0; i < CAGE_N_LANGS; i++)
        str_printf(&names, "%s%s: %s", i ? "; " : "", cage_lang_name((CageLang)i), m.version[i]);
    tell(d, LEVEL_OK, "programs", NULL, "%s", str_text(&names));
    str_free(&names);
}

static int run(const Args *args) {
    if (args->n_words > 1) return command_usage("doctor: wants at most one folder");
    Doctor d = {.json = args_has(args, "json")};
    Machine m = machine_read();
    look_at_cpu(&d, &m);
    look_at_threads(&d, &m);
    look_at_memory(&d, &m);
    look_at_disk(&d, args->n_words ? args->word[0] : ".");
    look_at_rest(&d);
    look_at_sandbox(&d);
    fputs(str_text(&d.out), stdout);
    if (!d.json)
        printf("\n%d ok, %d warn, %d FAIL\n", d.n[LEVEL_OK], d.n[LEVEL_WARN], d.n[LEVEL_FAIL]);
    str_free(&d.out);
    return d.n[LEVEL_FAIL] ? EXIT_FAILED : EXIT_DONE;
}

static const Flag flags[] = {FLAG_ALLOW_MISSING};

const Command command_doctor = {
    .name = "doctor",
    .summary = "what this machine can do: each line ok, warn or FAIL, with the fix",
    .usage = "doctor [FOLDER]",
    .about = "FOLDER is where runs will be written (default: here).",
    .examples = "grpo doctor\n"
                "grpo doctor /data/runs --json",
    .flag = flags,
    .n_flags = sizeof flags / sizeof flags[0],
    .run = run,
};
