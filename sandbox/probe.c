// sandbox/probe.c -- which layers this machine has, found by running a program in them.
//
// Starts with all; a step that fails takes its layer away where it may be missing, and says what
// would bring it back. The program that is run is the slot's own: started with nothing to read, it
// ends with 1.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "sandbox/bare/scratch.h"
#include "sandbox/broker.h"

#define FIX_USERNS                                                                                 \
    "user namespaces are refused: Ubuntu: sysctl kernel.apparmor_restrict_unprivileged_userns=0 "  \
    "(or an AppArmor profile with 'userns,'); Debian: sysctl kernel.unprivileged_userns_clone=1; " \
    "also sysctl user.max_user_namespaces=10000; Docker: --security-opt seccomp=unconfined "       \
    "--security-opt apparmor=unconfined --cap-add SYS_ADMIN"
#define FIX_MOUNT                                                                                  \
    "mounting in a namespace is refused: Docker: --security-opt seccomp=unconfined "               \
    "--security-opt apparmor=unconfined"

#define FIX_PROC                                                                                   \
    "a plain user's ids are mapped through the /proc of this pid namespace, which is not there: "  \
    "mount -t proc proc /proc (unshare: --mount-proc; Docker: --security-opt "                     \
    "systempaths=unconfined), or run as root"

#define FIX_BARE                                                                                   \
    "or, with Landlock and a filter in the place of namespaces: --sandbox-allow-missing=ns "       \
    "(in a config sandbox.allow_missing=ns)"

enum { SCOPE_ABI = 6 }; // of Landlock, that knows the scope of signals: Linux 6.12

static int bit_index(unsigned layer) {
    for (int i = 0; i < CAGE_N_LAYERS; i++)
        if (layer == 1u << i) return i;
    return 0;
}

static void lose(unsigned layer, const char *why) {
    CageMachine *m = &broker.machine;
    m->layers &= ~layer;
    snprintf(m->missing[bit_index(layer)], sizeof m->missing[0], "%s", why);
}

static void refuse(const char *why) {
    CageMachine *m = &broker.machine;
    snprintf(m->refused, sizeof m->refused, "%s", why);
}

// Runs it once. ST_OK: every layer took hold.
static Status try_all(void) {
    Slot slot;
    uint32_t made = 0;
    slot = (Slot){.fd = -1, .pid_fd = -1};
    TRY(broker_slot(ROOT_NATIVE, 0, &slot, &made));
    SlotRun run = {.run = {.cpu_ms = 1000,
                           .wall_ms = 5000,
                           .processes = 4,
                           .memory_bytes = 64u << 20,
                           .scratch_bytes = 1u << 20,
                           .file_bytes = 1u << 20,
                           .n_args = 1,
                           .payload_bytes = 10},
                   .payload = "\5\0\0\0probe",
                   .exec_fd = broker.cell_fd,
                   .output_bytes = 4096,
                   .out_fd = -1,
                   .talk_read = -1,
                   .talk_write = -1,
                   .end_fd = -1};
    SlotEnd end;
    slot_run(&slot, &run, &end);
    Status st = ST_OK;
    if (end.fault)
        st = FAIL(ST_UNSUPPORTED, "%s", end.why);
    else if (!WIFEXITED(end.tail.status) || WEXITSTATUS(end.tail.status) != 1)
        st = FAIL(ST_UNSUPPORTED, "the probe ended with status %d, not as it should",
                  end.tail.status);
    slot_end_free(&end);
    slot_stop(&slot);
    return st;
}

