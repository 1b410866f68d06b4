// tests/test_attacks.c -- hostile programs: alone, twice in a row, and beside a good one.
//
// After each: an expected verdict, no ESCAPED line, no process below a zygote, no new mount, SysV
// object, file or group, and the next good program is ok. With a layer switched off the named cases
// do escape: the suite can fail.
#include "tests/test.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "sandbox/cage.h"
#include "tests/bare.h"
#include "tests/child.h"

enum { MOST = 256 };

typedef struct Attack {
    char file[64], mode[24], expected[120];
    CageLang lang;
    char *source;
    size_t size;
} Attack;

static Arena *arena;
static Attack attacks[MOST];
static int n_attacks;
static CageFile header = {"attack.h", NULL, 0}; // beside every C program
static Cage *cage;
static CageMachine machine;

// Where there is no pid namespace numbers are as they come, and the guards would see no cage.
static void without_guards(char *source) {
    static const char *const guard[][2] = {{"getpid() > 200", "getpid() > 1e9"},
                                           {"$$ -lt 200", "$$ -gt 001"}};
    for (int g = 0; g < 2; g++)
        for (char *at; (at = strstr(source, guard[g][0]));)
            memcpy(at, guard[g][1], strlen(guard[g][0]));
}

static void load_attacks(void) {
    char *text, *save = NULL;
    const char *only = getenv("ATTACKS"); // part of a name, to try some by hand
    assert_ok(file_read("tests/attacks/attack.h", &text, &header.size, arena));
    if (is_bare()) {
        without_guards(text);
        text = arena_printf(arena, "#define BARE 1\n%s", text);
        header.size = strlen(text);
    }
    header.data = text;
    assert_ok(file_read("tests/attacks/INDEX.tsv", &text, NULL, arena));
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        Attack *a = &attacks[n_attacks];
        char path[128];
        if (strncmp(line, "file\t", 5) == 0) continue;
        assert_int_equal(
            sscanf(line, "%63[^\t]\t%*[^\t]\t%23[^\t]\t%119[^\t]", a->file, a->mode, a->expected),
            3);
        assert_true(cage_lang_find(strrchr(a->file, '.') + 1, &a->lang));
        snprintf(path, sizeof path, "tests/attacks/%s", a->file);
        assert_ok(file_read(path, &a->source, &a->size, arena));
        if (only && !strstr(a->file, only)) continue;
        if (a->lang == CAGE_JS && !machine.lang[CAGE_JS]) continue;
        // These attack the compiler.
        if (strcmp(a->mode, "compile") == 0 || strncmp(a->file, "c33", 3) == 0) {
            a->source = arena_printf(arena, "#define ATTACK 1\n%s", a->source);
            a->size = strlen(a->source);
        }
        if (is_bare()) without_guards(a->source);
        n_attacks++;
    }
    if (!machine.lang[CAGE_JS]) print_message("skipped: no node, so the attacks in js\n");
    assert_true(n_attacks >= 160 || only);
}

// Processes below `pid`, and how deep; a slot is two of them under the broker.
static int deeper_than(pid_t pid, int depth, int most) {
    char path[300];
    int n = 0;
    DIR *tasks;
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    tasks = opendir(path);
    for (struct dirent *t; tasks && (t = readdir(tasks));) {
        if (!isdigit((unsigned char)t->d_name[0])) continue;
        snprintf(path, sizeof path, "/proc/%d/task/%s/children", pid, t->d_name);
        FILE *f = fopen(path, "re");
        for (int child; f && fscanf(f, "%d", &child) == 1;)
            n += (depth >= most) + deeper_than(child, depth + 1, most);
        if (f) fclose(f);
    }
    if (tasks) closedir(tasks);
    return n;
}

static int count_lines(const char *path) {
    int n = 0;
    FILE *f = fopen(path, "re");
    for (int c; f && (c = getc(f)) != EOF;) n += c == '\n';
    if (f) fclose(f);
    return n;
}

// SysV objects whose owner a cell could be; the tests beside this one own theirs as root.
static int count_owned(const char *path) {
    char line[300];
    int n = 0, column = -1, at;
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f)) {
        at = 0;
        for (char *rest = line, *word; (word = strtok_r(rest, " \n", &rest)); at++) {
            if (strcmp(word, "uid") == 0) column = at;
            if (at != column || !isdigit((unsigned char)*word)) continue;
            n += geteuid() ? (uid_t)atol(word) == geteuid() : atol(word) != 0;
        }
    }
    if (f) fclose(f);
    return n;
}

