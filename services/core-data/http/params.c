/*
 * Params: see params.h.
 */
#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <yyjson.h>
#include "json_text.h"
#include "message.h"
#include "number.h"
#include "params.h"
#include "text.h"

#define DEFAULT_LIMIT 20

typedef struct {
    params_t *params;
    const pbus_str_t *path; /* parameters, decoded; NULL data: not in this path */
    pbus_str_t query;
    uint32_t max_limit;
    int64_t now;
    arena_t *arena;
    pbus_error_t *error;
} reader_t;

/* ---- path ------------------------------------------------------------------------------------------- */

static pbus_status_t s_decode_path(const route_match_t *match, arena_t *arena, pbus_str_t path[PARAM_COUNT],
                                   pbus_error_t *error)
{
    for (size_t i = 0; i < PARAM_COUNT; i++) {
        path[i] = match->param[i];
        pbus_status_t status = path[i].data ? url_decode(path[i], false, arena, &path[i], error) : PBUS_OK;
        if (status != PBUS_OK)
            return status;
    }
    return PBUS_OK;
}

static pbus_status_t s_bound(reader_t *self, param_t param, const char *name, int64_t *value)
{
    pbus_str_t text = self->path[param];
    if (text.size == 0)
        return pbus_fail(self->error, PBUS_INVALID, "empty path param %s is not allowed", name);
    if (!number_int(text, value))
        return pbus_fail(
            self->error, PBUS_INVALID,
            "failed to parse path param %s's value %.*s into integer. Error:not an integer of 64 bits", name,
            SHOWN(text));
    if (*value < 0)
        return pbus_fail(self->error, PBUS_INVALID,
                         "path param %s's value %" PRId64 " is out of min 0 ~ max %" PRId64 " range.", name,
                         *value, INT64_MAX);
    return PBUS_OK;
}

static pbus_status_t s_range(reader_t *self)
{
    params_t *params = self->params;
    if (!self->path[PARAM_START].data)
        return PBUS_OK;
    pbus_status_t status = s_bound(self, PARAM_START, "start", &params->origin_min);
    if (status == PBUS_OK)
        status = s_bound(self, PARAM_END, "end", &params->origin_max);
    if (status != PBUS_OK)
        return status;
    if (params->origin_max < params->origin_min)
        return pbus_fail(self->error, PBUS_INVALID,
                         "end's value %" PRId64 " is not allowed to be less than start's value %" PRId64,
                         params->origin_max, params->origin_min);
    return PBUS_OK;
}

static pbus_status_t s_age(reader_t *self)
{
    pbus_str_t text = self->path[PARAM_AGE];
    int64_t age;
    if (!text.data)
        return PBUS_OK;
    if (!number_int(text, &age))
        return pbus_fail(self->error, PBUS_INVALID,
                         "age format parsing failed: '%.*s' is not an integer of 64 bits", SHOWN(text));
    /* An age beyond the range of time means everything, or nothing; saturating says just that. */
    if (__builtin_sub_overflow(self->now, age, &self->params->origin_max))
        self->params->origin_max = age < 0 ? INT64_MAX : INT64_MIN;
    return PBUS_OK;
}

static pbus_status_t s_id(reader_t *self)
{
    pbus_str_t text = self->path[PARAM_ID];
    if (!text.data || text_uuid(text, false, &self->params->id))
        return PBUS_OK;
    return pbus_fail(self->error, PBUS_INVALID, "fail to parse id as an UUID: '%.*s'", SHOWN(text));
}

static pbus_status_t s_names(reader_t *self)
{
    params_t *params = self->params;
    const pbus_str_t *path = self->path;
    params->service = path[PARAM_SERVICE];
    params->profile = path[PARAM_PROFILE];
    params->device = path[PARAM_DEVICE];
    params->source = path[PARAM_SOURCE];
    params->job = path[PARAM_JOB];
    if (params->route->kind == ROUTE_ADD) {
        if (text_is_blank(params->service))
            return pbus_fail(self->error, PBUS_INVALID, "service name sending event can not be empty");
        return PBUS_OK; /* the other names are compared with the event's */
    }
    if (path[PARAM_DEVICE].data && params->device.size == 0)
        return pbus_fail(self->error, PBUS_INVALID, "device name is empty");
    if (params->route->kind == ROUTE_PURGE && path[PARAM_DEVICE].data && text_is_blank(params->device))
        return pbus_fail(self->error, PBUS_INVALID, "blank device name is not allowed");
    if (path[PARAM_RESOURCE].data && path[PARAM_RESOURCE].size == 0)
        return pbus_fail(self->error, PBUS_INVALID, "resourceName is empty");
    if (path[PARAM_RESOURCE].data) {
        params->resources = &path[PARAM_RESOURCE];
        params->resource_count = 1;
    }
    return PBUS_OK;
}

