/*
 * Unit tests of log.c: lines are read back through a pipe.
 */
#include <persistbus/log.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct {
    pbus_log_t *log;
    int pipe[2];
    char text[16384];
} s_fixture_t;

static int s_setup(void **state)
{
    s_fixture_t *self = calloc(1, sizeof *self);
    *state = self;
    self->log = pbus_log_new("test-app");
    if (!self->log || pipe2(self->pipe, O_NONBLOCK) != 0)
        return -1;
    pbus_log_set_fd(self->log, self->pipe[1]);
    return 0;
}

static int s_teardown(void **state)
{
    s_fixture_t *self = *state;
    pbus_log_destroy(&self->log);
    close(self->pipe[0]);
    close(self->pipe[1]);
    free(self);
    return 0;
}

/* What was written since the last call. */
static const char *s_read(s_fixture_t *self)
{
    ssize_t size = read(self->pipe[0], self->text, sizeof self->text - 1);
    self->text[size > 0 ? size : 0] = 0;
    return self->text;
}

/* From msg= on. */
static const char *s_read_message(s_fixture_t *self)
{
    const char *message = strstr(s_read(self), "msg=");
    return message ? message : "no message";
}

static void test_line(void **state)
{
    s_fixture_t *self = *state;
    time_t before = time(NULL); /* the coarse clock, which may be behind the one that the log reads */
    setenv("TZ", "EST5", 1);    /* the line says UTC wherever the process runs */
    tzset();
    pbus_log_write(self->log, PBUS_LOG_WARN, "some/where/main.c", 42, "listening on %s:%d", "::1", 80);
    int year, month, day, hour, minute, second, end = 0;
    long ns;
    const char *line = s_read(self);
    assert_int_equal(sscanf(line, "level=WARN ts=%4d-%2d-%2dT%2d:%2d:%2d.%9ldZ%n", &year, &month, &day, &hour,
                            &minute, &second, &ns, &end),
                     7);
    assert_int_equal(end, strlen("level=WARN ts=2026-01-31T12:00:00.000000000Z"));
    assert_string_equal(line + end, " app=test-app source=main.c:42 msg=\"listening on ::1:80\"\n");
    struct tm utc = {.tm_year = year - 1900,
                     .tm_mon = month - 1,
                     .tm_mday = day,
                     .tm_hour = hour,
                     .tm_min = minute,
                     .tm_sec = second};
    time_t then = timegm(&utc);
    assert_true(then >= before && then <= time(NULL) + 1);
}

static void test_macro(void **state)
{
    s_fixture_t *self = *state;
    pbus_log_info(self->log, "plain");
    assert_non_null(strstr(s_read(self), " source=test_log.c:"));
    pbus_log_info(NULL, "nowhere");
    assert_false(pbus_log_enabled(NULL, PBUS_LOG_ERROR));
}

static void test_levels(void **state)
{
    s_fixture_t *self = *state;
    pbus_log_debug(self->log, "x");
    assert_string_equal(s_read(self), "");
    assert_true(pbus_log_set_level(self->log, "trace"));
    pbus_log_trace(self->log, "x");
    assert_non_null(strstr(s_read(self), "level=TRACE "));
    assert_false(pbus_log_set_level(self->log, "verbose"));
    assert_false(pbus_log_set_level(self->log, ""));
    assert_true(pbus_log_enabled(self->log, PBUS_LOG_TRACE));
    assert_true(pbus_log_set_level(self->log, "ERROR"));
    pbus_log_warn(self->log, "x");
    assert_string_equal(s_read(self), "");
    pbus_log_error(self->log, "x");
    assert_non_null(strstr(s_read(self), "level=ERROR "));
}

static void test_escapes(void **state)
{
    s_fixture_t *self = *state;
    pbus_log_info(self->log, "%s", "a\"b\\c\nd\re\tf\x01g\x1bh\x7fi\xc3\xa4");
    assert_string_equal(s_read_message(self),
                        "msg=\"a\\\"b\\\\c\\nd\\re\\tf\\u0001g\\u001bh\\u007fi\xc3\xa4\"\n");
    pbus_log_info(self->log, "%s", "");
    assert_string_equal(s_read_message(self), "msg=\"\"\n");
}

static void s_check_long(s_fixture_t *self, char filler, size_t count)
{
    char *text = malloc(count + 1);
    memset(text, filler, count);
    text[count] = 0;
    pbus_log_info(self->log, "%s", text);
    const char *line = s_read(self);
    size_t size = strlen(line);
    assert_true(size <= PIPE_BUF);
    assert_ptr_equal(strchr(line, '\n'), line + size - 1);
    assert_string_equal(line + size - 5, "...\"\n");
    free(text);
}

static void test_long(void **state)
{
    s_fixture_t *self = *state;
    s_check_long(self, 'x', 4090);
    s_check_long(self, 'x', 100000);
    s_check_long(self, '"', 2500);
    s_check_long(self, '\x01', 1000);
}

static void test_long_utf8(void **state)
{
    s_fixture_t *self = *state;
    for (size_t pad = 0; pad < 4; pad++) {
        pbus_buf_t text = {0};
        pbus_buf_append(&text, "abc", pad);
        while (text.size < 5000)
            pbus_buf_puts(&text, "\xf0\x9f\x98\x80");
        pbus_buf_append(&text, "", 1);
        pbus_log_info(self->log, "%s", (const char *) text.data);
        assert_true(pbus_str_is_text(pbus_str(s_read(self))));
        assert_true(strlen(self->text) > PIPE_BUF - 12);
        pbus_buf_clear(&text);
    }
}

static void test_errno(void **state)
{
    s_fixture_t *self = *state;
    errno = ENOENT;
    pbus_log_info(self->log, "open: %m");
    assert_int_equal(errno, ENOENT);
    assert_string_equal(s_read_message(self), "msg=\"open: No such file or directory\"\n");
    pbus_log_set_fd(self->log, -1);
    errno = EPERM;
    pbus_log_info(self->log, "lost");
    assert_int_equal(errno, EPERM);
}

enum { THREADS = 4, LINES = 10 };

static void *s_log_lines(void *log)
{
    for (int i = 0; i < LINES; i++)
        pbus_log_info(log, "line %d of a thread", i);
    return NULL;
}

static void test_threads(void **state)
{
    s_fixture_t *self = *state;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, s_log_lines, self->log), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    int lines = 0;
    for (const char *at = s_read(self); *at; at = strchr(at, '\n') + 1, lines++) {
        assert_memory_equal(at, "level=INFO ts=", 14);
        assert_non_null(strchr(at, '\n'));
    }
    assert_int_equal(lines, THREADS * LINES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_line, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(test_macro, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(test_levels, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(test_escapes, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(test_long, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(test_long_utf8, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(test_errno, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(test_threads, s_setup, s_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
