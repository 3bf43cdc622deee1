/*
 * libFuzzer target: bytes as what people write to deploy modules. The first byte says as what: a template,
 * whose manifest must be the same when it is made again; a .env file; a manifest. Whatever is refused must be
 * told.
 *
 *     make fuzz T=deploy
 *
 * An input that once failed is kept in crashes/deploy.
 */
#include <stdlib.h>
#include <string.h>
#include "manifest.h"
#include "schema.h"
#include "template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void s_require(bool condition)
{
    if (!condition)
        abort();
}

static void s_try_template(const jsonfile_t *file, problems_t *problems)
{
    static const char env[] = "A=one\nB='\"'\n";
    pbus_buf_t first = {0}, second = {0};
    envfile_t *envfile = envfile_parse(".env", env, sizeof env - 1, problems);
    template_t template = {.path = "nowhere/t.json", .platform = "amd64", .envfile = envfile};
    bool right = template_render_file(&template, file, &first, problems);
    s_require(right == (problems_errors(problems) == 0));
    if (right) {
        s_require(template_render_file(&template, file, &second, problems));
        s_require(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    }
    pbus_buf_clear(&first);
    pbus_buf_clear(&second);
    envfile_destroy(&envfile);
}

static void s_try_manifest(const jsonfile_t *file, problems_t *problems)
{
    schema_t *schema = schema_new("manifest", NULL);
    s_require(schema != NULL);
    bool right = schema_check(schema, file, problems);
    s_require(right == (problems_errors(problems) == 0));
    manifest_t *manifest = manifest_new(file, problems);
    s_require(manifest || problems_errors(problems) > 0);
    manifest_destroy(&manifest);
    schema_destroy(&schema);
}

static void s_try_env(const uint8_t *data, size_t size, problems_t *problems)
{
    envfile_t *envfile = envfile_parse(".env", data, size, problems);
    s_require((envfile == NULL) == (problems_errors(problems) > 0));
    envfile_destroy(&envfile);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    problems_t *problems = problems_new();
    char kind = size ? (char) *data : 'e';
    data += size > 0;
    size -= size > 0;
    s_require(problems != NULL);
    if (kind == 'e')
        s_try_env(data, size, problems);
    else {
        jsonfile_t *file = jsonfile_parse("t.json", data, size, problems);
        s_require((file == NULL) == (problems_errors(problems) > 0));
        if (file && kind == 't')
            s_try_template(file, problems);
        else if (file)
            s_try_manifest(file, problems);
        jsonfile_destroy(&file);
    }
    problems_destroy(&problems);
    return 0;
}
