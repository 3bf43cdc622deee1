/*
 * Event CBOR: items as JSON, most of them from appendix A of RFC 8949; malformed bytes; and that a request
 * which was written is read as the same.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "event_cbor.h"

static size_t s_bytes(const char *hex, char *out)
{
    size_t size = 0;
    for (; hex[0] && hex[1]; hex += 2) {
        unsigned byte;
        assert_int_equal(sscanf(hex, "%2x", &byte), 1);
        out[size++] = (char) byte;
    }
    return size;
}

typedef struct {
    const char *hex;
    const char *text; /* JSON with ' for ", or of a malformed item a part of the error */
} cbor_case_t;

static const cbor_case_t good[] = {
    {"00", "0"},
    {"01", "1"},
    {"17", "23"},
    {"1818", "24"},
    {"1903e8", "1000"},
    {"1a000f4240", "1000000"},
    {"1b000000e8d4a51000", "1000000000000"},
    {"1bffffffffffffffff", "18446744073709551615"},
    {"20", "-1"},
    {"3863", "-100"},
    {"3903e7", "-1000"},
    {"3a000f423f", "-1000000"},
    {"3b7fffffffffffffff", "-9223372036854775808"},
    {"f90000", "0.0"},
    {"f98000", "0.0"},
    {"f93c00", "1.0"},
    {"f93e00", "1.5"},
    {"f97bff", "65504.0"},
    {"f90001", "5.960464477539063e-8"},
    {"fa47c35000", "100000.0"},
    {"fa7f7fffff", "3.4028234663852886e+38"},
    {"fb3ff199999999999a", "1.1"},
    {"fb7e37e43c8800759c", "1e+300"},
    {"fbc010666666666666", "-4.1"},
    {"a16576616c7565f93c00", "{'value':1}"}, /* in a value as JSON's numbers are */
    {"a1656f72696769f93c00", "{'origi':1.0}"},
    {"f4", "false"},
    {"f5", "true"},
    {"f6", "null"},
    {"f7", "null"},
    {"60", "''"},
    {"6161", "'a'"},
    {"6449455446", "'IETF'"},
    {"62225c", "'\\'\\\\'"},
    {"62c3bc", "'\xC3\xBC'"},
    {"64f0908591", "'\xF0\x90\x85\x91'"},
    {"7f657374726561646d696e67ff", "'streaming'"},
    {"7fff", "''"},
    {"80", "[]"},
    {"83010203", "[1,2,3]"},
    {"8301820203820405", "[1,[2,3],[4,5]]"},
    {"9fff", "[]"},
    {"9f018202039f0405ffff", "[1,[2,3],[4,5]]"},
    {"9f01820203820405ff", "[1,[2,3],[4,5]]"},
    {"83018202039f0405ff", "[1,[2,3],[4,5]]"},
    {"a0", "{}"},
    {"a26161016162820203", "{'a':1,'b':[2,3]}"},
    {"826161a161626163", "['a',{'b':'c'}]"},
    {"bf61610161629f0203ffff", "{'a':1,'b':[2,3]}"},
    {"bf6346756ef563416d7421ff", "{'Fun':true,'Amt':-2}"},
    {"a17f61616162ff01", "{'ab':1}"},
    {"d9d9f701", "1"},
    {"a16b62696e61727956616c7565426869", "{'binaryValue':'aGk='}"},
    {"a16b62696e61727956616c75655f41684169ff", "{'binaryValue':'aGk='}"},
    {"a16474616773a16161426869", "{'tags':{'a':'aGk='}}"},
    {"a16b6f626a65637456616c75658142ffff", "{'objectValue':['//8=']}"},
    {"a16576616c7565f97e00", "{'value':'NaN'}"},
    {"a16576616c7565f97c00", "{'value':'Infinity'}"},
    {"a16576616c7565fbfff0000000000000", "{'value':'-Infinity'}"},
};

static const cbor_case_t bad[] = {
    {"", "it ends too early"},
    {"18", "it ends too early"},
    {"1b00000000000000", "it ends too early"},
    {"61", "it ends too early"},
    {"7bffffffffffffffff61", "it ends too early"},
    {"9bffffffffffffffff", "it ends too early"},
    {"bbffffffffffffffff", "a map is longer than the body"},
    {"bb8000000000000001", "a map is longer than the body"},
    {"8201", "it ends too early"},
    {"a161", "it ends too early"},
    {"a16161", "it ends too early"},
    {"9f01", "it ends too early"},
    {"7f6161", "it ends too early"},
    {"0000", "something follows"},
    {"a0a0", "something follows"},
    {"1c", "a byte that begins no item"},
    {"3f", "a byte that begins no item"},
    {"fc", "a byte that begins no item"},
    {"ff", "a break where nothing can end"},
    {"81ff", "a break where nothing can end"},
    {"bf6161ff", "a break where nothing can end"},
    {"a10102", "a key that is no text"},
    {"a1f602", "a key that is no text"},
    {"a1800102", "a key that is no text"},
    {"a1426869", "a key that is no text"},
    {"bf0102ff", "a key that is no text"},
    {"41ff", "byte string outside"},
    {"8141ff", "byte string outside"},
    {"a1616141ff", "byte string outside"},
    {"a16576616c756541ff", "byte string outside"},
    {"5f41ffff", "byte string outside"},
    {"7f4161ff", "holds something else"},
    {"7f01ff", "holds something else"},
    {"7f7fffff", "holds another"},
    {"61ff", "no UTF-8 text"},
    {"6100", "has a NUL"},
    {"63eda080", "no UTF-8 text"},
    {"7f61c3ff", "no UTF-8 text"},
    {"a1610001", "has a NUL"},
    {"3bffffffffffffffff", "below what 64 bits hold"},
    {"3b8000000000000000", "below what 64 bits hold"},
    {"f97e00", "a NaN or an infinity outside of value"},
    {"a16161fa7f800000", "a NaN or an infinity outside of value"},
    {"a16576616c756581f97e00", "a NaN or an infinity outside of value"},
    {"c11a514b67b0", "there is a tag"},
    {"c249010000000000000000", "there is a tag"},
    {"81d9d9f701", "there is a tag"},
};

