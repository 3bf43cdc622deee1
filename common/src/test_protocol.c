/*
 * docs/PROTOCOL.md against the code: every example of its section 6 is made here with the codecs and must be,
 * byte for byte, what the document shows; and what the document shows must decode and encode to the same
 * bytes again. Run in the project's root folder. With the argument --print it writes the section anew.
 */

#include "answer.h"
#include "ask.h"
#include "digest.h"
#include "message.h"
#include "msgread.h"
#include "result.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <persistbus/version.h>

#define EPOCH 1700000000000000000ull
#define TOPIC "persist/1/sqlite/w1.5f3a9c01/"

static const pbus_uuid_t s_set = {
    {0x11, 0x11, 0x11, 0x11, 0x22, 0x22, 0x43, 0x33, 0x84, 0x44, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55}};
static const pbus_uuid_t s_id = {
    {0x9f, 0x1b, 0x2c, 0x3d, 0x00, 0x00, 0x40, 0x00, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01}};

static pbus_message_t s_message(pbus_kind_t kind)
{
    return (pbus_message_t){.kind = kind, .epoch = EPOCH, .session = 7};
}

static void s_who(pbus_buf_t *out)
{
    pbus_message_t m = s_message(PBUS_WHO);
    m.sent = 5000000000;
    pbus_message_encode(&m, out);
}

static void s_hello(pbus_buf_t *out)
{
    pbus_message_t m = s_message(PBUS_HELLO);
    m.topic = PBUS_STR(TOPIC);
    m.minor = PBUS_PROTOCOL_MINOR;
    m.backend = PBUS_STR("sqlite");
    m.version = PBUS_STR("0.1.0");
    m.group = PBUS_STR("sqlite");
    m.missing = 2;
    m.durable = m.has_set = true;
    m.data_set = s_set;
    m.mark = EPOCH + 256;
    m.messages = 64;
    m.batches = 2;
    m.bytes = 8388608;
    m.batch_events = 1000;
    m.batch_bytes = 1048576;
    pbus_message_encode(&m, out);
}

static void s_welcome(pbus_buf_t *out)
{
    pbus_message_t m = s_message(PBUS_WELCOME);
    m.sent = 5001000000;
    m.minor = PBUS_PROTOCOL_MINOR;
    m.lease_ms = 10000;
    m.reply_bytes = 4194304;
    m.message_bytes = 67108864;
    pbus_message_encode(&m, out);
}

static void s_refuse(pbus_buf_t *out)
{
    pbus_message_t m = s_message(PBUS_REFUSE);
    m.sent = 5001000000;
    m.status = PBUS_CONFLICT;
    m.text = PBUS_STR("group sqlite is served by another data set");
    pbus_message_encode(&m, out);
}

static void s_ready(pbus_buf_t *out)
{
    pbus_message_t m = s_message(PBUS_READY);
    m.ready = m.durable = m.has_set = true;
    m.data_set = s_set;
    m.mark = EPOCH + 256;
    pbus_message_encode(&m, out);
}

static void s_not_ready(pbus_buf_t *out)
{
    pbus_message_t m = s_message(PBUS_READY);
    m.text = PBUS_STR("redis at 127.0.0.1:6379: connection refused");
    pbus_message_encode(&m, out);
}

static void s_write(pbus_buf_t *out)
{
    pbus_message_t m = s_message(PBUS_WRITE);
    m.sent = 5002000000;
    m.seq = 1;
    pbus_message_encode(&m, out);
}

