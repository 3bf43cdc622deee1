/*
 * Expand: a text with $NAME and ${NAME} in it, each replaced.
 *
 *     $NAME      the longest name that is one: [A-Za-z_][A-Za-z0-9_]*
 *     ${WORDS}   everything up to the next }
 *     $$         a dollar
 *     $ before anything else is itself
 *
 * What comes in is not looked into again.
 */
#ifndef DEPLOY_EXPAND_H
#define DEPLOY_EXPAND_H

#include "envfile.h"
#include "jsonfile.h"

/* Where texts come from and what their variables mean. */
typedef struct expand {
    const jsonfile_t *file;
    const envfile_t *envfile; /* may be NULL */
    problems_t *problems;
    /*
     * What ${WORDS} means that is no variable's name. Appends it, or tells the problem and returns false.
     * NULL: it has no meaning.
     */
    bool (*special)(struct expand *self, const char *words, const place_t *place, pbus_buf_t *out);
    /* $name that begins with a lower-case letter and is no variable stays: the language of routes has those.
     */
    bool keep_lower;
    void *context; /* for special */
} expand_t;

/* Appends the text, terminated by a NUL that counts. False with the problem told if something has no meaning.
 */
bool expand_text(expand_t *self, const char *text, const place_t *place, pbus_buf_t *out);

#endif
