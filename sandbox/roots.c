// sandbox/roots.c -- looks for interpreters and compilers, and asks each where its files are.
#include "sandbox/roots.h"

#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/needed_files.h"

// What a program of the host says on stdout, at most size - 1 bytes. False if it fails.
static bool ask(char *const argv[], char *out, size_t size) {
    static char *const env[] = {"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", NULL};
    posix_spawn_file_actions_t actions;
    int p[2];
    pid_t pid;
    size_t n = 0;
    ssize_t got;
    if (pipe2(p, O_CLOEXEC) < 0) return false;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, p[1], 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    int rc = posix_spawn(&pid, argv[0], &actions, NULL, argv, env);
    posix_spawn_file_actions_destroy(&actions);
    close(p[1]);
    // Whatever it is, it has ten seconds.
    struct pollfd wait = {p[0], POLLIN, 0};
    while (rc == 0 && n < size - 1 && poll(&wait, 1, 10000) > 0 &&
           (got = read(p[0], out + n, size - 1 - n)) > 0)
        n += (size_t)got;
    close(p[0]);
    out[n] = 0;
    if (rc == 0) waitpid(pid, NULL, 0);
    return rc == 0 && n > 0;
}

static char *line_of(char *text, int which) {
    for (; which > 0 && text; which--) {
        text = strchr(text, '\n');
        if (text) text++;
    }
    return text;
}

// The text up to the end of its line.
static void take_line(const char *text, char *out, size_t size) {
    snprintf(out, size, "%.*s", (int)strcspn(text, "\n"), text);
}

static bool is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static void add_folder(const char *path, Str *lines) {
    char real[PATH_MAX];
    if (realpath(path, real) && is_folder(real)) needed_files_line("bind", real, real, lines);
}

static void add_tool(const char *name, Str *lines) {
    char path[128];
    static const char *const folders[] = {"/usr/bin", "/bin", "/usr/local/bin"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", folders[i], name);
        if (access(path, X_OK) == 0 && needed_files_add(path, lines)) return;
    }
}

static void add_tools(const char *names, Str *lines) {
    char word[64];
    for (const char *p = names; *p;) {
        size_t n = strcspn(p, " ");
        snprintf(word, sizeof word, "%.*s", (int)n, p);
        add_tool(word, lines);
        p += n;
        p += *p == ' ';
    }
}

// On a machine with a merged /usr its short names are links; the same inside.
static void add_links(Str *lines) {
    static const char *const names[] = {"/bin", "/lib", "/lib64"};
    char target[PATH_MAX];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        ssize_t n = readlink(names[i], target, sizeof target - 1);
        if (n <= 0) continue;
        target[n] = 0;
        needed_files_line("link", target, names[i], lines);
    }
}

static void add_common(Str *lines) {
    needed_files_line("dir", "", "/w", lines);
    needed_files_line("dir", "", "/w/tmp", lines);
    needed_files_line("link", "w/tmp", "/tmp", lines);
    needed_files_line("dev", "/dev/null", "/dev/null", lines);
    needed_files_line("dev", "/dev/zero", "/dev/zero", lines);
    needed_files_line("dev", "/dev/urandom", "/dev/urandom", lines);
}

// For setlocale(LC_ALL, "") of a program, which finds LC_ALL=C.UTF-8.
static void add_locale(Str *lines) {
    add_folder("/usr/lib/locale/C.utf8", lines);
}

