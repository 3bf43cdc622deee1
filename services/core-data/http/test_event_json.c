/*
 * Event JSON: requests that are taken, with the normal form they get, and those that are refused, with the
 * text that says why. The tables write ' for " to stay readable. A case overrides one field of a good request
 * by repeating its key: the last duplicate wins, null counts as absent.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "event_json.h"

#define ID "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
#define READING                                                                                              \
    "'origin':7,'deviceName':'d','profileName':'p','resourceName':'r','valueType':'Uint8','value':'5'"
#define EVENT "'apiVersion':'v3','id':'" ID "','deviceName':'d','profileName':'p','sourceName':'s','origin':7"

typedef enum { WHOLE, REQUEST, IN_EVENT, IN_READING } place_t;

typedef struct {
    arena_t *arena;
    posted_t posted;
    pbus_error_t error;
    char *body;
    bool optimized;
} fixture_t;

static int s_setup(void **state)
{
    fixture_t *self = calloc(1, sizeof *self);
    self->arena = arena_new();
    *state = self;
    return self->arena ? 0 : -1;
}

static int s_teardown(void **state)
{
    fixture_t *self = *state;
    arena_destroy(&self->arena);
    free(self->body);
    free(self);
    return 0;
}

static char *s_build(place_t place, const char *text)
{
    char *body = NULL;
    int size;
    switch (place) {
    case REQUEST:
        size = asprintf(&body, "{'apiVersion':'v3','event':{" EVENT ",'readings':[{" READING "}]},%s}", text);
        break;
    case IN_EVENT:
        size = asprintf(&body, "{'apiVersion':'v3','event':{" EVENT ",'readings':[{" READING "}],%s}}", text);
        break;
    case IN_READING:
        size = asprintf(&body, "{'apiVersion':'v3','event':{" EVENT ",'readings':[{" READING ",%s}]}}", text);
        break;
    default:
        size = asprintf(&body, "%s", text);
    }
    assert_true(size >= 0);
    for (char *p = body; *p; p++)
        if (*p == '\'')
            *p = '"';
    return body;
}

static pbus_status_t s_read_bytes(fixture_t *self, const char *data, size_t size)
{
    free(self->body);
    self->body = malloc(size + EVENT_JSON_PADDING);
    assert_non_null(self->body);
    memcpy(self->body, data, size);
    arena_reset(self->arena);
    memset(&self->error, 0, sizeof self->error);
    return event_json_read(&self->posted, self->body, size, self->optimized, self->arena, &self->error);
}

static pbus_status_t s_read(fixture_t *self, place_t place, const char *text)
{
    char *body = s_build(place, text);
    pbus_status_t status = s_read_bytes(self, body, strlen(body));
    free(body);
    return status;
}

#define assert_text(view, text)                                                                              \
    do {                                                                                                     \
        assert_int_equal((view).size, strlen(text));                                                         \
        assert_memory_equal((view).data, text, strlen(text));                                                \
    } while (0)

/* ---- refused ---------------------------------------------------------------------------------------- */

typedef struct {
    place_t place;
    const char *text;
    const char *error; /* occurs in the text */
} bad_case_t;

