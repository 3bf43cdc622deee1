/*
 * Changes: which events a batch has added and removed, in its document in persistbus_log, for those who keep
 * a copy of the events (copy.h):
 *
 *     added: <the documents, one behind the other>, removed: <id and stamp of insertion, 24 bytes each>
 *
 * Both are left out when they come to more than CHANGES_MAX bytes or are not known; who keeps a copy then
 * reads all events anew.
 */
#ifndef PERSIST_MONGO_CHANGES_H
#define PERSIST_MONGO_CHANGES_H

#include "document.h"

#define CHANGES_MAX (8u * 1024)

/* By value; starts from zero. */
typedef struct {
    pbus_buf_t added;
    pbus_buf_t removed;
    bool partial;
} changes_t;

void changes_reset(changes_t *self);
void changes_clear(changes_t *self);
void changes_add(changes_t *self, const bson_t *document);
void changes_remove(changes_t *self, const pbus_uuid_t *id, int64_t batch);
/* There are some that can't be told. */
void changes_miss(changes_t *self);
void changes_append(const changes_t *self, bson_t *batch);

/* Views into a batch's document. */
typedef struct {
    const uint8_t *added;
    uint32_t added_size;
    const uint8_t *removed;
    uint32_t removed_size;
} changes_view_t;

/* False if they are left out. */
bool changes_read(const bson_t *batch, changes_view_t *view);
/* Takes the next one; false at the end, or where they are damaged. *document is a view. */
bool changes_next_added(changes_view_t *view, bson_t *document);
bool changes_next_removed(changes_view_t *view, pbus_uuid_t *id, int64_t *batch);

#endif
