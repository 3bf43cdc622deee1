/*
 * Settings: the configuration of the HTTP side, read once at the start. What `Writable` has is not here, as
 * it may change while the service runs (service.h).
 */
#ifndef CORE_DATA_SETTINGS_H
#define CORE_DATA_SETTINGS_H

#include <persistbus/config.h>

/* Options of the sections Service, SecretStore and Writable, and MaxEventSize. */
extern const pbus_option_t settings_options[];

/* Strings belong to the configuration. Sizes in bytes, 0: no limit. */
#define SETTINGS_THREADS_MAX 64

typedef struct {
    const char *host;
    uint16_t port;    /* 0: any free one */
    unsigned threads; /* 1 to SETTINGS_THREADS_MAX */
    unsigned max_connections;
    unsigned idle_timeout; /* s */
    uint64_t max_event_size;
    uint64_t max_request_size;
    uint64_t max_response_size;
    uint64_t max_pending_size; /* of all bodies together that have come and are not answered */
    uint32_t max_result_count;
    int64_t request_timeout; /* ns */
    bool escape_names;
    bool optimize; /* events without what their readings need not say */
    const char *secret_file;
    struct {
        bool enabled;
        bool credentials;
        const char *origin;
        const char *methods;
        const char *headers;
        const char *expose;
        uint32_t max_age; /* s */
    } cors;
} settings_t;

settings_t settings_read(const pbus_config_t *config);

#endif