static const bad_case_t bad_cases[] = {
    {WHOLE, "", "the body is empty"},
    {WHOLE, " ", "is no JSON"},
    {WHOLE, "{", "is no JSON"},
    {WHOLE, "}", "is no JSON"},
    {WHOLE, "{'apiVersion'", "is no JSON"},
    {WHOLE, "{'apiVersion':}", "is no JSON"},
    {WHOLE, "{'apiVersion':'v3',}", "is no JSON"},
    {WHOLE, "{apiVersion:'v3'}", "is no JSON"},
    {WHOLE, "// no comment\n{}", "is no JSON"},
    {WHOLE, "nul", "is no JSON"},
    {WHOLE, "<event/>", "is no JSON"},
    {WHOLE, "null", "should be a JSON object"},
    {WHOLE, "[]", "should be a JSON object"},
    {WHOLE, "'text'", "should be a JSON object"},
    {WHOLE, "17", "should be a JSON object"},
    {WHOLE, "{}", "BaseRequest.Versionable.ApiVersion field is required"},
    {WHOLE, "{'apiVersion':'v3'}", "AddEventRequest.Event field is required"},
    {REQUEST, "'apiVersion':null", "BaseRequest.Versionable.ApiVersion field is required"},
    {REQUEST, "'apiVersion':''", "BaseRequest.Versionable.ApiVersion field should not be empty"},
    {REQUEST, "'apiVersion':3", "BaseRequest.Versionable.ApiVersion field should be a string"},
    {REQUEST, "'requestId':'x'", "BaseRequest.RequestId field needs a uuid in lower case, not 'x'"},
    {REQUEST, "'requestId':'0A1B2C3D-4e5f-6071-8293-a4b5c6d7e8f9'", "BaseRequest.RequestId field needs"},
    {REQUEST, "'requestId':5", "BaseRequest.RequestId field should be a string"},
    {REQUEST, "'requestId':['" ID "']", "BaseRequest.RequestId field should be a string"},
    {REQUEST, "'event':null", "AddEventRequest.Event field is required"},
    {REQUEST, "'event':[]", "AddEventRequest.Event field should be an object"},
    {REQUEST, "'event':'text'", "AddEventRequest.Event field should be an object"},
    {REQUEST, "'event':{}", "Event.Versionable.ApiVersion field is required"},
    {IN_EVENT, "'apiVersion':null", "Event.Versionable.ApiVersion field is required"},
    {IN_EVENT, "'apiVersion':''", "Event.Versionable.ApiVersion field should not be empty"},
    {IN_EVENT, "'apiVersion':true", "Event.Versionable.ApiVersion field should be a string"},
    {IN_EVENT, "'id':null", "Event.Id field is required"},
    {IN_EVENT, "'id':''", "Event.Id field should not be empty"},
    {IN_EVENT, "'id':1", "Event.Id field should be a string"},
    {IN_EVENT, "'id':'x'", "Event.Id field needs a uuid in lower case, not 'x'"},
    {IN_EVENT, "'id':'0A1B2C3D-4E5F-6071-8293-A4B5C6D7E8F9'", "Event.Id field needs a uuid"},
    {IN_EVENT, "'id':'0a1b2c3d4e5f60718293a4b5c6d7e8f9'", "Event.Id field needs a uuid"},
    {IN_EVENT, "'id':'{" ID "}'", "Event.Id field needs a uuid"},
    {IN_EVENT, "'id':'urn:uuid:" ID "'", "Event.Id field needs a uuid"},
    {IN_EVENT, "'id':'" ID "0'", "Event.Id field needs a uuid"},
    {IN_EVENT, "'id':'0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8g9'", "Event.Id field needs a uuid"},
    {IN_EVENT, "'id':'0a1b2c3d-4e5f-60718-293-a4b5c6d7e8f9'", "Event.Id field needs a uuid"},
    {IN_EVENT, "'deviceName':null", "Event.DeviceName field is required"},
    {IN_EVENT, "'deviceName':''", "Event.DeviceName field should not be empty string"},
    {IN_EVENT, "'deviceName':' \\t\\n'", "Event.DeviceName field should not be empty string"},
    {IN_EVENT, "'deviceName':'\\u00a0\\u3000'", "Event.DeviceName field should not be empty string"},
    {IN_EVENT, "'deviceName':{}", "Event.DeviceName field should be a string"},
    {IN_EVENT, "'deviceName':'a\\u0000b'", "Event.DeviceName field should not have a NUL"},
    {IN_EVENT, "'profileName':null", "Event.ProfileName field is required"},
    {IN_EVENT, "'profileName':' '", "Event.ProfileName field should not be empty string"},
    {IN_EVENT, "'profileName':false", "Event.ProfileName field should be a string"},
    {IN_EVENT, "'sourceName':null", "Event.SourceName field is required"},
    {IN_EVENT, "'sourceName':' '", "Event.SourceName field should not be empty string"},
    {IN_EVENT, "'sourceName':[1]", "Event.SourceName field should be a string"},
    {IN_EVENT, "'origin':null", "Event.Origin field is required"},
    {IN_EVENT, "'origin':0", "Event.Origin field should not be 0"},
    {IN_EVENT, "'origin':-0", "Event.Origin field should not be 0"},
    {IN_EVENT, "'origin':'7'", "Event.Origin field should be an integer"},
    {IN_EVENT, "'origin':1.0", "Event.Origin field should be an integer"},
    {IN_EVENT, "'origin':1.5", "Event.Origin field should be an integer"},
    {IN_EVENT, "'origin':1e3", "Event.Origin field should be an integer"},
    {IN_EVENT, "'origin':true", "Event.Origin field should be an integer"},
    {IN_EVENT, "'origin':9223372036854775808", "Event.Origin field should be an integer"},
    {IN_EVENT, "'origin':-9223372036854775809", "Event.Origin field should be an integer"},
    {IN_EVENT, "'origin':01", "is no JSON"},
    {IN_EVENT, "'origin':+1", "is no JSON"},
    {IN_EVENT, "'origin':0x10", "is no JSON"},
    {IN_EVENT, "'origin':NaN", "is no JSON"},
    {IN_EVENT, "'readings':null", "Event.Readings field is required"},
    {IN_EVENT, "'readings':[]", "Event.Readings field should greater than 0"},
    {IN_EVENT, "'readings':{}", "Event.Readings field should be an array"},
    {IN_EVENT, "'readings':'[]'", "Event.Readings field should be an array"},
    {IN_EVENT, "'readings':[null]", "Event.Readings[0] should be an object"},
    {IN_EVENT, "'readings':[{" READING "},5]", "Event.Readings[1] should be an object"},
    {IN_EVENT, "'readings':[{" READING "},{" READING ",'origin':0}]",
     "Event.Readings[1].Origin field should not"},
    {IN_EVENT, "'tags':5", "Event.Tags field should be an object"},
    {IN_EVENT, "'tags':[]", "Event.Tags field should be an object"},
    {IN_EVENT, "'tags':'a'", "Event.Tags field should be an object"},
    {IN_EVENT, "'tags':{'a':'\\u0000'}", "Event.Tags field has a NUL"},
    {IN_EVENT, "'tags':{'\\u0000':1}", "Event.Tags field has a NUL"},
    {IN_EVENT, "'tags':{'a':1e400}", "Event.Tags field has a number beyond"},
    {IN_READING, "'id':'x'", "Event.Readings[0].Id field needs a uuid, not 'x'"},
    {IN_READING, "'id':5", "Event.Readings[0].Id field should be a string"},
    {IN_READING, "'origin':null", "Event.Readings[0].Origin field is required"},
    {IN_READING, "'origin':0", "Event.Readings[0].Origin field should not be 0"},
    {IN_READING, "'origin':'1'", "Event.Readings[0].Origin field should be an integer"},
    {IN_READING, "'origin':0.5", "Event.Readings[0].Origin field should be an integer"},
    {IN_READING, "'deviceName':null", "Event.Readings[0].DeviceName field is required"},
    {IN_READING, "'deviceName':' '", "Event.Readings[0].DeviceName field should not be empty"},
    {IN_READING, "'deviceName':1", "Event.Readings[0].DeviceName field should be a string"},
    {IN_READING, "'profileName':null", "Event.Readings[0].ProfileName field is required"},
    {IN_READING, "'profileName':''", "Event.Readings[0].ProfileName field should not be empty"},
    {IN_READING, "'profileName':{}", "Event.Readings[0].ProfileName field should be a string"},
    {IN_READING, "'resourceName':null", "Event.Readings[0].ResourceName field is required"},
    {IN_READING, "'resourceName':'\\u2003'", "Event.Readings[0].ResourceName field should not be empty"},
    {IN_READING, "'resourceName':[]", "Event.Readings[0].ResourceName field should be a string"},
    {IN_READING, "'valueType':null", "Event.Readings[0].ValueType field is required"},
    {IN_READING, "'valueType':''", "Event.Readings[0].ValueType field should not be empty"},
    {IN_READING, "'valueType':'Int7'", "one of the EdgeX value types, not 'Int7'"},
    {IN_READING, "'valueType':'Uint8 '", "one of the EdgeX value types, not 'Uint8 '"},
    {IN_READING, "'valueType':8", "Event.Readings[0].ValueType field should be a string"},
    {IN_READING, "'units':5", "Event.Readings[0].Units field should be a string"},
    {IN_READING, "'units':'\\u0000'", "Event.Readings[0].Units field should not have a NUL"},
    {IN_READING, "'tags':[1]", "Event.Readings[0].Tags field should be an object"},
    {IN_READING, "'mediaType':5", "Event.Readings[0].BinaryReading.MediaType field should be a string"},
    {IN_READING, "'value':''", "does not match the Uint8 valueType: ''"},
    {IN_READING, "'value':'256'",
     "does not match the Uint8 valueType: '256' in AddEventRequest.Event.Readings[0]"},
    {IN_READING, "'value':256", "does not match the Uint8 valueType: '256'"},
    {IN_READING, "'value':-1", "does not match the Uint8 valueType: '-1'"},
    {IN_READING, "'value':1.5", "does not match the Uint8 valueType: '1.5'"},
    {IN_READING, "'value':[5]", "does not match the Uint8 valueType: '[5]'"},
    {IN_READING, "'value':{}", "does not match the Uint8 valueType: '{}'"},
    {IN_READING, "'value':true", "does not match the Uint8 valueType: 'true'"},
    {IN_READING, "'value':'5\\u0000'", "SimpleReading.Value field should not have a NUL"},
    {IN_READING, "'valueType':'uint8','value':'300'", "does not match the uint8 valueType: '300'"},
    {IN_READING, "'valueType':'Bool','value':'yes'", "does not match the Bool valueType"},
    {IN_READING, "'valueType':'Bool','value':2", "does not match the Bool valueType"},
    {IN_READING, "'valueType':'Int8','value':'128'", "does not match the Int8 valueType"},
    {IN_READING, "'valueType':'Int16','value':'-32769'", "does not match the Int16 valueType"},
    {IN_READING, "'valueType':'Float32','value':'1e39'", "does not match the Float32 valueType"},
    {IN_READING, "'valueType':'Float64','value':'Inf'", "does not match the Float64 valueType"},
    {IN_READING, "'valueType':'Uint8Array','value':''", "does not match the Uint8Array valueType"},
    {IN_READING, "'valueType':'Uint8Array','value':'['", "does not match the Uint8Array valueType"},
    {IN_READING, "'valueType':'StringArray','value':'x'", "does not match the StringArray valueType"},
    {IN_READING, "'valueType':'BoolArray','value':'[1,2]'", "does not match the BoolArray valueType"},
    {IN_READING, "'valueType':'Binary','binaryValue':'aGk='", "MediaType field is required with BinaryValue"},
    {IN_READING, "'valueType':'Binary','binaryValue':''", "MediaType field is required with BinaryValue"},
    {IN_READING, "'valueType':'Binary','mediaType':'m','binaryValue':'aGk'",
     "BinaryValue field should be base64"},
    {IN_READING, "'valueType':'Binary','mediaType':'m','binaryValue':'aG=='k", "is no JSON"},
    {IN_READING, "'valueType':'Binary','mediaType':'m','binaryValue':'aGk-'",
     "BinaryValue field should be base64"},
    {IN_READING, "'valueType':'Binary','mediaType':'m','binaryValue':'a==='",
     "BinaryValue field should be base64"},
    {IN_READING, "'valueType':'Binary','mediaType':'m','binaryValue':'===='",
     "BinaryValue field should be base64"},
    {IN_READING, "'valueType':'Binary','mediaType':'m','binaryValue':'aGk=aGk='", "field should be base64"},
    {IN_READING, "'valueType':'Object','objectValue':{'a':'\\u0000'}", "ObjectValue field has a NUL"},
    {IN_READING, "'valueType':'Object','objectValue':[-1e999]", "ObjectValue field has a number beyond"},
};

