/*
 * Value: see value.h. Arrays are checked as EdgeX does it: the first and the last byte are dropped, whatever
 * they are, and what lies between commas is trimmed and checked like a scalar; the text itself is kept.
 */
#include <string.h>
#include <strings.h>
#include "json_text.h"
#include "value.h"

typedef enum { KIND_OTHER, KIND_TEXT, KIND_BOOL, KIND_UINT, KIND_INT, KIND_FLOAT } kind_t;

typedef struct {
    kind_t kind;
    int bits;
    bool array;
} trait_t;

static const trait_t traits[] = {
    [PBUS_BOOL] = {KIND_BOOL, 1, false},
    [PBUS_STRING] = {KIND_TEXT, 0, false},
    [PBUS_UINT8] = {KIND_UINT, 8, false},
    [PBUS_UINT16] = {KIND_UINT, 16, false},
    [PBUS_UINT32] = {KIND_UINT, 32, false},
    [PBUS_UINT64] = {KIND_UINT, 64, false},
    [PBUS_INT8] = {KIND_INT, 8, false},
    [PBUS_INT16] = {KIND_INT, 16, false},
    [PBUS_INT32] = {KIND_INT, 32, false},
    [PBUS_INT64] = {KIND_INT, 64, false},
    [PBUS_FLOAT32] = {KIND_FLOAT, 32, false},
    [PBUS_FLOAT64] = {KIND_FLOAT, 64, false},
    [PBUS_BINARY] = {KIND_OTHER, 0, false},
    [PBUS_OBJECT] = {KIND_OTHER, 0, false},
    [PBUS_OBJECT_ARRAY] = {KIND_OTHER, 0, true},
    [PBUS_BOOL_ARRAY] = {KIND_BOOL, 1, true},
    [PBUS_STRING_ARRAY] = {KIND_TEXT, 0, true},
    [PBUS_UINT8_ARRAY] = {KIND_UINT, 8, true},
    [PBUS_UINT16_ARRAY] = {KIND_UINT, 16, true},
    [PBUS_UINT32_ARRAY] = {KIND_UINT, 32, true},
    [PBUS_UINT64_ARRAY] = {KIND_UINT, 64, true},
    [PBUS_INT8_ARRAY] = {KIND_INT, 8, true},
    [PBUS_INT16_ARRAY] = {KIND_INT, 16, true},
    [PBUS_INT32_ARRAY] = {KIND_INT, 32, true},
    [PBUS_INT64_ARRAY] = {KIND_INT, 64, true},
    [PBUS_FLOAT32_ARRAY] = {KIND_FLOAT, 32, true},
    [PBUS_FLOAT64_ARRAY] = {KIND_FLOAT, 64, true},
};

static trait_t s_trait(pbus_type_t type)
{
    size_t index = (size_t) type;
    return index < sizeof traits / sizeof *traits ? traits[index] : (trait_t){KIND_OTHER, 0, false};
}

bool value_is_number(pbus_type_t type)
{
    trait_t trait = s_trait(type);
    return !trait.array && trait.kind >= KIND_UINT;
}

bool value_is_number_array(pbus_type_t type)
{
    trait_t trait = s_trait(type);
    return trait.array && trait.kind >= KIND_UINT;
}

/* ---- scalars ---------------------------------------------------------------------------------------- */

