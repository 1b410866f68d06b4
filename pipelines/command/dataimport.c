// pipelines/command/dataimport.c -- one converter after the other.
#include "pipelines/command/dataimport.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"

static const char python_arrow[] =
    "import sys, json, datetime\n"
    "import pyarrow as pa\n"
    "def table(path):\n"
    "    with open(path, 'rb') as f: magic = f.read(6)\n"
    "    if magic[:4] == b'PAR1':\n"
    "        import pyarrow.parquet as pq\n"
    "        yield from pq.ParquetFile(path).iter_batches(4096)\n"
    "    elif magic == b'ARROW1':\n"
    "        r = pa.ipc.open_file(path)\n"
    "        for i in range(r.num_record_batches): yield r.get_batch(i)\n"
    "    else:\n"
    "        yield from pa.ipc.open_stream(path)\n"
    "with open(sys.argv[2], 'w', encoding='utf-8') as out:\n"
    "    for batch in table(sys.argv[1]):\n"
    "        for row in batch.to_pylist():\n"
    "            out.write(json.dumps(row, ensure_ascii=False, default=str) + '\\n')\n";

static const char python_duckdb[] =
    "import sys, duckdb\n"
    "q = lambda s: \"'\" + s.replace(\"'\", \"''\") + \"'\"\n"
    "duckdb.sql(f'COPY (SELECT * FROM read_parquet({q(sys.argv[1])})) TO {q(sys.argv[2])} (FORMAT "
    "JSON)')\n";

// The exit code of the program, 127 where it is not there.
static int run_program(const char *const *argv) {
    pid_t pid;
    if (posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv, environ) != 0) return 127;
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) return 127;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static bool python_has(const char *module) {
    const char *text = strcmp(module, "pyarrow") == 0
                           ? "import importlib.util as u, sys; sys.exit(not u.find_spec('pyarrow'))"
                           : "import importlib.util as u, sys; sys.exit(not u.find_spec('duckdb'))";
    return run_program((const char *[]){"python3", "-c", text, NULL}) == 0;
}

static void put_quoted(const char *path, Str *out) {
    str_putc(out, '\'');
    for (; *path; path++) str_puts(out, *path == '\'' ? "''" : (char[]){*path, 0});
    str_putc(out, '\'');
}

static bool has_program(const char *name) {
    const char *path = getenv("PATH");
    for (const char *at = path ? path : ""; *at;) {
        size_t n = strcspn(at, ":");
        Str file = {0};
        str_printf(&file, "%.*s/%s", (int)n, at, name);
        bool there = access(file.data, X_OK) == 0;
        str_free(&file);
        if (there) return true;
        at += n + (at[n] == ':');
    }
    return false;
}

static bool is_parquet(const char *path) {
    FileMap map;
    if (file_map(path, &map) != ST_OK) return false;
    bool is = map.size >= 4 && memcmp(map.data, "PAR1", 4) == 0;
    file_unmap(&map);
    return is;
}

Status dataimport(const char *path, const char *out, const char **tool) {
    TRY(file_want(path));
    Str part = {0}, query = {0};
    str_printf(&part, "%s.tmp.%d", out, (int)getpid());
    bool parquet = is_parquet(path);
    int rc = 127;
    if (parquet && has_program("duckdb")) {
        *tool = "duckdb";
        str_puts(&query, "COPY (SELECT * FROM read_parquet(");
        put_quoted(path, &query);
        str_puts(&query, ")) TO ");
        put_quoted(part.data, &query);
        str_puts(&query, " (FORMAT JSON)");
        rc = run_program((const char *[]){"duckdb", "-c", query.data, NULL});
    } else if (python_has("pyarrow")) {
        *tool = "python3 with pyarrow";
        rc = run_program((const char *[]){"python3", "-c", python_arrow, path, part.data, NULL});
    } else if (parquet && python_has("duckdb")) {
        *tool = "python3 with duckdb";
        rc = run_program((const char *[]){"python3", "-c", python_duckdb, path, part.data, NULL});
    }
    Status st = ST_OK;
    if (rc == 127)
        st = FAIL(ST_UNSUPPORTED,
                  "%s: nothing here reads %s. Install one of these and say it again:\n"
                  "  pip install pyarrow\n  pip install duckdb%s",
                  path, parquet ? "Parquet" : "Arrow",
                  parquet ? "\n  DuckDB's command: https://duckdb.org/docs/installation" : "");
    else if (rc != 0)
        st = FAIL(ST_FORMAT, "%s: %s could not convert it (exit code %d; its words are above)",
                  path, *tool, rc);
    if (st == ST_OK)
        st = file_rename(part.data, out);
    else
        unlink(part.data);
    str_free(&part);
    str_free(&query);
    return st;
}
