/*
 * Unit tests of event.c: round trips, the exact bytes, and bytes that are no event.
 */
#include "event_head.h"

#include "msgread.h"
#include "msgwrite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const pbus_uuid_t s_id = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};

static void s_assert_str(pbus_str_t actual, pbus_str_t expected)
{
    assert_int_equal(actual.size, expected.size);
    assert_memory_equal(actual.data, expected.data, expected.size);
}

static void s_assert_reading(const pbus_reading_t *actual, const pbus_reading_t *expected)
{
    assert_int_equal(actual->origin, expected->origin);
    s_assert_str(actual->device, expected->device);
    s_assert_str(actual->profile, expected->profile);
    s_assert_str(actual->resource, expected->resource);
    assert_int_equal(actual->type, expected->type);
    assert_int_equal(actual->is_null, expected->is_null);
    s_assert_str(actual->units, expected->units);
    s_assert_str(actual->tags, expected->tags);
    s_assert_str(actual->value, expected->value);
    s_assert_str(actual->media_type, expected->media_type);
}

static void s_assert_event(const pbus_event_t *actual, const pbus_event_t *expected)
{
    assert_non_null(actual);
    assert_memory_equal(&actual->id, &expected->id, sizeof actual->id);
    assert_int_equal(actual->origin, expected->origin);
    s_assert_str(actual->device, expected->device);
    s_assert_str(actual->profile, expected->profile);
    s_assert_str(actual->source, expected->source);
    s_assert_str(actual->tags, expected->tags);
    assert_int_equal(actual->reading_count, expected->reading_count);
    for (size_t i = 0; i < expected->reading_count; i++)
        s_assert_reading(&actual->readings[i], &expected->readings[i]);
}

/* Encodes, decodes, compares, and encodes again, which must give the same bytes. */
static void s_check_round_trip(const pbus_event_t *event)
{
    pbus_buf_t first = {0}, second = {0};
    pbus_decoder_t *decoder = pbus_decoder_new();
    pbus_event_encode(event, &first);
    assert_false(first.failed);
    const pbus_event_t *back = pbus_decoder_event(decoder, first.data, first.size);
    s_assert_event(back, event);
    pbus_event_encode(back, &second);
    assert_int_equal(second.size, first.size);
    assert_memory_equal(second.data, first.data, first.size);
    pbus_decoder_destroy(&decoder);
    assert_null(decoder);
    pbus_buf_clear(&first);
    pbus_buf_clear(&second);
}

static pbus_reading_t s_reading(pbus_type_t type, pbus_str_t value)
{
    return (pbus_reading_t){.origin = 1700000000000000000,
                            .device = PBUS_STR("pump-1"),
                            .profile = PBUS_STR("pump"),
                            .resource = PBUS_STR("pressure"),
                            .type = type,
                            .value = value};
}

static pbus_event_t s_event(const pbus_reading_t *readings, size_t count)
{
    return (pbus_event_t){.id = s_id,
                          .origin = 1700000000000000000,
                          .device = PBUS_STR("pump-1"),
                          .profile = PBUS_STR("pump"),
                          .source = PBUS_STR("pressure"),
                          .readings = readings,
                          .reading_count = count};
}

/* An event that uses everything the grammar has; 4 readings. */
static pbus_event_t s_rich_event(pbus_reading_t readings[4])
{
    readings[0] = s_reading(PBUS_FLOAT64, PBUS_STR("1.5e+00"));
    readings[0].units = PBUS_STR("bar");
    readings[1] = s_reading(PBUS_BINARY, (pbus_str_t){"\x00\xff\x80", 3});
    readings[1].origin = -5;
    readings[1].resource = PBUS_STR("image");
    readings[1].media_type = PBUS_STR("image/png");
    readings[2] = s_reading(PBUS_OBJECT, PBUS_STR("{\"a\":1}"));
    readings[2].device = PBUS_STR("p\xc3\xbcmpe");
    readings[2].profile = PBUS_STR("other");
    readings[2].tags = PBUS_STR("{\"k\":\"v\"}");
    readings[3] = s_reading(PBUS_BINARY, (pbus_str_t){0});
    readings[3].is_null = true;
    pbus_event_t event = s_event(readings, 4);
    event.tags = PBUS_STR("{\"site\":\"north\"}");
    return event;
}

