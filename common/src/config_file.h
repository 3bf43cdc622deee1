/*
 * A configuration file taken apart: the YAML document flattened to entries, each known by the path of its
 * keys joined with '.', in the order of the file. Internal to the configuration. By value, start from zero,
 * free with _clear.
 *
 * What a configuration does not need is refused rather than half understood: anchors and aliases (they can
 * make a small file huge), tags, keys that are not plain text, several documents, the same key twice.
 */
#ifndef PBUS_CONFIG_FILE_H
#define PBUS_CONFIG_FILE_H

#include <persistbus/types.h>

#define PBUS_CONFIG_FILE_MAX (1024 * 1024) /* bytes */
#define PBUS_CONFIG_DEPTH_MAX 16           /* mappings and lists in one another */
#define PBUS_CONFIG_KEY_MAX 256            /* bytes of a path with its terminator */

typedef enum {
    PBUS_ENTRY_NULL,    /* key without a value */
    PBUS_ENTRY_SCALAR,  /* text, NUL-terminated */
    PBUS_ENTRY_LIST,    /* text holds `count` scalars, each ended by NUL */
    PBUS_ENTRY_COMPLEX, /* a list that holds mappings or lists; what is in it is left out */
    PBUS_ENTRY_SECTION  /* a mapping; what is in it follows as entries of their own */
} pbus_entry_kind_t;

typedef struct {
    char *key;
    size_t line; /* from 1 */
    pbus_entry_kind_t kind;
    pbus_buf_t text;
    size_t count;
} pbus_config_entry_t;

typedef struct {
    pbus_config_entry_t *entries;
    size_t count;
    size_t capacity;
} pbus_config_file_t;

/* Appends the content of the file; more than PBUS_CONFIG_FILE_MAX bytes are refused. shown is for messages.
 */
pbus_status_t pbus_config_file_read(const char *path, const char *shown, pbus_buf_t *content,
                                    pbus_error_t *error);
/* shown is for messages. Clear *self afterwards whatever is returned. */
pbus_status_t pbus_config_file_parse(pbus_config_file_t *self, const char *shown, const pbus_buf_t *content,
                                     pbus_error_t *error);
void pbus_config_file_clear(pbus_config_file_t *self);

#endif
