// policy/index.c -- writes the integers of a unit into one block.
#include "policy/index.h"

#include <stdlib.h>
#include <string.h>

enum { LINE = 16, ARRAYS = 12 }; // integers of a cache line; arrays of an Index

static size_t line_up(size_t n) {
    return (n + LINE - 1) / LINE * LINE;
}

size_t index_ints(int rows, int seqs, int pages) {
    const size_t each = line_up((size_t)rows + 1), of_seq = line_up((size_t)seqs + 1);
    return 7 * each + 4 * of_seq + line_up((size_t)pages) + (size_t)ARRAYS * LINE;
}

static void begin(Index *ix, int rows, int seqs, int pages) {
    const size_t need = index_ints(rows, seqs, pages);
    ix->n_rows = rows;
    ix->n_seqs = seqs;
    ix->n_want = 0;
    ix->used = 0;
    if (need <= ix->cap) return;
    CHECK(!ix->device || ix->cap == 0);
    free(ix->host);
    ix->host = malloc(need * sizeof *ix->host);
    CHECK(ix->host);
    ix->cap = need;
}

static int32_t *take(Index *ix, Ints *out, size_t n) {
    int32_t *at = ix->host + ix->used;
    *out = (Ints){.host = at, .n = (int)n};
    if (ix->device) out->device = device_at(ix->device, ix->used * sizeof *at);
    ix->used += line_up(n);
    CHECK(ix->used <= ix->cap);
    return at;
}

// A pack's wanted tokens of sequence s, whose rows begin at row `at`: the row that predicts each,
// the token, and its packed index.
static int set_wanted(Index *ix, const Pack *pack, int s, int at, int ahead, int n, int32_t *row,
                      int32_t *token) {
    const int pos0 = ahead > 0 ? 0 : ix->pos0.host[s];
    for (int t = 1 + ahead; t < pack->seq[s].end - pack->seq[s].begin; t++) {
        if (!pack->want || !pack->want[pack->seq[s].begin + t]) continue;
        CHECK(t > pos0); // the token before predicts it, which is the sequence's own
        row[n] = at + t - 1 - ahead - pos0;
        ix->want_at[n] = pack->offset[s] - pack->offset[0] + t;
        token[n++] = pack->token[pack->seq[s].begin + t];
    }
    return n;
}

void index_ahead(Index *ix, const Pack *pack, int ahead) {
    const size_t rows = (size_t)pack->n_rows, seqs = (size_t)pack->n_seqs;
    begin(ix, pack->n_rows, pack->n_seqs, 0);
    int32_t *token = take(ix, &ix->token, rows), *pos = take(ix, &ix->pos, rows);
    int32_t *times = take(ix, &ix->times, rows), *offset = take(ix, &ix->offset, seqs + 1);
    int32_t *pos0 = take(ix, &ix->pos0, seqs), *leader = take(ix, &ix->leader, seqs);
    int32_t *want_row = take(ix, &ix->want_row, rows),
            *want_token = take(ix, &ix->want_token, rows);
    ix->from = (Ints){0};
    int32_t *from = ahead > 0 ? take(ix, &ix->from, rows) : NULL;
    Ints host_only;
    ix->packed = take(ix, &host_only, seqs);
    ix->want_at = take(ix, &host_only, rows);
    ix->page = (Ints){0};
    int n = 0, want = 0, used = 0, before = 0; // before: first row in the module before
    for (int s = 0; s < pack->n_seqs; s++) {
        const Seq *q = &pack->seq[s];
        const int length = q->end - q->begin - ahead;
        if (length <= 0) {
            before += length + 1 > 0 ? length + 1 : 0;
            continue;
        }
        const int shared = pack_shared(pack, s, &leader[used]);
        CHECK(ahead == 0 || shared == 0);
        if (ahead > 0) leader[used] = used;
        pos0[used] = shared;
        offset[used] = n;
        ix->packed[used] = pack->offset[s] - pack->offset[0];
        want = set_wanted(ix, pack, s, n, ahead, want, want_row, want_token);
        for (int t = 0; t < shared; t++) times[offset[leader[used]] + t]++;
        for (int t = shared; t < length; t++, n++) {
            token[n] = pack->token[q->begin + t + ahead];
            pos[n] = t;
            times[n] = 1;
            if (from) from[n] = before + t;
        }
        before += length + 1;
        used++;
    }
    CHECK(ahead > 0 || n == pack->n_rows);
    offset[used] = n;
    ix->n_rows = ix->token.n = ix->pos.n = ix->times.n = ix->from.n = n;
    ix->n_seqs = ix->pos0.n = ix->leader.n = used;
    ix->offset.n = used + 1;
    ix->n_want = ix->want_row.n = ix->want_token.n = want;
}

void index_pack(Index *ix, const Pack *pack) {
    index_ahead(ix, pack, 0);
}

void index_draft(Index *ix, const DecodeSeq *seq, int n_seqs, const int *from) {
    int rows = 0, wanted = 0, stride = 1;
    for (int s = 0; s < n_seqs; s++) {
        const int pages = (seq[s].pos + seq[s].n_new + KV_PAGE_TOKENS - 1) / KV_PAGE_TOKENS;
        rows += seq[s].n_new;
        wanted += seq[s].n_logits;
        if (pages > stride) stride = pages;
    }
    begin(ix, rows, n_seqs, n_seqs * stride);
    int32_t *token = take(ix, &ix->token, (size_t)rows), *pos = take(ix, &ix->pos, (size_t)rows);
    int32_t *offset = take(ix, &ix->offset, (size_t)n_seqs + 1);
    int32_t *pos0 = take(ix, &ix->pos0, (size_t)n_seqs);
    int32_t *page = take(ix, &ix->page, (size_t)n_seqs * (size_t)stride);
    int32_t *want_row = take(ix, &ix->want_row, (size_t)wanted);
    Ints host_only;
    ix->want_at = take(ix, &host_only, (size_t)wanted);
    ix->leader = ix->times = ix->want_token = ix->from = (Ints){0};
    int32_t *state = from ? take(ix, &ix->from, (size_t)rows) : NULL;
    ix->page_stride = stride;
    ix->n_want = wanted;
    int n = 0, want = 0;
    for (int s = 0; s < n_seqs; s++) {
        const DecodeSeq *q = &seq[s];
        const int pages = (q->pos + q->n_new + KV_PAGE_TOKENS - 1) / KV_PAGE_TOKENS;
        offset[s] = n;
        pos0[s] = q->pos;
        memcpy(page + (size_t)s * (size_t)stride, q->page, (size_t)pages * sizeof *page);
        for (int t = 0; t < q->n_new; t++) {
            token[n] = q->token[t];
            if (from) state[n] = from[s] + t;
            pos[n++] = q->pos + t;
        }
        for (int i = 0; i < q->n_logits; i++, want++) {
            want_row[want] = n - q->n_logits + i;
            ix->want_at[want] = s;
        }
    }
    offset[n_seqs] = n;
}

void index_decode(Index *ix, const DecodeSeq *seq, int n_seqs) {
    index_draft(ix, seq, n_seqs, NULL);
}

void index_free(Index *ix) {
    free(ix->host);
    ix->host = NULL;
    ix->cap = 0;
}
