/*
 * The backend table of persist-sqlite: the embedded default, one file, durable, nothing to install.
 */
#ifndef SQLITE_BACKEND_H
#define SQLITE_BACKEND_H

#include <persistbus/backend.h>

extern const pbus_backend_t sqlite_backend;

#endif