static void find_tools(Root *out) {
    static const char tools[] =
        "sh dash cat cp mv rm ln mkdir rmdir ls touch chmod echo printf true false test [ expr seq "
        "sort uniq cut tr head tail wc tac rev nl paste join comm fold fmt split tee od base64 "
        "basename dirname realpath readlink pwd date sleep env id uname mktemp sed grep egrep "
        "fgrep awk mawk gawk bc dc find xargs diff cmp md5sum sha256sum shuf factor numfmt yes "
        "timeout du df stat nproc cksum expand unexpand tsort pr column mkfifo dd bash";
    add_tools(tools, &out->lines);
    add_links(&out->lines);
    out->there = access("/bin/sh", X_OK) == 0;
    char real[PATH_MAX];
    snprintf(out->program, sizeof out->program, "/bin/sh");
    const char *name = realpath("/bin/sh", real) ? strrchr(real, '/') + 1 : "?";
    snprintf(out->version, sizeof out->version, "%.40s", out->there ? name : "no /bin/sh");
}

static void add_matching(const char *pattern, Str *lines) {
    glob_t g;
    if (glob(pattern, 0, NULL, &g) != 0) return;
    for (size_t i = 0; i < g.gl_pathc; i++) needed_files_add(g.gl_pathv[i], lines);
    globfree(&g);
}

// The folder of a file that the compiler names.
static bool compiler_folder(const char *gcc, const char *question, char *folder) {
    char said[PATH_MAX];
    char *const argv[] = {(char *)gcc, (char *)question, NULL};
    if (!ask(argv, said, sizeof said)) return false;
    take_line(said, folder, PATH_MAX);
    char *slash = strrchr(folder, '/');
    if (!slash || folder[0] != '/') return false;
    *slash = 0;
    return true;
}

static void find_compiler(Root *out) {
    static const char *const objects[] = {"crt*.o",   "[Srgm]crt1.o", "libc.a",       "libm.a",
                                          "libm-*.a", "libmvec.a",    "libpthread.a", "libdl.a",
                                          "librt.a",  "libutil.a",    "libresolv.a"};
    char folder[PATH_MAX], pattern[PATH_MAX + 32], said[512];
    char *const asked[] = {"/usr/bin/gcc", "-dumpfullversion", NULL};
    snprintf(out->program, sizeof out->program, "/usr/bin/gcc");
    if (access("/usr/bin/gcc", X_OK) != 0 || !ask(asked, said, sizeof said)) {
        snprintf(out->version, sizeof out->version,
                 "no /usr/bin/gcc: apt-get install gcc libc6-dev");
        return;
    }
    snprintf(out->version, sizeof out->version, "gcc %.*s", (int)strcspn(said, "\n"), said);
    add_tools("gcc g++ as ld ld.bfd sh cat", &out->lines);
    if (compiler_folder("/usr/bin/gcc", "-print-prog-name=cc1", folder))
        add_folder(folder, &out->lines);
    if (compiler_folder("/usr/bin/gcc", "-print-libgcc-file-name", folder))
        add_folder(folder, &out->lines);
    snprintf(pattern, sizeof pattern, "%s/cc1*", folder);
    glob_t g;
    if (glob(pattern, 0, NULL, &g) == 0) { // for what they load; themselves are in the folder
        for (size_t i = 0; i < g.gl_pathc; i++) needed_files_add(g.gl_pathv[i], &out->lines);
        globfree(&g);
    }
    snprintf(pattern, sizeof pattern, "%s/collect2", folder);
    needed_files_add(pattern, &out->lines);
    snprintf(pattern, sizeof pattern, "%s/liblto_plugin.so", folder);
    needed_files_add(pattern, &out->lines);
    bool crt = compiler_folder("/usr/bin/gcc", "-print-file-name=libc.a", folder);
    for (size_t i = 0; crt && i < sizeof objects / sizeof objects[0]; i++) {
        snprintf(pattern, sizeof pattern, "%s/%s", folder, objects[i]);
        add_matching(pattern, &out->lines);
    }
    add_folder("/usr/include", &out->lines);
    add_links(&out->lines);
    out->there = crt;
    if (!crt) snprintf(out->version, sizeof out->version, "no libc.a: apt-get install libc6-dev");
    glob_t header;
    char *const version[] = {"/usr/bin/g++", "-dumpfullversion", NULL};
    out->cpp = access("/usr/bin/g++", X_OK) == 0 && ask(version, said, sizeof said);
    if (out->cpp && glob("/usr/include/*/c++/*/bits/stdc++.h", 0, NULL, &header) == 0) {
        snprintf(out->header, sizeof out->header, "%s", header.gl_pathv[header.gl_pathc - 1]);
        globfree(&header);
    }
}

