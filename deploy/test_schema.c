/*
 * Schema: each keyword with a document that keeps it and one that does not; schemas that are not understood;
 * the schemas of configs/schema.
 */
#include "testing.h"
#include "schema.h"

/* Both with ' for ". */
static jsonfile_t *s_parse(const char *quoted, problems_t *problems)
{
    char text[4096];
    snprintf(text, sizeof text, "%s", quoted);
    for (char *quote = text; (quote = strchr(quote, '\'')) != NULL;)
        *quote = '"';
    return parse_text(text, problems);
}

typedef struct {
    const char *schema, *right, *wrong;
    const char *told; /* of the wrong one */
} keyword_case_t;

static const keyword_case_t cases[] = {
    {"{'type':'object'}", "{}", "[]", "doc.json: is an array: it has to be an object"},
    {"{'type':'integer'}", "7", "7.5", "is a number: it has to be a whole number"},
    {"{'type':'integer'}", "-7", "7.0", "it has to be a whole number"},
    {"{'type':'number'}", "7.5", "'7'", "is a string: it has to be a number"},
    {"{'type':['string','null','array']}", "null", "true",
     "is true or false: it has to be a string or an array"},
    {"{'enum':['a','b',3]}", "3", "'c'", "has to be \"a\", \"b\" or 3"},
    {"{'const':'a'}", "'a'", "'b'", "has to be \"a\""},
    {"{'pattern':'^[a-z]+$'}", "'abc'", "'aBc'", "has not the form that it needs, which is ^[a-z]+$"},
    {"{'pattern':'^[a-z]+$'}", "5", "''", "has not the form"},
    {"{'minLength':1}", "'a'", "''", "is empty: it needs a value"},
    {"{'minLength':3}", "'abc'", "'ab'", "is shorter than 3 bytes"},
    {"{'maxLength':3}", "'abc'", "'\xc3\xa4\xc3\xb6'", "is longer than 3 bytes"},
    {"{'minimum':0}", "0", "-1", "is too small: the smallest is 0"},
    {"{'minimum':-2.5}", "-2", "-3", "is too small"},
    {"{'maximum':4294967295}", "4294967295", "4294967296", "is too large: the largest is 4294967295"},
    {"{'maximum':9}", "'text'", "18446744073709551615", "is too large: the largest is 9"},
    {"{'minProperties':1}", "{'a':1}", "{}", "has 0 entries: at least 1 are needed"},
    {"{'maxProperties':1}", "{'a':1}", "{'a':1,'b':2}", "has 2 entries: at most 1 are possible"},
    {"{'minItems':2}", "[1,2]", "[1]", "has 1 items: at least 2 are needed"},
    {"{'maxItems':1}", "[1]", "[1,2]", "has 2 items: at most 1 are possible"},
    {"{'required':['a','b']}", "{'a':1,'b':2}", "{'a':1}", "doc.json: lacks \"b\": add it"},
    {"{'items':{'type':'string'}}", "['a']", "['a',5]",
     "doc.json: /1: is a whole number: it has to be a string"},
    {"{'properties':{'a':{'properties':{'b':{'type':'null'}}}}}", "{'a':{'b':null,'c':1}}", "{'a':{'b':1}}",
     "doc.json:1:7: /a/b: is a whole number: it has to be null"},
    {"{'patternProperties':{'^x':{'type':'null'}}}", "{'y':1,'x1':null}", "{'ax':1,'x':1}", "/x: is a whole"},
    {"{'propertyNames':{'pattern':'^[a-z]+$'}}", "{'a':1}", "{'a b':1}", "/a b: has not the form"},
    {"{'properties':{'a':{}},'patternProperties':{'^b':{}},'additionalProperties':{'type':'null'}}",
     "{'a':1,'b1':1,'c':null}", "{'c':1}", "/c: is a whole number: it has to be null"},
    {"{'if':{'properties':{'t':{'const':'x'}}},'then':{'required':['a']},'else':{'required':['b']}}",
     "{'t':'x','a':1}", "{'t':'y','a':1}", "lacks \"b\""},
    {"{'if':{'type':'string'},'then':{'minLength':2}}", "5", "'a'", "is shorter than 2 bytes"},
    {"{'properties':{'a':{'$ref':'#/definitions/n'}},'definitions':{'n':{'type':'null'}}}", "{'a':null}",
     "{'a':1}", "/a: is a whole number: it has to be null"},
    {"{'items':{'$ref':'#'},'type':'array'}", "[[],[[]]]", "[[],[[1]]]", "/1/0/0: is a whole number"},
    {"{'properties':{'s':{'$ref':'manifest.schema.json#/definitions/status'}}}", "{'s':'running'}",
     "{'s':'x'}", "/s: has to be \"running\" or \"stopped\""},
};

