/*
 * Aggregates: the groups and their results, computed without rounding, as a backend has to. A mean that has
 * no end in decimal has to round to the right 64-bit float.
 */
#include "check.h"
#include "describe.h"
#include "need.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define MEAN_DIGITS 40 /* a mean that ends within so many has to be exact */

static void s_fail_group(suite_t *suite, const pbus_ask_t *ask, const pbus_reading_t *like, const char *what,
                         pbus_str_t got, const char *expected)
{
    suite_fail(suite, "%s: group of device %s, profile %s, resource %s, %s: %s %s, expected %s",
               describe_ask(ask).text, describe_text(like->device).text, describe_text(like->profile).text,
               describe_text(like->resource).text, pbus_type_name(like->type), what, describe_text(got).text,
               expected);
}

/* Without the zeros at both ends. */
static void s_trim(char *text)
{
    size_t sign = text[0] == '-', begin = sign, end = strlen(text);
    while (text[begin] == '0' && text[begin + 1] != '.')
        begin++;
    while (strchr(text, '.') && text[end - 1] == '0')
        end--;
    if (text[end - 1] == '.')
        end--;
    memmove(text + sign, text + begin, end - begin);
    text[sign + end - begin] = '\0';
}

/* The number in decimal, for messages and for rounding; the caller frees it. *ends: it is exact. */
static char *s_text(const exact_t *number, uint64_t divisor, bool *ends)
{
    pbus_buf_t text = {0};
    *ends = exact_text(number, (uint32_t) divisor, &text);
    need_buf(&text);
    char *trimmed = need_text((pbus_str_t){(const char *) text.data, text.size});
    pbus_buf_clear(&text);
    s_trim(trimmed);
    return trimmed;
}

static void s_check_exact(suite_t *suite, const pbus_ask_t *ask, const pbus_reading_t *like, pbus_str_t value,
                          const exact_t *expected)
{
    exact_t got;
    bool ends;
    if (exact_parse(&got, value) && exact_compare(&got, expected) == 0)
        return;
    char *text = s_text(expected, 1, &ends);
    s_fail_group(suite, ask, like, "value", value, text);
    free(text);
}

static void s_check_mean(suite_t *suite, const pbus_ask_t *ask, const model_group_t *group, pbus_str_t value)
{
    bool ends;
    char *expected = s_text(&group->sum, group->count, &ends);
    char *got = need_text(value);
    exact_t exact, given;
    bool number = exact_parse(&given, value);
    bool right = number && strtod(got, NULL) == strtod(expected, NULL);
    if (right && ends && strlen(expected) <= MEAN_DIGITS)
        right = exact_parse(&exact, pbus_str(expected)) && exact_compare(&exact, &given) == 0;
    if (!right)
        s_fail_group(suite, ask, &group->like, "value", value, expected);
    free(expected);
    free(got);
}

static void s_check_value(suite_t *suite, const pbus_ask_t *ask, const model_group_t *group, pbus_str_t value)
{
    exact_t count = exact_from_uint(group->count);
    if (group->count == 0 && value.size != 0)
        s_fail_group(suite, ask, &group->like, "value", value, "none, as there is no number");
    else if (group->count == 0)
        return;
    else if (ask->function == PBUS_AVG)
        s_check_mean(suite, ask, group, value);
    else
        s_check_exact(suite, ask, &group->like, value,
                      ask->function == PBUS_MIN   ? &group->least
                      : ask->function == PBUS_MAX ? &group->greatest
                      : ask->function == PBUS_SUM ? &group->sum
                                                  : &count);
}

static void s_check_group(suite_t *suite, const pbus_ask_t *ask, model_group_t *groups, bool *seen,
                          size_t size, const pbus_reading_t *like, uint64_t count, pbus_str_t value)
{
    char text[40];
    size_t at = 0;
    while (at < size && !model_same_group(&groups[at].like, like))
        at++;
    if (at == size || seen[at]) {
        s_fail_group(suite, ask, like, "value", value, at == size ? "no such group" : "it once");
        return;
    }
    seen[at] = true;
    if (count != groups[at].count) {
        snprintf(text, sizeof text, "%llu", (unsigned long long) count);
        char expected[40];
        snprintf(expected, sizeof expected, "%llu", (unsigned long long) groups[at].count);
        s_fail_group(suite, ask, like, "count", pbus_str(text), expected);
    }
    s_check_value(suite, ask, &groups[at], value);
}

static void s_check_answer(suite_t *suite, const pbus_ask_t *ask, const call_t *call, model_group_t *groups,
                           size_t size)
{
    pbus_answer_t answer = act_answer(suite, call);
    bool *seen = need_alloc(size, sizeof *seen);
    pbus_reading_t like;
    uint64_t count;
    pbus_str_t value;
    while (suite_fine(suite) && pbus_answer_group(&answer, &like, &count, &value))
        s_check_group(suite, ask, groups, seen, size, &like, count, value);
    if (answer.bad || answer.more)
        suite_fail(suite, "%s: item %zu is %s", describe_ask(ask).text, answer.next,
                   answer.bad ? "malformed" : "the last, though more are said to follow");
    for (size_t i = 0; i < size && suite_fine(suite); i++)
        if (!seen[i])
            s_fail_group(suite, ask, &groups[i].like, "comes", PBUS_STR("not at all"), "it");
    free(seen);
}

/* Whether a sum is beyond what core-data gives it as: Int64, Uint64, Float64. */
static bool s_is_beyond(const model_group_t *group)
{
    bool floats = group->like.type == PBUS_FLOAT32 || group->like.type == PBUS_FLOAT64;
    bool unsigned_ = group->like.type <= PBUS_UINT64;
    exact_t low, high;
    exact_parse(&low, floats      ? PBUS_STR("-1.7976931348623157e+308")
                      : unsigned_ ? PBUS_STR("0")
                                  : PBUS_STR("-9223372036854775808"));
    exact_parse(&high, floats      ? PBUS_STR("1.7976931348623157e+308")
                       : unsigned_ ? PBUS_STR("18446744073709551615")
                                   : PBUS_STR("9223372036854775807"));
    return exact_compare(&group->sum, &low) < 0 || exact_compare(&group->sum, &high) > 0;
}

static bool s_may_overflow(const pbus_ask_t *ask, const model_group_t *groups, size_t size)
{
    for (size_t i = 0; ask->function == PBUS_SUM && i < size; i++)
        if (s_is_beyond(&groups[i]))
            return true;
    return false;
}

void check_aggregate(suite_t *suite, const pbus_filter_t *filter, pbus_function_t function)
{
    size_t size;
    pbus_ask_t ask = pbus_ask_any(PBUS_ASK_AGGREGATE);
    ask.query.filter = *filter;
    ask.function = function;
    if (!suite_fine(suite))
        return;
    model_group_t *groups = model_groups(suite->model, filter, &size);
    bool may_overflow = s_may_overflow(&ask, groups, size);
    call_t *call = act_ask_status(suite, &ask, may_overflow ? PBUS_OVERFLOW : PBUS_OK);
    if (call && call->status == PBUS_OK)
        s_check_answer(suite, &ask, call, groups, size);
    free(groups);
    call_destroy(&call);
}