static void find_python(const char *wanted, Root *out) {
    static const char *const usual[] = {"/usr/bin/python3", "/usr/local/bin/python3"};
    static const char question[] = "import sys,os,sysconfig\n"
                                   "print(sys.version.split()[0])\n"
                                   "print(os.path.realpath(sys.executable))\n"
                                   "print(sysconfig.get_path('stdlib'))\n"
                                   "print(sysconfig.get_path('platstdlib'))\n";
    char said[4 * PATH_MAX], path[PATH_MAX], pattern[PATH_MAX + 32];
    const char *program = wanted;
    for (size_t i = 0; !program && i < sizeof usual / sizeof usual[0]; i++)
        if (access(usual[i], X_OK) == 0) program = usual[i];
    char *const argv[] = {(char *)program, "-s", "-S", "-c", (char *)question, NULL};
    if (!program || !ask(argv, said, sizeof said)) {
        snprintf(out->version, sizeof out->version, "%s: apt-get install python3",
                 program ? "Python does not start" : "no /usr/bin/python3");
        return;
    }
    char *executable = line_of(said, 1), *stdlib = line_of(said, 2), *platform = line_of(said, 3);
    if (!executable || !stdlib || !platform) return;
    snprintf(out->version, sizeof out->version, "Python %.*s", (int)strcspn(said, "\n"), said);
    take_line(executable, out->program, sizeof out->program);
    if (!needed_files_add(out->program, &out->lines)) return;
    for (int i = 0; i < 2; i++) {
        take_line(i ? platform : stdlib, path, sizeof path);
        add_folder(path, &out->lines);
        // For what the extension modules load; themselves are in the folder.
        snprintf(pattern, sizeof pattern, "%s/lib-dynload/*.so", path);
        if (i == 0) add_matching(pattern, &out->lines);
    }
    add_links(&out->lines);
    out->there = true;
}

static void find_node(Root *out) {
    static const char *const usual[] = {"/usr/bin/node", "/usr/bin/nodejs", "/usr/local/bin/node"};
    char said[256], real[PATH_MAX];
    for (size_t i = 0; !out->there && i < sizeof usual / sizeof usual[0]; i++) {
        char *const argv[] = {(char *)usual[i], "--version", NULL};
        if (access(usual[i], X_OK) != 0 || !realpath(usual[i], real)) continue;
        if (!ask(argv, said, sizeof said)) continue;
        out->there = needed_files_add(real, &out->lines);
        snprintf(out->program, sizeof out->program, "%.255s", real);
        snprintf(out->version, sizeof out->version, "node %.*s", (int)strcspn(said, "\n"), said);
    }
    if (!out->there) {
        snprintf(out->version, sizeof out->version, "no node: apt-get install nodejs");
        return;
    }
    add_folder("/usr/share/nodejs", &out->lines); // what Debian's node keeps outside itself
    add_links(&out->lines);
}

void root_find(RootKind kind, const char *python, Root *out) {
    *out = (Root){0};
    add_common(&out->lines);
    switch (kind) {
    case ROOT_NATIVE:
        add_locale(&out->lines);
        out->there = true;
        break;
    case ROOT_TOOLS: find_tools(out); break;
    case ROOT_COMPILER: find_compiler(out); break;
    case ROOT_PYTHON:
        add_locale(&out->lines);
        find_python(python, out);
        break;
    case ROOT_NODE:
        add_locale(&out->lines);
        find_node(out);
        break;
    case ROOT_KINDS: break;
    }
    needed_files_end(&out->lines);
}