static void s_test_bad(void **state)
{
    fixture_t *self = *state;
    for (size_t i = 0; i < sizeof bad_cases / sizeof *bad_cases; i++) {
        const bad_case_t *it = &bad_cases[i];
        if (s_read(self, it->place, it->text) != PBUS_INVALID)
            fail_msg("accepted: %s", it->text);
        if (self->error.status != PBUS_INVALID || !strstr(self->error.text, it->error))
            fail_msg("%s: '%s' has no '%s'", it->text, self->error.text, it->error);
    }
}

/* Bytes that no C string with ' for " can hold. */
static void s_test_bad_bytes(void **state)
{
    fixture_t *self = *state;
    static const char *const bad[] = {
        "\xFF",         "\xC3",    "\xC0\x80",         "\xED\xA0\x80", "\xF5\x80\x80\x80",
        "\xE2\x28\xA1", "\\ud800", "\\udc00x",         "\\u12",        "\\x41",
        "\x01",         "\n",      "\xF0\x82\x82\xAC", "\xC3\x28",     "\\ud800\\u0041",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[64];
        snprintf(text, sizeof text, "'deviceName':'a%sb'", bad[i]);
        assert_int_equal(s_read(self, IN_EVENT, text), PBUS_INVALID);
    }
    assert_int_equal(s_read_bytes(self, "\0", 1), PBUS_INVALID);
    assert_int_equal(s_read_bytes(self, "{\"a\":\"\0\"}", 9), PBUS_INVALID);
    assert_int_equal(s_read_bytes(self, "\xEF\xBB\xBF{}", 5), PBUS_INVALID);
}

