#include <persistbus/series/decimal.h>

#define LIMB_DIGITS 9
#define LIMB INT64_C(1000000000)
#define LOWEST (-450) /* exponent of the lowest limb's lowest digit */
#define DIGITS (PBUS_DECIMAL_LIMBS * LIMB_DIGITS)
#define HIGHEST (LOWEST + DIGITS - 1 - LIMB_DIGITS) /* the highest limb takes the carries */
#define ADDED_MAX (1u << 30)                        /* numbers before a limb could overflow */
#define QUOTIENT_DIGITS 40

/* ---- text ------------------------------------------------------------------------------------------------
 */

static bool s_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The digits before the exponent: how many there are before the point, and where they end. */
static bool s_parse_digits(pbus_str_t text, size_t *end, size_t *whole)
{
    size_t at = 0, digits = 0;
    bool point = false;
    for (*whole = 0; at < text.size && (s_is_digit(text.data[at]) || (text.data[at] == '.' && !point));
         at++) {
        point |= text.data[at] == '.';
        digits += text.data[at] != '.';
        *whole += !point;
    }
    *end = at;
    return digits > 0;
}

/* What follows the digits: nothing, or e and a whole number of at most nine digits. */
static bool s_parse_exponent(pbus_str_t text, int64_t *exponent)
{
    *exponent = 0;
    if (text.size == 0)
        return true;
    size_t at = 1;
    if (text.data[0] != 'e' && text.data[0] != 'E')
        return false;
    bool negative = at < text.size && text.data[at] == '-';
    at += at < text.size && (text.data[at] == '-' || text.data[at] == '+');
    if (at == text.size || text.size - at > 9)
        return false;
    for (; at < text.size; at++) {
        if (!s_is_digit(text.data[at]))
            return false;
        *exponent = *exponent * 10 + (text.data[at] - '0');
    }
    *exponent = negative ? -*exponent : *exponent;
    return true;
}

/* Takes leading zeros away, so that the first digit is the highest one of the number. */
static void s_strip(pbus_decimal_t *self, pbus_str_t digits, int64_t whole, int64_t exponent)
{
    self->exponent = whole - 1 + exponent;
    size_t at = 0;
    for (; at < digits.size && (digits.data[at] == '0' || digits.data[at] == '.'); at++)
        self->exponent -= digits.data[at] == '0';
    self->digits = (pbus_str_t){digits.data + at, digits.size - at};
}

bool pbus_decimal_parse(pbus_str_t text, pbus_decimal_t *self)
{
    size_t end, whole;
    int64_t exponent;
    *self = (pbus_decimal_t){.digits = PBUS_STR("")};
    if (text.size > 0 && (text.data[0] == '-' || text.data[0] == '+')) {
        self->negative = text.data[0] == '-';
        text = (pbus_str_t){text.data + 1, text.size - 1};
    }
    if (!s_parse_digits(text, &end, &whole) ||
        !s_parse_exponent((pbus_str_t){text.data + end, text.size - end}, &exponent))
        return false;
    s_strip(self, (pbus_str_t){text.data, end}, (int64_t) whole, exponent);
    return true;
}

/* ---- order -----------------------------------------------------------------------------------------------
 */

/* The digit at *at and the place of the next; 0 behind the last. */
static char s_digit(pbus_str_t digits, size_t *at)
{
    if (*at < digits.size && digits.data[*at] == '.')
        ++*at;
    return *at < digits.size ? digits.data[(*at)++] : '0';
}

static int s_compare_digits(pbus_str_t a, pbus_str_t b)
{
    size_t i = 0, k = 0;
    while (i < a.size || k < b.size) {
        char x = s_digit(a, &i), y = s_digit(b, &k);
        if (x != y)
            return x < y ? -1 : 1;
    }
    return 0;
}

static int s_sign(const pbus_decimal_t *self)
{
    return self->digits.size == 0 ? 0 : self->negative ? -1 : 1;
}

static int s_compare_size(const pbus_decimal_t *a, const pbus_decimal_t *b)
{
    if (a->exponent != b->exponent)
        return a->exponent < b->exponent ? -1 : 1;
    return s_compare_digits(a->digits, b->digits);
}

int pbus_decimal_compare(const pbus_decimal_t *a, const pbus_decimal_t *b)
{
    int left = s_sign(a), right = s_sign(b);
    if (left != right)
        return left < right ? -1 : 1;
    return left == 0 ? 0 : left * s_compare_size(a, b);
}

/* ---- sums ------------------------------------------------------------------------------------------------
 */

/* Brings every limb but the highest to 0..10^9-1. */
static void s_normalise(pbus_decimal_sum_t *self)
{
    int64_t carry = 0;
    for (int i = 0; i < PBUS_DECIMAL_LIMBS; i++) {
        int64_t limb = self->limbs[i] + carry;
        carry = 0;
        if (i < PBUS_DECIMAL_LIMBS - 1) {
            carry = limb / LIMB - (limb % LIMB < 0);
            limb -= carry * LIMB;
        }
        self->limbs[i] = limb;
    }
    self->added = 0;
}

