#include "ask.h"
#include "msgread.h"
#include "msgwrite.h"

pbus_ask_t pbus_ask_any(pbus_ask_kind_t kind)
{
    return (pbus_ask_t){.kind = kind, .query.filter = pbus_filter_any()};
}

static void s_put_filter(msgpack_packer *out, const pbus_filter_t *filter)
{
    msgpack_pack_array(out, 7);
    pbus_msgwrite_str_or_nil(out, filter->device);
    pbus_msgwrite_str_or_nil(out, filter->source);
    msgpack_pack_array(out, filter->resource_count);
    for (size_t i = 0; i < filter->resource_count; i++)
        pbus_msgwrite_str(out, filter->resources[i]);
    msgpack_pack_array(out, filter->id_count);
    for (size_t i = 0; i < filter->id_count; i++)
        pbus_msgwrite_uuid(out, &filter->ids[i]);
    msgpack_pack_int64(out, filter->origin_min);
    msgpack_pack_int64(out, filter->origin_max);
    msgpack_pack_uint64(out, filter->accept_max);
}

static void s_put_page(msgpack_packer *out, const pbus_query_t *query)
{
    s_put_filter(out, &query->filter);
    msgpack_pack_uint64(out, query->offset);
    msgpack_pack_uint64(out, query->limit);
    pbus_msgwrite_bool(out, query->want_total);
}

static void s_put_cursor(msgpack_packer *out, bool has, const pbus_cursor_t *cursor)
{
    if (!has) {
        msgpack_pack_nil(out);
        return;
    }
    msgpack_pack_array(out, 2);
    msgpack_pack_int64(out, cursor->origin);
    pbus_msgwrite_uuid(out, &cursor->id);
}

static void s_put_scan(msgpack_packer *out, const pbus_ask_t *self)
{
    msgpack_pack_int64(out, self->query.filter.origin_min);
    msgpack_pack_int64(out, self->query.filter.origin_max);
    s_put_cursor(out, self->has_after, &self->after);
    msgpack_pack_uint64(out, self->query.limit);
}

static void s_put_digest(msgpack_packer *out, const pbus_ask_t *self)
{
    s_put_cursor(out, self->has_after, &self->after);
    s_put_cursor(out, self->has_until, &self->until);
    msgpack_pack_uint64(out, self->query.filter.accept_max);
    msgpack_pack_uint64(out, self->query.limit);
}

/* How many elements an ask of this kind has, its kind included; 0: no such kind. */
static size_t s_length(uint64_t kind)
{
    static const uint8_t lengths[] = {0, 5, 5, 3, 3, 1, 5, 3, 5};
    return kind < sizeof lengths ? lengths[kind] : 0;
}

void pbus_ask_encode(const pbus_ask_t *self, pbus_buf_t *buf)
{
    msgpack_packer out;
    pbus_msgwrite_init(&out, buf);
    msgpack_pack_array(&out, s_length(self->kind));
    msgpack_pack_uint64(&out, self->kind);
    switch (self->kind) {
    case PBUS_ASK_EVENTS:
    case PBUS_ASK_READINGS:
        s_put_page(&out, &self->query);
        break;
    case PBUS_ASK_COUNT:
        msgpack_pack_uint64(&out, self->what);
        s_put_filter(&out, &self->query.filter);
        break;
    case PBUS_ASK_AGGREGATE:
        msgpack_pack_uint64(&out, self->function);
        s_put_filter(&out, &self->query.filter);
        break;
    case PBUS_ASK_SOURCES:
        break;
    case PBUS_ASK_SCAN:
        s_put_scan(&out, self);
        break;
    case PBUS_ASK_PURGE:
        s_put_filter(&out, &self->query.filter);
        msgpack_pack_uint64(&out, self->query.limit);
        break;
    case PBUS_ASK_DIGEST:
        s_put_digest(&out, self);
        break;
    }
}

/*
 * Both lists go into one buffer, ids first: their records are 16 bytes, so that what follows is aligned for
 * views. The buffer is sized before anything points into it.
 */
static bool s_take_lists(pbus_msgread_t *in, pbus_filter_t *filter, pbus_buf_t *lists)
{
    size_t resources = pbus_msgread_array(in);
    pbus_msgread_t names = *in;
    for (size_t i = 0; i < resources && !in->bad; i++)
        pbus_msgread_skip(in);
    size_t ids = pbus_msgread_array(in);
    if (in->bad)
        return false;
    size_t need = ids * sizeof(pbus_uuid_t) + resources * sizeof(pbus_str_t);
    pbus_buf_reset(lists);
    if (need && !pbus_buf_reserve(lists, need))
        return false;

    pbus_uuid_t *id = (pbus_uuid_t *) lists->data;
    for (size_t i = 0; i < ids; i++)
        id[i] = pbus_msgread_uuid(in);
    pbus_str_t *resource = need ? (pbus_str_t *) (lists->data + ids * sizeof *id) : NULL;
    for (size_t i = 0; i < resources; i++)
        resource[i] = pbus_msgread_text(&names);
    lists->size = need;
    *filter = (pbus_filter_t){.ids = id, .id_count = ids, .resources = resource, .resource_count = resources};
    return !in->bad && !names.bad;
}

