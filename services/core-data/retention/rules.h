/*
 * Rules: how long events are kept, as the section Retention of the configuration says (EdgeX core-data API
 * v3, section 12.1).
 */
#ifndef CORE_DATA_RULES_H
#define CORE_DATA_RULES_H

#include <persistbus/config.h>

extern const pbus_option_t rules_options[];

typedef struct {
    int64_t interval; /* ns; 0 or less: never */
    int64_t max_cap;  /* events of a device and source; fewer are left alone; 0 or less: no such mark */
    int64_t min_cap;  /* so many of the newest survive; 0 or less: none */
    int64_t duration; /* ns; younger events survive; 0: no matter how old */
} rules_t;

/* PBUS_INVALID, with the option named, when a value is none that makes sense. */
pbus_status_t rules_read(rules_t *self, const pbus_config_t *config, pbus_error_t *error);

/* As EdgeX writes durations, with days: "7d", "1d12h", "90m". False if it is none or beyond 64 bits of ns. */
bool rules_duration(const char *text, int64_t *ns);

#endif
