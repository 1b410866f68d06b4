// policy/pack.c -- offsets of a list of sequences, what they share, and its cut into chunks.
#include "policy/pack.h"

#include <stdbool.h>
#include <stddef.h>

static int length(const Seq *q) {
    return q->end - q->begin;
}

Pack pack_make(const int32_t *token, const uint8_t *want, const Seq *seq, int n_seqs,
               Arena *arena) {
    int *offset = ARENA_ARRAY(arena, int, n_seqs + 1);
    int n_want = 0;
    for (int s = 0; s < n_seqs; s++) {
        CHECK(seq[s].end > seq[s].begin);
        offset[s + 1] = offset[s] + length(&seq[s]);
        for (int t = seq[s].begin + 1; want && t < seq[s].end; t++) n_want += want[t] != 0;
    }
    return (Pack){.token = token,
                  .want = want,
                  .seq = seq,
                  .offset = offset,
                  .n_seqs = n_seqs,
                  .n_tokens = offset[n_seqs],
                  .n_rows = offset[n_seqs],
                  .n_want = n_want};
}

// Tokens that sequence s may take from the sequence `leader`.
static int in_common(const Pack *p, int leader, int s) {
    const Seq *a = &p->seq[leader], *b = &p->seq[s];
    const int32_t *x = p->token + a->begin, *y = p->token + b->begin;
    int n = 0;
    while (n < length(a) && n + 1 < length(b) && x[n] == y[n] &&
           !(p->want && p->want[b->begin + n + 1]))
        n++;
    return n;
}

void pack_share(Pack *p, const int *group, Arena *arena) {
    Shared *shared = ARENA_ARRAY(arena, Shared, p->n_seqs + 1);
    p->shared = shared;
    for (int s = 1, leader = 0; s < p->n_seqs; s++) {
        const int n = group[s] == group[leader] ? in_common(p, leader, s) : 0;
        if (n > 0) shared[s] = (Shared){s - leader, n};
        if (n == 0) leader = s;
        p->n_rows -= n;
    }
}

int pack_shared(const Pack *p, int s, int *leader) {
    *leader = s;
    if (!p->shared || p->shared[s].back == 0 || s == 0) return 0;
    const int n = p->shared[s].tokens, first = p->shared[0].tokens;
    *leader = s - p->shared[s].back;
    if (*leader >= 0) return n;
    *leader = 0; // theirs is before the piece: both begin as it does
    return n < first ? n : first;
}

// Tokens of sequence s that are computed.
static int rows_of(const Pack *p, int s) {
    int leader;
    return length(&p->seq[s]) - pack_shared(p, s, &leader);
}

static Pack rest_of(const Pack *all, int begin) {
    Pack out = *all;
    out.seq += begin;
    out.offset += begin;
    if (out.shared) out.shared += begin;
    out.n_seqs -= begin;
    return out;
}

// Of the sequences from the pack's first on, the first n.
static void keep(Pack *p, int n, int rows) {
    p->n_seqs = n;
    p->n_tokens = p->offset[n] - p->offset[0];
    p->n_rows = rows;
    p->n_want = 0;
    for (int s = 0; s < n; s++)
        for (int t = p->seq[s].begin + 1; p->want && t < p->seq[s].end; t++)
            p->n_want += p->want[t] != 0;
}

Pack pack_piece(const Pack *all, int begin, int max_rows) {
    Pack out = rest_of(all, begin);
    int end = 1, rows = rows_of(&out, 0);
    for (int more; end < out.n_seqs; end++, rows += more)
        if ((more = rows_of(&out, end)) > max_rows - rows) break;
    keep(&out, end, rows);
    return out;
}

// One past the last sequence of the group that begins at `s`; *rows gets its size.
static int group_end(const Pack *p, const int *group, int s, int *rows) {
    int e = s;
    *rows = 0;
    do *rows += rows_of(p, e++);
    while (e < p->n_seqs && group && group[e] == group[s]);
    return e;
}

Pack *pack_chunks(const int32_t *token, const uint8_t *want, const Seq *seq, const int *group,
                  int n_seqs, int chunk_tokens, int *n_chunks, Arena *arena) {
    Pack *chunk = ARENA_ARRAY(arena, Pack, n_seqs > 0 ? n_seqs : 1);
    Pack all = pack_make(token, want, seq, n_seqs, arena);
    if (group) pack_share(&all, group, arena);
    int n = 0;
    for (int begin = 0; begin < n_seqs;) {
        const Pack rest = rest_of(&all, begin);
        const int *g = group ? group + begin : NULL;
        int rows, more, end = group_end(&rest, g, 0, &rows);
        const bool whole = rows <= chunk_tokens;
        const int last = whole ? rest.n_seqs : end;
        if (!whole) end = group_end(&rest, NULL, 0, &rows);
        while (end < last) {
            int next = group_end(&rest, whole ? g : NULL, end, &more);
            if (more > chunk_tokens - rows) break;
            rows += more;
            end = next;
        }
        chunk[n] = pack_make(token, want, seq + begin, end, arena);
        chunk[n].shared = rest.shared;
        chunk[n++].n_rows = rows;
        begin += end;
    }
    *n_chunks = n;
    return chunk;
}
