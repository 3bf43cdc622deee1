/*
 * A configuration file taken apart (config_file.h), from the events of libyaml's parser: they come one by one
 * and need no tree, so memory is bounded by the size of the file.
 */
#include "config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <yaml.h>

/* A mapping or list that is being read. */
typedef struct {
    bool is_mapping;
    bool has_key;     /* mapping: its key was read, the value comes next */
    size_t path_size; /* bytes of the path that leads here, or to the value that comes next */
    size_t base_size; /* mapping: the same without the key */
} s_frame_t;

typedef struct {
    pbus_config_file_t *file;
    const char *shown; /* the path, for messages */
    const pbus_buf_t *content;
    pbus_error_t *error;
    s_frame_t frames[PBUS_CONFIG_DEPTH_MAX];
    size_t depth;    /* frames in use */
    size_t skipping; /* how many mappings and lists deep in a list's element, which is left out */
    size_t documents;
    char key[PBUS_CONFIG_KEY_MAX]; /* the path to where we are */
    size_t key_line;
} s_reader_t;

/* ---- the file's bytes ---- */

static pbus_status_t s_read_fd(int fd, const char *shown, pbus_buf_t *content, pbus_error_t *error)
{
    while (content->size <= PBUS_CONFIG_FILE_MAX) {
        uint8_t *to = pbus_buf_reserve(content, 16384);
        if (!to)
            return pbus_fail(error, PBUS_NOMEM, "%s: no memory to read it", shown);
        ssize_t size = read(fd, to, 16384);
        if (size == 0)
            return PBUS_OK;
        if (size > 0)
            content->size += (size_t) size;
        else if (errno != EINTR)
            return pbus_fail(error, PBUS_UNAVAILABLE, "%s: cannot read it: %s", shown, strerror(errno));
    }
    return pbus_fail(error, PBUS_INVALID, "%s: larger than %d bytes, which no configuration file may be",
                     shown, PBUS_CONFIG_FILE_MAX);
}

pbus_status_t pbus_config_file_read(const char *path, const char *shown, pbus_buf_t *content,
                                    pbus_error_t *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return pbus_fail(error, PBUS_UNAVAILABLE, "%s: cannot open it: %s", shown, strerror(errno));
    pbus_status_t status = s_read_fd(fd, shown, content, error);
    close(fd);
    return status;
}

/* ---- entries ---- */

static pbus_status_t s_no_memory(s_reader_t *self)
{
    return pbus_fail(self->error, PBUS_NOMEM, "%s: no memory to take it in", self->shown);
}

static pbus_status_t s_refuse(s_reader_t *self, const yaml_event_t *event, const char *why)
{
    return pbus_fail(self->error, PBUS_INVALID, "%s:%zu: %s", self->shown, event->start_mark.line + 1, why);
}

/* An entry for the path where we are; NULL when memory is out. */
static pbus_config_entry_t *s_add_entry(s_reader_t *self, pbus_entry_kind_t kind)
{
    pbus_config_file_t *file = self->file;
    if (file->count == file->capacity) {
        size_t capacity = file->capacity ? file->capacity * 2 : 64;
        pbus_config_entry_t *entries = realloc(file->entries, capacity * sizeof *entries);
        if (!entries)
            return NULL;
        file->entries = entries;
        file->capacity = capacity;
    }
    char *key = strdup(self->key);
    if (!key)
        return NULL;
    pbus_config_entry_t *entry = &file->entries[file->count++];
    *entry = (pbus_config_entry_t){.key = key, .line = self->key_line, .kind = kind};
    return entry;
}

/* Unquoted nothing, ~ or null. */
static bool s_is_null(const yaml_event_t *event)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp((const char *) event->data.scalar.value, words[i]) == 0)
            return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    return false;
}

static pbus_status_t s_put_text(s_reader_t *self, pbus_config_entry_t *entry, const yaml_event_t *event)
{
    const char *text = (const char *) event->data.scalar.value;
    size_t size = event->data.scalar.length;
    if (memchr(text, 0, size))
        return s_refuse(self, event, "a value must not hold a NUL character");
    if (s_is_null(event))
        pbus_buf_append(&entry->text, "", 1);
    else
        pbus_buf_append(&entry->text, text, size + 1);
    entry->count++;
    return entry->text.failed ? s_no_memory(self) : PBUS_OK;
}

/* ---- the structure ---- */

