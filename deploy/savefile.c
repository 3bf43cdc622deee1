#include "savefile.h"

#include <errno.h>
#include <string.h>
#include "replace.h"

bool savefile(const char *path, const void *data, size_t size, problems_t *problems)
{
    if (pbus_replace_file(path, 0755, data, size))
        return true;
    problems_error(problems, path, "can't be written: %s", strerror(errno));
    return false;
}
