// rollout/batch_file.c -- a Batch on disk and back, whoever wrote the bytes.
//
// Little-endian: BatchHeader, then n_columns BatchColumn, then the raw columns in that order, then
// the CRC-32 of everything before it. Which columns there are, and how long, follows from the
// header alone, so the reader compares instead of trusting.
#include "rollout/batch.h"

#include <string.h>
#include <zlib.h>

#include "base/file.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "batch files are little-endian: write the byte swaps first"
#endif

static const char magic[8] = {'G', 'R', 'P', 'O', 'B', 'T', 'C', 'H'};
enum { FILE_VERSION = 1 };

typedef struct BatchHeader {
    char magic[8];
    uint32_t version, stage;
    uint64_t step;
    int32_t n_groups, n_samples, n_prompt_tokens, n_tokens, n_parts;
    uint32_t n_columns;
} BatchHeader;

typedef enum Type { TYPE_U8 = 1, TYPE_I32, TYPE_U32, TYPE_U64, TYPE_F32 } Type;
static const size_t type_bytes[] = {0, 1, 4, 4, 8, 4};

typedef struct BatchColumn {
    char name[24]; // zero-padded
    uint32_t type, zero;
    uint64_t count; // elements
} BatchColumn;

_Static_assert(sizeof(BatchHeader) == 48 && sizeof(BatchColumn) == 40, "the file has no padding");
_Static_assert(sizeof(int) == 4, "int columns are written as they are");

typedef enum Count { PER_GROUP, PER_GROUP_1, PER_PROMPT_TOKEN, PER_SAMPLE, PER_TOKEN } Count;

typedef struct Row {
    const char *name;
    Type type;
    Stage stage; // present from this stage on
    Count count;
    int part; // present if n_parts > part; -1: always
    size_t offset;
} Row;