/* Every beginning of a good request is refused. */
static void s_test_truncated(void **state)
{
    fixture_t *self = *state;
    char *body = s_build(IN_READING, "'tags':{'a':[1,{'b':null}]},'units':'\\u00e9'");
    for (size_t size = 0; size < strlen(body); size++)
        assert_int_equal(s_read_bytes(self, body, size), PBUS_INVALID);
    assert_int_equal(s_read_bytes(self, body, strlen(body)), PBUS_OK);
    free(body);
}

static pbus_status_t s_read_nested(fixture_t *self, const char *field, char open, size_t depth)
{
    char *text = malloc(2 * depth + 64);
    assert_non_null(text);
    size_t size = (size_t) sprintf(text, "%s", field);
    memset(text + size, open, depth);
    size += depth;
    memset(text + size, ']', depth);
    strcpy(text + size + depth, strchr(field, '{') ? "}" : "");
    pbus_status_t status = s_read(self, IN_READING, text);
    free(text);
    return status;
}

static void s_test_nesting(void **state)
{
    fixture_t *self = *state;
    assert_int_equal(s_read_nested(self, "'valueType':'Object','objectValue':", '[', 64), PBUS_OK);
    assert_int_equal(s_read_nested(self, "'valueType':'Object','objectValue':", '[', 65), PBUS_INVALID);
    assert_non_null(strstr(self->error.text, "nested too deep"));
    assert_int_equal(s_read_nested(self, "'tags':{'a':", '[', 63), PBUS_OK);
    assert_int_equal(s_read_nested(self, "'tags':{'a':", '[', 64), PBUS_INVALID);
    assert_int_equal(s_read_nested(self, "'unknown':", '[', 200000), PBUS_OK);
    assert_int_equal(s_read_nested(self, "'value':", '[', 200000), PBUS_INVALID);
}