static void s_event(pbus_buf_t *out)
{
    pbus_reading_t readings[] = {
        {.origin = 1700000000123456789,
         .device = PBUS_STR("room-1"),
         .profile = PBUS_STR("climate"),
         .resource = PBUS_STR("temperature"),
         .type = PBUS_FLOAT32,
         .units = PBUS_STR("C"),
         .value = PBUS_STR("2.15e+01")},
        {.origin = 1700000000123456000,
         .device = PBUS_STR("room-1"),
         .profile = PBUS_STR("climate"),
         .resource = PBUS_STR("picture"),
         .type = PBUS_BINARY,
         .value = PBUS_STR("hi"),
         .media_type = PBUS_STR("image/png")},
        {.origin = 1700000000123456789,
         .device = PBUS_STR("room-1"),
         .profile = PBUS_STR("climate"),
         .resource = PBUS_STR("humidity"),
         .type = PBUS_UINT8,
         .is_null = true},
    };
    pbus_event_t event = {.id = s_id,
                          .origin = 1700000000123456789,
                          .device = PBUS_STR("room-1"),
                          .profile = PBUS_STR("climate"),
                          .source = PBUS_STR("temperature"),
                          .tags = PBUS_STR("{\"floor\":2}"),
                          .readings = readings,
                          .reading_count = 3};
    pbus_event_encode(&event, out);
}

static void s_batch(pbus_buf_t *out)
{
    pbus_buf_t event = {0};
    s_event(&event);
    uint8_t *at = pbus_buf_reserve(out, PBUS_BATCH_BEGIN + pbus_batch_size(event.data, event.size) +
                                            pbus_batch_size(NULL, 0));
    if (at) {
        size_t size = pbus_batch_begin(at, 2);
        size += pbus_batch_put(at + size, 1, EPOCH + 512, &s_id, event.data, event.size);
        size += pbus_batch_put(at + size, 2, EPOCH + 768, &s_set, NULL, 0);
        out->size += size;
    }
    pbus_buf_clear(&event);
}

static void s_ack(pbus_buf_t *out)
{
    pbus_message_t m = s_message(PBUS_ACK);
    const pbus_failed_t failed[] = {{1, PBUS_NOT_FOUND}};
    m.seq = 1;
    m.mark = EPOCH + 768;
    m.failed = failed;
    m.failed_count = 1;
    pbus_message_encode(&m, out);
}

static void s_query(pbus_buf_t *out)
{
    pbus_message_t m = s_message(PBUS_QUERY);
    m.sent = 5003000000;
    m.seq = 2;
    m.timeout_ms = 4990;
    pbus_message_encode(&m, out);
}

static void s_ask(pbus_buf_t *out)
{
    pbus_str_t resources[] = {PBUS_STR("temperature"), PBUS_STR("humidity")};
    pbus_ask_t ask = pbus_ask_any(PBUS_ASK_READINGS);
    ask.query.filter.device = PBUS_STR("room-1");
    ask.query.filter.resources = resources;
    ask.query.filter.resource_count = 2;
    ask.query.filter.origin_min = 0;
    ask.query.limit = 20;
    ask.query.want_total = true;
    pbus_ask_encode(&ask, out);
}

static void s_ask_scan(pbus_buf_t *out)
{
    pbus_ask_t ask = pbus_ask_any(PBUS_ASK_SCAN);
    ask.has_after = true;
    ask.after = (pbus_cursor_t){1700000000123456789, s_id};
    ask.query.limit = 1000;
    pbus_ask_encode(&ask, out);
}

static void s_ask_count(pbus_buf_t *out)
{
    pbus_ask_t ask = pbus_ask_any(PBUS_ASK_COUNT);
    pbus_ask_encode(&ask, out);
}

static void s_ask_purge(pbus_buf_t *out)
{
    pbus_ask_t ask = pbus_ask_any(PBUS_ASK_PURGE);
    ask.query.filter.device = PBUS_STR("room-1");
    ask.query.filter.accept_max = EPOCH + 1024;
    ask.query.limit = 500;
    pbus_ask_encode(&ask, out);
}

