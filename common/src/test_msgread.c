/*
 * Unit tests of msgread.c and msgwrite.c: what the packer writes the reader gives back, and bytes that are
 * cut, mistyped or out of range make it bad, once and for all.
 */
#include "msgread.h"
#include "msgwrite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define READ(literal) pbus_msgread((literal), sizeof(literal) - 1)

static void test_ints(void **state)
{
    (void) state;
    static const int64_t values[] = {
        0,         1,         127,        128,       255,       256,       65535,
        65536,     INT32_MAX, UINT32_MAX, INT64_MAX, -1,        -32,       -33,
        -128,      -129,      -32768,     -32769,    INT32_MIN, INT64_MIN, -1 - (int64_t) INT32_MAX,
        4294967296};
    pbus_buf_t buf = {0};
    msgpack_packer out;
    pbus_msgwrite_init(&out, &buf);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        msgpack_pack_int64(&out, values[i]);
    pbus_msgread_t in = pbus_msgread(buf.data, buf.size);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        assert_int_equal(pbus_msgread_peek(&in), PBUS_MSG_INT);
        assert_true(pbus_msgread_int(&in) == values[i]);
    }
    assert_true(pbus_msgread_at_end(&in));
    pbus_buf_clear(&buf);
}

static void test_int_encodings(void **state)
{
    (void) state;
    /* The number 5 in every encoding that can hold it, for both readers. */
    const char all[] = "\x05\xcc\x05\xcd\x00\x05\xce\x00\x00\x00\x05\xcf\x00\x00\x00\x00\x00\x00\x00\x05"
                       "\xd0\x05\xd1\x00\x05\xd2\x00\x00\x00\x05\xd3\x00\x00\x00\x00\x00\x00\x00\x05";
    pbus_msgread_t in = READ(all), uin = READ(all);
    for (int i = 0; i < 9; i++) {
        assert_int_equal(pbus_msgread_int(&in), 5);
        assert_int_equal(pbus_msgread_uint(&uin), 5);
    }
    assert_true(pbus_msgread_at_end(&in) && pbus_msgread_at_end(&uin));
}

static void test_int_ranges(void **state)
{
    (void) state;
    pbus_msgread_t in = READ("\xcf\xff\xff\xff\xff\xff\xff\xff\xff");
    assert_true(pbus_msgread_uint(&in) == UINT64_MAX && !in.bad);
    in = READ("\xcf\xff\xff\xff\xff\xff\xff\xff\xff");
    assert_true(pbus_msgread_int(&in) == 0 && in.bad);
    in = READ("\xcf\x80\x00\x00\x00\x00\x00\x00\x00");
    assert_true(pbus_msgread_int(&in) == 0 && in.bad);
    in = READ("\xff");
    assert_true(pbus_msgread_uint(&in) == 0 && in.bad);
    in = READ("\xd3\x80\x00\x00\x00\x00\x00\x00\x00");
    assert_true(pbus_msgread_uint(&in) == 0 && in.bad);
    in = READ("\xca\x00\x00\x00\x00"); /* a float is no integer */
    assert_true(pbus_msgread_int(&in) == 0 && in.bad);
}

static void test_bad_sticks(void **state)
{
    (void) state;
    pbus_msgread_t in = READ("\xa1x\x01\xc0\xc3\x91\x01\xc4\x01y");
    assert_int_equal(pbus_msgread_int(&in), 0);
    assert_true(in.bad);
    assert_int_equal(pbus_msgread_peek(&in), PBUS_MSG_NONE);
    assert_int_equal(pbus_msgread_int(&in), 0);
    assert_int_equal(pbus_msgread_uint(&in), 0);
    assert_int_equal(pbus_msgread_str(&in).size, 0);
    assert_int_equal(pbus_msgread_bin(&in).size, 0);
    assert_int_equal(pbus_msgread_array(&in), 0);
    assert_false(pbus_msgread_nil(&in));
    assert_false(pbus_msgread_bool(&in));
    pbus_msgread_skip(&in);
    assert_false(pbus_msgread_at_end(&in));
}

