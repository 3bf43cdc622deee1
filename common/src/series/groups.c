#include <persistbus/series/groups.h>

#include <persistbus/series/decimal.h>
#include <persistbus/series/map.h>

#include <stdlib.h>

typedef struct group {
    struct group *next;
    pbus_reading_t like; /* device, profile, resource, type */
    uint64_t count;
    pbus_buf_t best;         /* MIN, MAX: the text of the least or greatest yet */
    pbus_decimal_sum_t *sum; /* SUM, AVG */
} group_t;

struct pbus_groups {
    pbus_function_t function;
    uint64_t seed;
    pbus_map_t *by_names;
    group_t *groups;
};

/* ---- groups ----------------------------------------------------------------------------------------------
 */

static bool s_is_group(const void *item, const void *wanted)
{
    const pbus_reading_t *a = &((const group_t *) item)->like, *b = wanted;
    return a->type == b->type && pbus_str_eq(a->resource, b->resource) && pbus_str_eq(a->device, b->device) &&
           pbus_str_eq(a->profile, b->profile);
}

static uint64_t s_hash(const pbus_groups_t *self, const pbus_reading_t *like)
{
    uint64_t hash = pbus_map_hash_number(self->seed, like->type);
    hash = pbus_map_hash_text(hash, like->device);
    hash = pbus_map_hash_text(hash, like->profile);
    return pbus_map_hash_text(hash, like->resource);
}

static void s_group_destroy(group_t *group)
{
    free((char *) group->like.device.data);
    pbus_buf_clear(&group->best);
    free(group->sum);
    free(group);
}

pbus_groups_t *pbus_groups_new(pbus_function_t function)
{
    pbus_groups_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->function = function;
    self->seed = pbus_map_seed();
    self->by_names = pbus_map_new();
    if (!self->by_names)
        pbus_groups_destroy(&self);
    return self;
}

void pbus_groups_destroy(pbus_groups_t **self_p)
{
    pbus_groups_t *self = *self_p;
    if (!self)
        return;
    while (self->groups) {
        group_t *next = self->groups->next;
        s_group_destroy(self->groups);
        self->groups = next;
    }
    pbus_map_destroy(&self->by_names);
    free(self);
    *self_p = NULL;
}

/* Copies the names into one block, which begins with the device's. */
static bool s_copy_names(pbus_reading_t *to, const pbus_reading_t *from)
{
    pbus_buf_t text = {0};
    pbus_buf_append(&text, from->device.data, from->device.size);
    pbus_buf_append(&text, from->profile.data, from->profile.size);
    pbus_buf_append(&text, from->resource.data, from->resource.size);
    if (text.failed) {
        pbus_buf_clear(&text);
        return false;
    }
    const char *at = (const char *) text.data;
    *to = (pbus_reading_t){.type = from->type,
                           .device = {at, from->device.size},
                           .profile = {at + from->device.size, from->profile.size},
                           .resource = {at + from->device.size + from->profile.size, from->resource.size}};
    return true;
}

static group_t *s_add_group(pbus_groups_t *self, const pbus_reading_t *like)
{
    group_t *group = calloc(1, sizeof *group);
    bool sums = self->function == PBUS_SUM || self->function == PBUS_AVG;
    if (!group)
        return NULL;
    if (sums)
        group->sum = calloc(1, sizeof *group->sum);
    if ((sums && !group->sum) || !s_copy_names(&group->like, like) ||
        !pbus_map_add(self->by_names, s_hash(self, like), group)) {
        s_group_destroy(group);
        return NULL;
    }
    group->next = self->groups;
    self->groups = group;
    return group;
}

static bool s_is_scalar_number(pbus_type_t type)
{
    return type >= PBUS_UINT8 && type <= PBUS_FLOAT64;
}

static bool s_take_extreme(pbus_groups_t *self, group_t *group, const pbus_decimal_t *number, pbus_str_t text)
{
    pbus_decimal_t best;
    if (group->count > 1) {
        pbus_decimal_parse((pbus_str_t){(const char *) group->best.data, group->best.size}, &best);
        int order = pbus_decimal_compare(number, &best);
        if (self->function == PBUS_MIN ? order >= 0 : order <= 0)
            return true;
    }
    pbus_buf_reset(&group->best);
    pbus_buf_append(&group->best, text.data, text.size);
    return !group->best.failed;
}