#define ROW(field, type, stage, count)                                                             \
    { #field, type, stage, count, -1, offsetof(Batch, field) }
#define PART(p)                                                                                    \
    { "part" #p, TYPE_F32, STAGE_JUDGED, PER_SAMPLE, p, offsetof(Batch, part[p]) }
static const Row schema[] = {
    ROW(task_id, TYPE_U64, STAGE_ASKED, PER_GROUP),
    ROW(task_index, TYPE_U64, STAGE_ASKED, PER_GROUP),
    ROW(group_begin, TYPE_I32, STAGE_ASKED, PER_GROUP_1),
    ROW(prompt_begin, TYPE_I32, STAGE_ASKED, PER_GROUP_1),
    ROW(prompt_token, TYPE_I32, STAGE_ASKED, PER_PROMPT_TOKEN),
    ROW(keep, TYPE_U8, STAGE_ASKED, PER_GROUP),
    ROW(token_begin, TYPE_I32, STAGE_SAMPLED, PER_SAMPLE),
    ROW(token_end, TYPE_I32, STAGE_SAMPLED, PER_SAMPLE),
    ROW(response_begin, TYPE_I32, STAGE_SAMPLED, PER_SAMPLE),
    ROW(finish, TYPE_U8, STAGE_SAMPLED, PER_SAMPLE),
    ROW(version_min, TYPE_U32, STAGE_SAMPLED, PER_SAMPLE),
    ROW(version_max, TYPE_U32, STAGE_SAMPLED, PER_SAMPLE),
    ROW(token, TYPE_I32, STAGE_SAMPLED, PER_TOKEN),
    ROW(mask, TYPE_U8, STAGE_SAMPLED, PER_TOKEN),
    ROW(logp_roll, TYPE_F32, STAGE_SAMPLED, PER_TOKEN),
    ROW(verdict, TYPE_U8, STAGE_JUDGED, PER_SAMPLE),
    ROW(reward, TYPE_F32, STAGE_JUDGED, PER_SAMPLE),
    PART(0),
    PART(1),
    PART(2),
    PART(3),
    PART(4),
    PART(5),
    PART(6),
    PART(7),
    ROW(weight, TYPE_F32, STAGE_JUDGED, PER_SAMPLE),
    ROW(advantage, TYPE_F32, STAGE_WEIGHED, PER_SAMPLE),
};
enum { ROWS = sizeof schema / sizeof schema[0] };
_Static_assert(BATCH_REWARDS_MAX == 8, "one PART row for each");

static bool row_present(const Row *row, const BatchHeader *h) {
    return (uint32_t)row->stage <= h->stage && row->part < h->n_parts;
}

static uint64_t row_count(const Row *row, const BatchHeader *h) {
    switch (row->count) {
    case PER_GROUP: return (uint64_t)h->n_groups;
    case PER_GROUP_1: return (uint64_t)h->n_groups + 1;
    case PER_PROMPT_TOKEN: return (uint64_t)h->n_prompt_tokens;
    case PER_SAMPLE: return (uint64_t)h->n_samples;
    case PER_TOKEN: return (uint64_t)h->n_tokens;
    }
    return 0;
}

static BatchColumn row_column(const Row *row, const BatchHeader *h) {
    BatchColumn column = {.type = (uint32_t)row->type, .count = row_count(row, h)};
    memcpy(column.name, row->name, strlen(row->name));
    return column;
}

Status batch_write(const Batch *batch, const char *path) {
    CHECK(batch->stage >= STAGE_ASKED);
    BatchHeader h = {.version = FILE_VERSION,
                     .stage = (uint32_t)batch->stage,
                     .step = batch->step,
                     .n_groups = batch->n_groups,
                     .n_samples = batch->n_samples,
                     .n_prompt_tokens = batch->prompt_begin[batch->n_groups],
                     .n_tokens = batch->stage >= STAGE_SAMPLED ? batch->n_tokens : 0,
                     .n_parts = batch->stage >= STAGE_JUDGED ? batch->n_parts : 0};
    memcpy(h.magic, magic, sizeof magic);
    for (int r = 0; r < ROWS; r++) h.n_columns += row_present(&schema[r], &h);

    Status st = ST_OK;
    FileSink *sink = NULL;
    TRY_OUT(file_sink_open(path, &sink));
    TRY_OUT(file_sink_add(sink, &h, sizeof h));
    for (int r = 0; r < ROWS; r++) {
        if (!row_present(&schema[r], &h)) continue;
        BatchColumn column = row_column(&schema[r], &h);
        TRY_OUT(file_sink_add(sink, &column, sizeof column));
    }
    for (int r = 0; r < ROWS; r++) {
        const Row *row = &schema[r];
        if (!row_present(row, &h)) continue;
        const void *data;
        memcpy(&data, (const char *)batch + row->offset, sizeof data);
        TRY_OUT(file_sink_add(sink, data, (size_t)row_count(row, &h) * type_bytes[row->type]));
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

static Status check_values(const Batch *b, int n_prompt_tokens, const char *name) {
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
    }
    for (int t = 0; t < b->n_tokens; t++)
        if (b->mask[t] > TOKEN_INJECTED)
            return FAIL(ST_FORMAT, "%s: mask[%d] is %d", name, t, b->mask[t]);
    return ST_OK;
}

static Status check_header(const BatchHeader *h, const char *name) {
    if (h->stage < STAGE_ASKED || h->stage > STAGE_WEIGHED)
        return FAIL(ST_FORMAT, "%s: there is no stage %u", name, h->stage);
    if (h->n_groups < 0 || h->n_samples < 0 || h->n_prompt_tokens < 0 || h->n_tokens < 0 ||
        h->n_parts < 0 || h->n_parts > BATCH_REWARDS_MAX ||
        (h->stage < STAGE_SAMPLED && h->n_tokens > 0) ||
        (h->stage < STAGE_JUDGED && h->n_parts > 0))
        return FAIL(ST_FORMAT,
                    "%s: impossible counts: %d groups, %d samples, %d and %d tokens, %d rewards",
                    name, h->n_groups, h->n_samples, h->n_prompt_tokens, h->n_tokens, h->n_parts);
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

    // The table must be the one that the header implies, and the columns must fill the file.
    uint32_t n_columns = 0;
    uint64_t total = 0; // at most 26 columns of 2^31 elements of 8 bytes
    for (int r = 0; r < ROWS; r++) {
        if (!row_present(&schema[r], &h)) continue;
        BatchColumn want = row_column(&schema[r], &h);
        n_columns++;
        if (end - at < sizeof want || memcmp(bytes + at, &want, sizeof want) != 0)
            return FAIL(ST_FORMAT, "%s: column %u should be %s with %llu elements", name, n_columns,
                        want.name, (unsigned long long)want.count);
        at += sizeof want;
        total += want.count * type_bytes[want.type];
    }
    if (n_columns != h.n_columns || total != end - at)
        return FAIL(ST_FORMAT, "%s: %u columns of %llu bytes expected, %u of %zu found", name,
                    n_columns, (unsigned long long)total, h.n_columns, end - at);

    Batch *b = ARENA_ARRAY(arena, Batch, 1);
    b->stage = (Stage)h.stage;
    b->step = h.step;
    b->n_groups = b->n_asked = h.n_groups;
    b->n_samples = h.n_samples;
    b->n_tokens = h.n_tokens;
    b->n_parts = h.n_parts;
    b->prompt_cap = h.n_prompt_tokens;
    b->task = ARENA_ARRAY(arena, const struct Task *, h.n_groups);
    for (int r = 0; r < ROWS; r++) {
        const Row *row = &schema[r];
        if (!row_present(row, &h)) continue;
        size_t count = (size_t)row_count(row, &h), width = type_bytes[row->type];
        void *column = arena_alloc(arena, count, width);
        memcpy(column, bytes + at, count * width);
        memcpy((char *)b + row->offset, &column, sizeof column);
        at += count * width;
    }
    TRY(check_values(b, h.n_prompt_tokens, name));
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
