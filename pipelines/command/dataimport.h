// pipelines/command/dataimport.h -- Parquet and Arrow files as JSON lines, by programs that are
// there.
//
// Layer 5. No reader of ours: DuckDB's command, or Python with pyarrow or duckdb, whichever is
// found first. OUT is written beside its place and renamed, so that it is whole or not there.
#ifndef PIPELINES_DATAIMPORT_H
#define PIPELINES_DATAIMPORT_H

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// *tool: the program that did it. ST_UNSUPPORTED where none is there, with the commands to install
// one; ST_FORMAT where it failed.
MUST_USE Status dataimport(const char *path, const char *out, const char **tool);

#ifdef __cplusplus
}
#endif
#endif
