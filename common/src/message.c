/* The layout of headers is said once, in s_fields: encoder and decoder walk the same table of steps. */

#include "message.h"
#include "msgread.h"
#include "msgwrite.h"

#include <persistbus/version.h>

#include <string.h>

/* One element of a header: its type, and where it is in pbus_message_t. */
typedef enum { F_END, F_UINT, F_INT, F_BOOL, F_TEXT, F_STATUS, F_SET, F_FAILED } field_type_t;

typedef struct {
    field_type_t type;
    size_t offset;
} field_t;

#define UINT(member)                                                                                         \
    {                                                                                                        \
        F_UINT, offsetof(pbus_message_t, member)                                                             \
    }
#define INT(member)                                                                                          \
    {                                                                                                        \
        F_INT, offsetof(pbus_message_t, member)                                                              \
    }
#define BOOL(member)                                                                                         \
    {                                                                                                        \
        F_BOOL, offsetof(pbus_message_t, member)                                                             \
    }
#define TEXT(member)                                                                                         \
    {                                                                                                        \
        F_TEXT, offsetof(pbus_message_t, member)                                                             \
    }
#define STATUS                                                                                               \
    {                                                                                                        \
        F_STATUS, 0                                                                                          \
    }
#define SET                                                                                                  \
    {                                                                                                        \
        F_SET, 0                                                                                             \
    }
#define FAILED                                                                                               \
    {                                                                                                        \
        F_FAILED, 0                                                                                          \
    }

#define FIELDS_MAX 15

typedef struct {
    pbus_kind_t kind;
    const char *name;
    field_t fields[FIELDS_MAX]; /* what follows `session`, ended by F_END */
} layout_t;

static const layout_t s_layouts[] = {
    {PBUS_WHO, "WHO", {INT(sent)}},
    {PBUS_WELCOME,
     "WELCOME",
     {INT(sent), UINT(minor), UINT(lease_ms), UINT(reply_bytes), UINT(message_bytes)}},
    {PBUS_REFUSE, "REFUSE", {INT(sent), STATUS, TEXT(text)}},
    {PBUS_WRITE, "WRITE", {INT(sent), UINT(seq)}},
    {PBUS_QUERY, "QUERY", {INT(sent), UINT(seq), UINT(timeout_ms)}},
    {PBUS_PING, "PING", {INT(sent)}},
    {PBUS_DRAIN, "DRAIN", {INT(sent)}},
    {PBUS_HELLO,
     "HELLO",
     {TEXT(topic), UINT(minor), TEXT(backend), TEXT(version), TEXT(group), UINT(missing), BOOL(durable), SET,
      UINT(mark), UINT(messages), UINT(batches), UINT(bytes), UINT(batch_events), UINT(batch_bytes)}},
    {PBUS_READY, "READY", {BOOL(ready), TEXT(text), BOOL(durable), SET, UINT(mark)}},
    {PBUS_ACK, "ACK", {UINT(seq), STATUS, TEXT(text), UINT(mark), FAILED}},
    {PBUS_REPLY, "REPLY", {UINT(seq), STATUS, TEXT(text)}},
    {PBUS_PONG, "PONG", {INT(sent), UINT(busy)}},
    {PBUS_BYE, "BYE", {{F_END, 0}}},
};

static const layout_t *s_layout(pbus_kind_t kind)
{
    for (size_t i = 0; i < sizeof s_layouts / sizeof *s_layouts; i++)
        if (s_layouts[i].kind == kind)
            return &s_layouts[i];
    return NULL;
}

static size_t s_field_count(const layout_t *layout)
{
    size_t count = 0;
    while (count < FIELDS_MAX && layout->fields[count].type != F_END)
        count++;
    return count;
}

const char *pbus_kind_name(pbus_kind_t kind)
{
    const layout_t *layout = s_layout(kind);
    return layout ? layout->name : "unknown kind";
}

