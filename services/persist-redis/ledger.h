/*
 * Ledger: the catalogue as it lies in Redis, a list that is only ever appended to. So a reader catches up by
 * reading what lies behind what it knows, and a writer that saw its end appends only if it is the end still:
 * several workers agree on the numbers of series without a lock.
 *
 *     'S' kind class low high event    a series; its number is its place in the list, from 1. low, high:
 * spread. event: msgpack as on the bus, with the series' names and no values 'W' number low high the spread
 * of a series becomes wider
 *
 * kind and class take a byte, number four, low and high eight each, big-endian.
 */
#ifndef LEDGER_H
#define LEDGER_H

#include <persistbus/series/catalogue.h>

/* Append an entry to out; out->failed tells of missing memory. */
void ledger_write_series(const pbus_series_t *series, pbus_buf_t *out);
void ledger_write_spread(int64_t number, pbus_spread_t spread, pbus_buf_t *out);

/* Takes the entry at this place over into the catalogue. PBUS_INTERNAL if it is none; PBUS_NOMEM. */
pbus_status_t ledger_read(pbus_catalogue_t *catalogue, pbus_decoder_t *decoder, int64_t place,
                          const void *data, size_t size, pbus_error_t *error);

#endif
