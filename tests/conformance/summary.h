/*
 * Summary: what a run of the suite comes to, in two lines.
 */
#ifndef SUMMARY_H
#define SUMMARY_H

#include "suite.h"

/* How many passed and did not, the seed, and the figures of speed if they were measured. */
void summary_write(const suite_t *suite, const report_t *report, FILE *out);

#endif
