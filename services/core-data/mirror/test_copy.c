/*
 * Copy: two groups in memory are made equal or compared, with everything that may happen meanwhile; pace.
 */
#include "testing.h"
#include "pace.h"
#include "walk.h"

typedef struct {
    copy_tally_t tally;
    pbus_status_t status;
    pbus_error_t error;
} outcome_t;

static void s_run(fixture_t *self, copy_kind_t kind, outcome_t *out)
{
    *out = (outcome_t){0};
    asker_t *asker = asker_new(*service_port(self->service));
    copy_t *copy = copy_new(asker, self->service, kind, "a", "b", &out->tally);
    assert_non_null(copy);
    do /* on a busy machine a digest may run out of time again and again */
        out->status = copy_run(copy, &out->error);
    while (out->status == PBUS_TIMEOUT && !self->a.spoil && !self->b.spoil);
    copy_destroy(&copy);
    asker_destroy(&asker);
}

static void s_copy(fixture_t *self, outcome_t *out)
{
    s_run(self, COPY_COPY, out);
    if (out->status != PBUS_OK)
        fail_msg("%s", out->error.text);
    fake_expect_equal(self);
    assert_int_equal(self->copied, 1);
    assert_int_equal(self->copied_as, self->generation);
}

/* ---- what is copied ---- */

static void s_test_an_empty_target(void **state)
{
    fixture_t *self = *state;
    outcome_t out;
    fake_fill(&self->a, 12345);
    s_copy(self, &out);
    assert_int_equal(out.tally.copied, 12345);
    assert_int_equal(out.tally.deleted, 0);
    assert_int_equal(out.tally.seen, 12345);
    assert_int_equal(out.tally.total, 12345);
    assert_true(out.tally.windows_different >= 3);
}

static void s_test_equal_groups(void **state)
{
    fixture_t *self = *state;
    outcome_t out;
    fake_fill(&self->a, 12345);
    fake_fill(&self->b, 12345);
    s_copy(self, &out);
    assert_int_equal(self->a.scans + self->b.scans + self->b.repairs, 0);
    assert_int_equal(out.tally.windows_different, 0);
    assert_int_equal(out.tally.seen, 12345);
}

static void s_test_empty_groups(void **state)
{
    fixture_t *self = *state;
    outcome_t out;
    s_copy(self, &out);
    assert_int_equal(out.tally.seen, 0);
    fake_fill(&self->b, 10); /* an empty source */
    self->copied = 0;
    s_copy(self, &out);
    assert_int_equal(out.tally.deleted, 10);
}

/* One of each kind of difference, among many events that are equal. */
static void s_spoil_some(fixture_t *self)
{
    fake_fill(&self->a, 9000);
    fake_fill(&self->b, 9000);
    fake_drop(&self->b, 700);              /* missing */
    fake_drop(&self->a, 6000);             /* extra */
    fake_find(&self->b, 7000)->accept = 5; /* another number */
    fake_find(&self->b, 7001)->value = 77; /* other bytes */
    fake_drop(&self->b, 8000);             /* elsewhere: behind, */
    fake_put(&self->b, (stored_t){fake_place(9000, 8000), 8100, 64});
    fake_drop(&self->b, 8500); /* and before */
    fake_put(&self->b, (stored_t){fake_place(1, 8500), 8, 9});
}

static void s_test_every_difference(void **state)
{
    fixture_t *self = *state;
    outcome_t out;
    s_spoil_some(self);
    s_copy(self, &out);
    assert_true(self->b.scans < 300); /* of the windows that differ */
}

static void s_test_verify(void **state)
{
    fixture_t *self = *state;
    outcome_t out;
    s_spoil_some(self);
    s_run(self, COPY_VERIFY, &out);
    assert_int_equal(out.status, PBUS_OK);
    assert_int_equal(out.tally.missing, 3);
    assert_int_equal(out.tally.extra, 3);
    assert_int_equal(out.tally.different, 2);
    assert_int_equal(self->b.repairs + self->copied, 0);
    s_run(self, COPY_REPAIR, &out);
    assert_int_equal(out.status, PBUS_OK);
    fake_expect_equal(self);
    assert_int_equal(self->copied, 0);
    s_run(self, COPY_VERIFY, &out);
    assert_int_equal(out.tally.missing + out.tally.extra + out.tally.different, 0);
    assert_int_equal(out.tally.windows_different, 0);
}