static char last_name[300]; // of those counted, so that a finding says whose it may be

// Files named as an attack names its own, of an owner that a cell could be. No other test may give
// a file such a name: several run at a time.
static int count_names(const char *folder, const char *start) {
    struct stat info;
    int n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (strncmp(e->d_name, start, strlen(start)) != 0) continue;
        if (fstatat(dirfd(d), e->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
        if (geteuid() ? info.st_uid != geteuid() : info.st_uid == 0) continue;
        snprintf(last_name, sizeof last_name, "%s/%s", folder, e->d_name);
        n++;
    }
    if (d) closedir(d);
    return n;
}

// Keys of the kernel that an attack named, as far as they can be seen from here.
static int count_keys(void) {
    char line[300];
    int n = 0;
    FILE *f = fopen("/proc/keys", "re");
    while (f && fgets(line, sizeof line, f)) n += strstr(line, "gx") != NULL;
    if (f) fclose(f);
    return n;
}

typedef struct HostCounts {
    int mounts, shm, sem, msg, keys, queues, files;
} HostCounts;

static HostCounts look(void) {
    return (HostCounts){.mounts = count_lines("/proc/self/mountinfo"),
                        .shm = count_owned("/proc/sysvipc/shm"),
                        .sem = count_owned("/proc/sysvipc/sem"),
                        .msg = count_owned("/proc/sysvipc/msg"),
                        .keys = count_keys(),
                        .queues = count_names("/dev/mqueue", "gx"),
                        .files = count_names("/tmp", "gx") + count_names("/dev/shm", "gx") +
                                 count_names("/var/tmp", "gx")};
}

static bool grew(const HostCounts *before, HostCounts *now) {
    *now = look();
    return now->mounts > before->mounts || now->shm > before->shm || now->sem > before->sem ||
           now->msg > before->msg || now->keys > before->keys || now->queues > before->queues ||
           now->files > before->files;
}

static bool is_expected(const Attack *a, const char *verdict) {
    size_t n = strlen(verdict);
    for (const char *p = a->expected; *p;) {
        size_t len = strcspn(p, ",");
        if (len == n && strncmp(p, verdict, n) == 0) return true;
        p += len;
        p += *p == ',';
    }
    return false;
}

// Does a line begin with the word?
static bool has_line(const Str *s, const char *word) {
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= s->size; i++)
        if ((i == 0 || s->data[i - 1] == '\n') && memcmp(s->data + i, word, n) == 0) return true;
    return false;
}

// Short where running out of time is one of the expected ends; elsewhere long, for a busy machine.
static CageLimits limits_of(const Attack *a) {
    bool brief = strstr(a->expected, "time_limit") != NULL;
    return (CageLimits){
        .cpu_ms = brief ? 250 : 20000, .wall_ms = brief ? 500 : 60000, .memory_bytes = 64 << 20};
}

// Calls its add() with hidden pairs and compares here. "" or the judge's word.
static const char *judge_function(Cage *c, const Attack *a, CageRecord *r) {
    static char *harness;
    static size_t harness_size;
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    if (!harness) assert_ok(file_read("tests/attacks/harness.py", &harness, &harness_size, arena));
    pthread_mutex_unlock(&lock);
    CageFile files[2] = {{NULL, harness, harness_size}, {"solution.py", a->source, a->size}};
    CageJob job = {.lang = CAGE_PYTHON, .file = files, .n_files = 2, .limits = limits_of(a)};
    CageTalk *talk;
    int right = 0; // a late answer counts as wrong: no program here gives right ones
    static const int pair[3][2] = {{2, 3}, {-7, 11}, {1000003, 999}};
    assert_ok(cage_talk_begin(c, &job, &talk));
    for (int i = 0; i < 3; i++) {
        char ask[40], want[40];
        Str got = {0};
        snprintf(ask, sizeof ask, "%d %d", pair[i][0], pair[i][1]);
        snprintf(want, sizeof want, "i%d", pair[i][0] + pair[i][1]);
        Status st = cage_talk_send(talk, ask, strlen(ask), 20000);
        if (st == ST_OK) st = cage_talk_recv(talk, 4096, 3000, &got);
        right += st == ST_OK && strcmp(str_text(&got), want) == 0;
        str_free(&got);
    }
    cage_talk_end(talk, right == 3 ? 0 : 20000, r);
    return right == 3              ? "ok"
           : r->verdict == CAGE_OK ? "wrong_answer"
                                   : cage_verdict_name(r->verdict);
}

