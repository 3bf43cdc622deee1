#include <persistbus/worker.h>

#include "sqlite_backend.h"

int main(int argc, char **argv)
{
    return pbus_worker_main(argc, argv, &sqlite_backend);
}
