/*
 * The model that backends are compared with, and the parts it stands on.
 */
#include "generator.h"
#include "model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- exact numbers ---------------------------------------------------------------------------------------
 */

static void s_expect_text(const char *number, uint32_t divisor, double expected, bool ends)
{
    exact_t exact;
    pbus_buf_t text = {0};
    assert_true(exact_parse(&exact, pbus_str(number)));
    assert_int_equal(exact_text(&exact, divisor, &text), ends);
    pbus_buf_append(&text, "", 1);
    assert_true(strtod((const char *) text.data, NULL) == expected);
    pbus_buf_clear(&text);
}

static void test_exact_parse(void **state)
{
    (void) state;
    static const char *const bad[] = {"",     "-",  ".",  "e5",  "1e",    "NaN",
                                      "+Inf", "1 ", " 1", "0x1", "1e999", "1..2"};
    exact_t exact;
    s_expect_text("0", 1, 0, true);
    s_expect_text("-12.5e-3", 1, -0.0125, true);
    s_expect_text("+7", 1, 7, true);
    s_expect_text("5e-324", 1, 5e-324, true);
    s_expect_text("1.7976931348623157e+308", 1, 1.7976931348623157e+308, true);
    s_expect_text("18446744073709551615", 1, 18446744073709551616.0, true);
    s_expect_text("1e+00", 3, 1.0 / 3, false);
    s_expect_text("-1", 4, -0.25, true);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(exact_parse(&exact, pbus_str(bad[i])));
}

static void test_exact_sum(void **state)
{
    (void) state;
    static const char *const terms[] = {
        "9223372036854775807",     "-9223372036854775808",    "1e-01", "2e-01",
        "1.7976931348623157e+308", "-1.7976931348623157e+308"};
    exact_t sum = {0}, term, expected;
    for (size_t i = 0; i < sizeof terms / sizeof *terms; i++) {
        assert_true(exact_parse(&term, pbus_str(terms[i])));
        exact_add(&sum, &term);
    }
    assert_true(exact_parse(&expected, PBUS_STR("-0.7")));
    assert_int_equal(exact_compare(&sum, &expected), 0);
    assert_true(exact_parse(&term, PBUS_STR("-0.70000000000000001")));
    assert_int_equal(exact_compare(&term, &sum), -1);
    term = exact_from_uint(UINT64_MAX);
    assert_true(exact_parse(&expected, PBUS_STR("18446744073709551615")));
    assert_int_equal(exact_compare(&term, &expected), 0);
    assert_int_equal(exact_compare(&term, &sum), 1);
}

/* ---- writes ----------------------------------------------------------------------------------------------
 */

static pbus_event_t s_event(uint8_t id, int64_t origin, const char *device, pbus_reading_t *readings,
                            size_t count)
{
    pbus_event_t event = {.id = {{id}},
                          .origin = origin,
                          .device = pbus_str(device),
                          .profile = PBUS_STR("p"),
                          .source = PBUS_STR("s"),
                          .readings = readings,
                          .reading_count = count};
    for (size_t i = 0; i < count; i++)
        if (readings[i].device.size == 0)
            readings[i] = (pbus_reading_t){.origin = origin + (int64_t) i,
                                           .device = event.device,
                                           .profile = event.profile,
                                           .resource = PBUS_STR("r"),
                                           .type = PBUS_UINT8,
                                           .value = PBUS_STR("7")};
    return event;
}

static pbus_status_t s_apply(model_t *model, pbus_op_t op, uint8_t id, uint64_t accept, int64_t origin,
                             const char *device)
{
    pbus_reading_t readings[2] = {{0}};
    pbus_event_t event = s_event(id, origin, device, readings, 2);
    batch_t *batch = batch_new();
    if (op == PBUS_ADD)
        batch_add(batch, accept, &event);
    else
        batch_delete(batch, accept, &event.id);
    pbus_status_t status = model_apply(model, batch_at(batch, 0), (model_place_t){0});
    batch_destroy(&batch);
    return status;
}

