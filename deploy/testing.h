/*
 * What the unit tests of deploy/ share: a list of problems that is looked into, and files in a folder of
 * their own.
 */
#ifndef DEPLOY_TESTING_H
#define DEPLOY_TESTING_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "jsonfile.h"

/* Fails, and shows all lines, unless there is one of that kind that holds the text. */
static inline void expect_line(const problems_t *problems, bool is_error, const char *text)
{
    const char *line;
    bool kind;
    for (size_t i = 0; (line = problems_line(problems, i, &kind)) != NULL; i++)
        if (kind == is_error && strstr(line, text))
            return;
    problems_print(problems, "told", stderr);
    fail_msg("no %s holds '%s'", is_error ? "error" : "warning", text);
}

static inline void expect_counts(const problems_t *problems, size_t errors, size_t warnings)
{
    if (problems_errors(problems) != errors || problems_warnings(problems) != warnings)
        problems_print(problems, "told", stderr);
    assert_int_equal(problems_errors(problems), errors);
    assert_int_equal(problems_warnings(problems), warnings);
}

static inline jsonfile_t *parse_text(const char *text, problems_t *problems)
{
    return jsonfile_parse("doc.json", text, strlen(text), problems);
}

/* A new folder under /tmp; free it with remove_folder. */
static inline char *make_folder(void)
{
    char *folder = strdup("/tmp/deploy-test-XXXXXX");
    assert_non_null(folder);
    assert_non_null(mkdtemp(folder));
    return folder;
}

static inline void remove_folder(char **folder_p)
{
    char command[256];
    snprintf(command, sizeof command, "rm -rf '%s'", *folder_p);
    assert_int_equal(system(command), 0);
    free(*folder_p);
    *folder_p = NULL;
}

/* Writes folder/name, creating the folders in between. Returns its path, which the caller frees. */
static inline char *write_file(const char *folder, const char *name, const char *text)
{
    char *path;
    assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
    for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')) != NULL; *slash++ = '/') {
        *slash = 0;
        mkdir(path, 0755);
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return path;
}

#endif