static void test_type_names(void **state)
{
    (void) state;
    assert_string_equal(pbus_type_name(PBUS_BOOL), "Bool");
    assert_string_equal(pbus_type_name(PBUS_OBJECT_ARRAY), "ObjectArray");
    assert_string_equal(pbus_type_name(PBUS_FLOAT64_ARRAY), "Float64Array");
    assert_null(pbus_type_name((pbus_type_t) 0));
    assert_null(pbus_type_name((pbus_type_t) 28));
    assert_null(pbus_type_name((pbus_type_t) -1));
    pbus_type_t type;
    for (int i = PBUS_BOOL; i <= PBUS_FLOAT64_ARRAY; i++) {
        assert_true(pbus_type_parse(pbus_str(pbus_type_name((pbus_type_t) i)), &type));
        assert_int_equal(type, i);
    }
    assert_true(pbus_type_parse(PBUS_STR("uINT16aRRAY"), &type));
    assert_int_equal(type, PBUS_UINT16_ARRAY);
    assert_false(pbus_type_parse(PBUS_STR("Uint"), &type));
    assert_false(pbus_type_parse(PBUS_STR(""), &type));
    assert_false(pbus_type_parse(PBUS_STR("Uint16Arrays"), &type));
}

static void test_all_types(void **state)
{
    (void) state;
    for (int i = PBUS_BOOL; i <= PBUS_FLOAT64_ARRAY; i++) {
        pbus_reading_t readings[3];
        readings[0] = s_reading((pbus_type_t) i, PBUS_STR("[1, 2]"));
        if (i == PBUS_BINARY)
            readings[0].media_type = PBUS_STR("text/plain");
        readings[1] = s_reading((pbus_type_t) i, PBUS_STR(""));
        readings[2] = s_reading((pbus_type_t) i, PBUS_STR(""));
        readings[2].is_null = true;
        pbus_event_t event = s_event(readings, 3);
        s_check_round_trip(&event);
    }
}

static void test_rich(void **state)
{
    (void) state;
    pbus_reading_t readings[4];
    pbus_event_t event = s_rich_event(readings);
    s_check_round_trip(&event);
}

static void test_extremes(void **state)
{
    (void) state;
    static const int64_t origins[] = {INT64_MIN, INT64_MAX, -1, 1, 0};
    for (size_t i = 0; i < sizeof origins / sizeof origins[0]; i++) {
        pbus_reading_t reading = s_reading(PBUS_UINT64, PBUS_STR("18446744073709551615"));
        reading.origin = origins[i];
        pbus_event_t event = s_event(&reading, 1);
        s_check_round_trip(&event);
        event.origin = origins[i];
        s_check_round_trip(&event);
    }
}

static void test_large(void **state)
{
    (void) state;
    enum { SIZE = 1 << 20, COUNT = 70000 };
    char *bytes = malloc(SIZE);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char) (i * 7);
    pbus_reading_t reading = s_reading(PBUS_BINARY, (pbus_str_t){bytes, SIZE});
    reading.media_type = PBUS_STR("application/octet-stream");
    pbus_event_t event = s_event(&reading, 1);
    s_check_round_trip(&event);
    free(bytes);

    pbus_reading_t *many = calloc(COUNT, sizeof *many);
    for (size_t i = 0; i < COUNT; i++)
        many[i] = s_reading(PBUS_INT8, PBUS_STR("-128"));
    event = s_event(many, COUNT);
    s_check_round_trip(&event);
    free(many);
}

