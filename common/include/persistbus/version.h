#ifndef PERSISTBUS_VERSION_H
#define PERSISTBUS_VERSION_H

#define PBUS_VERSION "0.1.0"

/* Bus protocol: peers of another major version are refused, a lower minor is served. */
#define PBUS_PROTOCOL_MAJOR 1
#define PBUS_PROTOCOL_MINOR 1

#endif
