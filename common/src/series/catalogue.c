#include <persistbus/series/catalogue.h>

#include <persistbus/series/map.h>

#include <stdlib.h>
#include <string.h>

#define PLAIN_MAX 64                  /* plain series of a (device, source) */
#define PLAIN_WEIGHT_MAX (256 * 1024) /* bytes of memory that they may take in all */

/* A growing list. */
typedef struct {
    const pbus_series_t **items;
    size_t count;
    size_t capacity;
} list_t;

typedef enum { DEVICE, SOURCE, READING_DEVICE, RESOURCE } group_kind_t;

/* The series that have something in common. */
typedef struct {
    group_kind_t kind;
    pbus_str_t first, second; /* views into the memory of the first series */
    list_t list;
    size_t plain;  /* how many of them */
    size_t weight; /* bytes of the plain ones */
} group_t;

struct pbus_catalogue {
    uint64_t seed;
    pbus_map_t *by_content;
    pbus_map_t *by_number;
    pbus_map_t *groups;
    list_t all; /* owns the series */
    list_t mixed;
    list_t classes[PBUS_SPREAD_CLASSES];
    pbus_spread_t spreads[PBUS_SPREAD_CLASSES];
    group_t **group_list; /* owns the groups */
    size_t group_count, group_capacity;
};

/* ---- life ------------------------------------------------------------------------------------------------
 */

pbus_catalogue_t *pbus_catalogue_new(void)
{
    pbus_catalogue_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->by_content = pbus_map_new();
    self->by_number = pbus_map_new();
    self->groups = pbus_map_new();
    self->seed = pbus_map_seed();
    if (!self->by_content || !self->by_number || !self->groups)
        pbus_catalogue_destroy(&self);
    return self;
}

void pbus_catalogue_destroy(pbus_catalogue_t **self_p)
{
    pbus_catalogue_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->all.count; i++)
        free((pbus_series_t *) self->all.items[i]);
    for (size_t i = 0; i < self->group_count; i++) {
        free(self->group_list[i]->list.items);
        free(self->group_list[i]);
    }
    for (int i = 0; i < PBUS_SPREAD_CLASSES; i++)
        free(self->classes[i].items);
    free(self->all.items);
    free(self->mixed.items);
    free(self->group_list);
    pbus_map_destroy(&self->by_content);
    pbus_map_destroy(&self->by_number);
    pbus_map_destroy(&self->groups);
    free(self);
    *self_p = NULL;
}

/* ---- one series ------------------------------------------------------------------------------------------
 */

static size_t s_name_bytes(const pbus_reading_t *reading)
{
    return reading->device.size + reading->profile.size + reading->resource.size + reading->units.size +
           reading->media_type.size;
}

static pbus_str_t s_copy(char **at, pbus_str_t text)
{
    pbus_str_t copy = {*at, text.size};
    if (text.size > 0)
        memcpy(*at, text.data, text.size);
    *at += text.size;
    return copy;
}

/* Most readings share names with their event: those are kept once. */
static pbus_str_t s_share(char **at, pbus_str_t text, pbus_str_t known)
{
    return pbus_str_eq(text, known) ? known : s_copy(at, text);
}

static void s_copy_names(pbus_series_t *self, const pbus_series_t *draft, char *at)
{
    self->device = s_copy(&at, draft->device);
    self->profile = s_copy(&at, draft->profile);
    self->source = s_copy(&at, draft->source);
    for (size_t i = 0; i < draft->reading_count; i++) {
        const pbus_reading_t *from = &draft->readings[i];
        self->readings[i] = (pbus_reading_t){.device = s_share(&at, from->device, self->device),
                                             .profile = s_share(&at, from->profile, self->profile),
                                             .resource = s_share(&at, from->resource, self->source),
                                             .type = from->type,
                                             .units = s_copy(&at, from->units),
                                             .media_type = s_copy(&at, from->media_type),
                                             .tags = PBUS_STR(""),
                                             .value = PBUS_STR("")};
    }
}

