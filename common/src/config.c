/*
 * Configuration (persistbus/config.h): options from tables, values from defaults, file and environment.
 *
 * Each load or reload makes a whole new set of values and takes it over only when all of it is right. After a
 * reload that failed the content that made it fail counts as seen: it is reported once, not at every look.
 */
#include <persistbus/config.h>

#include "config_file.h"
#include "config_value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PATH_SHOWN 80 /* bytes of a path in a message; of a longer one its end is shown */

struct pbus_config {
    const pbus_option_t **options; /* the caller's, of all tables */
    pbus_value_t *values;          /* one an option */
    size_t count;
    pbus_log_t *log; /* the caller's */
    char *path;      /* NULL: loaded from no file */
    char *path_shown;
    pbus_buf_t content; /* of the file when it was last looked at */
};

/* ---- options ---- */

static const pbus_option_t *s_find(const pbus_config_t *self, const char *key, size_t *place)
{
    for (size_t i = 0; i < self->count; i++) {
        if (strcmp(self->options[i]->key, key) == 0) {
            *place = i;
            return self->options[i];
        }
    }
    return NULL;
}

/* "Service.Max-Size" to SERVICE_MAX_SIZE. */
static void s_variable(const char *key, char name[PBUS_CONFIG_KEY_MAX])
{
    size_t size = 0;
    for (; key[size] && size < PBUS_CONFIG_KEY_MAX - 1; size++) {
        char c = key[size];
        if (c == '.' || c == '-')
            c = '_';
        else if (c >= 'a' && c <= 'z')
            c = (char) (c - 'a' + 'A');
        name[size] = c;
    }
    name[size] = 0;
}

static bool s_is_writable(const pbus_option_t *option)
{
    return strncmp(option->key, "Writable.", 9) == 0;
}

static void s_clear_values(pbus_value_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        pbus_value_clear(&values[i]);
    free(values);
}

/* ---- making a set of values ---- */

/* A value for a message: in quotes, on one line, not too long. */
static void s_show(const char *text, char shown[72])
{
    size_t size = 0;
    shown[size++] = '"';
    for (; *text && size < 61; text++)
        shown[size++] = (unsigned char) *text < 0x20 || *text == 0x7f ? '?' : *text;
    snprintf(shown + size, 72 - size, "%s\"", *text ? "..." : "");
}

/* where is the line of the file, or empty for the environment, whose variable stands in for the key. */
static pbus_status_t s_bad_value(const pbus_option_t *option, const char *where, const char *key,
                                 const char *shown, pbus_error_t *error)
{
    char allowed[PBUS_VALUE_ALLOWED];
    pbus_value_allowed(option, allowed);
    return pbus_fail(error, PBUS_INVALID, "%s%s: %s is not %s", where, key, shown, allowed);
}

static pbus_status_t s_no_memory(pbus_error_t *error)
{
    return pbus_fail(error, PBUS_NOMEM, "no memory for the configuration");
}

static pbus_status_t s_from_environment(const pbus_option_t *option, pbus_value_t *value, pbus_error_t *error)
{
    char name[PBUS_CONFIG_KEY_MAX], shown[72];
    s_variable(option->key, name);
    const char *text = getenv(name);
    if (!text)
        return PBUS_OK;
    pbus_value_t parsed;
    pbus_status_t status = pbus_value_parse(&parsed, option, text);
    if (status == PBUS_NOMEM)
        return s_no_memory(error);
    if (status != PBUS_OK) {
        s_show(text, shown);
        return s_bad_value(option, "environment variable ", name, shown, error);
    }
    pbus_value_clear(value);
    *value = parsed;
    return PBUS_OK;
}

/* A LIST takes lists, every other type scalars; a key without a value is the empty string or list. */
static pbus_status_t s_parse_entry(const pbus_option_t *option, const pbus_config_entry_t *entry,
                                   pbus_value_t *value)
{
    const char *text = (const char *) entry->text.data;
    bool is_list = option->type == PBUS_OPTION_LIST;
    if (entry->kind == PBUS_ENTRY_NULL)
        return pbus_value_parse(value, option, "");
    if (is_list && entry->kind == PBUS_ENTRY_LIST)
        return pbus_value_list(value, text, entry->text.size, entry->count);
    if (!is_list && entry->kind == PBUS_ENTRY_SCALAR)
        return pbus_value_parse(value, option, text);
    return PBUS_INVALID;
}

