#include "answer.h"
#include "msgread.h"

#include <string.h>

bool pbus_answer_open(pbus_answer_t *self, const void *data, size_t size)
{
    *self = (pbus_answer_t){0};
    pbus_msgread_t in = pbus_msgread(data, size);
    pbus_msgread_array_of(&in, 3);
    self->more = pbus_msgread_bool(&in);
    self->total = pbus_msgread_uint(&in);
    self->count = pbus_msgread_array(&in);
    self->data = in.data + in.at;
    self->size = in.size - in.at;
    return !in.bad && (self->count > 0 || self->size == 0);
}

/* A reader of what is left; bad at the end of the list. */
static pbus_msgread_t s_begin(pbus_answer_t *self)
{
    pbus_msgread_t in = pbus_msgread(self->data, self->size);
    in.bad = self->bad || self->next == self->count;
    return in;
}

/* Moves behind the item that was read, or marks the answer bad: so does anything behind the last item. */
static bool s_end(pbus_answer_t *self, const pbus_msgread_t *in)
{
    if (in->bad) {
        self->bad = self->bad || self->next < self->count;
        return false;
    }
    self->data += in->at;
    self->size -= in->at;
    self->next++;
    self->bad = self->next == self->count && self->size > 0;
    return !self->bad;
}

bool pbus_answer_event(pbus_answer_t *self, uint64_t *accept, pbus_str_t *encoded)
{
    pbus_msgread_t in = s_begin(self);
    pbus_msgread_array_of(&in, 2);
    *accept = pbus_msgread_uint(&in);
    *encoded = pbus_msgread_bin(&in);
    return s_end(self, &in);
}

bool pbus_answer_reading(pbus_answer_t *self, pbus_reading_t *reading)
{
    pbus_msgread_t in = s_begin(self);
    size_t start = in.at;
    pbus_msgread_skip(&in);
    if (!in.bad && !pbus_reading_decode(in.data + start, in.at - start, reading))
        in.bad = true;
    return s_end(self, &in);
}

bool pbus_answer_source(pbus_answer_t *self, pbus_str_t *device, pbus_str_t *source, uint64_t *events)
{
    pbus_msgread_t in = s_begin(self);
    pbus_msgread_array_of(&in, 3);
    *device = pbus_msgread_text(&in);
    *source = pbus_msgread_text(&in);
    *events = pbus_msgread_uint(&in);
    return s_end(self, &in);
}

bool pbus_answer_digest(pbus_answer_t *self, pbus_cursor_t *last, uint8_t hash[PBUS_HASH_SIZE])
{
    pbus_msgread_t in = s_begin(self);
    pbus_msgread_array_of(&in, 3);
    last->origin = pbus_msgread_int(&in);
    last->id = pbus_msgread_uuid(&in);
    pbus_str_t bytes = pbus_msgread_bin(&in);
    if (bytes.size != PBUS_HASH_SIZE)
        in.bad = true;
    if (!in.bad)
        memcpy(hash, bytes.data, PBUS_HASH_SIZE);
    return s_end(self, &in);
}

bool pbus_answer_group(pbus_answer_t *self, pbus_reading_t *like, uint64_t *count, pbus_str_t *value)
{
    pbus_msgread_t in = s_begin(self);
    *like = (pbus_reading_t){0};
    pbus_msgread_array_of(&in, 6);
    like->device = pbus_msgread_text(&in);
    like->profile = pbus_msgread_text(&in);
    like->resource = pbus_msgread_text(&in);
    uint64_t type = pbus_msgread_uint(&in);
    *count = pbus_msgread_uint(&in);
    *value = pbus_msgread_text(&in);
    if (type < PBUS_BOOL || type > PBUS_FLOAT64_ARRAY)
        in.bad = true;
    else
        like->type = (pbus_type_t) type;
    return s_end(self, &in);
}
