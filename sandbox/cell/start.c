// sandbox/cell/start.c -- the start of a compiled program: the library's own, without its
// questions.
//
// Linked into the program, so it is the program's and no part of any layer. The same calls in the
// same order as __libc_start_main of the static library; what that asks the processor is copied
// from CellStart instead. Until __libc_setup_tls there is no stack guard and no chosen memcpy: this
// file is compiled without either.
#include "sandbox/cell/start.h"

#if CELL_START_KNOWN

#include <elf.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>

typedef void Hook(int, char **, char **);

extern int main(int, char **, char **);
extern char **__environ;
extern void *__libc_stack_end, *_dl_random;
extern unsigned __nptl_nthreads;
extern int __libc_enable_secure;
extern const Elf64_Rela __rela_iplt_start[], __rela_iplt_end[];
extern Hook *const __preinit_array_start[], *const __preinit_array_end[];
extern Hook *const __init_array_start[], *const __init_array_end[];
extern void (*const __fini_array_start[])(void), (*const __fini_array_end[])(void);

void _dl_aux_init(Elf64_auxv_t *);
void __tunables_init(char **);
void __libc_setup_tls(void);
void __libc_early_init(_Bool);
void __libc_init_first(int, char **, char **);
void __libc_check_standard_fds(void);
void *_dl_debug_initialize(Elf64_Addr, long);
void __nptl_deallocate_tsd(void);
int __cxa_atexit(void (*)(void *), void *, void *);
void exit(int) __attribute__((noreturn));
void _init(void);
void _fini(void);

// Filled in where the slot writes this object down.
__attribute__((used, section(".data"))) CellStart cage_start_known = {.mark = CELL_START_MARK};

static void know_processor(void) {
    const volatile CellStart *k = &cage_start_known; // volatile: or it becomes a call of memcpy
    static long *const size[8] = {CELL_START_SIZES};
    for (int i = 0; i < CELL_START_FEATURES; i++) _dl_x86_cpu_features[i] = k->features[i];
    for (int i = 0; i < 8; i++) *size[i] = k->size[i];
    __x86_string_control = (int)k->string_control;
    _dl_hwcap = k->hwcap;
    if (_dl_minsigstacksize == 0) _dl_minsigstacksize = k->min_stack;
}

// The program's memory in the place of the host's: the kernel answers nothing here (filter.c), and
// the library would take whatever lay there, for the size of a machine that qsort asks for.
int __wrap_sysinfo(struct sysinfo *info);
int __wrap___sysinfo(struct sysinfo *info);

int __wrap_sysinfo(struct sysinfo *info) {
    struct rlimit most = {0, 0};
    getrlimit(RLIMIT_AS, &most);
    __builtin_memset(info, 0, sizeof *info);
    info->totalram = info->freeram = most.rlim_cur;
    info->mem_unit = 1;
    info->procs = 1;
    return 0;
}

int __wrap___sysinfo(struct sysinfo *info) {
    return __wrap_sysinfo(info);
}

static void end_arrays(void *unused) {
    (void)unused;
    for (ptrdiff_t i = __fini_array_end - __fini_array_start; i-- > 0;) __fini_array_start[i]();
    _fini();
}

// A main that calls pthread_exit comes back here through the jump, when other threads may go on.
static void call_main(int argc, char **argv) {
    __pthread_unwind_buf_t unwind;
    if (__sigsetjmp_cancel(unwind.__cancel_jmp_buf, 0) == 0) {
        __pthread_register_cancel(&unwind);
        exit(main(argc, argv, __environ));
    }
    __nptl_deallocate_tsd();
    if (__atomic_sub_fetch(&__nptl_nthreads, 1, __ATOMIC_SEQ_CST) == 0) exit(0);
    for (;;) __asm__ volatile("syscall" : : "a"(SYS_exit), "D"(0) : "rcx", "r11", "memory");
}

__attribute__((used, noreturn)) void cage_start_go(long *stack, void (*at_end)(void *));
void cage_start_go(long *stack, void (*at_end)(void *)) {
    int argc = (int)stack[0];
    char **argv = (char **)(stack + 1), **env = argv + argc + 1;
    __environ = env;
    __libc_stack_end = stack;
    while (*env++) {
    }
    _dl_aux_init((Elf64_auxv_t *)(void *)env);
    __tunables_init(__environ);
    know_processor();
    for (const Elf64_Rela *r = __rela_iplt_start; r < __rela_iplt_end; r++) // chooses memcpy
        *(Elf64_Addr *)r->r_offset = ((Elf64_Addr(*)(void))r->r_addend)();
    __libc_setup_tls();
    const unsigned long *random = _dl_random;
    __asm__ volatile("mov %0, %%fs:0x28" : : "r"(random[0] & ~0xfful)); // stack guard
    __asm__ volatile("mov %0, %%fs:0x30" : : "r"(random[1]));           // pointer guard
    if (at_end) __cxa_atexit(at_end, NULL, NULL);
    __libc_early_init(1);
    __libc_init_first(argc, argv, __environ);
    __cxa_atexit(end_arrays, NULL, NULL);
    if (__libc_enable_secure) __libc_check_standard_fds();
    for (Hook *const *h = __preinit_array_start; h < __preinit_array_end; h++)
        (*h)(argc, argv, __environ);
    _init();
    for (Hook *const *h = __init_array_start; h < __init_array_end; h++)
        (*h)(argc, argv, __environ);
    _dl_debug_initialize(0, 0);
    call_main(argc, argv);
    __builtin_unreachable();
}

__asm__(".pushsection .text\n.globl cage_start\n.type cage_start, @function\ncage_start:\n"
        ".cfi_startproc\n.cfi_undefined rip\nxor %ebp, %ebp\nmov %rsp, %rdi\nmov %rdx, %rsi\n"
        "and $-16, %rsp\ncall cage_start_go\nhlt\n.cfi_endproc\n"
        ".size cage_start, . - cage_start\n.popsection\n");
#else
typedef int nothing;
#endif
