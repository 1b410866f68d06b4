// tests/test_cage_controls.c -- with a layer switched off the named program gets out: the attack
// suite can fail. Where a second layer holds it too, both are off (tests/attacks/README.md).
#include "tests/test.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "sandbox/cage.h"

enum { KEY = 0x67785050 }; // of a SysV segment that the host has while this runs

typedef struct LayerControl {
    const char *layer; // its name in the table
    unsigned without;
    CageLang lang;
    const char *attack; // a file of tests/attacks, or a source; prints ESCAPED
    bool twice;         // the second of two runs gets out
} LayerControl;

#define C_MAIN(body)                                                                               \
    "#define _GNU_SOURCE\n#include <arpa/inet.h>\n#include <errno.h>\n#include <fcntl.h>\n"        \
    "#include <signal.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"          \
    "#include <sys/mman.h>\n#include <sys/prctl.h>\n#include <sys/shm.h>\n"                        \
    "#include <sys/socket.h>\n#include <sys/wait.h>\n#include <unistd.h>\n"                        \
    "int main(void) { int out = 0; " body "\nputs(out ? \"ESCAPED\" : \"CONTAINED\"); }\n"

static const LayerControl controls[] = {
    {"userns", CAGE_USERNS | CAGE_RUNNS | CAGE_UID | CAGE_CAPS | CAGE_SECCOMP | CAGE_LANDLOCK,
     CAGE_PYTHON,
     "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nlibc.swapoff(b'/gx')\n"
     "print('ESCAPED' if ctypes.get_errno() == 2 else 'CONTAINED')\n",
     false},
    {"mntns", CAGE_MNTNS, CAGE_C,
     C_MAIN("out = open(\"gx\", O_RDONLY) >= 0; close(open(\"gx\", O_CREAT | O_WRONLY, 0666));"),
     true},
    {"mntns: the root is read-only", CAGE_MNTNS | CAGE_LANDLOCK | CAGE_UID, CAGE_C,
     C_MAIN("out = open(\"/gx\", O_CREAT | O_WRONLY, 0666) >= 0;"), false},
    {"mntns: size of the folder", CAGE_MNTNS, CAGE_C,
     C_MAIN("char name[8], *block = calloc(1, 15 << 20); for (int i = 0; i < 3; i++) {\n"
            "sprintf(name, \"f%d\", i); int fd = open(name, O_CREAT | O_WRONLY, 0600);\n"
            "out += write(fd, block, 15 << 20) == 15 << 20; }\nout = out > 1;"),
     false},
    {"pidns", CAGE_PIDNS, CAGE_C, C_MAIN("out = getpid() != 2;"), false},
    {"ipcns", CAGE_IPCNS | CAGE_SECCOMP, CAGE_C, C_MAIN("out = shmget(0x67785050, 0, 0) >= 0;"),
     false},
    {"utsns", CAGE_UTSNS, CAGE_C,
     C_MAIN("char name[80]; gethostname(name, 80); out = strcmp(name, \"cage\") != 0;"), false},
    {"netns", CAGE_NETNS | CAGE_SECCOMP | CAGE_LANDLOCK, CAGE_C,
     C_MAIN("struct sockaddr_in to = {AF_INET, htons(PORT), {htonl(0x7f000001)}};\n"
            "out = connect(socket(AF_INET, SOCK_STREAM, 0), (void *)&to, sizeof to) == 0;"),
     false},
    {"uid", CAGE_UID | CAGE_LANDLOCK, CAGE_C, C_MAIN("out = kill(1, 0) == 0;"), false},
    // The layers overlap: these need a second one gone.
    {"runns", CAGE_SECCOMP | CAGE_RUNNS, CAGE_C, "c15_unshare_userns.c", false},
    {"runns", CAGE_SECCOMP | CAGE_RUNNS, CAGE_C, "c17_seccomp_override.c", false},
    {"caps", CAGE_CAPS | CAGE_SECCOMP, CAGE_PYTHON,
     "import ctypes\nlibc = ctypes.CDLL(None)\n"
     "print('ESCAPED' if libc.unshare(0x20000) == 0 else 'CONTAINED')\n",
     false},
    {"nnp", CAGE_NNP | CAGE_SECCOMP, CAGE_C,
     C_MAIN("out = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1;"), false},
    {"rlimits", CAGE_RLIMITS, CAGE_PYTHON, "r06_raise_rlimits.py", false},
    {"rlimits: descriptors", CAGE_RLIMITS, CAGE_C,
     C_MAIN("int n = 0; while (dup(0) >= 0) n++; out = n > 300;"), false},
    {"rlimits: address space", CAGE_RLIMITS, CAGE_C,
     C_MAIN("out = mmap(NULL, 1ul << 32, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != "
            "MAP_FAILED;"),
     false},
    {"rlimits: size of a file", CAGE_RLIMITS, CAGE_C,
     C_MAIN("signal(SIGXFSZ, SIG_IGN);\n"
            "out = ftruncate(open(\"f\", O_CREAT | O_RDWR, 0600), 1l << 40) == 0;"),
     false},
    {"rlimits: processes", CAGE_RLIMITS | CAGE_CGROUP, CAGE_C,
     C_MAIN("int n = 0; for (int i = 0; i < 40; i++) {\n"
            "pid_t p = fork(); if (p == 0) pause(); n += p > 0; }\nout = n == 40;"),
     false},
    {"rlimits: pending signals", CAGE_RLIMITS | CAGE_SECCOMP, CAGE_C,
     C_MAIN("sigset_t s; int n = 0; sigfillset(&s); sigprocmask(SIG_BLOCK, &s, NULL);\n"
            "union sigval v = {0}; for (int i = 0; i < 500; i++)\n"
            "n += sigqueue(getpid(), SIGRTMIN, v) == 0; out = n > 100;"),
     false},
    {"cgroup", CAGE_CGROUP, CAGE_C,
     C_MAIN("int s; for (int i = 0; i < 3; i++) if (fork() == 0) {\n"
            "volatile char *p = malloc(60 << 20);\n"
            "for (int k = 0; k < 60 << 20; k += 4096) p[k] = 1; sleep(3); _exit(0); }\n"
            "for (int i = 0; i < 3; i++) { wait(&s); out += s == 0; } out = out == 3;"),
     false},
    {"landlock", CAGE_LANDLOCK, CAGE_PYTHON,
     "import os\ntry:\n    os.listdir('/'); print('ESCAPED')\nexcept OSError: print('CONTAINED')\n",
     false},
    {"seccomp", CAGE_SECCOMP, CAGE_PYTHON, "n04_raw_netlink_vsock.py", false},
    {"seccomp", CAGE_SECCOMP, CAGE_C, "k13_every_socket_family.c", false},
    {"seccomp", CAGE_SECCOMP, CAGE_C, "k02_userfaultfd.c", false},
    {"seccomp", CAGE_SECCOMP, CAGE_C, "k03_keyrings.c", false},
    {"seccomp", CAGE_SECCOMP, CAGE_C, "k14_ipc_objects.c", false},
    {"seccomp", CAGE_SECCOMP, CAGE_C, "k48_watchers.c", false},
    {"clock", CAGE_CLOCK, CAGE_PYTHON, "import time\ntime.sleep(1.2)\nprint('ESCAPED')\n", false},
    {"output", CAGE_OUTPUT, CAGE_PYTHON, "for i in range(40):\n    print('x' * 65536)\n", false},
};

