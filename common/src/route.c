/*
 * Routes: see route.h. A recursive descent turns the condition into steps in postfix order, which are run
 * over a stack of bits.
 */
#include "route.h"
#include "message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define STEPS_MAX 256
#define DEPTH_MAX 16 /* each level leaves two bits at most behind on the stack */

typedef enum { STEP_TEST, STEP_NOT, STEP_AND, STEP_OR } step_kind_t;
typedef enum { FIELD_DEVICE, FIELD_PROFILE, FIELD_SOURCE, FIELDS } field_t;

typedef struct {
    step_kind_t kind;
    field_t field;
    pbus_str_t pattern; /* of a TEST; view into the route's text */
} step_t;

struct pbus_route {
    char *text; /* a copy, in which texts have lost their doubled quotes */
    char group[PBUS_NAME_MAX + 1];
    size_t count;
    step_t steps[STEPS_MAX];
};

static const char *const s_fields[FIELDS] = {"deviceName", "profileName", "sourceName"};

/* ---- what is read ---- */

typedef enum { TOKEN_END, TOKEN_WORD, TOKEN_TEXT, TOKEN_SIGN, TOKEN_BAD } token_kind_t;

typedef struct {
    token_kind_t kind;
    pbus_str_t text; /* of a TEXT without its quotes */
    size_t column;   /* from 1 */
} token_t;

typedef struct {
    pbus_route_t *route;
    char *at;
    token_t token; /* the next one, not yet taken */
    size_t depth;
    pbus_error_t *error;
    bool failed;
} reader_t;

static void s_fail(reader_t *self, const char *format, ...) PBUS_PRINTF(2, 3);

static void s_fail(reader_t *self, const char *format, ...)
{
    char text[200];
    va_list args;
    if (self->failed)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (char *at = text; *at; at++)
        if ((unsigned char) *at < ' ')
            *at = '?'; /* an error is one line */
    pbus_fail(self->error, PBUS_INVALID, "column %zu: %s", self->token.column, text);
    self->failed = true;
}

static bool s_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Up to the closing quote; a doubled one becomes one, in place. */
static void s_take_text(reader_t *self, char quote)
{
    char *from = self->at + 1;
    char *to = from;
    self->token.text.data = from;
    for (; *from && (*from != quote || from[1] == quote); from++) {
        if (*from == quote)
            from++;
        *to++ = *from;
    }
    self->token.text.size = (size_t) (to - self->token.text.data);
    self->token.kind = *from ? TOKEN_TEXT : TOKEN_BAD;
    self->at = *from ? from + 1 : from;
}

/* A source, such as /messages/x, is a sign of its own: a slash and what follows without a blank. */
static size_t s_sign_size(const char *at)
{
    if (*at == '/')
        return strcspn(at, " \t\r\n");
    bool two = !strncmp(at, "!=", 2) || !strncmp(at, "<>", 2);
    return two ? 2 : 1;
}

static void s_next(reader_t *self)
{
    self->at += strspn(self->at, " \t\r\n");
    self->token = (token_t){.column = (size_t) (self->at - self->route->text) + 1};
    size_t size = 0;
    if (*self->at == '\'' || *self->at == '"') {
        s_take_text(self, *self->at);
        if (self->token.kind == TOKEN_BAD)
            s_fail(self, "this text has no end: close it by the quote that begins it");
        return;
    }
    if (s_is_letter(*self->at)) {
        while (s_is_letter(self->at[size]))
            size++;
        self->token.kind = TOKEN_WORD;
    } else if (*self->at) {
        size = s_sign_size(self->at);
        self->token.kind = TOKEN_SIGN;
    }
    self->token.text = (pbus_str_t){self->at, size};
    self->at += size;
}

static bool s_is_word(const reader_t *self, const char *word)
{
    size_t size = strlen(word);
    return self->token.kind == TOKEN_WORD && self->token.text.size == size &&
           strncasecmp(self->token.text.data, word, size) == 0;
}

