/*
 * persist-file: a backend in one file, as a provider writes it; it needs the installed SDK and nothing else.
 *
 * The store is a log that is only appended to: MAGIC, the data set's id, then records. It is mapped into
 * memory, with an index of the events in it. A batch is written and synced before it is acknowledged; so what
 * a crash leaves incomplete at the end was never acknowledged, and is cut off. One process has the log at a
 * time. To be short, it leaves out compaction, and every query and count looks at every event.
 */
#include <persistbus/persistbus.h>

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAGIC "PBFILE1\n"
#define HEAD 24                 /* bytes of MAGIC and the id */
#define ROOM ((size_t) 1 << 40) /* of addresses, for the log to grow into */

typedef struct {
    uint64_t sum;      /* of all that follows */
    uint64_t accept;   /* 0 when it is a purge */
    uint32_t size, op; /* PBUS_ADD, the event follows; PBUS_DELETE, the id follows; 0, the mark alone */
} record_t;

typedef struct {
    pbus_cursor_t place;
    uint64_t accept;
    size_t size;
    const uint8_t *data;
    pbus_decoder_t *decoder; /* holds event */
    const pbus_event_t *event;
} entry_t;

typedef struct {
    const char *path;
    pbus_log_t *log;
    pbus_health_t health;
    int fd;
    bool broken; /* a write failed; health repairs that */
    uint8_t *map;
    size_t end, synced; /* of the log, and how much of it is on the disk */
    entry_t **entries;  /* by place, ascending */
    size_t count;
    void *ids; /* the same, as a tree by id (tsearch) */
} store_t;

static pbus_status_t s_io(const store_t *self, const char *what, pbus_error_t *error)
{
    pbus_status_t status = errno == ENOSPC || errno == EDQUOT ? PBUS_FULL : PBUS_UNAVAILABLE;
    return pbus_fail(error, status, "%s can't be %s: %s", self->path, what, strerror(errno));
}

/* ---- index ---- */

static int s_by_id(const void *a, const void *b)
{
    return memcmp(&((const entry_t *) a)->place.id, &((const entry_t *) b)->place.id, sizeof(pbus_uuid_t));
}

static entry_t *s_find(const store_t *self, const pbus_uuid_t *id)
{
    entry_t key = {.place.id = *id}, **found = tfind(&key, &self->ids, s_by_id);
    return found ? *found : NULL;
}

