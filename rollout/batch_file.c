// rollout/batch_file.c -- a Batch on disk and back, whoever wrote the bytes.
//
// Little-endian: BatchHeader, then n_columns ColumnRecord, then the raw columns in that order, then
// the CRC-32 of everything before it. Which columns there are, and how long, follows from the
// header alone (rollout/columns.h), so the reader compares instead of trusting.
#include "rollout/batch.h"

#include <string.h>
#include <zlib.h>

#include "base/file.h"
#include "rollout/columns.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "batch files are little-endian: write the byte swaps first"
#endif

static const char magic[8] = {'G', 'R', 'P', 'O', 'B', 'T', 'C', 'H'};
enum { FILE_VERSION = 3 };

typedef struct BatchHeader {
    char magic[8];
    uint32_t version, stage;
    uint64_t step;
    int32_t n_groups, n_samples, n_prompt_tokens, n_tokens, n_parts;
    uint32_t n_columns, options;
    int32_t updates_made, route_layers, route_k;
    int64_t n_kept;
} BatchHeader;

typedef struct ColumnRecord {
    char name[24]; // zero-padded
    uint32_t type, zero;
    uint64_t count; // elements
} ColumnRecord;

_Static_assert(sizeof(BatchHeader) == 72 && sizeof(ColumnRecord) == 40, "the file has no padding");
_Static_assert(sizeof(int) == 4, "int columns are written as they are");

static ColumnRecord record_of(const BatchColumn *column, const BatchShape *shape) {
    ColumnRecord record = {.type = (uint32_t)column->type, .count = column_count(column, shape)};
    memcpy(record.name, column->name, strlen(column->name));
    return record;
}

Status batch_write(const Batch *batch, const char *path) {
    CHECK(batch->stage >= STAGE_ASKED);
    const BatchShape s = batch_shape(batch);
    BatchHeader h = {.version = FILE_VERSION,
                     .stage = (uint32_t)batch->stage,
                     .step = batch->step,
                     .n_groups = s.n_groups,
                     .n_samples = s.n_samples,
                     .n_prompt_tokens = s.n_prompt_tokens,
                     .n_tokens = s.n_tokens,
                     .n_parts = s.n_parts,
                     .options = s.options,
                     .updates_made = batch->updates_made,
                     .route_layers = s.route_layers,
                     .route_k = s.route_k,
                     .n_kept = s.n_kept};
    memcpy(h.magic, magic, sizeof magic);
    for (int c = 0; c < n_batch_columns; c++) h.n_columns += column_present(&batch_columns[c], &s);

    Status st = ST_OK;
    FileSink *sink = NULL;
    TRY_OUT(file_sink_open(path, &sink));
    TRY_OUT(file_sink_add(sink, &h, sizeof h));
    for (int c = 0; c < n_batch_columns; c++) {
        if (!column_present(&batch_columns[c], &s)) continue;
        ColumnRecord record = record_of(&batch_columns[c], &s);
        TRY_OUT(file_sink_add(sink, &record, sizeof record));
    }
    for (int c = 0; c < n_batch_columns; c++) {
        const BatchColumn *column = &batch_columns[c];
        if (!column_present(column, &s)) continue;
        TRY_OUT(file_sink_add(sink, column_get(column, batch),
                              (size_t)column_count(column, &s) * column_width(column)));
    }
    uint32_t crc = file_sink_crc(sink);
    TRY_OUT(file_sink_add(sink, &crc, sizeof crc));
    st = file_sink_commit(sink);
    sink = NULL;

out:
    file_sink_abort(sink);
    return st;
}

// begin[0..n] starts at 0, never falls, ends at `end`.
static bool offsets_hold(const int *begin, int n, int end) {
    if (begin[0] != 0 || begin[n] != end) return false;
    for (int i = 0; i < n; i++)
        if (begin[i] > begin[i + 1]) return false;
    return true;
}

static Status check_kept(const Batch *b, int64_t n_kept, const char *name) {
    if (!b->kept_begin) return ST_OK;
    bool holds = b->kept_begin[0] == 0 && b->kept_begin[b->n_tokens] == n_kept;
    for (int t = 0; holds && t < b->n_tokens; t++) holds = b->kept_begin[t] <= b->kept_begin[t + 1];
    if (holds) return ST_OK;
    return FAIL(ST_FORMAT, "%s: kept_begin does not split %lld ids over %d tokens", name,
                (long long)n_kept, b->n_tokens);
}