static void test_statuses(void **state)
{
    (void) state;
    model_t *model = model_new();
    pbus_filter_t any = pbus_filter_any();
    assert_int_equal(s_apply(model, PBUS_ADD, 1, 10, 5, "d"), PBUS_OK);
    assert_int_equal(s_apply(model, PBUS_ADD, 1, 10, 6, "e"), PBUS_OK);
    assert_int_equal(s_apply(model, PBUS_ADD, 1, 11, 5, "d"), PBUS_CONFLICT);
    assert_int_equal(model_find(model, &(pbus_uuid_t){{1}})->event.origin, 5);
    assert_int_equal(s_apply(model, PBUS_DELETE, 2, 12, 0, "d"), PBUS_NOT_FOUND);
    assert_int_equal(model_count(model, PBUS_READINGS, &any), 2);
    assert_int_equal(s_apply(model, PBUS_DELETE, 1, 13, 0, "d"), PBUS_OK);
    assert_int_equal(model_count(model, PBUS_EVENTS, &any), 0);
    assert_true(model_had(model, &(pbus_uuid_t){{1}}));
    assert_false(model_had(model, &(pbus_uuid_t){{2}}));
    assert_int_equal(s_apply(model, PBUS_ADD, 1, 10, 5, "d"), PBUS_OK);
    assert_false(model_had(model, &(pbus_uuid_t){{1}}));
    model_destroy(&model);
}

static void test_malformed_is_refused(void **state)
{
    (void) state;
    model_t *model = model_new();
    batch_t *batch = batch_new();
    batch_add_bytes(batch, 1, &(pbus_uuid_t){{1}}, PBUS_STR("no event"), true);
    assert_int_equal(model_apply(model, batch_at(batch, 0), (model_place_t){0}), PBUS_INVALID);
    assert_null(model_find(model, &(pbus_uuid_t){{1}}));
    batch_destroy(&batch);
    model_destroy(&model);
}

/* ---- questions -------------------------------------------------------------------------------------------
 */