static s_frame_t *s_top(s_reader_t *self)
{
    return self->depth ? &self->frames[self->depth - 1] : NULL;
}

static pbus_status_t s_push(s_reader_t *self, const yaml_event_t *event, bool is_mapping)
{
    if (self->depth == PBUS_CONFIG_DEPTH_MAX)
        return s_refuse(self, event, "nested too deeply for a configuration");
    size_t path_size = self->depth ? s_top(self)->path_size : 0;
    self->frames[self->depth++] = (s_frame_t){is_mapping, false, path_size, path_size};
    return PBUS_OK;
}

/* What belongs to a key, or to the document, is read: back to what it is in. */
static void s_value_done(s_reader_t *self)
{
    s_frame_t *top = s_top(self);
    if (top && top->is_mapping) {
        top->has_key = false;
        top->path_size = top->base_size;
        self->key[top->path_size] = 0;
    }
}

/* Keys stand in messages and in the log as they are: a control character would break their lines. */
static bool s_is_key(pbus_str_t name)
{
    for (size_t i = 0; i < name.size; i++)
        if ((unsigned char) name.data[i] < 0x20 || name.data[i] == 0x7f)
            return false;
    return name.size > 0 && pbus_str_is_text(name);
}

/* Adds the key to the path. */
static pbus_status_t s_take_key(s_reader_t *self, const yaml_event_t *event)
{
    s_frame_t *top = s_top(self);
    pbus_str_t name = {(const char *) event->data.scalar.value, event->data.scalar.length};
    size_t size = top->base_size;
    if (!s_is_key(name))
        return s_refuse(self, event, "a key must not be empty or hold a control character");
    if (size + 1 + name.size >= sizeof self->key)
        return s_refuse(self, event, "a key is too long for a configuration");
    if (size > 0)
        self->key[size++] = '.';
    memcpy(self->key + size, name.data, name.size);
    size += name.size;
    self->key[size] = 0;
    self->key_line = event->start_mark.line + 1;
    top->path_size = size;
    top->has_key = true;
    return PBUS_OK;
}

static pbus_status_t s_scalar(s_reader_t *self, const yaml_event_t *event)
{
    s_frame_t *top = s_top(self);
    if (!top)
        return s_is_null(event) ? PBUS_OK : s_refuse(self, event, "a configuration is a mapping of keys");
    if (!top->is_mapping)
        return s_put_text(self, &self->file->entries[self->file->count - 1], event);
    if (!top->has_key)
        return s_take_key(self, event);
    pbus_config_entry_t *entry = s_add_entry(self, s_is_null(event) ? PBUS_ENTRY_NULL : PBUS_ENTRY_SCALAR);
    if (!entry)
        return s_no_memory(self);
    s_value_done(self);
    return s_put_text(self, entry, event);
}

/* A mapping or a list begins. */
static pbus_status_t s_begin(s_reader_t *self, const yaml_event_t *event, bool is_mapping)
{
    s_frame_t *top = s_top(self);
    if (!top && !is_mapping)
        return s_refuse(self, event, "a configuration is a mapping of keys");
    if (top && !top->is_mapping) {
        self->file->entries[self->file->count - 1].kind = PBUS_ENTRY_COMPLEX;
        self->skipping = 1;
        return PBUS_OK;
    }
    if (top && !top->has_key)
        return s_refuse(self, event, "a key must be text");
    if (top && !s_add_entry(self, is_mapping ? PBUS_ENTRY_SECTION : PBUS_ENTRY_LIST))
        return s_no_memory(self);
    return s_push(self, event, is_mapping);
}

static void s_end(s_reader_t *self)
{
    self->depth--;
    s_value_done(self);
}

/* What comes inside an element of a list that is itself a mapping or a list. */
static pbus_status_t s_skip(s_reader_t *self, const yaml_event_t *event)
{
    if (event->type == YAML_MAPPING_START_EVENT || event->type == YAML_SEQUENCE_START_EVENT)
        self->skipping++;
    else if (event->type == YAML_MAPPING_END_EVENT || event->type == YAML_SEQUENCE_END_EVENT)
        self->skipping--;
    if (self->depth + self->skipping > PBUS_CONFIG_DEPTH_MAX)
        return s_refuse(self, event, "nested too deeply for a configuration");
    return PBUS_OK;
}

