// rollout/columns.h -- the table of a Batch's columns: name, element, length, when it exists.
//
// Layer 3 (rollout), for rollout/batch*.c. Making, joining, compacting, writing and reading a Batch
// all walk this table, so that a new column is one line here and one field in rollout/batch.h.
#ifndef ROLLOUT_COLUMNS_H
#define ROLLOUT_COLUMNS_H

#include "rollout/batch.h"

#ifdef __cplusplus
extern "C" {
#endif

// Numbers are part of the file: append, never renumber.
typedef enum ColumnType {
    COLUMN_U8 = 1,
    COLUMN_I32,
    COLUMN_U32,
    COLUMN_U64,
    COLUMN_F32,
    COLUMN_I16,
    COLUMN_U16,
    COLUMN_I64,
} ColumnType;

// How many elements a column has.
typedef enum ColumnCount {
    PER_GROUP,
    PER_GROUP_1, // n_groups + 1: offsets
    PER_PROMPT_TOKEN,
    PER_SAMPLE,
    PER_TOKEN,
    PER_TOKEN_1, // n_tokens + 1: offsets
    PER_ROUTE,   // n_tokens * route_layers * route_k
    PER_KEPT,
    PER_PART_NAME, // n_parts * BATCH_NAME_BYTES
} ColumnCount;

// Bits of the columns that a batch may lack.
enum {
    OPTION_OLD = 1,
    OPTION_REF = 2,
    OPTION_ROUTES = 4,
    OPTION_KEPT = 8,
    OPTION_TEACHER = 16,
    OPTION_ADVANTAGE_TOKEN = 32,
    OPTION_WEIGHT_RL = 64,
    OPTION_WEIGHT_SFT = 128,
    OPTION_WEIGHT_DISTILL = 256,
    OPTION_KV_VERSION = 512,
    OPTIONS = 1023,
};

// What the elements point at, so that joining two batches can shift them.
typedef enum ColumnShift {
    SHIFT_NONE,
    SHIFT_SAMPLES,
    SHIFT_PROMPTS,
    SHIFT_TOKENS,
    SHIFT_KEPT
} ColumnShift;

typedef struct BatchColumn {
    const char *name;
    ColumnType type;
    Stage stage; // exists from this stage on
    ColumnCount count;
    ColumnShift shift;
    int part;        // exists if n_parts > part; -1: always
    uint32_t option; // exists if this bit is set; 0: always
    size_t offset;   // of the pointer in Batch
} BatchColumn;

extern const BatchColumn batch_columns[];
extern const int n_batch_columns;

// The counts that decide which columns there are and how long they are.
typedef struct BatchShape {
    Stage stage;
    int32_t n_groups, n_samples, n_prompt_tokens, n_tokens, n_parts;
    uint32_t options; // OPTION_* bits
    int32_t route_layers, route_k;
    int64_t n_kept;
} BatchShape;

// The options that columns of a stage have.
uint32_t options_of_stage(Stage stage);

BatchShape batch_shape(const Batch *batch);
bool column_present(const BatchColumn *column, const BatchShape *shape);
uint64_t column_count(const BatchColumn *column, const BatchShape *shape);
size_t column_width(const BatchColumn *column); // bytes of an element

void *column_get(const BatchColumn *column, const Batch *batch);
void column_set(const BatchColumn *column, Batch *batch, void *data);

#ifdef __cplusplus
}
#endif
#endif
