/*
 * libFuzzer target: bytes as the body of a POST in CBOR. What can be turned into JSON must be JSON; a request
 * that is taken, written in CBOR and read again must be the same event.
 *
 *     make fuzz T=cbor
 *
 * An input that once failed is kept in crashes/cbor.
 */
#include <stdlib.h>
#include <string.h>
#include "event_cbor.h"
#include "json_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void s_require(bool condition)
{
    if (!condition)
        abort();
}

static pbus_status_t s_read(const void *data, size_t size, pbus_buf_t *json, arena_t *arena, posted_t *posted)
{
    pbus_error_t error;
    pbus_str_t body = {data, size};
    pbus_status_t status = event_cbor_to_json(body, json, &error);
    if (status == PBUS_OK) {
        s_require(json_is_valid((pbus_str_t){(const char *) json->data, json->size}));
        s_require(pbus_buf_reserve(json, EVENT_JSON_PADDING) != NULL);
        status = event_json_read(posted, (char *) json->data, json->size, false, arena, &error);
    }
    s_require(status == PBUS_OK || (status == error.status && strlen(error.text) > 0));
    return status;
}

static void s_check_taken(const posted_t *posted, arena_t *arena)
{
    pbus_buf_t first = {0}, second = {0}, cbor = {0}, json = {0};
    posted_t same;
    pbus_event_encode(&posted->event, &first);
    event_cbor_write(&cbor, posted);
    s_require(!cbor.failed);
    s_require(s_read(cbor.data, cbor.size, &json, arena, &same) == PBUS_OK);
    pbus_event_encode(&same.event, &second);
    s_require(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    pbus_buf_clear(&first);
    pbus_buf_clear(&second);
    pbus_buf_clear(&cbor);
    pbus_buf_clear(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    arena_t *arena = arena_new();
    pbus_buf_t json = {0};
    posted_t posted;
    if (s_read(data, size, &json, arena, &posted) == PBUS_OK)
        s_check_taken(&posted, arena);
    pbus_buf_clear(&json);
    arena_destroy(&arena);
    return 0;
}