/* ---- taken ------------------------------------------------------------------------------------------ */

static void s_test_plain(void **state)
{
    fixture_t *self = *state;
    assert_int_equal(s_read(self, REQUEST, "'REQUESTID':'" ID "'"), PBUS_OK);
    const pbus_event_t *event = &self->posted.event;
    char id[PBUS_UUID_TEXT];
    pbus_uuid_format(&event->id, id);
    assert_string_equal(id, ID);
    assert_text(self->posted.request_id, ID);
    assert_text(self->posted.api_version, "v3");
    assert_int_equal(event->origin, 7);
    assert_text(event->device, "d");
    assert_text(event->profile, "p");
    assert_text(event->source, "s");
    assert_int_equal(event->tags.size, 0);
    assert_int_equal(event->reading_count, 1);
    const pbus_reading_t *reading = event->readings;
    assert_int_equal(reading->origin, 7);
    assert_text(reading->resource, "r");
    assert_int_equal(reading->type, PBUS_UINT8);
    assert_false(reading->is_null);
    assert_text(reading->value, "5");
    assert_int_equal(reading->units.size + reading->tags.size + reading->media_type.size, 0);
}

typedef struct {
    const char *text; /* in the reading */
    pbus_type_t type;
    const char *value; /* canonical; NULL: a null reading */
    const char *sent;
} good_case_t;