/* A copy of the draft in one block of memory. */
static pbus_series_t *s_series_new(const pbus_series_t *draft)
{
    size_t size = sizeof(pbus_series_t) + draft->reading_count * sizeof(pbus_reading_t) + draft->device.size +
                  draft->profile.size + draft->source.size;
    for (size_t i = 0; i < draft->reading_count; i++)
        size += s_name_bytes(&draft->readings[i]);
    pbus_series_t *self = malloc(size);
    if (!self)
        return NULL;
    *self = *draft;
    self->readings = (pbus_reading_t *) (self + 1);
    self->weight = size;
    s_copy_names(self, draft, (char *) (self->readings + draft->reading_count));
    return self;
}

static uint64_t s_hash(const pbus_catalogue_t *self, const pbus_series_t *draft)
{
    uint64_t hash = pbus_map_hash_number(self->seed, (uint64_t) draft->kind << 8 | (uint64_t) draft->class);
    hash = pbus_map_hash_text(hash, draft->device);
    hash = pbus_map_hash_text(hash, draft->profile);
    hash = pbus_map_hash_text(hash, draft->source);
    for (size_t i = 0; i < draft->reading_count; i++) {
        const pbus_reading_t *reading = &draft->readings[i];
        hash = pbus_map_hash_number(hash, reading->type);
        hash = pbus_map_hash_text(hash, reading->device);
        hash = pbus_map_hash_text(hash, reading->profile);
        hash = pbus_map_hash_text(hash, reading->resource);
        hash = pbus_map_hash_text(hash, reading->units);
        hash = pbus_map_hash_text(hash, reading->media_type);
    }
    return hash;
}

static bool s_same_names(const pbus_reading_t *a, const pbus_reading_t *b)
{
    return a->type == b->type && pbus_str_eq(a->resource, b->resource) && pbus_str_eq(a->device, b->device) &&
           pbus_str_eq(a->profile, b->profile) && pbus_str_eq(a->units, b->units) &&
           pbus_str_eq(a->media_type, b->media_type);
}

static bool s_is_content(const void *item, const void *wanted)
{
    const pbus_series_t *a = item, *b = wanted;
    if (a->kind != b->kind || a->class != b->class || a->reading_count != b->reading_count ||
        !pbus_str_eq(a->device, b->device) || !pbus_str_eq(a->source, b->source) ||
        !pbus_str_eq(a->profile, b->profile))
        return false;
    for (size_t i = 0; i < a->reading_count; i++)
        if (!s_same_names(&a->readings[i], &b->readings[i]))
            return false;
    return true;
}

/* ---- lists -----------------------------------------------------------------------------------------------
 */

static bool s_append(list_t *self, const pbus_series_t *series)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity ? self->capacity * 2 : 4;
        const pbus_series_t **items = realloc(self->items, capacity * sizeof *items);
        if (!items)
            return false;
        self->items = items;
        self->capacity = capacity;
    }
    self->items[self->count++] = series;
    return true;
}

static pbus_series_list_t s_view(const list_t *list)
{
    return (pbus_series_list_t){list->items, list->count};
}

static bool s_is_group(const void *item, const void *wanted)
{
    const group_t *a = item, *b = wanted;
    return a->kind == b->kind && pbus_str_eq(a->first, b->first) && pbus_str_eq(a->second, b->second);
}

static uint64_t s_group_hash(const pbus_catalogue_t *self, const group_t *wanted)
{
    uint64_t hash = pbus_map_hash_number(self->seed, wanted->kind);
    return pbus_map_hash_text(pbus_map_hash_text(hash, wanted->first), wanted->second);
}

static group_t *s_group(const pbus_catalogue_t *self, group_kind_t kind, pbus_str_t first, pbus_str_t second)
{
    group_t wanted = {.kind = kind, .first = first, .second = second};
    return pbus_map_find(self->groups, s_group_hash(self, &wanted), s_is_group, &wanted);
}