static void s_ask_digest(pbus_buf_t *out)
{
    pbus_ask_t ask = pbus_ask_any(PBUS_ASK_DIGEST);
    ask.has_until = true;
    ask.until = (pbus_cursor_t){1700000000123456789, s_id};
    ask.query.filter.accept_max = EPOCH + 1024;
    ask.query.limit = 5000;
    pbus_ask_encode(&ask, out);
}

static void s_reply(pbus_buf_t *out)
{
    pbus_message_t m = s_message(PBUS_REPLY);
    m.seq = 2;
    pbus_message_encode(&m, out);
}

static void s_answer(pbus_buf_t *out)
{
    pbus_result_t *result = pbus_result_new();
    assert_non_null(result);
    pbus_result_reset(result, 1000, 1000);
    pbus_result_total(result, 1);
    pbus_reading_t reading = {.origin = 1700000000123456789,
                              .device = PBUS_STR("room-1"),
                              .profile = PBUS_STR("climate"),
                              .resource = PBUS_STR("temperature"),
                              .type = PBUS_FLOAT32,
                              .units = PBUS_STR("C"),
                              .value = PBUS_STR("2.15e+01")};
    assert_true(pbus_result_add_reading(result, &reading));
    pbus_error_t error;
    const pbus_buf_t *answer = pbus_result_answer(result, &error);
    assert_non_null(answer);
    pbus_buf_append(out, answer->data, answer->size);
    pbus_result_destroy(&result);
}

static void s_answer_event(pbus_buf_t *out)
{
    pbus_buf_t event = {0};
    s_event(&event);
    pbus_result_t *result = pbus_result_new();
    assert_non_null(result);
    pbus_result_reset(result, 1000, 1000);
    assert_true(pbus_result_add_encoded(result, EPOCH + 512, event.data, event.size));
    pbus_error_t error;
    const pbus_buf_t *answer = pbus_result_answer(result, &error);
    assert_non_null(answer);
    pbus_buf_append(out, answer->data, answer->size);
    pbus_result_destroy(&result);
    pbus_buf_clear(&event);
}

/* Of the event that is answered above. */
static void s_answer_digest(pbus_buf_t *out)
{
    pbus_buf_t asked = {0}, event = {0}, lists = {0};
    pbus_ask_t ask;
    pbus_error_t error;
    pbus_digest_sum_t sum;
    pbus_digest_t *digest = pbus_digest_new();
    pbus_result_t *result = pbus_result_new();
    s_ask_digest(&asked);
    s_answer_event(&event);
    assert_true(digest && result && pbus_ask_decode(&ask, asked.data, asked.size, &lists));
    pbus_digest_begin(digest, &ask);
    assert_int_equal(pbus_digest_take(digest, event.data, event.size, &error), PBUS_OK);
    pbus_digest_sum(digest, &sum);
    pbus_result_reset(result, 1000, 1000);
    pbus_digest_put(&sum, result);
    const pbus_buf_t *answer = pbus_result_answer(result, &error);
    assert_non_null(answer);
    pbus_buf_append(out, answer->data, answer->size);
    pbus_digest_destroy(&digest);
    pbus_result_destroy(&result);
    pbus_buf_clear(&asked);
    pbus_buf_clear(&event);
}

static void s_ping(pbus_buf_t *out)
{
    pbus_message_t m = s_message(PBUS_PING);
    m.sent = 5500000000;
    pbus_message_encode(&m, out);
}

static void s_pong(pbus_buf_t *out)
{
    pbus_message_t m = s_message(PBUS_PONG);
    m.sent = 5500000000;
    m.busy = 1250000;
    pbus_message_encode(&m, out);
}

static void s_bye(pbus_buf_t *out)
{
    pbus_message_t m = s_message(PBUS_BYE);
    pbus_message_encode(&m, out);
}

static void s_drain(pbus_buf_t *out)
{
    pbus_message_t m = s_message(PBUS_DRAIN);
    m.sent = 6000000000;
    pbus_message_encode(&m, out);
}