// Takes the layer away that the failed step belongs to. False: there is none that may be missing.
static bool degrade(const char *why) {
    CageMachine *m = &broker.machine;
    bool root = geteuid() == 0;
    if (strstr(why, "cannot join") && m->layers & CAGE_CGROUP) {
        lose(CAGE_CGROUP, why);
        return true;
    }
    if (broker.bare) return false; // nothing else may be missing beside namespaces
    if (strstr(why, "namespaces of the slot") && m->layers & CAGE_NETNS) {
        // The filter refuses every socket all the same; found again below if it was not this one.
        lose(CAGE_NETNS, "the kernel gives no net namespace; the filter refuses sockets");
        return true;
    }
    if (strstr(why, "namespaces of the slot") && m->layers & CAGE_USERNS && root) {
        lose(CAGE_USERNS, FIX_USERNS);
        lose(CAGE_RUNNS, FIX_USERNS);
        m->layers |= CAGE_NETNS;
        m->missing[bit_index(CAGE_NETNS)][0] = 0;
        return true;
    }
    bool map =
        strstr(why, "map users") || strstr(why, "map groups") || strstr(why, "deny setgroups");
    if (map && broker.uid_base && m->layers & CAGE_USERNS) {
        lose(CAGE_UID, "this root may not map other users (it is root of a container)");
        broker.uid_base = 0;
        return true;
    }
    if (map && root && m->layers & CAGE_USERNS) { // without /proc there is no map to write
        lose(CAGE_USERNS, "no map of users can be written: is /proc mounted?");
        lose(CAGE_RUNNS, "no user namespaces");
        broker.uid_base = 300000;
        m->layers |= CAGE_UID;
        m->missing[bit_index(CAGE_UID)][0] = 0;
        return true;
    }
    if (strstr(why, "user namespace of the program") && m->layers & CAGE_RUNNS) {
        lose(CAGE_RUNNS, "a user namespace inside the slot's is refused");
        return true;
    }
    if (strstr(why, "landlock") && m->layers & CAGE_LANDLOCK) {
        lose(CAGE_LANDLOCK, why);
        return true;
    }
    return false;
}

// Is the /proc there that of our pid namespace?
static bool own_proc(void) {
    char self[32];
    ssize_t n = readlink("/proc/self", self, sizeof self - 1);
    if (n <= 0) return false;
    self[n] = 0;
    return atoi(self) == (int)getpid();
}

static void explain(const char *why) {
    bool map = strstr(why, "map users") || strstr(why, "map groups") || strstr(why, "setgroups");
    bool ns = strstr(why, "namespaces of the slot") || strstr(why, "map users") ||
              strstr(why, "map groups");
    bool mounts = strstr(why, "root") || strstr(why, "mount") || strstr(why, "bind");
    char text[sizeof broker.machine.refused];
    const char *fix = map && !own_proc() ? FIX_PROC : ns ? FIX_USERNS : mounts ? FIX_MOUNT : "";
    if (!*fix)
        snprintf(text, sizeof text, "%.200s", why);
    else if (broker.machine.landlock_abi >= SCOPE_ABI)
        snprintf(text, sizeof text, "%.120s. %s; %s", why, fix, FIX_BARE);
    else
        snprintf(
            text, sizeof text,
            "%.120s. %s (--sandbox-allow-missing=ns needs Landlock ABI %d, Linux 6.12; here it "
            "is %d)",
            why, fix, SCOPE_ABI, broker.machine.landlock_abi);
    refuse(text);
}

static bool of_namespaces(const char *why) {
    static const char *const steps[] = {"namespaces of the slot",
                                        "map users",
                                        "map groups",
                                        "deny setgroups",
                                        "first group of the slot",
                                        "first user of the slot",
                                        "host name",
                                        "private mounts",
                                        "new root",
                                        "of the root",
                                        "into the root",
                                        "make it read-only",
                                        "enter the root",
                                        "pivot_root",
                                        "leave the old root",
                                        "seal the root",
                                        "namespaces of the program",
                                        "folder of the program"};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        if (strstr(why, steps[i])) return true;
    return false;
}