static bool s_is_sign(const reader_t *self, const char *sign)
{
    return self->token.kind == TOKEN_SIGN && pbus_str_eq(self->token.text, pbus_str(sign));
}

static bool s_take_word(reader_t *self, const char *word)
{
    bool is = s_is_word(self, word);
    if (is)
        s_next(self);
    return is;
}

static bool s_take_sign(reader_t *self, const char *sign)
{
    bool is = s_is_sign(self, sign);
    if (is)
        s_next(self);
    return is;
}

/* What is there, for an error; of a long text or a source its beginning. */
static void s_fail_at(reader_t *self, const char *wanted)
{
    if (self->token.kind == TOKEN_END)
        s_fail(self, "the route ends where %s should follow", wanted);
    else
        s_fail(self, "'%.*s' is there where %s should be",
               self->token.text.size < 40 ? (int) self->token.text.size : 40, self->token.text.data, wanted);
}

/* ---- the condition ---- */

static void s_emit(reader_t *self, step_t step)
{
    if (self->route->count == STEPS_MAX)
        s_fail(self, "the condition is too long: make several routes of it");
    else if (!self->failed)
        self->route->steps[self->route->count++] = step;
}

static void s_read_any(reader_t *self);

static void s_read_comparison(reader_t *self)
{
    step_t step = {.kind = STEP_TEST, .field = FIELD_DEVICE};
    while (step.field < FIELDS && !s_is_word(self, s_fields[step.field]))
        step.field++;
    if (step.field == FIELDS) {
        s_fail_at(self, "deviceName, profileName, sourceName, NOT or (");
        return;
    }
    s_next(self);
    bool differs = s_is_sign(self, "!=") || s_is_sign(self, "<>");
    if (!differs && !s_is_sign(self, "=")) {
        s_fail_at(self, "=, != or <>");
        return;
    }
    s_next(self);
    if (self->token.kind != TOKEN_TEXT) {
        s_fail_at(self, "a text in quotes, such as 'cam-*',");
        return;
    }
    step.pattern = self->token.text;
    s_emit(self, step);
    if (differs)
        s_emit(self, (step_t){.kind = STEP_NOT});
    s_next(self);
}

static void s_read_one(reader_t *self)
{
    if (self->failed)
        return;
    if (self->depth == DEPTH_MAX) {
        s_fail(self, "the condition is nested too deep: make several routes of it");
        return;
    }
    self->depth++;
    if (s_take_word(self, "NOT")) {
        s_read_one(self);
        s_emit(self, (step_t){.kind = STEP_NOT});
    } else if (s_take_sign(self, "(")) {
        s_read_any(self);
        if (!self->failed && !s_take_sign(self, ")"))
            s_fail_at(self, "AND, OR or )");
    } else
        s_read_comparison(self);
    self->depth--;
}

static void s_read_all(reader_t *self)
{
    s_read_one(self);
    while (!self->failed && s_take_word(self, "AND")) {
        s_read_one(self);
        s_emit(self, (step_t){.kind = STEP_AND});
    }
}

static void s_read_any(reader_t *self)
{
    s_read_all(self);
    while (!self->failed && s_take_word(self, "OR")) {
        s_read_all(self);
        s_emit(self, (step_t){.kind = STEP_OR});
    }
}

/* ---- the rest ---- */

static void s_read_source(reader_t *self)
{
    if (!s_take_word(self, "FROM"))
        s_fail_at(self, "FROM");
    else if (!s_take_sign(self, "/events") && !s_take_sign(self, "/*"))
        s_fail_at(self, "/events or /*");
}

static void s_read_group(reader_t *self)
{
    pbus_str_t name = self->token.text;
    if (self->token.kind != TOKEN_TEXT)
        s_fail_at(self, "the group's name in quotes, as in group(\"mongo\"),");
    else if (!pbus_name_ok(name))
        s_fail(self, "'%.*s' can't be the name of a group: use letters, digits, - and _, %d at most",
               name.size < 80 ? (int) name.size : 80, name.data, PBUS_NAME_MAX);
    else {
        memcpy(self->route->group, name.data, name.size);
        s_next(self);
    }
}

