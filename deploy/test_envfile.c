/*
 * Envfile: what lines mean, what is refused, and that nothing told holds a value.
 */
#include "testing.h"
#include "envfile.h"

static envfile_t *s_parse(const char *text, problems_t *problems)
{
    return envfile_parse("x.env", text, strlen(text), problems);
}

static void s_test_lines(void **state)
{
    (void) state;
    static const struct {
        const char *line, *value; /* of A */
    } cases[] = {
        {"A=b", "b"},
        {"A=", ""},
        {" \tA = b c \t", "b c"},
        {"A=b\r", "b"},
        {"export A=b", "b"},
        {"export\tA=b", "b"},
        {"A=b # c", "b"},
        {"A=b#c", "b#c"},
        {"A=# c", ""},
        {"A='b # \"c\" $D \\n'", "b # \"c\" $D \\n"},
        {"A=\"b # \\\"c\\\" \\$D \\\\ \\n\\t\\r \\x\"  # d", "b # \"c\" $D \\ \n\t\r \\x"},
        {"A=\"\"", ""},
        {"A=b\"c\"", "b\"c\""},
        {"A=b=c", "b=c"},
        {"A=$B", "$B"},
        {"\xef\xbb\xbf"
         "A=b",
         "b"},
        {"# A=c\n\n   \nA=b", "b"},
        {"exportA=c\nA=b", "b"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        problems_t *problems = problems_new();
        envfile_t *file = s_parse(cases[i].line, problems);
        expect_counts(problems, 0, 0);
        assert_string_equal(envfile_get(file, "A"), cases[i].value);
        assert_null(envfile_get(file, "AA"));
        envfile_destroy(&file);
        problems_destroy(&problems);
    }
}

static void s_test_refused(void **state)
{
    (void) state;
    static const struct {
        const char *text, *told;
    } cases[] = {
        {"A=b\nsecret", "x.env:2: is not NAME=VALUE"},
        {"1A=secret", "x.env:1: is not NAME=VALUE"},
        {"A-B=secret", "x.env:1: is not NAME=VALUE"},
        {"=secret", "x.env:1: is not NAME=VALUE"},
        {"A B=secret", "x.env:1: is not NAME=VALUE"},
        {"A='secret", "x.env:1: has a quote that is not closed in this line"},
        {"A=\"secret\\\"", "x.env:1: has a quote that is not closed in this line"},
        {"A=\"secret\nsecret\"", "x.env:1: has a quote that is not closed in this line"},
        {"A='secret'secret", "x.env:1: goes on after the closing quote"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        problems_t *problems = problems_new();
        const char *line;
        bool is_error;
        assert_null(s_parse(cases[i].text, problems));
        expect_line(problems, true, cases[i].told);
        for (size_t j = 0; (line = problems_line(problems, j, &is_error)) != NULL; j++)
            assert_null(strstr(line, "secret"));
        problems_destroy(&problems);
    }
}

static void s_test_file(void **state)
{
    (void) state;
    problems_t *problems = problems_new();
    char *folder = make_folder(), *path = write_file(folder, "e/.env", "A=1\nB=2\nA=3\n");
    envfile_t *file = envfile_read(path, problems);
    expect_counts(problems, 0, 1);
    expect_line(problems, false, "/e/.env:3: A is there twice: this line counts");
    assert_string_equal(envfile_get(file, "A"), "3");
    envfile_destroy(&file);
    assert_null(envfile_read("/nowhere/.env", problems));
    expect_line(problems, true, "/nowhere/.env: can't be read: No such file");
    assert_null(envfile_parse("x.env", "A=\0b", 4, problems));
    expect_line(problems, true, "x.env: holds a NUL character");
    assert_int_equal(truncate(path, ENVFILE_SIZE + 1), 0);
    assert_null(envfile_read(path, problems));
    expect_line(problems, true, "File too large");
    problems_destroy(&problems);
    free(path);
    remove_folder(&folder);
}

/* More lines than the first array holds; the environment comes first. */
static void s_test_many(void **state)
{
    (void) state;
    char text[4096] = "", name[16];
    problems_t *problems = problems_new();
    for (int i = 0; i < 100; i++)
        sprintf(text + strlen(text), "N%d=%d\n", i, i);
    envfile_t *file = s_parse(text, problems);
    assert_int_equal(envfile_count(file), 100);
    for (int i = 0; i < 100; i++) {
        sprintf(name, "N%d", i);
        assert_string_equal(variable_get(file, name), name + 1);
    }
    setenv("N5", "five", 1);
    assert_string_equal(variable_get(file, "N5"), "five");
    assert_string_equal(variable_get(NULL, "N5"), "five");
    setenv("N5", "", 1);
    assert_string_equal(variable_get(file, "N5"), "");
    unsetenv("N5");
    assert_null(variable_get(NULL, "N5"));
    envfile_destroy(&file);
    problems_destroy(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(s_test_lines), cmocka_unit_test(s_test_refused),
                                       cmocka_unit_test(s_test_file), cmocka_unit_test(s_test_many)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
