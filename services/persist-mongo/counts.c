#include "counts.h"

#include <stdio.h>
#include <string.h>

/* ---- rows --------------------------------------------------------------------------------------- */

static void s_append_id(bson_t *to, const char *key, int slot, const tally_row_t *row)
{
    static const char letters[] = {[TALLY_DEVICE] = 'd',
                                   [TALLY_RESOURCE] = 'r',
                                   [TALLY_DEVICE_SOURCE] = 's',
                                   [TALLY_DEVICE_RESOURCE] = 'v'};
    bool is_part = row->kind == TALLY_DEVICE_SOURCE || row->kind == TALLY_DEVICE_RESOURCE;
    pbus_buf_t id = {0};
    pbus_buf_printf(&id, "%d/%c/", slot, letters[row->kind]);
    if (is_part)
        pbus_buf_printf(&id, "%zu/", row->name.size);
    pbus_buf_append(&id, row->name.data, row->name.size);
    if (is_part) {
        pbus_buf_puts(&id, "/");
        pbus_buf_append(&id, row->part.data, row->part.size);
    }
    document_append_name(to, key, (pbus_str_t){(const char *) id.data, id.size});
    pbus_buf_clear(&id);
}

void counts_append_row_id(bson_t *to, int slot, const tally_row_t *row)
{
    s_append_id(to, "_id", slot, row);
}

void counts_append_id(bson_t *to, uint32_t place, int slot, const tally_row_t *row)
{
    char key[16];
    snprintf(key, sizeof key, "%u", place);
    s_append_id(to, key, slot, row);
}

pbus_status_t counts_damaged(store_t *store, store_part_t part, pbus_error_t *error)
{
    return pbus_fail(error, PBUS_INTERNAL, "%s: a document in %s is damaged: restore it from a backup",
                     store_name(store), store_part_name(part));
}

static pbus_status_t s_load(store_t *store, const bson_t *filter, tally_t *rows, pbus_error_t *error)
{
    const bson_t *found;
    bool whole = true;
    mongoc_cursor_t *cursor = store_find(store, STORE_COUNTS, filter, NULL);
    while (whole && mongoc_cursor_next(cursor, &found))
        whole = tally_take_counts(rows, found);
    pbus_status_t status = store_done(store, &cursor, "read the counts", error);
    return whole || status != PBUS_OK ? status : counts_damaged(store, STORE_COUNTS, error);
}

static pbus_status_t s_load_singly(store_t *store, const bson_t *ids, tally_t *rows, pbus_error_t *error)
{
    bson_iter_t iter;
    pbus_status_t status = PBUS_OK;
    bson_iter_init(&iter, ids);
    while (status == PBUS_OK && bson_iter_next(&iter)) {
        bson_t filter = BSON_INITIALIZER;
        bson_append_iter(&filter, "_id", 3, &iter);
        status = s_load(store, &filter, rows, error);
        bson_destroy(&filter);
    }
    return status;
}

pbus_status_t counts_load_rows(store_t *store, const bson_t *ids, uint32_t count, tally_t *rows,
                               pbus_error_t *error)
{
    if (count <= store_singly(store))
        return s_load_singly(store, ids, rows, error);
    bson_t filter = BSON_INITIALIZER, in;
    BSON_APPEND_DOCUMENT_BEGIN(&filter, "_id", &in);
    BSON_APPEND_ARRAY(&in, "$in", ids);
    bson_append_document_end(&filter, &in);
    pbus_status_t status = s_load(store, &filter, rows, error);
    bson_destroy(&filter);
    return status;
}

/* ---- the whole ---------------------------------------------------------------------------------- */

/* What was read of the ledger, in an order in which a fold in between does not matter: log, slots, rows. */
typedef struct {
    store_t *store;
    bson_t **log;
    size_t log_count;
    bson_t **slots;
    size_t slot_count;
    tally_t *rows;
} s_view_t;

static void s_close(s_view_t *self)
{
    for (size_t i = 0; i < self->log_count; i++)
        bson_destroy(self->log[i]);
    for (size_t i = 0; i < self->slot_count; i++)
        bson_destroy(self->slots[i]);
    bson_free(self->log);
    bson_free(self->slots);
    tally_destroy(&self->rows);
}

static pbus_status_t s_read_all(store_t *store, store_part_t part, const bson_t *opts, bson_t ***list,
                                size_t *count, pbus_error_t *error)
{
    const bson_t *found;
    bson_t all = BSON_INITIALIZER;
    mongoc_cursor_t *cursor = store_find(store, part, &all, opts);
    while (mongoc_cursor_next(cursor, &found)) {
        *list = bson_realloc(*list, (*count + 1) * sizeof **list);
        (*list)[(*count)++] = bson_copy(found);
    }
    return store_done(store, &cursor, "read the counts", error);
}

