/*
 * Scripts: what has to happen in Redis as one step. They run by EVALSHA, loaded at each connect; KEYS[1] is
 * the key `store`, ARGV[1] the prefix, and all other keys begin with it. Those that change events get the
 * data set's id, and do nothing if the server holds another by now.
 *
 * Redis does not roll back, so each looks at everything that could stop it before its first change.
 */
#ifndef SCRIPTS_H
#define SCRIPTS_H

typedef enum {
    /*
     * ARGV: prefix, id for a new data set, schema; or, instead of the last two, nothing: only looks.
     * Returns {schema, id, mark}; {} if there is no store; or the name of a key that is somebody else's.
     */
    SCRIPT_OPEN,
    /*
     * ARGV: prefix, id, length that the catalogue should have, entries to append.
     * Returns 1: appended; 0: it has another length.
     */
    SCRIPT_CATALOGUE,
    /*
     * ARGV: prefix, id; then for each event to add its key, blob, member, the key of its series and, if the
     * blob's flags say so, its body; or for each to delete its key and an empty text; last the mark as 20
     * digits. Returns place and status of those that are not OK, one after another, places from 0.
     */
    SCRIPT_WRITE,
    /*
     * ARGV: prefix, id; then for each event its key, the accept number as it is in the blob, member, keys of
     * the series and of the class. Deletes those that still have this accept number; and index entries whose
     * event is gone, for which the accept number is empty. Returns how many events it deleted.
     */
    SCRIPT_PURGE,
    SCRIPTS
} script_t;

#define SCRIPT_OTHER_STORE (-1) /* what all but the first return if the server holds another data set */
#define SCRIPT_FOREIGN_KEY (-2) /* SCRIPT_CATALOGUE: the new series' key is somebody else's */

const char *script_text(script_t which);

#endif
