/*
 * Jsonfile and problems: what is refused, and how places are named.
 */
#include "testing.h"

static void s_test_broken(void **state)
{
    (void) state;
    static const struct {
        const char *text, *told;
    } cases[] = {
        {"", "doc.json: the file is empty"},
        {"{\n  \"a\": 1,\n  \"b\": tru\n}", "doc.json:3:8: this is no JSON: "},
        {"{\"a\": 1,}", "doc.json:1:8: this is no JSON: "},
        {"{\"a\": \"\\u0000\"}", "doc.json:1:2: /a: holds a NUL character"},
        {"{\"a\\u0000\": 1}", "the name holds a NUL character"},
        {"{\"m\": {\n  \"x\": 1,\n  \"y\": 2,\n  \"x\": 3}}", "doc.json:4:3: /m/x: is there twice"},
        {"[{\"x\": 1,\n \"x\": 3}]", "doc.json:2:2: /0/x: is there twice"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        problems_t *problems = problems_new();
        assert_null(parse_text(cases[i].text, problems));
        expect_counts(problems, 1, 0);
        expect_line(problems, true, cases[i].told);
        problems_destroy(&problems);
    }
}

static void s_test_depth(void **state)
{
    (void) state;
    char text[2 * JSONFILE_DEPTH + 8] = "";
    problems_t *problems = problems_new();
    for (int depth = JSONFILE_DEPTH; depth <= JSONFILE_DEPTH + 1; depth++) {
        memset(text, '[', (size_t) depth);
        text[depth] = '1';
        memset(text + depth + 1, ']', (size_t) depth);
        text[2 * depth + 1] = 0;
        jsonfile_t *file = parse_text(text, problems);
        assert_int_equal(file != NULL, depth == JSONFILE_DEPTH);
        jsonfile_destroy(&file);
    }
    expect_line(problems, true, "is nested deeper than 64 levels");
    problems_destroy(&problems);
}

/* Escapes before a key shorten the copy that is parsed, and a line feed in a text is none in the source. */
static void s_test_place(void **state)
{
    (void) state;
    problems_t *problems = problems_new();
    jsonfile_t *file = parse_text(
        "{\"text\": \"\\n\\n\\u00e9\",\n \"a/b~\\n\": [7, {\"c\": 1}],\n \"\\u00e9d\": 2}", problems);
    yyjson_obj_iter members = yyjson_obj_iter_with(jsonfile_root(file));
    yyjson_obj_iter_next(&members);
    place_t list = {NULL, yyjson_obj_iter_next(&members), 0};
    place_t item = {&list, NULL, 1};
    yyjson_obj_iter inner = yyjson_obj_iter_with(yyjson_arr_get(yyjson_obj_iter_get_val(list.key), 1));
    place_t member = {&item, yyjson_obj_iter_next(&inner), 0};
    place_t last = {NULL, yyjson_obj_iter_next(&members), 0};
    jsonfile_error(file, &member, problems, "one %d", 1);
    jsonfile_error(file, &item, problems, "two");
    jsonfile_warn(file, &last, problems, "three");
    jsonfile_error(file, NULL, problems, "four");
    jsonfile_error(file, NULL, NULL, "nobody is told");
    expect_counts(problems, 3, 1);
    expect_line(problems, true, "doc.json:2:17: /a~1b~0\\x0a/1/c: one 1");
    expect_line(problems, true, "doc.json:2:2: /a~1b~0\\x0a/1: two");
    expect_line(problems, false,
                "doc.json:3:2: /\xc3\xa9"
                "d: three");
    expect_line(problems, true, "doc.json: four");
    jsonfile_destroy(&file);
    problems_destroy(&problems);
}

static void s_test_read(void **state)
{
    (void) state;
    char *folder = make_folder(), *path = write_file(folder, "good.json", "{\"a\": [1]}");
    problems_t *problems = problems_new();
    jsonfile_t *file = jsonfile_read(path, problems);
    assert_non_null(file);
    assert_string_equal(jsonfile_name(file), path);
    assert_int_equal(yyjson_arr_size(yyjson_obj_get(jsonfile_root(file), "a")), 1);
    jsonfile_destroy(&file);
    assert_null(jsonfile_read("/nowhere/x.json", problems));
    expect_line(problems, true, "/nowhere/x.json: can't be read: No such file or directory");
    assert_null(jsonfile_read(folder, problems));
    expect_line(problems, true, "can't be read: Is a directory");
    assert_int_equal(truncate(path, JSONFILE_SIZE + 1), 0);
    assert_null(jsonfile_read(path, problems));
    expect_line(problems, true, "can't be read: File too large");
    problems_destroy(&problems);
    free(path);
    remove_folder(&folder);
}

static void s_test_many(void **state)
{
    (void) state;
    char *text = NULL;
    size_t size;
    problems_t *problems = problems_new();
    for (size_t i = 0; i < PROBLEMS_KEPT + 3; i++)
        problems_warn(problems, "", "number %zu", i);
    expect_counts(problems, 0, PROBLEMS_KEPT + 3);
    FILE *stream = open_memstream(&text, &size);
    problems_print(problems, "p", stream);
    fclose(stream);
    assert_non_null(strstr(text, "p: warning: number 0\n"));
    assert_non_null(strstr(text, "p: and 3 more\n"));
    free(text);
    problems_destroy(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_test_broken), cmocka_unit_test(s_test_depth), cmocka_unit_test(s_test_place),
        cmocka_unit_test(s_test_read),   cmocka_unit_test(s_test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
