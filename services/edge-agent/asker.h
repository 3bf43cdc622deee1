/*
 * Asker: what the agent wants to know of, and from, core-data and modules, over HTTP. It makes the agent's
 * outside_t; answers go to the agent from http_work, with pbus_clock_boottime as their time.
 */
#ifndef EDGE_AGENT_ASKER_H
#define EDGE_AGENT_ASKER_H

#include "agent.h"
#include "http.h"

typedef struct asker asker_t;

/* timeout: ns for an answer. http must outlive it. NULL when memory is out. */
asker_t *asker_new(http_t *http, int64_t timeout);
/* Before the http that it was made with; unanswered questions are given up. */
void asker_destroy(asker_t **self_p);
outside_t asker_outside(asker_t *self);
/* Who is told; to be set before the first question. */
void asker_set_agent(asker_t *self, agent_t *agent);

#endif
