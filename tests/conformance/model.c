#include "model.h"
#include "need.h"

#include <czmq.h>
#include <stdlib.h>
#include <string.h>

struct model {
    zhashx_t *events; /* model_event_t by id */
    zhashx_t *gone;   /* pbus_uuid_t: once held */
    pbus_decoder_t *decoder;
};

/* ---- events ----------------------------------------------------------------------------------------------
 */

/* Ids are random, so any bytes of them will do. */
static size_t s_hash(const void *id)
{
    size_t hash;
    memcpy(&hash, ((const pbus_uuid_t *) id)->bytes + 8, sizeof hash);
    return hash;
}

static int s_compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(pbus_uuid_t));
}

static void s_destroy_event(void **item_p)
{
    model_event_t *event = *item_p;
    pbus_buf_clear(&event->data);
    free((void *) event->event.readings);
    free(event);
    *item_p = NULL;
}

static void s_destroy_id(void **item_p)
{
    free(*item_p);
    *item_p = NULL;
}

static zhashx_t *s_table(void (*destroy)(void **item_p))
{
    zhashx_t *table = zhashx_new();
    need_made(table);
    zhashx_set_key_hasher(table, s_hash);
    zhashx_set_key_comparator(table, s_compare_ids);
    zhashx_set_key_duplicator(table, NULL);
    zhashx_set_key_destructor(table, NULL);
    zhashx_set_destructor(table, destroy);
    return table;
}

model_t *model_new(void)
{
    model_t *self = need_alloc(1, sizeof *self);
    self->events = s_table(s_destroy_event);
    self->gone = s_table(s_destroy_id);
    self->decoder = pbus_decoder_new();
    need_made(self->decoder);
    return self;
}

void model_destroy(model_t **self_p)
{
    model_t *self = *self_p;
    if (!self)
        return;
    zhashx_destroy(&self->events);
    zhashx_destroy(&self->gone);
    pbus_decoder_destroy(&self->decoder);
    free(self);
    *self_p = NULL;
}

void model_clear(model_t *self)
{
    zhashx_purge(self->events);
    zhashx_purge(self->gone);
}

static void s_keep(model_t *self, const batch_write_t *write, model_place_t place)
{
    model_event_t *kept = need_alloc(1, sizeof *kept);
    pbus_buf_append(&kept->data, write->event.data, write->event.size);
    need_buf(&kept->data);
    const pbus_event_t *event = pbus_decoder_event(self->decoder, kept->data.data, kept->data.size);
    need_made(event); /* made by the generator or by a case: it is well-formed */
    kept->event = *event;
    pbus_reading_t *readings = need_alloc(event->reading_count, sizeof *readings);
    memcpy(readings, event->readings, event->reading_count * sizeof *readings);
    kept->event.readings = readings;
    kept->accept = write->accept;
    kept->place = place;
    zhashx_insert(self->events, &kept->event.id, kept);
    zhashx_delete(self->gone, &kept->event.id);
}

static void s_drop(model_t *self, const pbus_uuid_t *id)
{
    pbus_uuid_t *gone = need_alloc(1, sizeof *gone);
    *gone = *id;
    zhashx_update(self->gone, gone, gone);
    zhashx_delete(self->events, gone);
}

pbus_status_t model_apply(model_t *self, const batch_write_t *write, model_place_t place)
{
    const model_event_t *known = model_find(self, &write->id);
    if (write->op == PBUS_DELETE) {
        if (known)
            s_drop(self, &write->id);
        return known ? PBUS_OK : PBUS_NOT_FOUND;
    }
    if (write->malformed)
        return PBUS_INVALID;
    if (known)
        return known->accept == write->accept ? PBUS_OK : PBUS_CONFLICT;
    s_keep(self, write, place);
    return PBUS_OK;
}

const model_event_t *model_find(const model_t *self, const pbus_uuid_t *id)
{
    return zhashx_lookup(self->events, id);
}

bool model_had(const model_t *self, const pbus_uuid_t *id)
{
    return zhashx_lookup(self->gone, id) != NULL;
}

static int s_newest_first(const void *left, const void *right)
{
    const pbus_event_t *a = &(*(const model_event_t *const *) left)->event;
    const pbus_event_t *b = &(*(const model_event_t *const *) right)->event;
    pbus_cursor_t x = {a->origin, a->id}, y = {b->origin, b->id};
    return pbus_cursor_cmp(&y, &x);
}

const model_event_t **model_events(const model_t *self, const pbus_filter_t *filter, size_t *count)
{
    const model_event_t **list = need_alloc(zhashx_size(self->events), sizeof(const model_event_t *));
    *count = 0;
    for (const model_event_t *event = zhashx_first(self->events); event; event = zhashx_next(self->events))
        if (pbus_filter_event(filter, &event->event, event->accept))
            list[(*count)++] = event;
    qsort(list, *count, sizeof(const model_event_t *), s_newest_first);
    return list;
}