typedef struct {
    const char *title; /* the line above the bytes */
    void (*make)(pbus_buf_t *out);
    enum { HEADER, ASK, EVENT, OTHER } what;
} example_t;

static const example_t s_examples[] = {
    {"WHO, epoch 1700000000000000000, session 7, sent 5 s after boot", s_who, HEADER},
    {"HELLO of worker w1 of group sqlite, which lacks several workers on one store", s_hello, HEADER},
    {"WELCOME, lease 10 s, replies cut at 4 MiB, messages at most 64 MiB", s_welcome, HEADER},
    {"REFUSE, status CONFLICT", s_refuse, HEADER},
    {"READY true", s_ready, HEADER},
    {"READY false, with the reason", s_not_ready, HEADER},
    {"WRITE, seq 1: the header", s_write, HEADER},
    {"WRITE: the payload, an add and a delete", s_batch, OTHER},
    {"the event in it: three readings; the second is Binary with an origin of its own, the third is null",
     s_event, EVENT},
    {"ACK of seq 1: the delete (index 1) was NOT_FOUND", s_ack, HEADER},
    {"QUERY, seq 2, time left 4990 ms: the header", s_query, HEADER},
    {"QUERY: the payload, 20 readings of two resources of room-1 since the epoch, with total", s_ask, ASK},
    {"another payload: how many events", s_ask_count, ASK},
    {"another: scan 1000 events from behind a cursor", s_ask_scan, ASK},
    {"another: purge room-1 as of an accept number, 500 at a time", s_ask_purge, ASK},
    {"another: digest of at most 5000 events up to a cursor, as of an accept number", s_ask_digest, ASK},
    {"REPLY to seq 2: the header", s_reply, HEADER},
    {"REPLY: the payload, one reading, total 1", s_answer, OTHER},
    {"another payload: one event", s_answer_event, OTHER},
    {"another: the digest of that event", s_answer_digest, OTHER},
    {"PING", s_ping, HEADER},
    {"PONG, the store has been busy for 1.25 ms", s_pong, HEADER},
    {"BYE", s_bye, HEADER},
    {"DRAIN", s_drain, HEADER},
};

#define EXAMPLES (sizeof s_examples / sizeof *s_examples)

static void s_print(void)
{
    for (size_t i = 0; i < EXAMPLES; i++) {
        pbus_buf_t buf = {0};
        s_examples[i].make(&buf);
        printf("%s\n", s_examples[i].title);
        for (size_t at = 0; at < buf.size; at++)
            printf("%s%02x", at % 32 ? " " : at ? "\n    " : "\n    ", buf.data[at]);
        printf("\n\n");
        pbus_buf_clear(&buf);
    }
}

/* Reads the indented hexadecimal lines that follow the title's line. */
static void s_read_example(FILE *doc, const char *title, pbus_buf_t *bytes)
{
    char line[512];
    bool found = false;
    rewind(doc);
    while (fgets(line, sizeof line, doc)) {
        line[strcspn(line, "\n")] = 0;
        if (!found)
            found = strcmp(line, title) == 0;
        else if (strncmp(line, "    ", 4) == 0) {
            unsigned byte;
            for (const char *at = line + 4; sscanf(at, "%2x", &byte) == 1; at += at[2] ? 3 : 2)
                pbus_buf_append(bytes, &(uint8_t){(uint8_t) byte}, 1);
        } else if (line[0])
            return;
    }
}