/* with_rows: what the batches in the log did to single devices and resources, too. */
static pbus_status_t s_open(s_view_t *self, store_t *store, bool with_rows, pbus_error_t *error)
{
    *self = (s_view_t){.store = store, .rows = tally_new()};
    bson_t *opts = BCON_NEW("projection", "{", "rows", BCON_INT32(0), "}");
    pbus_status_t status =
        s_read_all(store, STORE_LOG, with_rows ? NULL : opts, &self->log, &self->log_count, error);
    bson_destroy(opts);
    if (status == PBUS_OK)
        status = s_read_all(store, STORE_SLOTS, NULL, &self->slots, &self->slot_count, error);
    return status;
}

static int64_t s_int(const bson_t *bson, const char *key)
{
    bson_iter_t iter;
    return bson_iter_init_find(&iter, bson, key) ? bson_iter_as_int64(&iter) : 0;
}

static int64_t s_upto(const s_view_t *self, int64_t slot)
{
    for (size_t i = 0; i < self->slot_count; i++)
        if (s_int(self->slots[i], "slot") == slot)
            return s_int(self->slots[i], "upto");
    return 0;
}

/* The total of a field over all slots, with what is in the log only. */
static int64_t s_total(const s_view_t *self, const char *key)
{
    int64_t total = 0;
    for (size_t i = 0; i < self->slot_count; i++)
        total += s_int(self->slots[i], key);
    for (size_t i = 0; i < self->log_count; i++)
        if (s_int(self->log[i], "number") > s_upto(self, s_int(self->log[i], "slot")))
            total += s_int(self->log[i], key);
    return total;
}

static pbus_status_t s_add_log(s_view_t *self, pbus_error_t *error)
{
    for (size_t i = 0; i < self->log_count; i++) {
        const bson_t *batch = self->log[i];
        if (!tally_take_batch(self->rows, (int) s_int(batch, "slot"), s_int(batch, "number"), batch))
            return counts_damaged(self->store, STORE_LOG, error);
    }
    return PBUS_OK;
}

/* The rows like these in all slots. */
static pbus_status_t s_load_like(s_view_t *self, const tally_row_t *rows, size_t count, pbus_error_t *error)
{
    bson_t ids = BSON_INITIALIZER;
    uint32_t place = 0;
    for (size_t i = 0; i < self->slot_count; i++)
        for (size_t k = 0; k < count; k++)
            counts_append_id(&ids, place++, (int) s_int(self->slots[i], "slot"), &rows[k]);
    pbus_status_t status = PBUS_OK;
    if (place > 0)
        status = counts_load_rows(self->store, &ids, place, self->rows, error);
    bson_destroy(&ids);
    return status;
}

static pbus_status_t s_load_resources(s_view_t *self, const pbus_filter_t *filter, pbus_error_t *error)
{
    tally_row_t *rows = bson_malloc0(filter->resource_count * sizeof *rows);
    for (size_t i = 0; i < filter->resource_count; i++)
        rows[i] = (tally_row_t){.kind = TALLY_RESOURCE, .name = filter->resources[i]};
    pbus_status_t status = s_load_like(self, rows, filter->resource_count, error);
    bson_free(rows);
    return status == PBUS_OK ? s_add_log(self, error) : status;
}

static bool s_is_wide(const s_view_t *self)
{
    for (const tally_row_t *row = tally_rows(self->rows); row; row = row->next)
        if (row->wide)
            return true;
    return false;
}

/* Of a wide device the parts asked for may have rows of their own. */
static pbus_status_t s_load_parts(s_view_t *self, const pbus_filter_t *filter, pbus_error_t *error)
{
    size_t count = 0;
    tally_row_t *rows = bson_malloc0((filter->resource_count + 1) * sizeof *rows);
    for (; count < filter->resource_count; count++)
        rows[count] = (tally_row_t){
            .kind = TALLY_DEVICE_RESOURCE, .name = filter->device, .part = filter->resources[count]};
    if (filter->source.size)
        rows[count++] =
            (tally_row_t){.kind = TALLY_DEVICE_SOURCE, .name = filter->device, .part = filter->source};
    pbus_status_t status = count > 0 ? s_load_like(self, rows, count, error) : PBUS_OK;
    bson_free(rows);
    return status;
}

static pbus_status_t s_load_device(s_view_t *self, const pbus_filter_t *filter, pbus_error_t *error)
{
    tally_row_t like = {.kind = TALLY_DEVICE, .name = filter->device};
    pbus_status_t status = s_load_like(self, &like, 1, error);
    if (status == PBUS_OK && s_is_wide(self))
        status = s_load_parts(self, filter, error);
    return status == PBUS_OK ? s_add_log(self, error) : status;
}

static pbus_status_t s_load_all(s_view_t *self, pbus_error_t *error)
{
    bson_t all = BSON_INITIALIZER;
    pbus_status_t status = s_load(self->store, &all, self->rows, error);
    return status == PBUS_OK ? s_add_log(self, error) : status;
}

/* Sum over all slots of the row's field. */
static int64_t s_sum(const s_view_t *self, tally_kind_t kind, pbus_str_t name, pbus_str_t part,
                     pbus_what_t what)
{
    int64_t sum = 0;
    for (size_t i = 0; i < self->slot_count; i++) {
        const tally_row_t *row =
            tally_find(self->rows, kind, (int) s_int(self->slots[i], "slot"), name, part);
        if (row)
            sum += what == PBUS_EVENTS ? row->events : row->readings;
    }
    return sum;
}

