/*
 * Schema: see schema.h. A schema stays the JSON that it is and is walked together with the document;
 * schema_of has then made sure that each keyword is known and has a value of the right kind, so checks need
 * not.
 */
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include "schema.h"
#include "schemas.h"

#define SUFFIX ".schema.json"
#define DEPTH 200 /* of a document's levels and $refs together; a $ref to itself would have no end */
#define OTHERS 4  /* schemas that one may refer to */

struct schema {
    jsonfile_t *source;
    schema_t *others[OTHERS];
    size_t other_count;
};

/* One walk over a document. */
typedef struct {
    const jsonfile_t *document;
    problems_t *problems; /* NULL: only asking */
    size_t depth;
} check_t;

static bool s_check(check_t *self, const schema_t *schema, yyjson_val *rules, yyjson_val *value,
                    const place_t *place);

/* ---- rules that look at one value ------------------------------------------------------------------- */

typedef bool(rule_t)(check_t *self, yyjson_val *rule, yyjson_val *value, const place_t *place);

#define TELL(...) (jsonfile_error(self->document, place, self->problems, __VA_ARGS__), false)

static const struct {
    const char *name;
    const char *words;
    bool (*is)(yyjson_val *);
} types[] = {
    {"object", "an object", yyjson_is_obj}, {"array", "an array", yyjson_is_arr},
    {"string", "a string", yyjson_is_str},  {"integer", "a whole number", yyjson_is_int},
    {"number", "a number", yyjson_is_num},  {"boolean", "true or false", yyjson_is_bool},
    {"null", "null", yyjson_is_null},
};
#define TYPES (sizeof types / sizeof *types)

static size_t s_type_of_name(yyjson_val *name)
{
    size_t i = 0;
    while (i < TYPES && !yyjson_equals_str(name, types[i].name))
        i++;
    return i;
}

static const char *s_words_of(yyjson_val *value)
{
    for (size_t i = 0; i < TYPES; i++)
        if (types[i].is(value))
            return types[i].words;
    return "something else";
}

static bool s_type(check_t *self, yyjson_val *rule, yyjson_val *value, const place_t *place)
{
    const char *wanted[TYPES] = {NULL};
    size_t index, count;
    yyjson_val *name;
    if (yyjson_is_str(rule)) {
        size_t type = s_type_of_name(rule);
        return types[type].is(value) || TELL("is %s: it has to be %s", s_words_of(value), types[type].words);
    }
    yyjson_arr_foreach(rule, index, count, name)
    {
        size_t type = s_type_of_name(name);
        if (types[type].is(value))
            return true;
        wanted[index] = types[type].words;
    }
    return TELL("is %s: it has to be %s or %s", s_words_of(value), wanted[0], wanted[count - 1]);
}

/* Values that a document may have are names, not secrets: they are the schema's. */
static bool s_enum(check_t *self, yyjson_val *rule, yyjson_val *value, const place_t *place)
{
    size_t index, count;
    yyjson_val *one;
    pbus_buf_t names = {0};
    yyjson_arr_foreach(rule, index, count, one)
    {
        if (yyjson_equals(one, value))
            return true;
    }
    yyjson_arr_foreach(rule, index, count, one)
    {
        char *text = yyjson_val_write(one, 0, NULL);
        pbus_buf_printf(&names, "%s%s",
                        index == 0           ? ""
                        : index + 1 == count ? " or "
                                             : ", ",
                        text ? text : "");
        free(text);
    }
    pbus_buf_append(&names, "", 1);
    jsonfile_error(self->document, place, self->problems, "has to be %s",
                   names.failed ? "something else" : (const char *) names.data);
    pbus_buf_clear(&names);
    return false;
}

static bool s_const(check_t *self, yyjson_val *rule, yyjson_val *value, const place_t *place)
{
    if (yyjson_equals(rule, value))
        return true;
    char *text = yyjson_val_write(rule, 0, NULL);
    jsonfile_error(self->document, place, self->problems, "has to be %s", text ? text : "something else");
    free(text);
    return false;
}

static bool s_matches(const char *pattern, const char *text)
{
    regex_t regex;
    if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return false;
    bool matches = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return matches;
}

