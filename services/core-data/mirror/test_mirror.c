/*
 * Mirror and its jobs: starting, refusing, cancelling, keeping; and copies that start by themselves.
 */
#include "testing.h"
#include <time.h>

#define PATIENCE (20 * INT64_C(1000000000)) /* ns */

static job_order_t s_order(copy_kind_t kind, const char *from, const char *to)
{
    job_order_t order = {.kind = kind};
    snprintf(order.from, sizeof order.from, "%s", from);
    snprintf(order.to, sizeof order.to, "%s", to);
    return order;
}

static mirror_t *s_mirror(fixture_t *self, bool by_itself)
{
    pbus_error_t error;
    mirror_t *mirror = mirror_new(self->service, by_itself, &error);
    assert_non_null(mirror);
    return mirror;
}

static void s_pause(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static job_view_t s_await(mirror_t *mirror, const char *id, job_state_t state)
{
    job_view_t view;
    pbus_error_t error;
    int64_t end = pbus_clock_boottime() + PATIENCE;
    do {
        s_pause();
        assert_int_equal(mirror_find(mirror, id, &view, &error), PBUS_OK);
        assert_true(pbus_clock_boottime() < end);
    } while (view.state != state);
    return view;
}

/* The newest job, when there are so many. */
static job_view_t s_await_jobs(mirror_t *mirror, size_t count)
{
    job_view_t views[MIRROR_JOBS];
    int64_t end = pbus_clock_boottime() + PATIENCE;
    while (mirror_list(mirror, views) < count) {
        s_pause();
        assert_true(pbus_clock_boottime() < end);
    }
    return views[0];
}

static void s_set_away(fixture_t *self, bool away)
{
    pthread_mutex_lock(&self->lock);
    self->b.away = away;
    pthread_mutex_unlock(&self->lock);
}

static void s_test_jobs(void **state)
{
    fixture_t *self = *state;
    pbus_error_t error;
    job_view_t view;
    mirror_t *mirror = s_mirror(self, false);
    fake_fill(&self->a, 5000);
    job_order_t order = s_order(COPY_VERIFY, "a", "b");
    assert_int_equal(mirror_start(mirror, &order, &view, &error), PBUS_OK);
    job_view_t verified = s_await(mirror, view.id, JOB_DONE);
    assert_int_equal(verified.missing, 5000);
    assert_string_equal(
        verified.message,
        "not equal: 5000 events are missing, 0 are there that should not be, 0 are different");
    order.kind = COPY_COPY;
    assert_int_equal(mirror_start(mirror, &order, &view, &error), PBUS_OK);
    job_view_t copied = s_await(mirror, view.id, JOB_DONE);
    assert_int_equal(copied.copied, 5000);
    assert_int_equal(copied.seen, 5000);
    assert_string_equal(copied.message, "equal: 5000 events compared, 5000 copied, 0 deleted");
    assert_true(copied.ended >= copied.started && copied.started > 0 && copied.rate > 0);
    fake_expect_equal(self);
    job_view_t views[MIRROR_JOBS];
    assert_int_equal(mirror_list(mirror, views), 2);
    assert_string_equal(views[0].id, copied.id);
    assert_string_equal(views[1].id, verified.id);
    mirror_destroy(&mirror);
}

static void s_test_waits_and_goes_on(void **state)
{
    fixture_t *self = *state;
    pbus_error_t error;
    job_view_t view;
    mirror_t *mirror = s_mirror(self, false);
    fake_fill(&self->a, 5000);
    s_set_away(self, true);
    job_order_t order = s_order(COPY_COPY, "a", "b");
    assert_int_equal(mirror_start(mirror, &order, &view, &error), PBUS_OK);
    assert_string_equal(s_await(mirror, view.id, JOB_WAITING).message, "no worker");
    s_set_away(self, false);
    s_await(mirror, view.id, JOB_DONE);
    fake_expect_equal(self);
    mirror_destroy(&mirror);
}

static void s_test_refusals(void **state)
{
    fixture_t *self = *state;
    pbus_error_t error;
    job_view_t first, view;
    mirror_t *mirror = s_mirror(self, false);
    s_set_away(self, true);
    job_order_t order = s_order(COPY_COPY, "a", "b"), same = s_order(COPY_COPY, "a", "a");
    assert_int_equal(mirror_start(mirror, &order, &first, &error), PBUS_OK);
    assert_int_equal(mirror_start(mirror, &order, &view, &error), PBUS_CONFLICT);
    assert_non_null(strstr(error.text, first.id));
    assert_int_equal(mirror_start(mirror, &same, &view, &error), PBUS_INVALID);
    assert_int_equal(mirror_find(mirror, "nonsense", &view, &error), PBUS_NOT_FOUND);
    assert_int_equal(mirror_cancel(mirror, "nonsense", &view, &error), PBUS_NOT_FOUND);
    assert_int_equal(mirror_cancel(mirror, first.id, &view, &error), PBUS_OK);
    assert_string_equal(s_await(mirror, first.id, JOB_CANCELLED).message, "what was copied stays");
    assert_int_equal(mirror_cancel(mirror, first.id, &view, &error), PBUS_OK);
    assert_int_equal(view.state, JOB_CANCELLED);
    s_set_away(self, false);
    assert_int_equal(mirror_start(mirror, &order, &view, &error), PBUS_OK);
    s_await(mirror, view.id, JOB_DONE);
    order = s_order(COPY_COPY, "a", "c");
    assert_int_equal(mirror_start(mirror, &order, &view, &error), PBUS_OK);
    assert_string_equal(s_await(mirror, view.id, JOB_FAILED).message, "there is no such group");
    mirror_destroy(&mirror);
}

static void s_test_keeps_some(void **state)
{
    fixture_t *self = *state;
    pbus_error_t error;
    job_view_t views[MIRROR_JOBS], view;
    char first[PBUS_UUID_TEXT];
    mirror_t *mirror = s_mirror(self, false);
    job_order_t order = s_order(COPY_VERIFY, "a", "b");
    for (int i = 0; i < MIRROR_KEPT + 3; i++) {
        assert_int_equal(mirror_start(mirror, &order, &view, &error), PBUS_OK);
        if (i == 0)
            memcpy(first, view.id, sizeof first);
        s_await(mirror, view.id, JOB_DONE);
    }
    assert_int_equal(mirror_list(mirror, views), MIRROR_KEPT);
    assert_string_equal(views[0].id, view.id);
    assert_int_equal(mirror_find(mirror, first, &view, &error), PBUS_NOT_FOUND);
    mirror_destroy(&mirror);
}

static void s_test_too_many(void **state)
{
    fixture_t *self = *state;
    pbus_error_t error;
    job_view_t view;
    mirror_t *mirror = s_mirror(self, false);
    pthread_mutex_lock(&self->lock);
    self->a.away = true; /* so all that is asked of it waits */
    pthread_mutex_unlock(&self->lock);
    for (int i = 0; i < MIRROR_RUNNING; i++) {
        char to[8];
        snprintf(to, sizeof to, "g%d", i);
        job_order_t order = s_order(COPY_VERIFY, "a", to);
        assert_int_equal(mirror_start(mirror, &order, &view, &error), PBUS_OK);
    }
    job_order_t order = s_order(COPY_VERIFY, "a", "b");
    assert_int_equal(mirror_start(mirror, &order, &view, &error), PBUS_FULL);
    mirror_stop(mirror);
    assert_int_equal(mirror_start(mirror, &order, &view, &error), PBUS_UNAVAILABLE);
    assert_int_equal(mirror_find(mirror, view.id, &view, &error), PBUS_NOT_FOUND);
    mirror_destroy(&mirror);
}

static void s_test_by_itself(void **state)
{
    fixture_t *self = *state;
    fake_fill(&self->a, 5000);
    self->lacking = true;
    mirror_t *mirror = s_mirror(self, true);
    job_view_t view = s_await_jobs(mirror, 1);
    assert_true(view.order.by_itself);
    assert_int_equal(view.order.kind, COPY_COPY);
    s_await(mirror, view.id, JOB_DONE);
    fake_expect_equal(self);
    assert_false(self->lacking);
    mirror_destroy(&mirror);
}

/* Cancelled is cancelled, until the group lacks something more. */
static void s_test_cancelled_by_itself(void **state)
{
    fixture_t *self = *state;
    pbus_error_t error;
    job_view_t views[MIRROR_JOBS], view;
    self->lacking = self->b.away = true;
    mirror_t *mirror = s_mirror(self, true);
    view = s_await_jobs(mirror, 1);
    assert_int_equal(mirror_cancel(mirror, view.id, &view, &error), PBUS_OK);
    s_await(mirror, view.id, JOB_CANCELLED);
    for (int i = 0; i < 2200; i++) /* more than two looks */
        s_pause();
    assert_int_equal(mirror_list(mirror, views), 1);
    pthread_mutex_lock(&self->lock);
    self->generation++;
    pthread_mutex_unlock(&self->lock);
    s_await_jobs(mirror, 2);
    mirror_destroy(&mirror);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fake_setup, fake_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(s_test_jobs),
        TEST(s_test_waits_and_goes_on),
        TEST(s_test_refusals),
        TEST(s_test_keeps_some),
        TEST(s_test_too_many),
        TEST(s_test_by_itself),
        TEST(s_test_cancelled_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
