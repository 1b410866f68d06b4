// tests/test_file.c -- base/file: a failure leaves the old file and nothing else.
#include "base/file.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/test.h"

static char folder[64];
static Arena *arena;

static int set_up(void **state) {
    (void)state;
    arena = arena_new(1 << 16);
    snprintf(folder, sizeof folder, "build/test_file.XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    arena_free(arena);
    return file_remove_tree(folder) == ST_OK && !file_exists(folder) ? 0 : -1;
}

static const char *in_folder(const char *name) {
    return arena_printf(arena, "%s/%s", folder, name);
}

static void assert_holds(const char *path, const char *want) {
    char *data;
    size_t size;
    assert_ok(file_read(path, &data, &size, arena));
    assert_int_equal(size, strlen(want));
    assert_string_equal(data, want);
}

static int entries(const char *path) {
    DIR *dir = opendir(path);
    int n = -2; // . and ..
    while (readdir(dir)) n++;
    closedir(dir);
    return n;
}

static void what_was_written_is_read(void **state) {
    (void)state;
    const char *path = in_folder("a");
    assert_ok(file_write_atomic(path, "one", 3));
    assert_ok(file_write_atomic(path, "three", 5));
    assert_holds(path, "three");
    FileMap map;
    assert_ok(file_map(path, &map));
    assert_int_equal(map.size, 5);
    assert_memory_equal(map.data, "three", 5);
    file_unmap(&map);
    assert_null(map.data);
    assert_ok(file_write_atomic(path, NULL, 0));
    assert_ok(file_map(path, &map));
    assert_null(map.data);
    assert_int_equal(map.size, 0);
    file_unmap(&map);
    assert_holds(path, "");
    assert_int_equal(entries(folder), 1);
}

static void a_missing_file_is_named(void **state) {
    (void)state;
    char *data = (char *)"untouched";
    FileMap map;
    assert_int_equal(file_read(in_folder("none"), &data, NULL, arena), ST_IO);
    assert_non_null(strstr(status_text(), "/none: cannot open: No such file"));
    assert_string_equal(data, "untouched");
    assert_int_equal(file_map(in_folder("none"), &map), ST_IO);
    assert_null(map.data);
    assert_int_equal(file_map(folder, &map), ST_IO);
    assert_int_equal(file_read(folder, &data, NULL, arena), ST_IO);
    assert_int_equal(file_write_atomic(in_folder("no/such"), "x", 1), ST_IO);
    assert_int_equal(file_write_atomic(folder, "x", 1), ST_IO); // a folder is in the way
    assert_int_equal(entries(folder), 0);
}

static void a_sink_knows_the_checksum_of_its_pieces(void **state) {
    (void)state;
    const char *path = in_folder("sum");
    FileSink *sink;
    assert_ok(file_sink_open(path, &sink));
    assert_ok(file_sink_add(sink, "1234", 4));
    assert_ok(file_sink_add(sink, "56789", 5));
    assert_int_equal(file_sink_crc(sink), 0xCBF43926u); // the check value of CRC-32
    assert_false(file_exists(path));
    assert_ok(file_sink_commit(sink));
    assert_holds(path, "123456789");

    assert_ok(file_sink_open(path, &sink));
    assert_ok(file_sink_add(sink, "gone", 4));
    file_sink_abort(sink);
    file_sink_abort(NULL);
    assert_holds(path, "123456789");
    assert_int_equal(entries(folder), 1);
}

static void pieces_of_any_size_arrive_in_order(void **state) {
    (void)state;
    const char *path = in_folder("big");
    enum { TOTAL = 400000 };
    unsigned char *want = ARENA_ARRAY(arena, unsigned char, TOTAL);
    for (int i = 0; i < TOTAL; i++) want[i] = (unsigned char)(i * 7 + i / 251);
    FileSink *sink;
    assert_ok(file_sink_open(path, &sink));
    int sizes[] = {1, 65535, 65536, 65537, 3, 100000, 0, 40000}, at = 0;
    for (int k = 0; at < TOTAL; k++) {
        int n = sizes[k % 8] < TOTAL - at ? sizes[k % 8] : TOTAL - at;
        assert_ok(file_sink_add(sink, want + at, (size_t)n));
        at += n;
    }
    assert_ok(file_sink_commit(sink));
    FileMap map;
    assert_ok(file_map(path, &map));
    assert_int_equal(map.size, TOTAL);
    assert_memory_equal(map.data, want, TOTAL);
    file_unmap(&map);
}

// The temporary file is led to /dev/full, where every write says ENOSPC.
static void a_full_disk_leaves_the_old_file(void **state) {
    (void)state;
    const char *path = in_folder("full");
    const char *temporary = arena_printf(arena, "%s.tmp.%ld", path, (long)getpid());
    assert_ok(file_write_atomic(path, "old", 3));
    assert_int_equal(symlink("/dev/full", temporary), 0);
    FileSink *sink;
    assert_ok(file_sink_open(path, &sink));
    assert_ok(file_sink_add(sink, "small", 5)); // still in the buffer
    assert_int_equal(file_sink_commit(sink), ST_IO);
    assert_non_null(strstr(status_text(), "/full: cannot write: No space left on device"));
    assert_holds(path, "old");
    assert_int_equal(entries(folder), 1);

    char *big = ARENA_ARRAY(arena, char, 200000);
    assert_int_equal(symlink("/dev/full", temporary), 0);
    assert_ok(file_sink_open(path, &sink));
    assert_int_equal(file_sink_add(sink, big, 200000), ST_IO);
    assert_int_equal(file_sink_add(sink, "x", 1), ST_IO); // and stays failed
    assert_int_equal(file_sink_commit(sink), ST_IO);
    assert_holds(path, "old");
    assert_int_equal(entries(folder), 1);
}

static void a_write_cut_short_leaves_the_old_file(void **state) {
    (void)state;
    const char *path = in_folder("limit");
    char *big = ARENA_ARRAY(arena, char, 200000);
    assert_ok(file_write_atomic(path, "old", 3));
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 100000; // part of it can be written
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    Status st = file_write_atomic(path, big, 200000);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(st, ST_IO);
    assert_non_null(strstr(status_text(), "File too large"));
    assert_holds(path, "old");
    assert_int_equal(entries(folder), 1);
}

static void folders_are_made_and_removed_whole(void **state) {
    (void)state;
    assert_ok(file_mkdirs(in_folder("x/y//z/")));
    assert_ok(file_mkdirs(in_folder("x/y/z")));
    assert_ok(file_mkdirs("/"));
    assert_true(file_exists(in_folder("x/y/z")));
    assert_ok(file_write_atomic(in_folder("x/y/file"), "1", 1));
    assert_int_equal(file_mkdirs(in_folder("x/y/file/w")), ST_IO);
    assert_non_null(strstr(status_text(), "Not a directory"));
    assert_int_equal(symlink("/", in_folder("x/root")), 0); // removed, not followed
    assert_ok(file_remove_tree(in_folder("x")));
    assert_false(file_exists(in_folder("x")));
    assert_true(file_exists("/bin"));
    assert_ok(file_remove_tree(in_folder("x")));
}

static void an_older_run_is_moved_aside(void **state) {
    (void)state;
    char *moved = (char *)"";
    assert_ok(file_move_aside(in_folder("run"), &moved, arena));
    assert_null(moved);
    for (int k = 1; k <= 3; k++) {
        assert_ok(file_mkdirs(in_folder("run")));
        assert_ok(file_move_aside(in_folder("run/"), &moved, arena));
        assert_string_equal(moved, in_folder(arena_printf(arena, "run.%d", k)));
        assert_true(file_exists(moved));
    }
    assert_false(file_exists(in_folder("run")));
}

static void renaming_replaces(void **state) {
    (void)state;
    assert_ok(file_write_atomic(in_folder("from"), "new", 3));
    assert_ok(file_write_atomic(in_folder("to"), "old", 3));
    assert_ok(file_rename(in_folder("from"), in_folder("to")));
    assert_holds(in_folder("to"), "new");
    assert_int_equal(file_rename(in_folder("from"), in_folder("to")), ST_IO);
    assert_holds(in_folder("to"), "new");
}

static void a_folder_takes_the_place_of_an_older_one(void **state) {
    (void)state;
    const char *place = in_folder("place"), *tmp = in_folder("place.tmp");
    for (int round = 0; round < 3; round++) {
        char text[8];
        snprintf(text, sizeof text, "%d", round);
        assert_ok(file_mkdirs(tmp));
        assert_ok(file_write_atomic(in_folder("place.tmp/value"), text, strlen(text)));
        if (round == 1) assert_ok(file_write_atomic(in_folder("place/old"), "x", 1));
        assert_ok(file_replace_folder(tmp, place));
        assert_holds(in_folder("place/value"), text);
        assert_false(file_exists(in_folder("place/old")));
        assert_int_equal(entries(folder), 1);
    }
    assert_int_equal(file_replace_folder(in_folder("none"), place), ST_IO);
    assert_holds(in_folder("place/value"), "2");
}

// A reader of a pipe that nobody writes to waits for ever.
static void what_is_no_file_is_named_and_not_opened(void **state) {
    (void)state;
    FileMap map;
    bool there = true;
    const char *pipe = in_folder("pipe"), *loop = in_folder("loop"), *file = in_folder("file");
    assert_ok(file_look(in_folder("none"), &there));
    assert_false(there);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_int_equal(file_look(pipe, &there), ST_FORMAT);
    assert_int_equal(file_map(pipe, &map), ST_IO);
    assert_non_null(strstr(status_text(), "pipe: cannot map"));
    assert_int_equal(symlink("loop", loop), 0);
    assert_int_equal(file_look(loop, &there), ST_FORMAT);
    assert_int_equal(file_look(folder, &there), ST_FORMAT);
    assert_non_null(strstr(status_text(), "is a folder, not a file"));
    assert_ok(file_write_atomic(file, "x", 1));
    assert_ok(file_look(file, &there));
    assert_true(there);
    assert_string_equal(file_in(folder, "file", arena), file);
    assert_string_equal(file_in(file, "more", arena), file);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(what_was_written_is_read),
        CASE(a_missing_file_is_named),
        CASE(a_sink_knows_the_checksum_of_its_pieces),
        CASE(pieces_of_any_size_arrive_in_order),
        CASE(a_full_disk_leaves_the_old_file),
        CASE(a_write_cut_short_leaves_the_old_file),
        CASE(folders_are_made_and_removed_whole),
        CASE(an_older_run_is_moved_aside),
        CASE(a_folder_takes_the_place_of_an_older_one),
        CASE(renaming_replaces),
        CASE(what_is_no_file_is_named_and_not_opened),
    };
    return cmocka_run_group_tests_name("base/file", tests, NULL, NULL);
}
