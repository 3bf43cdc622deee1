/*
 * Common: bodies of the common routes, redaction, and secrets on disk.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "common.h"
#include "ids.h"

static void s_expect(pbus_buf_t *out, const char *text)
{
    char *expected = strdup(text);
    for (char *p = expected; *p; p++)
        if (*p == '\'')
            *p = '"';
    pbus_buf_append(out, "", 1);
    assert_false(out->failed);
    assert_string_equal((char *) out->data, expected);
    free(expected);
    pbus_buf_clear(out);
}

static void s_test_ping(void **state)
{
    (void) state;
    pbus_buf_t out = {0};
    common_ping(&out, INT64_C(1762245999) * 1000000000);
    s_expect(&out,
             "{'apiVersion':'v3','timestamp':'Tue Nov  4 08:46:39 UTC 2025','serviceName':'core-data'}");
}

static const pbus_option_t one[] = {
    {"Zone.Name", PBUS_OPTION_STRING, "a\"b", 0, 0, ""},
    {"Zone.Deep.Er.Flag", PBUS_OPTION_BOOL, "true", 0, 0, ""},
    {"Zone.Deep.Wait", PBUS_OPTION_DURATION, "90m", 0, 0, ""},
    {"Zone.Deep.None", PBUS_OPTION_DURATION, "0s", 0, 0, ""},
    {"Zone.Deep.Odd", PBUS_OPTION_DURATION, "1h0m1s5ms", 0, 0, ""},
    {"Alone", PBUS_OPTION_INT, "-5", 0, 0, ""},
    {NULL, PBUS_OPTION_STRING, NULL, 0, 0, NULL},
};

static const pbus_option_t other[] = {
    {"Store.Password", PBUS_OPTION_STRING, "hunter2", 0, 0, ""},
    {"Store.AuthToken", PBUS_OPTION_STRING, "", 0, 0, ""},
    {"Store.Url", PBUS_OPTION_STRING, "redis://user:hunter2@host:1/0", 0, 0, ""},
    {"Store.Plain", PBUS_OPTION_STRING, "tcp://host:1/a@b", 0, 0, ""},
    {"Store.Items", PBUS_OPTION_LIST, "a,b", 0, 0, ""},
    {NULL, PBUS_OPTION_STRING, NULL, 0, 0, NULL},
};

static void s_test_config(void **state)
{
    (void) state;
    const pbus_option_t *const tables[] = {one, other};
    pbus_config_t *config = pbus_config_new(tables, 2, NULL);
    pbus_buf_t out = {0};
    assert_non_null(config);
    common_config_json(&out, config, tables, 2);
    s_expect(&out, "{'Alone':-5,'Store':{'AuthToken':'','Items':['a','b'],'Password':'[redacted]','Plain':"
                   "'tcp://host:1/a@b','Url':'redis://[redacted]@host:1/"
                   "0'},'Zone':{'Deep':{'Er':{'Flag':true},"
                   "'None':'0s','Odd':'1h1s5ms','Wait':'1h30m'},'Name':'a\\\"b'}}");
    pbus_config_destroy(&config);
}

static void s_test_ids(void **state)
{
    (void) state;
    enum { COUNT = 10000 };
    static char texts[COUNT][PBUS_UUID_TEXT];
    ids_t ids;
    assert_true(ids_init(&ids));
    for (size_t i = 0; i < COUNT; i++) {
        ids_next(&ids, texts[i]);
        assert_int_equal(texts[i][14], '4');
        assert_non_null(strchr("89ab", texts[i][19]));
    }
    qsort(texts, COUNT, sizeof *texts, (int (*)(const void *, const void *)) strcmp);
    for (size_t i = 1; i < COUNT; i++)
        assert_string_not_equal(texts[i - 1], texts[i]);
}

/* ---- secrets ---------------------------------------------------------------------------------------- */

typedef struct {
    char folder[32];
    char path[64];
    secrets_t *secrets;
} fixture_t;

static int s_setup(void **state)
{
    fixture_t *self = calloc(1, sizeof *self);
    strcpy(self->folder, "/tmp/test_common.XXXXXX");
    if (!mkdtemp(self->folder))
        return -1;
    snprintf(self->path, sizeof self->path, "%s/sub/secrets.json", self->folder);
    self->secrets = secrets_new(self->path);
    *state = self;
    return 0;
}

static int s_teardown(void **state)
{
    fixture_t *self = *state;
    char sub[64];
    snprintf(sub, sizeof sub, "%s/sub", self->folder);
    unlink(self->path);
    rmdir(sub);
    rmdir(self->folder);
    secrets_destroy(&self->secrets);
    free(self);
    return 0;
}