static bool s_pattern(check_t *self, yyjson_val *rule, yyjson_val *value, const place_t *place)
{
    return !yyjson_is_str(value) || s_matches(yyjson_get_str(rule), yyjson_get_str(value)) ||
           TELL("has not the form that it needs, which is %s", yyjson_get_str(rule));
}

static bool s_min_length(check_t *self, yyjson_val *rule, yyjson_val *value, const place_t *place)
{
    return !yyjson_is_str(value) || yyjson_get_len(value) >= yyjson_get_uint(rule) ||
           (yyjson_get_len(value) == 0
                ? TELL("is empty: it needs a value")
                : TELL("is shorter than %llu bytes", (unsigned long long) yyjson_get_uint(rule)));
}

static bool s_max_length(check_t *self, yyjson_val *rule, yyjson_val *value, const place_t *place)
{
    return !yyjson_is_str(value) || yyjson_get_len(value) <= yyjson_get_uint(rule) ||
           TELL("is longer than %llu bytes", (unsigned long long) yyjson_get_uint(rule));
}

static long double s_number(yyjson_val *value)
{
    if (yyjson_is_uint(value))
        return (long double) yyjson_get_uint(value);
    return yyjson_is_sint(value) ? (long double) yyjson_get_sint(value)
                                 : (long double) yyjson_get_real(value);
}

static bool s_minimum(check_t *self, yyjson_val *rule, yyjson_val *value, const place_t *place)
{
    return !yyjson_is_num(value) || s_number(value) >= s_number(rule) ||
           TELL("is too small: the smallest is %.0Lf", s_number(rule));
}

static bool s_maximum(check_t *self, yyjson_val *rule, yyjson_val *value, const place_t *place)
{
    return !yyjson_is_num(value) || s_number(value) <= s_number(rule) ||
           TELL("is too large: the largest is %.0Lf", s_number(rule));
}

static bool s_min_properties(check_t *self, yyjson_val *rule, yyjson_val *value, const place_t *place)
{
    return !yyjson_is_obj(value) || yyjson_obj_size(value) >= yyjson_get_uint(rule) ||
           TELL("has %zu entries: at least %llu are needed", yyjson_obj_size(value),
                (unsigned long long) yyjson_get_uint(rule));
}

static bool s_max_properties(check_t *self, yyjson_val *rule, yyjson_val *value, const place_t *place)
{
    return !yyjson_is_obj(value) || yyjson_obj_size(value) <= yyjson_get_uint(rule) ||
           TELL("has %zu entries: at most %llu are possible", yyjson_obj_size(value),
                (unsigned long long) yyjson_get_uint(rule));
}

static bool s_min_items(check_t *self, yyjson_val *rule, yyjson_val *value, const place_t *place)
{
    return !yyjson_is_arr(value) || yyjson_arr_size(value) >= yyjson_get_uint(rule) ||
           TELL("has %zu items: at least %llu are needed", yyjson_arr_size(value),
                (unsigned long long) yyjson_get_uint(rule));
}

static bool s_max_items(check_t *self, yyjson_val *rule, yyjson_val *value, const place_t *place)
{
    return !yyjson_is_arr(value) || yyjson_arr_size(value) <= yyjson_get_uint(rule) ||
           TELL("has %zu items: at most %llu are possible", yyjson_arr_size(value),
                (unsigned long long) yyjson_get_uint(rule));
}

static bool s_required(check_t *self, yyjson_val *rule, yyjson_val *value, const place_t *place)
{
    size_t index, count;
    yyjson_val *name;
    bool complete = true;
    if (!yyjson_is_obj(value))
        return true;
    yyjson_arr_foreach(rule, index, count, name)
    {
        if (!yyjson_obj_get(value, yyjson_get_str(name)))
            complete = TELL("lacks \"%s\": add it", yyjson_get_str(name));
    }
    return complete;
}

/* ---- rules that lead to others ---------------------------------------------------------------------- */

/* The rules that a $ref means, and whose they are; NULL if there are none. */
static yyjson_val *s_resolve(const schema_t *self, const char *reference, const schema_t **owner)
{
    const char *hash = strchr(reference, '#');
    *owner = NULL;
    if (!hash)
        return NULL;
    if (hash == reference)
        *owner = self;
    for (size_t i = 0; i < self->other_count && !*owner; i++) {
        const char *name = jsonfile_name(self->others[i]->source);
        if (strlen(name) == (size_t) (hash - reference) && !strncmp(name, reference, strlen(name)))
            *owner = self->others[i];
    }
    return *owner ? yyjson_ptr_get(jsonfile_root((*owner)->source), hash + 1) : NULL;
}