static Status check_values(const Batch *b, int n_prompt_tokens, int64_t n_kept, const char *name) {
    if (!offsets_hold(b->group_begin, b->n_groups, b->n_samples))
        return FAIL(ST_FORMAT, "%s: group_begin does not split %d samples into %d groups", name,
                    b->n_samples, b->n_groups);
    if (!offsets_hold(b->prompt_begin, b->n_groups, n_prompt_tokens))
        return FAIL(ST_FORMAT, "%s: prompt_begin does not split %d tokens into %d prompts", name,
                    n_prompt_tokens, b->n_groups);
    for (int g = 0; g < b->n_groups; g++) {
        if (b->prompt_begin[g] == b->prompt_begin[g + 1])
            return FAIL(ST_FORMAT, "%s: the prompt of group %d is empty", name, g);
        if (b->keep[g] > 1) return FAIL(ST_FORMAT, "%s: keep[%d] is %d", name, g, b->keep[g]);
    }
    if (b->stage < STAGE_SAMPLED) return ST_OK;
    for (int i = 0; i < b->n_samples; i++) {
        int begin = b->token_begin[i], response = b->response_begin[i], end = b->token_end[i];
        if (begin < 0 || response < begin || end < response || end > b->n_tokens)
            return FAIL(ST_FORMAT, "%s: sample %d claims tokens %d, %d to %d of %d", name, i, begin,
                        response, end, b->n_tokens);
        if (b->finish[i] > FINISH_ABORT)
            return FAIL(ST_FORMAT, "%s: finish[%d] is %d", name, i, b->finish[i]);
        if (b->sample_stage[i] < STAGE_ASKED || b->sample_stage[i] > b->stage)
            return FAIL(ST_FORMAT, "%s: sample_stage[%d] is %d", name, i, b->sample_stage[i]);
        if (b->stage >= STAGE_JUDGED &&
            (b->answer_begin[i] < 0 || b->answer_end[i] < b->answer_begin[i]))
            return FAIL(ST_FORMAT, "%s: the answer of sample %d is at bytes %d to %d", name, i,
                        b->answer_begin[i], b->answer_end[i]);
    }
    for (int t = 0; t < b->n_tokens; t++)
        if (b->kind[t] > TOKEN_INJECTED)
            return FAIL(ST_FORMAT, "%s: kind[%d] is %d", name, t, b->kind[t]);
    for (int t = 0; b->stage >= STAGE_JUDGED && t < b->n_tokens; t++)
        if (b->loss_mask[t] > 1)
            return FAIL(ST_FORMAT, "%s: loss_mask[%d] is %d", name, t, b->loss_mask[t]);
    for (int p = 0; b->stage >= STAGE_JUDGED && p < b->n_parts; p++)
        if (!memchr(b->part_name + p * BATCH_NAME_BYTES, 0, BATCH_NAME_BYTES))
            return FAIL(ST_FORMAT, "%s: the name of part %d of the reward does not end", name, p);
    return check_kept(b, n_kept, name);
}

static Status check_header(const BatchHeader *h, const char *name) {
    if (h->stage < STAGE_ASKED || h->stage > STAGE_WEIGHED)
        return FAIL(ST_FORMAT, "%s: there is no stage %u", name, h->stage);
    const bool sampled = h->stage >= STAGE_SAMPLED, judged = h->stage >= STAGE_JUDGED;
    const bool routes = h->options & OPTION_ROUTES, kept = h->options & OPTION_KEPT;
    if (h->n_groups < 0 || h->n_samples < 0 || h->n_prompt_tokens < 0 || h->n_tokens < 0 ||
        h->n_parts < 0 || h->n_parts > BATCH_REWARDS_MAX || (!sampled && h->n_tokens > 0) ||
        (!judged && h->n_parts > 0) || h->updates_made < 0)
        return FAIL(ST_FORMAT,
                    "%s: impossible counts: %d groups, %d samples, %d and %d tokens, %d rewards",
                    name, h->n_groups, h->n_samples, h->n_prompt_tokens, h->n_tokens, h->n_parts);
    if ((h->options & ~(uint32_t)OPTIONS) || (!sampled && h->options) ||
        (!judged && (h->options & options_of_stage(STAGE_JUDGED))) ||
        (h->stage < STAGE_WEIGHED && (h->options & options_of_stage(STAGE_WEIGHED))) ||
        routes != (h->route_layers > 0) || routes != (h->route_k > 0) || h->route_layers < 0 ||
        h->route_layers > 4096 || h->route_k < 0 || h->route_k > 4096 || h->n_kept < 0 ||
        h->n_kept > (int64_t)1 << 40 || (!kept && h->n_kept > 0))
        return FAIL(ST_FORMAT,
                    "%s: impossible optional columns %u: routes of %d layers and %d experts, "
                    "%lld kept ids",
                    name, h->options, h->route_layers, h->route_k, (long long)h->n_kept);
    return ST_OK;
}

