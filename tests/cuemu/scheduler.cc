// tests/cuemu/scheduler.cc -- runs the threads of a block as fibers, and reports what would hang a
// GPU.
//
// Theory of operation. A launch runs its blocks in turn. For a block, every thread gets a stack and
// a saved stack pointer; the scheduler passes over the warps again and again and switches into each
// fiber that can go on. A fiber comes back when it waits (block barrier, warp barrier) or ends. A
// warp is drained before the next one runs: then a missing block barrier shows as a value read
// before it was written, and the three schedules differ. When a pass moves nobody, the block is
// deadlocked: threads wait at different barriers, which on hardware is a hang.
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#include "cuda_runtime.h"
#include "tests/cuemu/cuemu.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#define CUEMU_ASAN 1
#endif

namespace cuemu {

Thread *self;

namespace {

constexpr size_t STACK = 256 << 10, SMEM_MAX = 227 << 10, GUARD = 64, FENCE = 8 << 20;
constexpr int THREADS_MAX = 1024, WARPS_MAX = THREADS_MAX / 32;

enum State { READY, AT_WARP, AT_BLOCK, ENDED };

struct Fiber {
    Thread thread;
    State state;
    unsigned turn; // of the warp barrier it waits for
    void *sp;
    char *stack;
};

struct Warp {
    unsigned mask, arrived, turn;
    alignas(16) char slot[2][32][16];
};

struct Running {
    const char *name;
    const std::function<void()> *body;
    int n_threads, live, waiting, barrier_line;
    std::vector<Fiber> fiber;
    Warp warp[WARPS_MAX];
    char *smem;
    std::vector<size_t> guard; // offsets of the guards behind pieces of shared memory
    void *scheduler_sp;
} run;

int schedule;
uint32_t shuffle = 1;

#if !defined(__x86_64__)
#error "the fiber switch is written for x86-64 only"
#endif
// Saves the callee-saved registers of the System V ABI and the stack pointer, loads the other's.
extern "C" void cuemu_switch(void **save, void *load);
asm(".text\n.globl cuemu_switch\n.type cuemu_switch,@function\ncuemu_switch:\n"
    "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
    "  movq %rsp, (%rdi)\n  movq %rsi, %rsp\n"
    "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n  ret\n"
    ".size cuemu_switch,.-cuemu_switch\n");

#ifdef CUEMU_ASAN
const void *scheduler_stack;
size_t scheduler_stack_size;
#endif

[[noreturn]] void report(const char *what) {
    const dim3 b = self ? self->block : dim3(0, 0, 0);
    fprintf(stderr, "cuemu: %s: kernel %s, block (%u,%u,%u), thread %d\n", what, run.name, b.x, b.y,
            b.z, self ? self->linear : -1);
    fflush(stderr);
    _exit(99);
}

Fiber &current() {
    return run.fiber[(size_t)self->linear];
}

void to_scheduler(bool ending) {
    Fiber &f = current();
#ifdef CUEMU_ASAN
    void *fake = nullptr;
    __sanitizer_start_switch_fiber(ending ? nullptr : &fake, scheduler_stack, scheduler_stack_size);
    cuemu_switch(&f.sp, run.scheduler_sp);
    __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#else
    (void)ending;
    cuemu_switch(&f.sp, run.scheduler_sp);
#endif
}

void to_fiber(Fiber &f) {
    self = &f.thread;
#ifdef CUEMU_ASAN
    void *fake = nullptr;
    __sanitizer_start_switch_fiber(&fake, f.stack, STACK);
    cuemu_switch(&run.scheduler_sp, f.sp);
    __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#else
    cuemu_switch(&run.scheduler_sp, f.sp);
#endif
}

void fiber_main() {
#ifdef CUEMU_ASAN
    __sanitizer_finish_switch_fiber(nullptr, &scheduler_stack, &scheduler_stack_size);
#endif
    (*run.body)();
    current().state = ENDED;
    run.live--;
    to_scheduler(true);
    abort();
}

void fiber_start(Fiber &f, int i, dim3 block, dim3 block_dim, dim3 grid_dim) {
    const unsigned u = (unsigned)i, x = block_dim.x, y = block_dim.y;
    f.thread =
        Thread{dim3(u % x, u / x % y, u / (x * y)), block, block_dim, grid_dim, i, i & 31, 0};
    f.state = READY;
    // Stacks start at different offsets: equal ones would all fall into one cache set.
    uintptr_t top = ((uintptr_t)f.stack + STACK - (size_t)(i & 63) * 192) & ~(uintptr_t)15;
    void **sp = (void **)top;
    *--sp = nullptr; // keeps the ABI's alignment at entry
    *--sp = (void *)fiber_main;
    for (int r = 0; r < 6; r++) *--sp = nullptr;
    f.sp = sp;
}

bool can_run(const Fiber &f) {
    if (f.state == READY) return true;
    return f.state == AT_WARP && run.warp[f.thread.linear >> 5].turn != f.turn;
}

// Runs one warp until no lane can go on.
bool drain(int w) {
    bool moved = false;
    const int low = w * 32, high = std::min(run.n_threads, low + 32);
    for (bool again = true; again;) {
        again = false;
        for (int k = low; k < high; k++) {
            const int i = schedule == 1 ? high - 1 - (k - low) : k;
            Fiber &f = run.fiber[(size_t)i];
            if (!can_run(f)) continue;
            f.state = READY;
            to_fiber(f);
            moved = again = true;
        }
    }
    return moved;
}

void check_guards() {
    for (size_t offset : run.guard)
        for (size_t i = 0; i < GUARD; i++)
            if (run.smem[offset + i] != (char)0xA5) report("write past the end of shared memory");
}

void run_block(dim3 block, dim3 block_dim, dim3 grid_dim) {
    const int n_warps = (run.n_threads + 31) / 32;
    memset(run.smem, 0xFF, SMEM_MAX);
    run.guard.clear();
    run.live = run.n_threads;
    run.waiting = 0;
    for (int w = 0; w < n_warps; w++) run.warp[w].mask = run.warp[w].arrived = run.warp[w].turn = 0;
    for (int i = 0; i < run.n_threads; i++)
        fiber_start(run.fiber[(size_t)i], i, block, block_dim, grid_dim);
    while (run.live) {
        bool moved = false;
        shuffle = shuffle * 1664525u + 1013904223u;
        for (int k = 0; k < n_warps; k++) {
            const int w = schedule == 0 ? k
                          : schedule == 1
                              ? n_warps - 1 - k
                              : (int)(((unsigned)k + (shuffle >> 16)) % (unsigned)n_warps);
            moved |= drain(w);
        }
        if (run.waiting && run.waiting == run.live) { // the barrier opens
            run.waiting = 0;
            for (Fiber &f : run.fiber)
                if (f.state == AT_BLOCK) f.state = READY;
            moved = true;
        }
        if (!moved) report("deadlock: no thread of the block can go on");
    }
    check_guards();
}

} // namespace

void barrier(int line) {
    if (run.waiting && run.barrier_line != line)
        report("threads of one block wait at different barriers");
    run.barrier_line = line;
    run.waiting++;
    current().state = AT_BLOCK;
    to_scheduler(false);
}

void warp_barrier(unsigned mask) {
    Warp &w = run.warp[self->linear >> 5];
    if (!(mask >> self->lane & 1)) report("a lane outside the mask calls a warp collective");
    if (w.arrived && w.mask != mask)
        report("lanes of a warp call a collective with different masks");
    const int in_warp = std::min(32, run.n_threads - (self->linear & ~31));
    if (in_warp < 32 && mask >> in_warp) report("the mask names lanes that do not exist");
    w.mask = mask;
    w.arrived |= 1u << self->lane;
    if (w.arrived == mask) {
        w.arrived = 0;
        w.turn++;
        return;
    }
    current().turn = w.turn;
    current().state = AT_WARP;
    to_scheduler(false);
}

void *warp_slot(int lane) {
    Warp &w = run.warp[self->linear >> 5];
    return w.slot[w.turn & 1][lane];
}

void *shared(size_t bytes) {
    const size_t begin = self->smem_used;
    self->smem_used += (bytes + 15) / 16 * 16 + GUARD;
    if (self->smem_used > SMEM_MAX) report("more than 227 KB of shared memory");
    const size_t guard = begin + (bytes + 15) / 16 * 16;
    if (bytes && (run.guard.empty() || run.guard.back() < guard)) {
        run.guard.push_back(guard);
        memset(run.smem + guard, 0xA5, GUARD);
    }
    return run.smem + begin;
}

void launch(dim3 grid, dim3 block, size_t smem, cudaStream_t stream, const char *name,
            const std::function<void()> &body) {
    (void)stream; // every launch is finished when it returns: one legal order of a stream
    run.name = name;
    run.body = &body;
    self = nullptr;
    const size_t n = (size_t)block.x * block.y * block.z;
    if (n < 1 || n > THREADS_MAX || n % 32)
        report("a block must have 32..1024 threads, whole warps");
    if (!grid.x || !grid.y || !grid.z) report("empty grid");
    if (grid.y > 65535 || grid.z > 65535) report("grid.y and grid.z end at 65535");
    if (smem > SMEM_MAX) report("more than 227 KB of dynamic shared memory");
    if (!run.smem) { // ends where nothing is mapped, so that an access past it is a fault
        const size_t room = (SMEM_MAX + 4095) / 4096 * 4096;
        char *at = (char *)mmap(nullptr, room + FENCE, PROT_NONE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (at == MAP_FAILED || mprotect(at, room, PROT_READ | PROT_WRITE) != 0)
            report("no memory for shared memory");
        run.smem = at + (room - SMEM_MAX);
    }
    while (run.fiber.size() < n) {
        Fiber f{};
        f.stack = (char *)mmap(nullptr, STACK, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        run.fiber.push_back(f);
    }
    run.n_threads = (int)n;
    for (size_t i = n; i < run.fiber.size(); i++) run.fiber[i].state = ENDED;
    for (unsigned z = 0; z < grid.z; z++)
        for (unsigned y = 0; y < grid.y; y++)
            for (unsigned x = 0; x < grid.x; x++) run_block(dim3(x, y, z), block, grid);
}

} // namespace cuemu

extern "C" void cuemu_schedule(int schedule) {
    cuemu::schedule = schedule;
}
