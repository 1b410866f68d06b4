// base/arena.h -- memory that is freed all at once.
//
// Layer 1. A training step makes thousands of small host arrays with the same lifetime; they are
// allocated from one Arena and freed together. One Arena belongs to one thread. A function that
// allocates for its caller takes the caller's Arena as its last parameter; the result lives there.
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Arena Arena;

// A place in an arena, to come back to.
typedef struct ArenaMark {
    void *block;
    size_t used;
} ArenaMark;

// `block_bytes`: how much is taken from malloc at a time; larger requests get a block of
// their own. The caller owns the result and ends it with arena_free.
Arena *arena_new(size_t block_bytes);
void arena_free(Arena *arena); // NULL is fine

// `count * size` zeroed bytes, 64-byte aligned. Never NULL: a full host aborts the run. A large
// allocation takes memory from the system as it is written, not at once.
void *arena_alloc(Arena *arena, size_t count, size_t size);
#define ARENA_ARRAY(arena, type, count)                                                            \
    ((type *)arena_alloc((arena), (size_t)(count), sizeof(type)))

// The same with whatever the bytes held before: for what is written before it is read.
void *arena_alloc_unset(Arena *arena, size_t count, size_t size);

char *arena_printf(Arena *arena, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

// Everything taken after the mark is given back; pointers to it are dead from here on.
// Under AddressSanitizer the bytes are poisoned, so a late read is caught.
ArenaMark arena_mark(const Arena *arena);
void arena_rewind(Arena *arena, ArenaMark mark);

#ifdef __cplusplus
}
#endif
#endif
