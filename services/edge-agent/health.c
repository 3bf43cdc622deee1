/*
 * Health: see health.h.
 */
#include "health.h"

const char *health_name(health_state_t state)
{
    static const char *const names[] = {"none", "starting", "ready", "waiting", "unhealthy"};
    return names[state];
}

void health_start(health_t *self, bool has_probe, int64_t now)
{
    *self = (health_t){.state = has_probe ? HEALTH_STARTING : HEALTH_NONE, .started = now};
}

static void s_dead(health_t *self, const health_rules_t *rules, int64_t now)
{
    if (!self->was_ready && now - self->started < rules->grace)
        return;
    if (++self->dead >= rules->failures)
        self->state = HEALTH_UNHEALTHY;
}

void health_see(health_t *self, const health_rules_t *rules, health_seen_t seen, int64_t now)
{
    if (self->state == HEALTH_NONE && seen != HEALTH_SEEN_NOTHING)
        self->state = HEALTH_STARTING; /* there is something that tells, after all */
    switch (seen) {
    case HEALTH_SEEN_READY:
        self->state = HEALTH_READY;
        self->was_ready = true;
        self->dead = 0;
        break;
    case HEALTH_SEEN_ALIVE:
        self->state = self->was_ready ? HEALTH_WAITING : HEALTH_STARTING;
        self->dead = 0;
        break;
    case HEALTH_SEEN_DEAD:
        s_dead(self, rules, now);
        break;
    case HEALTH_SEEN_BAD:
        self->state = HEALTH_UNHEALTHY;
        break;
    case HEALTH_SEEN_NOTHING:
        break;
    }
}

bool health_is_ready(const health_t *self)
{
    return self->state == HEALTH_NONE || self->state == HEALTH_READY;
}
