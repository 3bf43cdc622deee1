/*
 * persist-postgres: keeps events in PostgreSQL. All but the backend itself is the SDK's.
 */
#include "pg_store.h"

#include <persistbus/worker.h>

int main(int argc, char **argv)
{
    return pbus_worker_main(argc, argv, &pg_backend);
}
