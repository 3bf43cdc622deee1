/*
 * Certificate: what the conformance suite found of a worker, as a JSON document that can be kept beside the
 * backend's sources. `result` is
 *
 *   certified    every case that applies was run, and passed; what the backend declares as missing is named
 *   incomplete   all that was run passed, but cases that apply were not run, or not chosen
 *   failed       a case failed
 */
#ifndef PERSISTCTL_CERTIFICATE_H
#define PERSISTCTL_CERTIFICATE_H

#include "suite.h"

#include <yyjson.h>

/* "certified", "incomplete" or "failed"; count: how many cases there are. */
const char *certificate_result(const report_t *report, size_t count);
/* NULL when memory is out. cases is the table that was run, for what each is about. Free the document. */
yyjson_mut_doc *certificate_new(const suite_t *suite, const report_t *report, const suite_case_t *cases,
                                size_t count);

#endif
