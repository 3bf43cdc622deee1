/*
 * Schema: the tables of a store, made and brought up to date by whichever worker comes first.
 *
 * All of it happens in one transaction under an advisory lock, so any number of workers may start at once.
 * What does not look like a store of ours, or is newer than this program, is refused and not touched.
 */
#ifndef PG_SCHEMA_H
#define PG_SCHEMA_H

#include "pg_link.h"

typedef struct {
    pbus_uuid_t data_set;
    int32_t new_event; /* object id of the type new_event */
    int32_t slot;      /* of the tables `counter` and `total`; 0: none taken */
} pg_schema_t;

/* PBUS_INVALID when this can't be a schema's name. */
pbus_status_t pg_schema_check_name(const char *name, pbus_error_t *error);

/*
 * Prepares a fresh connection: settings, and the schema in its search path. A writer makes and upgrades the
 * schema and takes a slot; a reader finds both done, or PBUS_UNAVAILABLE. PBUS_INVALID       the schema holds
 * other things, or this role may not create it PBUS_UNSUPPORTED   the schema is of a newer version
 */
pbus_status_t pg_schema_use(pg_link_t *link, const char *name, bool writer, pg_schema_t *schema,
                            pbus_error_t *error);

#endif