static const good_case_t good_cases[] = {
    {"'value':'007'", PBUS_UINT8, "7", "007"},
    {"'value':7", PBUS_UINT8, "7", "7"},
    {"'valueType':'uINT8'", PBUS_UINT8, "5", "5"},
    {"'valueType':'Int32','value':1000000", PBUS_INT32, "1000000", "1000000"},
    {"'valueType':'Int32','value':1e6", PBUS_INT32, "1000000", "1000000"},
    {"'valueType':'Uint64','value':18446744073709551615", PBUS_UINT64, "18446744073709551615",
     "18446744073709551615"},
    {"'valueType':'Int64','value':-9223372036854775808", PBUS_INT64, "-9223372036854775808",
     "-9223372036854775808"},
    {"'valueType':'Float32','value':1.50", PBUS_FLOAT32, "1.5e+00", "1.5"},
    {"'valueType':'Float64','value':'-Infinity'", PBUS_FLOAT64, "-Inf", "-Infinity"},
    {"'valueType':'Bool','value':true", PBUS_BOOL, "true", "true"},
    {"'valueType':'Bool','value':1", PBUS_BOOL, "1", "1"},
    {"'valueType':'String','value':''", PBUS_STRING, "", ""},
    {"'valueType':'String','value':12.5", PBUS_STRING, "12.5", "12.5"},
    {"'valueType':'String','value':{'b':1,'a':2}", PBUS_STRING, "{'a':2,'b':1}", "{'a':2,'b':1}"},
    {"'valueType':'String','value':'\\ud83d\\ude00 \\/'", PBUS_STRING, "\xF0\x9F\x98\x80 /",
     "\xF0\x9F\x98\x80 /"},
    {"'valueType':'StringArray','value':['a b', 'c']", PBUS_STRING_ARRAY, "['a b','c']", "['a b','c']"},
    {"'valueType':'Int16Array','value':[1, -2]", PBUS_INT16_ARRAY, "[1,-2]", "[1,-2]"},
    {"'valueType':'Int16Array','value':'[1, -2]'", PBUS_INT16_ARRAY, "[1, -2]", "[1, -2]"},
    {"'value':null", PBUS_UINT8, NULL, ""},
    {"'valueType':'Binary'", PBUS_BINARY, NULL, ""},
    {"'valueType':'Binary','mediaType':'image/png','binaryValue':null", PBUS_BINARY, NULL, ""},
    {"'valueType':'Binary','binaryValue':5", PBUS_BINARY, NULL, ""},
    {"'valueType':'binary','mediaType':'m','binaryValue':'aGk='", PBUS_BINARY, "hi", "aGk="},
    {"'valueType':'Binary','mediaType':'m','binaryValue':'aG\\nk=\\r\\n'", PBUS_BINARY, "hi", "aG\nk=\r\n"},
    {"'valueType':'Binary','mediaType':'m','binaryValue':'YQ=='", PBUS_BINARY, "a", "YQ=="},
    {"'valueType':'Binary','mediaType':'m','binaryValue':''", PBUS_BINARY, "", ""},
    {"'valueType':'Object'", PBUS_OBJECT, NULL, ""},
    {"'valueType':'Object','objectValue':{}", PBUS_OBJECT, "{}", "{}"},
    {"'valueType':'Object','objectValue':'text'", PBUS_OBJECT, "'text'", "'text'"},
    {"'valueType':'Object','objectValue':{'z':1,'a':{'c':2,'b':[true,false,null]},'z':3}", PBUS_OBJECT,
     "{'a':{'b':[true,false,null],'c':2},'z':3}", "{'a':{'b':[true,false,null],'c':2},'z':3}"},
    {"'valueType':'Object','objectValue':[9007199254740993,18446744073709551615,18446744073709551616]",
     PBUS_OBJECT, "[9007199254740993,18446744073709551615,18446744073709552000]",
     "[9007199254740993,18446744073709551615,18446744073709552000]"},
    {"'valueType':'Object','objectValue':[1.0,1e2,-0,-0.0,1E-7,1e21,0.10]", PBUS_OBJECT,
     "[1,100,0,0,1e-7,1e+21,0.1]", "[1,100,0,0,1e-7,1e+21,0.1]"},
    {"'valueType':'ObjectArray','objectValue':[{'a':1},{}]", PBUS_OBJECT_ARRAY, "[{'a':1},{}]",
     "[{'a':1},{}]"},
    {"'valueType':'Object','objectValue':'<\\u0001\\t\\\\'", PBUS_OBJECT, "'<\\u0001\\t\\\\'",
     "'<\\u0001\\t\\\\'"},
    {"'binaryValue':'#','objectValue':{'a':1e999}", PBUS_UINT8, "5", "5"},
    {"'unknown':{'x':[]}", PBUS_UINT8, "5", "5"},
    {"'value':'300','value':'3'", PBUS_UINT8, "3", "3"},
};

