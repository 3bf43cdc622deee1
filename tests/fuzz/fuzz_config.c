/*
 * libFuzzer target: bytes as a configuration file, for a table with options of every type. Loading must not
 * crash; loading the same again must give the same outcome, and a reload of it must find nothing changed.
 *
 *     make fuzz T=config
 *
 * An input that once failed is kept in crashes/config.
 */
#include <persistbus/config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const pbus_option_t s_options[] = {
    {"S.S", PBUS_OPTION_STRING, "s", 0, 0, "string"},
    {"S.I", PBUS_OPTION_INT, "0", 0, 0, "integer"},
    {"S.P", PBUS_OPTION_INT, "1", 1, 65535, "integer within bounds"},
    {"S.D", PBUS_OPTION_DURATION, "1s", 0, 0, "duration"},
    {"S.B", PBUS_OPTION_BOOL, "true", 0, 0, "bool"},
    {"Writable.L", PBUS_OPTION_LIST, "a,b", 0, 0, "list"},
    {NULL, PBUS_OPTION_STRING, NULL, 0, 0, NULL},
};

static void s_require(bool condition)
{
    if (!condition)
        abort();
}

static void s_try(const char *path, pbus_log_t *log)
{
    static const pbus_option_t *const tables[] = {s_options};
    pbus_config_t *config = pbus_config_new(tables, 1, log);
    pbus_error_t error;
    bool changed;
    s_require(config != NULL);
    pbus_status_t status = pbus_config_load(config, path, &error);
    if (status == PBUS_OK)
        s_require(pbus_config_reload(config, &changed, &error) == PBUS_OK && !changed);
    else
        s_require(error.status == status && strlen(error.text) > 0 && !strchr(error.text, '\n'));
    s_require(pbus_config_load(config, path, &error) == status);
    s_require(strlen(pbus_config_string(config, "S.S")) < SIZE_MAX);
    s_require(pbus_config_int(config, "S.P") >= 1 && pbus_config_int(config, "S.P") <= 65535);
    pbus_config_destroy(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("config", MFD_CLOEXEC);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    pbus_log_t *log = pbus_log_new("fuzz"); /* so that the texts of warnings are made, too */
    if (fd >= 0 && log && write(fd, data, size) == (ssize_t) size) {
        pbus_log_set_fd(log, -1);
        s_try(path, log);
    }
    pbus_log_destroy(&log);
    close(fd);
    return 0;
}