/* Refuses anchors, aliases and tags. */
static pbus_status_t s_check_plain(s_reader_t *self, const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    if (anchor || event->type == YAML_ALIAS_EVENT)
        return s_refuse(self, event, "anchors (&) and aliases (*) are not taken: write the value out");
    if (tag)
        return s_refuse(self, event, "tags (!) are not taken: write the value without one");
    return PBUS_OK;
}

static pbus_status_t s_take_event(s_reader_t *self, const yaml_event_t *event)
{
    pbus_status_t status = s_check_plain(self, event);
    if (status != PBUS_OK)
        return status;
    if (self->skipping > 0)
        return s_skip(self, event);
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return self->documents++ ? s_refuse(self, event, "a second document (---) is not taken") : PBUS_OK;
    case YAML_SCALAR_EVENT:
        return s_scalar(self, event);
    case YAML_MAPPING_START_EVENT:
        return s_begin(self, event, true);
    case YAML_SEQUENCE_START_EVENT:
        return s_begin(self, event, false);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        s_end(self);
        return PBUS_OK;
    default:
        return PBUS_OK;
    }
}

/* The line (from 1) of an offset into the file. */
static size_t s_line_of(const pbus_buf_t *content, size_t offset)
{
    size_t line = 1;
    for (size_t i = 0; i < offset && i < content->size; i++)
        line += content->data[i] == '\n';
    return line;
}

static pbus_status_t s_syntax_error(s_reader_t *self, const yaml_parser_t *parser)
{
    if (parser->error == YAML_MEMORY_ERROR)
        return s_no_memory(self);
    size_t line = parser->problem_mark.line + 1;
    if (parser->error == YAML_READER_ERROR) /* of the encoding: has an offset, no line */
        line = s_line_of(self->content, parser->problem_offset);
    return pbus_fail(self->error, PBUS_INVALID, "%s:%zu: not YAML: %s", self->shown, line,
                     parser->problem ? parser->problem : "malformed");
}

static pbus_status_t s_take_all(s_reader_t *self, yaml_parser_t *parser)
{
    bool end = false;
    pbus_status_t status = PBUS_OK;
    while (!end && status == PBUS_OK) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event))
            return s_syntax_error(self, parser);
        end = event.type == YAML_STREAM_END_EVENT;
        status = s_take_event(self, &event);
        yaml_event_delete(&event);
    }
    return status;
}

/* ---- the whole ---- */

static int s_compare(const void *a, const void *b)
{
    const pbus_config_entry_t *const *left = a, *const *right = b;
    int order = strcmp((*left)->key, (*right)->key);
    return order ? order : ((*left)->line > (*right)->line) - ((*left)->line < (*right)->line);
}

/* Sorts pointers to the entries, so that a large file is not compared each with each. */
static pbus_status_t s_check_unique(s_reader_t *self)
{
    size_t count = self->file->count;
    const pbus_config_entry_t **sorted = malloc((count + 1) * sizeof *sorted);
    if (!sorted)
        return s_no_memory(self);
    for (size_t i = 0; i < count; i++)
        sorted[i] = &self->file->entries[i];
    qsort(sorted, count, sizeof *sorted, s_compare);
    pbus_status_t status = PBUS_OK;
    for (size_t i = 1; i < count && status == PBUS_OK; i++)
        if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0)
            status = pbus_fail(self->error, PBUS_INVALID, "%s:%zu: key %.80s is there already, in line %zu",
                               self->shown, sorted[i]->line, sorted[i]->key, sorted[i - 1]->line);
    free(sorted);
    return status;
}

pbus_status_t pbus_config_file_parse(pbus_config_file_t *self, const char *shown, const pbus_buf_t *content,
                                     pbus_error_t *error)
{
    s_reader_t reader = {.file = self, .shown = shown, .content = content, .error = error};
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return s_no_memory(&reader);
    const uint8_t *data = content->data ? content->data : (const uint8_t *) "";
    yaml_parser_set_input_string(&parser, data, content->size);
    pbus_status_t status = s_take_all(&reader, &parser);
    yaml_parser_delete(&parser);
    return status == PBUS_OK ? s_check_unique(&reader) : status;
}

void pbus_config_file_clear(pbus_config_file_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        free(self->entries[i].key);
        pbus_buf_clear(&self->entries[i].text);
    }
    free(self->entries);
    *self = (pbus_config_file_t){0};
}