/* What was accepted after the beginning is the business of live traffic. */
static void s_test_new_events(void **state)
{
    fixture_t *self = *state;
    outcome_t out;
    fake_fill(&self->a, 100);
    fake_put(&self->a, (stored_t){fake_place(20, 9000), self->clock + 50, 1});
    fake_put(&self->b, (stored_t){fake_place(21, 9001), self->clock + 51, 1});
    s_run(self, COPY_COPY, &out);
    assert_int_equal(out.status, PBUS_OK);
    assert_int_equal(self->b.count, 101);
    assert_non_null(fake_find(&self->b, 9001));
    assert_null(fake_find(&self->b, 9000));
}

/* A target that has far more than the source: the looks stay small. */
static void s_test_many_extra(void **state)
{
    fixture_t *self = *state;
    outcome_t out;
    fake_fill(&self->b, 29000);
    fake_put(&self->a, (stored_t){fake_place(5, 15), 115, 15});
    s_copy(self, &out);
    assert_int_equal(out.tally.deleted, 28999);
}

/* ---- what goes on meanwhile ---- */

/* The source has applied a delete that the target applies a moment later: nothing is to be mended. */
static void s_apply_late(fixture_t *self)
{
    if (self->settles == 1)
        for (unsigned i = 500; i < 520; i++)
            fake_drop(&self->a, i);
    if (self->settles == 2)
        for (unsigned i = 500; i < 520; i++)
            fake_drop(&self->b, i);
}

static void s_test_a_delete_on_its_way(void **state)
{
    fixture_t *self = *state;
    outcome_t out;
    fake_fill(&self->a, 1000);
    fake_fill(&self->b, 1000);
    self->on_settle = s_apply_late;
    s_copy(self, &out);
    assert_int_equal(out.tally.deleted, 0);
    assert_int_equal(self->b.repairs, 0);
}

static void s_test_verify_meanwhile(void **state)
{
    fixture_t *self = *state;
    outcome_t out;
    fake_fill(&self->a, 1000);
    fake_fill(&self->b, 1000);
    self->on_settle = s_apply_late;
    s_run(self, COPY_VERIFY, &out);
    assert_int_equal(out.tally.missing + out.tally.extra + out.tally.different, 0);
    assert_int_equal(out.tally.windows_different, 0);
}

/* A client's delete was in the target before the repair and reaches the source after it. */
static void s_delete_behind(fixture_t *self)
{
    if (self->b.repairs == 1)
        fake_drop(&self->a, 42);
}

static void s_test_an_event_brought_back(void **state)
{
    fixture_t *self = *state;
    outcome_t out;
    fake_fill(&self->a, 300);
    self->on_repair = s_delete_behind;
    s_copy(self, &out);
    assert_int_equal(self->a.count, 299);
    assert_int_equal(out.tally.deleted, 1);
}

/* While an event that should not be there is deleted, a client posts its id again, where it has been looked.
 */
static void s_post_again(fixture_t *self)
{
    stored_t again = {fake_place(1, 5000), ++self->clock, 9};
    if (self->b.repairs != 1)
        return;
    fake_put(&self->a, again); /* the target has refused it as a conflict */
}

static void s_test_an_id_taken_anew(void **state)
{
    fixture_t *self = *state;
    outcome_t out;
    fake_fill(&self->a, 3000);
    fake_fill(&self->b, 3000);
    fake_put(&self->b, (stored_t){fake_place(900, 5000), 17, 1});
    self->on_repair = s_post_again;
    s_copy(self, &out);
}

/* An event that the source refuses, having its id, and the target takes; the one of the source is deleted. */
static void s_take_in_one(fixture_t *self)
{
    if (self->b.repairs != 1)
        return;
    fake_drop(&self->a, 2900);
    fake_put(&self->b, (stored_t){fake_place(1, 2900), ++self->clock, 3});
}