static pbus_status_t s_put(fixture_t *self, const char *text, pbus_error_t *error)
{
    char *body = strdup(text);
    pbus_buf_t room = {0};
    pbus_str_t id;
    for (char *p = body; *p; p++)
        if (*p == '\'')
            *p = '"';
    pbus_status_t status = secrets_put(self->secrets, pbus_str(body), &room, &id, error);
    assert_int_equal(id.size, status == PBUS_OK && strstr(text, "'requestId':'0a") ? PBUS_UUID_TEXT - 1 : 0);
    pbus_buf_clear(&room);
    free(body);
    return status;
}

static void s_expect_file(fixture_t *self, const char *expected)
{
    char text[512], packed[512];
    size_t used = 0;
    FILE *file = fopen(self->path, "r");
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof text, file);
    fclose(file);
    for (size_t i = 0; i < size; i++)
        if (text[i] != ' ' && text[i] != '\n')
            packed[used++] = text[i] == '"' ? '\'' : text[i];
    packed[used] = '\0';
    assert_string_equal(packed, expected);
}

static void s_test_secrets(void **state)
{
    fixture_t *self = *state;
    pbus_error_t error;
    struct stat about;
    assert_int_equal(
        s_put(self,
              "{'apiVersion':'v3','secretName':'db','secretData':[{'key':'u','value':'1'},{'key':'p',"
              "'value':'2'}]}",
              &error),
        PBUS_OK);
    s_expect_file(self, "{'db':{'u':'1','p':'2'}}");
    assert_int_equal(
        s_put(self,
              "{'apiVersion':'v3','requestId':'0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9','secretName':'x',"
              "'secretData':[{'key':'k','value':'v'}]}",
              &error),
        PBUS_OK);
    assert_int_equal(
        s_put(self, "{'apiVersion':'v3','secretName':'db','secretData':[{'key':'u','value':'3'}]}", &error),
        PBUS_OK);
    s_expect_file(self, "{'db':{'u':'3'},'x':{'k':'v'}}");
    assert_int_equal(stat(self->path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
}

static void s_test_bad_secrets(void **state)
{
    fixture_t *self = *state;
    pbus_error_t error;
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "{}",
        "{'apiVersion':'v3','secretName':'','secretData':[{'key':'k','value':'v'}]}",
        "{'apiVersion':'v3','secretName':' ','secretData':[{'key':'k','value':'v'}]}",
        "{'apiVersion':'','secretName':'n','secretData':[{'key':'k','value':'v'}]}",
        "{'secretName':'n','secretData':[{'key':'k','value':'v'}]}",
        "{'apiVersion':'v3','secretData':[{'key':'k','value':'v'}]}",
        "{'apiVersion':'v3','secretName':5,'secretData':[{'key':'k','value':'v'}]}",
        "{'apiVersion':'v3','secretName':'n'}",
        "{'apiVersion':'v3','secretName':'n','secretData':[]}",
        "{'apiVersion':'v3','secretName':'n','secretData':{}}",
        "{'apiVersion':'v3','secretName':'n','secretData':[5]}",
        "{'apiVersion':'v3','secretName':'n','secretData':[{'key':'k'}]}",
        "{'apiVersion':'v3','secretName':'n','secretData':[{'key':'','value':'v'}]}",
        "{'apiVersion':'v3','secretName':'n','secretData':[{'key':'k','value':''}]}",
        "{'apiVersion':'v3','requestId':'x','secretName':'n','secretData':[{'key':'k','value':'v'}]}",
        "{'apiVersion':'v3','requestId':5,'secretName':'n','secretData':[{'key':'k','value':'v'}]}",
        "{'apiVersion':'v3','requestId':{},'secretName':'n','secretData':[{'key':'k','value':'v'}]}",
        "{'apiVersion':'v3','requestId':[null,null],'secretName':'n','secretData':[{'key':'k','value':'v'}]}",
        "{'apiVersion':'v3','requestId':'0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9','secretName':'n'}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(s_put(self, bad[i], &error), PBUS_INVALID);
        assert_non_null(strstr(error.text, "JSON decode failed"));
    }
    assert_int_not_equal(access(self->path, F_OK), 0);
}

/* What cannot be read is not overwritten. */
static void s_test_foreign_file(void **state)
{
    fixture_t *self = *state;
    pbus_error_t error;
    static const char good[] = "{'apiVersion':'v3','secretName':'n','secretData':[{'key':'k','value':'v'}]}";
    assert_int_equal(s_put(self, good, &error), PBUS_OK);
    FILE *file = fopen(self->path, "w");
    fputs("not JSON", file);
    fclose(file);
    assert_int_equal(s_put(self, good, &error), PBUS_INTERNAL);
    assert_non_null(strstr(error.text, "(SecretStore.File) is not readable as JSON"));
    s_expect_file(self, "notJSON");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_test_ping),
        cmocka_unit_test(s_test_config),
        cmocka_unit_test(s_test_ids),
        cmocka_unit_test_setup_teardown(s_test_secrets, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(s_test_bad_secrets, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(s_test_foreign_file, s_setup, s_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
