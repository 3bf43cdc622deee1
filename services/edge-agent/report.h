/*
 * Report: the reported properties, one JSON file for whoever wants to know how modules are (persistctl
 * modules, monitoring), replaced as a whole whenever something in it has changed. Names are edgeAgent's where
 * it has them. No value of an environment variable and no credential is in it.
 */
#ifndef EDGE_AGENT_REPORT_H
#define EDGE_AGENT_REPORT_H

#include "agent.h"
#include "timeline.h"

typedef struct report report_t;

/* path is copied. NULL when memory is out. */
report_t *report_new(const char *path);
void report_destroy(report_t **self_p);

/* How the last manifest was received: code 200, or 400 and why it is not used, 404: there is none. */
void report_manifest(report_t *self, const char *path, int code, const char *description);
/* Writes the file if anything in it has changed. running: false when the agent is about to end. */
pbus_status_t report_save(report_t *self, const agent_t *agent, const timeline_t *timeline, bool running,
                          pbus_error_t *error);

#endif
