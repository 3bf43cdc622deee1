/*
 * libFuzzer target: bytes as the body of a POST. Reading must not crash; what is taken must encode to an
 * event that decodes to the same, render as JSON, and, as it goes out on the public stream, be taken again as
 * the same event; likewise where readings need not say what their event says.
 *
 *     make fuzz T=json
 *
 * An input that once failed is kept in crashes/json.
 */
#include <stdlib.h>
#include <string.h>
#include "event_json.h"
#include "json_text.h"
#include "render.h"
#include "stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void s_require(bool condition)
{
    if (!condition)
        abort();
}

/* A body with the padding that the parser wants, as server and adding make it. */
static char *s_body(const void *data, size_t size)
{
    char *body = malloc(size + EVENT_JSON_PADDING);
    s_require(body != NULL);
    if (size)
        memcpy(body, data, size);
    return body;
}

static void s_check_rendered(const pbus_event_t *event, bool optimized)
{
    static const render_form_t forms[] = {RENDER_TEXT, RENDER_SCALARS, RENDER_NUMERIC};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        pbus_buf_t out = {0};
        s_require(render_event(&out, event, forms[i], optimized));
        s_require(json_is_valid((pbus_str_t){(const char *) out.data, out.size}));
        pbus_buf_clear(&out);
    }
}

static void s_check_published(const posted_t *posted, const pbus_buf_t *encoded, arena_t *arena)
{
    pbus_buf_t out = {0}, again = {0};
    posted_t same;
    pbus_error_t error;
    stream_request(&out, posted);
    char *body = s_body(out.data, out.size);
    s_require(event_json_read(&same, body, out.size, posted->optimized, arena, &error) == PBUS_OK);
    pbus_event_encode(&same.event, &again);
    s_require(again.size == encoded->size && memcmp(again.data, encoded->data, again.size) == 0);
    free(body);
    pbus_buf_clear(&out);
    pbus_buf_clear(&again);
}

static void s_check_taken(const posted_t *posted, arena_t *arena)
{
    pbus_buf_t encoded = {0};
    pbus_decoder_t *decoder = pbus_decoder_new();
    pbus_event_encode(&posted->event, &encoded);
    const pbus_event_t *event = pbus_decoder_event(decoder, encoded.data, encoded.size);
    s_require(event != NULL && event->reading_count == posted->event.reading_count);
    s_check_rendered(event, posted->optimized);
    s_check_published(posted, &encoded, arena);
    pbus_decoder_destroy(&decoder);
    pbus_buf_clear(&encoded);
}

static void s_try(const uint8_t *data, size_t size, bool optimized)
{
    arena_t *arena = arena_new();
    char *body = s_body(data, size);
    posted_t posted;
    pbus_error_t error;
    pbus_status_t status = event_json_read(&posted, body, size, optimized, arena, &error);
    if (status == PBUS_OK)
        s_check_taken(&posted, arena);
    else
        s_require(status == error.status && strlen(error.text) > 0);
    free(body);
    arena_destroy(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    s_try(data, size, false);
    s_try(data, size, true);
    return 0;
}
