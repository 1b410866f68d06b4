// tests/test_manifest.c -- pipelines/manifest: what is written holds; what is cut, changed, missing
// or led elsewhere is named.
#include "pipelines/run/manifest.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "tests/test.h"

static char folder[] = "/tmp/test_manifest.XXXXXX";

static void put(const char *name, const char *text) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_ok(file_write_atomic(path, text, strlen(text)));
}

static void assert_refused(const char *why) {
    assert_int_equal(manifest_check(folder, NULL), ST_FORMAT);
    if (!strstr(status_text(), why)) fail_msg("'%s' is not in: %s", why, status_text());
}

static void what_is_written_holds_until_a_file_changes(void **state) {
    (void)state;
    char sub[128];
    int64_t bytes = 0;
    snprintf(sub, sizeof sub, "%s/model", folder);
    assert_ok(file_mkdirs(sub));
    put("a..b", "one"); // dots in a name are no way up
    put("model/weights", "two");
    assert_ok(manifest_write(folder, 3, 77));
    assert_ok(manifest_check(folder, &bytes));
    assert_int_equal(bytes, 77);
    put("model/weights", "twO");
    assert_refused("model/weights: its checksum");
    put("model/weights", "tw");
    assert_refused("has 2 bytes");
    put("model/weights", "two");
    assert_ok(manifest_check(folder, NULL));
    put("manifest.json", "{\"files\":{\"gone\":{\"bytes\":1,\"crc32\":1}}}");
    assert_refused("gone: is missing");
}

static void names_that_lead_elsewhere_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"{\"files\":{\"../x\":{}}}", "{\"files\":{\"a/..\":{}}}",
                                      "{\"files\":{\"a/../../b\":{}}}", "{\"files\":{\"\":{}}}",
                                      "{\"files\":[1]}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put("manifest.json", bad[i]);
        assert_refused("names no file of the folder");
    }
    put("manifest.json", "{\"files\":{}}");
    assert_refused("lists no files");
    put("manifest.json", "[]");
    assert_refused("lists no files");
}

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    return file_remove_tree(folder) == ST_OK ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_holds_until_a_file_changes),
        cmocka_unit_test(names_that_lead_elsewhere_are_refused),
    };
    return cmocka_run_group_tests_name("pipelines/manifest", tests, make_folder, remove_folder);
}
