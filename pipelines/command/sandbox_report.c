// pipelines/command/sandbox_report.c -- the self-test: a small attack a layer, in each language.
#include "pipelines/command/sandbox_report.h"

#include <stdio.h>
#include <string.h>

#include "pipelines/command.h"
#include "sandbox/cage.h"

// A program that prints CONTAINED where its layer held. `verdict` is what must come back.
typedef struct Proof {
    const char *what;
    CageLang lang;
    CageVerdict verdict;
    const char *source;
} Proof;

static const Proof proofs[] = {
    {"python runs", CAGE_PYTHON, CAGE_OK, "print('CONTAINED')"},
    {"sh runs", CAGE_SH, CAGE_OK, "echo CONTAINED"},
    {"c compiles and runs", CAGE_C, CAGE_OK,
     "#include <stdio.h>\nint main(void) { puts(\"CONTAINED\"); return 0; }\n"},
    {"cpp compiles and runs", CAGE_CPP, CAGE_OK,
     "#include <bits/stdc++.h>\nint main() { std::cout << \"CONTAINED\\n\"; }\n"},
    {"js runs", CAGE_JS, CAGE_OK, "console.log('CONTAINED')"},
    {"no file of the host", CAGE_PYTHON, CAGE_OK,
     "import os\n"
     "def reads(p):\n"
     "    try:\n        return bool(os.listdir(p) if os.path.isdir(p) else open(p).read())\n"
     "    except OSError:\n        return False\n"
     "seen = [p for p in ('/etc/passwd', '/etc', '/root', '/home', '/proc', '/proc/1/status', "
     "'/proc/self/mem', '/sys', '/var', '/dev', '/dev/shm', '/run') if reads(p)]\n"
     "print('ESCAPED' if seen else 'CONTAINED', seen)"},
    {"read-only root", CAGE_PYTHON, CAGE_OK,
     "try:\n    open('/usr/x', 'w'); print('ESCAPED')\nexcept OSError:\n    print('CONTAINED')"},
    {"no other process", CAGE_PYTHON, CAGE_OK,
     "import os\ndef gone(pid):\n"
     "    try:\n        os.kill(pid, 0)\n    except OSError:\n        return True\n"
     "others = [os.getppid(), 1, -1] if os.getpid() != 2 else []\n"
     "print('CONTAINED' if all(map(gone, others)) else 'ESCAPED', os.getpid())"},
    {"no network", CAGE_PYTHON, CAGE_OK,
     "import socket\ntry:\n    socket.socket(); print('ESCAPED')\nexcept OSError:\n    "
     "print('CONTAINED')"},
    {"no other program", CAGE_PYTHON, CAGE_OK,
     "import os\ntry:\n    os.execv('/usr/bin/python3', ['x']); print('ESCAPED')\nexcept OSError:\n"
     "    print('CONTAINED')"},
    {"forbidden calls end it", CAGE_C, CAGE_SECURITY_VIOLATION,
     "#include <stdio.h>\n#include <sys/ptrace.h>\n"
     "int main(void) { ptrace(PTRACE_TRACEME, 0, 0, 0); puts(\"ESCAPED\"); return 0; }\n"},
    {"CPU time ends", CAGE_C, CAGE_TIME_LIMIT, "int main(void) { for (;;) {} }\n"},
    {"wall time ends", CAGE_PYTHON, CAGE_TIME_LIMIT, "import time\ntime.sleep(60)"},
    {"memory ends", CAGE_PYTHON, CAGE_MEMORY_LIMIT,
     "x = []\nwhile True:\n    x.append(bytearray(1 << 24))"},
    {"output ends", CAGE_PYTHON, CAGE_OUTPUT_LIMIT, "while True:\n    print('x' * 65536)"},
    {"processes end", CAGE_PYTHON, CAGE_OK,
     "import os, time\nn = 0\ntry:\n    while n < 100:\n        if os.fork() == 0:\n"
     "            time.sleep(9)\n        n += 1\nexcept OSError:\n    pass\n"
     "most = 8 if os.getpid() == 2 else 64\n" // a user's others may come and go meanwhile
     "print('CONTAINED' if n < most else 'ESCAPED', n)"},
};

static bool holds(Cage *cage, const Proof *p, CageRecord *r) {
    CageFile file = {NULL, p->source, strlen(p->source)};
    CageJob job = {
        .lang = p->lang, .file = &file, .n_files = 1, .limits = {.cpu_ms = 500, .wall_ms = 1500}};
    cage_run(cage, &job, r);
    if (r->verdict != p->verdict || strstr(str_text(&r->out), "ESCAPED")) return false;
    return r->verdict != CAGE_OK || strstr(str_text(&r->out), "CONTAINED");
}

static void say(bool json, bool held, const char *word, const char *what, const char *more) {
    Str out = {0};
    if (json) {
        str_puts(&out, "{\"check\":");
        str_json(&out, what, strlen(what));
        str_printf(&out, ",\"held\":%s,\"found\":", held ? "true" : "false");
        str_json(&out, more, strlen(more));
        str_puts(&out, "}\n");
    } else {
        str_printf(&out, "%-5s %-24s %s\n", word, what, more);
    }
    fputs(str_text(&out), stdout);
    str_free(&out);
}

int sandbox_self_test(bool json) {
    static CageMachine m;
    Cage *cage = NULL;
    int failed = 0;
    Status st = cage_probe(NULL, &m);
    if (st != ST_OK) return command_failed(st);
    for (int i = 0; i < CAGE_N_LAYERS; i++) {
        bool there = m.layers & 1u << i;
        if (there || m.missing[i][0])
            say(json, there, there ? "ok" : "lacks", cage_layer_name(i),
                !there                  ? m.missing[i]
                : 1 << i == CAGE_CGROUP ? m.cgroup
                                        : "");
    }
    if (m.refused[0]) {
        say(json, false, "FAIL", "cage", m.refused);
        return EXIT_FAILED;
    }
    st = cage_open(NULL, &cage);
    if (st != ST_OK) return command_failed(st);
    for (size_t i = 0; i < sizeof proofs / sizeof proofs[0]; i++) {
        const Proof *p = &proofs[i];
        CageRecord r = {0};
        char text[300];
        if (!m.lang[p->lang]) { // said, and no fault of the cage
            say(json, true, "none", p->what, m.version[p->lang]);
            continue;
        }
        bool held = holds(cage, p, &r);
        snprintf(text, sizeof text, "%s, %.2f ms%s%.160s", cage_verdict_name(r.verdict), r.wall_ms,
                 r.why[0] ? ": " : "", r.why);
        say(json, held, held ? "ok" : "FAIL", p->what, text);
        failed += !held;
        cage_record_free(&r);
    }
    cage_close(cage);
    return failed ? EXIT_FAILED : EXIT_DONE;
}
