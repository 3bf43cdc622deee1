/*
 * Render: response bodies as JSON text, straight from what a backend returned, without a tree (EdgeX
 * core-data API v3, sections 4.1 and 5). Everything appends to a buffer, whose `failed` tells of missing
 * memory.
 */
#ifndef CORE_DATA_RENDER_H
#define CORE_DATA_RENDER_H

#include "answer.h"
#include "event_json.h"

/* How values of numeric types appear. */
typedef enum {
    RENDER_TEXT,    /* "value":"5" */
    RENDER_SCALARS, /* "value":5, arrays as text: a single event */
    RENDER_NUMERIC  /* "value":5 and "value":[1,2]: numeric=true */
} render_form_t;

/* Members of a reading that need not be said inside of its event (EDGEX_OPTIMIZE_EVENT_PAYLOAD). */
enum {
    RENDER_SPARES_ID = 1,
    RENDER_SPARES_ORIGIN = 2,
    RENDER_SPARES_DEVICE = 4,
    RENDER_SPARES_PROFILE = 8,
    RENDER_SPARES_RESOURCE = 16
};

/* Which of them, since the event says the same. */
unsigned render_spared(const pbus_event_t *event, const pbus_reading_t *reading);

/* False when tags or an object value, which a backend returned, are no JSON. */
bool render_reading(pbus_buf_t *out, const pbus_reading_t *reading, render_form_t form);
/*
 * With its readings by origin, the latest first; those of one origin in the order posted. optimized: without
 * what is spared in them.
 */
bool render_event(pbus_buf_t *out, const pbus_event_t *event, render_form_t form, bool optimized);

/* A reading as the client sent it, for the public stream, without what is spared. */
void render_sent_reading(pbus_buf_t *out, const pbus_reading_t *reading, const sent_reading_t *sent,
                         unsigned spared);

/* {"apiVersion":"v3","requestId":"...","statusCode":..., without requestId if that is empty. */
void render_head(pbus_buf_t *out, pbus_str_t request_id, unsigned status);

/* Whole bodies. */
void render_base(pbus_buf_t *out, pbus_str_t request_id, unsigned status);
void render_id(pbus_buf_t *out, pbus_str_t request_id, unsigned status, const pbus_uuid_t *id);
void render_count(pbus_buf_t *out, uint64_t count);
void render_error(pbus_buf_t *out, pbus_str_t request_id, unsigned status, const char *message);
bool render_single(pbus_buf_t *out, const pbus_event_t *event, bool optimized);

/*
 * A list: opened once, then the items of one or more answers (size tells how many), then closed. False when
 * an item is malformed.
 */
typedef struct {
    pbus_buf_t *out;
    render_form_t form;
    pbus_what_t what;
    bool optimized;          /* events */
    pbus_decoder_t *decoder; /* the caller's; for events */
    size_t size;             /* items so far */
} render_list_t;

void render_list_open(render_list_t *self, uint64_t total);
bool render_list_add(render_list_t *self, pbus_answer_t *answer);
void render_list_close(render_list_t *self);

/* Appends decimal text. */
void render_uint(pbus_buf_t *out, uint64_t value);
void render_int(pbus_buf_t *out, int64_t value);

#endif
