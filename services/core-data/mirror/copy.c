/*
 * Copy: see copy.h.
 */
#include <stdlib.h>
#include <string.h>
#include "compare.h"
#include "copy.h"
#include "mending.h"

#define SECOND INT64_C(1000000000)
#define PATIENCE (5 * SECOND)                     /* ns, for groups to settle */
#define WINDOW_MAX 5000                           /* events */
#define FITS_MAX 40                               /* how often a window is made smaller */
#define LOOKS_MAX 8                               /* at a window */
#define DIFFERENCES_MAX (4 * (size_t) WINDOW_MAX) /* of a look; then the window is made smaller */
#define PASSES_MAX 20

struct copy {
    asker_t *asker;
    copy_kind_t kind;
    copy_tally_t *tally;
    pace_t pace;
    remote_t *source, *target;

    /* The pass */
    bool begun;
    unsigned passes;
    uint64_t compared;   /* accept of the last pass that reached the end: the target has had what is older */
    bool mends;          /* something was sent to the target */
    uint64_t generation; /* of the target, as of the first look */
    bool outdated;       /* it has another one now */
    uint64_t accept;     /* of the first look: what came later, the target has as well */

    /* The window */
    window_t window; /* until is known after the digests */
    uint32_t limit;  /* events */
    bool at_end;     /* of the pass */
    uint64_t events; /* of the source in it */
    unsigned looks;
    bool changed;              /* something was sent for it */
    uint32_t refused;          /* writes of this look that the target did not take */
    differences_t now, before; /* of this look and the one before */
    mending_t mending;
};

copy_t *copy_new(asker_t *asker, service_t *service, copy_kind_t kind, const char *source, const char *target,
                 copy_tally_t *tally)
{
    copy_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    *self = (copy_t){.asker = asker, .kind = kind, .tally = tally, .limit = WINDOW_MAX};
    self->pace = pace(service_metrics(service), SERVICE_REQUESTS, pbus_clock_boottime());
    self->source = remote_new(asker, &self->pace, source);
    self->target = remote_new(asker, &self->pace, target);
    if (!self->source || !self->target)
        copy_destroy(&self);
    return self;
}

void copy_destroy(copy_t **self_p)
{
    copy_t *self = *self_p;
    if (!self)
        return;
    remote_destroy(&self->source);
    remote_destroy(&self->target);
    differences_clear(&self->now);
    differences_clear(&self->before);
    mending_clear(&self->mending);
    free(self);
    *self_p = NULL;
}

static pbus_status_t s_no_memory(pbus_error_t *error)
{
    return pbus_fail(error, PBUS_NOMEM, "memory is out");
}

/* ---- settling ----------------------------------------------------------------------------------------- */

/* A request that names both groups. */
static request_t *s_request(const copy_t *self, request_kind_t kind)
{
    request_t *request = request_new(kind);
    if (!request)
        return NULL;
    request->deadline = pbus_clock_boottime() + PATIENCE;
    request->source_group = strdup(remote_name(self->source));
    request->target = strdup(remote_name(self->target));
    if (!request->source_group || !request->target)
        request_destroy(&request);
    return request;
}

/* Something has got lost to the target since the pass began, perhaps where it was looked at already. */
static bool s_is_outdated(const copy_t *self)
{
    return self->outdated && self->kind == COPY_COPY;
}

static pbus_status_t s_settle(copy_t *self, pbus_error_t *error)
{
    request_t *request = s_request(self, REQUEST_SETTLE);
    pbus_status_t status = asker_ask(self->asker, &request, error);
    if (status != PBUS_OK)
        return status;
    if (request->stale && self->kind != COPY_VERIFY)
        status =
            pbus_fail(error, PBUS_CONFLICT,
                      "group %s is STALE, so it lacks events itself: copy from a LIVE group, or promote it",
                      remote_name(self->source));
    if (!self->accept) {
        self->accept = request->accept;
        if (self->generation != request->generation)
            self->compared = 0;
        self->generation = request->generation;
    }
    self->outdated = self->generation != request->generation;
    request_destroy(&request);
    atomic_fetch_add(&self->tally->steps, 1);
    return status;
}

/* ---- digests ------------------------------------------------------------------------------------------ */

static bool s_is_equal(const pbus_digest_sum_t *a, const pbus_digest_sum_t *b)
{
    return !b->more && a->count == b->count && memcmp(a->hash, b->hash, sizeof a->hash) == 0;
}

/* An answer without an event has no hash. */
static bool s_are_equal(const pbus_digest_sum_t *a, const pbus_digest_sum_t *b)
{
    return s_is_equal(a, b) || (!b->more && a->count == 0 && b->count == 0);
}

static void s_end_at(copy_t *self, const pbus_cursor_t *place)
{
    self->window.has_until = true;
    self->window.until = *place;
}

