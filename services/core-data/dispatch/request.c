#include "request.h"

#include <stdlib.h>

request_t *request_new(request_kind_t kind)
{
    request_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->kind = kind;
    self->origin_min = INT64_MIN;
    self->origin_max = INT64_MAX;
    return self;
}

void request_destroy(request_t **self_p)
{
    request_t *self = *self_p;
    if (!self)
        return;
    pbus_buf_clear(&self->event);
    pbus_buf_clear(&self->ask);
    pbus_buf_clear(&self->stream_topic);
    pbus_buf_clear(&self->stream_message);
    request_clear_answer(self);
    free(self->device);
    free(self->source);
    free(self->target);
    free(self->source_group);
    free(self->worker);
    pbus_buf_clear(&self->batch);
    free(self);
    *self_p = NULL;
}

void request_set_answer(request_t *self, zframe_t **frame_p)
{
    request_clear_answer(self);
    self->answer_frame = *frame_p;
    *frame_p = NULL;
    self->answer = self->answer_frame ? zframe_data(self->answer_frame) : NULL;
    self->answer_size = self->answer_frame ? zframe_size(self->answer_frame) : 0;
}

void request_clear_answer(request_t *self)
{
    zframe_destroy(&self->answer_frame);
    self->answer = NULL;
    self->answer_size = 0;
}

size_t request_bytes(const request_t *self)
{
    return sizeof *self + self->event.capacity + self->ask.capacity + self->stream_topic.capacity +
           self->stream_message.capacity + self->batch.capacity;
}