static Arena *arena;
static int port;

static bool gets_out(Cage *cage, const LayerControl *k) {
    char path[128], *source, *header;
    size_t size, header_size;
    if (strchr(k->attack, '\n')) {
        source = arena_printf(arena, "%s", k->attack);
    } else {
        snprintf(path, sizeof path, "tests/attacks/%s", k->attack);
        assert_ok(file_read(path, &source, NULL, arena));
    }
    char *at = strstr(source, "PORT");
    if (at) source = arena_printf(arena, "%.*s%d%s", (int)(at - source), source, port, at + 4);
    size = strlen(source);
    assert_ok(file_read("tests/attacks/attack.h", &header, &header_size, arena));
    CageFile file[2] = {{NULL, source, size}, {"attack.h", header, header_size}};
    bool clock = strcmp(k->layer, "clock") == 0, out = false;
    CageJob job = {
        .lang = k->lang,
        .file = file,
        .n_files = k->lang == CAGE_C ? 2 : 1,
        .limits = {.cpu_ms = 20000, .wall_ms = clock ? 500 : 60000, .memory_bytes = 64 << 20}};
    for (int i = 0; i <= k->twice; i++) {
        CageRecord r;
        cage_run(cage, &job, &r);
        if (r.verdict == CAGE_SANDBOX_ERROR) fail_msg("%s: %s", k->layer, r.why);
        out = strstr(str_text(&r.out), "ESCAPED") || strstr(str_text(&r.err), "ESCAPED");
        if (strcmp(k->layer, "output") == 0) out = r.verdict == CAGE_OK; // its end is not kept
        if (!out && !r.out.size && r.exit == 1) fail_msg("%s: %s", k->layer, str_text(&r.err));
        cage_record_free(&r);
    }
    return out;
}

static void with_a_layer_off_the_named_attacks_escape(void **state) {
    (void)state;
    Cage *whole;
    if (cage_open(NULL, &whole) != ST_OK) {
        print_message("skipped: %s\n", status_text());
        skip();
    }
    int n_bad = 0;
    const char *only = getenv("LAYER");
    for (size_t i = 0; i < sizeof controls / sizeof controls[0]; i++) {
        const LayerControl *k = &controls[i];
        Cage *less;
        CageOpts opts = {.without = k->without};
        if (only && !strstr(k->layer, only)) continue;
        if ((cage_machine(whole)->layers & k->without) != k->without) {
            print_message("skipped: %s: this machine has not got all of it\n", k->layer);
            continue;
        }
        if (gets_out(whole, k)) {
            print_error("%s: %.40s gets out of the whole cage\n", k->layer, k->attack);
            n_bad++;
        }
        assert_ok(cage_open(&opts, &less));
        if (!gets_out(less, k)) {
            print_error("without %s %.40s does not get out: the test sees nothing\n", k->layer,
                        k->attack);
            n_bad++;
        }
        cage_close(less);
    }
    cage_close(whole);
    assert_int_equal(n_bad, 0);
}

static int segment = -1, listener = -1;

static int begin(void **state) {
    (void)state;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    arena = arena_new(1 << 20);
    segment = shmget(KEY, 4096, IPC_CREAT | 0666);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (segment < 0 || bind(listener, (struct sockaddr *)&at, size) < 0 ||
        listen(listener, 64) < 0 || getsockname(listener, (struct sockaddr *)&at, &size) < 0)
        return -1;
    port = ntohs(at.sin_port);
    return 0;
}

static int end(void **state) {
    (void)state;
    shmctl(segment, IPC_RMID, NULL);
    close(listener);
    arena_free(arena);
    return 0;
}

int main(int argc, char **argv) {
    cage_main(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_a_layer_off_the_named_attacks_escape),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