/* The digests of the window as it is; where the source's ends, the window ends. */
static pbus_status_t s_ask_digests(copy_t *self, pbus_digest_sum_t *source, pbus_digest_sum_t *target,
                                   pbus_error_t *error)
{
    pbus_status_t status =
        remote_digest(self->source, &self->window, self->accept, self->limit, source, error);
    if (status != PBUS_OK)
        return status;
    if (source->more)
        s_end_at(self, &source->last);
    return remote_digest(self->target, &self->window, self->accept, (uint32_t) source->count + 1, target,
                         error);
}

/* Until the target has not run out of time before its end, the window is made smaller. */
static pbus_status_t s_digests(copy_t *self, bool *equal, pbus_error_t *error)
{
    pbus_digest_sum_t source, target;
    for (int i = 0; i < FITS_MAX; i++) {
        pbus_status_t status = s_ask_digests(self, &source, &target, error);
        if (status != PBUS_OK)
            return status;
        self->events = source.count;
        *equal = s_are_equal(&source, &target);
        if (!target.more || target.count > source.count)
            return PBUS_OK;
        if (target.count == 0)
            s_end_at(self, &target.last);
        else
            self->limit = (uint32_t) (target.count - target.count / 4);
        *equal = source.count == 0; /* and the target has none either */
        if (*equal)
            return PBUS_OK;
    }
    return pbus_fail(error, PBUS_TIMEOUT, "group %s is too slow to be compared now",
                     remote_name(self->target));
}

/* ---- mending ------------------------------------------------------------------------------------------ */

static pbus_status_t s_send(copy_t *self, pbus_error_t *error)
{
    uint32_t refused = 0;
    if (self->mending.count == 0)
        return PBUS_OK;
    pbus_buf_t batch = mending_take(&self->mending);
    self->changed = self->mends = true;
    pbus_status_t status =
        batch.failed ? s_no_memory(error) : remote_repair(self->target, &batch, &refused, error);
    pbus_buf_clear(&batch);
    self->refused += refused;
    if (status == PBUS_OK)
        atomic_fetch_add(&self->tally->steps, 1);
    return status;
}

static void s_delete(copy_t *self, const difference_t *difference)
{
    const walk_item_t *target = difference->target;
    mending_delete(&self->mending, target ? target->accept : difference->accept, &difference->place.id);
    if (target)
        atomic_fetch_add(&self->tally->deleted, 1);
}

static void s_add(copy_t *self, const difference_t *difference)
{
    mending_add(&self->mending, difference->source->accept, &difference->place.id, difference->source->event);
    atomic_fetch_add(&self->tally->copied, 1);
}

/* What the target has had, and what only it has, may be a delete on its way. */
static bool s_mends_at_once(const copy_t *self, const difference_t *difference)
{
    return self->looks == 0 && difference->kind != DIFFERENCE_EXTRA && difference->accept > self->compared;
}

/* known: the look before found the very same. */
static pbus_status_t s_mend(copy_t *self, const difference_t *difference, bool known, pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    size_t size = difference->source ? difference->source->event.size : 0;
    if (!known && !s_mends_at_once(self, difference))
        return PBUS_OK;
    if (mending_is_full(&self->mending, size, remote_writes(self->target)))
        status = s_send(self, error);
    if (status != PBUS_OK)
        return status;
    if (known || difference->kind == DIFFERENCE_DIFFERENT)
        s_delete(self, difference);
    if (difference->source)
        s_add(self, difference);
    return PBUS_OK;
}

static void s_report(copy_t *self, const difference_t *difference)
{
    copy_tally_t *tally = self->tally;
    atomic_fetch_add(difference->kind == DIFFERENCE_MISSING ? &tally->missing
                     : difference->kind == DIFFERENCE_EXTRA ? &tally->extra
                                                            : &tally->different,
                     1);
}

/* What a look came upon at places where the look before had found something. */
typedef struct {
    size_t known;   /* the very same as then */
    size_t changed; /* something else */
} again_t;

/* One difference of this look. */
static pbus_status_t s_attend(copy_t *self, const difference_t *difference, again_t *again,
                              pbus_error_t *error)
{
    difference_news_t news = differences_find(&self->before, difference);
    differences_add(&self->now, difference);
    if (self->now.items.failed)
        return s_no_memory(error);
    again->known += news == DIFFERENCE_KNOWN;
    again->changed += news == DIFFERENCE_CHANGED;
    if (self->kind != COPY_VERIFY)
        return s_mend(self, difference, news == DIFFERENCE_KNOWN, error);
    if (news == DIFFERENCE_KNOWN)
        s_report(self, difference);
    return PBUS_OK;
}

static pbus_status_t s_differences(copy_t *self, compare_t *compare, again_t *again, pbus_error_t *error)
{
    difference_t difference;
    bool found;
    pbus_status_t status;
    while ((status = compare_next(compare, &difference, &found, error)) == PBUS_OK && found) {
        status = s_attend(self, &difference, again, error);
        if (status != PBUS_OK)
            return status;
        if (differences_count(&self->now) < DIFFERENCES_MAX)
            continue;
        s_end_at(self, &difference.place);
        break;
    }
    return status == PBUS_OK ? s_send(self, error) : status;
}