pbus_status_t pbus_groups_take(pbus_groups_t *self, const pbus_reading_t *reading, pbus_error_t *error)
{
    pbus_decimal_t number;
    group_t *group = pbus_map_find(self->by_names, s_hash(self, reading), s_is_group, reading);
    if (!group)
        group = s_add_group(self, reading);
    if (!group)
        return pbus_fail(error, PBUS_NOMEM, "out of memory while aggregating");
    if (reading->is_null || !s_is_scalar_number(reading->type) ||
        !pbus_decimal_parse(reading->value, &number))
        return PBUS_OK;
    group->count++;
    if (group->sum && !pbus_decimal_sum_add(group->sum, &number))
        return pbus_fail(error, PBUS_INTERNAL, "a stored value of %.*s is beyond the range of 64-bit floats",
                         (int) (reading->resource.size < 100 ? reading->resource.size : 100),
                         reading->resource.data);
    if ((self->function == PBUS_MIN || self->function == PBUS_MAX) &&
        !s_take_extreme(self, group, &number, reading->value))
        return pbus_fail(error, PBUS_NOMEM, "out of memory while aggregating");
    return PBUS_OK;
}

/* ---- results ---------------------------------------------------------------------------------------------
 */

/* Whether a whole number lies within 64 bits, signed or not as the type is. */
static bool s_fits(pbus_type_t type, pbus_str_t text)
{
    bool is_signed = type >= PBUS_INT8 && type <= PBUS_INT64;
    pbus_decimal_t value, least, greatest;
    pbus_decimal_parse(text, &value);
    pbus_decimal_parse(is_signed ? PBUS_STR("-9223372036854775808") : PBUS_STR("0"), &least);
    pbus_decimal_parse(is_signed ? PBUS_STR("9223372036854775807") : PBUS_STR("18446744073709551615"),
                       &greatest);
    return pbus_decimal_compare(&value, &least) >= 0 && pbus_decimal_compare(&value, &greatest) <= 0;
}

static pbus_status_t s_fail_overflow(const group_t *group, pbus_error_t *error)
{
    return pbus_fail(
        error, PBUS_OVERFLOW, "the sum of the %s readings of %.*s does not fit 64 bits: narrow the query",
        pbus_type_name(group->like.type),
        (int) (group->like.resource.size < 100 ? group->like.resource.size : 100), group->like.resource.data);
}

static void s_put_value(const pbus_groups_t *self, group_t *group, pbus_buf_t *out)
{
    if (self->function == PBUS_COUNT)
        pbus_buf_printf(out, "%llu", (unsigned long long) group->count);
    else if (group->sum)
        pbus_decimal_sum_text(group->sum, self->function == PBUS_AVG ? group->count : 1, out);
    else
        pbus_buf_append(out, group->best.data, group->best.size);
}

/* *more: whether the visitor wants another. */
static pbus_status_t s_visit(const pbus_groups_t *self, group_t *group, pbus_buf_t *text,
                             pbus_groups_visit_t *visit, void *arg, bool *more, pbus_error_t *error)
{
    bool is_float = group->like.type == PBUS_FLOAT32 || group->like.type == PBUS_FLOAT64;
    pbus_buf_reset(text);
    if (group->count > 0)
        s_put_value(self, group, text);
    if (text->failed)
        return pbus_fail(error, PBUS_NOMEM, "out of memory while aggregating");
    pbus_str_t value = text->size > 0 ? (pbus_str_t){(const char *) text->data, text->size} : PBUS_STR("");
    if (self->function == PBUS_SUM && !is_float && group->count > 0 && !s_fits(group->like.type, value))
        return s_fail_overflow(group, error);
    *more = visit(arg, &group->like, group->count, value);
    return PBUS_OK;
}

pbus_status_t pbus_groups_each(const pbus_groups_t *self, pbus_groups_visit_t *visit, void *arg,
                               pbus_error_t *error)
{
    pbus_buf_t text = {0};
    pbus_status_t status = PBUS_OK;
    bool more = true;
    for (group_t *group = self->groups; group && more && status == PBUS_OK; group = group->next)
        status = s_visit(self, group, &text, visit, arg, &more, error);
    pbus_buf_clear(&text);
    return status;
}

static bool s_add(void *arg, const pbus_reading_t *like, uint64_t count, pbus_str_t value)
{
    return pbus_result_add_group(arg, like, count, value);
}

pbus_status_t pbus_groups_put(const pbus_groups_t *self, pbus_result_t *result, pbus_error_t *error)
{
    return pbus_groups_each(self, s_add, result, error);
}