/* The bytes themselves: other languages read and write them too. */
static void test_golden(void **state)
{
    (void) state;
    static const char golden[] =
        "\x98\x01\xc4\x10\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
        "\xcf\x17\x97\x9c\xfe\x36\x2a\x00\x00"
        "\xa6pump-1\xa4pump\xa8pressure"
        "\xb0{\"site\":\"north\"}"
        "\x94"
        "\x98\xc0\xc0\xc0\xc0\x0c\xa3"
        "bar\xc0\xa7"
        "1.5e+00"
        "\x99\xfb\xc0\xc0\xa5image\x0d\xc0\xc0\xc4\x03\x00\xff\x80\xa9image/png"
        "\x98\xc0\xa6p\xc3\xbcmpe\xa5other\xc0\x0e\xc0\xa9{\"k\":\"v\"}\xa7{\"a\":1}"
        "\x98\xc0\xc0\xc0\xc0\x0d\xc0\xc0\xc0";
    pbus_reading_t readings[4];
    pbus_event_t event = s_rich_event(readings);
    pbus_buf_t buf = {0};
    pbus_event_encode(&event, &buf);
    assert_int_equal(buf.size, sizeof golden - 1);
    assert_memory_equal(buf.data, golden, sizeof golden - 1);
    pbus_buf_clear(&buf);
}

static void test_truncated(void **state)
{
    (void) state;
    pbus_reading_t readings[4];
    pbus_event_t event = s_rich_event(readings);
    pbus_buf_t buf = {0};
    pbus_decoder_t *decoder = pbus_decoder_new();
    pbus_event_encode(&event, &buf);
    for (size_t size = 0; size < buf.size; size++) {
        uint8_t *cut = malloc(size + 1); /* exact, so that a read beyond is seen by the sanitizer */
        memcpy(cut, buf.data, size);
        uint8_t *exact = realloc(cut, size ? size : 1);
        if (pbus_decoder_event(decoder, exact, size))
            fail_msg("%zu of %zu bytes are taken for an event", size, buf.size);
        free(exact);
    }
    s_assert_event(pbus_decoder_event(decoder, buf.data, buf.size), &event);
    pbus_buf_append(&buf, "\xc0", 1);
    assert_null(pbus_decoder_event(decoder, buf.data, buf.size)); /* trailing byte */
    pbus_decoder_destroy(&decoder);
    pbus_buf_clear(&buf);
}

/* All before the readings is there from the byte on at which they begin. */
static void test_head(void **state)
{
    (void) state;
    pbus_reading_t readings[4];
    pbus_event_t event = s_rich_event(readings), head;
    pbus_buf_t buf = {0};
    pbus_event_encode(&event, &buf);
    size_t needed = 0;
    while (needed < buf.size && !pbus_event_head(buf.data, needed, &head))
        needed++;
    assert_true(needed > 40 && needed < buf.size / 2);
    assert_true(pbus_event_head(buf.data, buf.size, &head));
    assert_true(pbus_str_eq(head.device, event.device) && pbus_str_eq(head.profile, event.profile) &&
                pbus_str_eq(head.source, event.source) && pbus_str_eq(head.tags, event.tags));
    assert_memory_equal(&head.id, &event.id, sizeof head.id);
    assert_int_equal(head.origin, event.origin);
    assert_int_equal(head.reading_count, 0);
    buf.data[1]++; /* another version */
    assert_false(pbus_event_head(buf.data, buf.size, &head));
    pbus_buf_clear(&buf);
}

/* A plain event with one byte string replaced by another must not decode. */
typedef struct {
    const char *what;
    pbus_str_t from, to;
} s_damage_t;

static void s_check_damage(const pbus_buf_t *buf, const s_damage_t *damage, pbus_decoder_t *decoder)
{
    const uint8_t *place = memmem(buf->data, buf->size, damage->from.data, damage->from.size);
    assert_non_null(place);
    size_t before = (size_t) (place - buf->data);
    pbus_buf_t bad = {0};
    pbus_buf_append(&bad, buf->data, before);
    pbus_buf_append(&bad, damage->to.data, damage->to.size);
    pbus_buf_append(&bad, place + damage->from.size, buf->size - before - damage->from.size);
    if (pbus_decoder_event(decoder, bad.data, bad.size))
        fail_msg("an event with %s is accepted", damage->what);
    pbus_buf_clear(&bad);
}

