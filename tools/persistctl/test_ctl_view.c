/*
 * What `status` shows of an answer of core-data's, and `watch` in a file.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "view.h"

static const char now[] =
    "{\"counters\":{\"eventsPersisted\":5000,\"queriesAnswered\":20,\"httpRequestsFailed\":0},\"groups\":["
    "{\"name\":\"redis\",\"backend\":\"redis\",\"version\":\"1.0\",\"state\":\"LIVE\",\"preferred\":true,"
    "\"durable\":false,"
    "\"workers\":[{\"name\":\"w1\",\"backend\":\"redis\",\"version\":\"1.0\",\"ready\":true,\"inFlight\":2,"
    "\"inFlightBytes\":2048,\"credit\":4194304,\"busyNs\":3000000},"
    "{\"name\":\"w2\",\"backend\":\"redis\",\"version\":\"1.1\",\"ready\":false,\"draining\":true,"
    "\"inFlight\":1,\"credit\":4194304}],"
    "\"counters\":{\"acked\":9000},\"spool\":{\"events\":0,\"bytes\":0},\"lag\":{\"events\":0,\"bytes\":0,"
    "\"oldestNs\":0}},"
    "{\"name\":\"mongo\",\"backend\":\"mongo\",\"version\":\"1.0\",\"state\":\"STALE\",\"why\":\"it joined "
    "late\\u001b[2J\","
    "\"preferred\":false,\"durable\":true,\"workers\":[],\"counters\":{\"acked\":0},\"dropped\":7,"
    "\"spool\":{\"events\":12345,\"bytes\":4300000},\"lag\":{\"events\":12345,\"bytes\":4300000,\"oldestNs\":"
    "3250000000}}]}";
static const char before[] =
    "{\"counters\":{\"eventsPersisted\":4000,\"queriesAnswered\":20,\"httpRequestsFailed\":0},\"groups\":["
    "{\"name\":\"redis\",\"counters\":{\"acked\":8000}},{\"name\":\"mongo\",\"counters\":{\"acked\":1}}]}";
static const char jobs[] =
    "[{\"id\":\"3f2b35aa-48cd-4ee7\",\"kind\":\"copy\",\"from\":\"redis\",\"to\":\"mongo\",\"state\":"
    "\"running\","
    "\"eventsSeen\":1000,\"eventsTotal\":4000,\"message\":\"\"},"
    "{\"id\":\"2\",\"kind\":\"verify\",\"from\":\"a\",\"to\":\"b\",\"state\":\"done\"}]";

typedef struct {
    yyjson_doc *now, *before, *jobs;
    view_t view;
} fixture_t;

static int s_setup(void **state)
{
    fixture_t *self = calloc(1, sizeof *self);
    self->now = yyjson_read(now, strlen(now), 0);
    self->before = yyjson_read(before, strlen(before), 0);
    self->jobs = yyjson_read(jobs, strlen(jobs), 0);
    self->view = (view_t){.url = "http://h", .now = yyjson_doc_get_root(self->now)};
    *state = self;
    return self->now && self->before && self->jobs ? 0 : -1;
}

static int s_teardown(void **state)
{
    fixture_t *self = *state;
    yyjson_doc_free(self->now);
    yyjson_doc_free(self->before);
    yyjson_doc_free(self->jobs);
    free(self);
    return 0;
}

static void s_assert_shown(const view_t *view, int width, const char *expected)
{
    char *text = NULL;
    size_t size = 0;
    screen_t screen = {.width = width};
    screen.out = open_memstream(&text, &size);
    assert_true(view_print(view, &screen));
    fclose(screen.out);
    assert_string_equal(text, expected);
    free(text);
}

static void s_test_all(void **state)
{
    fixture_t *self = *state;
    self->view.before = yyjson_doc_get_root(self->before);
    self->view.seconds = 2;
    self->view.jobs = yyjson_doc_get_root(self->jobs);
    s_assert_shown(&self->view, INT_MAX,
                   "core-data at http://h: 500 events/s, 0 queries/s\n"
                   "\n"
                   "   GROUP  STATE  BACKEND    WORKERS  IN FLIGHT   SPOOL     SIZE    LAG  EVENTS/S\n"
                   "*  redis  LIVE   redis 1.0   1 of 2          3       0                       500\n"
                   "   mongo  STALE  mongo 1.0        0          0  12,345  4.1 MiB  3.2 s         -\n"
                   "\n"
                   "   WORKER    STATE    IN FLIGHT              CREDIT  BUSY  BACKEND\n"
                   "   redis/w1  ready            2  2.0 KiB of 4.0 MiB  3 ms\n"
                   "   redis/w2  leaving          1      0 B of 4.0 MiB        redis 1.1\n"
                   "\n"
                   "redis is volatile: a power cut may lose what it has acknowledged\n"
                   "mongo is STALE: it joined late?[2J\n"
                   "mongo has no worker: what comes for it waits in the spool\n"
                   "mongo: 7 writes for it were dropped from the spool, by its limits\n"
                   "job 3f2b35aa, copy redis -> mongo: running, 1,000 of 4,000 events\n"
                   "* preferred: decides and answers\n");
}

static void s_test_narrow_and_one_group(void **state)
{
    fixture_t *self = *state;
    self->view.only = "redis";
    s_assert_shown(&self->view, 40,
                   "core-data at http://h\n"
                   "\n"
                   "   GROUP  STATE  WORKERS  SPOOL\n"
                   "*  redis  LIVE    1 of 2      0\n"
                   "\n"
                   "   WORKER    STATE    IN FLIGHT  BUSY\n"
                   "   redis/w1  ready            2  3 ms\n"
                   "   redis/w2  leaving          1\n"
                   "\n"
                   "redis is volatile: a power cut may lose what it has acknowledged\n"
                   "* preferred: decides and answers\n");
}

static void s_test_narrowed(void **state)
{
    static const char text[] = "{\"counters\":{},\"groups\":[{\"name\":\"m\",\"backend\":\"mongo\","
                               "\"version\":\"1.0\",\"state\":\"STALE\","
                               "\"why\":\"routes\",\"narrowed\":true,\"preferred\":false,\"durable\":true,"
                               "\"workers\":[{\"name\":\"w\","
                               "\"ready\":true,\"inFlight\":0}],\"counters\":{\"acked\":0},\"spool\":{"
                               "\"events\":0,\"bytes\":0},\"lag\":{}}]}";
    fixture_t *self = *state;
    yyjson_doc *doc = yyjson_read(text, strlen(text), 0);
    self->view.now = yyjson_doc_get_root(doc);
    s_assert_shown(&self->view, INT_MAX,
                   "core-data at http://h\n"
                   "\n"
                   "   GROUP  STATE     BACKEND    WORKERS  IN FLIGHT  SPOOL\n"
                   "   m      NARROWED  mongo 1.0        1          0      0\n"
                   "\n"
                   "   WORKER  STATE  IN FLIGHT\n"
                   "   m/w     ready          0\n"
                   "\n"
                   "m is narrowed: routes\n"
                   "* preferred: decides and answers\n");
    yyjson_doc_free(doc);
}

/* A group that has come since the earlier look has no rate yet. */
static void s_test_new_group(void **state)
{
    fixture_t *self = *state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    yyjson_doc *empty = yyjson_read("{\"groups\":[]}", 13, 0);
    self->view.before = yyjson_doc_get_root(empty);
    self->view.seconds = 2;
    view_print_lines(&self->view, out, 1);
    fclose(out);
    assert_non_null(strstr(text, "group=redis"));
    assert_null(strstr(text, "eventsPerSecond"));
    yyjson_doc_free(empty);
    free(text);
}