static void s_test_keywords(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        problems_t *problems = problems_new();
        jsonfile_t *source = s_parse(cases[i].schema, problems);
        schema_t *schema = schema_of(&source, problems);
        jsonfile_t *right = s_parse(cases[i].right, problems), *wrong = s_parse(cases[i].wrong, problems);
        expect_counts(problems, 0, 0);
        assert_true(schema_check(schema, right, problems));
        expect_counts(problems, 0, 0);
        assert_false(schema_check(schema, wrong, NULL));
        assert_false(schema_check(schema, wrong, problems));
        expect_counts(problems, 1, 0);
        expect_line(problems, true, cases[i].told);
        jsonfile_destroy(&right);
        jsonfile_destroy(&wrong);
        schema_destroy(&schema);
        problems_destroy(&problems);
    }
}

static void s_test_unknown_fields_warn(void **state)
{
    (void) state;
    problems_t *problems = problems_new();
    jsonfile_t *source = s_parse("{'properties':{'a':{}},'additionalProperties':false}", problems);
    schema_t *schema = schema_of(&source, problems);
    jsonfile_t *document = s_parse("{'a':1,\n 'aa':{'b':2}}", problems);
    assert_true(schema_check(schema, document, problems));
    expect_counts(problems, 0, 1);
    expect_line(problems, false, "doc.json:2:2: /aa: is not known here and is ignored");
    jsonfile_destroy(&document);
    schema_destroy(&schema);
    problems_destroy(&problems);
}

static void s_test_not_understood(void **state)
{
    (void) state;
    static const char *const schemas[] = {
        "5",
        "{'unevaluatedItems':{}}",
        "{'properties':{'a':{'anyOf':[]}}}",
        "{'definitions':{'a':{'dependencies':{}}}}",
        "{'type':'text'}",
        "{'type':[]}",
        "{'type':['string',5]}",
        "{'enum':[]}",
        "{'pattern':'('}",
        "{'patternProperties':{'(':{}}}",
        "{'minLength':-1}",
        "{'minimum':'1'}",
        "{'required':'a'}",
        "{'required':[1]}",
        "{'items':[{}]}",
        "{'additionalProperties':1}",
        "{'title':1}",
        "{'$ref':'#/definitions/a'}",
        "{'$ref':'nowhere.schema.json#/definitions/a'}",
        "{'$ref':'elsewhere'}",
        "{'$ref':'manifest.schema.json#/definitions/nothing'}",
        "{'properties':{'a':{'$ref':'#','type':'object'}}}",
    };
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
        problems_t *problems = problems_new();
        jsonfile_t *source = s_parse(schemas[i], problems);
        assert_non_null(source);
        if (schema_of(&source, problems))
            fail_msg("%s is taken", schemas[i]);
        assert_true(problems_errors(problems) > 0);
        assert_null(source);
        problems_destroy(&problems);
    }
}

/* A $ref that leads to itself ends with an error. */
static void s_test_endless(void **state)
{
    (void) state;
    problems_t *problems = problems_new();
    jsonfile_t *source = s_parse(
        "{'items':{'$ref':'#/definitions/a'},'definitions':{'a':{'$ref':'#/definitions/a'}}}", problems);
    schema_t *schema = schema_of(&source, problems);
    jsonfile_t *document = s_parse("[1]", problems);
    assert_false(schema_check(schema, document, problems));
    expect_line(problems, true, "doc.json: /0: is nested too deep for its schema");
    jsonfile_destroy(&document);
    schema_destroy(&schema);
    problems_destroy(&problems);
}

