/* libpersistbus: everything a persistence service needs. */
#ifndef PERSISTBUS_H
#define PERSISTBUS_H

#include <persistbus/types.h>
#include <persistbus/event.h>
#include <persistbus/query.h>
#include <persistbus/log.h>
#include <persistbus/config.h>
#include <persistbus/metrics.h>
#include <persistbus/backend.h>
#include <persistbus/worker.h>
#include <persistbus/version.h>

#endif