static void s_assert_quoted(pbus_str_t view, const char *text)
{
    char *copy = s_build(WHOLE, text);
    assert_text(view, copy);
    free(copy);
}

static void s_test_good(void **state)
{
    fixture_t *self = *state;
    for (size_t i = 0; i < sizeof good_cases / sizeof *good_cases; i++) {
        const good_case_t *it = &good_cases[i];
        if (s_read(self, IN_READING, it->text) != PBUS_OK)
            fail_msg("%s: %s", it->text, self->error.text);
        const pbus_reading_t *reading = self->posted.event.readings;
        assert_int_equal(reading->type, it->type);
        assert_int_equal(reading->is_null, it->value == NULL);
        s_assert_quoted(reading->value, it->value ? it->value : "");
        s_assert_quoted(self->posted.sent[0].value, it->sent);
        assert_int_equal(reading->media_type.size != 0, reading->type == PBUS_BINARY && !reading->is_null);
    }
}

typedef struct {
    place_t place;
    const char *text;
} fine_case_t;

static const fine_case_t fine_cases[] = {
    {REQUEST, "'requestId':''"},
    {REQUEST, "'requestId':null"},
    {REQUEST, "'apiVersion':'v99'"},
    {REQUEST, "'APIVERSION':'v3'"},
    {IN_EVENT, "'apiVersion':'x'"},
    {IN_EVENT, "'id':'00000000-0000-0000-0000-000000000000'"},
    {IN_EVENT, "'origin':-5"},
    {IN_EVENT, "'origin':9223372036854775807"},
    {IN_EVENT, "'origin':-9223372036854775808"},
    {IN_EVENT, "'tags':null"},
    {IN_EVENT, "'deviceName':'a/b?c#d+e %41'"},
    {IN_EVENT, "'unknown':1,'DeviceName':''"},
    {IN_READING, "'id':''"},
    {IN_READING, "'id':'" ID "'"},
    {IN_READING, "'id':'0A1B2C3D4E5F60718293A4B5C6D7E8F9'"},
    {IN_READING, "'id':'{" ID "}'"},
    {IN_READING, "'id':'urn:uuid:" ID "'"},
    {IN_READING, "'units':null,'tags':{}"},
    {IN_READING, "'deviceName':'other','profileName':'else'"},
};

static void s_test_fine(void **state)
{
    fixture_t *self = *state;
    for (size_t i = 0; i < sizeof fine_cases / sizeof *fine_cases; i++)
        if (s_read(self, fine_cases[i].place, fine_cases[i].text) != PBUS_OK)
            fail_msg("%s: %s", fine_cases[i].text, self->error.text);
}

static void s_test_tail_ignored(void **state)
{
    fixture_t *self = *state;
    char *body = s_build(REQUEST, "'unknown':1");
    char *longer;
    assert_true(asprintf(&longer, "  %s } rubbish \xFF", body) > 0);
    assert_int_equal(s_read_bytes(self, longer, strlen(longer)), PBUS_OK);
    free(longer);
    free(body);
}

static void s_test_tags(void **state)
{
    fixture_t *self = *state;
    assert_int_equal(s_read(self, IN_EVENT, "'tags':{'site':'b','Gateway':[1,2.50],'\\u00e9':null}"),
                     PBUS_OK);
    s_assert_quoted(self->posted.event.tags, "{'Gateway':[1,2.5],'site':'b','\xC3\xA9':null}");
}