static group_t *s_group_add(pbus_catalogue_t *self, group_kind_t kind, pbus_str_t first, pbus_str_t second)
{
    if (self->group_count == self->group_capacity) {
        size_t capacity = self->group_capacity ? self->group_capacity * 2 : 64;
        group_t **groups = realloc(self->group_list, capacity * sizeof *groups);
        if (!groups)
            return NULL;
        self->group_list = groups;
        self->group_capacity = capacity;
    }
    group_t *group = calloc(1, sizeof *group);
    if (!group)
        return NULL;
    *group = (group_t){.kind = kind, .first = first, .second = second};
    if (!pbus_map_add(self->groups, s_group_hash(self, group), group)) {
        free(group);
        return NULL;
    }
    self->group_list[self->group_count++] = group;
    return group;
}

/* Puts the series into a group, once. */
static bool s_join(pbus_catalogue_t *self, const pbus_series_t *series, group_kind_t kind, pbus_str_t first,
                   pbus_str_t second)
{
    group_t *group = s_group(self, kind, first, second);
    if (!group)
        group = s_group_add(self, kind, first, second);
    if (!group)
        return false;
    if (group->list.count > 0 && group->list.items[group->list.count - 1] == series)
        return true;
    if (series->kind == PBUS_SERIES_PLAIN) {
        group->plain++;
        group->weight += series->weight;
    }
    return s_append(&group->list, series);
}

static bool s_join_all(pbus_catalogue_t *self, const pbus_series_t *series)
{
    const pbus_str_t none = PBUS_STR("");
    bool ok = s_join(self, series, DEVICE, series->device, none) &&
              s_join(self, series, SOURCE, series->device, series->source) &&
              s_append(&self->classes[series->class], series);
    if (ok && series->kind != PBUS_SERIES_PLAIN)
        ok = s_append(&self->mixed, series);
    for (size_t i = 0; i < series->reading_count && ok; i++)
        ok = s_join(self, series, READING_DEVICE, series->readings[i].device, none) &&
             s_join(self, series, RESOURCE, series->readings[i].resource, none);
    return ok;
}

static bool s_is_number(const void *item, const void *wanted)
{
    return ((const pbus_series_t *) item)->number == *(const int64_t *) wanted;
}

static uint64_t s_number_hash(const pbus_catalogue_t *self, int64_t number)
{
    return pbus_map_hash_number(self->seed, (uint64_t) number);
}

static pbus_series_t *s_find_number(const pbus_catalogue_t *self, int64_t number)
{
    return pbus_map_find(self->by_number, s_number_hash(self, number), s_is_number, &number);
}

static void s_widen_class(pbus_catalogue_t *self, const pbus_series_t *series)
{
    if (self->classes[series->class].count <= 1)
        self->spreads[series->class] = series->spread;
    else
        pbus_spread_widen(&self->spreads[series->class], series->spread);
}

/* Takes in a copy of the draft; NULL when memory is out. */
static pbus_series_t *s_adopt(pbus_catalogue_t *self, const pbus_series_t *draft)
{
    pbus_series_t *series = s_series_new(draft);
    if (!series)
        return NULL;
    series->hash = s_hash(self, series);
    if (!s_append(&self->all, series)) {
        free(series);
        return NULL;
    }
    if (!pbus_map_add(self->by_content, series->hash, series) ||
        !pbus_map_add(self->by_number, s_number_hash(self, series->number), series) ||
        !s_join_all(self, series))
        return NULL;
    s_widen_class(self, series);
    return series;
}

/* ---- events and series
 * -----------------------------------------------------------------------------------------
 */

static size_t s_weight(const pbus_event_t *event)
{
    size_t weight = event->reading_count * sizeof(pbus_reading_t);
    for (size_t i = 0; i < event->reading_count; i++)
        weight += s_name_bytes(&event->readings[i]);
    return weight;
}

static bool s_has_room(const pbus_catalogue_t *self, const pbus_event_t *event)
{
    const group_t *group = s_group(self, SOURCE, event->device, event->source);
    size_t used = group ? group->weight : 0;
    return (!group || group->plain < PLAIN_MAX) && used + s_weight(event) <= PLAIN_WEIGHT_MAX;
}