static void s_test_an_event_taken_by_one(void **state)
{
    fixture_t *self = *state;
    outcome_t out;
    fake_fill(&self->a, 3000);
    fake_fill(&self->b, 2000);
    self->on_repair = s_take_in_one;
    s_copy(self, &out);
    assert_int_equal(self->a.count, 2999);
}

/* Deletes go on without an end, always one on its way from one group to the other: the copy ends all the
 * same. */
static void s_delete_always(fixture_t *self, group_fake_t *quick, group_fake_t *slow)
{
    static const unsigned first = 2000;
    unsigned n = (unsigned) self->settles;
    fake_drop(quick, first - n);
    fake_drop(slow, first - n + 1);
}

static void s_delete_in_source_first(fixture_t *self)
{
    s_delete_always(self, &self->a, &self->b);
}

static void s_delete_in_target_first(fixture_t *self)
{
    s_delete_always(self, &self->b, &self->a);
}

static void s_test_deletes_without_end(void **state)
{
    fixture_t *self = *state;
    outcome_t out;
    fake_fill(&self->a, 2000);
    fake_fill(&self->b, 2000);
    self->on_settle = s_delete_in_source_first;
    s_run(self, COPY_COPY, &out);
    assert_int_equal(out.status, PBUS_OK);
    assert_int_equal(self->b.count, self->a.count + 1);
}

static void s_test_deletes_in_the_target_first(void **state)
{
    fixture_t *self = *state;
    outcome_t out;
    fake_fill(&self->a, 2000);
    self->on_settle = s_delete_in_target_first;
    s_run(self, COPY_COPY, &out);
    if (out.status != PBUS_OK)
        fail_msg("%s", out.error.text);
    assert_int_equal(self->a.count, self->b.count + 1);
    /* The one that is missing on the second look was so before. */
    assert_in_range(out.tally.copied, 2000, 2001);
}

/* What a later pass finds on a second look as well is mended. */
static void s_lose_some_behind(fixture_t *self)
{
    if (self->b.repairs == 1)
        fake_drop(&self->b, 3);
}

static void s_test_lost_behind_the_window(void **state)
{
    fixture_t *self = *state;
    outcome_t out;
    fake_fill(&self->a, 12000);
    fake_fill(&self->b, 6000);
    self->on_repair = s_lose_some_behind;
    s_copy(self, &out);
    assert_int_equal(out.tally.copied, 6001);
}

/* After the first pass the source has an event that the target refused, and refuses one of the same id that
 * the target takes; then, between two looks, its own is deleted by device. */
static void s_take_anew_behind_a_delete(fixture_t *self)
{
    if (self->settles == 3) {
        fake_put(&self->a, (stored_t){fake_place(9, 5000), self->clock - 1, 1});
        fake_put(&self->b, (stored_t){fake_place(1, 5000), ++self->clock, 2});
    }
    if (self->settles == 4)
        fake_drop(&self->a, 5000);
}

static void s_test_an_id_taken_behind_a_delete(void **state)
{
    fixture_t *self = *state;
    outcome_t out;
    fake_fill(&self->a, 3000);
    fake_fill(&self->b, 2999);
    self->on_settle = s_take_anew_behind_a_delete;
    s_copy(self, &out);
    assert_int_equal(self->b.count, 3000);
}

/* The same with an event that the target has had, and lost: what was seen in another generation counts no
 * more. */
static void s_lose_and_take_anew(fixture_t *self)
{
    if (self->settles == 2) {
        fake_drop(&self->b, 50);
        self->generation++;
    }
    if (self->settles == 3)
        fake_put(&self->b, (stored_t){fake_place(1, 50), ++self->clock, 2});
    if (self->settles == 4)
        fake_drop(&self->a, 50);
}

static void s_test_an_id_lost_and_taken_anew(void **state)
{
    fixture_t *self = *state;
    outcome_t out;
    fake_fill(&self->a, 3000);
    fake_fill(&self->b, 2999);
    self->on_settle = s_lose_and_take_anew;
    s_copy(self, &out);
    assert_int_equal(self->b.count, 2999);
}

