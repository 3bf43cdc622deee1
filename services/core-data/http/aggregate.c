/*
 * Aggregate: see aggregate.h. Readings are gathered in the SDK's groups, which become rows at the end.
 */
#include <stdlib.h>
#include <string.h>
#include <persistbus/series/groups.h>
#include "aggregate.h"
#include "json_text.h"
#include "render.h"
#include "text.h"
#include "value.h"

#define PUT(out, literal) pbus_buf_append((out), (literal), sizeof(literal) - 1)

typedef struct row row_t;

struct row {
    pbus_reading_t like; /* device, profile, resource, type */
    uint64_t count;
    pbus_str_t value; /* in decimal, exact */
    row_t *next;
};

struct aggregate {
    pbus_function_t function;
    arena_t *arena;
    pbus_groups_t *groups; /* of readings; NULL: none came */
    row_t *rows;
    size_t size;
};

aggregate_t *aggregate_new(pbus_function_t function, arena_t *arena)
{
    aggregate_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->function = function;
    self->arena = arena;
    return self;
}

void aggregate_destroy(aggregate_t **self_p)
{
    if (!*self_p)
        return;
    pbus_groups_destroy(&(*self_p)->groups);
    free(*self_p);
    *self_p = NULL;
}

/* ---- collecting ------------------------------------------------------------------------------------- */

static int s_compare(const void *a, const void *b)
{
    const pbus_reading_t *one = &((const row_t *) a)->like, *other = &((const row_t *) b)->like;
    int order = pbus_str_cmp(one->device, other->device);
    if (order == 0)
        order = pbus_str_cmp(one->resource, other->resource);
    if (order == 0)
        order = pbus_str_cmp(one->profile, other->profile);
    return order ? order : (int) one->type - (int) other->type;
}

static bool s_copy(arena_t *arena, pbus_str_t *text)
{
    text->data = arena_copy(arena, text->data, text->size);
    return text->data != NULL;
}

static row_t *s_new_row(aggregate_t *self, const pbus_reading_t *like)
{
    row_t *row = arena_alloc(self->arena, sizeof *row);
    if (!row)
        return NULL;
    *row = (row_t){.like = {.device = like->device,
                            .profile = like->profile,
                            .resource = like->resource,
                            .type = like->type},
                   .value = PBUS_STR("")};
    if (!s_copy(self->arena, &row->like.device) || !s_copy(self->arena, &row->like.profile) ||
        !s_copy(self->arena, &row->like.resource))
        return NULL;
    row->next = self->rows;
    self->rows = row;
    self->size++;
    return row;
}

bool aggregate_add_group(aggregate_t *self, const pbus_reading_t *like, uint64_t count, pbus_str_t value)
{
    row_t *row = s_new_row(self, like);
    if (!row)
        return false;
    row->count = count;
    row->value = value;
    return s_copy(self->arena, &row->value);
}

pbus_status_t aggregate_add_reading(aggregate_t *self, const pbus_reading_t *reading, pbus_error_t *error)
{
    if (!self->groups)
        self->groups = pbus_groups_new(self->function);
    return self->groups ? pbus_groups_take(self->groups, reading, error)
                        : pbus_fail(error, PBUS_NOMEM, "memory is out");
}

static bool s_add_group(void *self, const pbus_reading_t *like, uint64_t count, pbus_str_t value)
{
    return aggregate_add_group(self, like, count, value);
}

/* ---- rows ------------------------------------------------------------------------------------------- */

typedef enum { RESULT_INT, RESULT_UINT, RESULT_FLOAT } result_t;

static result_t s_result(const aggregate_t *self, pbus_type_t type)
{
    if (self->function == PBUS_COUNT)
        return RESULT_UINT;
    if (self->function == PBUS_AVG || type == PBUS_FLOAT32 || type == PBUS_FLOAT64)
        return RESULT_FLOAT;
    return type >= PBUS_UINT8 && type <= PBUS_UINT64 ? RESULT_UINT : RESULT_INT;
}

/* The whole number's digits; false when it has a fraction or too many of them. */
static bool s_whole(const decimal_t *number, char text[NUMBER_TEXT], pbus_str_t *digits)
{
    if (number->point > 20 || number->count > number->point)
        return false;
    *digits = (pbus_str_t){text, decimal_write_json(number, text)};
    return true;
}

