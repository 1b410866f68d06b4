// pipelines/run/manifest.h -- the list of a checkpoint's files with sizes and checksums.
//
// Layer 5. manifest.json is the last file written into a checkpoint: a folder without one, or with
// one that does not hold, is torn.
#ifndef PIPELINES_MANIFEST_H
#define PIPELINES_MANIFEST_H

#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// Lists every file below the folder. `metrics_bytes` is the size of metrics.jsonl at this moment.
// ST_IO.
MUST_USE Status manifest_write(const char *folder, int64_t step, int64_t metrics_bytes);
// Reads every byte again. ST_FORMAT names the first file that is missing, cut or changed; ST_IO.
// metrics_bytes may be NULL.
MUST_USE Status manifest_check(const char *folder, int64_t *metrics_bytes);

#ifdef __cplusplus
}
#endif
#endif