/* Those of configs/schema are understood, and are of use. */
static void s_test_shipped(void **state)
{
    (void) state;
    static const char *const names[] = {"module", "template", "manifest"};
    problems_t *problems = problems_new();
    for (size_t i = 0; i < 3; i++) {
        jsonfile_t *document = s_parse("{}", problems);
        schema_t *schema = schema_new(names[i], problems);
        expect_counts(problems, 0, 0);
        assert_false(schema_check(schema, document, NULL));
        schema_destroy(&schema);
        jsonfile_destroy(&document);
    }
    assert_null(schema_new("nothing", problems));
    expect_line(problems, true, "nothing.schema.json: there is no such schema");
    problems_destroy(&problems);
}

#define MODULE(text)                                                                                         \
    "{'modulesContent':{'$edgeAgent':{'properties.desired':{'schemaVersion':'1.1','modules':{'m':" text      \
    "}}}}}"
#define AT "/modulesContent/$edgeAgent/properties.desired/modules/m"

static const struct {
    const char *document, *told; /* NULL: it is right */
} manifests[] = {
    {MODULE("{'type':'docker','settings':{'image':'r:5000/a/b:1-amd64','createOptions':'{}'}}"), NULL},
    {MODULE("{'type':'process','status':'running','restartPolicy':'on-unhealthy','startupOrder':4294967295,"
            "'env':{'A':{'value':5}},'settings':{'command':['x','a'],'health':{'none':true}}}"),
     NULL},
    {MODULE("{'settings':{'image':'a'}}"), AT ": lacks \"type\""},
    {MODULE("{'type':'process','settings':{'image':'a'}}"), AT "/settings: lacks \"command\""},
    {MODULE("{'type':'docker','settings':{'command':'a'}}"), AT "/settings: lacks \"image\""},
    {MODULE("{'type':'docker','settings':{'image':'/a:1'}}"), AT "/settings/image: has not the form"},
    {MODULE("{'type':'docker','settings':{'image':'$R/a:1'}}"), AT "/settings/image: has not the form"},
    {MODULE("{'type':'docker','settings':{'image':'a','createOptions':{}}}"),
     AT "/settings/createOptions: is an object: it has to be a string"},
    {MODULE("{'type':'process','settings':{'command':'a'},'restartPolicy':'sometimes'}"),
     AT "/restartPolicy: has to be \"always\", \"on-failure\", \"on-unhealthy\" or \"never\""},
    {MODULE("{'type':'process','settings':{'command':'a'},'startupOrder':4294967296}"),
     AT "/startupOrder: is too large"},
    {MODULE("{'type':'process','settings':{'command':'a'},'env':{'A=B':{'value':''}}}"),
     AT "/env/A=B: has not the form"},
};

static void s_test_manifests(void **state)
{
    (void) state;
    problems_t *problems = problems_new();
    schema_t *schema = schema_new("manifest", problems);
    expect_counts(problems, 0, 0);
    problems_destroy(&problems);
    for (size_t i = 0; i < sizeof manifests / sizeof *manifests; i++) {
        problems = problems_new();
        jsonfile_t *document = s_parse(manifests[i].document, problems);
        bool right = schema_check(schema, document, problems);
        if (manifests[i].told)
            expect_line(problems, true, manifests[i].told);
        else
            expect_counts(problems, 0, 0);
        assert_int_equal(right, manifests[i].told == NULL);
        jsonfile_destroy(&document);
        problems_destroy(&problems);
    }
    schema_destroy(&schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_test_keywords),       cmocka_unit_test(s_test_unknown_fields_warn),
        cmocka_unit_test(s_test_not_understood), cmocka_unit_test(s_test_endless),
        cmocka_unit_test(s_test_shipped),        cmocka_unit_test(s_test_manifests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
