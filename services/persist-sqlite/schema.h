/*
 * Schema: the tables of a store, made for a person with the sqlite3 shell as much as for this program. The
 * README documents them with example queries.
 */
#ifndef SCHEMA_H
#define SCHEMA_H

#include "database.h"

#define SCHEMA_VERSION 1
#define SCHEMA_APPLICATION_ID 0x50425553 /* "PBUS", PRAGMA application_id of every store */

/*
 * Makes an empty file a store, upgrades an older store, and refuses (PBUS_INVALID, the file as it was)
 * another program's database or a store of a newer version.
 */
pbus_status_t schema_prepare(database_t *db, const char *path, pbus_error_t *error);

#endif
