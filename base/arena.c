// base/arena.c -- a chain of blocks; a mark is a block and how much of it was used.
#include "base/arena.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(p, n) __asan_poison_memory_region((p), (n))
#define UNPOISON(p, n) __asan_unpoison_memory_region((p), (n))
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

enum { ALIGN = 64, LARGE_BLOCK = 128 * 1024 };

typedef struct ArenaBlock {
    struct ArenaBlock *prev;
    size_t cap, used;
    size_t written; // bytes from here on are zero as the system gave them
    char *data;     // ALIGN-aligned, inside the same allocation
} ArenaBlock;

struct Arena {
    size_t block_bytes;
    ArenaBlock *last;
};

Arena *arena_new(size_t block_bytes) {
    Arena *arena = calloc(1, sizeof *arena);
    CHECK(arena != NULL);
    arena->block_bytes = block_bytes < 4096 ? 4096 : block_bytes;
    return arena;
}

static void block_drop(Arena *arena) {
    ArenaBlock *b = arena->last;
    arena->last = b->prev;
    UNPOISON(b->data, b->cap);
    free(b);
}

void arena_free(Arena *arena) {
    if (!arena) return;
    while (arena->last) block_drop(arena);
    free(arena);
}

static void *take(Arena *arena, size_t count, size_t size, bool zeroed) {
    CHECK(size == 0 || count <= (SIZE_MAX / 2 - ALIGN) / size);
    size_t bytes = (count * size + ALIGN - 1) / ALIGN * ALIGN;
    if (bytes == 0) bytes = ALIGN;
    ArenaBlock *b = arena->last;
    if (!b || b->cap - b->used < bytes) {
        size_t cap = bytes > arena->block_bytes ? bytes : arena->block_bytes;
        // A large block takes memory as it is written. A small one would be cleared as a whole for
        // the part that is used, once a verdict.
        bool large = cap >= LARGE_BLOCK;
        b = large ? calloc(1, sizeof *b + ALIGN + cap) : malloc(sizeof *b + ALIGN + cap);
        if (!b) {
            fprintf(stderr, "grpo: out of host memory: %zu bytes\n", cap);
            abort();
        }
        b->data = (char *)(((uintptr_t)(b + 1) + ALIGN - 1) & ~(uintptr_t)(ALIGN - 1));
        b->prev = arena->last;
        b->cap = cap;
        b->used = 0;
        b->written = large ? 0 : cap;
        arena->last = b;
        POISON(b->data, cap);
    }
    char *p = b->data + b->used;
    const size_t begin = b->used, end = begin + bytes;
    UNPOISON(p, bytes);
    if (zeroed && begin < b->written) memset(p, 0, (end < b->written ? end : b->written) - begin);
    if (end > b->written) b->written = end;
    b->used = end;
    return p;
}

void *arena_alloc(Arena *arena, size_t count, size_t size) {
    return take(arena, count, size, true);
}

void *arena_alloc_unset(Arena *arena, size_t count, size_t size) {
    return take(arena, count, size, false);
}

char *arena_printf(Arena *arena, const char *fmt, ...) {
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    CHECK(n >= 0);
    char *text = ARENA_ARRAY(arena, char, n + 1);
    vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    return text;
}

ArenaMark arena_mark(const Arena *arena) {
    return (ArenaMark){arena->last, arena->last ? arena->last->used : 0};
}

void arena_rewind(Arena *arena, ArenaMark mark) {
    while (arena->last && arena->last != mark.block) block_drop(arena);
    CHECK(arena->last == mark.block);
    if (!arena->last) return;
    ArenaBlock *b = arena->last;
    POISON(b->data + mark.used, b->cap - mark.used);
    b->used = mark.used;
}