static void s_encode_again(const example_t *example, const pbus_buf_t *doc, pbus_buf_t *again)
{
    if (example->what == HEADER) {
        pbus_message_t message;
        assert_true(pbus_message_decode(&message, doc->data, doc->size));
        pbus_failed_t failed[4];
        for (size_t n = 0; n < 4 && pbus_message_next_failed(&message, &failed[n]); n++)
            message.failed = failed;
        pbus_message_encode(&message, again);
    } else if (example->what == ASK) {
        pbus_buf_t lists = {0};
        pbus_ask_t ask;
        assert_true(pbus_ask_decode(&ask, doc->data, doc->size, &lists));
        pbus_ask_encode(&ask, again);
        pbus_buf_clear(&lists);
    } else if (example->what == EVENT) {
        pbus_decoder_t *decoder = pbus_decoder_new();
        const pbus_event_t *event = pbus_decoder_event(decoder, doc->data, doc->size);
        assert_non_null(event);
        pbus_event_encode(event, again);
        pbus_decoder_destroy(&decoder);
    } else
        pbus_buf_append(again, doc->data, doc->size);
}

static void test_examples(void **state)
{
    (void) state;
    FILE *doc = fopen("docs/PROTOCOL.md", "r");
    assert_non_null(doc);
    for (size_t i = 0; i < EXAMPLES; i++) {
        pbus_buf_t shown = {0}, made = {0}, again = {0};
        s_read_example(doc, s_examples[i].title, &shown);
        s_examples[i].make(&made);
        if (shown.size != made.size || memcmp(shown.data, made.data, made.size) != 0)
            fail_msg("docs/PROTOCOL.md does not show \"%s\" as it is encoded (%zu bytes, shown %zu)",
                     s_examples[i].title, made.size, shown.size);
        s_encode_again(&s_examples[i], &shown, &again);
        assert_int_equal(again.size, shown.size);
        assert_memory_equal(again.data, shown.data, shown.size);
        pbus_buf_clear(&shown);
        pbus_buf_clear(&made);
        pbus_buf_clear(&again);
    }
    fclose(doc);
}

static bool s_any_decodes(const uint8_t *data, size_t size)
{
    pbus_message_t message;
    pbus_buf_t lists = {0};
    pbus_ask_t ask;
    pbus_answer_t answer;
    pbus_str_t encoded;
    uint64_t accept;
    bool any = pbus_message_decode(&message, data, size);
    any = pbus_ask_decode(&ask, data, size, &lists) || any;
    if (pbus_answer_open(&answer, data, size))
        while (pbus_answer_event(&answer, &accept, &encoded))
            ;
    pbus_digest_sum_t sum;
    pbus_digest_read(&sum, data, size);
    pbus_buf_clear(&lists);
    return any;
}

/* No prefix of a header or an ask is one, nor does any reader look behind the end (the sanitizers tell). */
static void test_truncated(void **state)
{
    (void) state;
    for (size_t i = 0; i < EXAMPLES; i++) {
        pbus_buf_t whole = {0};
        s_examples[i].make(&whole);
        for (size_t size = 0; size < whole.size; size++) {
            uint8_t *copy = malloc(size ? size : 1);
            assert_non_null(copy);
            memcpy(copy, whole.data, size);
            assert_false(s_any_decodes(copy, size));
            free(copy);
        }
        pbus_buf_clear(&whole);
    }
}

static void test_mutated(void **state)
{
    (void) state;
    uint64_t random = 88172645463325252ull;
    for (int round = 0; round < 20000; round++) {
        pbus_buf_t buf = {0};
        s_examples[(size_t) round % EXAMPLES].make(&buf);
        for (int flips = 0; flips < 3; flips++) {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            buf.data[random % buf.size] = (uint8_t) (random >> 32);
        }
        s_any_decodes(buf.data, buf.size);
        pbus_buf_clear(&buf);
    }
}

/* A later minor version may append elements to a header or an ask. */
static void test_appended_elements_are_ignored(void **state)
{
    (void) state;
    const uint8_t ping[] = {0x96, 0x01, 0x06, 0x05, 0x07, 0x08, 0x93, 0x01, 0xc0, 0xa1, 'x'};
    pbus_message_t message;
    assert_true(pbus_message_decode(&message, ping, sizeof ping));
    assert_int_equal(message.kind, PBUS_PING);
    assert_int_equal(message.sent, 8);
    const uint8_t sources[] = {0x92, 0x05, 0xc0};
    pbus_ask_t ask;
    pbus_buf_t lists = {0};
    assert_true(pbus_ask_decode(&ask, sources, sizeof sources, &lists));
    assert_int_equal(ask.kind, PBUS_ASK_SOURCES);
}