static char *s_quoted(const char *text)
{
    char *copy = strdup(text);
    assert_non_null(copy);
    for (char *p = copy; *p; p++)
        if (*p == '\'')
            *p = '"';
    return copy;
}

static void s_test_good(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char bytes[256];
        size_t size = s_bytes(good[i].hex, bytes);
        char *expected = s_quoted(good[i].text);
        pbus_buf_t out = {0};
        pbus_error_t error;
        if (event_cbor_to_json((pbus_str_t){bytes, size}, &out, &error) != PBUS_OK)
            fail_msg("%s: %s", good[i].hex, error.text);
        pbus_buf_append(&out, "", 1);
        assert_string_equal((char *) out.data, expected);
        pbus_buf_clear(&out);
        free(expected);
    }
}

static void s_test_bad(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char bytes[256];
        size_t size = s_bytes(bad[i].hex, bytes);
        pbus_buf_t out = {0};
        pbus_error_t error;
        if (event_cbor_to_json((pbus_str_t){bytes, size}, &out, &error) != PBUS_INVALID)
            fail_msg("accepted: %s", bad[i].hex);
        if (!strstr(error.text, bad[i].text))
            fail_msg("%s: '%s' has no '%s'", bad[i].hex, error.text, bad[i].text);
        pbus_buf_clear(&out);
    }
}

static void s_test_depth(void **state)
{
    (void) state;
    static char bytes[1000];
    pbus_buf_t out = {0};
    memset(bytes, 0x81, sizeof bytes);
    bytes[72] = 0x01;
    assert_int_equal(event_cbor_to_json((pbus_str_t){bytes, 73}, &out, NULL), PBUS_OK);
    bytes[72] = (char) 0x81;
    assert_int_equal(event_cbor_to_json((pbus_str_t){bytes, sizeof bytes}, &out, NULL), PBUS_INVALID);
    memset(bytes, 0x9f, sizeof bytes);
    assert_int_equal(event_cbor_to_json((pbus_str_t){bytes, sizeof bytes}, &out, NULL), PBUS_INVALID);
    memset(bytes, 0x7f, sizeof bytes);
    assert_int_equal(event_cbor_to_json((pbus_str_t){bytes, sizeof bytes}, &out, NULL), PBUS_INVALID);
    pbus_buf_clear(&out);
}

/* JSON in, CBOR out, and in again. */
static void s_round_trip(bool optimized)
{
    char *json = s_quoted("{'apiVersion':'v3','requestId':'0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9','event':{'"
                          "apiVersion':'v3','id':'"
                          "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9','deviceName':'d','profileName':'p','"
                          "sourceName':'s','origin':-1,'tags':{"
                          "'a':[1,-2,0.5,18446744073709551615,true,null,{}]},'readings':[{'id':'"
                          "0a1b2c3d4e5f60718293a4b5c6d7e8f9','origin'"
                          ":9223372036854775807,'deviceName':'d','profileName':'p','resourceName':'r','"
                          "valueType':'int16','value':'007',"
                          "'units':'C','tags':{'x':'<'}},{'origin':-9223372036854775808,'deviceName':'d','"
                          "profileName':'p','resourceName':"
                          "'r','valueType':'Binary','binaryValue':'AAECAw==','mediaType':'m'},{'origin':1,'"
                          "deviceName':'d','profileName':'p'"
                          ",'resourceName':'r','valueType':'Object','objectValue':{'a':1e300}},{'origin':1,'"
                          "deviceName':'d','profileName':"
                          "'p','resourceName':'r','valueType':'Float32'}]}}");
    arena_t *arena = arena_new();
    posted_t posted;
    pbus_error_t error;
    pbus_buf_t first = {0}, cbor = {0}, again = {0}, second = {0}, body = {0};
    pbus_buf_puts(&body, json);
    pbus_buf_reserve(&body, EVENT_JSON_PADDING);
    assert_int_equal(event_json_read(&posted, (char *) body.data, body.size, optimized, arena, &error),
                     PBUS_OK);
    pbus_event_encode(&posted.event, &first);
    event_cbor_write(&cbor, &posted);
    assert_false(cbor.failed);
    if (event_cbor_to_json((pbus_str_t){(char *) cbor.data, cbor.size}, &again, &error) != PBUS_OK)
        fail_msg("%s", error.text);
    pbus_buf_reserve(&again, EVENT_JSON_PADDING);
    assert_int_equal(event_json_read(&posted, (char *) again.data, again.size, optimized, arena, &error),
                     PBUS_OK);
    pbus_event_encode(&posted.event, &second);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    for (size_t size = 0; size < cbor.size; size++) {
        pbus_buf_reset(&again);
        assert_int_equal(event_cbor_to_json((pbus_str_t){(char *) cbor.data, size}, &again, &error),
                         PBUS_INVALID);
    }
    pbus_buf_clear(&first);
    pbus_buf_clear(&cbor);
    pbus_buf_clear(&again);
    pbus_buf_clear(&second);
    pbus_buf_clear(&body);
    arena_destroy(&arena);
    free(json);
}

static void s_test_round_trip(void **state)
{
    (void) state;
    s_round_trip(false);
    s_round_trip(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_test_good),
        cmocka_unit_test(s_test_bad),
        cmocka_unit_test(s_test_depth),
        cmocka_unit_test(s_test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
