/*
 * Cases that leave something behind, and so come last: the highest accept numbers there can be raise the mark
 * of the store for good. And how fast it is, which no case judges.
 */
#include "act.h"
#include "cases.h"
#include "check.h"

#define SECOND 1e9

static double s_since(int64_t began)
{
    return (double) (pbus_clock_boottime() - began) / SECOND;
}

/* How long an ask takes, at best of a few. */
static double s_time(suite_t *suite, const pbus_ask_t *ask)
{
    double best = 0;
    for (int i = 0; i < 5 && suite_fine(suite); i++) {
        int64_t began = pbus_clock_boottime();
        call_t *call = act_ask(suite, ask);
        double took = s_since(began);
        if (i == 0 || took < best)
            best = took;
        call_destroy(&call);
    }
    return best;
}

/* One batch after the other, each acknowledged before the next is made; what making it costs is not counted.
 */
static double s_rate(suite_t *suite, size_t count, size_t batch_size)
{
    static const generator_shape_t shape = {.devices = 50,
                                            .profiles = 1,
                                            .sources = 1,
                                            .resources = 3,
                                            .readings = 1,
                                            .origins = 100000000,
                                            .unit = 1009};
    double took = 0;
    for (size_t done = 0; done < count && suite_fine(suite); done += batch_size) {
        batch_t *batch = batch_new();
        while (batch_count(batch) < batch_size)
            batch_add(batch, suite_accept(suite), generator_event(suite->random, &shape));
        peer_t *peer = suite_peer(suite);
        int64_t began = pbus_clock_boottime();
        call_t *call = peer ? peer_write(peer, batch) : NULL;
        bool fine = act_wait(suite, call, "the ACK");
        took += s_since(began);
        if (fine)
            act_settle(suite, call, batch);
        call_destroy(&call);
        batch_destroy(&batch);
    }
    return took > 0 ? (double) count / took : 0;
}

static void s_speed(suite_t *suite)
{
    suite->figures[SUITE_WRITE_RATE] = s_rate(suite, 5000, 1000);
    suite->figures[SUITE_SINGLE_RATE] = s_rate(suite, 200, 1);
    pbus_ask_t ask = pbus_ask_any(PBUS_ASK_EVENTS);
    ask.query.limit = 20;
    ask.query.want_total = true;
    suite->figures[SUITE_PAGE_TIME] = s_time(suite, &ask);
    ask = pbus_ask_any(PBUS_ASK_COUNT);
    suite->figures[SUITE_COUNT_TIME] = s_time(suite, &ask);
    check_list(suite, &ask);
}

/* Numbers are unsigned, of 64 bits. */
static void s_high_accepts(suite_t *suite)
{
    static const uint64_t numbers[] = {1, INT64_MAX, (uint64_t) INT64_MAX + 1, UINT64_MAX - 1};
    batch_t *batch = batch_new();
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        batch_add(batch, numbers[i], generator_event(suite->random, &case_mixed));
    suite->accept = UINT64_MAX - 1;
    suite_step(suite, "accept numbers 1, 2^63 - 1, 2^63, 2^64 - 2");
    act_write(suite, batch);
    check_all(suite);
    suite_step(suite, "the same again");
    act_write(suite, batch);
    check_all(suite);
    pbus_filter_t filter = pbus_filter_any();
    filter.accept_max = (uint64_t) INT64_MAX + 1;
    suite_step(suite, "after a purge up to 2^63");
    act_purge(suite, &filter, 10);
    check_all(suite);
    host_terms_t terms = host_default_terms();
    suite_new_session(suite, &terms);
    peer_t *peer = suite_peer(suite);
    if (peer && peer_info(peer)->mark != UINT64_MAX - 1)
        suite_fail(suite, "READY says mark %llu, expected 2^64 - 2",
                   (unsigned long long) peer_info(peer)->mark);
    batch_destroy(&batch);
}

const suite_case_t case_last[] = {
    {"speed", "events a second, and the time of a first page", 0, s_speed},
    {"high-accepts", "accept numbers up to the highest", 0, s_high_accepts},
    {NULL, NULL, 0, NULL},
};