/* ---- questions ---------------------------------------------------------------------------------- */

static const pbus_str_t s_none = {"", 0};

static int64_t s_of_device(const s_view_t *self, pbus_what_t what, const pbus_filter_t *filter)
{
    if (what == PBUS_EVENTS && filter->source.size)
        return s_sum(self, TALLY_DEVICE_SOURCE, filter->device, filter->source, what);
    if (what == PBUS_EVENTS || filter->resource_count == 0)
        return s_sum(self, TALLY_DEVICE, filter->device, s_none, what);
    int64_t sum = 0;
    for (size_t i = 0; i < filter->resource_count; i++)
        sum += s_sum(self, TALLY_DEVICE_RESOURCE, filter->device, filter->resources[i], what);
    return sum;
}

static int64_t s_of_resources(const s_view_t *self, const pbus_filter_t *filter)
{
    int64_t sum = 0;
    for (size_t i = 0; i < filter->resource_count; i++)
        sum += s_sum(self, TALLY_RESOURCE, filter->resources[i], s_none, PBUS_READINGS);
    return sum;
}

static int64_t s_of_source(const s_view_t *self, pbus_str_t source)
{
    int64_t sum = 0;
    for (const tally_row_t *row = tally_rows(self->rows); row; row = row->next)
        for (const tally_row_t *part = row->parts; part; part = part->next)
            if (part->kind == TALLY_DEVICE_SOURCE && pbus_str_eq(part->part, source))
                sum += part->events;
    return sum;
}

static pbus_status_t s_answer(s_view_t *self, pbus_what_t what, const pbus_filter_t *filter, int64_t *count,
                              pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    if (filter->device.size) {
        status = s_load_device(self, filter, error);
        *count = status == PBUS_OK ? s_of_device(self, what, filter) : 0;
    } else if (what == PBUS_READINGS && filter->resource_count) {
        status = s_load_resources(self, filter, error);
        *count = status == PBUS_OK ? s_of_resources(self, filter) : 0;
    } else if (what == PBUS_EVENTS && filter->source.size) {
        status = s_load_all(self, error);
        *count = status == PBUS_OK ? s_of_source(self, filter->source) : 0;
    } else
        *count = s_total(self, what == PBUS_EVENTS ? "events" : "readings");
    return status;
}

pbus_status_t counts_read(store_t *store, pbus_what_t what, const pbus_filter_t *filter, uint64_t *count,
                          pbus_error_t *error)
{
    s_view_t view;
    int64_t found = 0;
    bool with_rows =
        filter->device.size || (what == PBUS_EVENTS ? filter->source.size : filter->resource_count);
    pbus_status_t status = s_open(&view, store, with_rows, error);
    if (status == PBUS_OK)
        status = s_answer(&view, what, filter, &found, error);
    s_close(&view);
    *count = found > 0 ? (uint64_t) found : 0;
    return status;
}

/* Adds a device's sources once, at the first of its rows: that of the first slot that has one. */
static bool s_add_sources(const s_view_t *self, const tally_row_t *row, tally_t *seen, pbus_result_t *result)
{
    for (const tally_row_t *part = row->parts; part; part = part->next) {
        pbus_event_t like = {.device = row->name, .source = part->part};
        if (part->kind != TALLY_DEVICE_SOURCE ||
            tally_find(seen, TALLY_DEVICE_SOURCE, 0, row->name, part->part))
            continue;
        tally_event(seen, &like, 1);
        int64_t events = s_sum(self, TALLY_DEVICE_SOURCE, row->name, part->part, PBUS_EVENTS);
        if (events > 0 && !pbus_result_add_source(result, row->name, part->part, (uint64_t) events))
            return false;
    }
    return true;
}

pbus_status_t counts_sources(store_t *store, pbus_result_t *result, pbus_error_t *error)
{
    s_view_t view;
    tally_t *seen = tally_new();
    pbus_status_t status = s_open(&view, store, true, error);
    if (status == PBUS_OK)
        status = s_load_all(&view, error);
    bool room = status == PBUS_OK;
    for (const tally_row_t *row = tally_rows(view.rows); room && row; row = row->next)
        if (row->kind == TALLY_DEVICE)
            room = s_add_sources(&view, row, seen, result);
    tally_destroy(&seen);
    s_close(&view);
    return status;
}

pbus_status_t counts_mark(store_t *store, uint64_t *mark, pbus_error_t *error)
{
    s_view_t view;
    pbus_status_t status = s_open(&view, store, false, error);
    *mark = 0;
    for (size_t i = 0; i < view.log_count; i++)
        if ((uint64_t) s_int(view.log[i], "mark") > *mark)
            *mark = (uint64_t) s_int(view.log[i], "mark");
    for (size_t i = 0; i < view.slot_count; i++)
        if ((uint64_t) s_int(view.slots[i], "mark") > *mark)
            *mark = (uint64_t) s_int(view.slots[i], "mark");
    s_close(&view);
    return status;
}
