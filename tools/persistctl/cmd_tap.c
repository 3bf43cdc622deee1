/*
 * tap [TOPIC]: follows the public stream, whose messages have two frames: a topic, and EdgeX's envelope in
 * JSON (see core-data's http/stream.h). Nothing that comes is trusted: what is no such message is counted and
 * told.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>
#include "interrupt.h"
#include "json.h"
#include "options.h"
#include "say.h"

#define DEFAULT_ENDPOINT "tcp://127.0.0.1:5563"
#define DEFAULT_TOPIC "edgex/events/"
#define MONITOR "inproc://tap"
#define CONNECT_NS INT64_C(5000000000)
#define MESSAGE_MAX (64 << 20) /* bytes of a message */

typedef struct {
    const char *endpoint, *topic;
    uint64_t count; /* to end after; 0: none */
    interrupt_t *interrupt;
    void *context, *stream, *monitor;
    uint64_t seen, malformed;
    int64_t since;  /* CLOCK_BOOTTIME ns: when it was begun to connect */
    bool connected; /* once at least */
} tap_t;

/* The envelope with the topic before it, and the event out of its payload. NULL: that is none. */
static char *s_line(const char *topic, size_t topic_size, const char *body, size_t size)
{
    char *text = NULL;
    yyjson_doc *envelope = yyjson_read(body, size, YYJSON_READ_NOFLAG);
    yyjson_val *root = yyjson_doc_get_root(envelope), *payload = yyjson_obj_get(root, "payload");
    yyjson_val *event = yyjson_obj_get(payload, "event");
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *line = doc ? yyjson_mut_obj(doc) : NULL;
    if (payload && line && yyjson_mut_obj_add_strn(doc, line, "topic", topic, topic_size) &&
        yyjson_mut_obj_add_str(doc, line, "correlationID", json_text(root, "correlationID")) &&
        yyjson_mut_obj_add_str(doc, line, "contentType", json_text(root, "contentType")) &&
        yyjson_mut_obj_add_val(doc, line, event ? "event" : "payload",
                               yyjson_val_mut_copy(doc, event ? event : payload))) {
        yyjson_mut_doc_set_root(doc, line);
        text = yyjson_mut_write(doc, YYJSON_WRITE_NOFLAG, NULL);
    }
    yyjson_mut_doc_free(doc);
    yyjson_doc_free(envelope);
    return text;
}

static void s_refuse(tap_t *self)
{
    if (self->malformed++ == 0)
        say("tap: a message is no event of core-data's: is %s the public stream?", self->endpoint);
}

static void s_print(tap_t *self, zmq_msg_t *topic, zmq_msg_t *body)
{
    char *line = s_line(zmq_msg_data(topic), zmq_msg_size(topic), zmq_msg_data(body), zmq_msg_size(body));
    if (line) {
        self->seen++;
        puts(line);
        fflush(stdout);
    } else
        s_refuse(self);
    free(line);
}

/* One message, all its frames; what has not exactly two is malformed. */
static bool s_take(tap_t *self)
{
    zmq_msg_t frames[2], rest;
    int count = 0;
    bool more = true;
    zmq_msg_init(&frames[0]);
    zmq_msg_init(&frames[1]);
    while (more) {
        zmq_msg_init(&rest);
        if (zmq_msg_recv(&rest, self->stream, ZMQ_DONTWAIT) < 0)
            break;
        more = zmq_msg_more(&rest);
        if (count < 2)
            zmq_msg_move(&frames[count], &rest);
        zmq_msg_close(&rest);
        count++;
    }
    if (count == 2)
        s_print(self, &frames[0], &frames[1]);
    else if (count > 0)
        s_refuse(self);
    zmq_msg_close(&frames[0]);
    zmq_msg_close(&frames[1]);
    return count > 0;
}

/* What the socket's monitor tells: a number of an event in the first frame. */
static void s_notice(tap_t *self)
{
    uint16_t event = 0;
    uint8_t frame[256];
    int size = zmq_recv(self->monitor, frame, sizeof frame, ZMQ_DONTWAIT);
    if (size >= (int) sizeof event)
        memcpy(&event, frame, sizeof event);
    zmq_recv(self->monitor, frame, sizeof frame, ZMQ_DONTWAIT);
    if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
        say(self->connected ? "tap: core-data is back at %s" : "tap: following %s", self->endpoint);
        self->connected = true;
    } else if (event == ZMQ_EVENT_DISCONNECTED && self->connected)
        say("tap: core-data at %s has gone; what it publishes meanwhile is not seen", self->endpoint);
}