static void s_put_failed(msgpack_packer *out, const pbus_message_t *self)
{
    msgpack_pack_array(out, self->failed_count);
    for (size_t i = 0; i < self->failed_count; i++) {
        msgpack_pack_array(out, 2);
        msgpack_pack_uint64(out, self->failed[i].index);
        msgpack_pack_uint64(out, self->failed[i].status);
    }
}

static void s_put(msgpack_packer *out, const pbus_message_t *self, const field_t *field)
{
    const void *at = (const char *) self + field->offset;
    switch (field->type) {
    case F_UINT:
        msgpack_pack_uint64(out, *(const uint64_t *) at);
        break;
    case F_INT:
        msgpack_pack_int64(out, *(const int64_t *) at);
        break;
    case F_BOOL:
        pbus_msgwrite_bool(out, *(const bool *) at);
        break;
    case F_TEXT:
        pbus_msgwrite_str(out, *(const pbus_str_t *) at);
        break;
    case F_STATUS:
        msgpack_pack_uint64(out, self->status);
        break;
    case F_SET:
        if (self->has_set)
            pbus_msgwrite_uuid(out, &self->data_set);
        else
            msgpack_pack_nil(out);
        break;
    case F_FAILED:
        s_put_failed(out, self);
        break;
    case F_END:
        break;
    }
}

void pbus_message_encode(const pbus_message_t *self, pbus_buf_t *out)
{
    const layout_t *layout = s_layout(self->kind);
    if (!layout) {
        out->failed = true;
        return;
    }
    msgpack_packer packer;
    pbus_msgwrite_init(&packer, out);
    size_t count = s_field_count(layout);
    msgpack_pack_array(&packer, 4 + count);
    msgpack_pack_uint64(&packer, PBUS_PROTOCOL_MAJOR);
    msgpack_pack_uint64(&packer, self->kind);
    msgpack_pack_uint64(&packer, self->epoch);
    msgpack_pack_uint64(&packer, self->session);
    for (size_t i = 0; i < count; i++)
        s_put(&packer, self, &layout->fields[i]);
}

/* Statuses of later minor versions are failures of a kind not known here. */
static pbus_status_t s_status(uint64_t number)
{
    return number <= PBUS_NOMEM ? (pbus_status_t) number : PBUS_INTERNAL;
}

/* Checks the whole list now, so that pbus_message_next_failed need not. */
static void s_take_failed(pbus_msgread_t *in, pbus_message_t *self)
{
    size_t count = pbus_msgread_array(in);
    size_t start = in->at;
    for (size_t i = 0; i < count && !in->bad; i++) {
        pbus_msgread_array_of(in, 2);
        pbus_msgread_uint(in);
        pbus_msgread_uint(in);
    }
    self->failed_count = count;
    self->failed_data = in->data + start;
    self->failed_size = in->at - start;
}

static void s_take(pbus_msgread_t *in, pbus_message_t *self, const field_t *field)
{
    void *at = (char *) self + field->offset;
    switch (field->type) {
    case F_UINT:
        *(uint64_t *) at = pbus_msgread_uint(in);
        break;
    case F_INT:
        *(int64_t *) at = pbus_msgread_int(in);
        break;
    case F_BOOL:
        *(bool *) at = pbus_msgread_bool(in);
        break;
    case F_TEXT:
        *(pbus_str_t *) at = pbus_msgread_text(in);
        break;
    case F_STATUS:
        self->status = s_status(pbus_msgread_uint(in));
        break;
    case F_SET:
        self->has_set = !pbus_msgread_nil(in);
        if (self->has_set)
            self->data_set = pbus_msgread_uuid(in);
        break;
    case F_FAILED:
        s_take_failed(in, self);
        break;
    case F_END:
        break;
    }
}