static void s_add_digits(pbus_decimal_sum_t *self, const pbus_decimal_t *number)
{
    static const int64_t powers[LIMB_DIGITS] = {1,      10,      100,      1000,     10000,
                                                100000, 1000000, 10000000, 100000000};
    int64_t place = number->exponent - LOWEST;
    for (size_t at = 0; at < number->digits.size; at++) {
        if (number->digits.data[at] == '.')
            continue;
        int64_t digit = number->digits.data[at] - '0';
        self->limbs[place / LIMB_DIGITS] += (number->negative ? -digit : digit) * powers[place % LIMB_DIGITS];
        place--;
    }
}

bool pbus_decimal_sum_add(pbus_decimal_sum_t *self, const pbus_decimal_t *number)
{
    if (number->digits.size == 0)
        return true;
    if (number->exponent > HIGHEST || number->exponent - (int64_t) number->digits.size < LOWEST)
        return false;
    if (self->added == ADDED_MAX)
        s_normalise(self);
    self->added++;
    s_add_digits(self, number);
    return true;
}

/* ---- results ---------------------------------------------------------------------------------------------
 */

/* Turns the sum's sign around if it is negative; tells whether it was. */
static bool s_make_positive(pbus_decimal_sum_t *self)
{
    s_normalise(self);
    if (self->limbs[PBUS_DECIMAL_LIMBS - 1] >= 0)
        return false;
    for (int i = 0; i < PBUS_DECIMAL_LIMBS; i++)
        self->limbs[i] = -self->limbs[i];
    s_normalise(self);
    return true;
}

/* All digits of a sum that is not negative, the highest first. */
static void s_spell(const pbus_decimal_sum_t *self, char digits[DIGITS])
{
    for (int i = 0; i < PBUS_DECIMAL_LIMBS; i++) {
        int64_t limb = self->limbs[i];
        for (int k = 0; k < LIMB_DIGITS; k++, limb /= 10)
            digits[DIGITS - 1 - (i * LIMB_DIGITS + k)] = (char) ('0' + limb % 10);
    }
}

static bool s_has_digits(const char *digits, size_t from)
{
    for (size_t i = from; i < DIGITS; i++)
        if (digits[i] != '0')
            return true;
    return false;
}

/* Divides in place, by hand. Returns how many of the digits there are then; behind them are only zeros. */
static size_t s_divide(char digits[DIGITS + 1], uint64_t divisor)
{
    __extension__ unsigned __int128 rest = 0;
    size_t first = DIGITS, i;
    for (i = 0; i < DIGITS; i++) {
        if (divisor > 1 && i >= first + QUOTIENT_DIGITS)
            break;
        rest = rest * 10 + (unsigned) (digits[i] - '0');
        digits[i] = (char) ('0' + (int) (rest / divisor));
        rest %= divisor;
        if (digits[i] != '0' && first == DIGITS)
            first = i;
    }
    if (rest == 0 && !s_has_digits(digits, i))
        return i;
    digits[i] = '1';
    return i + 1;
}

/* Digits of which the first has this exponent, without zeros around them. */
static void s_put(pbus_buf_t *out, const char *digits, size_t count, int64_t exponent)
{
    if (exponent >= 0 && exponent < 21) {
        for (int64_t i = 0; i <= exponent; i++)
            pbus_buf_append(out, (size_t) i < count ? &digits[i] : "0", 1);
        if ((size_t) exponent + 1 >= count)
            return;
        pbus_buf_append(out, ".", 1);
        pbus_buf_append(out, digits + exponent + 1, count - (size_t) exponent - 1);
        return;
    }
    pbus_buf_append(out, digits, 1);
    if (count > 1) {
        pbus_buf_append(out, ".", 1);
        pbus_buf_append(out, digits + 1, count - 1);
    }
    pbus_buf_printf(out, "e%+03lld", (long long) exponent);
}

void pbus_decimal_sum_text(pbus_decimal_sum_t *self, uint64_t divisor, pbus_buf_t *out)
{
    char digits[DIGITS + 1];
    bool negative = s_make_positive(self);
    s_spell(self, digits);
    size_t end = s_divide(digits, divisor), first = 0;
    while (first < end && digits[first] == '0')
        first++;
    while (end > first && digits[end - 1] == '0')
        end--;
    if (first == end)
        pbus_buf_append(out, "0", 1);
    else {
        pbus_buf_append(out, "-", negative);
        s_put(out, digits + first, end - first, (int64_t) (DIGITS - 1 - first) + LOWEST);
    }
    /* Left positive by the above. */
    for (int i = 0; i < PBUS_DECIMAL_LIMBS && negative; i++)
        self->limbs[i] = -self->limbs[i];
}
