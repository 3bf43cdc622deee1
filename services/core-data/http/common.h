/*
 * Common: bodies of the routes that every EdgeX service has (EdgeX core-data API v3, section 10), and of the
 * state of persistence groups.
 */
#ifndef CORE_DATA_COMMON_H
#define CORE_DATA_COMMON_H

#include "service.h"

/* now: ns since the epoch. */
void common_ping(pbus_buf_t *out, int64_t now);
void common_version(pbus_buf_t *out);
void common_config(pbus_buf_t *out, service_t *service);

/* groups: the dispatcher's JSON array. False when it is no JSON. */
bool common_groups(pbus_buf_t *out, pbus_str_t groups, const service_t *service);

/* lacks: what a group that was promoted to LIVE does not have; a text, may be empty. */
void common_promoted(pbus_buf_t *out, pbus_str_t lacks);

/*
 * The configuration as JSON, keys nested as in the file. Passwords, tokens and the like, and those inside of
 * URLs, are replaced by "[redacted]". tables as pbus_config_new.
 */
void common_config_json(pbus_buf_t *out, const pbus_config_t *config, const pbus_option_t *const *tables,
                        size_t count);

#endif
