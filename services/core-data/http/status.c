/*
 * Status: see status.h.
 */
#include "status.h"

unsigned status_http(pbus_status_t status)
{
    switch (status) {
    case PBUS_OK:
        return 200;
    case PBUS_INVALID:
        return 400;
    case PBUS_NOT_FOUND:
        return 404;
    case PBUS_CONFLICT:
        return 409;
    case PBUS_UNAVAILABLE:
    case PBUS_FULL:
    case PBUS_TIMEOUT:
    case PBUS_NOMEM:
        return 503;
    case PBUS_UNSUPPORTED:
    case PBUS_OVERFLOW:
    case PBUS_INTERNAL:
        break;
    }
    return 500;
}

bool status_is_temporary(pbus_status_t status)
{
    return status_http(status) == 503;
}