static pbus_status_t s_from_entry(const pbus_config_t *self, const pbus_option_t *option,
                                  const pbus_config_entry_t *entry, pbus_value_t *value, pbus_error_t *error)
{
    static const char *const kinds[] = {[PBUS_ENTRY_NULL] = "no value",
                                        [PBUS_ENTRY_LIST] = "a list",
                                        [PBUS_ENTRY_COMPLEX] = "a list of lists or mappings",
                                        [PBUS_ENTRY_SECTION] = "a mapping"};
    pbus_value_t parsed;
    pbus_status_t status = s_parse_entry(option, entry, &parsed);
    if (status == PBUS_NOMEM)
        return s_no_memory(error);
    if (status != PBUS_OK) {
        char where[PATH_SHOWN + 32], shown[72];
        snprintf(where, sizeof where, "%s:%zu: ", self->path_shown, entry->line);
        if (entry->kind == PBUS_ENTRY_SCALAR)
            s_show((const char *) entry->text.data, shown);
        else
            snprintf(shown, sizeof shown, "%s", kinds[entry->kind]);
        return s_bad_value(option, where, option->key, shown, error);
    }
    pbus_value_clear(value);
    *value = parsed;
    return PBUS_OK;
}

/* Whether some option lies below this key. */
static bool s_is_section(const pbus_config_t *self, const char *key)
{
    size_t size = strlen(key);
    for (size_t i = 0; i < self->count; i++)
        if (strncmp(self->options[i]->key, key, size) == 0 && self->options[i]->key[size] == '.')
            return true;
    return false;
}

static void s_warn_unknown(const pbus_config_t *self, const pbus_config_entry_t *entry)
{
    if (entry->kind == PBUS_ENTRY_SECTION)
        return; /* what is in it is warned of by itself */
    if (s_is_section(self, entry->key)) {
        if (entry->kind != PBUS_ENTRY_NULL)
            pbus_log_warn(self->log,
                          "%s:%zu: the value of %s is ignored: it takes keys below it, not a value",
                          self->path_shown, entry->line, entry->key);
        return;
    }
    for (size_t i = 0; i < self->count; i++) {
        if (strcasecmp(self->options[i]->key, entry->key) == 0) {
            pbus_log_warn(self->log, "%s:%zu: unknown key %s is ignored: did you mean %s?", self->path_shown,
                          entry->line, entry->key, self->options[i]->key);
            return;
        }
    }
    pbus_log_warn(self->log, "%s:%zu: unknown key %s is ignored", self->path_shown, entry->line, entry->key);
}

static pbus_status_t s_from_file(const pbus_config_t *self, const pbus_buf_t *content, pbus_value_t *values,
                                 pbus_error_t *error)
{
    pbus_config_file_t file = {0};
    pbus_status_t status = pbus_config_file_parse(&file, self->path_shown, content, error);
    for (size_t i = 0; i < file.count && status == PBUS_OK; i++) {
        size_t place;
        const pbus_option_t *option = s_find(self, file.entries[i].key, &place);
        if (option)
            status = s_from_entry(self, option, &file.entries[i], &values[place], error);
        else
            s_warn_unknown(self, &file.entries[i]);
    }
    pbus_config_file_clear(&file);
    return status;
}

static pbus_status_t s_from_defaults(const pbus_config_t *self, pbus_value_t *values, pbus_error_t *error)
{
    for (size_t i = 0; i < self->count; i++) {
        const pbus_option_t *option = self->options[i];
        const char *fallback = option->fallback ? option->fallback : "";
        pbus_status_t status = pbus_value_parse(&values[i], option, fallback);
        if (status == PBUS_NOMEM)
            return s_no_memory(error);
        if (status != PBUS_OK) {
            char shown[72];
            s_show(fallback, shown);
            return s_bad_value(option, "default of ", option->key, shown, error);
        }
    }
    return PBUS_OK;
}

