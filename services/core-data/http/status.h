/*
 * Status: the one place where outcomes become HTTP statuses.
 */
#ifndef CORE_DATA_STATUS_H
#define CORE_DATA_STATUS_H

#include <persistbus/types.h>

/* 200 for PBUS_OK; which of the 2xx it is, is for the route to say. */
unsigned status_http(pbus_status_t status);

/* Whether the same request may succeed later, so that the answer says when to try again. */
bool status_is_temporary(pbus_status_t status);

#define STATUS_RETRY_AFTER "1" /* s */

#endif
