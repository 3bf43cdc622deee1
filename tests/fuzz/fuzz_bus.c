/*
 * libFuzzer target: bytes as what comes over the bus. The first one says as what the others are taken: the
 * header of a message, a query, an answer with items of some kind, a batch of writes, a topic. Reading must
 * not crash or read past the end; headers and queries that are taken must encode to what decodes to the same.
 *
 *     make fuzz T=bus
 *
 * An input that once failed is kept in crashes/bus.
 */
#include <stdlib.h>
#include <string.h>
#include "answer.h"
#include "ask.h"
#include "digest.h"
#include "execute.h"
#include "message.h"
#include <persistbus/version.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void s_require(bool condition)
{
    if (!condition)
        abort();
}

/* Reads every byte of a view, so that the sanitizer sees one that points elsewhere. */
static unsigned s_touch(pbus_str_t text)
{
    unsigned sum = 0;
    for (size_t i = 0; i < text.size; i++)
        sum = sum * 31 + (unsigned char) text.data[i];
    return sum;
}

/* ---- messages ----------------------------------------------------------------------------------------- */

static bool s_decode(pbus_message_t *message, const void *data, size_t size, pbus_buf_t *again)
{
    pbus_failed_t failed;
    size_t count = 0;
    if (!pbus_message_decode(message, data, size) || message->major != PBUS_PROTOCOL_MAJOR)
        return false;
    s_touch(message->topic);
    s_touch(message->backend);
    s_touch(message->version);
    s_touch(message->group);
    s_touch(message->text);
    s_require(pbus_kind_name(message->kind) != NULL);
    while (pbus_message_next_failed(message, &failed))
        count++;
    s_require(count == message->failed_count);
    message->failed_count = 0; /* only what is to be encoded has such a list */
    pbus_message_encode(message, again);
    s_require(!again->failed);
    return true;
}