static void test_empty(void **state)
{
    (void) state;
    pbus_msgread_t in = pbus_msgread(NULL, 0);
    assert_true(pbus_msgread_at_end(&in));
    assert_int_equal(pbus_msgread_peek(&in), PBUS_MSG_NONE);
    assert_false(pbus_msgread_nil(&in));
    assert_false(in.bad);
    pbus_msgread_skip(&in);
    assert_true(in.bad);
}

static void s_check_bytes(size_t size)
{
    pbus_buf_t buf = {0};
    msgpack_packer out;
    char *bytes = malloc(size + 1);
    memset(bytes, 'b', size);
    pbus_msgwrite_init(&out, &buf);
    pbus_msgwrite_str(&out, (pbus_str_t){bytes, size});
    pbus_msgwrite_bin(&out, (pbus_str_t){bytes, size});
    pbus_msgwrite_str_or_nil(&out, (pbus_str_t){bytes, size});
    pbus_msgread_t in = pbus_msgread(buf.data, buf.size);
    pbus_str_t text = pbus_msgread_text(&in);
    assert_int_equal(text.size, size);
    assert_memory_equal(text.data, bytes, size);
    assert_int_equal(pbus_msgread_peek(&in), PBUS_MSG_BIN);
    assert_int_equal(pbus_msgread_bin(&in).size, size);
    if (size > 0)
        assert_int_equal(pbus_msgread_str(&in).size, size);
    else
        assert_true(pbus_msgread_nil(&in));
    assert_true(pbus_msgread_at_end(&in));
    free(bytes);
    pbus_buf_clear(&buf);
}

static void test_bytes(void **state)
{
    (void) state;
    static const size_t sizes[] = {0, 1, 31, 32, 255, 256, 65535, 65536};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        s_check_bytes(sizes[i]);
}

static void test_text(void **state)
{
    (void) state;
    pbus_msgread_t in = READ("\xa2\xc3\xa4\xa2\xc3z");
    assert_int_equal(pbus_msgread_text(&in).size, 2);
    assert_int_equal(pbus_msgread_text(&in).size, 0);
    assert_true(in.bad);
    in = READ("\xa1\x00");
    assert_int_equal(pbus_msgread_str(&in).size, 1);
    in = READ("\xa1\x00");
    pbus_msgread_text(&in);
    assert_true(in.bad);
    in = READ("\xc4\x01x"); /* a bin is no str, and the other way round */
    pbus_msgread_str(&in);
    assert_true(in.bad);
    in = READ("\xa1x");
    pbus_msgread_bin(&in);
    assert_true(in.bad);
}

static void test_uuid_bool_nil(void **state)
{
    (void) state;
    pbus_uuid_t uuid = {{1, 2, 3}};
    pbus_buf_t buf = {0};
    msgpack_packer out;
    pbus_msgwrite_init(&out, &buf);
    pbus_msgwrite_uuid(&out, &uuid);
    pbus_msgwrite_bool(&out, true);
    pbus_msgwrite_bool(&out, false);
    msgpack_pack_nil(&out);
    pbus_msgread_t in = pbus_msgread(buf.data, buf.size);
    pbus_uuid_t back = pbus_msgread_uuid(&in);
    assert_memory_equal(back.bytes, uuid.bytes, 16);
    assert_false(pbus_msgread_nil(&in));
    assert_true(pbus_msgread_bool(&in));
    assert_false(pbus_msgread_bool(&in));
    assert_true(pbus_msgread_nil(&in));
    assert_true(pbus_msgread_at_end(&in));
    in = READ("\xc4\x0f"
              "0123456789abcde");
    pbus_msgread_uuid(&in);
    assert_true(in.bad);
    in = READ("\x01");
    assert_false(pbus_msgread_bool(&in));
    assert_true(in.bad);
    pbus_buf_clear(&buf);
}