#define DAMAGE(what, from, to)                                                                               \
    {                                                                                                        \
        what, PBUS_STR(from), PBUS_STR(to)                                                                   \
    }

static void test_damaged(void **state)
{
    (void) state;
    pbus_reading_t readings[4];
    pbus_event_t event = s_rich_event(readings);
    pbus_buf_t buf = {0};
    pbus_decoder_t *decoder = pbus_decoder_new();
    pbus_event_encode(&event, &buf);
    const s_damage_t damages[] = {
        DAMAGE("version 2", "\x98\x01", "\x98\x02"),
        DAMAGE("nine fields", "\x98\x01", "\x99\x01"),
        DAMAGE("an id of 15 bytes", "\xc4\x10\x00", "\xc4\x0f"),
        DAMAGE("an id that is a str", "\xc4\x10\x00", "\xb0\x00"),
        DAMAGE("an origin that is nil", "\xcf\x17\x97\x9c\xfe\x36\x2a\x00\x00", "\xc0"),
        DAMAGE("an origin that is a float", "\xcf\x17\x97", "\xcb\x17\x97"),
        DAMAGE("an origin beyond 63 bits", "\xcf\x17\x97", "\xcf\x97\x97"),
        DAMAGE("an empty device", "\xa6pump-1", "\xa0"),
        DAMAGE("a device that is nil", "\xa6pump-1", "\xc0"),
        DAMAGE("a device that is a bin", "\xa6pump-1", "\xc4\x06pump-1"),
        DAMAGE("an empty profile", "\xa4pump", "\xa0"),
        DAMAGE("an empty source", "\xa8pressure", "\xa0"),
        DAMAGE("a NUL in the source", "\xa8pressure", "\xa8p\0essure"),
        DAMAGE("a device that is no UTF-8", "\xa6pump-1", "\xa6pump-\xff"),
        DAMAGE("tags that are no UTF-8", "{\"site\"", "{\"sit\xe4\""),
        DAMAGE("tags that are a map", "\xb0{\"site\":\"north\"}", "\x80"),
        DAMAGE("no readings", "\x94\x98\xc0", "\x90\x98\xc0"),
        DAMAGE("fewer readings than there are", "\x94\x98\xc0", "\x93\x98\xc0"),
        DAMAGE("more readings than there are", "\x94\x98\xc0", "\x95\x98\xc0"),
        DAMAGE("readings beyond all bounds", "\x94\x98\xc0", "\xdd\xff\xff\xff\xff\x98\xc0"),
        DAMAGE("readings that are nil", "\x94\x98\xc0", "\xc0\x98\xc0"),
        DAMAGE("a reading of 7 fields", "\x98\xc0\xc0\xc0\xc0\x0c\xa3", "\x97\xc0\xc0\xc0\x0c\xa3"),
        DAMAGE("a reading of 10 fields", "\x99\xfb", "\x9a\xfb"),
        DAMAGE("a Float64 with a media type", "\x98\xc0\xc0\xc0\xc0\x0c\xa3", "\x99\xc0\xc0\xc0\xc0\x0c\xa3"),
        DAMAGE("a Float64 of bin",
               "\xa7"
               "1.5e+00",
               "\xc4\x07"
               "1.5e+00"),
        DAMAGE("type 0", "\xc0\x0c\xa3", "\xc0\x00\xa3"),
        DAMAGE("type 28", "\xc0\x0c\xa3", "\xc0\x1c\xa3"),
        DAMAGE("type -1", "\xc0\x0c\xa3", "\xc0\xff\xa3"),
        DAMAGE("a huge type", "\xc0\x0c\xa3", "\xc0\xcf\x01\x00\x00\x00\x00\x00\x00\x01\xa3"),
        DAMAGE("an empty resource", "\xa5image\x0d", "\xa0\x0d"),
        DAMAGE("a Binary of str", "\xc4\x03\x00\xff\x80", "\xa3xyz"),
        DAMAGE("a Binary without media type", "\x99\xfb", "\x98\xfb"),
        DAMAGE("a media type that is nil", "\xa9image/png", "\xc0"),
        DAMAGE("a media type that is no UTF-8", "image/png", "image/\xff\xff\xff"),
        DAMAGE("a value that is no UTF-8", "{\"a\":1}", "{\"\xff\":1}"),
        DAMAGE("a value that is a number",
               "\xa7"
               "1.5e+00",
               "\x01"),
        DAMAGE("units that are a number",
               "\xa3"
               "bar",
               "\x01"),
        DAMAGE("a null Binary with a media type", "\x98\xc0\xc0\xc0\xc0\x0d", "\x99\xc0\xc0\xc0\xc0\x0d"),
    };
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++)
        s_check_damage(&buf, &damages[i], decoder);
    pbus_decoder_destroy(&decoder);
    pbus_buf_clear(&buf);
}