/* Something gets lost to the target while it is filled: all is looked at once more. */
static void s_lose(fixture_t *self)
{
    if (self->settles != 4)
        return;
    fake_drop(&self->b, 10);
    self->generation++;
}

static void s_test_another_generation(void **state)
{
    fixture_t *self = *state;
    outcome_t out;
    fake_fill(&self->a, 12000);
    self->on_settle = s_lose;
    s_copy(self, &out);
    assert_int_equal(self->generation, 8);
}

static void s_lose_last(fixture_t *self)
{
    if (self->b.count == 100 && self->generation == 7) {
        fake_drop(&self->b, 10);
        self->generation++;
    }
}

static void s_test_another_generation_at_the_end(void **state)
{
    fixture_t *self = *state;
    outcome_t out;
    fake_fill(&self->a, 100);
    fake_fill(&self->b, 100);
    self->on_settle = s_lose_last;
    s_copy(self, &out);
}

/* Two random groups under random writes and deletes, which reach the two at different times. */
typedef struct {
    uint64_t random;
    unsigned late[64]; /* deleted in one group, not yet in the other */
    bool target_first; /* it is the source that has not */
    size_t count;
} churn_t;

static churn_t churn;

static unsigned s_random(unsigned below)
{
    churn.random ^= churn.random << 13, churn.random ^= churn.random >> 7, churn.random ^= churn.random << 17;
    return (unsigned) (churn.random % below);
}

static void s_churn(fixture_t *self)
{
    for (size_t i = 0; i < churn.count; i++)
        fake_drop(churn.target_first ? &self->a : &self->b, churn.late[i]);
    churn.count = 0;
    churn.target_first = s_random(2);
    for (unsigned i = s_random(8); i && self->settles < 40; i--) {
        unsigned number = s_random(4000);
        if (fake_drop(churn.target_first ? &self->b : &self->a, number))
            churn.late[churn.count++] = number;
    }
}

static void s_test_random(void **state)
{
    fixture_t *self = *state;
    for (unsigned round = 1; round <= 20; round++) {
        outcome_t out;
        churn = (churn_t){.random = round * UINT64_C(88172645463325252)};
        self->a.count = self->b.count = 0;
        self->settles = self->copied = 0;
        for (unsigned i = 0; i < 4000; i++) {
            stored_t event = {fake_place(s_random(700), i), 100 + s_random(5000), (uint8_t) i};
            if (s_random(10))
                fake_put(&self->a, event);
            event.accept += s_random(20) == 0;
            event.place.origin += s_random(40) == 0;
            if (s_random(3))
                fake_put(&self->b, event);
        }
        self->on_settle = s_churn;
        s_run(self, COPY_COPY, &out);
        if (out.status != PBUS_OK)
            fail_msg("round %u: %s", round, out.error.text);
        self->settles = 50;
        s_churn(self);
        fake_expect_equal(self);
    }
}

/* ---- what may be wrong ---- */

static void s_test_a_worker_without_digests(void **state)
{
    fixture_t *self = *state;
    outcome_t out;
    self->b.old = true;
    s_spoil_some(self);
    s_copy(self, &out);
    assert_int_equal(self->b.digests, 1);
    self->a.old = true;
    s_run(self, COPY_VERIFY, &out);
    assert_int_equal(out.status, PBUS_OK);
    assert_int_equal(out.tally.seen, self->a.count);
}

static void s_test_a_backend_without_scans(void **state)
{
    fixture_t *self = *state;
    outcome_t out;
    self->b.backend.missing = PBUS_CAP_SCAN;
    s_run(self, COPY_VERIFY, &out);
    assert_int_equal(out.status, PBUS_UNSUPPORTED);
    assert_string_equal(out.error.text,
                        "group b can be neither copied nor compared: its backend does not scan");
}

static void s_test_a_stale_source(void **state)
{
    fixture_t *self = *state;
    outcome_t out;
    fake_fill(&self->b, 10);
    self->stale = true;
    s_run(self, COPY_COPY, &out);
    assert_int_equal(out.status, PBUS_CONFLICT);
    assert_int_equal(self->b.count, 10);
    s_run(self, COPY_VERIFY, &out);
    assert_int_equal(out.status, PBUS_OK);
    assert_int_equal(out.tally.extra, 10);
}

