/*
 * Settings: see settings.h.
 */
#include <stdlib.h>
#include <strings.h>
#include "settings.h"

#define KB 1024
#define SECOND INT64_C(1000000000)
#define HOUR (3600 * SECOND)

/* What a request may take when RequestTimeout is 0, so that none stays for ever. */
#define LONGEST (60 * SECOND)

const pbus_option_t settings_options[] = {
    {"Writable.LogLevel", PBUS_OPTION_STRING, "INFO", 0, 0, "TRACE, DEBUG, INFO, WARN or ERROR"},
    {"Writable.PersistData", PBUS_OPTION_BOOL, "true", 0, 0,
     "store events; false: events are checked and published but not stored"},
    {"Writable.Telemetry.Interval", PBUS_OPTION_DURATION, "30s", 0, 24 * HOUR,
     "how often metrics are published on the event stream; 0s: never"},
    {"Writable.Telemetry.Metrics.EventsPersisted", PBUS_OPTION_BOOL, "false", 0, 0, "publish this metric"},
    {"Writable.Telemetry.Metrics.ReadingsPersisted", PBUS_OPTION_BOOL, "false", 0, 0, "publish this metric"},
    {"MaxEventSize", PBUS_OPTION_INT, "25000", 0, 4000000, "largest event that is taken, in KB; 0: no limit"},
    {"Service.Host", PBUS_OPTION_STRING, "localhost", 0, 0,
     "name of this host; bound to unless ServerBindAddr is set"},
    {"Service.ServerBindAddr", PBUS_OPTION_STRING, "", 0, 0, "address to bind; empty: Service.Host"},
    {"Service.Port", PBUS_OPTION_INT, "59880", 0, 65535, "port of the REST API; 0: any free one"},
    {"Service.MaxResultCount", PBUS_OPTION_INT, "1024", 1, 1000000, "largest limit of a query"},
    {"Service.MaxRequestSize", PBUS_OPTION_INT, "0", 0, 4000000,
     "largest body of a POST, in KB; 0: no limit"},
    {"Service.MaxResponseSize", PBUS_OPTION_INT, "65536", 64, 4000000,
     "largest body of an answer, in KB; beyond it a query is refused"},
    {"Service.MaxPendingSize", PBUS_OPTION_INT, "262144", 64, 64000000,
     "memory for all bodies that are being received or answered, in KB"},
    {"Service.RequestTimeout", PBUS_OPTION_DURATION, "5s", 0, HOUR,
     "after which a request is answered 503; 0s: 60s"},
    {"Service.EnableNameFieldEscape", PBUS_OPTION_BOOL, "false", 0, 0,
     "percent-encode all but letters and digits of names in topics"},
    {"Service.Threads", PBUS_OPTION_INT, "4", 1, SETTINGS_THREADS_MAX, "threads that serve HTTP"},
    {"Service.MaxConnections", PBUS_OPTION_INT, "4096", 1, 1000000, "HTTP connections at once"},
    {"Service.IdleTimeout", PBUS_OPTION_DURATION, "60s", SECOND, HOUR,
     "after which a silent connection is closed"},
    {"Service.CORSConfiguration.EnableCORS", PBUS_OPTION_BOOL, "false", 0, 0, "answer cross-origin requests"},
    {"Service.CORSConfiguration.CORSAllowCredentials", PBUS_OPTION_BOOL, "false", 0, 0, ""},
    {"Service.CORSConfiguration.CORSAllowedOrigin", PBUS_OPTION_STRING, "https://localhost", 0, 0, ""},
    {"Service.CORSConfiguration.CORSAllowedMethods", PBUS_OPTION_STRING, "GET, POST, PUT, PATCH, DELETE", 0,
     0, ""},
    {"Service.CORSConfiguration.CORSAllowedHeaders", PBUS_OPTION_STRING,
     "Authorization, Accept, Accept-Language, Content-Language, Content-Type, X-Correlation-ID", 0, 0, ""},
    {"Service.CORSConfiguration.CORSExposeHeaders", PBUS_OPTION_STRING,
     "Cache-Control, Content-Language, Content-Length, Content-Type, Expires, Last-Modified, Pragma, "
     "X-Correlation-ID",
     0, 0, ""},
    {"Service.CORSConfiguration.CORSMaxAge", PBUS_OPTION_INT, "3600", 0, 31536000,
     "s that a preflight answer holds"},
    {"SecretStore.File", PBUS_OPTION_STRING, "var/secrets.json", 0, 0,
     "where secrets are stored, readable by the owner alone"},
    {.key = NULL},
};

/* A variable alone in EdgeX as well, without a key. */
static bool s_optimizes(void)
{
    const char *text = getenv("EDGEX_OPTIMIZE_EVENT_PAYLOAD");
    return text && strcasecmp(text, "true") == 0;
}

static void s_read_cors(settings_t *self, const pbus_config_t *config)
{
#define CORS "Service.CORSConfiguration."
    self->cors.enabled = pbus_config_bool(config, CORS "EnableCORS");
    self->cors.credentials = pbus_config_bool(config, CORS "CORSAllowCredentials");
    self->cors.origin = pbus_config_string(config, CORS "CORSAllowedOrigin");
    self->cors.methods = pbus_config_string(config, CORS "CORSAllowedMethods");
    self->cors.headers = pbus_config_string(config, CORS "CORSAllowedHeaders");
    self->cors.expose = pbus_config_string(config, CORS "CORSExposeHeaders");
    self->cors.max_age = (uint32_t) pbus_config_int(config, CORS "CORSMaxAge");
}

settings_t settings_read(const pbus_config_t *config)
{
    settings_t self = {0};
    const char *address = pbus_config_string(config, "Service.ServerBindAddr");
    int64_t timeout = pbus_config_duration(config, "Service.RequestTimeout");
    self.host = *address ? address : pbus_config_string(config, "Service.Host");
    self.port = (uint16_t) pbus_config_int(config, "Service.Port");
    self.threads = (unsigned) pbus_config_int(config, "Service.Threads");
    self.max_connections = (unsigned) pbus_config_int(config, "Service.MaxConnections");
    self.idle_timeout = (unsigned) (pbus_config_duration(config, "Service.IdleTimeout") / SECOND);
    self.max_event_size = (uint64_t) pbus_config_int(config, "MaxEventSize") * KB;
    self.max_request_size = (uint64_t) pbus_config_int(config, "Service.MaxRequestSize") * KB;
    self.max_response_size = (uint64_t) pbus_config_int(config, "Service.MaxResponseSize") * KB;
    self.max_pending_size = (uint64_t) pbus_config_int(config, "Service.MaxPendingSize") * KB;
    self.max_result_count = (uint32_t) pbus_config_int(config, "Service.MaxResultCount");
    self.request_timeout = timeout ? timeout : LONGEST;
    self.escape_names = pbus_config_bool(config, "Service.EnableNameFieldEscape");
    self.optimize = s_optimizes();
    self.secret_file = pbus_config_string(config, "SecretStore.File");
    s_read_cors(&self, config);
    return self;
}