/* The first entry at or behind the place. */
static size_t s_lower(const store_t *self, const pbus_cursor_t *place)
{
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (pbus_cursor_cmp(&self->entries[middle]->place, place) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* False when memory is out, or the bytes are no event. */
static bool s_insert(store_t *self, const uint8_t *data, size_t size, uint64_t accept)
{
    entry_t **entries = reallocarray(self->entries, self->count + 1, sizeof *entries);
    self->entries = entries ? entries : self->entries;
    pbus_decoder_t *decoder = pbus_decoder_new();
    const pbus_event_t *event = decoder ? pbus_decoder_event(decoder, data, size) : NULL;
    entry_t *entry = entries && event ? malloc(sizeof *entry) : NULL;
    if (entry)
        *entry = (entry_t){{event->origin, event->id}, accept, size, data, decoder, event};
    if (!entry || !tsearch(entry, &self->ids, s_by_id)) {
        pbus_decoder_destroy(&decoder);
        free(entry);
        return false;
    }
    size_t at = s_lower(self, &entry->place);
    memmove(&entries[at + 1], &entries[at], (self->count++ - at) * sizeof entry);
    entries[at] = entry;
    return true;
}

static void s_remove(store_t *self, size_t at)
{
    entry_t *entry = self->entries[at];
    tdelete(entry, &self->ids, s_by_id);
    memmove(&self->entries[at], &self->entries[at + 1], (--self->count - at) * sizeof entry);
    pbus_decoder_destroy(&entry->decoder);
    free(entry);
}

/* ---- log ---- */

static uint64_t s_sum(const record_t *record, const uint8_t *body) /* FNV-1a */
{
    uint64_t sum = 0xcbf29ce484222325;
    const uint8_t *head = (const uint8_t *) &record->accept;
    for (size_t i = 0; i < sizeof *record - sizeof record->sum; i++)
        sum = (sum ^ head[i]) * 0x100000001b3;
    for (size_t i = 0; i < record->size; i++)
        sum = (sum ^ body[i]) * 0x100000001b3;
    return sum;
}

/* Takes the record at the log's end into the index: 1; 0: it is not whole; -1: memory is out. */
static int s_take(store_t *self, size_t left)
{
    record_t record;
    const uint8_t *body = self->map + self->end + sizeof record;
    if (left < sizeof record)
        return 0;
    memcpy(&record, self->map + self->end, sizeof record);
    if (record.size > left - sizeof record || record.sum != s_sum(&record, body))
        return 0;
    if (record.op == PBUS_ADD && !s_insert(self, body, record.size, record.accept))
        return -1;
    bool deletes = record.op == PBUS_DELETE && record.size == sizeof(pbus_uuid_t);
    entry_t *gone = deletes ? s_find(self, (const pbus_uuid_t *) body) : NULL;
    if (gone)
        s_remove(self, s_lower(self, &gone->place));
    if (record.accept > self->health.applied_mark)
        self->health.applied_mark = record.accept;
    self->end += sizeof record + record.size;
    return 1;
}

/* Appends a record, to the log and to the index. */
static pbus_status_t s_put(store_t *self, uint32_t op, uint64_t accept, const void *data, size_t size,
                           pbus_error_t *error)
{
    record_t record = {.accept = accept, .size = (uint32_t) size, .op = op};
    struct iovec parts[] = {{&record, sizeof record}, {(void *) data, size}};
    record.sum = s_sum(&record, data);
    errno = EIO;
    ssize_t written = self->broken ? -1 : pwritev(self->fd, parts, 2, (off_t) self->end);
    if (written >= 0 && (size_t) written < sizeof record + size)
        errno = ENOSPC;
    else if (written > 0 && s_take(self, (size_t) written) == 1)
        return PBUS_OK;
    self->broken = true;
    return s_io(self, "written", error);
}

/* The mark, and all that was put is on the disk. */
static pbus_status_t s_sync(store_t *self, uint64_t mark, pbus_error_t *error)
{
    if (s_put(self, 0, mark, "", 0, error) != PBUS_OK)
        return error->status;
    self->broken = fdatasync(self->fd) != 0;
    if (self->broken)
        return s_io(self, "synced", error);
    self->synced = self->end;
    return PBUS_OK;
}

static void s_clear(store_t *self)
{
    while (self->count > 0)
        s_remove(self, self->count - 1);
}

/* Makes the index from the log, cuts off what is not whole, and shows that the log can be written. */
static pbus_status_t s_replay(store_t *self, size_t size, pbus_error_t *error)
{
    int taken;
    s_clear(self);
    self->health.applied_mark = 0;
    for (self->end = HEAD; (taken = s_take(self, size - self->end)) > 0;) {
    }
    if (taken < 0)
        return pbus_fail(error, PBUS_NOMEM, "%s: out of memory for the index", self->path);
    if (self->end < size)
        pbus_log_warn(self->log, "%s: an incomplete end of %zu bytes is cut off", self->path,
                      size - self->end);
    self->broken = ftruncate(self->fd, (off_t) self->end) != 0;
    if (self->broken)
        return s_io(self, "cut", error);
    return s_sync(self, self->health.applied_mark, error);
}

/* ---- the table's functions ---- */

static void s_close(void **self_p)
{
    store_t *self = *self_p;
    s_clear(self);
    if (self->map != MAP_FAILED)
        munmap(self->map, ROOM);
    if (self->fd >= 0)
        close(self->fd);
    free(self->entries);
    free(self);
    *self_p = NULL;
}

static pbus_status_t s_begin(store_t *self, pbus_error_t *error)
{
    char head[HEAD] = MAGIC;
    if (self->fd < 0 || self->map == MAP_FAILED)
        return s_io(self, "opened", error);
    if (flock(self->fd, LOCK_EX | LOCK_NB) != 0)
        return pbus_fail(error, PBUS_INVALID, "%s is in use: give each process a File.Path of its own",
                         self->path);
    off_t size = lseek(self->fd, 0, SEEK_END);
    if (size < HEAD) { /* new */
        if (getrandom(head + HEAD - sizeof(pbus_uuid_t), sizeof(pbus_uuid_t), 0) < 0 ||
            pwrite(self->fd, head, HEAD, 0) != (size = HEAD))
            return s_io(self, "begun", error);
        sync(); /* its name, too */
    }
    if (memcmp(self->map, MAGIC, HEAD - sizeof(pbus_uuid_t)) != 0)
        return pbus_fail(error, PBUS_INVALID, "%s is no log of persist-file: set another File.Path",
                         self->path);
    memcpy(&self->health.data_set, self->map + HEAD - sizeof(pbus_uuid_t), sizeof(pbus_uuid_t));
    return s_replay(self, (size_t) size, error);
}

static pbus_status_t s_open(void **self_p, const pbus_config_t *config, pbus_log_t *log, pbus_lane_t lane,
                            pbus_error_t *error)
{
    (void) lane; /* without PBUS_READ_LANE there is one */
    store_t *self = *self_p = calloc(1, sizeof *self);
    if (!self)
        return pbus_fail(error, PBUS_NOMEM, "out of memory");
    *self = (store_t){.path = pbus_config_string(config, "File.Path"), .log = log, .health.durable = true};
    self->fd = open(self->path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    self->map = mmap(NULL, ROOM, PROT_READ, MAP_SHARED | MAP_NORESERVE, self->fd, 0);
    pbus_status_t status = s_begin(self, error);
    if (status != PBUS_OK)
        s_close(self_p);
    return status;
}

/* After a failed write, what was not synced is not trusted; core-data sends it again. */
static pbus_status_t s_health(void *me, pbus_health_t *health, pbus_error_t *error)
{
    store_t *self = me;
    if (self->broken && s_replay(self, self->synced, error) != PBUS_OK)
        return error->status;
    *health = self->health;
    return PBUS_OK;
}

static pbus_status_t s_write(void *me, pbus_write_t *writes, size_t count, pbus_error_t *error)
{
    store_t *self = me;
    uint64_t mark = self->health.applied_mark;
    for (pbus_write_t *it = writes; it < writes + count; it++) {
        const entry_t *known = s_find(self, &it->id);
        it->status = PBUS_OK;
        if (it->op == PBUS_DELETE)
            it->status =
                known ? s_put(self, PBUS_DELETE, it->accept, &it->id, sizeof it->id, error) : PBUS_NOT_FOUND;
        else if (known)
            it->status = known->accept == it->accept ? PBUS_OK : PBUS_CONFLICT;
        else
            it->status = s_put(self, PBUS_ADD, it->accept, it->data, it->size, error);
        if (self->broken)
            return it->status;
        mark = it->accept > mark ? it->accept : mark;
    }
    return s_sync(self, mark, error);
}

static pbus_status_t s_purge(void *me, const pbus_filter_t *filter, uint32_t limit, uint64_t *deleted,
                             bool *more, pbus_error_t *error)
{
    store_t *self = me;
    *more = false;
    *deleted = 0;
    for (size_t i = 0; i < self->count && !*more;) {
        const entry_t *entry = self->entries[i];
        if (!pbus_filter_event(filter, entry->event, entry->accept))
            i++;
        else if (*deleted == limit)
            *more = true;
        else if (s_put(self, PBUS_DELETE, 0, &entry->place.id, sizeof(pbus_uuid_t), error) != PBUS_OK)
            return error->status;
        else
            ++*deleted;
    }
    return s_sync(self, 0, error);
}

static pbus_status_t s_list_events(void *me, const pbus_query_t *query, pbus_result_t *result,
                                   pbus_error_t *error)
{
    (void) error;
    store_t *self = me;
    uint64_t found = 0, given = 0;
    for (size_t i = self->count; i-- > 0;) {
        const entry_t *entry = self->entries[i];
        if (!pbus_filter_event(&query->filter, entry->event, entry->accept) || found++ < query->offset ||
            given == query->limit)
            continue;
        given = pbus_result_add_encoded(result, entry->accept, entry->data, entry->size) ? given + 1
                                                                                         : query->limit;
    }
    pbus_result_total(result, query->want_total ? found : 0);
    return PBUS_OK;
}

static int s_by_origin(const void *a, const void *b)
{
    const pbus_reading_t *x = *(const pbus_reading_t *const *) a, *y = *(const pbus_reading_t *const *) b;
    if (x->origin != y->origin)
        return x->origin > y->origin ? -1 : 1;
    return (x > y) - (x < y); /* where they are in memory: any order will do, if it stays */
}

/* The readings that pass, newest first, as an array of pointers. */
static bool s_readings(const store_t *self, const pbus_filter_t *filter, pbus_buf_t *found, uint64_t *count)
{
    for (size_t i = 0; i < self->count; i++)
        for (size_t k = 0; k < self->entries[i]->event->reading_count; k++) {
            const pbus_reading_t *reading = &self->entries[i]->event->readings[k];
            if (pbus_filter_reading(filter, reading))
                pbus_buf_append(found, &reading, sizeof reading);
        }
    *count = found->size / sizeof(pbus_reading_t *);
    if (*count > 0)
        qsort(found->data, *count, sizeof(pbus_reading_t *), s_by_origin);
    return !found->failed;
}

static pbus_status_t s_list_readings(void *me, const pbus_query_t *query, pbus_result_t *result,
                                     pbus_error_t *error)
{
    pbus_buf_t found = {0};
    uint64_t count;
    bool fine = s_readings(me, &query->filter, &found, &count);
    const pbus_reading_t **readings = (const pbus_reading_t **) found.data;
    for (uint64_t i = query->offset; i < count && i - query->offset < query->limit; i++)
        if (!pbus_result_add_reading(result, readings[i]))
            break;
    pbus_result_total(result, query->want_total ? count : 0);
    pbus_buf_clear(&found);
    return fine ? PBUS_OK : pbus_fail(error, PBUS_NOMEM, "out of memory for a list of readings");
}

static pbus_status_t s_count(void *me, pbus_what_t what, const pbus_filter_t *filter, uint64_t *count,
                             pbus_error_t *error)
{
    (void) error;
    const store_t *self = me;
    *count = 0;
    for (size_t i = 0; i < self->count; i++) {
        const entry_t *entry = self->entries[i];
        if (what == PBUS_EVENTS)
            *count += pbus_filter_event(filter, entry->event, entry->accept);
        for (size_t k = 0; what == PBUS_READINGS && k < entry->event->reading_count; k++)
            *count += pbus_filter_reading(filter, &entry->event->readings[k]);
    }
    return PBUS_OK;
}

/* Each is told of once, at the first of its events. */
static pbus_status_t s_list_sources(void *me, pbus_result_t *result, pbus_error_t *error)
{
    const store_t *self = me;
    for (size_t i = 0, first = 0; i < self->count; i++, first = 0) {
        pbus_filter_t same = pbus_filter_any();
        uint64_t events = 0;
        same.device = self->entries[i]->event->device;
        same.source = self->entries[i]->event->source;
        while (!pbus_filter_event(&same, self->entries[first]->event, 0))
            first++;
        if (first == i && s_count(me, PBUS_EVENTS, &same, &events, error) == PBUS_OK &&
            !pbus_result_add_source(result, same.device, same.source, events))
            break;
    }
    return PBUS_OK;
}

static pbus_status_t s_scan(void *me, int64_t origin_min, int64_t origin_max, const pbus_cursor_t *after,
                            uint32_t limit, pbus_result_t *result, pbus_error_t *error)
{
    (void) error;
    const store_t *self = me;
    for (size_t i = s_lower(self, &(pbus_cursor_t){.origin = origin_min}); i < self->count && limit > 0;
         i++) {
        const entry_t *entry = self->entries[i];
        if (after && pbus_cursor_cmp(&entry->place, after) <= 0)
            continue;
        if (entry->place.origin > origin_max ||
            !pbus_result_add_encoded(result, entry->accept, entry->data, entry->size))
            break;
        limit--;
    }
    return PBUS_OK;
}

static const pbus_option_t s_options[] = {{"File.Path", PBUS_OPTION_STRING, "persist-file.log", 0, 0,
                                           "the log; created if absent; on a local disk"},
                                          {.key = NULL}};

static const pbus_backend_t s_backend = {
    .abi = PBUS_BACKEND_ABI,
    .name = "file",
    .version = "1.0.0",
    .missing = PBUS_CAP_AGGREGATE | PBUS_CAP_WORKERS,
    .options = s_options,
    .open = s_open,
    .close = s_close,
    .health = s_health,
    .write = s_write,
    .purge = s_purge,
    .list_events = s_list_events,
    .list_readings = s_list_readings,
    .count = s_count,
    .list_sources = s_list_sources,
    .scan = s_scan,
};

int main(int argc, char **argv)
{
    return pbus_worker_main(argc, argv, &s_backend);
}
