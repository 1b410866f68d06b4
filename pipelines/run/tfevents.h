// pipelines/run/tfevents.h -- TensorBoard event files, written by hand.
//
// Layer 5. A file is a row of records: length u64 LE, masked CRC-32C of the length, payload, masked
// CRC-32C of the payload (TensorFlow's core/lib/io/record_writer.cc). A payload is one protobuf
// `Event` (core/util/event.proto). A resumed run opens a new file in the same folder and says with
// a SessionLog START from which step on older points are void.
#ifndef PIPELINES_TFEVENTS_H
#define PIPELINES_TFEVENTS_H

#include <stdint.h>

#include "base/metrics.h"
#include "base/status.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Tfevents Tfevents;

// Creates FOLDER/events.out.tfevents.<seconds>.<host>.<pid>.<n>. restart_step >= 0: points at or
// after that step in older files no longer count. ST_IO.
MUST_USE Status tfevents_open(const char *folder, int64_t restart_step, Tfevents **out);
// Every metric of the row as a scalar; NaN and infinities too. Flushed at once. ST_IO.
MUST_USE Status tfevents_add(Tfevents *file, const Metrics *metrics, int64_t step, double time);
// A text panel. ST_IO.
MUST_USE Status tfevents_text(Tfevents *file, const char *tag, const char *markdown, int64_t step,
                              double time);
void tfevents_close(Tfevents *file); // NULL is fine

// The pieces, for tests: CRC-32C (Castagnoli), TensorFlow's mask of it, and one whole record.
uint32_t tfevents_crc32c(const void *data, size_t size);
uint32_t tfevents_mask(uint32_t crc);
void tfevents_record(Str *out, const Str *event);

#ifdef __cplusplus
}
#endif
#endif
