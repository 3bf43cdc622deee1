/*
 * Unit tests of types.c.
 */
#include <persistbus/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_status_names(void **state)
{
    (void) state;
    assert_string_equal(pbus_status_name(PBUS_OK), "ok");
    assert_string_equal(pbus_status_name(PBUS_NOT_FOUND), "not found");
    assert_string_equal(pbus_status_name(PBUS_NOMEM), "out of memory");
    assert_string_equal(pbus_status_name((pbus_status_t) 11), "unknown status");
    assert_string_equal(pbus_status_name((pbus_status_t) -1), "unknown status");
    for (int i = PBUS_OK; i <= PBUS_NOMEM; i++)
        assert_string_not_equal(pbus_status_name((pbus_status_t) i), "unknown status");
}

static void test_fail(void **state)
{
    (void) state;
    pbus_error_t error = {0};
    assert_int_equal(pbus_fail(&error, PBUS_FULL, "disk %s is %d%% full", "sda", 99), PBUS_FULL);
    assert_int_equal(error.status, PBUS_FULL);
    assert_string_equal(error.text, "disk sda is 99% full");
    assert_int_equal(pbus_fail(NULL, PBUS_TIMEOUT, "nobody listens"), PBUS_TIMEOUT);

    char large[1000];
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = 0;
    pbus_fail(&error, PBUS_INVALID, "%s", large);
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
}

static void test_str(void **state)
{
    (void) state;
    assert_int_equal(pbus_str(NULL).size, 0);
    assert_true(pbus_str_eq(pbus_str("abc"), PBUS_STR("abc")));
    assert_false(pbus_str_eq(pbus_str("abc"), PBUS_STR("abd")));
    assert_false(pbus_str_eq(pbus_str("abc"), PBUS_STR("ab")));
    assert_true(pbus_str_eq((pbus_str_t){0}, PBUS_STR("")));
    assert_int_equal(pbus_str_cmp(PBUS_STR("abc"), PBUS_STR("abc")), 0);
    assert_true(pbus_str_cmp(PBUS_STR("ab"), PBUS_STR("abc")) < 0);
    assert_true(pbus_str_cmp(PBUS_STR("abc"), PBUS_STR("ab")) > 0);
    assert_true(pbus_str_cmp(PBUS_STR("b"), PBUS_STR("abc")) > 0);
    assert_true(pbus_str_cmp(PBUS_STR("\xc3"), PBUS_STR("z")) > 0);
    assert_int_equal(pbus_str_cmp((pbus_str_t){0}, (pbus_str_t){0}), 0);
}

