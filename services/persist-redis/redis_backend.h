/*
 * persist-redis' table of functions.
 */
#ifndef REDIS_BACKEND_H
#define REDIS_BACKEND_H

#include <persistbus/backend.h>

extern const pbus_backend_t redis_backend;

#endif
