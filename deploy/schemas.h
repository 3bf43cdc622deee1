/*
 * Schemas: the texts of configs/schema, as they were when the program was built.
 */
#ifndef DEPLOY_SCHEMAS_H
#define DEPLOY_SCHEMAS_H

#include <persistbus/types.h>

/* The text of NAME.schema.json; empty if there is none. */
pbus_str_t schemas_text(pbus_str_t name);

#endif
