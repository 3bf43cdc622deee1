#include "writer.h"

#include "eraser.h"
#include "reader.h"
#include "row.h"

#include <stdlib.h>

#define ROW_MAX (512u * 1024 * 1024) /* bytes; SQLite's own limit for a row is about twice that */

struct writer {
    store_t *store;
    pbus_decoder_t *decoder;
    tally_t *tally;
    row_text_t text;
};

writer_t *writer_new(store_t *store)
{
    writer_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->store = store;
    self->decoder = pbus_decoder_new();
    self->tally = tally_new();
    if (!self->decoder || !self->tally)
        writer_destroy(&self);
    return self;
}

void writer_destroy(writer_t **self_p)
{
    writer_t *self = *self_p;
    if (!self)
        return;
    pbus_decoder_destroy(&self->decoder);
    tally_destroy(&self->tally);
    row_text_clear(&self->text);
    free(self);
    *self_p = NULL;
}

/* ---- one write -------------------------------------------------------------------------------------------
 */

static pbus_str_t s_view(const pbus_buf_t *buf)
{
    return (pbus_str_t){(const char *) buf->data, buf->size};
}

static size_t s_row_size(const writer_t *self, const pbus_event_t *event)
{
    return self->text.data.size + self->text.origins.size + self->text.reading_tags.size +
           self->text.shape.size + event->tags.size;
}

/* The event's row, from what was encoded; *added is false when the id is stored already. */
static pbus_status_t s_insert(writer_t *self, const pbus_event_t *event, uint64_t accept,
                              const pbus_series_t *series, bool *added, pbus_error_t *error)
{
    database_t *db = store_database(self->store);
    sqlite3_stmt *insert = database_statement(db, SQL_EVENT_ADD, error);
    if (!insert)
        return error->status;
    database_bind_id(insert, 1, &event->id);
    sqlite3_bind_int64(insert, 2, event->origin);
    sqlite3_bind_int64(insert, 3, (int64_t) accept);
    sqlite3_bind_int64(insert, 4, series->class);
    sqlite3_bind_int64(insert, 5, series->number);
    database_bind_text(insert, 6, s_view(&self->text.data));
    database_bind_optional(insert, 7, event->tags);
    database_bind_optional(insert, 8, s_view(&self->text.origins));
    database_bind_optional(insert, 9, s_view(&self->text.reading_tags));
    database_bind_optional(insert, 10, s_view(&self->text.shape));
    pbus_status_t status = database_run(db, SQL_EVENT_ADD, error);
    *added = status == PBUS_OK && sqlite3_changes(database_handle(db)) > 0;
    return status;
}

/* An id that is stored: the accept number tells a resend from another event. */
static pbus_status_t s_compare(writer_t *self, pbus_write_t *write, pbus_error_t *error)
{
    bool found;
    reader_place_t place;
    pbus_status_t status = reader_find(self->store, &write->id, &found, &place, error);
    if (status == PBUS_OK)
        write->status = found && place.accept == write->accept ? PBUS_OK : PBUS_CONFLICT;
    return status;
}

static pbus_status_t s_store_event(writer_t *self, pbus_write_t *write, const pbus_event_t *event,
                                   pbus_error_t *error)
{
    bool added = false;
    const pbus_series_t *series;
    pbus_status_t status = store_assign(self->store, event, &series, error);
    if (status == PBUS_OK && series->kind != PBUS_SERIES_PLAIN)
        status = row_encode(&self->text, event, series->kind, error);
    if (status == PBUS_OK)
        status = s_insert(self, event, write->accept, series, &added, error);
    if (status != PBUS_OK)
        return status;
    if (!added)
        return s_compare(self, write, error);
    write->status = PBUS_OK;
    if (!tally_add(self->tally, series->number, 1, (int64_t) event->reading_count))
        return pbus_fail(error, PBUS_NOMEM, "out of memory while counting events");
    return PBUS_OK;
}

static pbus_status_t s_add(writer_t *self, pbus_write_t *write, pbus_error_t *error)
{
    write->status = PBUS_INVALID;
    const pbus_event_t *event = pbus_decoder_event(self->decoder, write->data, write->size);
    if (!event)
        return PBUS_OK;
    /* Before a series is looked for: an event that is refused should leave none behind. */
    pbus_status_t status = row_encode(&self->text, event, PBUS_SERIES_PLAIN, error);
    if (status == PBUS_INVALID || (status == PBUS_OK && s_row_size(self, event) > ROW_MAX))
        return PBUS_OK;
    return status == PBUS_OK ? s_store_event(self, write, event, error) : status;
}

static pbus_status_t s_delete(writer_t *self, pbus_write_t *write, pbus_error_t *error)
{
    bool found;
    reader_place_t place;
    pbus_status_t status = reader_find(self->store, &write->id, &found, &place, error);
    if (status != PBUS_OK)
        return status;
    write->status = found ? PBUS_OK : PBUS_NOT_FOUND;
    return found ? eraser_delete(self->store, self->tally, (victim_t){place.row, place.series}, error)
                 : PBUS_OK;
}

/* ---- a batch ---------------------------------------------------------------------------------------------
 */

static pbus_status_t s_apply(writer_t *self, pbus_write_t *writes, size_t count, uint64_t *mark,
                             pbus_error_t *error)
{
    tally_reset(self->tally);
    *mark = 0;
    for (size_t i = 0; i < count; i++) {
        pbus_status_t status =
            writes[i].op == PBUS_ADD ? s_add(self, &writes[i], error) : s_delete(self, &writes[i], error);
        if (status != PBUS_OK)
            return status;
        *mark = writes[i].accept > *mark ? writes[i].accept : *mark;
    }
    return tally_store(self->tally, store_database(self->store), error);
}

pbus_status_t writer_write(writer_t *self, pbus_write_t *writes, size_t count, pbus_error_t *error)
{
    uint64_t mark;
    pbus_status_t status = store_begin_write(self->store, error);
    if (status != PBUS_OK)
        return status;
    status = s_apply(self, writes, count, &mark, error);
    if (status != PBUS_OK) {
        store_cancel(self->store, status);
        return status;
    }
    return store_commit(self->store, tally_events(self->tally), tally_readings(self->tally), mark, error);
}
