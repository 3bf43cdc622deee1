#include "exact.h"

#include <stdlib.h>
#include <string.h>
#define BASE 1000000000
#define LIMB_DIGITS 9
#define LOWEST (-450) /* the power of ten of the lowest digit; a multiple of LIMB_DIGITS */
#define UNIT_LIMB (-LOWEST / LIMB_DIGITS)

/* Brings every limb but the highest to 0..BASE-1. */
static void s_carry(exact_t *self)
{
    for (size_t i = 0; i + 1 < EXACT_LIMBS; i++) {
        int64_t carry = self->limbs[i] / BASE;
        self->limbs[i] -= carry * BASE;
        if (self->limbs[i] < 0) {
            self->limbs[i] += BASE;
            carry--;
        }
        self->limbs[i + 1] += carry;
    }
}

static void s_negate(exact_t *self)
{
    for (size_t i = 0; i < EXACT_LIMBS; i++)
        self->limbs[i] = -self->limbs[i];
    s_carry(self);
}

/* Adds digit * 10^power; false out of range. */
static bool s_put_digit(exact_t *self, int digit, int64_t power)
{
    static const int64_t tens[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    if (digit == 0)
        return true;
    /* The highest limb is kept free for the sign and for carries. */
    if (power < LOWEST || power >= LOWEST + (EXACT_LIMBS - 1) * LIMB_DIGITS)
        return false;
    size_t place = (size_t) (power - LOWEST);
    self->limbs[place / LIMB_DIGITS] += digit * tens[place % LIMB_DIGITS];
    return true;
}

/* The exponent behind 'e', or 0 if there is none; false if there is something else. */
static bool s_parse_exponent(pbus_str_t text, int64_t *exponent)
{
    char room[12];
    char *end;
    *exponent = 0;
    if (text.size == 0)
        return true;
    if ((text.data[0] != 'e' && text.data[0] != 'E') || text.size < 2 || text.size > sizeof room)
        return false;
    memcpy(room, text.data + 1, text.size - 1);
    room[text.size - 1] = '\0';
    *exponent = strtol(room, &end, 10);
    return *end == '\0' && room[0] != ' ';
}

/* How many characters of text are digits and at most one point; *points and *whole say where the point is. */
static size_t s_mantissa(pbus_str_t text, size_t *points, size_t *whole)
{
    size_t size = 0;
    *points = 0;
    for (; size < text.size; size++) {
        bool point = text.data[size] == '.';
        if ((text.data[size] < '0' || text.data[size] > '9') && !(point && *points == 0))
            break;
        if (point) {
            *points = 1;
            *whole = size;
        }
    }
    if (*points == 0)
        *whole = size;
    return size;
}

bool exact_parse(exact_t *self, pbus_str_t text)
{
    *self = (exact_t){0};
    bool negative = text.size && text.data[0] == '-';
    size_t sign = negative || (text.size && text.data[0] == '+');
    pbus_str_t rest = {text.data + sign, text.size - sign};
    size_t points, whole;
    size_t size = s_mantissa(rest, &points, &whole);
    int64_t exponent;
    if (size == points || !s_parse_exponent((pbus_str_t){rest.data + size, rest.size - size}, &exponent))
        return false;
    int64_t power = exponent + (int64_t) whole - 1;
    for (size_t i = 0; i < size; i++)
        if (rest.data[i] != '.' && !s_put_digit(self, rest.data[i] - '0', power--))
            return false;
    if (negative)
        s_negate(self);
    return true;
}

exact_t exact_from_uint(uint64_t number)
{
    exact_t self = {0};
    for (size_t i = UNIT_LIMB; number > 0; i++, number /= BASE)
        self.limbs[i] = (int64_t) (number % BASE);
    return self;
}

void exact_add(exact_t *self, const exact_t *other)
{
    for (size_t i = 0; i < EXACT_LIMBS; i++)
        self->limbs[i] += other->limbs[i];
    s_carry(self);
}

int exact_compare(const exact_t *a, const exact_t *b)
{
    for (size_t i = EXACT_LIMBS; i-- > 0;)
        if (a->limbs[i] != b->limbs[i])
            return a->limbs[i] < b->limbs[i] ? -1 : 1;
    return 0;
}

/* Of a number that is not negative. */
static bool s_divide(exact_t *self, uint32_t divisor)
{
    uint64_t rest = 0;
    for (size_t i = EXACT_LIMBS; i-- > 0;) {
        uint64_t value = rest * BASE + (uint64_t) self->limbs[i];
        self->limbs[i] = (int64_t) (value / divisor);
        rest = value % divisor;
    }
    return rest == 0;
}

bool exact_text(const exact_t *self, uint32_t divisor, pbus_buf_t *out)
{
    exact_t number = *self;
    if (number.limbs[EXACT_LIMBS - 1] < 0) {
        s_negate(&number);
        pbus_buf_puts(out, "-");
    }
    bool ends = s_divide(&number, divisor);
    for (size_t i = EXACT_LIMBS; i-- > 0;) {
        if (i + 1 == UNIT_LIMB)
            pbus_buf_puts(out, ".");
        pbus_buf_printf(out, "%09lld", (long long) number.limbs[i]);
    }
    pbus_buf_puts(out, ends ? "" : "1");
    return ends;
}