static void test_no_readings(void **state)
{
    (void) state;
    pbus_event_t event = s_event(NULL, 0);
    pbus_buf_t buf = {0};
    pbus_decoder_t *decoder = pbus_decoder_new();
    pbus_event_encode(&event, &buf);
    assert_null(pbus_decoder_event(decoder, buf.data, buf.size));
    pbus_decoder_destroy(&decoder);
    pbus_buf_clear(&buf);
}

/* Forms that the encoder would not choose are understood all the same. */
static void test_other_forms(void **state)
{
    (void) state;
    static const char data[] =
        "\xdc\x00\x08\xcc\x01\xc5\x00\x10\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b"
        "\x0c\x0d\x0e\x0f\xd3\x00\x00\x00\x00\x00\x00\x00\x05\xd9\x01"
        "d\xda\x00\x01p"
        "\xdb\x00\x00\x00\x01s\xa0\xdd\x00\x00\x00\x01"
        "\x98\x05\xa1"
        "d\xa1p\xa1s\xcd\x00\x02\xa0\xa0\xa1v";
    pbus_decoder_t *decoder = pbus_decoder_new();
    pbus_reading_t reading = {.origin = 5,
                              .device = PBUS_STR("d"),
                              .profile = PBUS_STR("p"),
                              .resource = PBUS_STR("s"),
                              .type = PBUS_STRING,
                              .value = PBUS_STR("v")};
    pbus_event_t event = {.id = s_id,
                          .origin = 5,
                          .device = PBUS_STR("d"),
                          .profile = PBUS_STR("p"),
                          .source = PBUS_STR("s"),
                          .readings = &reading,
                          .reading_count = 1};
    s_assert_event(pbus_decoder_event(decoder, data, sizeof data - 1), &event);
    pbus_decoder_destroy(&decoder);
}

static void test_decoder_reuse(void **state)
{
    (void) state;
    pbus_reading_t readings[4], one = s_reading(PBUS_BOOL, PBUS_STR("true"));
    pbus_event_t rich = s_rich_event(readings), small = s_event(&one, 1);
    pbus_buf_t a = {0}, b = {0};
    pbus_decoder_t *decoder = pbus_decoder_new();
    pbus_event_encode(&small, &a);
    pbus_event_encode(&rich, &b);
    for (int i = 0; i < 3; i++) {
        s_assert_event(pbus_decoder_event(decoder, a.data, a.size), &small);
        assert_null(pbus_decoder_event(decoder, b.data, b.size - 1));
        s_assert_event(pbus_decoder_event(decoder, b.data, b.size), &rich);
    }
    pbus_decoder_destroy(&decoder);
    pbus_decoder_destroy(&decoder); /* twice does no harm */
    pbus_buf_clear(&a);
    pbus_buf_clear(&b);
}