// From here on Landlock, a uid and the filter stand where namespaces would.
static Status go_bare(const char *why, bool low_uids) {
    CageMachine *m = &broker.machine;
    const bool root = geteuid() == 0;
    const char *text = strstr(why, "sandbox: ") ? why + strlen("sandbox: ") : why;
    if (m->landlock_abi < SCOPE_ABI || !(m->layers & CAGE_LANDLOCK))
        return FAIL(ST_UNSUPPORTED,
                    "without namespaces (--sandbox-allow-missing=ns) Landlock must hold signals: "
                    "ABI %d (Linux 6.12, and lsm=landlock at boot); here it is %d",
                    SCOPE_ABI, m->layers & CAGE_LANDLOCK ? m->landlock_abi : 0);
    TRY(scratch_open(root, low_uids));
    for (int i = 0; i < CAGE_N_LAYERS; i++)
        if (CAGE_NAMESPACES >> i & 1)
            snprintf(m->missing[i], sizeof m->missing[i], "allowed to be missing (ns)%s%.120s%s",
                     i ? "" : ": ", i ? "" : text,
                     i ? "" : "; Landlock, a filter and pid 1 hold programs in its place");
    m->layers &= ~(unsigned)CAGE_NAMESPACES;
    m->layers |= CAGE_BARE_LAYERS & ~broker.opts.without;
    if (root && !(broker.opts.without & CAGE_UID)) {
        m->layers |= CAGE_UID;
        m->missing[bit_index(CAGE_UID)][0] = 0;
        broker.uid_base = 300000; // each slot has one of the block
    }
    broker.bare = true;
    broker_forget_plans();
    return ST_OK;
}

// Tries until it holds or nothing is left that may be missing.
static Status try_until(void) {
    Status st;
    while ((st = try_all()) != ST_OK && degrade(status_text())) {
    }
    return st;
}

static Status try_bare(const char *why) {
    char first[300];
    snprintf(first, sizeof first, "%s", why);
    TRY(go_bare(first, false));
    Status st = try_until();
    if (st != ST_OK && strstr(status_text(), "setres")) { // a container that maps fewer
        TRY(go_bare(first, true));
        st = try_until();
    }
    return st;
}

// Versions cost a start of each interpreter: for doctor and the self-test only.
static void look_at_languages(void) {
    static const RootKind kind[CAGE_N_LANGS] = {
        [CAGE_PYTHON] = ROOT_PYTHON, [CAGE_C] = ROOT_COMPILER, [CAGE_CPP] = ROOT_COMPILER,
        [CAGE_SH] = ROOT_TOOLS,      [CAGE_JS] = ROOT_NODE,
    };
    for (int i = 0; i < CAGE_N_LANGS; i++) {
        const char *why = "";
        const SlotPlan *plan = broker_plan(kind[i], &why);
        bool there = plan && (i != CAGE_CPP || plan->root->cpp);
        broker.machine.lang[i] = there;
        snprintf(broker.machine.version[i], sizeof broker.machine.version[i], "%.63s",
                 there           ? plan->root->version
                 : i == CAGE_CPP ? "no /usr/bin/g++: apt-get install g++"
                                 : why);
    }
}

void probe_machine(void) {
    CageMachine *m = &broker.machine;
    CgroupKind groups = CGROUP_NONE;
    m->layers = CAGE_ALL_LAYERS;
    if (geteuid() == 0)
        broker.uid_base = 300000;
    else
        lose(CAGE_UID, "only root can run programs under another uid");
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1u /* VERSION */);
    m->landlock_abi = abi > 0 ? (int)abi : 0;
    if (abi <= 0)
        lose(CAGE_LANDLOCK, "the kernel has no Landlock (5.13, and lsm=landlock at boot)");
    if (cgroup_open(&groups) != ST_OK) lose(CAGE_CGROUP, status_text());
    // Switched off for a test of the test: not missing, and not there.
    m->layers &= ~broker.opts.without;
    // A test that makes set-up calls fail must not be taken for a machine that lacks a layer.
    unsigned fail_slot = broker.opts.fail_slot;
    broker.opts.fail_slot = 0; // (the probe's run has none of its own)
    const bool none = (broker.opts.without & CAGE_NAMESPACES) == CAGE_NAMESPACES; // of a test
    Status st = none ? FAIL(ST_UNSUPPORTED, "sandbox: set-up of a slot: namespaces of the slot: "
                                            "switched off")
                     : try_until();
    if (st != ST_OK && broker.opts.allow & CAGE_NAMESPACES && of_namespaces(status_text()))
        st = try_bare(status_text());
    broker.opts.fail_slot = fail_slot;
    if (st != ST_OK && broker.bare)
        refuse(status_text());
    else if (st != ST_OK)
        explain(status_text());
    snprintf(m->cgroup, sizeof m->cgroup, "%s",
             cgroup_kind_name(m->layers & CAGE_CGROUP ? groups : CGROUP_NONE));
    if (!m->refused[0] && broker.opts.full) look_at_languages();
}
