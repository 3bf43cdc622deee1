/*
 * libFuzzer target: bytes that claim to be an event or a lone reading. They must not crash the decoder, and
 * what it accepts must give an equal encoding after another round (the encoder's form is canonical).
 *
 *     make fuzz T=event
 *
 * An input that once failed is kept in crashes/event.
 */
#include <persistbus/event.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void s_require_same(const pbus_buf_t *a, const pbus_buf_t *b)
{
    if (a->failed || b->failed)
        return;
    if (a->size != b->size || memcmp(a->data, b->data, a->size) != 0)
        abort();
}

static void s_try_event(const uint8_t *data, size_t size)
{
    pbus_decoder_t *decoder = pbus_decoder_new();
    if (!decoder)
        return;
    pbus_buf_t first = {0}, second = {0};
    const pbus_event_t *event = pbus_decoder_event(decoder, data, size);
    if (event) {
        pbus_event_encode(event, &first);
        event = pbus_decoder_event(decoder, first.data, first.size);
        if (!event)
            abort();
        pbus_event_encode(event, &second);
        s_require_same(&first, &second);
    }
    pbus_buf_clear(&first);
    pbus_buf_clear(&second);
    pbus_decoder_destroy(&decoder);
}

static void s_try_reading(const uint8_t *data, size_t size)
{
    pbus_reading_t reading;
    pbus_buf_t first = {0}, second = {0};
    if (pbus_reading_decode(data, size, &reading)) {
        pbus_reading_encode(&reading, &first);
        if (!pbus_reading_decode(first.data, first.size, &reading))
            abort();
        pbus_reading_encode(&reading, &second);
        s_require_same(&first, &second);
    }
    pbus_buf_clear(&first);
    pbus_buf_clear(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    s_try_event(data, size);
    s_try_reading(data, size);
    return 0;
}