static void s_test_steady(void **state)
{
    fixture_t *self = *state;
    self->view.only = "redis";
    self->view.steady = true;
    s_assert_shown(&self->view, INT_MAX,
                   "core-data at http://h\n"
                   "\n"
                   "   GROUP  STATE  BACKEND    WORKERS  IN FLIGHT  SPOOL  SIZE  LAG  EVENTS/S\n"
                   "*  redis  LIVE   redis 1.0   1 of 2          3      0     -    -         -\n"
                   "\n"
                   "   WORKER    STATE    IN FLIGHT              CREDIT  BUSY  BACKEND\n"
                   "   redis/w1  ready            2  2.0 KiB of 4.0 MiB  3 ms\n"
                   "   redis/w2  leaving          1      0 B of 4.0 MiB     -  redis 1.1\n"
                   "\n"
                   "redis is volatile: a power cut may lose what it has acknowledged\n"
                   "* preferred: decides and answers\n");
}

static void s_test_nothing(void **state)
{
    fixture_t *self = *state;
    yyjson_doc *empty = yyjson_read("{\"groups\":[]}", 13, 0);
    self->view.now = yyjson_doc_get_root(empty);
    s_assert_shown(&self->view, 80,
                   "core-data at http://h\n"
                   "\n"
                   "no group is known yet: start a persistence service, such as persist-sqlite\n");
    self->view.now = NULL;
    s_assert_shown(&self->view, 80,
                   "core-data at http://h\n"
                   "\n"
                   "no group is known yet: start a persistence service, such as persist-sqlite\n");
    yyjson_doc_free(empty);
}

static void s_test_lines(void **state)
{
    fixture_t *self = *state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    self->view.before = yyjson_doc_get_root(self->before);
    self->view.seconds = 2;
    view_print_lines(&self->view, out, INT64_C(1769882709500000000));
    fclose(out);
    assert_string_equal(
        text,
        "ts=2026-01-31T18:05:09Z group=redis state=LIVE preferred=true workers=1 inFlight=3 spoolEvents=0 "
        "spoolBytes=0 eventsPerSecond=500.0\n"
        "ts=2026-01-31T18:05:09Z group=mongo state=STALE preferred=false workers=0 inFlight=0 "
        "spoolEvents=12345 spoolBytes=4300000\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(s_test_all, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(s_test_narrow_and_one_group, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(s_test_narrowed, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(s_test_new_group, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(s_test_steady, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(s_test_nothing, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(s_test_lines, s_setup, s_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