static pbus_status_t s_compare(copy_t *self, again_t *again, pbus_error_t *error)
{
    compare_t *compare = compare_new(self->source, self->target, &self->window, self->accept);
    differences_reset(&self->now);
    self->before.next = 0;
    self->refused = 0;
    mending_clear(&self->mending);
    pbus_status_t status = compare ? s_differences(self, compare, again, error) : s_no_memory(error);
    compare_destroy(&compare);
    return status;
}

static pbus_status_t s_stubborn(const copy_t *self, pbus_error_t *error)
{
    char id[PBUS_UUID_TEXT];
    pbus_uuid_format(&((const difference_t *) self->now.items.data)->place.id, id);
    return pbus_fail(error, PBUS_CONFLICT,
                     "group %s does not become like group %s in %zu events, the first of them %s; %u writes "
                     "were refused: see its log",
                     remote_name(self->target), remote_name(self->source), differences_count(&self->now), id,
                     self->refused);
}

/* ---- windows ------------------------------------------------------------------------------------------ */

/* The window is done with. */
static void s_next_window(copy_t *self, bool differed)
{
    copy_tally_t *tally = self->tally;
    atomic_fetch_add(&tally->seen, self->events);
    atomic_fetch_add(differed ? &tally->windows_different : &tally->windows_equal, 1);
    atomic_fetch_add(&tally->steps, 1);
    self->at_end = !self->window.has_until;
    self->pace.eased = self->events == 0; /* only what clients have written since, and go on to */
    self->window = (window_t){.has_after = true, .after = self->window.until};
    self->looks = 0;
    self->changed = false;
    differences_reset(&self->before);
    self->limit += self->limit / 2 + 1;
    if (self->limit > WINDOW_MAX)
        self->limit = WINDOW_MAX;
}

/*
 * One look at the window. It is done when its digests are equal, or when there is no difference where the
 * look before had found one: those of that one are gone, and new ones are deletes on their way.
 */
static pbus_status_t s_look(copy_t *self, pbus_error_t *error)
{
    bool equal = false;
    again_t again = {0};
    pbus_status_t status = s_settle(self, error);
    if (status == PBUS_OK && s_is_outdated(self))
        return PBUS_OK;
    if (status == PBUS_OK)
        status = s_digests(self, &equal, error);
    if (status == PBUS_OK && !equal)
        status = s_compare(self, &again, error);
    if (status != PBUS_OK)
        return status;
    bool last = self->kind == COPY_VERIFY || again.known + again.changed == 0;
    if (equal || (self->looks > 0 && last)) {
        s_next_window(self, self->changed || again.known);
        return PBUS_OK;
    }
    if (++self->looks >= LOOKS_MAX)
        return s_stubborn(self, error);
    differences_t before = self->before;
    self->before = self->now;
    self->now = before;
    return PBUS_OK;
}

/* ---- passes ------------------------------------------------------------------------------------------- */

static pbus_status_t s_begin_pass(copy_t *self, pbus_error_t *error)
{
    uint64_t total;
    pbus_status_t status = remote_count(self->source, &total, error);
    if (status != PBUS_OK)
        return status;
    if (++self->passes > PASSES_MAX)
        return pbus_fail(error, PBUS_CONFLICT, "group %s has not become like group %s in %d passes",
                         remote_name(self->target), remote_name(self->source), PASSES_MAX);
    atomic_store(&self->tally->total, total);
    atomic_store(&self->tally->seen, 0);
    self->begun = true;
    self->mends = self->outdated = self->at_end = self->changed = self->pace.eased = false;
    self->accept = 0;
    self->looks = 0;
    self->window = (window_t){0};
    differences_reset(&self->before);
    return PBUS_OK;
}

/* PBUS_CONFLICT: something has got lost to the target since the pass began. */
static pbus_status_t s_finish(copy_t *self, pbus_error_t *error)
{
    request_t *request = s_request(self, REQUEST_ADMIN);
    if (request) {
        request->command = ADMIN_COPIED;
        request->generation = self->generation;
    }
    pbus_status_t status = asker_ask(self->asker, &request, error);
    request_destroy(&request);
    return status;
}

/* Whether all is done; false: another pass. */
static pbus_status_t s_end_pass(copy_t *self, bool *done, pbus_error_t *error)
{
    *done = !self->mends && !s_is_outdated(self);
    if (self->at_end && !self->outdated)
        self->compared = self->accept;
    if (*done && self->kind == COPY_COPY) {
        pbus_status_t status = s_finish(self, error);
        *done = status == PBUS_OK;
        if (status != PBUS_OK && status != PBUS_CONFLICT)
            return status;
    }
    self->begun = *done;
    return PBUS_OK;
}

pbus_status_t copy_run(copy_t *self, pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    for (bool done = false; status == PBUS_OK && !done;) {
        if (!self->begun)
            status = s_begin_pass(self, error);
        while (status == PBUS_OK && !self->at_end && !s_is_outdated(self))
            status = s_look(self, error);
        if (status == PBUS_OK)
            status = s_end_pass(self, &done, error);
    }
    return status;
}