static void test_order_and_filters(void **state)
{
    (void) state;
    static const uint8_t ids[] = {9, 200, 3, 1};
    model_t *model = model_new();
    size_t count;
    pbus_filter_t filter = pbus_filter_any();
    s_apply(model, PBUS_ADD, 1, 1, -4, "a");
    s_apply(model, PBUS_ADD, 3, 2, 7, "b");
    s_apply(model, PBUS_ADD, 200, 3, 7, "a");
    s_apply(model, PBUS_ADD, 9, 4, INT64_MAX - 1, "a");
    const model_event_t **list = model_events(model, &filter, &count);
    assert_int_equal(count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(list[i]->event.id.bytes[0], ids[i]);
    free(list);
    filter.device = PBUS_STR("a");
    filter.origin_max = 8;
    assert_int_equal(model_count(model, PBUS_EVENTS, &filter), 2);
    /* Readings lie at the event's origin and behind it. */
    assert_int_equal(model_count(model, PBUS_READINGS, &filter), 4);
    filter.origin_max = 7;
    assert_int_equal(model_count(model, PBUS_READINGS, &filter), 3);
    filter.accept_max = 2;
    assert_int_equal(model_purge(model, &filter), 1);
    filter = pbus_filter_any();
    assert_int_equal(model_count(model, PBUS_EVENTS, &filter), 3);
    model_source_t *sources = model_sources(model, &count);
    assert_int_equal(count, 2);
    assert_int_equal(sources[0].events + sources[1].events, 3);
    free(sources);
    model_destroy(&model);
}

static void test_readings(void **state)
{
    (void) state;
    model_t *model = model_new();
    size_t count;
    pbus_filter_t any = pbus_filter_any();
    s_apply(model, PBUS_ADD, 1, 1, 10, "a");
    s_apply(model, PBUS_ADD, 2, 2, 11, "b");
    model_reading_t *list = model_readings(model, &any, &count);
    assert_int_equal(count, 4);
    for (size_t i = 1; i < count; i++)
        assert_true(model_reading_cmp(list[i - 1].reading, list[i].reading) < 0);
    assert_int_equal(list[0].reading->origin, 12);
    pbus_reading_t other = *list[0].reading;
    assert_int_equal(model_reading_cmp(&other, list[0].reading), 0);
    other.units = PBUS_STR("V");
    assert_int_not_equal(model_reading_cmp(&other, list[0].reading), 0);
    free(list);
    model_destroy(&model);
}

static void test_groups(void **state)
{
    (void) state;
    pbus_reading_t like = {
        .device = PBUS_STR("d"), .profile = PBUS_STR("p"), .resource = PBUS_STR("x"), .type = PBUS_FLOAT64};
    pbus_reading_t readings[5] = {like, like, like, like, like};
    readings[0].value = PBUS_STR("1.5e+00");
    readings[1].value = PBUS_STR("NaN");
    readings[2].is_null = true;
    readings[3].value = PBUS_STR("-2e+00");
    readings[4].type = PBUS_STRING;
    readings[4].value = PBUS_STR("12");
    pbus_event_t event = s_event(1, 5, "d", readings, 5);
    model_t *model = model_new();
    batch_t *batch = batch_new();
    size_t count;
    pbus_filter_t any = pbus_filter_any();
    batch_add(batch, 1, &event);
    model_apply(model, batch_at(batch, 0), (model_place_t){0});
    model_group_t *groups = model_groups(model, &any, &count);
    assert_int_equal(count, 2);
    model_group_t *floats = &groups[groups[0].like.type == PBUS_STRING];
    assert_int_equal(groups[groups[0].like.type != PBUS_STRING].count, 0);
    exact_t expected;
    assert_int_equal(floats->count, 2);
    assert_true(exact_parse(&expected, PBUS_STR("-0.5")));
    assert_int_equal(exact_compare(&floats->sum, &expected), 0);
    assert_true(exact_parse(&expected, PBUS_STR("-2")));
    assert_int_equal(exact_compare(&floats->least, &expected), 0);
    free(groups);
    batch_destroy(&batch);
    model_destroy(&model);
}

/* ---- events ----------------------------------------------------------------------------------------------
 */

/* The same seed makes the same events; what is made is well-formed, and the samples have every type. */
static void test_generator(void **state)
{
    (void) state;
    static const generator_shape_t shape = {.devices = 50,
                                            .profiles = 2,
                                            .sources = 3,
                                            .resources = 20,
                                            .readings = 20,
                                            .origins = 5,
                                            .unit = 1,
                                            .own = 50,
                                            .foreign = 20,
                                            .nulls = 10,
                                            .tags = 30};
    generator_t *a = generator_new(7), *b = generator_new(7);
    pbus_decoder_t *decoder = pbus_decoder_new();
    bool seen[PBUS_FLOAT64_ARRAY + 1] = {false};
    for (int i = 0; i < 300; i++) {
        pbus_buf_t one = {0}, other = {0};
        pbus_event_encode(generator_event(a, &shape), &one);
        pbus_event_encode(generator_event(b, &shape), &other);
        assert_int_equal(one.size, other.size);
        assert_memory_equal(one.data, other.data, one.size);
        const pbus_event_t *event = pbus_decoder_event(decoder, one.data, one.size);
        assert_non_null(event);
        for (size_t k = 0; k < event->reading_count; k++)
            seen[event->readings[k].type] = true;
        pbus_buf_clear(&one);
        pbus_buf_clear(&other);
    }
    for (int type = PBUS_BOOL; type <= PBUS_FLOAT64_ARRAY; type++)
        assert_true(seen[type]);
    pbus_decoder_destroy(&decoder);
    generator_destroy(&a);
    generator_destroy(&b);
}

static void test_sample_names_differ(void **state)
{
    (void) state;
    for (size_t i = 0; i < sample_name_count; i++) {
        assert_true(pbus_str_is_text(sample_names[i]) && sample_names[i].size > 0);
        for (size_t k = 0; k < i; k++)
            assert_false(pbus_str_eq(sample_names[i], sample_names[k]));
    }
    for (size_t i = 0; i < sample_count; i++)
        assert_true(samples[i].type == PBUS_BINARY || pbus_str_is_text(samples[i].value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_exact_parse),
                                       cmocka_unit_test(test_exact_sum),
                                       cmocka_unit_test(test_statuses),
                                       cmocka_unit_test(test_malformed_is_refused),
                                       cmocka_unit_test(test_order_and_filters),
                                       cmocka_unit_test(test_readings),
                                       cmocka_unit_test(test_groups),
                                       cmocka_unit_test(test_generator),
                                       cmocka_unit_test(test_sample_names_differ)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