static void test_counts(void **state)
{
    (void) state;
    pbus_msgread_t in = READ("\x92\x01\x02");
    assert_int_equal(pbus_msgread_array(&in), 2);
    in = READ("\xdc\x00\x02\x01\x02");
    assert_int_equal(pbus_msgread_array(&in), 2);
    in = READ("\xdd\x00\x00\x00\x02\x01\x02");
    assert_int_equal(pbus_msgread_array(&in), 2);
    in = READ("\x92\x01");
    assert_int_equal(pbus_msgread_array(&in), 0);
    assert_true(in.bad);
    in = READ("\xdd\xff\xff\xff\xff");
    assert_int_equal(pbus_msgread_array(&in), 0);
    assert_true(in.bad);
    in = READ("\x92\x01\x02");
    assert_true(pbus_msgread_array_of(&in, 2));
    in = READ("\x92\x01\x02");
    assert_false(pbus_msgread_array_of(&in, 3));
    assert_true(in.bad);
    in = READ("\x82\x01\x02\x03\x04"); /* a map is no array */
    assert_false(pbus_msgread_array_of(&in, 2));
}

static void test_skip(void **state)
{
    (void) state;
    /* One value of each type, each followed by the marker 7. */
    pbus_msgread_t in =
        READ("\xc0\x07\xc2\x07\x01\x07\xff\x07\xcd\x00\x01\x07\xd3\x00\x00\x00\x00\x00\x00\x00\x01"
             "\x07\xca\x00\x00\x00\x00\x07\xcb\x00\x00\x00\x00\x00\x00\x00\x00\x07\xa1x\x07"
             "\xd9\x01x\x07\xc4\x02xy\x07\x92\x91\xc0\x90\x07\x82\x01\xa1x\x02\x80\x07"
             "\xd4\x01x\x07\xd8\x01"
             "0123456789abcdef\x07\xc7\x03\x01xyz\x07\xc7\x00\x01\x07");
    for (int i = 0; i < 17; i++) {
        pbus_msgread_skip(&in);
        assert_int_equal(pbus_msgread_int(&in), 7);
    }
    assert_true(pbus_msgread_at_end(&in));
}

static void test_skip_bad(void **state)
{
    (void) state;
    static const pbus_str_t bad[] = {
        {"\xc1", 1},
        {"\x92\x01", 2},
        {"\x82\x01\x02", 3},
        {"\xdf\xff\xff\xff\xff\x01", 6},
        {"\xa2x", 2},
        {"\xc6\xff\xff\xff\xffx", 6},
        {"\xc9\xff\xff\xff\xff\x01", 6},
        {"\xd4\x01", 2},
        {"\xcd\x01", 2},
        {"\x91\xc1", 2},
        {"\xdd\xff\xff\xff\xff", 5},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        pbus_msgread_t in = pbus_msgread(bad[i].data, bad[i].size);
        pbus_msgread_skip(&in);
        if (!in.bad)
            fail_msg("bad value %zu is skipped", i);
    }
}

static void test_skip_deep(void **state)
{
    (void) state;
    enum { DEPTH = 1000000 };
    char *nested = malloc(DEPTH + 1);
    memset(nested, '\x91', DEPTH);
    nested[DEPTH] = '\xc0';
    pbus_msgread_t in = pbus_msgread(nested, DEPTH + 1);
    pbus_msgread_skip(&in);
    assert_true(pbus_msgread_at_end(&in));
    in = pbus_msgread(nested, DEPTH);
    pbus_msgread_skip(&in);
    assert_true(in.bad);
    free(nested);
}

static void test_write_too_large(void **state)
{
    (void) state;
    pbus_buf_t buf = {0};
    msgpack_packer out;
    pbus_msgwrite_init(&out, &buf);
    pbus_msgwrite_bin(&out, (pbus_str_t){"", (size_t) UINT32_MAX + 1}); /* is not read */
    assert_true(buf.failed);
    pbus_buf_clear(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ints),
        cmocka_unit_test(test_int_encodings),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_int_ranges),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_bad_sticks),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_uuid_bool_nil),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_skip),
        cmocka_unit_test(test_skip_bad),
        cmocka_unit_test(test_skip_deep),
        cmocka_unit_test(test_write_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