static int s_follow(tap_t *self)
{
    zmq_pollitem_t items[] = {{self->stream, 0, ZMQ_POLLIN, 0},
                              {self->monitor, 0, ZMQ_POLLIN, 0},
                              {NULL, interrupt_fd(self->interrupt), ZMQ_POLLIN, 0}};
    for (;;) {
        if (zmq_poll(items, 3, self->connected ? -1 : 100) < 0 || items[2].revents)
            return EXIT_DONE;
        if (items[1].revents)
            s_notice(self);
        if (items[0].revents && s_take(self) && self->count && self->seen >= self->count)
            return EXIT_DONE;
        if (!self->connected && pbus_clock_boottime() - self->since > CONNECT_NS) {
            say("tap: nobody answers at %s; start core-data, or name its stream with --endpoint or "
                "PERSISTBUS_EVENTS",
                self->endpoint);
            return EXIT_AWAY;
        }
    }
}

static int s_connect(tap_t *self)
{
    int64_t most = MESSAGE_MAX;
    int none = 0, wait = 10, wait_most = 500;
    self->context = zmq_ctx_new();
    self->stream = self->context ? zmq_socket(self->context, ZMQ_SUB) : NULL;
    self->monitor = self->context ? zmq_socket(self->context, ZMQ_PAIR) : NULL;
    self->since = pbus_clock_boottime();
    if (!self->stream || !self->monitor ||
        zmq_socket_monitor(self->stream, MONITOR, ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED) !=
            0 ||
        zmq_connect(self->monitor, MONITOR) != 0) {
        say("tap: no socket: %s", zmq_strerror(errno));
        return EXIT_NOT;
    }
    zmq_setsockopt(self->stream, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(self->stream, ZMQ_MAXMSGSIZE, &most, sizeof most);
    zmq_setsockopt(self->stream, ZMQ_RECONNECT_IVL, &wait, sizeof wait);
    zmq_setsockopt(self->stream, ZMQ_RECONNECT_IVL_MAX, &wait_most, sizeof wait_most);
    zmq_setsockopt(self->stream, ZMQ_SUBSCRIBE, self->topic, strlen(self->topic));
    if (zmq_connect(self->stream, self->endpoint) == 0)
        return EXIT_DONE;
    say("tap: '%s' is no endpoint (%s): write --endpoint tcp://HOST:PORT", self->endpoint,
        zmq_strerror(errno));
    return EXIT_USAGE;
}

static void s_close(tap_t *self)
{
    if (self->malformed)
        say("tap: %" PRIu64 " messages were no events of core-data's", self->malformed);
    if (self->stream)
        zmq_close(self->stream);
    if (self->monitor)
        zmq_close(self->monitor);
    if (self->context)
        zmq_ctx_term(self->context);
    interrupt_destroy(&self->interrupt);
}

static bool s_options(tap_t *self, int argc, char **argv)
{
    static const struct option options[] = {
        {"endpoint", required_argument, NULL, 'e'}, {"count", required_argument, NULL, 'n'}, {0}};
    const char *endpoint = getenv("PERSISTBUS_EVENTS");
    int option;
    self->endpoint = endpoint && *endpoint ? endpoint : DEFAULT_ENDPOINT;
    while ((option = options_next(argc, argv, "e:n:", options)) != -1) {
        if (option == '?' || (option == 'n' && !options_count(argv[0], optarg, &self->count)))
            return false;
        self->endpoint = option == 'e' ? optarg : self->endpoint;
    }
    if (!options_arguments(argc, argv, 0, 1, "one topic"))
        return false;
    self->topic = argc > optind ? argv[optind] : DEFAULT_TOPIC;
    return true;
}

static int s_run(const globals_t *globals, int argc, char **argv)
{
    tap_t self = {0};
    (void) globals; /* its lines are JSON in any case, and core-data's REST address is not asked */
    if (!s_options(&self, argc, argv))
        return EXIT_USAGE;
    self.interrupt = interrupt_new();
    int result = self.interrupt ? s_connect(&self) : EXIT_NOT;
    if (result == EXIT_DONE)
        result = s_follow(&self);
    s_close(&self);
    return result;
}

const command_t cmd_tap = {
    .name = "tap",
    .arguments = "[TOPIC]",
    .summary = "follows the public stream: one JSON line for each event",
    .help =
        "TOPIC is what topics begin with: edgex/events/core/SERVICE/PROFILE/DEVICE/SOURCE. Without "
        "it: " DEFAULT_TOPIC "\n"
        "A line has the topic, the correlation id, the content type, and the event; or, where the stream "
        "carries\n"
        "no JSON event (CBOR, metrics), the payload.\n"
        "\n"
        "  -e, --endpoint E   the stream; or the variable PERSISTBUS_EVENTS. Default " DEFAULT_ENDPOINT "\n"
        "  -n, --count N      end after N events\n"
        "\n"
        "Waits for core-data when it goes away; what was published meanwhile is not seen. Ctrl-C ends it.\n"
        "Exit status 3: nobody was there within 5 s.\n"
        "\n"
        "examples:\n"
        "  persistctl tap | jq -r '.event | \"\\(.deviceName) \\(.readings[0].value)\"'\n"
        "  persistctl tap -n 1 edgex/events/core/device-virtual/\n",
    .run = s_run,
};
