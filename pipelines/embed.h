// pipelines/embed.h -- a file of the source tree as a text in the program.
//
// Layer 5. The assembler takes the file in (.incbin; the path is relative to the root, where make
// runs). The Makefile names the files that an object embeds, so that they are followed like
// headers. C files only: it makes a definition.
#ifndef PIPELINES_EMBED_H
#define PIPELINES_EMBED_H

// `symbol` becomes a zero-terminated `const char symbol[]`.
#define EMBED(symbol, path)                                                                        \
    __asm__(".section .rodata\n.global " #symbol "\n" #symbol ":\n.incbin \"" path                 \
            "\"\n.byte 0\n.previous\n");                                                           \
    extern const char symbol[]

#endif
