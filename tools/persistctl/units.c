/*
 * Units: see units.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "units.h"

#define SECOND INT64_C(1000000000)

units_t units_count(uint64_t count)
{
    units_t out;
    char digits[24];
    size_t size = (size_t) snprintf(digits, sizeof digits, "%" PRIu64, count), at = 0;
    for (size_t i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0)
            out.text[at++] = ',';
        out.text[at++] = digits[i];
    }
    out.text[at] = '\0';
    return out;
}

units_t units_bytes(uint64_t bytes)
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    units_t out;
    double value = (double) bytes;
    size_t unit = 0;
    /* What would be printed as 1024 belongs to the next unit. */
    for (; value >= 1023.5 && unit < 6; unit++)
        value /= 1024;
    snprintf(out.text, sizeof out.text, unit > 0 && value < 9.95 ? "%.1f %s" : "%.0f %s", value, names[unit]);
    return out;
}

units_t units_rate(double a_second)
{
    units_t out;
    if (!(a_second >= 0)) {
        strcpy(out.text, "-");
        return out;
    }
    if (a_second >= 9.95 || a_second < 0.05)
        return units_count((uint64_t) ((a_second < 1e18 ? a_second : 1e18) + 0.5));
    snprintf(out.text, sizeof out.text, "%.1f", a_second);
    return out;
}

units_t units_span(int64_t ns)
{
    units_t out;
    int64_t s = ns / SECOND;
    if (ns < 0)
        strcpy(out.text, "-");
    else if (ns < SECOND)
        snprintf(out.text, sizeof out.text, "%" PRId64 " ms", ns / 1000000);
    else if (s < 10)
        snprintf(out.text, sizeof out.text, "%" PRId64 ".%" PRId64 " s", s, ns % SECOND / 100000000);
    else if (s < 60)
        snprintf(out.text, sizeof out.text, "%" PRId64 " s", s);
    else if (s < 3600)
        snprintf(out.text, sizeof out.text, "%" PRId64 " m %" PRId64 " s", s / 60, s % 60);
    else if (s < 86400)
        snprintf(out.text, sizeof out.text, "%" PRId64 " h %" PRId64 " m", s / 3600, s % 3600 / 60);
    else
        snprintf(out.text, sizeof out.text, "%" PRId64 " d %" PRId64 " h", s / 86400, s % 86400 / 3600);
    return out;
}

units_t units_clock(int64_t epoch_ns)
{
    units_t out;
    struct tm parts;
    time_t seconds = (time_t) (epoch_ns / SECOND);
    if (epoch_ns <= 0 || !localtime_r(&seconds, &parts) ||
        !strftime(out.text, sizeof out.text, "%Y-%m-%d %H:%M:%S", &parts))
        strcpy(out.text, "-");
    return out;
}
