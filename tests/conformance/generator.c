#include "generator.h"
#include "need.h"

#include <math.h>
#include <stdlib.h>
#define ORIGIN INT64_C(1760000000000000000)
#define READINGS_MAX 64
#define SMALL 1e15 /* ten thousand of them are within 64 bits */
#define RESOURCES_MAX 8

struct generator {
    uint64_t state;
    pbus_event_t event;
    pbus_reading_t readings[READINGS_MAX];
    pbus_str_t resources[RESOURCES_MAX]; /* of the last filter */
};

generator_t *generator_new(uint64_t seed)
{
    generator_t *self = need_alloc(1, sizeof *self);
    generator_reset(self, seed);
    return self;
}

void generator_destroy(generator_t **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

void generator_reset(generator_t *self, uint64_t seed)
{
    self->state = seed;
}

/* SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators). */
static uint64_t s_next(generator_t *self)
{
    uint64_t value = self->state += UINT64_C(0x9E3779B97F4A7C15);
    value = (value ^ (value >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94D049BB133111EB);
    return value ^ (value >> 31);
}

uint64_t generator_below(generator_t *self, uint64_t below)
{
    return below ? s_next(self) % below : 0;
}

bool generator_chance(generator_t *self, unsigned percent)
{
    return generator_below(self, 100) < percent;
}

pbus_uuid_t generator_id(generator_t *self)
{
    pbus_uuid_t id;
    for (size_t i = 0; i < sizeof id.bytes; i++)
        id.bytes[i] = (uint8_t) s_next(self);
    return id;
}

/* ---- names -----------------------------------------------------------------------------------------------
 */

/* Each kind of name begins elsewhere in the list, so that some names are used for several things. */
static pbus_str_t s_name(generator_t *self, unsigned used, size_t first)
{
    return sample_names[(first + generator_below(self, used)) % sample_name_count];
}

pbus_str_t generator_device(generator_t *self, const generator_shape_t *shape)
{
    return s_name(self, shape->devices, 0);
}

static pbus_str_t s_profile(generator_t *self, const generator_shape_t *shape)
{
    return s_name(self, shape->profiles, 3);
}

pbus_str_t generator_source(generator_t *self, const generator_shape_t *shape)
{
    return s_name(self, shape->sources, 2);
}

pbus_str_t generator_resource(generator_t *self, const generator_shape_t *shape)
{
    return s_name(self, shape->resources, 1);
}

int64_t generator_origin_first(void)
{
    return ORIGIN;
}

int64_t generator_origin(generator_t *self, const generator_shape_t *shape)
{
    return ORIGIN + (int64_t) generator_below(self, shape->origins) * shape->unit;
}

/* ---- events ----------------------------------------------------------------------------------------------
 */

static int64_t s_reading_origin(generator_t *self, const generator_shape_t *shape)
{
    static const int64_t reach[] = {2, 1000, 1000000000, INT64_C(86400000000000)};
    if (!generator_chance(self, shape->own))
        return self->event.origin;
    if (generator_chance(self, 50))
        return generator_origin(self, shape);
    int64_t distance = reach[generator_below(self, sizeof reach / sizeof *reach)];
    return self->event.origin + (int64_t) generator_below(self, 2 * (uint64_t) distance + 1) - distance;
}

static bool s_is_number(const sample_t *sample)
{
    return sample->type >= PBUS_UINT8 && sample->type <= PBUS_FLOAT64;
}

static bool s_is_small(const sample_t *sample)
{
    return !s_is_number(sample) || fabs(strtod(sample->value.data, NULL)) < SMALL;
}

static const sample_t *s_sample(generator_t *self, const generator_shape_t *shape)
{
    const sample_t *sample;
    do
        sample = &samples[generator_below(self, sample_count)];
    while ((shape->numbers && !s_is_number(sample)) || (shape->small && !s_is_small(sample)));
    return sample;
}

static pbus_str_t s_tags(generator_t *self, const generator_shape_t *shape)
{
    if (!generator_chance(self, shape->tags))
        return PBUS_STR("");
    return sample_tags[generator_below(self, sample_tag_count)];
}

static pbus_str_t s_units(generator_t *self)
{
    static const pbus_str_t units[] = {{"", 0},
                                       {"", 0},
                                       {"", 0},
                                       {"%", 1},
                                       {"\xc2\xb0"
                                        "C",
                                        3},
                                       {"null", 4}};
    return units[generator_below(self, sizeof units / sizeof *units)];
}

static pbus_reading_t s_reading(generator_t *self, const generator_shape_t *shape)
{
    const sample_t *sample = s_sample(self, shape);
    bool is_null = generator_chance(self, shape->nulls);
    bool foreign = generator_chance(self, shape->foreign);
    return (pbus_reading_t){.origin = s_reading_origin(self, shape),
                            .device = foreign ? generator_device(self, shape) : self->event.device,
                            .profile = foreign ? s_profile(self, shape) : self->event.profile,
                            .resource = generator_chance(self, 10) ? self->event.source
                                                                   : generator_resource(self, shape),
                            .type = sample->type,
                            .is_null = is_null,
                            .units = s_units(self),
                            .tags = s_tags(self, shape),
                            .value = is_null ? PBUS_STR("") : sample->value,
                            .media_type = is_null ? PBUS_STR("") : sample->media_type};
}

const pbus_event_t *generator_event(generator_t *self, const generator_shape_t *shape)
{
    uint64_t most = shape->readings < READINGS_MAX ? shape->readings : READINGS_MAX;
    self->event = (pbus_event_t){.id = generator_id(self),
                                 .origin = generator_origin(self, shape),
                                 .device = generator_device(self, shape),
                                 .profile = s_profile(self, shape),
                                 .source = generator_source(self, shape),
                                 .tags = s_tags(self, shape),
                                 .readings = self->readings,
                                 .reading_count = 1 + generator_below(self, most)};
    for (size_t i = 0; i < self->event.reading_count; i++)
        self->readings[i] = s_reading(self, shape);
    return &self->event;
}

/* ---- filters ---------------------------------------------------------------------------------------------
 */

/* At an origin that events have, or right beside it. */
static int64_t s_bound(generator_t *self, const generator_shape_t *shape)
{
    return generator_origin(self, shape) + (int64_t) generator_below(self, 3) - 1;
}

static void s_bounds(generator_t *self, const generator_shape_t *shape, pbus_filter_t *filter)
{
    if (generator_chance(self, 40))
        filter->origin_min = s_bound(self, shape);
    if (generator_chance(self, 40))
        filter->origin_max = s_bound(self, shape);
}

static pbus_str_t s_or_unknown(generator_t *self, pbus_str_t name)
{
    return generator_chance(self, 5) ? PBUS_STR("no such name") : name;
}

pbus_filter_t generator_event_filter(generator_t *self, const generator_shape_t *shape)
{
    pbus_filter_t filter = pbus_filter_any();
    if (generator_chance(self, 50))
        filter.device = s_or_unknown(self, generator_device(self, shape));
    if (generator_chance(self, 30))
        filter.source = s_or_unknown(self, generator_source(self, shape));
    s_bounds(self, shape, &filter);
    return filter;
}

static void s_add_resource(generator_t *self, pbus_filter_t *filter, pbus_str_t name)
{
    for (size_t i = 0; i < filter->resource_count; i++)
        if (pbus_str_eq(self->resources[i], name))
            return;
    self->resources[filter->resource_count++] = name;
}

pbus_filter_t generator_reading_filter(generator_t *self, const generator_shape_t *shape)
{
    pbus_filter_t filter = pbus_filter_any();
    if (generator_chance(self, 50))
        filter.device = s_or_unknown(self, generator_device(self, shape));
    if (generator_chance(self, 50)) {
        filter.resources = self->resources;
        for (uint64_t left = 1 + generator_below(self, RESOURCES_MAX - 1); left > 0; left--)
            s_add_resource(self, &filter, s_or_unknown(self, generator_resource(self, shape)));
    }
    s_bounds(self, shape, &filter);
    return filter;
}