static void s_read_sink(reader_t *self, bool conditional)
{
    if (!s_take_word(self, "INTO"))
        s_fail_at(self, conditional ? "AND, OR or INTO" : "WHERE or INTO");
    else if (!s_take_word(self, "group"))
        s_fail_at(self, "group(\"NAME\")");
    else if (!s_take_sign(self, "("))
        s_fail_at(self, "(");
    else {
        s_read_group(self);
        if (!self->failed && !s_take_sign(self, ")"))
            s_fail_at(self, ")");
        if (!self->failed && self->token.kind != TOKEN_END)
            s_fail_at(self, "the end of the route");
    }
}

static void s_read(reader_t *self)
{
    s_next(self);
    s_read_source(self);
    bool conditional = !self->failed && s_take_word(self, "WHERE");
    if (conditional)
        s_read_any(self);
    if (!self->failed)
        s_read_sink(self, conditional);
}

pbus_route_t *pbus_route_new(const char *text, pbus_error_t *error)
{
    if (strlen(text) > PBUS_ROUTE_MAX) {
        pbus_fail(error, PBUS_INVALID, "column %d: the route is longer than %d bytes: make several of it",
                  PBUS_ROUTE_MAX + 1, PBUS_ROUTE_MAX);
        return NULL;
    }
    pbus_route_t *self = calloc(1, sizeof *self);
    if (!self || !(self->text = strdup(text))) {
        pbus_fail(error, PBUS_NOMEM, "memory is out for a route");
        pbus_route_destroy(&self);
        return NULL;
    }
    reader_t reader = {.route = self, .at = self->text, .error = error};
    s_read(&reader);
    if (reader.failed)
        pbus_route_destroy(&self);
    return self;
}

void pbus_route_destroy(pbus_route_t **self_p)
{
    if (*self_p)
        free((*self_p)->text);
    free(*self_p);
    *self_p = NULL;
}

bool pbus_route_is_for_group(const char *text)
{
    static const char blank[] = " \t\r\n";
    while ((text = strcasestr(text, "INTO"))) {
        text += strlen("INTO");
        const char *sink = text + strspn(text, blank);
        if (strncasecmp(sink, "group", strlen("group")) != 0)
            continue;
        sink += strlen("group");
        if (sink[strspn(sink, blank)] == '(')
            return true;
    }
    return false;
}

const char *pbus_route_group(const pbus_route_t *self)
{
    return self->group;
}

/* ---- events ---- */

/* After a * that has been passed it is enough to remember the last one: a longer match of an earlier one
 * never helps. So the time is bounded by the product of both lengths. */
static bool s_fits(pbus_str_t pattern, pbus_str_t text)
{
    size_t p = 0, t = 0, star = SIZE_MAX, from = 0;
    while (t < text.size) {
        if (p < pattern.size && pattern.data[p] == '*') {
            star = p++;
            from = t;
        } else if (p < pattern.size && pattern.data[p] == text.data[t]) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++from;
        } else
            return false;
    }
    while (p < pattern.size && pattern.data[p] == '*')
        p++;
    return p == pattern.size;
}

static bool s_test(const step_t *step, const pbus_routed_t *event)
{
    const pbus_str_t values[FIELDS] = {event->device, event->profile, event->source};
    return s_fits(step->pattern, values[step->field]);
}

bool pbus_route_lets(const pbus_route_t *self, const pbus_routed_t *event)
{
    uint64_t stack = 1; /* what is true without a condition */
    for (size_t i = 0; i < self->count; i++) {
        const step_t *step = &self->steps[i];
        if (step->kind == STEP_TEST)
            stack = stack << 1 | s_test(step, event);
        else if (step->kind == STEP_NOT)
            stack ^= 1;
        else {
            bool right = stack & 1;
            stack >>= 1;
            if (step->kind == STEP_AND && !right)
                stack &= ~UINT64_C(1);
            else if (step->kind == STEP_OR && right)
                stack |= 1;
        }
    }
    return stack & 1;
}
