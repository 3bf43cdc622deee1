/*
 * Restart: see restart.h.
 */
#include "restart.h"

bool restart_wanted(manifest_policy_t policy, restart_cause_t cause)
{
    switch (policy) {
    case MANIFEST_ALWAYS:
        return true;
    case MANIFEST_ON_UNHEALTHY:
        return cause != RESTART_ENDED;
    case MANIFEST_ON_FAILURE:
        return cause == RESTART_FAILED;
    case MANIFEST_NEVER:
        break;
    }
    return false;
}

int64_t restart_delay(const restart_rules_t *rules, unsigned n)
{
    int64_t delay = rules->first;
    while (n-- > 0 && delay < rules->most)
        delay = delay > rules->most / 2 ? rules->most : delay * 2; /* which can't overflow */
    return delay < rules->most ? delay : rules->most;
}

void restart_reset(restart_t *self)
{
    *self = (restart_t){.total = self->total};
}

void restart_up(restart_t *self, int64_t now)
{
    self->up_since = now;
    self->next = RESTART_NEVER;
}

void restart_tick(restart_t *self, const restart_rules_t *rules, int64_t now)
{
    if (self->up_since == 0 || now - self->up_since < rules->cleared)
        return;
    self->count = 0;
    self->spent = false;
}

void restart_down(restart_t *self, const restart_rules_t *rules, manifest_policy_t policy,
                  restart_cause_t cause, bool ran_well, int64_t now)
{
    restart_tick(self, rules, now); /* it may have been due since the last look */
    self->up_since = 0;
    self->next = RESTART_NEVER;
    if (!restart_wanted(policy, cause))
        return;
    self->total++;
    if (ran_well && self->count == 0 && !self->spent) {
        self->spent = true;
        self->next = now;
        return;
    }
    self->next = now + restart_delay(rules, self->count);
    self->count++;
}

bool restart_is_due(const restart_t *self, int64_t now)
{
    return self->next != RESTART_NEVER && now >= self->next;
}