uint64_t model_purge(model_t *self, const pbus_filter_t *filter)
{
    size_t count;
    const model_event_t **list = model_events(self, filter, &count);
    for (size_t i = 0; i < count; i++)
        s_drop(self, &list[i]->event.id);
    free(list);
    return count;
}

uint64_t model_count(const model_t *self, pbus_what_t what, const pbus_filter_t *filter)
{
    uint64_t count = 0;
    for (const model_event_t *event = zhashx_first(self->events); event; event = zhashx_next(self->events)) {
        if (what == PBUS_EVENTS)
            count += pbus_filter_event(filter, &event->event, event->accept);
        for (size_t i = 0; what == PBUS_READINGS && i < event->event.reading_count; i++)
            count += pbus_filter_reading(filter, &event->event.readings[i]);
    }
    return count;
}

/* ---- readings --------------------------------------------------------------------------------------------
 */

int model_reading_cmp(const pbus_reading_t *a, const pbus_reading_t *b)
{
    if (a->origin != b->origin)
        return a->origin > b->origin ? -1 : 1;
    int order = pbus_str_cmp(a->device, b->device);
    if (order == 0)
        order = pbus_str_cmp(a->resource, b->resource);
    if (order == 0)
        order = pbus_str_cmp(a->profile, b->profile);
    if (order == 0)
        order = (int) a->type - (int) b->type;
    if (order == 0)
        order = (int) a->is_null - (int) b->is_null;
    if (order == 0)
        order = pbus_str_cmp(a->value, b->value);
    if (order == 0)
        order = pbus_str_cmp(a->units, b->units);
    if (order == 0)
        order = pbus_str_cmp(a->tags, b->tags);
    return order ? order : pbus_str_cmp(a->media_type, b->media_type);
}

static int s_compare_readings(const void *a, const void *b)
{
    return model_reading_cmp(((const model_reading_t *) a)->reading, ((const model_reading_t *) b)->reading);
}

model_reading_t *model_readings(const model_t *self, const pbus_filter_t *filter, size_t *count)
{
    pbus_filter_t any = pbus_filter_any();
    model_reading_t *list = need_alloc(model_count(self, PBUS_READINGS, &any), sizeof *list);
    *count = 0;
    for (const model_event_t *event = zhashx_first(self->events); event; event = zhashx_next(self->events))
        for (size_t i = 0; i < event->event.reading_count; i++)
            if (pbus_filter_reading(filter, &event->event.readings[i]))
                list[(*count)++] = (model_reading_t){event, &event->event.readings[i]};
    qsort(list, *count, sizeof *list, s_compare_readings);
    return list;
}

/* ---- groups and sources ----------------------------------------------------------------------------------
 */

bool model_same_group(const pbus_reading_t *a, const pbus_reading_t *b)
{
    return a->type == b->type && pbus_str_eq(a->device, b->device) && pbus_str_eq(a->profile, b->profile) &&
           pbus_str_eq(a->resource, b->resource);
}

/* NaN and infinities are no numbers here. */
static void s_take_number(model_group_t *group, const pbus_reading_t *reading)
{
    exact_t number;
    if (reading->is_null || reading->type < PBUS_UINT8 || reading->type > PBUS_FLOAT64 ||
        !exact_parse(&number, reading->value))
        return;
    if (group->count == 0 || exact_compare(&number, &group->least) < 0)
        group->least = number;
    if (group->count == 0 || exact_compare(&number, &group->greatest) > 0)
        group->greatest = number;
    exact_add(&group->sum, &number);
    group->count++;
}

model_group_t *model_groups(const model_t *self, const pbus_filter_t *filter, size_t *count)
{
    size_t readings;
    model_reading_t *list = model_readings(self, filter, &readings);
    model_group_t *groups = need_alloc(readings, sizeof *groups);
    *count = 0;
    for (size_t i = 0; i < readings; i++) {
        size_t at = 0;
        while (at < *count && !model_same_group(&groups[at].like, list[i].reading))
            at++;
        if (at == *count)
            groups[(*count)++].like = *list[i].reading;
        s_take_number(&groups[at], list[i].reading);
    }
    free(list);
    return groups;
}

model_source_t *model_sources(const model_t *self, size_t *count)
{
    model_source_t *sources = need_alloc(zhashx_size(self->events), sizeof *sources);
    *count = 0;
    for (const model_event_t *held = zhashx_first(self->events); held; held = zhashx_next(self->events)) {
        const pbus_event_t *event = &held->event;
        size_t at = 0;
        while (at < *count && !(pbus_str_eq(sources[at].device, event->device) &&
                                pbus_str_eq(sources[at].source, event->source)))
            at++;
        if (at == *count)
            sources[(*count)++] = (model_source_t){event->device, event->source, 0};
        sources[at].events++;
    }
    return sources;
}