// The column table must be the one that the header implies, and the columns must fill the file.
// *at moves behind the table.
static Status check_table(const unsigned char *bytes, size_t end, const BatchHeader *h,
                          const BatchShape *s, const char *name, size_t *at) {
    uint32_t n_columns = 0;
    uint64_t total = 0; // each column has at most 2^31 * 2^24 elements of 8 bytes
    for (int c = 0; c < n_batch_columns; c++) {
        if (!column_present(&batch_columns[c], s)) continue;
        ColumnRecord want = record_of(&batch_columns[c], s);
        n_columns++;
        if (end - *at < sizeof want || memcmp(bytes + *at, &want, sizeof want) != 0)
            return FAIL(ST_FORMAT, "%s: column %u should be %s with %llu elements", name, n_columns,
                        want.name, (unsigned long long)want.count);
        *at += sizeof want;
        total += want.count * column_width(&batch_columns[c]);
    }
    if (n_columns != h->n_columns || total != end - *at)
        return FAIL(ST_FORMAT, "%s: %u columns of %llu bytes expected, %u of %zu found", name,
                    n_columns, (unsigned long long)total, h->n_columns, end - *at);
    return ST_OK;
}

Status batch_parse(const void *data, size_t size, const char *name, Batch **out, Arena *arena) {
    const unsigned char *bytes = data;
    BatchHeader h;
    uint32_t crc;
    *out = NULL;
    if (size < sizeof h + sizeof crc)
        return FAIL(ST_FORMAT, "%s: %zu bytes are too few for a batch file", name, size);
    memcpy(&h, bytes, sizeof h);
    if (memcmp(h.magic, magic, sizeof magic) != 0)
        return FAIL(ST_FORMAT, "%s: not a batch file (it does not begin with GRPOBTCH)", name);
    if (h.version != FILE_VERSION)
        return FAIL(ST_FORMAT, "%s: batch file version %u; this program reads version %d", name,
                    h.version, FILE_VERSION);
    size_t end = size - sizeof crc, at = sizeof h;
    memcpy(&crc, bytes + end, sizeof crc);
    if (crc32_z(0, bytes, end) != crc)
        return FAIL(ST_FORMAT, "%s: the checksum does not match: truncated or damaged", name);
    TRY(check_header(&h, name));
    const BatchShape s = {.stage = (Stage)h.stage,
                          .n_groups = h.n_groups,
                          .n_samples = h.n_samples,
                          .n_prompt_tokens = h.n_prompt_tokens,
                          .n_tokens = h.n_tokens,
                          .n_parts = h.n_parts,
                          .options = h.options,
                          .route_layers = h.route_layers,
                          .route_k = h.route_k,
                          .n_kept = h.n_kept};
    TRY(check_table(bytes, end, &h, &s, name, &at));

    Batch *b = ARENA_ARRAY(arena, Batch, 1);
    b->stage = s.stage;
    b->step = h.step;
    b->updates_made = h.updates_made;
    b->n_groups = b->n_asked = h.n_groups;
    b->n_samples = h.n_samples;
    b->n_tokens = h.n_tokens;
    b->n_parts = h.n_parts;
    b->route_layers = h.route_layers, b->route_k = h.route_k;
    b->prompt_cap = h.n_prompt_tokens;
    b->task = ARENA_ARRAY(arena, const struct Task *, h.n_groups);
    for (int c = 0; c < n_batch_columns; c++) {
        const BatchColumn *column = &batch_columns[c];
        if (!column_present(column, &s)) continue;
        size_t count = (size_t)column_count(column, &s), width = column_width(column);
        void *copy = arena_alloc(arena, count, width);
        memcpy(copy, bytes + at, count * width);
        column_set(column, b, copy);
        at += count * width;
    }
    TRY(check_values(b, h.n_prompt_tokens, h.n_kept, name));
    *out = b;
    return ST_OK;
}

Status batch_read(const char *path, Batch **out, Arena *arena) {
    FileMap map;
    *out = NULL;
    TRY(file_map(path, &map));
    Status st = batch_parse(map.data, map.size, path, out, arena);
    file_unmap(&map);
    return st;
}