/* A name that no group can have is as unknown as one that none has. */
static pbus_status_t s_known(reader_t *self, param_t param, const char *what, pbus_str_t *name)
{
    *name = self->path[param];
    if (!name->data || pbus_name_ok(*name))
        return PBUS_OK;
    return pbus_fail(self->error, PBUS_NOT_FOUND, "there is no %s '%.*s'", what, SHOWN(*name));
}

static pbus_status_t s_group(reader_t *self)
{
    pbus_status_t status = s_known(self, PARAM_GROUP, "group", &self->params->group);
    return status == PBUS_OK ? s_known(self, PARAM_WORKER, "worker", &self->params->worker) : status;
}

/* ---- query ------------------------------------------------------------------------------------------ */

static pbus_str_t s_trim(pbus_str_t text)
{
    while (text.size && strchr(" \t\r\n\v\f", text.data[0])) {
        text.data++;
        text.size--;
    }
    while (text.size && strchr(" \t\r\n\v\f", text.data[text.size - 1]))
        text.size--;
    return text;
}

static pbus_status_t s_query_int(reader_t *self, const char *key, int64_t fallback, int64_t max,
                                 int64_t *value)
{
    pbus_str_t text;
    pbus_status_t status = url_query(self->query, key, self->arena, &text, self->error);
    if (status != PBUS_OK)
        return status;
    *value = fallback;
    if (text.size == 0)
        return PBUS_OK;
    if (!number_int(s_trim(text), value))
        return pbus_fail(
            self->error, PBUS_INVALID,
            "failed to parse querystring %s's value %.*s into integer. Error:not an integer of 64 bits", key,
            SHOWN(text));
    if (*value < -1 || *value > max)
        return pbus_fail(self->error, PBUS_INVALID,
                         "querystring %s's value %" PRId64 " is out of min -1 ~ max %" PRId64 " range.", key,
                         *value, max);
    return PBUS_OK;
}