static void test_text(void **state)
{
    (void) state;
    static const pbus_str_t good[] = {
        {"", 0},
        {"a", 1},
        {"0123456789abcdef0123456789", 26},
        {"\x7f\x01", 2},
        {"\xc2\x80\xdf\xbf", 4},
        {"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", 12},
        {"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8},
        {"0123456\xc3\xa4 89abcdef", 18},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!pbus_str_is_text(good[i]))
            fail_msg("good text %zu is refused", i);
    static const pbus_str_t bad[] = {
        {"\0", 1},
        {"abc\0def89abcdef", 15},
        {"01234567\0", 9},
        {"0\x01\x01\x01\x01\x01\x01\0", 8},
        {"\x80", 1},
        {"\xbf", 1},
        {"\xc0\x80", 2},              /* overlong NUL */
        {"\xc1\xbf", 2},              /* overlong */
        {"\xe0\x9f\xbf", 3},          /* overlong */
        {"\xf0\x8f\xbf\xbf", 4},      /* overlong */
        {"\xed\xa0\x80", 3},          /* surrogate */
        {"\xed\xbf\xbf", 3},          /* surrogate */
        {"\xf4\x90\x80\x80", 4},      /* beyond U+10FFFF */
        {"\xf5\x80\x80\x80", 4},      /* beyond */
        {"\xff", 1},                  /* never */
        {"\xc3\xa4", 1},              /* what would complete it lies behind the end */
        {"\xe2\x82\xac", 2},          /* likewise */
        {"\xf0\x9f\x98\x80", 3},      /* likewise */
        {"\xc3", 1},                  /* cut */
        {"\xe2\x82", 2},              /* cut */
        {"\xf0\x9f\x98", 3},          /* cut */
        {"\xe2\x82z", 3},             /* third byte */
        {"\xf0\x9f\x98z", 4},         /* fourth byte */
        {"0123456789abcdef\xc3", 17}, /* cut, behind words */
        {"01234567\xff", 9},          /* behind a word */
        {"0123\xff"
         "567",
         8}, /* within a word */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (pbus_str_is_text(bad[i]))
            fail_msg("bad text %zu is accepted", i);
}

static void test_uuid(void **state)
{
    (void) state;
    pbus_uuid_t uuid;
    char text[PBUS_UUID_TEXT];
    assert_true(pbus_uuid_parse(PBUS_STR("00112233-4455-6677-8899-AABBccddeeff"), &uuid));
    static const uint8_t expected[] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                       0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
    assert_memory_equal(uuid.bytes, expected, 16);
    pbus_uuid_format(&uuid, text);
    assert_string_equal(text, "00112233-4455-6677-8899-aabbccddeeff");

    static const char *const bad[] = {
        "",
        "00112233-4455-6677-8899-aabbccddeef",
        "00112233-4455-6677-8899-aabbccddeefff",
        "00112233445566778899aabbccddeeff",
        "{0112233-4455-6677-8899-aabbccddeef}",
        "0011223-34455-6677-8899-aabbccddeeff",
        "00112233-4455-6677-8899-aabbccddeefg",
        "0011223/-4455-6677-8899-aabbccddeeff",
        "00112233_4455-6677-8899-aabbccddeeff",
        "00112233-4455-6677-8899aaabbccddeeff",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (pbus_uuid_parse(pbus_str(bad[i]), &uuid))
            fail_msg("%s is accepted", bad[i]);
    assert_memory_equal(uuid.bytes, expected, 16); /* a refusal changes nothing */
}

static void test_buf(void **state)
{
    (void) state;
    pbus_buf_t buf = {0};
    pbus_buf_append(&buf, NULL, 0);
    assert_int_equal(buf.size, 0);
    for (int i = 0; i < 100; i++)
        pbus_buf_printf(&buf, "%d,", i);
    pbus_buf_puts(&buf, "end");
    assert_int_equal(buf.size, 10 * 2 + 90 * 3 + 3);
    assert_memory_equal(buf.data, "0,1,2,", 6);
    assert_memory_equal(buf.data + buf.size - 6, "99,end", 6);

    uint8_t *data = buf.data;
    pbus_buf_reset(&buf);
    assert_int_equal(buf.size, 0);
    assert_ptr_equal(pbus_buf_reserve(&buf, 10), data);
    pbus_buf_append(&buf, "abc", 3);
    assert_memory_equal(buf.data, "abc", 3);
    pbus_buf_clear(&buf);
    assert_null(buf.data);
    assert_int_equal(buf.capacity, 0);
}

static void test_buf_exact_printf(void **state)
{
    (void) state;
    /* Texts that end just before, at and behind the end of the room, which needs one byte for the NUL. */
    for (size_t size = 60; size < 70; size++) {
        pbus_buf_t buf = {0};
        pbus_buf_reserve(&buf, 64);
        pbus_buf_printf(&buf, "%0*d", (int) size, 7);
        assert_int_equal(buf.size, size);
        assert_int_equal(buf.data[size - 1], '7');
        pbus_buf_clear(&buf);
    }
}

static void test_buf_failed(void **state)
{
    (void) state;
    pbus_buf_t buf = {0};
    pbus_buf_puts(&buf, "kept");
    assert_null(pbus_buf_reserve(&buf, SIZE_MAX - 2));
    assert_true(buf.failed);
    pbus_buf_puts(&buf, "more");
    pbus_buf_printf(&buf, "%d", 1);
    assert_null(pbus_buf_reserve(&buf, 1));
    assert_int_equal(buf.size, 4);
    pbus_buf_reset(&buf);
    pbus_buf_puts(&buf, "again");
    assert_false(buf.failed);
    assert_int_equal(buf.size, 5);
    pbus_buf_clear(&buf);
}

static void test_clocks(void **state)
{
    (void) state;
    int64_t real = pbus_clock_realtime(), boot = pbus_clock_boottime();
    assert_true(real > INT64_C(1700000000) * 1000000000); /* 2023 */
    assert_true(boot > 0);
    assert_true(pbus_clock_boottime() >= boot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_names), cmocka_unit_test(test_fail),
        cmocka_unit_test(test_str),          cmocka_unit_test(test_text),
        cmocka_unit_test(test_uuid),         cmocka_unit_test(test_buf),
        cmocka_unit_test(test_buf_failed),   cmocka_unit_test(test_buf_exact_printf),
        cmocka_unit_test(test_clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