/* All values anew: defaults, then the file's content (NULL: none), then the environment. */
static pbus_status_t s_make_values(const pbus_config_t *self, const pbus_buf_t *content, pbus_value_t **made,
                                   pbus_error_t *error)
{
    pbus_value_t *values = calloc(self->count + 1, sizeof *values);
    if (!values)
        return s_no_memory(error);
    pbus_status_t status = s_from_defaults(self, values, error);
    if (status == PBUS_OK && content)
        status = s_from_file(self, content, values, error);
    for (size_t i = 0; i < self->count && status == PBUS_OK; i++)
        status = s_from_environment(self->options[i], &values[i], error);
    if (status == PBUS_OK)
        *made = values;
    else
        s_clear_values(values, self->count);
    return status;
}

/* ---- construction ---- */

/* Collects the options of all tables; false when memory is out or a key is there twice or too long. */
static bool s_collect(pbus_config_t *self, const pbus_option_t *const *tables, size_t table_count)
{
    size_t count = 0;
    for (size_t i = 0; i < table_count; i++)
        for (const pbus_option_t *option = tables[i]; option->key; option++)
            count++;
    self->options = calloc(count + 1, sizeof *self->options);
    if (!self->options)
        return false;
    for (size_t i = 0; i < table_count; i++) {
        for (const pbus_option_t *option = tables[i]; option->key; option++) {
            size_t place;
            if (strlen(option->key) >= PBUS_CONFIG_KEY_MAX || s_find(self, option->key, &place)) {
                pbus_log_error(self->log, "option %s is there twice, or too long", option->key);
                return false;
            }
            self->options[self->count++] = option;
        }
    }
    return true;
}

/* All but the options. */
static void s_clear(pbus_config_t *self)
{
    if (self->values)
        s_clear_values(self->values, self->count);
    pbus_buf_clear(&self->content);
    free(self->path_shown);
    free(self->path);
}

pbus_config_t *pbus_config_new(const pbus_option_t *const *tables, size_t count, pbus_log_t *log)
{
    pbus_config_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->log = log;
    pbus_error_t error;
    if (!s_collect(self, tables, count)) {
        pbus_config_destroy(&self);
        return NULL;
    }
    self->values = calloc(self->count + 1, sizeof *self->values);
    if (!self->values || s_from_defaults(self, self->values, &error) != PBUS_OK) {
        if (self->values)
            pbus_log_error(log, "%s", error.text);
        pbus_config_destroy(&self);
    }
    return self;
}

void pbus_config_destroy(pbus_config_t **self_p)
{
    pbus_config_t *self = *self_p;
    if (!self)
        return;
    s_clear(self);
    free(self->options);
    free(self);
    *self_p = NULL;
}

/* ---- loading ---- */

/* The path for messages; NULL when memory is out. */
static char *s_shorten(const char *path)
{
    size_t size = strlen(path);
    char *shown = NULL;
    if (asprintf(&shown, "%s%s", size > PATH_SHOWN ? "..." : "",
                 size > PATH_SHOWN ? path + size - (PATH_SHOWN - 3) : path) < 0)
        return NULL;
    return shown;
}

/* Fills *loaded, which has the options of self and otherwise nothing yet. */
static pbus_status_t s_load(pbus_config_t *loaded, const char *path, pbus_error_t *error)
{
    if (!path)
        return s_make_values(loaded, NULL, &loaded->values, error);
    loaded->path = strdup(path);
    loaded->path_shown = s_shorten(path);
    if (!loaded->path || !loaded->path_shown)
        return s_no_memory(error);
    pbus_status_t status = pbus_config_file_read(path, loaded->path_shown, &loaded->content, error);
    return status == PBUS_OK ? s_make_values(loaded, &loaded->content, &loaded->values, error) : status;
}

pbus_status_t pbus_config_load(pbus_config_t *self, const char *path, pbus_error_t *error)
{
    pbus_config_t loaded = {.options = self->options, .count = self->count, .log = self->log};
    pbus_status_t status = s_load(&loaded, path, error);
    if (status == PBUS_OK) {
        s_clear(self);
        *self = loaded;
    } else
        s_clear(&loaded);
    return status;
}

