/*
 * Expand: see expand.h.
 */
#include <stdlib.h>
#include <string.h>
#include "expand.h"

static bool s_variable(const expand_t *self, const char *name, bool braces, const place_t *place,
                       pbus_buf_t *out)
{
    const char *value = variable_get(self->envfile, name);
    if (value)
        pbus_buf_puts(out, value);
    else if (self->keep_lower && !braces && *name >= 'a' && *name <= 'z')
        pbus_buf_printf(out, "$%s", name);
    else {
        jsonfile_error(
            self->file, place, self->problems,
            "the variable %s is not defined: set it in the environment or in the .env file (-e), or write "
            "$$ for a dollar",
            name);
        return false;
    }
    return true;
}

/* The words between the braces. */
static bool s_braced(expand_t *self, const char *words, const place_t *place, pbus_buf_t *out)
{
    size_t length = variable_name_length(words);
    if (length && !words[length])
        return s_variable(self, words, true, place, out);
    if (self->special)
        return self->special(self, words, place, out);
    jsonfile_error(self->file, place, self->problems,
                   "${%s} is no variable: names have letters, digits and _; write $$ for a dollar", words);
    return false;
}

/* What stands at the dollar at; moves *at behind it. */
static bool s_one(expand_t *self, const char **at, const place_t *place, pbus_buf_t *out)
{
    const char *word = *at + 1;
    bool braces = *word == '{';
    size_t length = braces ? strcspn(++word, "}") : variable_name_length(word);
    *at = word + length + braces;
    if (braces && !word[length]) {
        *at = word + length;
        jsonfile_error(self->file, place, self->problems,
                       "has ${ without a }: add it, or write $$ for a dollar");
        return false;
    }
    if (!braces && !length) {
        pbus_buf_puts(out, "$");
        *at += *word == '$';
        return true;
    }
    char *words = strndup(word, length);
    if (!words) {
        jsonfile_error(self->file, place, self->problems, "memory is out");
        return false;
    }
    bool right = braces ? s_braced(self, words, place, out) : s_variable(self, words, false, place, out);
    free(words);
    return right;
}

bool expand_text(expand_t *self, const char *text, const place_t *place, pbus_buf_t *out)
{
    bool right = true;
    while (*text) {
        size_t plain = strcspn(text, "$");
        pbus_buf_append(out, text, plain);
        text += plain;
        if (*text)
            right &= s_one(self, &text, place, out);
    }
    pbus_buf_append(out, "", 1);
    if (out->failed)
        jsonfile_error(self->file, place, self->problems, "memory is out");
    return right && !out->failed;
}
