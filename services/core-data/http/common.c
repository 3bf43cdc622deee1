/*
 * Common: see common.h.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <yyjson.h>
#include <persistbus/version.h>
#include "common.h"
#include "json_text.h"
#include "mirror/mirror.h"
#include "render.h"

#define PUT(out, literal) pbus_buf_append((out), (literal), sizeof(literal) - 1)

#define NAME "\"serviceName\":\"core-data\"}"

void common_ping(pbus_buf_t *out, int64_t now)
{
    struct tm tm;
    time_t seconds = (time_t) (now / 1000000000);
    char text[64];
    strftime(text, sizeof text, "%a %b %e %H:%M:%S UTC %Y", gmtime_r(&seconds, &tm));
    PUT(out, "{\"apiVersion\":\"v3\",\"timestamp\":\"");
    pbus_buf_puts(out, text);
    PUT(out, "\"," NAME);
}

void common_version(pbus_buf_t *out)
{
    PUT(out, "{\"apiVersion\":\"v3\",\"version\":\"" PBUS_VERSION "\"," NAME);
}

void common_config(pbus_buf_t *out, service_t *service)
{
    PUT(out, "{\"apiVersion\":\"v3\",\"config\":");
    service_put_config(service, out);
    PUT(out, "," NAME);
}

/* ---- groups ------------------------------------------------------------------------------------------- */

static void s_counters(pbus_buf_t *out, const pbus_metrics_t *metrics, bool *first)
{
    for (size_t i = 0; metrics && i < pbus_metrics_count(metrics); i++) {
        pbus_buf_append(out, ",", !*first);
        *first = false;
        json_string(out, pbus_str(pbus_metrics_name(metrics, i)));
        PUT(out, ":");
        render_uint(out, pbus_metrics_get(metrics, i));
    }
}

/* Tells of each group which job makes it like another one now. */
static void s_add_copies(yyjson_mut_doc *doc, const service_t *service)
{
    job_view_t views[MIRROR_JOBS];
    mirror_t *mirror = service_mirror(service);
    size_t count = mirror ? mirror_list(mirror, views) : 0;
    yyjson_mut_arr_iter iter = yyjson_mut_arr_iter_with(yyjson_mut_doc_get_root(doc));
    yyjson_mut_val *group;
    while ((group = yyjson_mut_arr_iter_next(&iter)))
        for (size_t i = 0; i < count; i++)
            if ((views[i].state == JOB_RUNNING || views[i].state == JOB_WAITING) &&
                views[i].order.kind != COPY_VERIFY &&
                yyjson_mut_equals_str(yyjson_mut_obj_get(group, "name"), views[i].order.to))
                yyjson_mut_obj_add_strcpy(doc, group, "copy", views[i].id);
}

/* False when it is no JSON. */
static bool s_put_groups(pbus_buf_t *out, pbus_str_t groups, const service_t *service)
{
    yyjson_doc *read = yyjson_read(groups.data, groups.size, YYJSON_READ_NOFLAG);
    yyjson_mut_doc *doc = read ? yyjson_doc_mut_copy(read, NULL) : NULL;
    bool valid = read != NULL;
    yyjson_doc_free(read);
    if (doc)
        s_add_copies(doc, service);
    size_t size = 0;
    char *text = doc ? yyjson_mut_write(doc, YYJSON_WRITE_NOFLAG, &size) : NULL;
    yyjson_mut_doc_free(doc);
    if (text)
        pbus_buf_append(out, text, size);
    out->failed |= valid && !text;
    free(text);
    return valid;
}

bool common_groups(pbus_buf_t *out, pbus_str_t groups, const service_t *service)
{
    bool first = true;
    render_head(out, PBUS_STR(""), 200);
    PUT(out, ",\"groups\":");
    if (!s_put_groups(out, groups, service))
        return false;
    PUT(out, ",\"counters\":{");
    s_counters(out, service_metrics(service), &first);
    s_counters(out, service_port(service)->metrics, &first);
    PUT(out, "}}\n");
    return true;
}

void common_promoted(pbus_buf_t *out, pbus_str_t lacks)
{
    render_head(out, PBUS_STR(""), 200);
    PUT(out, ",\"lacks\":");
    json_string(out, lacks);
    PUT(out, "}\n");
}

/* ---- configuration ------------------------------------------------------------------------------------ */

static int s_compare(const void *a, const void *b)
{
    return strcmp((*(const pbus_option_t *const *) a)->key, (*(const pbus_option_t *const *) b)->key);
}

static const char *s_leaf(const char *key)
{
    const char *dot = strrchr(key, '.');
    return dot ? dot + 1 : key;
}

static bool s_is_secret(const char *key)
{
    static const char *const words[] = {"password", "passwd", "secret", "token", "credential", "privatekey"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasestr(s_leaf(key), words[i]))
            return true;
    return false;
}

