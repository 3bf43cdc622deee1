/*
 * The backend's table: what persist-mongo's main hands to the SDK.
 */
#ifndef PERSIST_MONGO_BACKEND_H
#define PERSIST_MONGO_BACKEND_H

#include <persistbus/backend.h>

extern const pbus_backend_t mongo_backend;

#endif