static void s_try_message(const uint8_t *data, size_t size)
{
    pbus_message_t message;
    pbus_buf_t first = {0}, second = {0};
    if (s_decode(&message, data, size, &first)) {
        s_require(s_decode(&message, first.data, first.size, &second));
        s_require(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    }
    pbus_buf_clear(&first);
    pbus_buf_clear(&second);
}

/* ---- queries ------------------------------------------------------------------------------------------ */

static bool s_decode_ask(const void *data, size_t size, pbus_buf_t *again)
{
    pbus_ask_t ask;
    pbus_buf_t lists = {0};
    bool taken = pbus_ask_decode(&ask, data, size, &lists);
    if (taken) {
        s_touch(ask.query.filter.device);
        s_touch(ask.query.filter.source);
        for (size_t i = 0; i < ask.query.filter.resource_count; i++)
            s_touch(ask.query.filter.resources[i]);
        for (size_t i = 0; i < ask.query.filter.id_count; i++)
            s_touch(
                (pbus_str_t){(const char *) ask.query.filter.ids[i].bytes, sizeof ask.query.filter.ids[i]});
        pbus_ask_encode(&ask, again);
        s_require(!again->failed && pbus_ask_peek(data, size) == (unsigned) ask.kind);
    }
    pbus_buf_clear(&lists);
    return taken;
}

static void s_try_ask(const uint8_t *data, size_t size)
{
    pbus_buf_t first = {0}, second = {0};
    if (s_decode_ask(data, size, &first)) {
        s_require(s_decode_ask(first.data, first.size, &second));
        s_require(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    }
    pbus_buf_clear(&first);
    pbus_buf_clear(&second);
}

/* ---- answers ------------------------------------------------------------------------------------------ */

static bool s_take_event(pbus_answer_t *answer)
{
    uint64_t accept;
    pbus_str_t encoded;
    pbus_decoder_t *decoder = pbus_decoder_new();
    bool taken = decoder && pbus_answer_event(answer, &accept, &encoded);
    if (taken)
        pbus_decoder_event(decoder, encoded.data, encoded.size);
    pbus_decoder_destroy(&decoder);
    return taken;
}

static bool s_take_reading(pbus_answer_t *answer)
{
    pbus_reading_t reading;
    if (!pbus_answer_reading(answer, &reading))
        return false;
    s_touch(reading.device);
    s_touch(reading.resource);
    s_touch(reading.value);
    s_touch(reading.tags);
    return true;
}

static bool s_take_source(pbus_answer_t *answer)
{
    pbus_str_t device, source;
    uint64_t events;
    return pbus_answer_source(answer, &device, &source, &events) && s_touch(device) + s_touch(source) + 1;
}

static bool s_take_group(pbus_answer_t *answer)
{
    pbus_reading_t like;
    pbus_str_t value;
    uint64_t count;
    return pbus_answer_group(answer, &like, &count, &value) && s_touch(like.device) + s_touch(value) + 1;
}

static bool s_take_digest(pbus_answer_t *answer)
{
    pbus_cursor_t last;
    uint8_t hash[PBUS_HASH_SIZE];
    return pbus_answer_digest(answer, &last, hash) && s_touch((pbus_str_t){(char *) hash, sizeof hash}) + 1;
}

/* The answer to a scan as the input of a digest, and the answer to a digest as a whole. */
static void s_try_digest(const uint8_t *data, size_t size)
{
    pbus_error_t error;
    pbus_digest_sum_t sum;
    pbus_ask_t scan, ask = pbus_ask_any(PBUS_ASK_DIGEST);
    pbus_digest_t *digest = pbus_digest_new();
    s_require(digest != NULL);
    ask.query.limit = 3;
    pbus_digest_begin(digest, &ask);
    for (int i = 0; i < 3 && pbus_digest_wants(digest, 2, &scan); i++)
        if (pbus_digest_take(digest, data, size, &error) != PBUS_OK)
            break;
    pbus_digest_sum(digest, &sum);
    s_require(sum.count <= 3);
    if (pbus_digest_read(&sum, data, size))
        s_require(sum.any || !sum.more);
    pbus_digest_destroy(&digest);
}

static void s_try_answer(unsigned kind, const uint8_t *data, size_t size)
{
    static bool (*const takers[])(pbus_answer_t *) = {s_take_event, s_take_reading, s_take_source,
                                                      s_take_group, s_take_digest};
    pbus_answer_t answer;
    size_t taken = 0;
    if (!pbus_answer_open(&answer, data, size))
        return;
    while (takers[kind % 5](&answer))
        taken++;
    s_require(taken <= answer.count && (answer.bad || taken == answer.count || answer.count > taken));
    s_require(!takers[kind % 5](&answer));
}

/* ---- batches ------------------------------------------------------------------------------------------ */

/* Refuses some writes, so that batches are halved, and looks at what it is given. */
static pbus_status_t s_write(void *self, pbus_write_t *writes, size_t count, pbus_error_t *error)
{
    pbus_decoder_t *decoder = self;
    for (size_t i = 0; i < count; i++) {
        const pbus_event_t *event = NULL;
        if (writes[i].op == PBUS_ADD)
            event = pbus_decoder_event(decoder, writes[i].data, writes[i].size);
        s_require(writes[i].op == PBUS_DELETE || event); /* it is already checked */
        if (writes[i].accept % 5 == 1)
            return pbus_fail(error, PBUS_INVALID, "refused");
        writes[i].status = writes[i].accept % 5 == 2 ? PBUS_CONFLICT : PBUS_OK;
    }
    return PBUS_OK;
}

static void s_try_batch(const uint8_t *data, size_t size)
{
    static const pbus_backend_t backend = {
        .abi = PBUS_BACKEND_ABI, .name = "fuzz", .version = "0", .write = s_write};
    pbus_executor_t *executor = pbus_executor_new(&backend);
    pbus_decoder_t *decoder = pbus_decoder_new();
    pbus_message_t ack = {.kind = PBUS_ACK};
    pbus_buf_t encoded = {0};
    if (executor && decoder) {
        pbus_executor_write(executor, decoder, data, size, 1, &ack);
        s_require(ack.status == PBUS_OK || ack.text.size > 0);
        pbus_message_encode(&ack, &encoded);
        s_require(pbus_message_decode(&ack, encoded.data, encoded.size));
    }
    pbus_buf_clear(&encoded);
    pbus_decoder_destroy(&decoder);
    pbus_executor_destroy(&executor);
}

static void s_try_topic(const uint8_t *data, size_t size)
{
    pbus_topic_t topic;
    if (pbus_topic_parse(&topic, (pbus_str_t){(const char *) data, size}))
        s_require(pbus_name_ok(topic.group) && pbus_name_ok(topic.worker) && pbus_name_ok(topic.nonce));
}

/* ------------------------------------------------------------------------------------------------------- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    /* An exact copy, so that the sanitizer sees a read past the end. */
    uint8_t *rest = malloc(size > 1 ? size - 1 : 1);
    s_require(rest != NULL);
    memcpy(rest, data + 1, size - 1);
    switch (data[0] & 7) {
    case 0:
        s_try_message(rest, size - 1);
        break;
    case 1:
        s_try_ask(rest, size - 1);
        break;
    case 2:
        s_try_answer(data[0] >> 3, rest, size - 1);
        s_try_digest(rest, size - 1);
        break;
    case 3:
        s_try_batch(rest, size - 1);
        break;
    default:
        s_try_topic(rest, size - 1);
    }
    free(rest);
    return 0;
}
