/* Which JSON survives jsonb, and what is made of the server's text. The server's own part is in
 * test_pg_store. */
#include "pg_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void s_examine(const char *text, pg_json_kind_t kind, const char *jsonb)
{
    pbus_buf_t out = {0};
    assert_int_equal(pg_json_examine(pbus_str(text), &out), kind);
    assert_int_equal(out.size, strlen(jsonb));
    if (out.size)
        assert_memory_equal(out.data, jsonb, out.size);
    pbus_buf_clear(&out);
}

static void s_same(const char *text)
{
    s_examine(text, PG_JSON_SAME, text);
}

static void test_same(void **state)
{
    (void) state;
    s_same("{}");
    s_same("[]");
    s_same("null");
    s_same("\"x\"");
    s_same("-17");
    s_same("0");
    s_same("0.0");
    s_same("1.50");
    s_same("123456789012345678901234567890.5");
    s_same("{\"B\":1,\"a\":[true,false,null,{}],\"aa\":\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\",\"\xc3\xa4\":{"
           "\"x\":-0.5}}");
    s_same("\"\x7f/\xf0\x9f\x98\x80\"");
}

static void test_differs(void **state)
{
    (void) state;
    s_examine("1e-9", PG_JSON_DIFFERS, "1e-9");
    s_examine("1E+21", PG_JSON_DIFFERS, "1E+21");
    s_examine("-0", PG_JSON_DIFFERS, "-0");
    s_examine("[-0.00]", PG_JSON_DIFFERS, "[-0.00]");
    s_examine("{\"b\":1,\"a\":2}", PG_JSON_DIFFERS, "{\"a\":2,\"b\":1}");
    s_examine("{\"a\":1,\"a\":1}", PG_JSON_DIFFERS, "{\"a\":1,\"a\":1}");
    s_examine("[1, 2]", PG_JSON_DIFFERS, "[1,2]");
    s_examine("\"\\u00e4\\/\"", PG_JSON_DIFFERS, "\"\xc3\xa4/\"");
}

static void test_foreign(void **state)
{
    (void) state;
    s_examine("", PG_JSON_FOREIGN, "");
    s_examine("{", PG_JSON_FOREIGN, "");
    s_examine("nan", PG_JSON_FOREIGN, "");
    s_examine("[\"\\u0000\"]", PG_JSON_FOREIGN, "");
    s_examine("{\"\\u0000\":1}", PG_JSON_FOREIGN, "");
    s_examine("1e99999", PG_JSON_FOREIGN, "");
    s_examine("\"\\ud800\"", PG_JSON_FOREIGN, "");
}

/* Far more levels than anyone needs must cost neither our stack nor the server's. */
static void test_depth(void **state)
{
    (void) state;
    enum { DEPTH = 100000 };
    char *text = malloc(2 * DEPTH);
    assert_non_null(text);
    memset(text, '[', DEPTH);
    memset(text + DEPTH, ']', DEPTH);
    pbus_buf_t out = {0};
    assert_int_equal(pg_json_examine((pbus_str_t){text, 2 * DEPTH}, &out), PG_JSON_FOREIGN);
    assert_int_equal(pg_json_examine((pbus_str_t){text + DEPTH - 150, 300}, &out), PG_JSON_SAME);
    free(text);
    pbus_buf_clear(&out);
}

static void test_restore(void **state)
{
    (void) state;
    pbus_buf_t out = {0};
    assert_true(pg_json_restore(PBUS_STR("{\"b\": 1, \"aa\": [1, 2.50, \"\\n\"], \"zzz\": {}}"), &out));
    pbus_str_t text = {(const char *) out.data, out.size};
    assert_true(pbus_str_eq(text, PBUS_STR("{\"aa\":[1,2.50,\"\\n\"],\"b\":1,\"zzz\":{}}")));
    assert_false(pg_json_restore(PBUS_STR("{\"b\": "), &out));
    pbus_buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same),  cmocka_unit_test(test_differs), cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_depth), cmocka_unit_test(test_restore),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
