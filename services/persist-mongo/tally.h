/*
 * Tally: how many events and readings, in rows: one a device, with what it has of each source and of each
 * resource, and one a resource. Of a batch (what it added, less what it deleted), or of what is stored.
 *
 * As BSON a row is
 *
 *     { kind: "device", name, events, readings, sources: [{name, events}], resources: [{name, readings}] }
 *     { kind: "resource", name, readings }
 *
 * where `events` goes by the event's device and `readings` by the reading's own. In collection
 * persistbus_counts it has in front of that _id, slot (whose counts) and upto (up to which batch of the
 * slot).
 *
 * A device whose sources and resources have come to more than TALLY_PARTS_MAX bytes is `wide`: what else it
 * gets has rows of its own, as a document must not grow for ever:
 *
 *     { kind: "deviceSource", name, part, events }
 *     { kind: "deviceResource", name, part, readings }
 */
#ifndef PERSIST_MONGO_TALLY_H
#define PERSIST_MONGO_TALLY_H

#include "document.h"

typedef enum { TALLY_DEVICE, TALLY_RESOURCE, TALLY_DEVICE_SOURCE, TALLY_DEVICE_RESOURCE } tally_kind_t;

typedef struct tally_row {
    tally_kind_t kind;
    int slot;
    pbus_str_t name; /* the device, or for TALLY_RESOURCE the resource */
    pbus_str_t part; /* of the last two kinds: the source, the resource */
    int64_t events;
    int64_t readings;
    int64_t upto;            /* not of a part that is in its device's row */
    size_t part_bytes;       /* of TALLY_DEVICE: about what its parts take in its row */
    bool wide;               /* of TALLY_DEVICE: new parts have rows of their own */
    bool own;                /* of a part: it has a row of its own */
    bool kept;               /* was read from persistbus_counts */
    struct tally_row *next;  /* of the first two kinds: the next of these; else the next part of the device */
    struct tally_row *parts; /* of TALLY_DEVICE */
} tally_row_t;

#define TALLY_PARTS_MAX 400000

typedef struct tally tally_t;

/* Ends the process if memory is out, as libbson does, on which all this stands; as do the functions below. */
tally_t *tally_new(void);
void tally_destroy(tally_t **self_p);
void tally_reset(tally_t *self);

/* Counts an event in (sign 1) or out (-1), under slot 0. */
void tally_event(tally_t *self, const pbus_event_t *event, int sign);
/* False, and nothing counted, if the document is damaged. */
bool tally_document(tally_t *self, const document_t *document, int sign);
int64_t tally_events(const tally_t *self);
int64_t tally_readings(const tally_t *self);

/* Appends events, readings and the array `rows`, without rows that are nothing but zeros. */
void tally_append(const tally_t *self, bson_t *to);
/* Appends a row's own fields; of a device without the parts that have rows of their own. */
void tally_append_row(const tally_row_t *row, bson_t *to);

/*
 * Takes rows from BSON: the row of collection persistbus_counts, or the array `rows` of what batch `upto` of
 * the slot did: of this, only what the row does not include yet. False if the BSON is none of these.
 */
bool tally_take_counts(tally_t *self, const bson_t *row);
bool tally_take_batch(tally_t *self, int slot, int64_t upto, const bson_t *batch);
/* What tally_append made of another tally; adds it, totals included. */
bool tally_take_change(tally_t *self, const bson_t *change);

/* The first of the rows of the first two kinds, linked by next. */
tally_row_t *tally_rows(const tally_t *self);
/* NULL if there is none; part is empty for the first two kinds. */
const tally_row_t *tally_find(const tally_t *self, tally_kind_t kind, int slot, pbus_str_t name,
                              pbus_str_t part);

#endif