/* What is read is what is encoded: the decoder gets it back. */
static void s_test_encoded(void **state)
{
    fixture_t *self = *state;
    const char *text =
        "'readings':[{" READING ",'units':'C','tags':{'a':1}},{" READING
        ",'deviceName':'e','origin':-3,'valueType':'Binary','binaryValue':'AAEC','mediaType':'m'},{" READING
        ",'value':null}]";
    assert_int_equal(s_read(self, IN_EVENT, text), PBUS_OK);
    pbus_buf_t out = {0};
    pbus_event_encode(&self->posted.event, &out);
    pbus_decoder_t *decoder = pbus_decoder_new();
    const pbus_event_t *event = pbus_decoder_event(decoder, out.data, out.size);
    assert_non_null(event);
    assert_int_equal(event->reading_count, 3);
    assert_text(event->readings[0].units, "C");
    s_assert_quoted(event->readings[0].tags, "{'a':1}");
    assert_text(event->readings[1].device, "e");
    assert_int_equal(event->readings[1].origin, -3);
    assert_int_equal(event->readings[1].value.size, 3);
    assert_memory_equal(event->readings[1].value.data, "\0\1\2", 3);
    assert_true(event->readings[2].is_null);
    pbus_decoder_destroy(&decoder);
    pbus_buf_clear(&out);
}

/* A large request outgrows every block of the arena. */
static void s_test_large(void **state)
{
    fixture_t *self = *state;
    pbus_buf_t body = {0};
    char *event = s_build(WHOLE, "{'apiVersion':'v3','event':{" EVENT ",'readings':[");
    char *reading =
        s_build(WHOLE, "{" READING ",'valueType':'Object','objectValue':[1.25,2,3,4,5,6,7,8,9,{'a':{}}]}");
    pbus_buf_puts(&body, event);
    for (int i = 0; i < 5000; i++) {
        pbus_buf_puts(&body, i ? "," : "");
        pbus_buf_puts(&body, reading);
    }
    pbus_buf_puts(&body, "]}}");
    assert_int_equal(s_read_bytes(self, (char *) body.data, body.size), PBUS_OK);
    assert_int_equal(self->posted.event.reading_count, 5000);
    s_assert_quoted(self->posted.event.readings[4999].value, "[1.25,2,3,4,5,6,7,8,9,{'a':{}}]");
    pbus_buf_clear(&body);
    free(event);
    free(reading);
}

/* ---- readings that do not say what their event says ---------------------------------------------------- */

#define OPTIMIZED(readings) "{'apiVersion':'v3','event':{" EVENT ",'readings':[" readings "]}}"
#define SHORT "'valueType':'Uint8','value':'5'"

static void s_test_optimized(void **state)
{
    fixture_t *self = *state;
    self->optimized = true;
    assert_int_equal(s_read(self, WHOLE, OPTIMIZED("{" SHORT "}")), PBUS_OK);
    const pbus_reading_t *reading = self->posted.event.readings;
    assert_int_equal(reading->origin, 7);
    assert_text(reading->device, "d");
    assert_text(reading->profile, "p");
    assert_text(reading->resource, "s");
    assert_true(self->posted.optimized);
    assert_int_equal(
        s_read(self, WHOLE,
               OPTIMIZED("{" READING "},{'origin':8,'deviceName':'e','resourceName':'q'," SHORT "}")),
        PBUS_OK);
    reading = &self->posted.event.readings[1];
    assert_int_equal(reading->origin, 8);
    assert_text(reading->device, "e");
    assert_text(reading->profile, "p");
    assert_text(reading->resource, "q");
}

static void s_test_optimized_bad(void **state)
{
    fixture_t *self = *state;
    static const char *const bad[][2] = {
        {OPTIMIZED("{" READING "},{" SHORT "}"), "Readings[1].ResourceName field is required"},
        {OPTIMIZED("{'deviceName':''," SHORT "}"), "Readings[0].DeviceName field should not be empty string"},
        {OPTIMIZED("{'origin':0," SHORT "}"), "Readings[0].Origin field should not be 0"},
        {OPTIMIZED("{'resourceName':5," SHORT "}"), "Readings[0].ResourceName field should be a string"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        self->optimized = true;
        assert_int_equal(s_read(self, WHOLE, bad[i][0]), PBUS_INVALID);
        assert_non_null(strstr(self->error.text, bad[i][1]));
        self->optimized = false;
        assert_int_equal(s_read(self, WHOLE, OPTIMIZED("{" SHORT "}")), PBUS_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(s_test_bad, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(s_test_bad_bytes, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(s_test_truncated, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(s_test_nesting, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(s_test_plain, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(s_test_good, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(s_test_fine, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(s_test_tail_ignored, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(s_test_tags, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(s_test_encoded, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(s_test_large, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(s_test_optimized, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(s_test_optimized_bad, s_setup, s_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
