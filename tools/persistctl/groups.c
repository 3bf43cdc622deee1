/*
 * Groups: see groups.h.
 */
#include "groups.h"
#include "json.h"
#include "say.h"

#define LOOK_NS INT64_C(200000000)
#define AWAY_NS INT64_C(15000000000) /* core-data may be starting anew */

yyjson_val *groups_of(const answer_t *answer)
{
    yyjson_val *groups = yyjson_obj_get(yyjson_doc_get_root(answer->doc), "groups");
    return yyjson_is_arr(groups) ? groups : NULL;
}

size_t groups_ready(yyjson_val *group)
{
    yyjson_arr_iter iter = yyjson_arr_iter_with(yyjson_obj_get(group, "workers"));
    yyjson_val *worker;
    size_t ready = 0;
    while ((worker = yyjson_arr_iter_next(&iter)))
        ready += json_is_true(worker, "ready");
    return ready;
}

int groups_wait(api_t *api, interrupt_t *interrupt, const groups_wait_t *wait)
{
    int64_t answered = pbus_clock_boottime();
    for (;;) {
        answer_t answer;
        int64_t now = pbus_clock_boottime();
        int result = api_call(api, "GET", GROUPS_PATH, NULL, &answer);
        bool seen = result == EXIT_DONE && wait->seen(wait->context, groups_of(&answer));
        if (result == EXIT_DONE)
            answered = now;
        answer_clear(&answer);
        if (seen)
            return EXIT_DONE;
        if (result != EXIT_DONE && now - answered > AWAY_NS) {
            say("%s", answer.error);
            return EXIT_AWAY;
        }
        if (now >= wait->deadline || interrupt_wait(interrupt, LOOK_NS))
            return EXIT_NOT;
    }
}