bool pbus_message_decode(pbus_message_t *self, const void *data, size_t size)
{
    *self = (pbus_message_t){0};
    pbus_msgread_t in = pbus_msgread(data, size);
    size_t count = pbus_msgread_array(&in);
    if (count < 4)
        return false;
    self->major = pbus_msgread_uint(&in);
    uint64_t kind = pbus_msgread_uint(&in);
    self->epoch = pbus_msgread_uint(&in);
    self->session = pbus_msgread_uint(&in);
    if (in.bad || kind > UINT8_MAX)
        return false;
    self->kind = (pbus_kind_t) kind;
    if (self->major != PBUS_PROTOCOL_MAJOR)
        return true;

    const layout_t *layout = s_layout(self->kind);
    if (!layout || count - 4 < s_field_count(layout))
        return false;
    size_t known = s_field_count(layout);
    for (size_t i = 0; i < known; i++)
        s_take(&in, self, &layout->fields[i]);
    for (size_t i = 4 + known; i < count && !in.bad; i++)
        pbus_msgread_skip(&in);
    return pbus_msgread_at_end(&in);
}

bool pbus_message_next_failed(pbus_message_t *self, pbus_failed_t *failed)
{
    if (self->failed_size == 0)
        return false;
    pbus_msgread_t in = pbus_msgread(self->failed_data, self->failed_size);
    pbus_msgread_array_of(&in, 2);
    failed->index = pbus_msgread_uint(&in);
    failed->status = s_status(pbus_msgread_uint(&in));
    self->failed_data += in.at;
    self->failed_size -= in.at;
    return !in.bad;
}

bool pbus_name_ok(pbus_str_t name)
{
    if (name.size == 0 || name.size > PBUS_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '-')
            return false;
    }
    return true;
}

/* Takes what is before the first `end` off the text; false if there is none. */
static bool s_cut(pbus_str_t *text, char end, pbus_str_t *part)
{
    const char *at = text->size ? memchr(text->data, end, text->size) : NULL;
    if (!at)
        return false;
    *part = (pbus_str_t){text->data, (size_t) (at - text->data)};
    *text = (pbus_str_t){at + 1, text->size - part->size - 1};
    return true;
}

static bool s_number(pbus_str_t text, uint64_t *number)
{
    if (text.size == 0 || text.size > 9)
        return false;
    *number = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        *number = *number * 10 + (uint64_t) (text.data[i] - '0');
    }
    return true;
}

bool pbus_topic_parse(pbus_topic_t *self, pbus_str_t text)
{
    pbus_str_t word, major;
    return s_cut(&text, '/', &word) && pbus_str_eq(word, PBUS_STR("persist")) && s_cut(&text, '/', &major) &&
           s_number(major, &self->major) && s_cut(&text, '/', &self->group) && pbus_name_ok(self->group) &&
           s_cut(&text, '.', &self->worker) && pbus_name_ok(self->worker) &&
           s_cut(&text, '/', &self->nonce) && pbus_name_ok(self->nonce) && self->nonce.size >= 8 &&
           self->nonce.size <= 32 && text.size == 0;
}

static size_t s_put_big(uint8_t *out, uint8_t tag, uint64_t value, unsigned bytes)
{
    out[0] = tag;
    for (unsigned i = 0; i < bytes; i++)
        out[1 + i] = (uint8_t) (value >> (8 * (bytes - 1 - i)));
    return 1 + bytes;
}

size_t pbus_batch_size(const void *event, size_t size)
{
    return 2 + 9 + 2 + sizeof((pbus_uuid_t){0}.bytes) + (event ? 5 + size : 0);
}

size_t pbus_batch_begin(uint8_t *out, size_t count)
{
    return s_put_big(out, 0xdd, count, 4); /* array 32 */
}

size_t pbus_batch_put(uint8_t *out, unsigned op, uint64_t accept, const pbus_uuid_t *id, const void *event,
                      size_t size)
{
    size_t at = 0;
    out[at++] = event ? 0x94 : 0x93; /* array of 4, of 3 */
    out[at++] = (uint8_t) op;
    at += s_put_big(out + at, 0xcf, accept, 8); /* uint 64 */
    at += s_put_big(out + at, 0xc4, sizeof id->bytes, 1);
    memcpy(out + at, id->bytes, sizeof id->bytes);
    at += sizeof id->bytes;
    if (event) {
        at += s_put_big(out + at, 0xc6, size, 4); /* bin 32 */
        memcpy(out + at, event, size);
        at += size;
    }
    return at;
}