static void test_lone_reading(void **state)
{
    (void) state;
    pbus_reading_t readings[4], back;
    s_rich_event(readings);
    for (size_t i = 0; i < 4; i++) {
        pbus_buf_t buf = {0};
        pbus_reading_encode(&readings[i], &buf);
        assert_true(pbus_reading_decode(buf.data, buf.size, &back));
        s_assert_reading(&back, &readings[i]);
        for (size_t size = 0; size < buf.size; size++)
            assert_false(pbus_reading_decode(buf.data, size, &back));
        pbus_buf_append(&buf, "\xc0", 1);
        assert_false(pbus_reading_decode(buf.data, buf.size, &back));
        pbus_buf_clear(&buf);
    }
}

static void test_lone_reading_bytes(void **state)
{
    (void) state;
    static const char good[] = "\x98\x05\xa1"
                               "d\xa1p\xa1r\x02\xc0\xc0\xa1v";
    pbus_reading_t reading = {.origin = 5,
                              .device = PBUS_STR("d"),
                              .profile = PBUS_STR("p"),
                              .resource = PBUS_STR("r"),
                              .type = PBUS_STRING,
                              .value = PBUS_STR("v")};
    pbus_buf_t buf = {0};
    pbus_reading_encode(&reading, &buf);
    assert_int_equal(buf.size, sizeof good - 1);
    assert_memory_equal(buf.data, good, buf.size);
    pbus_buf_clear(&buf);
    const pbus_str_t bad[] = {
        PBUS_STR("\x98\xc0\xa1"
                 "d\xa1p\xa1r\x02\xc0\xc0\xa1v"),
        PBUS_STR("\x98\x05\xc0\xa1p\xa1r\x02\xc0\xc0\xa1v"),
        PBUS_STR("\x98\x05\xa1"
                 "d\xc0\xa1r\x02\xc0\xc0\xa1v"),
        PBUS_STR("\x98\x05\xa1"
                 "d\xa1p\xc0\x02\xc0\xc0\xa1v"),
        PBUS_STR("\x98\x05\xa0\xa1p\xa1r\x02\xc0\xc0\xa1v"),
        PBUS_STR(""),
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (pbus_reading_decode(bad[i].data, bad[i].size, &reading))
            fail_msg("bad reading %zu is accepted", i);
}

static uint64_t s_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* A few bytes changed, and perhaps cut: must not crash; if it decodes, it must survive another round. */
static void test_mutated(void **state)
{
    (void) state;
    pbus_reading_t readings[4];
    pbus_event_t event = s_rich_event(readings);
    pbus_buf_t buf = {0};
    pbus_decoder_t *decoder = pbus_decoder_new();
    pbus_event_encode(&event, &buf);
    uint64_t seed = 88172645463325252u, decoded = 0;
    for (int i = 0; i < 100000; i++) {
        size_t size = s_random(&seed) % 8 == 0 ? s_random(&seed) % buf.size + 1 : buf.size;
        uint8_t *mutant = malloc(size);
        memcpy(mutant, buf.data, size);
        for (uint64_t changes = s_random(&seed) % 4; changes > 0; changes--)
            mutant[s_random(&seed) % size] = (uint8_t) s_random(&seed);
        const pbus_event_t *back = pbus_decoder_event(decoder, mutant, size);
        if (back) {
            s_check_round_trip(back);
            decoded++;
        }
        free(mutant);
    }
    assert_true(decoded > 1000); /* else the loop shows nothing */
    pbus_decoder_destroy(&decoder);
    pbus_buf_clear(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_type_names),   cmocka_unit_test(test_all_types),
        cmocka_unit_test(test_rich),         cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_large),        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_truncated),    cmocka_unit_test(test_head),
        cmocka_unit_test(test_damaged),      cmocka_unit_test(test_other_forms),
        cmocka_unit_test(test_no_readings),  cmocka_unit_test(test_decoder_reuse),
        cmocka_unit_test(test_lone_reading), cmocka_unit_test(test_lone_reading_bytes),
        cmocka_unit_test(test_mutated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
