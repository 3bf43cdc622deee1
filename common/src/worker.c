#include <persistbus/worker.h>
#include <persistbus/version.h>

#include "link.h"

#include <czmq.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

typedef struct {
    const char *config_path;
    bool help;
    bool version;
} s_args_t;

static pbus_status_t s_parse(int argc, char **argv, s_args_t *args, pbus_error_t *error)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'v'},
                                            {NULL, 0, NULL, 0}};
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (option == 'c')
            args->config_path = optarg;
        else if (option == 'h')
            args->help = true;
        else if (option == 'v')
            args->version = true;
        else
            return pbus_fail(error, PBUS_INVALID, "argument '%s' is not known or lacks its value: see --help",
                             argv[optind - 1]);
    }
    if (optind < argc)
        return pbus_fail(error, PBUS_INVALID, "argument '%s' is not known: see --help", argv[optind]);
    return PBUS_OK;
}

static int s_help(const pbus_backend_t *backend, const pbus_config_t *config)
{
    pbus_buf_t text = {0};
    pbus_config_help(config, &text);
    printf("persist-%s: keeps EdgeX events that core-data sends over the bus, in %s.\n\n"
           "usage: persist-%s [--config FILE] [--help] [--version]\n\n",
           backend->name, backend->name, backend->name);
    if (text.size)
        fwrite(text.data, 1, text.size, stdout);
    pbus_buf_clear(&text);
    return 0;
}

/* Signals are taken by a descriptor, so that they are an event like others; blocked before any thread starts.
 */
static int s_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
        return -1;
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

static pbus_status_t s_configure(pbus_config_t *config, pbus_log_t *log, const char *path,
                                 pbus_error_t *error)
{
    pbus_status_t status = pbus_config_load(config, path, error);
    if (status != PBUS_OK)
        return status;
    const char *level = pbus_config_string(config, "Writable.LogLevel");
    if (!pbus_log_set_level(log, level))
        return pbus_fail(error, PBUS_INVALID,
                         "Writable.LogLevel: '%s' is no level: use TRACE, DEBUG, INFO, WARN, ERROR", level);
    return PBUS_OK;
}

static pbus_status_t s_serve(const pbus_backend_t *backend, pbus_config_t *config, pbus_log_t *log,
                             pbus_error_t *error)
{
    int signals = s_signals();
    if (signals < 0)
        return pbus_fail(error, PBUS_INTERNAL, "can't take signals: %s", strerror(errno));
    zsys_handler_set(NULL); /* czmq leaves signals to us */
    pbus_link_t *link = pbus_link_new(backend, config, log, error);
    pbus_status_t status = link ? pbus_link_run(link, signals, error) : error->status;
    if (status == PBUS_TIMEOUT) {
        pbus_log_error(log, "%s", error->text);
        _exit(1); /* a lane hangs in its backend: nothing can be joined or freed */
    }
    pbus_link_destroy(&link);
    close(signals);
    return status;
}

/* Of a table of another version only abi, name and version are where they are expected. */
static bool s_fits(const pbus_backend_t *backend)
{
    if (backend->abi == PBUS_BACKEND_ABI)
        return true;
    fprintf(stderr,
            "persist-%s: the backend's table is of version %u, libpersistbus %s takes version %d: %s\n",
            backend->name, (unsigned) backend->abi, PBUS_VERSION, PBUS_BACKEND_ABI,
            backend->abi < PBUS_BACKEND_ABI
                ? "build the backend again, with this library's headers"
                : "install the library that the backend was built with, or a later one");
    return false;
}

static pbus_status_t s_run(const pbus_backend_t *backend, pbus_config_t *config, pbus_log_t *log,
                           const s_args_t *args, pbus_error_t *error)
{
    pbus_status_t status = s_configure(config, log, args->config_path, error);
    return status == PBUS_OK ? s_serve(backend, config, log, error) : status;
}

int pbus_worker_main(int argc, char **argv, const pbus_backend_t *backend)
{
    if (!s_fits(backend))
        return 1;
    char name[64];
    snprintf(name, sizeof name, "persist-%s", backend->name);
    s_args_t args = {0};
    pbus_error_t error = {0};
    if (s_parse(argc, argv, &args, &error) != PBUS_OK) {
        fprintf(stderr, "%s: %s\n", name, error.text);
        return 1;
    }
    if (args.version) {
        printf("%s %s (persistbus %s, protocol %d.%d)\n", name, backend->version, PBUS_VERSION,
               PBUS_PROTOCOL_MAJOR, PBUS_PROTOCOL_MINOR);
        return 0;
    }

    const pbus_option_t *tables[] = {pbus_worker_options, backend->options};
    pbus_log_t *log = pbus_log_new(name);
    pbus_config_t *config = log ? pbus_config_new(tables, backend->options ? 2 : 1, log) : NULL;
    int exit_status = 1;
    if (!config)
        fprintf(stderr, "%s: out of memory, or a default of an option is not valid\n", name);
    else if (args.help)
        exit_status = s_help(backend, config);
    else if (s_run(backend, config, log, &args, &error) == PBUS_OK)
        exit_status = 0;
    else
        pbus_log_error(log, "%s", error.text);
    pbus_config_destroy(&config);
    pbus_log_destroy(&log);
    return exit_status;
}