static void s_make_mixed(pbus_series_t *draft, const pbus_event_t *event)
{
    draft->kind = PBUS_SERIES_MIXED;
    for (size_t i = 0; i < event->reading_count; i++)
        if (!pbus_str_eq(event->readings[i].device, event->device))
            draft->kind = PBUS_SERIES_MIXED_FOREIGN;
    draft->profile = PBUS_STR("");
    draft->readings = NULL;
    draft->reading_count = 0;
}

static pbus_series_t *s_find(const pbus_catalogue_t *self, const pbus_series_t *draft)
{
    return pbus_map_find(self->by_content, s_hash(self, draft), s_is_content, draft);
}

pbus_assignment_t pbus_catalogue_assign(const pbus_catalogue_t *self, const pbus_event_t *event)
{
    pbus_spread_t spread = pbus_spread_of(event);
    pbus_assignment_t found = {.need = PBUS_CATALOGUE_NOTHING,
                               .draft = {.kind = PBUS_SERIES_PLAIN,
                                         .class = pbus_spread_class(spread),
                                         .spread = pbus_spread_rounded(spread),
                                         .device = event->device,
                                         .profile = event->profile,
                                         .source = event->source,
                                         /* A draft is only read. */
                                         .readings = (pbus_reading_t *) event->readings,
                                         .reading_count = event->reading_count}};
    found.series = s_find(self, &found.draft);
    if (!found.series && !s_has_room(self, event)) {
        s_make_mixed(&found.draft, event);
        found.series = s_find(self, &found.draft);
    }
    if (!found.series)
        found.need = PBUS_CATALOGUE_SERIES;
    else if (pbus_spread_widen(&(pbus_spread_t){found.series->spread.low, found.series->spread.high},
                               spread)) {
        pbus_spread_widen(&found.draft.spread, found.series->spread);
        found.need = PBUS_CATALOGUE_SPREAD;
    }
    return found;
}

const pbus_series_t *pbus_catalogue_add(pbus_catalogue_t *self, const pbus_series_t *draft)
{
    return s_adopt(self, draft);
}

bool pbus_catalogue_widen(pbus_catalogue_t *self, int64_t number, pbus_spread_t spread)
{
    pbus_series_t *known = s_find_number(self, number);
    if (!known)
        return false;
    pbus_spread_widen(&known->spread, spread);
    s_widen_class(self, known);
    return true;
}

/* ---- looking up ------------------------------------------------------------------------------------------
 */

const pbus_series_t *pbus_catalogue_series(const pbus_catalogue_t *self, int64_t number)
{
    return s_find_number(self, number);
}

static pbus_series_list_t s_group_view(const pbus_catalogue_t *self, group_kind_t kind, pbus_str_t first,
                                       pbus_str_t second)
{
    const group_t *group = s_group(self, kind, first, second);
    return group ? s_view(&group->list) : (pbus_series_list_t){NULL, 0};
}

pbus_series_list_t pbus_catalogue_all(const pbus_catalogue_t *self)
{
    return s_view(&self->all);
}

pbus_series_list_t pbus_catalogue_of_device(const pbus_catalogue_t *self, pbus_str_t device)
{
    return s_group_view(self, DEVICE, device, PBUS_STR(""));
}

pbus_series_list_t pbus_catalogue_of_source(const pbus_catalogue_t *self, pbus_str_t device,
                                            pbus_str_t source)
{
    return s_group_view(self, SOURCE, device, source);
}

pbus_series_list_t pbus_catalogue_with_device(const pbus_catalogue_t *self, pbus_str_t device)
{
    return s_group_view(self, READING_DEVICE, device, PBUS_STR(""));
}

pbus_series_list_t pbus_catalogue_with_resource(const pbus_catalogue_t *self, pbus_str_t resource)
{
    return s_group_view(self, RESOURCE, resource, PBUS_STR(""));
}

pbus_series_list_t pbus_catalogue_mixed(const pbus_catalogue_t *self)
{
    return s_view(&self->mixed);
}

pbus_series_list_t pbus_catalogue_of_class(const pbus_catalogue_t *self, int class)
{
    return s_view(&self->classes[class]);
}

pbus_spread_t pbus_catalogue_class_spread(const pbus_catalogue_t *self, int class)
{
    return self->spreads[class];
}