/* Answers that can't be right end the job, or let it wait; nothing is deleted for them. */
static void s_test_hostile_answers(void **state)
{
    fixture_t *self = *state;
    for (int spoil = 1; spoil <= 4; spoil++)
        for (int who = 0; who < 4; who++) {
            outcome_t out;
            self->a.count = self->b.count = 0;
            fake_fill(&self->a, 2000);
            fake_fill(&self->b, 1900);
            group_fake_t *liar = who & 1 ? &self->a : &self->b;
            self->a.spoil = self->b.spoil = 0;
            liar->spoil = spoil;
            self->a.old = self->b.old = who & 2;
            s_run(self, COPY_COPY, &out);
            /* Where nothing is scanned, digests that are computed are right. */
            if (spoil == 4 && liar->old)
                assert_int_equal(out.status, PBUS_OK);
            else if (out.status != PBUS_INTERNAL && out.status != PBUS_TIMEOUT)
                fail_msg("spoilt %d, %d: status %d", spoil, who, (int) out.status);
        }
    assert_true(self->b.count >= 1900);
}

static void s_test_a_write_that_is_refused(void **state)
{
    fixture_t *self = *state;
    outcome_t out;
    uint8_t id[] = {0, 50};
    fake_fill(&self->a, 100);
    self->b.refused = id;
    s_run(self, COPY_COPY, &out);
    assert_int_equal(out.status, PBUS_CONFLICT);
    assert_non_null(strstr(out.error.text, "00000000-0000-0000-0000-000000000032"));
    assert_int_equal(self->b.count, 99);
    assert_int_equal(self->copied, 0);
}

static void s_test_unknown_group(void **state)
{
    fixture_t *self = *state;
    outcome_t out = {0};
    asker_t *asker = asker_new(*service_port(self->service));
    copy_t *copy = copy_new(asker, self->service, COPY_COPY, "a", "c", &out.tally);
    assert_int_equal(copy_run(copy, &out.error), PBUS_NOT_FOUND);
    copy_destroy(&copy);
    asker_destroy(&asker);
}

/* ---- walks ---- */

/* Walks the group's window: how many events came, each behind the one before, or the error. */
static pbus_status_t s_walk(fixture_t *self, const window_t *window, uint64_t accept_max, size_t *count)
{
    pbus_error_t error;
    pbus_status_t status;
    const walk_item_t *item;
    pbus_cursor_t last = window->after;
    pace_t even = pace(NULL, 0, 0);
    asker_t *asker = asker_new(*service_port(self->service));
    remote_t *remote = remote_new(asker, &even, "a");
    walk_t *walk = walk_new(remote, window, accept_max);
    *count = 0;
    while ((status = walk_next(walk, &item, &error)) == PBUS_OK && item) {
        assert_true(!window->has_after || pbus_cursor_cmp(&item->place, &last) > 0);
        assert_true(!window->has_until || pbus_cursor_cmp(&item->place, &window->until) <= 0);
        assert_true(item->accept <= accept_max);
        last = item->place;
        ++*count;
    }
    walk_destroy(&walk);
    remote_destroy(&remote);
    asker_destroy(&asker);
    return status;
}

static void s_test_walks(void **state)
{
    fixture_t *self = *state;
    size_t count;
    fake_fill(&self->a, 1500);
    window_t window = {0};
    assert_int_equal(s_walk(self, &window, UINT64_MAX, &count), PBUS_OK);
    assert_int_equal(count, 1500);
    assert_int_equal(s_walk(self, &window, 100 + 9, &count), PBUS_OK); /* numbers from 100 on */
    assert_int_equal(count, 10);
    window = (window_t){true, true, fake_place(33, 100), fake_place(66, 200)}; /* at events */
    assert_int_equal(s_walk(self, &window, UINT64_MAX, &count), PBUS_OK);
    assert_int_equal(count, 100);
    window.until = fake_place(66, 5000); /* beside one: 201 is of origin 67 */
    assert_int_equal(s_walk(self, &window, UINT64_MAX, &count), PBUS_OK);
    assert_int_equal(count, 100);
    window.until = window.after;
    assert_int_equal(s_walk(self, &window, UINT64_MAX, &count), PBUS_OK);
    assert_int_equal(count, 0);
    for (int spoil = 1; spoil <= 3; spoil++) {
        self->a.spoil = spoil;
        window = (window_t){0};
        assert_int_equal(s_walk(self, &window, UINT64_MAX, &count), PBUS_INTERNAL);
    }
}

