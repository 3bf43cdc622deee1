/*
 * Units: numbers as people read them. Each comes by value, to be used within one expression:
 * printf("%s", units_bytes(n).text).
 */
#ifndef PERSISTCTL_UNITS_H
#define PERSISTCTL_UNITS_H

#include <stdint.h>

typedef struct {
    char text[32];
} units_t;

units_t units_count(uint64_t count);   /* 1,234,567 */
units_t units_bytes(uint64_t bytes);   /* 512 B, 1.5 KiB, 12 MiB */
units_t units_rate(double a_second);   /* 0, 0.4, 7.5, 1,234; "-" if it is negative: not known */
units_t units_span(int64_t ns);        /* 0 ms, 340 ms, 3.2 s, 4 m 12 s, 2 h 5 m, 3 d 4 h; "-" if negative */
units_t units_clock(int64_t epoch_ns); /* 2026-01-31 18:05:09, local time; "-" if it is not positive */

#endif