static bool s_is_true(pbus_str_t text)
{
    static const char *const words[] = {"1", "t", "T", "true", "True", "TRUE"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (pbus_str_eq(text, pbus_str(words[i])))
            return true;
    return false;
}

static pbus_status_t s_force(reader_t *self)
{
    pbus_str_t text;
    pbus_status_t status = url_query(self->query, "force", self->arena, &text, self->error);
    if (status != PBUS_OK)
        return status;
    self->params->force = pbus_str_eq(text, PBUS_STR("true"));
    if (text.size == 0 || self->params->force || pbus_str_eq(text, PBUS_STR("false")))
        return PBUS_OK;
    return pbus_fail(self->error, PBUS_INVALID, "querystring force's value %.*s is neither true nor false",
                     SHOWN(text));
}

static pbus_status_t s_function(reader_t *self)
{
    static const char *const names[] = {[PBUS_MIN] = "MIN",
                                        [PBUS_MAX] = "MAX",
                                        [PBUS_COUNT] = "COUNT",
                                        [PBUS_SUM] = "SUM",
                                        [PBUS_AVG] = "AVG"};
    pbus_str_t *text = &self->params->function_text;
    pbus_status_t status = url_query(self->query, "aggregateFunc", self->arena, text, self->error);
    if (status != PBUS_OK || text->size == 0)
        return status;
    for (unsigned i = PBUS_MIN; i <= PBUS_AVG; i++)
        if (text->size == strlen(names[i]) && strncasecmp(text->data, names[i], text->size) == 0)
            self->params->function = (pbus_function_t) i;
    if (self->params->function == 0)
        return pbus_fail(self->error, PBUS_INVALID,
                         "invalid aggregate function specified: '%.*s' is none of MIN, MAX, COUNT, SUM, AVG",
                         SHOWN(*text));
    return PBUS_OK;
}

static pbus_status_t s_page(reader_t *self)
{
    params_t *params = self->params;
    int64_t fallback = self->max_limit < DEFAULT_LIMIT ? self->max_limit : DEFAULT_LIMIT;
    int64_t offset, limit;
    pbus_str_t numeric;
    pbus_status_t status = s_query_int(self, "offset", 0, INT32_MAX, &offset);
    if (status == PBUS_OK)
        status = s_query_int(self, "limit", fallback, self->max_limit, &limit);
    if (status == PBUS_OK && params->route->what == PBUS_READINGS)
        status = s_function(self);
    if (status == PBUS_OK)
        status = url_query(self->query, "numeric", self->arena, &numeric, self->error);
    if (status != PBUS_OK)
        return status;
    params->want_total = offset >= 0;
    params->offset = offset < 0 ? 0 : (uint32_t) offset;
    params->limit = limit < 0 ? self->max_limit : (uint32_t) limit;
    params->numeric = s_is_true(numeric);
    return PBUS_OK;
}

/* ---- body ------------------------------------------------------------------------------------------- */

static bool s_is_listed(const pbus_str_t *names, size_t count, pbus_str_t name)
{
    for (size_t i = 0; i < count; i++)
        if (pbus_str_eq(names[i], name))
            return true;
    return false;
}

/* Strings, each once; others are skipped, as EdgeX does. One that no reading can have still restricts. */
static pbus_status_t s_resources(reader_t *self, yyjson_val *array)
{
    pbus_str_t *names = arena_alloc(self->arena, yyjson_arr_size(array) * sizeof *names);
    if (!names)
        return pbus_fail(self->error, PBUS_NOMEM, "memory is out");
    size_t count = 0;
    yyjson_arr_iter iter = yyjson_arr_iter_with(array);
    yyjson_val *item;
    while ((item = yyjson_arr_iter_next(&iter))) {
        pbus_str_t name = {yyjson_get_str(item), yyjson_get_len(item)};
        if (!yyjson_is_str(item) || s_is_listed(names, count, name))
            continue;
        if (!pbus_str_is_text(name))
            return pbus_fail(self->error, PBUS_INVALID, "query criteria [resourceNames] has a NUL character");
        names[count++] = name;
    }
    self->params->resources = names;
    self->params->resource_count = count;
    return PBUS_OK;
}

#define MAX_RESOURCES 1000 /* each is compared with all before it, and travels in the query */

static pbus_status_t s_body(reader_t *self, pbus_str_t body)
{
    yyjson_alc memory = json_memory(self->arena);
    if (body.size == 0 || self->params->function)
        return PBUS_OK;
    yyjson_doc *doc =
        yyjson_read_opts((char *) body.data, body.size, YYJSON_READ_STOP_WHEN_DONE, &memory, NULL);
    yyjson_val *root = yyjson_doc_get_root(doc);
    if (!yyjson_is_obj(root))
        return pbus_fail(self->error, PBUS_INVALID,
                         "query criteria should be a JSON object with resourceNames");
    yyjson_val *array = NULL, *key;
    yyjson_obj_iter iter = yyjson_obj_iter_with(root);
    while ((key = yyjson_obj_iter_next(&iter)))
        if (yyjson_equals_str(key, "resourceNames"))
            array = yyjson_obj_iter_get_val(key);
    if (!array || (yyjson_is_arr(array) && yyjson_arr_size(array) == 0))
        return PBUS_OK;
    if (!yyjson_is_arr(array))
        return pbus_fail(self->error, PBUS_INVALID, "query criteria [resourceNames] not in expected format");
    if (yyjson_arr_size(array) > MAX_RESOURCES)
        return pbus_fail(self->error, PBUS_INVALID, "query criteria [resourceNames] has more than %d names",
                         MAX_RESOURCES);
    return s_resources(self, array);
}

/* -------------------------------------------------------------------------------------------------- */

pbus_status_t params_read(params_t *self, const route_match_t *match, pbus_str_t query, pbus_str_t body,
                          uint32_t max_limit, int64_t now, arena_t *arena, pbus_error_t *error)
{
    *self = (params_t){.route = match->route, .origin_min = INT64_MIN, .origin_max = INT64_MAX};
    pbus_str_t *path = arena_alloc(arena, PARAM_COUNT * sizeof *path);
    if (!path)
        return pbus_fail(error, PBUS_NOMEM, "memory is out");
    reader_t reader = {self, path, query, max_limit, now, arena, error};
    pbus_status_t status = s_decode_path(match, arena, path, error);
    if (status == PBUS_OK)
        status = s_names(&reader);
    if (status == PBUS_OK)
        status = s_id(&reader);
    if (status == PBUS_OK)
        status = s_range(&reader);
    if (status == PBUS_OK)
        status = s_age(&reader);
    if (status == PBUS_OK)
        status = s_group(&reader);
    if (status == PBUS_OK && path[PARAM_GROUP].data)
        status = s_force(&reader);
    if (status == PBUS_OK && self->route->kind == ROUTE_LIST)
        status = s_page(&reader);
    if (status == PBUS_OK && self->route->body_filter)
        status = s_body(&reader, body);
    return status;
}