static pbus_str_t s_take_optional(pbus_msgread_t *in)
{
    return pbus_msgread_nil(in) ? (pbus_str_t){0} : pbus_msgread_text(in);
}

static bool s_take_filter(pbus_msgread_t *in, pbus_filter_t *filter, pbus_buf_t *lists)
{
    pbus_msgread_array_of(in, 7);
    pbus_str_t device = s_take_optional(in);
    pbus_str_t source = s_take_optional(in);
    if (!s_take_lists(in, filter, lists))
        return false;
    filter->device = device;
    filter->source = source;
    filter->origin_min = pbus_msgread_int(in);
    filter->origin_max = pbus_msgread_int(in);
    filter->accept_max = pbus_msgread_uint(in);
    return !in->bad;
}

static uint32_t s_take_limit(pbus_msgread_t *in)
{
    uint64_t limit = pbus_msgread_uint(in);
    return limit > UINT32_MAX ? UINT32_MAX : (uint32_t) limit;
}

static bool s_take_page(pbus_msgread_t *in, pbus_query_t *query, pbus_buf_t *lists)
{
    if (!s_take_filter(in, &query->filter, lists))
        return false;
    query->offset = pbus_msgread_uint(in);
    query->limit = s_take_limit(in);
    query->want_total = pbus_msgread_bool(in);
    return !in->bad;
}

/* A cursor or nil; false: nil. */
static bool s_take_cursor(pbus_msgread_t *in, pbus_cursor_t *cursor)
{
    if (pbus_msgread_nil(in))
        return false;
    pbus_msgread_array_of(in, 2);
    cursor->origin = pbus_msgread_int(in);
    cursor->id = pbus_msgread_uuid(in);
    return true;
}

static bool s_take_scan(pbus_msgread_t *in, pbus_ask_t *self)
{
    self->query.filter.origin_min = pbus_msgread_int(in);
    self->query.filter.origin_max = pbus_msgread_int(in);
    self->has_after = s_take_cursor(in, &self->after);
    self->query.limit = s_take_limit(in);
    return !in->bad;
}

static bool s_take_digest(pbus_msgread_t *in, pbus_ask_t *self)
{
    self->has_after = s_take_cursor(in, &self->after);
    self->has_until = s_take_cursor(in, &self->until);
    self->query.filter.accept_max = pbus_msgread_uint(in);
    self->query.limit = s_take_limit(in);
    return !in->bad && self->query.limit > 0;
}

/* A number from 1 or 0 to max, else bad. */
static unsigned s_take_choice(pbus_msgread_t *in, unsigned min, unsigned max)
{
    uint64_t number = pbus_msgread_uint(in);
    if (number < min || number > max)
        in->bad = true;
    return in->bad ? min : (unsigned) number;
}

static bool s_take_rest(pbus_msgread_t *in, pbus_ask_t *self, pbus_buf_t *lists)
{
    switch (self->kind) {
    case PBUS_ASK_EVENTS:
    case PBUS_ASK_READINGS:
        return s_take_page(in, &self->query, lists);
    case PBUS_ASK_COUNT:
        self->what = (pbus_what_t) s_take_choice(in, PBUS_EVENTS, PBUS_READINGS);
        return s_take_filter(in, &self->query.filter, lists);
    case PBUS_ASK_AGGREGATE:
        self->function = (pbus_function_t) s_take_choice(in, PBUS_MIN, PBUS_AVG);
        return s_take_filter(in, &self->query.filter, lists);
    case PBUS_ASK_SOURCES:
        return true;
    case PBUS_ASK_SCAN:
        return s_take_scan(in, self);
    case PBUS_ASK_PURGE:
        if (!s_take_filter(in, &self->query.filter, lists))
            return false;
        self->query.limit = s_take_limit(in);
        return !in->bad;
    case PBUS_ASK_DIGEST:
        return s_take_digest(in, self);
    }
    return false;
}

bool pbus_ask_decode(pbus_ask_t *self, const void *data, size_t size, pbus_buf_t *lists)
{
    pbus_msgread_t in = pbus_msgread(data, size);
    size_t count = pbus_msgread_array(&in);
    uint64_t kind = count ? pbus_msgread_uint(&in) : 0;
    size_t length = s_length(kind);
    if (in.bad || length == 0 || count < length)
        return false;
    *self = pbus_ask_any((pbus_ask_kind_t) kind);
    if (!s_take_rest(&in, self, lists))
        return false;
    for (size_t i = length; i < count && !in.bad; i++)
        pbus_msgread_skip(&in);
    return pbus_msgread_at_end(&in);
}

unsigned pbus_ask_peek(const void *data, size_t size)
{
    pbus_msgread_t in = pbus_msgread(data, size);
    size_t count = pbus_msgread_array(&in);
    uint64_t kind = count ? pbus_msgread_uint(&in) : 0;
    return in.bad || !s_length(kind) ? 0 : (unsigned) kind;
}
