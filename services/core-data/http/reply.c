/*
 * Reply: see reply.h.
 */
#include "render.h"
#include "reply.h"

#define KEPT ((size_t) 16 * 1024)

void reply_header(reply_t *self, const char *name, const char *value)
{
    if (self->header_count == REPLY_HEADERS)
        return;
    self->headers[self->header_count].name = name;
    self->headers[self->header_count++].value = value;
}

void reply_error(reply_t *self, pbus_str_t request_id, unsigned status, const char *message)
{
    self->status = status;
    pbus_buf_reset(&self->body);
    render_error(&self->body, request_id, status, message);
}

void reply_reset(reply_t *self)
{
    pbus_buf_t body = self->body;
    if (body.capacity > KEPT)
        pbus_buf_clear(&body);
    pbus_buf_reset(&body);
    *self = (reply_t){.body = body};
}

void reply_clear(reply_t *self)
{
    pbus_buf_clear(&self->body);
    *self = (reply_t){0};
}
