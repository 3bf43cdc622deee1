#include <persistbus/worker.h>

#include "mongo_backend.h"

int main(int argc, char **argv)
{
    return pbus_worker_main(argc, argv, &mongo_backend);
}
