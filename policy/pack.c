// policy/pack.c -- offsets of a list of sequences, and its cut into chunks of whole groups.
#include "policy/pack.h"

#include <stdbool.h>
#include <stddef.h>

Pack pack_make(const int32_t *token, const uint8_t *want, const Seq *seq, int n_seqs,
               Arena *arena) {
    int *offset = ARENA_ARRAY(arena, int, n_seqs + 1);
    int n_want = 0;
    for (int s = 0; s < n_seqs; s++) {
        CHECK(seq[s].end > seq[s].begin);
        offset[s + 1] = offset[s] + seq[s].end - seq[s].begin;
        for (int t = seq[s].begin + 1; want && t < seq[s].end; t++) n_want += want[t] != 0;
    }
    return (Pack){.token = token,
                  .want = want,
                  .seq = seq,
                  .offset = offset,
                  .n_seqs = n_seqs,
                  .n_tokens = offset[n_seqs],
                  .n_want = n_want};
}

// One past the last sequence of the group that begins at `s`; *n_tokens gets its size.
static int group_end(const Seq *seq, const int *group, int n_seqs, int s, int *n_tokens) {
    int e = s;
    *n_tokens = 0;
    do {
        *n_tokens += seq[e].end - seq[e].begin;
        e++;
    } while (e < n_seqs && group && group[e] == group[s]);
    return e;
}

Pack *pack_chunks(const int32_t *token, const uint8_t *want, const Seq *seq, const int *group,
                  int n_seqs, int chunk_tokens, int *n_chunks, Arena *arena) {
    Pack *chunk = ARENA_ARRAY(arena, Pack, n_seqs > 0 ? n_seqs : 1);
    int n = 0;
    for (int begin = 0; begin < n_seqs;) {
        int total, size, end = group_end(seq, group, n_seqs, begin, &total);
        const bool whole = total <= chunk_tokens;
        const int last = whole ? n_seqs : end;
        if (!whole) end = group_end(seq, NULL, n_seqs, begin, &total);
        while (end < last) {
            int next = group_end(seq, whole ? group : NULL, n_seqs, end, &size);
            if (size > chunk_tokens - total) break;
            total += size;
            end = next;
        }
        chunk[n++] = pack_make(token, want, seq + begin, end - begin, arena);
        begin = end;
    }
    *n_chunks = n;
    return chunk;
}
