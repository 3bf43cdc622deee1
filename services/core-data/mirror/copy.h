/*
 * Copy: makes one group's history that of another one, or only compares the two, while writes and deletes go
 * on in both.
 *
 * Window by window, in the order of (origin, id): first both groups have applied all that was accepted up to
 * now (REQUEST_SETTLE); then they are compared by digests of the same part of their order, and only if these
 * differ by their events. What was accepted after the pass began is left out: the target gets it as every
 * group does, and what it does not get makes it begin to lack something. So however fast clients write, the
 * end of the order is reached.
 *
 * What the target lacks is added with its own number, and the window is looked at once more. A delete that is
 * on its way while a window is looked at has been done in one group and not yet in the other; so what only
 * the target has, or still differs after it was mended, is touched only if a second look, after both have
 * settled again, finds it again: by then that delete is in both. An event whose id the target has elsewhere
 * in its order can't be added, so on the second look it is deleted before. The same look tells of an event
 * that was brought back while a client deleted it.
 *
 * While the target lacks events, live traffic may go another way there than in the source: an event whose id
 * the source has is refused there and taken here, and what is deleted by device may then miss it. So a pass
 * that has mended anything is followed by another one, until one finds nothing to mend. Of what is equal that
 * costs digests only: so does beginning again after any interruption.
 *
 * What a pass has seen in both up to its accept number, the target can lack later only because of a delete
 * that the source has not done yet. So in the passes that follow this waits for the second look as well:
 * else, with deletes all the time and a target that is quicker than the source, there would be no last pass.
 * What is newer is mended at once, and asks for one more pass, even if it is deleted a moment later: its id
 * may have been taken anew in the target alone.
 *
 * A source that has become STALE is not copied from, as what it lacks would be deleted.
 */
#ifndef CORE_DATA_COPY_H
#define CORE_DATA_COPY_H

#include <stdatomic.h>
#include "asker.h"

typedef enum {
    COPY_COPY,   /* and the target is LIVE at the end, if it was STALE */
    COPY_VERIFY, /* nothing is changed */
    COPY_REPAIR  /* the target stays in its state */
} copy_kind_t;

/* How far it is; read by other threads while it runs. */
typedef struct {
    atomic_uint_fast64_t steps; /* grows with all that succeeds */
    atomic_uint_fast64_t seen;  /* events compared in this pass */
    atomic_uint_fast64_t total; /* about how many there are */
    atomic_uint_fast64_t copied, deleted;
    atomic_uint_fast64_t windows_equal, windows_different;
    atomic_uint_fast64_t missing, extra, different; /* VERIFY: events */
} copy_tally_t;

typedef struct copy copy_t;

/* asker, service and tally must outlive it; names are copied. NULL when memory is out. */
copy_t *copy_new(asker_t *asker, service_t *service, copy_kind_t kind, const char *source, const char *target,
                 copy_tally_t *tally);
void copy_destroy(copy_t **self_p);

/*
 * Runs to the end. After PBUS_UNAVAILABLE, PBUS_TIMEOUT or PBUS_FULL it may be called again, and goes on
 * where it was; anything else is final, as *error says.
 */
pbus_status_t copy_run(copy_t *self, pbus_error_t *error);

#endif