/* Takes over the new value of each option under Writable; warns of the others that differ. */
static bool s_take_over(pbus_config_t *self, pbus_value_t *values)
{
    bool changed = false;
    for (size_t i = 0; i < self->count; i++) {
        const pbus_option_t *option = self->options[i];
        if (pbus_value_eq(&self->values[i], &values[i], option->type))
            continue;
        if (s_is_writable(option)) {
            pbus_value_t old = self->values[i];
            self->values[i] = values[i];
            values[i] = old;
            changed = true;
        } else
            pbus_log_warn(self->log, "%s: the change of %s takes effect at the next start", self->path_shown,
                          option->key);
    }
    return changed;
}

static bool s_same(const pbus_buf_t *a, const pbus_buf_t *b)
{
    return a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

pbus_status_t pbus_config_reload(pbus_config_t *self, bool *changed, pbus_error_t *error)
{
    *changed = false;
    if (!self->path)
        return PBUS_OK;
    pbus_buf_t content = {0};
    pbus_status_t status = pbus_config_file_read(self->path, self->path_shown, &content, error);
    if (status != PBUS_OK || s_same(&content, &self->content)) {
        pbus_buf_clear(&content);
        return status;
    }
    pbus_buf_clear(&self->content);
    self->content = content;
    pbus_value_t *values;
    status = s_make_values(self, &content, &values, error);
    if (status != PBUS_OK)
        return status;
    *changed = s_take_over(self, values);
    s_clear_values(values, self->count);
    return PBUS_OK;
}

/* ---- asking ---- */

static const pbus_value_t *s_get(const pbus_config_t *self, const char *key, pbus_option_type_t type)
{
    size_t place;
    const pbus_option_t *option = s_find(self, key, &place);
    if (!option || option->type != type) {
        fprintf(stderr, "defect: configuration key %s %s\n", key,
                option ? "is asked for by another type than its option has" : "is in no table of options");
        abort();
    }
    return &self->values[place];
}

const char *pbus_config_string(const pbus_config_t *self, const char *key)
{
    return s_get(self, key, PBUS_OPTION_STRING)->text;
}

int64_t pbus_config_int(const pbus_config_t *self, const char *key)
{
    return s_get(self, key, PBUS_OPTION_INT)->number;
}

bool pbus_config_bool(const pbus_config_t *self, const char *key)
{
    return s_get(self, key, PBUS_OPTION_BOOL)->number != 0;
}

int64_t pbus_config_duration(const pbus_config_t *self, const char *key)
{
    return s_get(self, key, PBUS_OPTION_DURATION)->number;
}

size_t pbus_config_list(const pbus_config_t *self, const char *key, const char *const **items)
{
    const pbus_value_t *value = s_get(self, key, PBUS_OPTION_LIST);
    *items = value->items;
    return value->count;
}

/* ---- help ---- */

/* How the default is shown: nothing as "". */
static const char *s_fallback(const pbus_option_t *option)
{
    return option->fallback && option->fallback[0] ? option->fallback : "\"\"";
}

void pbus_config_help(const pbus_config_t *self, pbus_buf_t *out)
{
    int key_width = 3, default_width = 7; /* of the headings */
    for (size_t i = 0; i < self->count; i++) {
        int key_size = (int) strlen(self->options[i]->key), size = (int) strlen(s_fallback(self->options[i]));
        key_width = key_size > key_width ? key_size : key_width;
        default_width = size > default_width ? size : default_width;
    }
    pbus_buf_printf(out, "  %-*s  %-*s  %-*s  %s\n", key_width, "key", key_width, "environment",
                    default_width, "default", "meaning");
    for (size_t i = 0; i < self->count; i++) {
        const pbus_option_t *option = self->options[i];
        char name[PBUS_CONFIG_KEY_MAX];
        s_variable(option->key, name);
        pbus_buf_printf(out, "  %-*s  %-*s  %-*s  %s\n", key_width, option->key, key_width, name,
                        default_width, s_fallback(option), option->help ? option->help : "");
    }
}