static const char *judge(Cage *c, const Attack *a, CageRecord *r) {
    if (strncmp(a->mode, "function", 8) == 0) return judge_function(c, a, r);
    bool product = strcmp(a->mode, "stdio:sumprod") == 0;
    bool stdio = strncmp(a->mode, "stdio", 5) == 0;
    const char *input = stdio ? "31 -12\n" : "", *want = product ? "19\n-372\n" : "19\n";
    bool compiled = a->lang == CAGE_C || a->lang == CAGE_CPP;
    CageFile file[2] = {{NULL, a->source, a->size}, header};
    CageJob job = {.lang = a->lang,
                   .file = file,
                   .n_files = compiled ? 2 : 1,
                   .input = input,
                   .input_bytes = strlen(input),
                   .limits = limits_of(a)};
    cage_run(c, &job, r);
    if (!stdio || r->verdict != CAGE_OK) return cage_verdict_name(r->verdict);
    return strcmp(str_text(&r->out), want) == 0 ? "ok" : "wrong_answer";
}

static void good_is_ok(Cage *c, CageLang lang, const char *after) {
    static const char *const good[CAGE_N_LANGS] = {
        [CAGE_PYTHON] = "import os\nassert 1 + 1 == 2\nassert not os.listdir('.')\nprint('good')",
        [CAGE_C] = "#include <stdio.h>\nint main(void) { puts(\"good\"); return 0; }\n",
        [CAGE_CPP] = "#include <cstdio>\nint main() { puts(\"good\"); }\n",
        [CAGE_SH] = "for i in 1 2 3; do :; done; echo good\n",
        [CAGE_JS] = "console.log('good')\n",
    };
    CageFile file = {NULL, good[lang], strlen(good[lang])};
    CageJob job = {.lang = lang, .file = &file, .n_files = 1};
    CageRecord r;
    cage_run(c, &job, &r);
    if (r.verdict != CAGE_OK || strcmp(str_text(&r.out), "good\n") != 0)
        fail_msg("after %s a good %s program is %s (%s), exit %d: %s%s", after,
                 cage_lang_name(lang), cage_verdict_name(r.verdict), r.why, r.exit,
                 str_text(&r.out), str_text(&r.err));
    cage_record_free(&r);
}

static int n_wrong;

static void check_one(const Attack *a, const char *how) {
    CageRecord r;
    const char *verdict = judge(cage, a, &r);
    bool escaped = has_line(&r.out, "ESCAPED") || has_line(&r.err, "ESCAPED") || r.exit == 99;
    // Without a mount of its own a folder does not refuse, it ends the program.
    bool full = is_bare() && strcmp(r.why, "its folder is full") == 0;
    if ((!is_expected(a, verdict) && !full) || escaped) {
        print_message(
            "%s (%s): %s, exit %d signal %d, %.0f ms, %s; expected %s%s\n  %.300s\n  %.300s\n",
            a->file, how, verdict, r.exit, r.signal, r.wall_ms, r.why, a->expected,
            escaped ? "; ESCAPED" : "", str_text(&r.out), str_text(&r.err));
        __atomic_fetch_add(&n_wrong, 1, __ATOMIC_RELAXED);
    }
    cage_record_free(&r);
}

static void nothing_is_left(const Attack *a, const HostCounts *before) {
    HostCounts now = {0};
    int left = 1;
    pid_t broker = first_child();
    assert_true(broker > 0);
    // Long, for the compiler's header is made beside the first C++ programs.
    for (int i = 0; i < 20000 && left; i++) {
        left = deeper_than(broker, 0, 2);
        // The next js program's node waits, with its pid 1.
        if (a->lang == CAGE_JS) left = left > 2 ? left - 2 : 0;
        if (left) usleep(1000);
    }
    for (int i = 0; i < 3000 && grew(before, &now); i++)
        usleep(20000); // a test beside this one may mount
    if (left || grew(before, &now)) {
        print_message("%s leaves %d processes; mounts %d to %d, shm %d to %d, keys %d to %d, "
                      "files %d to %d %s\n",
                      a->file, left, before->mounts, now.mounts, before->shm, now.shm, before->keys,
                      now.keys, before->files, now.files, now.files ? last_name : "");
        __atomic_fetch_add(&n_wrong, 1, __ATOMIC_RELAXED);
    }
}

