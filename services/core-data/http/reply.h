/*
 * Reply: what goes back to an HTTP client. By value; cleared with reply_clear.
 */
#ifndef CORE_DATA_REPLY_H
#define CORE_DATA_REPLY_H

#include <persistbus/types.h>

#define REPLY_HEADERS 12

typedef struct {
    unsigned status;
    pbus_buf_t body; /* JSON, or empty */
    struct {
        const char *name;
        const char *value; /* lives as long as the call */
    } headers[REPLY_HEADERS];
    size_t header_count;
    bool close; /* the connection, as the request was not read to its end */
} reply_t;

/* Headers beyond REPLY_HEADERS are dropped. */
void reply_header(reply_t *self, const char *name, const char *value);
/* Makes it the error, in place of what it was; headers stay. request_id may be empty. */
void reply_error(reply_t *self, pbus_str_t request_id, unsigned status, const char *message);
/* As new, with the memory of a small body kept. */
void reply_reset(reply_t *self);
void reply_clear(reply_t *self);

#endif
