/*
 * Jobs: see jobs.h.
 */
#include <string.h>
#include "jobs.h"
#include "json_text.h"
#include "render.h"
#include "text.h"

/* ---- what is wanted ----------------------------------------------------------------------------------- */

/* The text of a member; empty if it is none. */
static pbus_str_t s_text(yyjson_val *root, const char *key)
{
    yyjson_val *value = yyjson_obj_get(root, key);
    return yyjson_is_str(value) ? (pbus_str_t){yyjson_get_str(value), yyjson_get_len(value)} : PBUS_STR("");
}

static pbus_status_t s_kind(pbus_str_t text, copy_kind_t *kind, pbus_error_t *error)
{
    for (unsigned i = COPY_COPY; i <= COPY_REPAIR; i++) {
        *kind = (copy_kind_t) i;
        if (pbus_str_eq(text, pbus_str(job_kind_name(*kind))))
            return PBUS_OK;
    }
    return pbus_fail(error, PBUS_INVALID, "kind is '%.*s': use copy, verify or repair", SHOWN(text));
}

static pbus_status_t s_name(yyjson_val *root, const char *key, char name[PBUS_NAME_MAX + 1],
                            pbus_error_t *error)
{
    pbus_str_t text = s_text(root, key);
    if (!pbus_name_ok(text))
        return pbus_fail(error, PBUS_INVALID, "%s is '%.*s': use the name of a persistence group", key,
                         SHOWN(text));
    memcpy(name, text.data, text.size);
    name[text.size] = 0;
    return PBUS_OK;
}

pbus_status_t jobs_read(job_order_t *order, pbus_str_t body, arena_t *arena, pbus_error_t *error)
{
    yyjson_alc memory = json_memory(arena);
    yyjson_doc *doc = yyjson_read_opts((char *) body.data, body.size, 0, &memory, NULL);
    yyjson_val *root = yyjson_doc_get_root(doc);
    *order = (job_order_t){0};
    if (!yyjson_is_obj(root))
        return pbus_fail(error, PBUS_INVALID,
                         "the body should be a JSON object with apiVersion, kind, from and to");
    if (s_text(root, "apiVersion").size == 0)
        return pbus_fail(error, PBUS_INVALID, "apiVersion is missing: use v3");
    pbus_status_t status = s_kind(s_text(root, "kind"), &order->kind, error);
    if (status == PBUS_OK)
        status = s_name(root, "from", order->from, error);
    if (status == PBUS_OK)
        status = s_name(root, "to", order->to, error);
    if (status == PBUS_OK && strcmp(order->from, order->to) == 0)
        return pbus_fail(error, PBUS_INVALID, "from and to are both '%s': name two groups", order->to);
    return status;
}

static pbus_status_t s_check_group(yyjson_val *groups, const char *name, pbus_error_t *error)
{
    yyjson_arr_iter iter = yyjson_arr_iter_with(groups);
    yyjson_val *group;
    while ((group = yyjson_arr_iter_next(&iter)))
        if (yyjson_equals_str(yyjson_obj_get(group, "name"), name))
            break;
    if (!group)
        return pbus_fail(error, PBUS_NOT_FOUND, "there is no persistence group '%s'", name);
    if (yyjson_is_true(yyjson_obj_get(group, "narrowed")))
        return pbus_fail(error, PBUS_CONFLICT,
                         "group %s is narrowed by PersistBus.Routes, so it is neither filled nor compared",
                         name);
    return PBUS_OK;
}

pbus_status_t jobs_check(const job_order_t *order, pbus_str_t groups, arena_t *arena, pbus_error_t *error)
{
    yyjson_alc memory = json_memory(arena);
    yyjson_doc *doc = yyjson_read_opts((char *) groups.data, groups.size, 0, &memory, NULL);
    yyjson_val *root = yyjson_doc_get_root(doc);
    if (!yyjson_is_arr(root))
        return pbus_fail(error, PBUS_INTERNAL, "the state of the persistence groups is no JSON");
    pbus_status_t status = s_check_group(root, order->from, error);
    return status == PBUS_OK ? s_check_group(root, order->to, error) : status;
}

/* ---- what is told ------------------------------------------------------------------------------------- */

static void s_put_text(pbus_buf_t *out, const char *key, const char *text)
{
    pbus_buf_printf(out, "\"%s\":", key);
    json_string(out, pbus_str(text));
    pbus_buf_puts(out, ",");
}

static void s_put_job(pbus_buf_t *out, const job_view_t *view)
{
    const struct {
        const char *key;
        uint64_t value;
    } numbers[] = {{"eventsSeen", view->seen},
                   {"eventsTotal", view->total > view->seen ? view->total : view->seen},
                   {"eventsCopied", view->copied},
                   {"eventsDeleted", view->deleted},
                   {"windowsEqual", view->windows_equal},
                   {"windowsDifferent", view->windows_different},
                   {"missing", view->missing},
                   {"extra", view->extra},
                   {"different", view->different},
                   {"rate", view->rate},
                   {"startedNs", (uint64_t) view->started},
                   {"endedNs", (uint64_t) view->ended}};
    pbus_buf_puts(out, "{");
    s_put_text(out, "id", view->id);
    s_put_text(out, "kind", job_kind_name(view->order.kind));
    s_put_text(out, "from", view->order.from);
    s_put_text(out, "to", view->order.to);
    pbus_buf_puts(out, view->order.by_itself ? "\"auto\":true," : "\"auto\":false,");
    s_put_text(out, "state", job_state_name(view->state));
    s_put_text(out, "message", view->message);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        pbus_buf_printf(out, "%s\"%s\":", i ? "," : "", numbers[i].key);
        render_uint(out, numbers[i].value);
    }
    pbus_buf_puts(out, "}");
}

void jobs_put(pbus_buf_t *out, unsigned status, const job_view_t *view)
{
    render_head(out, PBUS_STR(""), status);
    pbus_buf_puts(out, ",\"job\":");
    s_put_job(out, view);
    pbus_buf_puts(out, "}\n");
}

void jobs_put_started(pbus_buf_t *out, unsigned status, const job_view_t *view)
{
    render_head(out, PBUS_STR(""), status);
    pbus_buf_printf(out, ",\"id\":\"%s\",\"job\":", view->id);
    s_put_job(out, view);
    pbus_buf_puts(out, "}\n");
}

void jobs_put_list(pbus_buf_t *out, const job_view_t *views, size_t count)
{
    render_head(out, PBUS_STR(""), 200);
    pbus_buf_puts(out, ",\"jobs\":[");
    for (size_t i = 0; i < count; i++) {
        pbus_buf_puts(out, i ? "," : "");
        s_put_job(out, &views[i]);
    }
    pbus_buf_puts(out, "]}\n");
}