/* ---- interruptions ---- */

static void s_go_away(fixture_t *self)
{
    self->b.away = self->b.repairs == 20;
}

static void s_test_goes_on(void **state)
{
    fixture_t *self = *state;
    outcome_t out = {0};
    fake_fill(&self->a, 20000);
    self->on_repair = s_go_away;
    asker_t *asker = asker_new(*service_port(self->service));
    copy_t *copy = copy_new(asker, self->service, COPY_COPY, "a", "b", &out.tally);
    assert_int_equal(copy_run(copy, &out.error), PBUS_UNAVAILABLE);
    uint64_t before = out.tally.seen;
    int scans = self->a.scans;
    assert_true(before > 0 && before < 20000);
    assert_int_equal(copy_run(copy, &out.error), PBUS_UNAVAILABLE);
    self->on_repair = NULL;
    self->b.away = false;
    assert_int_equal(copy_run(copy, &out.error), PBUS_OK);
    assert_true(out.tally.seen == 20000);
    assert_true(scans > 0);
    fake_expect_equal(self);
    copy_destroy(&copy);
    asker_destroy(&asker);
}

/* ---- pace ---- */

static void s_test_pace(void **state)
{
    (void) state;
    static const char *const names[] = {"requests"};
    pbus_metrics_t *metrics = pbus_metrics_new(names, 1);
    pace_t self = pace(metrics, 0, 0);
    assert_int_equal(pace_pause(&self, 1000, 200000000), 0);
    pbus_metrics_add(metrics, 0, 20); /* 100 in a second */
    assert_int_equal(pace_pause(&self, 1000, 400000000), 1000 * PACE_FACTOR / 2);
    assert_int_equal(pace_pause(&self, 1000, 400000001), 1000 * PACE_FACTOR / 2);
    pbus_metrics_add(metrics, 0, 5000);
    assert_int_equal(pace_pause(&self, 1000, 600000000), 1000 * PACE_FACTOR);
    assert_int_equal(pace_pause(&self, 1000, 800000000), 0);
    self = pace(NULL, 0, 0);
    assert_int_equal(pace_pause(&self, 1000, 200000000), 0);
    pbus_metrics_destroy(&metrics);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fake_setup, fake_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(s_test_an_empty_target),
        TEST(s_test_equal_groups),
        TEST(s_test_empty_groups),
        TEST(s_test_every_difference),
        TEST(s_test_verify),
        TEST(s_test_new_events),
        TEST(s_test_many_extra),
        TEST(s_test_a_delete_on_its_way),
        TEST(s_test_verify_meanwhile),
        TEST(s_test_an_event_brought_back),
        TEST(s_test_an_id_taken_anew),
        TEST(s_test_an_event_taken_by_one),
        TEST(s_test_deletes_without_end),
        TEST(s_test_deletes_in_the_target_first),
        TEST(s_test_lost_behind_the_window),
        TEST(s_test_an_id_taken_behind_a_delete),
        TEST(s_test_an_id_lost_and_taken_anew),
        TEST(s_test_another_generation),
        TEST(s_test_another_generation_at_the_end),
        TEST(s_test_random),
        TEST(s_test_a_worker_without_digests),
        TEST(s_test_a_backend_without_scans),
        TEST(s_test_a_stale_source),
        TEST(s_test_hostile_answers),
        TEST(s_test_a_write_that_is_refused),
        TEST(s_test_unknown_group),
        TEST(s_test_walks),
        TEST(s_test_goes_on),
        cmocka_unit_test(s_test_pace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