/* Whether a name has a rule of its own; checks its value by that, if it has. */
static bool s_check_named(check_t *self, const schema_t *schema, yyjson_val *rules, yyjson_val *value,
                          const place_t *here, bool *known)
{
    size_t index, count;
    yyjson_val *pattern, *more, *patterns = yyjson_obj_get(rules, "patternProperties");
    const char *name = yyjson_get_str(here->key);
    yyjson_val *own = yyjson_obj_get(yyjson_obj_get(rules, "properties"), name);
    bool right = !own || s_check(self, schema, own, value, here);
    *known = own != NULL;
    if (!patterns)
        return right;
    yyjson_obj_foreach(patterns, index, count, pattern, more)
    {
        if (!s_matches(yyjson_get_str(pattern), name))
            continue;
        *known = true;
        right &= s_check(self, schema, more, value, here);
    }
    return right;
}

static bool s_check_property(check_t *self, const schema_t *schema, yyjson_val *rules, yyjson_val *value,
                             const place_t *here)
{
    bool known;
    yyjson_val *names = yyjson_obj_get(rules, "propertyNames");
    yyjson_val *others = yyjson_obj_get(rules, "additionalProperties");
    bool right = !names || s_check(self, schema, names, here->key, here);
    right &= s_check_named(self, schema, rules, value, here, &known);
    if (known || !others || yyjson_is_true(others))
        return right;
    if (yyjson_is_obj(others))
        return s_check(self, schema, others, value, here) && right;
    jsonfile_warn(self->document, here, self->problems,
                  "is not known here and is ignored: is it spelt right?");
    return right;
}

static bool s_check_members(check_t *self, const schema_t *schema, yyjson_val *rules, yyjson_val *value,
                            const place_t *place)
{
    size_t index, count;
    yyjson_val *key, *member, *items = yyjson_obj_get(rules, "items");
    bool right = true;
    yyjson_obj_foreach(value, index, count, key, member)
    {
        place_t here = {place, key, 0};
        right &= s_check_property(self, schema, rules, member, &here);
    }
    if (!items)
        return right;
    yyjson_arr_foreach(value, index, count, member)
    {
        place_t here = {place, NULL, index};
        right &= s_check(self, schema, items, member, &here);
    }
    return right;
}

static bool s_check_branch(check_t *self, const schema_t *schema, yyjson_val *rules, yyjson_val *value,
                           const place_t *place)
{
    yyjson_val *condition = yyjson_obj_get(rules, "if");
    if (!condition)
        return true;
    check_t asking = {self->document, NULL, self->depth};
    bool holds = s_check(&asking, schema, condition, value, place);
    yyjson_val *branch = yyjson_obj_get(rules, holds ? "then" : "else");
    return !branch || s_check(self, schema, branch, value, place);
}

/* ---- the keywords ----------------------------------------------------------------------------------- */

/* What a keyword's value has to be in a schema. */
typedef enum {
    ANY,
    TEXT,
    COUNT,
    NUMBER,
    REGEX,
    TYPE,
    LIST,
    NAMES,
    RULES,
    RULES_BY_NAME,
    RULES_BY_REGEX,
    RULES_OR_BOOL,
    REFERENCE
} kind_t;

