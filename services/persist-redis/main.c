#include <persistbus/worker.h>

#include "redis_backend.h"

int main(int argc, char **argv)
{
    return pbus_worker_main(argc, argv, &redis_backend);
}
