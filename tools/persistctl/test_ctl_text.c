/*
 * What persistctl prints: numbers, tables, progress.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "progress.h"
#include "table.h"
#include "units.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define SECOND INT64_C(1000000000)

static void s_test_units(void **state)
{
    (void) state;
    assert_string_equal(units_count(0).text, "0");
    assert_string_equal(units_count(999).text, "999");
    assert_string_equal(units_count(1000).text, "1,000");
    assert_string_equal(units_count(UINT64_MAX).text, "18,446,744,073,709,551,615");
    assert_string_equal(units_bytes(1023).text, "1023 B");
    assert_string_equal(units_bytes(1536).text, "1.5 KiB");
    assert_string_equal(units_bytes(1024 * 1024 - 1).text, "1.0 MiB");
    assert_string_equal(units_bytes(12 * 1024 * 1024).text, "12 MiB");
    assert_string_equal(units_bytes(UINT64_MAX).text, "16 EiB");
    assert_string_equal(units_rate(0).text, "0");
    assert_string_equal(units_rate(0.44).text, "0.4");
    assert_string_equal(units_rate(9.96).text, "10");
    assert_string_equal(units_rate(1234.4).text, "1,234");
    assert_string_equal(units_rate(-1).text, "-");
}

static void s_test_times(void **state)
{
    (void) state;
    assert_string_equal(units_span(-1).text, "-");
    assert_string_equal(units_span(340999999).text, "340 ms");
    assert_string_equal(units_span(3299999999).text, "3.2 s");
    assert_string_equal(units_span(59 * SECOND).text, "59 s");
    assert_string_equal(units_span(252 * SECOND).text, "4 m 12 s");
    assert_string_equal(units_span(7500 * SECOND).text, "2 h 5 m");
    assert_string_equal(units_span(INT64_MAX).text, "106751 d 23 h");
    setenv("TZ", "UTC", 1);
    assert_string_equal(units_clock(1769882709 * SECOND).text, "2026-01-31 18:05:09");
    assert_string_equal(units_clock(0).text, "-");
    assert_string_equal(units_clock(INT64_MAX).text, "2262-04-11 23:47:16");
}

static void s_test_control_characters_are_not_printed(void **state)
{
    (void) state;
    char text[] = "a\033[31mb\x7f\xc2\x9b"
                  "c\xc3\xa4\n";
    screen_clean(text);
    assert_string_equal(text, "a?[31mb???c\xc3\xa4?");
    assert_int_equal(screen_columns("\xc3\xa4-\xe2\x82\xac"), 3);
}

/* ---- tables ---- */

static const column_t columns[] = {
    {"NAME", false, 0}, {"EMPTY", true, 1}, {"N", true, 1}, {"NOTE", false, 2}};

static table_t *s_table(void)
{
    table_t *self = table_new(columns, COUNT(columns));
    static const char *const cells[] = {"redis",
                                        "",
                                        "7",
                                        "good",
                                        "mongo-2",
                                        "",
                                        "1,234",
                                        "b\xc3\xa4"
                                        "d"};
    for (size_t i = 0; i < COUNT(cells); i++)
        table_cell(self, STYLE_BAD, "%s", cells[i]);
    return self;
}

static void s_assert_printed(screen_t screen, const char *expected)
{
    char *text = NULL;
    size_t size = 0;
    table_t *table = s_table();
    screen.out = open_memstream(&text, &size);
    assert_true(table_print(table, &screen));
    fclose(screen.out);
    assert_string_equal(text, expected);
    free(text);
    table_destroy(&table);
    assert_null(table);
}

static void s_test_table(void **state)
{
    (void) state;
    const char *all = "NAME         N  NOTE\n"
                      "redis        7  good\n"
                      "mongo-2  1,234  b\xc3\xa4"
                      "d\n";
    s_assert_printed((screen_t){.width = INT_MAX}, all);
    s_assert_printed((screen_t){.width = 20}, all);
    s_assert_printed((screen_t){.width = 19}, "NAME         N\n"
                                              "redis        7\n"
                                              "mongo-2  1,234\n");
    /* What always stays may be too wide. */
    s_assert_printed((screen_t){.width = 3}, "NAME\n"
                                             "redis\n"
                                             "mongo-2\n");
}

static void s_test_table_in_colour(void **state)
{
    (void) state;
    s_assert_printed((screen_t){.width = 8, .colour = true}, "\033[2mNAME\033[0m\n"
                                                             "\033[31mredis\033[0m\n"
                                                             "\033[31mmongo-2\033[0m\n");
}

/* ---- progress ---- */

static void s_assert_line(progress_step_t step, int width, const char *expected)
{
    char *line = progress_line("copy a -> b", &step, width);
    assert_string_equal(line, expected);
    free(line);
}

static void s_test_progress_line(void **state)
{
    (void) state;
    progress_step_t step = {.done = 250, .total = 1000, .rate = 100, .note = ""};
    s_assert_line(step, INT_MAX, "copy a -> b  25 %  250 of 1,000 events  100/s  7.5 s left");
    s_assert_line(step, 75, "copy a -> b [###------------]  25 %  250 of 1,000 events  100/s  7.5 s left");
    s_assert_line(step, 40, "copy a -> b  25 %  250 of 1,000 events  ");
    step.note = "mongo has no worker";
    s_assert_line(step, INT_MAX, "copy a -> b  25 %  250 of 1,000 events  mongo has no worker");
    s_assert_line((progress_step_t){.done = 5, .note = ""}, 80, "copy a -> b 5 events");
    s_assert_line((progress_step_t){.done = 7, .total = 5, .rate = 1, .note = ""}, INT_MAX,
                  "copy a -> b 100 %  7 of 5 events  1.0/s");
}

/* Where it is no terminal, a line is printed for news alone. */
static void s_test_progress_in_a_file(void **state)
{
    (void) state;
    char text[1000] = "";
    FILE *out = tmpfile();
    progress_t *self = progress_new("copy a -> b", out);
    for (uint64_t done = 0; done <= 100; done++)
        progress_show(self,
                      &(progress_step_t){
                          .done = done, .total = 100, .note = "", .now = (int64_t) (done + 1) * SECOND / 10});
    progress_show(self, &(progress_step_t){.done = 100, .total = 100, .note = "", .now = 12 * SECOND});
    progress_show(self, &(progress_step_t){.done = 100, .total = 100, .note = "waits", .now = 12 * SECOND});
    progress_show(self, &(progress_step_t){.done = 100, .total = 100, .note = "waits", .now = 22 * SECOND});
    progress_destroy(&self);
    rewind(out);
    size_t size = fread(text, 1, sizeof text - 1, out), lines = 0;
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    assert_int_equal(lines, 11 + 2); /* each tenth; the note; ten seconds later */
    assert_non_null(strstr(text, "\ncopy a -> b  50 %  50 of 100 events  10/s  5.0 s left\n"));
    assert_null(strchr(text, '\r'));
    fclose(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_test_units),
        cmocka_unit_test(s_test_times),
        cmocka_unit_test(s_test_control_characters_are_not_printed),
        cmocka_unit_test(s_test_table),
        cmocka_unit_test(s_test_table_in_colour),
        cmocka_unit_test(s_test_progress_line),
        cmocka_unit_test(s_test_progress_in_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
