/*
 * Configuration: a YAML file with EdgeX's key names, each key overridable by an environment variable that is
 * spelled as EdgeX does (EdgeX core-data API v3, section 13): the path of the key joined with `_`, `-` turned
 * into `_`, upper-cased. `Service.Port` is SERVICE_PORT, `Writable.LogLevel` is WRITABLE_LOGLEVEL.
 *
 * What keys there are is said by tables of options, which also make the --help text. A key in the file that
 * no table has gives a warning that names it; a value that does not fit its option is an error.
 */
#ifndef PERSISTBUS_CONFIG_H
#define PERSISTBUS_CONFIG_H

#include <persistbus/log.h>

typedef enum {
    PBUS_OPTION_STRING,
    PBUS_OPTION_INT,      /* min <= value <= max */
    PBUS_OPTION_BOOL,     /* true, false, and the other words of YAML 1.1 and of Go */
    PBUS_OPTION_DURATION, /* EdgeX's (Go's): 5s, 1h30m, 250ms; kept in ns; min <= value <= max */
    PBUS_OPTION_LIST      /* a YAML list of strings; in the environment comma-separated */
} pbus_option_type_t;

typedef struct {
    const char *key; /* "Service.Port" */
    pbus_option_type_t type;
    const char *fallback; /* default, as text */
    int64_t min, max;     /* INT and DURATION; both 0: no bounds */
    const char *help;     /* one line */
} pbus_option_t;

typedef struct pbus_config pbus_config_t;

/*
 * A configuration that has every option at its default. tables is an array of `count` option tables, each
 * ended by an option with key NULL; they must outlive the configuration. NULL when memory is out or a default
 * does not fit its option.
 */
PBUS_EXPORT pbus_config_t *pbus_config_new(const pbus_option_t *const *tables, size_t count, pbus_log_t *log);
PBUS_EXPORT void pbus_config_destroy(pbus_config_t **self_p);

/* Reads the file (NULL: none), then the environment. Unknown keys are warned of. On error nothing changed. */
PBUS_EXPORT pbus_status_t pbus_config_load(pbus_config_t *self, const char *path, pbus_error_t *error);

/*
 * Reads the file again and takes over what changed under `Writable` (the environment still wins). Changes of
 * other keys are ignored with a warning that they need a restart. *changed tells whether anything did. Does
 * nothing when the configuration came from no file, or the file's content is as before.
 */
PBUS_EXPORT pbus_status_t pbus_config_reload(pbus_config_t *self, bool *changed, pbus_error_t *error);

/*
 * Values by key. Asking for a key that no table has, or by another type, is a defect of the caller: the
 * process ends with a message. Strings and lists live until the configuration is destroyed or, for keys
 * under `Writable`, reloaded. Not for several threads at once with reload.
 */
PBUS_EXPORT const char *pbus_config_string(const pbus_config_t *self, const char *key);
PBUS_EXPORT int64_t pbus_config_int(const pbus_config_t *self, const char *key);
PBUS_EXPORT bool pbus_config_bool(const pbus_config_t *self, const char *key);
PBUS_EXPORT int64_t pbus_config_duration(const pbus_config_t *self, const char *key);
PBUS_EXPORT size_t pbus_config_list(const pbus_config_t *self, const char *key, const char *const **items);

/* Appends a table of all options for --help: key, environment variable, default, help. */
PBUS_EXPORT void pbus_config_help(const pbus_config_t *self, pbus_buf_t *out);

#endif
