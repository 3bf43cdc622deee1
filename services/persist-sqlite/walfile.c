#include "walfile.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

/* Bytes gathered at most: SQLite's own VFS for Unix cannot write 128 KiB or more at once. */
#define GATHER_MAX (124 * 1024)

/* Our part of an open log; the real VFS's part follows it. */
typedef struct {
    sqlite3_file base;
    sqlite3_file *real;
    uint8_t *data; /* gathered, to be written at `start` */
    int size;
    sqlite3_int64 start;
} walfile_t;

/* SQLite keeps a list of VFSs for the whole process; this is our entry. */
static sqlite3_vfs s_vfs;
static sqlite3_vfs *s_real_vfs;
static pthread_once_t s_once = PTHREAD_ONCE_INIT;
static bool s_registered;

static walfile_t *s_walfile(sqlite3_file *file)
{
    return (walfile_t *) file;
}

static int s_flush(walfile_t *self)
{
    int size = self->size;
    self->size = 0;
    return size > 0 ? self->real->pMethods->xWrite(self->real, self->data, size, self->start) : SQLITE_OK;
}

/* ---- methods ---------------------------------------------------------------------------------------------
 */

static int s_close(sqlite3_file *file)
{
    walfile_t *self = s_walfile(file);
    s_flush(self); /* of nothing, see walfile.h */
    free(self->data);
    self->data = NULL;
    return self->real->pMethods->xClose(self->real);
}

static int s_read(sqlite3_file *file, void *data, int size, sqlite3_int64 at)
{
    walfile_t *self = s_walfile(file);
    int code = s_flush(self);
    return code == SQLITE_OK ? self->real->pMethods->xRead(self->real, data, size, at) : code;
}

static int s_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 at)
{
    walfile_t *self = s_walfile(file);
    bool follows = self->size > 0 && at == self->start + self->size && size <= GATHER_MAX - self->size;
    if (!follows) {
        int code = s_flush(self);
        if (code != SQLITE_OK || size > GATHER_MAX)
            return code != SQLITE_OK ? code : self->real->pMethods->xWrite(self->real, data, size, at);
        self->start = at;
    }
    memcpy(self->data + self->size, data, (size_t) size);
    self->size += size;
    return SQLITE_OK;
}

static int s_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    walfile_t *self = s_walfile(file);
    int code = s_flush(self);
    return code == SQLITE_OK ? self->real->pMethods->xTruncate(self->real, size) : code;
}

static int s_sync(sqlite3_file *file, int flags)
{
    walfile_t *self = s_walfile(file);
    int code = s_flush(self);
    return code == SQLITE_OK ? self->real->pMethods->xSync(self->real, flags) : code;
}

static int s_size(sqlite3_file *file, sqlite3_int64 *size)
{
    walfile_t *self = s_walfile(file);
    int code = s_flush(self);
    return code == SQLITE_OK ? self->real->pMethods->xFileSize(self->real, size) : code;
}

static int s_lock(sqlite3_file *file, int lock)
{
    return s_walfile(file)->real->pMethods->xLock(s_walfile(file)->real, lock);
}

static int s_unlock(sqlite3_file *file, int lock)
{
    return s_walfile(file)->real->pMethods->xUnlock(s_walfile(file)->real, lock);
}

static int s_check_lock(sqlite3_file *file, int *locked)
{
    return s_walfile(file)->real->pMethods->xCheckReservedLock(s_walfile(file)->real, locked);
}

static int s_control(sqlite3_file *file, int what, void *argument)
{
    walfile_t *self = s_walfile(file);
    int code = s_flush(self);
    return code == SQLITE_OK ? self->real->pMethods->xFileControl(self->real, what, argument) : code;
}

static int s_sector_size(sqlite3_file *file)
{
    return s_walfile(file)->real->pMethods->xSectorSize(s_walfile(file)->real);
}

static int s_characteristics(sqlite3_file *file)
{
    return s_walfile(file)->real->pMethods->xDeviceCharacteristics(s_walfile(file)->real);
}

static const sqlite3_io_methods s_methods = {
    .iVersion = 1,
    .xClose = s_close,
    .xRead = s_read,
    .xWrite = s_write,
    .xTruncate = s_truncate,
    .xSync = s_sync,
    .xFileSize = s_size,
    .xLock = s_lock,
    .xUnlock = s_unlock,
    .xCheckReservedLock = s_check_lock,
    .xFileControl = s_control,
    .xSectorSize = s_sector_size,
    .xDeviceCharacteristics = s_characteristics,
};

/* ---- the VFS ---------------------------------------------------------------------------------------------
 */

static int s_open_wal(sqlite3_filename name, walfile_t *self, int flags, int *out_flags)
{
    *self = (walfile_t){.real = (sqlite3_file *) (self + 1)};
    self->real->pMethods = NULL;
    self->data = malloc(GATHER_MAX);
    if (!self->data)
        return SQLITE_NOMEM;
    int code = s_real_vfs->xOpen(s_real_vfs, name, self->real, flags, out_flags);
    if (code == SQLITE_OK)
        self->base.pMethods = &s_methods;
    else
        free(self->data);
    return code;
}

/* Everything but a log is the real VFS's own. */
static int s_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *out_flags)
{
    (void) vfs;
    file->pMethods = NULL;
    if (flags & SQLITE_OPEN_WAL)
        return s_open_wal(name, s_walfile(file), flags, out_flags);
    return s_real_vfs->xOpen(s_real_vfs, name, file, flags, out_flags);
}

static void s_register(void)
{
    s_real_vfs = sqlite3_vfs_find(NULL);
    if (!s_real_vfs)
        return;
    s_vfs = *s_real_vfs;
    s_vfs.pNext = NULL;
    s_vfs.zName = "persistbus";
    s_vfs.szOsFile = (int) sizeof(walfile_t) + s_real_vfs->szOsFile;
    s_vfs.xOpen = s_open;
    s_registered = sqlite3_vfs_register(&s_vfs, 0) == SQLITE_OK;
}

const char *walfile_vfs(void)
{
    pthread_once(&s_once, s_register);
    return s_registered ? s_vfs.zName : NULL;
}