static void every_attack_is_held_alone_and_twice_in_a_row(void **state) {
    (void)state;
    HostCounts before = look();
    n_wrong = 0;
    for (int i = 0; i < n_attacks; i++) {
        const Attack *a = &attacks[i];
        check_one(a, "alone");
        nothing_is_left(a, &before);
        check_one(a, "again");
        nothing_is_left(a, &before);
        good_is_ok(cage, a->lang, a->file);
    }
    assert_int_equal(n_wrong, 0);
}

// A Python program is a copy of its zygote, which was given all programs before it.
static void nothing_of_a_program_is_found_by_the_next(void **state) {
    (void)state;
    static const size_t before[] = {0, 3000, 40000, 200000}; // bytes ahead of the words
    int n = 0;
    for (int i = 0; i < n_attacks; i++) {
        const Attack *a = &attacks[i];
        if (strncmp(a->file, "p11", 3) != 0) continue;
        for (size_t k = 0; k < sizeof before / sizeof before[0]; k++) {
            Str words = {0};
            while (words.size < before[k]) str_puts(&words, "# some text\n");
            for (int w = 0; w < 150; w++) str_putc(&words, '#');
            str_puts(&words, " GX-THE-WORDS-OF-THE-LAST ");
            for (int w = 0; w < 150; w++) str_putc(&words, '#');
            CageFile file[2] = {{NULL, "pass", 4}, {"correct_output.txt", words.data, words.size}};
            CageJob job = {.lang = CAGE_PYTHON, .file = file, .n_files = 2};
            CageRecord r;
            cage_run(cage, &job, &r);
            assert_int_equal(r.verdict, CAGE_OK);
            cage_record_free(&r);
            str_free(&words);
            n_wrong = 0;
            check_one(a, "after one with words");
            assert_int_equal(n_wrong, 0);
            n++;
        }
    }
    if (!n) skip();
}

static void *attack_on_a_thread(void *arg) {
    check_one(arg, "beside");
    return NULL;
}

// Three attacks at a time, each in two slots.
static void every_attack_is_held_beside_itself_and_others_and_a_good_program(void **state) {
    (void)state;
    enum { ABREAST = 3 };
    n_wrong = 0;
    for (int i = 0; i < n_attacks; i += ABREAST) {
        pthread_t thread[2 * ABREAST];
        int n = n_attacks - i < ABREAST ? n_attacks - i : ABREAST;
        for (int k = 0; k < 2 * n; k++)
            assert_int_equal(
                pthread_create(&thread[k], NULL, attack_on_a_thread, &attacks[i + k % n]), 0);
        good_is_ok(cage, attacks[i].lang, attacks[i].file);
        for (int k = 0; k < 2 * n; k++) pthread_join(thread[k], NULL);
    }
    assert_int_equal(n_wrong, 0);
}

static int begin(void **state) {
    (void)state;
    arena = arena_new(1 << 20);
    const CageOpts opts = cage_opts();
    assert_ok(cage_probe(&opts, &machine));
    load_attacks();
    if (cage_open(&opts, &cage) == ST_OK) return 0;
    // Where programs cannot be confined the cage must refuse: that is all there is to see.
    print_message("skipped: no cage here: %s\n", status_text());
    return 0;
}

static int end(void **state) {
    (void)state;
    cage_close(cage);
    arena_free(arena);
    return 0;
}

int main(int argc, char **argv) {
    cage_main(argc, argv);
    if (is_bare()) among_ourselves();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_attack_is_held_alone_and_twice_in_a_row),
        cmocka_unit_test(nothing_of_a_program_is_found_by_the_next),
        cmocka_unit_test(every_attack_is_held_beside_itself_and_others_and_a_good_program),
    };
    const char *part = getenv("ATTACKS_PART"); // of the names, where half of the time must do
    if (part && strcmp(part, "alone") == 0) cmocka_set_test_filter("*alone*");
    if (part && strcmp(part, "beside") == 0) cmocka_set_test_filter("*beside*");
    return cmocka_run_group_tests(tests, begin, end);
}