static void test_other_major_decodes_to_its_kind(void **state)
{
    (void) state;
    const uint8_t hello[] = {0x94, 0x02, 0x10, 0x05, 0x07};
    pbus_message_t message;
    assert_true(pbus_message_decode(&message, hello, sizeof hello));
    assert_int_equal(message.major, 2);
    assert_int_equal(message.session, 7);
}

static void test_topics(void **state)
{
    (void) state;
    pbus_topic_t topic;
    assert_true(pbus_topic_parse(&topic, PBUS_STR(TOPIC)));
    assert_int_equal(topic.major, 1);
    assert_true(pbus_str_eq(topic.group, PBUS_STR("sqlite")));
    assert_true(pbus_str_eq(topic.worker, PBUS_STR("w1")));
    assert_true(pbus_str_eq(topic.nonce, PBUS_STR("5f3a9c01")));
    const char *bad[] = {"",
                         "persist",
                         "persist/1/sqlite/w1.5f3a9c01",
                         "persist/x/sqlite/w1.5f3a9c01/",
                         "persist/1/sql ite/w1.5f3a9c01/",
                         "persist/1//w1.5f3a9c01/",
                         "persist/1/sqlite/w1/",
                         "persist/1/sqlite/w1.5f3a9c0/",
                         "persist/1/sqlite/w1.5f3a9c01/x",
                         "other/1/a/b.5f3a9c01/"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(pbus_topic_parse(&topic, pbus_str(bad[i])));
}

static void test_result_is_cut_at_its_limits(void **state)
{
    (void) state;
    uint8_t bytes[100] = {0};
    pbus_error_t error;
    pbus_result_t *result = pbus_result_new();
    assert_non_null(result);
    pbus_result_reset(result, 300, 1000);
    size_t added = 0;
    while (pbus_result_add_encoded(result, added, bytes, sizeof bytes))
        added++;
    assert_int_equal(added, 2);
    const pbus_buf_t *buf = pbus_result_answer(result, &error);
    assert_non_null(buf);
    pbus_answer_t answer;
    uint64_t accept;
    pbus_str_t encoded;
    assert_true(pbus_answer_open(&answer, buf->data, buf->size));
    assert_true(answer.more);
    assert_int_equal(answer.count, 2);
    assert_true(pbus_answer_event(&answer, &accept, &encoded));
    assert_true(pbus_answer_event(&answer, &accept, &encoded));
    assert_int_equal(accept, 1);
    assert_int_equal(encoded.size, sizeof bytes);
    assert_false(pbus_answer_event(&answer, &accept, &encoded));
    assert_false(answer.bad);

    pbus_result_reset(result, 10, 1000); /* the first goes in whatever the soft limit */
    assert_true(pbus_result_add_encoded(result, 1, bytes, sizeof bytes));
    assert_false(pbus_result_add_encoded(result, 2, bytes, sizeof bytes));
    assert_non_null(pbus_result_answer(result, &error));

    pbus_result_reset(result, 10, 50);
    assert_false(pbus_result_add_encoded(result, 1, bytes, sizeof bytes));
    assert_null(pbus_result_answer(result, &error));
    assert_int_equal(error.status, PBUS_OVERFLOW);
    pbus_result_destroy(&result);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--print") == 0) {
        s_print();
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_mutated),
        cmocka_unit_test(test_appended_elements_are_ignored),
        cmocka_unit_test(test_other_major_decodes_to_its_kind),
        cmocka_unit_test(test_topics),
        cmocka_unit_test(test_result_is_cut_at_its_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
