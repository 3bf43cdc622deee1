/*
 * Secrets: names with keys and values, kept in one JSON file that only its owner can read:
 *
 *     {"db":{"username":"u","password":"p"}}
 *
 * Safe for any number of threads; not for two processes on one file at the same time.
 */
#ifndef CORE_DATA_SECRETS_H
#define CORE_DATA_SECRETS_H

#include <persistbus/types.h>

typedef struct secrets secrets_t;

/* path must outlive it; the file is touched only by secrets_put. NULL when memory is out. */
secrets_t *secrets_new(const char *path);
void secrets_destroy(secrets_t **self_p);

/*
 * Stores what a SecretRequest (EdgeX core-data API v3, section 10) in the body says, on disk before it
 * returns, in place of what that name had. The request's id goes to *request_id, a view into the body's copy
 * in `room`, which the caller clears. PBUS_INVALID: the body is no such request.
 */
pbus_status_t secrets_put(secrets_t *self, pbus_str_t body, pbus_buf_t *room, pbus_str_t *request_id,
                          pbus_error_t *error);

#endif
