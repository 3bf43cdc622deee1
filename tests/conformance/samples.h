/*
 * Samples: values of all 27 types, with their extremes, and names that stores trip over. All are in the
 * normal form of persistbus/event.h, as core-data would have made them.
 */
#ifndef SAMPLES_H
#define SAMPLES_H

#include <persistbus/event.h>

typedef struct {
    pbus_type_t type;
    pbus_str_t value;
    pbus_str_t media_type; /* PBUS_BINARY only */
} sample_t;

extern const sample_t samples[];
extern const size_t sample_count;

/* Names of devices, sources...: all different for who compares bytes. */
extern const pbus_str_t sample_names[];
extern const size_t sample_name_count;

extern const pbus_str_t sample_tags[];
extern const size_t sample_tag_count;

#endif
