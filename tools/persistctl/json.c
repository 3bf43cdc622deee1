/*
 * JSON: see json.h.
 */
#include <stdlib.h>
#include <string.h>
#include "json.h"
#include "say.h"

const char *json_text(yyjson_val *object, const char *key)
{
    const char *text = yyjson_get_str(yyjson_obj_get(object, key));
    return text ? text : "";
}

bool json_is_true(yyjson_val *object, const char *key)
{
    return yyjson_get_bool(yyjson_obj_get(object, key));
}

double json_real(yyjson_val *object, const char *key)
{
    return yyjson_get_num(yyjson_obj_get(object, key));
}

uint64_t json_count(yyjson_val *object, const char *key)
{
    yyjson_val *value = yyjson_obj_get(object, key);
    if (yyjson_is_uint(value))
        return yyjson_get_uint(value);
    double real = yyjson_get_num(value);
    return real <= 0 ? 0 : real >= 18e18 ? UINT64_MAX : (uint64_t) real;
}

yyjson_val *json_find(yyjson_val *array, const char *key, const char *text)
{
    yyjson_arr_iter iter = yyjson_arr_iter_with(array);
    yyjson_val *item;
    while ((item = yyjson_arr_iter_next(&iter)))
        if (!strcmp(json_text(item, key), text))
            return item;
    return NULL;
}

static bool s_print(FILE *out, yyjson_val *value, yyjson_write_flag flags)
{
    char *text = yyjson_val_write_opts(value, flags, NULL, NULL, NULL);
    if (!text) {
        say("memory is out, or what core-data says is no JSON");
        return false;
    }
    fputs(text, out);
    fputc('\n', out);
    fflush(out);
    free(text);
    return true;
}

bool json_print(FILE *out, yyjson_val *value)
{
    return s_print(out, value, YYJSON_WRITE_PRETTY_TWO_SPACES);
}

bool json_print_line(FILE *out, yyjson_val *value)
{
    return s_print(out, value, YYJSON_WRITE_NOFLAG);
}