static const struct {
    const char *name;
    kind_t kind;
    rule_t *rule; /* NULL: looked at elsewhere, or says nothing about documents */
} keywords[] = {
    {"type", TYPE, s_type},
    {"enum", LIST, s_enum},
    {"const", ANY, s_const},
    {"pattern", REGEX, s_pattern},
    {"minLength", COUNT, s_min_length},
    {"maxLength", COUNT, s_max_length},
    {"minimum", NUMBER, s_minimum},
    {"maximum", NUMBER, s_maximum},
    {"minProperties", COUNT, s_min_properties},
    {"maxProperties", COUNT, s_max_properties},
    {"minItems", COUNT, s_min_items},
    {"maxItems", COUNT, s_max_items},
    {"required", NAMES, s_required},
    {"properties", RULES_BY_NAME, NULL},
    {"patternProperties", RULES_BY_REGEX, NULL},
    {"propertyNames", RULES, NULL},
    {"additionalProperties", RULES_OR_BOOL, NULL},
    {"items", RULES, NULL},
    {"if", RULES, NULL},
    {"then", RULES, NULL},
    {"else", RULES, NULL},
    {"definitions", RULES_BY_NAME, NULL},
    {"$ref", REFERENCE, NULL},
    {"$schema", TEXT, NULL},
    {"$id", TEXT, NULL},
    {"$comment", TEXT, NULL},
    {"title", TEXT, NULL},
    {"description", TEXT, NULL},
};
#define KEYWORDS (sizeof keywords / sizeof *keywords)

static bool s_check_rules(check_t *self, const schema_t *schema, yyjson_val *rules, yyjson_val *value,
                          const place_t *place)
{
    bool right = true;
    yyjson_val *reference = yyjson_obj_get(rules, "$ref");
    if (reference) {
        const schema_t *owner;
        yyjson_val *meant = s_resolve(schema, yyjson_get_str(reference), &owner);
        return s_check(self, owner, meant, value, place);
    }
    for (size_t i = 0; i < KEYWORDS; i++) {
        yyjson_val *rule = keywords[i].rule ? yyjson_obj_get(rules, keywords[i].name) : NULL;
        if (rule && !keywords[i].rule(self, rule, value, place)) {
            right = false;
            if (keywords[i].kind == TYPE) /* what else is wrong only repeats that */
                return false;
        }
    }
    right &= s_check_members(self, schema, rules, value, place);
    return s_check_branch(self, schema, rules, value, place) && right;
}

static bool s_check(check_t *self, const schema_t *schema, yyjson_val *rules, yyjson_val *value,
                    const place_t *place)
{
    if (self->depth == DEPTH)
        return TELL("is nested too deep for its schema");
    self->depth++;
    bool right = s_check_rules(self, schema, rules, value, place);
    self->depth--;
    return right;
}

bool schema_check(const schema_t *self, const jsonfile_t *document, problems_t *problems)
{
    check_t check = {document, problems, 0};
    return s_check(&check, self, jsonfile_root(self->source), jsonfile_root(document), NULL);
}

/* ---- schemas that are not understood ---------------------------------------------------------------- */

static bool s_know(schema_t *self, yyjson_val *rules, const place_t *place, problems_t *problems);

static bool s_is_regex(yyjson_val *value)
{
    regex_t regex;
    if (!yyjson_is_str(value) || regcomp(&regex, yyjson_get_str(value), REG_EXTENDED | REG_NOSUB) != 0)
        return false;
    regfree(&regex);
    return true;
}

static bool s_is_type(yyjson_val *value)
{
    size_t index, count;
    yyjson_val *name;
    if (yyjson_is_str(value))
        return s_type_of_name(value) < TYPES;
    yyjson_arr_foreach(value, index, count, name)
    {
        if (s_type_of_name(name) == TYPES)
            return false;
    }
    return yyjson_arr_size(value) > 0 && yyjson_arr_size(value) <= TYPES;
}

static bool s_are_names(yyjson_val *value)
{
    size_t index, count;
    yyjson_val *name;
    yyjson_arr_foreach(value, index, count, name)
    {
        if (!yyjson_is_str(name))
            return false;
    }
    return yyjson_is_arr(value);
}

static bool s_know_each(schema_t *self, yyjson_val *value, const place_t *place, bool by_regex,
                        problems_t *problems)
{
    size_t index, count;
    yyjson_val *key, *rules;
    if (!yyjson_is_obj(value))
        return false;
    yyjson_obj_foreach(value, index, count, key, rules)
    {
        place_t here = {place, key, 0};
        if ((by_regex && !s_is_regex(key)) || !s_know(self, rules, &here, problems))
            return false;
    }
    return true;
}

