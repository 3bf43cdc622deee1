#include "actor.h"

#include <pthread.h>
#include <stdlib.h>

struct pbus_actor {
    zsock_t *pipe;
    zsock_t *inner; /* the actor's end */
    zactor_fn *run;
    void *args;
    pthread_t thread;
};

static void *s_run(void *arg)
{
    pbus_actor_t *self = arg;
    self->run(self->inner, self->args);
    zsock_destroy(&self->inner);
    return NULL;
}

pbus_actor_t *pbus_actor_new(zactor_fn *run, void *args)
{
    pbus_actor_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    *self = (pbus_actor_t){.run = run, .args = args};
    self->pipe = zsys_create_pipe(&self->inner);
    if (!self->pipe || pthread_create(&self->thread, NULL, s_run, self) != 0) {
        zsock_destroy(&self->pipe);
        zsock_destroy(&self->inner);
        free(self);
        return NULL;
    }
    zsock_wait(self->pipe);
    return self;
}

void pbus_actor_destroy(pbus_actor_t **self_p)
{
    pbus_actor_t *self = *self_p;
    if (!self)
        return;
    zsock_set_sndtimeo(self->pipe, 0); /* it may have left by itself */
    zstr_send(self->pipe, "$TERM");
    pthread_join(self->thread, NULL);
    zsock_destroy(&self->pipe);
    free(self);
    *self_p = NULL;
}

zsock_t *pbus_actor_sock(const pbus_actor_t *self)
{
    return self->pipe;
}