/* scheme://user:password@host, without what is before the @. */
static void s_text(pbus_buf_t *out, const char *key, const char *text)
{
    const char *scheme = strstr(text, "://");
    const char *user = scheme ? scheme + 3 : text;
    const char *at = scheme ? memchr(user, '@', strcspn(user, "/")) : NULL;
    if (s_is_secret(key) && *text)
        PUT(out, "\"[redacted]\"");
    else if (at) {
        pbus_buf_t shown = {0};
        pbus_buf_append(&shown, text, (size_t) (user - text));
        pbus_buf_puts(&shown, "[redacted]");
        pbus_buf_puts(&shown, at);
        json_string(out, (pbus_str_t){(const char *) shown.data, shown.size});
        out->failed |= shown.failed;
        pbus_buf_clear(&shown);
    } else
        json_string(out, pbus_str(text));
}

/* As Go writes durations, in the largest units that are whole: 1h30m, 5s, 250ms. */
static void s_duration(pbus_buf_t *out, int64_t value)
{
    static const struct {
        int64_t size;
        const char *name;
    } units[] = {{INT64_C(3600000000000), "h"},
                 {INT64_C(60000000000), "m"},
                 {1000000000, "s"},
                 {1000000, "ms"},
                 {1000, "us"},
                 {1, "ns"}};
    if (value < 0)
        PUT(out, "-");
    uint64_t left = value < 0 ? 0 - (uint64_t) value : (uint64_t) value;
    if (left == 0)
        PUT(out, "0s");
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        uint64_t size = (uint64_t) units[i].size;
        if (left < size)
            continue;
        render_uint(out, left / size);
        pbus_buf_puts(out, units[i].name);
        left %= size;
    }
}

static void s_list(pbus_buf_t *out, const pbus_config_t *config, const char *key)
{
    const char *const *items;
    size_t count = pbus_config_list(config, key, &items);
    PUT(out, "[");
    for (size_t i = 0; i < count; i++) {
        pbus_buf_append(out, ",", i > 0);
        s_text(out, key, items[i]);
    }
    PUT(out, "]");
}

static void s_value(pbus_buf_t *out, const pbus_config_t *config, const pbus_option_t *option)
{
    switch (option->type) {
    case PBUS_OPTION_INT:
        render_int(out, pbus_config_int(config, option->key));
        break;
    case PBUS_OPTION_BOOL:
        pbus_buf_puts(out, pbus_config_bool(config, option->key) ? "true" : "false");
        break;
    case PBUS_OPTION_DURATION:
        PUT(out, "\"");
        s_duration(out, pbus_config_duration(config, option->key));
        PUT(out, "\"");
        break;
    case PBUS_OPTION_LIST:
        s_list(out, config, option->key);
        break;
    case PBUS_OPTION_STRING:
        s_text(out, option->key, pbus_config_string(config, option->key));
        break;
    }
}

/* Bytes of the sections that two keys share, dots included. */
static size_t s_shared(const char *a, const char *b)
{
    size_t shared = 0;
    for (size_t i = 0; a[i] && a[i] == b[i]; i++)
        if (a[i] == '.')
            shared = i + 1;
    return shared;
}

static size_t s_depth(const char *key)
{
    size_t depth = 0;
    for (; *key; key++)
        depth += *key == '.';
    return depth;
}

/* Closes sections of the last key that this one is not in, opens those that the last was not in. */
static void s_sections(pbus_buf_t *out, const char *last, const char *key)
{
    size_t shared = s_shared(last, key);
    for (size_t closing = s_depth(last + shared); closing; closing--)
        PUT(out, "}");
    pbus_buf_append(out, ",", *last != '\0');
    for (const char *p = key + shared, *dot; (dot = strchr(p, '.')); p = dot + 1) {
        json_string(out, (pbus_str_t){p, (size_t) (dot - p)});
        PUT(out, ":{");
    }
}

static void s_config_json(pbus_buf_t *out, const pbus_config_t *config, const pbus_option_t **options,
                          size_t count)
{
    const char *last = "";
    qsort(options, count, sizeof *options, s_compare);
    PUT(out, "{");
    for (size_t i = 0; i < count; i++) {
        s_sections(out, last, options[i]->key);
        json_string(out, pbus_str(s_leaf(options[i]->key)));
        PUT(out, ":");
        s_value(out, config, options[i]);
        last = options[i]->key;
    }
    for (size_t closing = s_depth(last) + 1; closing; closing--)
        PUT(out, "}");
}

void common_config_json(pbus_buf_t *out, const pbus_config_t *config, const pbus_option_t *const *tables,
                        size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        for (const pbus_option_t *option = tables[i]; option->key; option++)
            size++;
    const pbus_option_t **options = malloc((size + 1) * sizeof *options);
    if (!options) {
        out->failed = true;
        return;
    }
    size = 0;
    for (size_t i = 0; i < count; i++)
        for (const pbus_option_t *option = tables[i]; option->key; option++)
            options[size++] = option;
    s_config_json(out, config, options, size);
    free(options);
}
