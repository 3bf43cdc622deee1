/*
 * Message: the header frame of every bus message (docs/PROTOCOL.md, section 2), by value. Internal to
 * core-data and the worker runtime. Views point into the decoded bytes.
 */
#ifndef PBUS_MESSAGE_H
#define PBUS_MESSAGE_H

#include <persistbus/types.h>

typedef enum {
    PBUS_WHO = 1,
    PBUS_WELCOME = 2,
    PBUS_REFUSE = 3,
    PBUS_WRITE = 4,
    PBUS_QUERY = 5,
    PBUS_PING = 6,
    PBUS_DRAIN = 7,
    PBUS_HELLO = 16,
    PBUS_READY = 17,
    PBUS_ACK = 18,
    PBUS_REPLY = 19,
    PBUS_PONG = 20,
    PBUS_BYE = 21
} pbus_kind_t;

/* One write of an ACK's `failed` list. */
typedef struct {
    uint64_t index;
    pbus_status_t status;
} pbus_failed_t;

/* Which fields a kind uses is said by the tables of PROTOCOL.md; the others are zero. */
typedef struct {
    uint64_t major; /* always PBUS_PROTOCOL_MAJOR in what is encoded */
    pbus_kind_t kind;
    uint64_t epoch;
    uint64_t session;
    int64_t sent; /* of this message, for PONG of the PING that it answers */

    uint64_t seq;           /* WRITE, QUERY, ACK, REPLY */
    uint64_t timeout_ms;    /* QUERY */
    uint64_t minor;         /* HELLO, WELCOME */
    uint64_t lease_ms;      /* WELCOME */
    uint64_t reply_bytes;   /* WELCOME: where a result is cut */
    uint64_t message_bytes; /* WELCOME: what ROUTER takes at most */

    pbus_str_t topic, backend, version, group; /* HELLO */
    uint64_t missing;                          /* HELLO */
    uint64_t messages, batches, bytes;         /* HELLO: credit */
    uint64_t batch_events, batch_bytes;        /* HELLO */

    bool ready;           /* READY */
    bool durable;         /* HELLO, READY */
    bool has_set;         /* HELLO, READY: data_set is known */
    pbus_uuid_t data_set; /* HELLO, READY */
    uint64_t mark;        /* HELLO, READY, ACK */

    pbus_status_t status;        /* REFUSE, ACK, REPLY */
    pbus_str_t text;             /* REFUSE, READY, ACK, REPLY */
    const pbus_failed_t *failed; /* ACK; encode only, decoded by pbus_message_next_failed */
    size_t failed_count;
    const uint8_t *failed_data; /* private: where the encoded list is */
    size_t failed_size;

    uint64_t busy; /* PONG, ns */
} pbus_message_t;

/* The name of a kind for logs ("HELLO"). */
const char *pbus_kind_name(pbus_kind_t kind);

void pbus_message_encode(const pbus_message_t *self, pbus_buf_t *out);

/*
 * False when malformed; epoch and session are set, and kind is not 0, if at least these could be read. A
 * message of another major version decodes as far as major, kind, epoch and session and is true: the receiver
 * looks at `major` first.
 */
bool pbus_message_decode(pbus_message_t *self, const void *data, size_t size);

/* Takes the next item of a decoded ACK's failed list; false at the end. failed_count is how many there were.
 */
bool pbus_message_next_failed(pbus_message_t *self, pbus_failed_t *failed);

/* ---- topics: "persist/<major>/<group>/<worker>.<nonce>/" ---- */

#define PBUS_NAME_MAX 64 /* bytes of a group's or a worker's name */

typedef struct {
    uint64_t major;
    pbus_str_t group;
    pbus_str_t worker;
    pbus_str_t nonce;
} pbus_topic_t;

/* False for anything but a well-formed topic, of whatever major version. */
bool pbus_topic_parse(pbus_topic_t *self, pbus_str_t text);
/* 1 to 64 of A-Z a-z 0-9 _ - */
bool pbus_name_ok(pbus_str_t name);

/* ---- batch: the payload of WRITE ------------------------------------------------------------------------
 */

#define PBUS_BATCH_BEGIN 5 /* bytes of the array's header */

/* Bytes of one write in a batch; event NULL: a delete. */
size_t pbus_batch_size(const void *event, size_t size);
/* Writes the array's header, or one write, at `out`; returns the bytes written. For building in place. */
size_t pbus_batch_begin(uint8_t *out, size_t count);
size_t pbus_batch_put(uint8_t *out, unsigned op, uint64_t accept, const pbus_uuid_t *id, const void *event,
                      size_t size);

#endif