/* Loads the other schema that a reference names, unless it is there. */
static bool s_load_other(schema_t *self, const char *reference, problems_t *problems)
{
    const schema_t *owner;
    char name[64];
    const char *end = strstr(reference, SUFFIX "#");
    if (s_resolve(self, reference, &owner) || owner)
        return true;
    if (!end || (size_t) (end - reference) >= sizeof name || self->other_count == OTHERS)
        return false;
    memcpy(name, reference, (size_t) (end - reference));
    name[end - reference] = 0;
    schema_t *other = schema_new(name, problems);
    if (other)
        self->others[self->other_count++] = other;
    return other != NULL;
}

static bool s_is_reference(schema_t *self, yyjson_val *value, problems_t *problems)
{
    const schema_t *owner;
    return yyjson_is_str(value) && s_load_other(self, yyjson_get_str(value), problems) &&
           yyjson_is_obj(s_resolve(self, yyjson_get_str(value), &owner));
}

static bool s_know_value(schema_t *self, kind_t kind, yyjson_val *value, const place_t *place,
                         problems_t *problems)
{
    switch (kind) {
    case ANY:
        return true;
    case TEXT:
        return yyjson_is_str(value);
    case COUNT:
        return yyjson_is_uint(value);
    case NUMBER:
        return yyjson_is_num(value);
    case REGEX:
        return s_is_regex(value);
    case TYPE:
        return s_is_type(value);
    case LIST:
        return yyjson_arr_size(value) > 0;
    case NAMES:
        return s_are_names(value);
    case RULES_OR_BOOL:
        return yyjson_is_bool(value) || s_know(self, value, place, problems);
    case RULES:
        return s_know(self, value, place, problems);
    case RULES_BY_NAME:
        return s_know_each(self, value, place, false, problems);
    case RULES_BY_REGEX:
        return s_know_each(self, value, place, true, problems);
    case REFERENCE:
        return s_is_reference(self, value, problems);
    }
    return false;
}

static bool s_know_keyword(schema_t *self, yyjson_val *value, const place_t *here, problems_t *problems)
{
    size_t i = 0;
    while (i < KEYWORDS && !yyjson_equals_str(here->key, keywords[i].name))
        i++;
    if (i == KEYWORDS)
        jsonfile_error(self->source, here, problems, "is no keyword that this program understands");
    else if (!s_know_value(self, keywords[i].kind, value, here, problems))
        jsonfile_error(self->source, here, problems, "has no value that this program understands");
    else
        return true;
    return false;
}

/* Whether the rules are understood. Beside $ref nothing else has a meaning, so nothing else may stand there.
 */
static bool s_know(schema_t *self, yyjson_val *rules, const place_t *place, problems_t *problems)
{
    size_t index, count;
    yyjson_val *key, *value;
    if (!yyjson_is_obj(rules) || (yyjson_obj_get(rules, "$ref") && yyjson_obj_size(rules) > 1)) {
        jsonfile_error(self->source, place, problems,
                       "has to be an object, and one with $ref nothing but that");
        return false;
    }
    yyjson_obj_foreach(rules, index, count, key, value)
    {
        place_t here = {place, key, 0};
        if (!s_know_keyword(self, value, &here, problems))
            return false;
    }
    return true;
}

/* ---- life ------------------------------------------------------------------------------------------- */

void schema_destroy(schema_t **self_p)
{
    schema_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->other_count; i++)
        schema_destroy(&self->others[i]);
    jsonfile_destroy(&self->source);
    free(self);
    *self_p = NULL;
}

schema_t *schema_of(jsonfile_t **source_p, problems_t *problems)
{
    schema_t *self = calloc(1, sizeof *self);
    if (!self) {
        problems_error(problems, jsonfile_name(*source_p), "memory is out");
        jsonfile_destroy(source_p);
        return NULL;
    }
    self->source = *source_p;
    *source_p = NULL;
    if (!s_know(self, jsonfile_root(self->source), NULL, problems))
        schema_destroy(&self);
    return self;
}

schema_t *schema_new(const char *name, problems_t *problems)
{
    char file[128];
    pbus_str_t text = schemas_text(pbus_str(name));
    snprintf(file, sizeof file, "%s" SUFFIX, name);
    if (!text.size) {
        problems_error(problems, file, "there is no such schema");
        return NULL;
    }
    jsonfile_t *source = jsonfile_parse(file, text.data, text.size, problems);
    return source ? schema_of(&source, problems) : NULL;
}