static bool s_is_bool(pbus_str_t text)
{
    static const char *const words[] = {"true", "false", "1",    "0",     "t",    "f",
                                        "T",    "F",     "TRUE", "FALSE", "True", "False"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (pbus_str_eq(text, pbus_str(words[i])))
            return true;
    return false;
}

/* Without leading zeros; the last digit stays. */
static pbus_str_t s_unpad(pbus_str_t digits)
{
    while (digits.size > 1 && digits.data[0] == '0') {
        digits.data++;
        digits.size--;
    }
    return digits;
}

static bool s_check_uint(int bits, pbus_str_t text, pbus_str_t *canonical)
{
    uint64_t value;
    *canonical = s_unpad(text);
    return number_uint(*canonical, &value) && (bits == 64 || value >> bits == 0);
}

static bool s_check_int(int bits, pbus_str_t text, char room[NUMBER_TEXT], pbus_str_t *canonical)
{
    bool sign = text.size && (text.data[0] == '-' || text.data[0] == '+');
    pbus_str_t digits = s_unpad((pbus_str_t){text.data + sign, text.size - sign});
    bool negative = sign && text.data[0] == '-' && digits.size && digits.data[0] != '0';
    uint64_t size;
    if (!number_uint(digits, &size) || size > (UINT64_C(1) << (bits - 1)) - !negative)
        return false;
    *canonical = digits;
    if (negative && digits.data == text.data + 1)
        *canonical = text;
    else if (negative) {
        room[0] = '-';
        memcpy(room + 1, digits.data, digits.size);
        *canonical = (pbus_str_t){room, digits.size + 1};
    }
    return true;
}

static bool s_to_float(decimal_t *number, int bits)
{
    return bits == 32 ? decimal_to_float32(number) : decimal_to_float64(number);
}

static bool s_check_float(int bits, pbus_str_t text, char room[NUMBER_TEXT], pbus_str_t *canonical)
{
    decimal_t number;
    if (decimal_parse(&number, text)) {
        if (!s_to_float(&number, bits))
            return false;
        *canonical = (pbus_str_t){room, decimal_write_scientific(&number, room)};
        return true;
    }
    if (pbus_str_eq(text, PBUS_STR("NaN")))
        *canonical = text;
    else if (pbus_str_eq(text, PBUS_STR("Infinity")))
        *canonical = PBUS_STR("+Inf");
    else if (pbus_str_eq(text, PBUS_STR("-Infinity")))
        *canonical = PBUS_STR("-Inf");
    else
        return false;
    return true;
}

static bool s_check_scalar(trait_t trait, pbus_str_t text, char room[NUMBER_TEXT], pbus_str_t *canonical)
{
    switch (trait.kind) {
    case KIND_TEXT:
        *canonical = text;
        return true;
    case KIND_BOOL:
        *canonical = text;
        return s_is_bool(text);
    case KIND_UINT:
        return s_check_uint(trait.bits, text, canonical);
    case KIND_INT:
        return s_check_int(trait.bits, text, room, canonical);
    case KIND_FLOAT:
        return s_check_float(trait.bits, text, room, canonical);
    default:
        return false;
    }
}

/* ---- arrays ----------------------------------------------------------------------------------------- */

static bool s_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static pbus_str_t s_trim(pbus_str_t text)
{
    while (text.size && s_is_space(text.data[0])) {
        text.data++;
        text.size--;
    }
    while (text.size && s_is_space(text.data[text.size - 1]))
        text.size--;
    return text;
}

/* Takes the next item off *rest; false behind the last. *rest has NULL data then. */
static bool s_next_item(pbus_str_t *rest, pbus_str_t *item)
{
    if (!rest->data)
        return false;
    const char *comma = rest->size ? memchr(rest->data, ',', rest->size) : NULL;
    size_t size = comma ? (size_t) (comma - rest->data) : rest->size;
    *item = s_trim((pbus_str_t){rest->data, size});
    *rest = comma ? (pbus_str_t){comma + 1, rest->size - size - 1} : (pbus_str_t){NULL, 0};
    return true;
}

/* In arrays the special numbers may be spelled in any way that EdgeX's parser knows. */
static bool s_is_special(pbus_str_t item)
{
    size_t sign = item.size && (item.data[0] == '+' || item.data[0] == '-');
    const char *word = item.data + sign;
    size_t size = item.size - sign;
    return (size == 3 && sign == 0 && strncasecmp(word, "nan", 3) == 0) ||
           (size == 3 && strncasecmp(word, "inf", 3) == 0) ||
           (size == 8 && strncasecmp(word, "infinity", 8) == 0);
}

static bool s_check_array(trait_t trait, pbus_str_t text)
{
    if (text.size < 2)
        return false;
    if (trait.kind == KIND_TEXT)
        return true;
    char room[NUMBER_TEXT];
    pbus_str_t rest = {text.data + 1, text.size - 2}, item, canonical;
    while (s_next_item(&rest, &item))
        if (!s_check_scalar(trait, item, room, &canonical) &&
            !(trait.kind == KIND_FLOAT && s_is_special(item)))
            return false;
    return true;
}

bool value_check(pbus_type_t type, pbus_str_t text, char room[NUMBER_TEXT], pbus_str_t *canonical)
{
    trait_t trait = s_trait(type);
    if (!trait.array)
        return s_check_scalar(trait, text, room, canonical);
    *canonical = text;
    return trait.kind != KIND_OTHER && s_check_array(trait, text);
}

/* ---- rendering -------------------------------------------------------------------------------------- */

static bool s_write_number(trait_t trait, pbus_str_t text, pbus_buf_t *out)
{
    char room[NUMBER_TEXT];
    pbus_str_t number;
    if (trait.kind == KIND_FLOAT) {
        decimal_t decimal;
        if (!decimal_parse(&decimal, text) || !decimal_to_float64(&decimal))
            return false;
        number = (pbus_str_t){room, decimal_write_json(&decimal, room)};
    } else if (!s_check_scalar(trait, text, room, &number))
        return false;
    pbus_buf_append(out, number.data, number.size);
    return true;
}

static void s_write_array(trait_t trait, pbus_str_t value, pbus_buf_t *out)
{
    size_t start = out->size;
    pbus_str_t rest = {value.data + 1, value.size - 2}, item;
    char before = '[';
    while (s_next_item(&rest, &item)) {
        pbus_buf_append(out, &before, 1);
        before = ',';
        if (s_write_number(trait, item, out))
            continue;
        if (trait.kind != KIND_FLOAT || !s_is_special(item)) {
            out->size = start;
            json_string(out, value);
            return;
        }
        json_string(out, item);
    }
    pbus_buf_append(out, "]", 1);
}

void value_numeric(pbus_type_t type, pbus_str_t value, pbus_buf_t *out)
{
    trait_t trait = s_trait(type);
    if (trait.kind >= KIND_UINT && trait.array && value.size >= 2)
        s_write_array(trait, value, out);
    else if (trait.kind < KIND_UINT || trait.array || !s_write_number(trait, value, out))
        json_string(out, value);
}
