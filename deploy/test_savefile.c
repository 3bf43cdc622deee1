/*
 * Savefile: folders, mode, replacing, and what stays when it fails.
 */
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include "testing.h"
#include "loadfile.h"
#include "savefile.h"

static void s_expect(const char *path, const char *text)
{
    struct stat is;
    pbus_buf_t content = {0};
    assert_true(loadfile(path, 1024, &content, NULL));
    assert_int_equal(content.size, strlen(text));
    assert_memory_equal(content.data, text, content.size);
    assert_int_equal(stat(path, &is), 0);
    assert_int_equal(is.st_mode & 0777, 0600);
    pbus_buf_clear(&content);
}

static int s_entries(const char *folder)
{
    int count = 0;
    DIR *open = opendir(folder);
    while (readdir(open))
        count++;
    closedir(open);
    return count - 2;
}

static void s_test_save(void **state)
{
    (void) state;
    char *folder = make_folder(), path[128], inner[128];
    problems_t *problems = problems_new();
    snprintf(path, sizeof path, "%s/a/b/file", folder);
    snprintf(inner, sizeof inner, "%s/a/b", folder);
    assert_true(savefile(path, "one", 3, problems));
    s_expect(path, "one");
    assert_int_equal(chmod(path, 0644), 0);
    assert_true(savefile(path, "", 0, problems));
    s_expect(path, "");
    assert_int_equal(s_entries(inner), 1);
    problems_destroy(&problems);
    remove_folder(&folder);
}

static void s_test_failing(void **state)
{
    (void) state;
    char *folder = make_folder(), *file = write_file(folder, "file", "kept"), path[128];
    problems_t *problems = problems_new();
    assert_false(savefile(folder, "x", 1, problems));
    expect_line(problems, true, "can't be written: Is a directory");
    snprintf(path, sizeof path, "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_false(savefile(path, "x", 1, problems));
    expect_line(problems, true, "/pipe: can't be written: Invalid argument");
    snprintf(path, sizeof path, "%s/file/below", folder);
    assert_false(savefile(path, "x", 1, problems));
    expect_line(problems, true, "/file/below: can't be written: Not a directory");
    assert_false(savefile("", "x", 1, problems));
    expect_counts(problems, 4, 0);
    assert_int_equal(s_entries(folder), 2);
    problems_destroy(&problems);
    free(file);
    remove_folder(&folder);
}

/* The disk takes no more: what was there stays, and nothing is left of the new file. */
static void s_test_full(void **state)
{
    (void) state;
    char *folder = make_folder(), path[128];
    problems_t *problems = problems_new();
    struct rlimit before, small;
    snprintf(path, sizeof path, "%s/file", folder);
    assert_true(savefile(path, "kept", 4, problems));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){10, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    bool saved = savefile(path, "more than ten bytes", 19, problems);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(saved);
    expect_line(problems, true, "/file: can't be written: File too large");
    s_expect(path, "kept");
    assert_int_equal(s_entries(folder), 1);
    problems_destroy(&problems);
    remove_folder(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(s_test_save), cmocka_unit_test(s_test_failing),
                                       cmocka_unit_test(s_test_full)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
