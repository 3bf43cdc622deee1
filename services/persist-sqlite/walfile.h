/*
 * WAL file: an SQLite VFS that gathers the writes to a write-ahead log.
 *
 * SQLite writes each page of a commit to the log by two system calls, and the pages of a commit lie one
 * behind the other. Gathered, they are one write; measured with batches of 30 events, that is a quarter of
 * all processor time of a commit.
 *
 * Why this is safe: with synchronous=FULL SQLite syncs the log before it tells anyone, through the shared
 * index, that frames are there. What was gathered is written before each sync, read, truncation and size of
 * the log, and an error of that write is the error of that call. So the file is never behind what SQLite has
 * been told is in it, and other connections never look for frames that are only gathered. With
 * cache_spill=OFF frames are written in a commit only, so nothing is left gathered when the commit has ended
 * in any way, and nothing old can be written over frames that another process added since. A connection that
 * uses this has to have both settings.
 */
#ifndef WALFILE_H
#define WALFILE_H

#include <persistbus/types.h>

/* The name to give sqlite3_open_v2 as the VFS, registered at the first call; NULL if that is not possible. */
const char *walfile_vfs(void);

#endif