static pbus_status_t s_put_number(const row_t *row, result_t result, decimal_t *number, pbus_buf_t *out,
                                  pbus_error_t *error)
{
    char text[NUMBER_TEXT];
    pbus_str_t digits;
    int64_t whole;
    uint64_t large;
    bool fits;
    if (result == RESULT_FLOAT) {
        fits = decimal_to_float64(number);
        digits = (pbus_str_t){text, fits ? decimal_write_json(number, text) : 0};
    } else
        fits = s_whole(number, text, &digits) &&
               (result == RESULT_INT ? number_int(digits, &whole) : number_uint(digits, &large));
    if (!fits)
        return pbus_fail(error, PBUS_OVERFLOW, "the aggregate of %.*s of %.*s does not fit 64 bits",
                         SHOWN(row->like.resource), SHOWN(row->like.device));
    pbus_buf_append(out, digits.data, digits.size);
    return PBUS_OK;
}

static void s_put_names(const row_t *row, const char *type, pbus_buf_t *out)
{
    PUT(out, "{\"deviceName\":");
    json_string(out, row->like.device);
    PUT(out, ",\"resourceName\":");
    json_string(out, row->like.resource);
    PUT(out, ",\"profileName\":");
    json_string(out, row->like.profile);
    PUT(out, ",\"valueType\":\"");
    pbus_buf_puts(out, type);
    PUT(out, "\"");
}

/* A row of readings that have no number. */
static void s_put_empty(const row_t *row, pbus_buf_t *out)
{
    pbus_type_t type = row->like.type;
    s_put_names(row, pbus_type_name(type), out);
    if (type != PBUS_BINARY && type != PBUS_OBJECT && type != PBUS_OBJECT_ARRAY)
        PUT(out, ",\"value\":\"\"");
    PUT(out, "}");
}

static pbus_status_t s_put_row(const aggregate_t *self, const row_t *row, pbus_buf_t *out,
                               pbus_error_t *error)
{
    static const char *const names[] = {
        [RESULT_INT] = "Int64", [RESULT_UINT] = "Uint64", [RESULT_FLOAT] = "Float64"};
    decimal_t number;
    if (self->function != PBUS_COUNT && row->count == 0) {
        s_put_empty(row, out);
        return PBUS_OK;
    }
    result_t result = s_result(self, row->like.type);
    s_put_names(row, names[result], out);
    PUT(out, ",\"value\":");
    pbus_status_t status = PBUS_OK;
    if (self->function == PBUS_COUNT)
        render_uint(out, row->count);
    else if (decimal_parse(&number, row->value))
        status = s_put_number(row, result, &number, out, error);
    else
        json_string(out, row->value);
    PUT(out, "}");
    return status;
}

/* ---- body ------------------------------------------------------------------------------------------- */

static int s_compare_place(const void *a, const void *b)
{
    return s_compare(*(const row_t *const *) a, *(const row_t *const *) b);
}

static const row_t **s_sorted(aggregate_t *self)
{
    const row_t **rows = arena_alloc(self->arena, self->size * sizeof(const row_t *));
    size_t i = 0;
    if (!rows)
        return NULL;
    for (const row_t *row = self->rows; row; row = row->next)
        rows[i++] = row;
    qsort(rows, self->size, sizeof(const row_t *), s_compare_place);
    return rows;
}

pbus_status_t aggregate_render(aggregate_t *self, pbus_str_t function_text, uint32_t offset, uint32_t limit,
                               pbus_buf_t *out, pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    if (self->groups)
        status = pbus_groups_each(self->groups, s_add_group, self, error);
    pbus_groups_destroy(&self->groups);
    if (status != PBUS_OK)
        return status;
    const row_t **rows = s_sorted(self);
    if (!rows)
        return pbus_fail(error, PBUS_NOMEM, "memory is out");
    size_t end = (size_t) offset + limit < self->size ? (size_t) offset + limit : self->size;
    render_head(out, PBUS_STR(""), 200);
    PUT(out, ",\"aggregateFunc\":");
    json_string(out, function_text);
    PUT(out, ",\"readings\":[");
    for (size_t i = offset; i < end; i++) {
        pbus_buf_append(out, ",", i > offset);
        status = s_put_row(self, rows[i], out, error);
        if (status != PBUS_OK)
            return status;
    }
    PUT(out, "]}\n");
    return PBUS_OK;
}
