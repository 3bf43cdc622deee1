/*
 * API: see api.h.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <curl/curl.h>
#include <persistbus/types.h>
#include <persistbus/version.h>
#include "api.h"
#include "json.h"
#include "say.h"

#define ANSWER_MAX (64u << 20) /* bytes */
#define CONNECT_MS 3000L
#define ANSWER_MS 30000L /* core-data gives up earlier by itself, see Service.RequestTimeout */

struct api {
    CURL *curl;
    struct curl_slist *headers;
    char *url;
    interrupt_t *interrupt; /* not owned */
    pbus_buf_t body;        /* what has come */
    bool too_large;
    char error[CURL_ERROR_SIZE];
};

static size_t s_take(char *data, size_t one, size_t size, void *context)
{
    api_t *self = context;
    (void) one;
    self->too_large = size > ANSWER_MAX - self->body.size;
    if (self->too_large)
        return 0;
    pbus_buf_append(&self->body, data, size);
    return self->body.failed ? 0 : size;
}

static int s_goes_on(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void) a, (void) b, (void) c, (void) d;
    return interrupt_wait(((api_t *) context)->interrupt, 0);
}

/* The address in one form, without a slash at its end. NULL: it is none. */
static char *s_address(const char *url)
{
    char *text = NULL, *made = NULL, *scheme = NULL;
    CURLU *parsed = curl_url();
    if (parsed && *url && !curl_url_set(parsed, CURLUPART_URL, url, CURLU_GUESS_SCHEME) &&
        !curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) &&
        (!strcmp(scheme, "http") || !strcmp(scheme, "https")) &&
        !curl_url_set(parsed, CURLUPART_QUERY, NULL, 0) &&
        !curl_url_set(parsed, CURLUPART_FRAGMENT, NULL, 0) && !curl_url_get(parsed, CURLUPART_URL, &text, 0))
        made = strdup(text);
    while (made && *made && made[strlen(made) - 1] == '/')
        made[strlen(made) - 1] = '\0';
    curl_free(scheme);
    curl_free(text);
    curl_url_cleanup(parsed);
    return made;
}

static bool s_prepare(api_t *self)
{
    self->curl = curl_easy_init();
    self->headers = curl_slist_append(NULL, "Content-Type: application/json");
    return self->curl && self->headers &&
           !curl_easy_setopt(self->curl, CURLOPT_USERAGENT, "persistctl/" PBUS_VERSION) &&
           !curl_easy_setopt(self->curl, CURLOPT_PROTOCOLS_STR, "http,https") &&
           !curl_easy_setopt(self->curl, CURLOPT_PROXY, "") &&
           !curl_easy_setopt(self->curl, CURLOPT_NOSIGNAL, 1L) &&
           !curl_easy_setopt(self->curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS) &&
           !curl_easy_setopt(self->curl, CURLOPT_TIMEOUT_MS, ANSWER_MS) &&
           !curl_easy_setopt(self->curl, CURLOPT_WRITEFUNCTION, s_take) &&
           !curl_easy_setopt(self->curl, CURLOPT_WRITEDATA, self) &&
           !curl_easy_setopt(self->curl, CURLOPT_XFERINFOFUNCTION, s_goes_on) &&
           !curl_easy_setopt(self->curl, CURLOPT_XFERINFODATA, self) &&
           !curl_easy_setopt(self->curl, CURLOPT_NOPROGRESS, 0L) &&
           !curl_easy_setopt(self->curl, CURLOPT_ERRORBUFFER, self->error) &&
           !curl_easy_setopt(self->curl, CURLOPT_HTTPHEADER, self->headers);
}

api_t *api_new(const char *url, interrupt_t *interrupt)
{
    api_t *self = calloc(1, sizeof *self);
    if (!self) {
        say("memory is out");
        return NULL;
    }
    self->interrupt = interrupt;
    self->url = s_address(url);
    if (!self->url)
        say("'%s' is no address of core-data: write --url http://HOST:PORT", url);
    else if (s_prepare(self))
        return self;
    else
        say("libcurl can't be used: memory is out");
    api_destroy(&self);
    return NULL;
}

void api_destroy(api_t **self_p)
{
    api_t *self = *self_p;
    if (!self)
        return;
    curl_easy_cleanup(self->curl);
    curl_slist_free_all(self->headers);
    pbus_buf_clear(&self->body);
    free(self->url);
    free(self);
    *self_p = NULL;
}

const char *api_url(const api_t *self)
{
    return self->url;
}

static bool s_set(api_t *self, const char *method, const char *path, const char *body)
{
    char *url = NULL;
    pbus_buf_reset(&self->body);
    self->error[0] = '\0';
    self->too_large = false;
    if (asprintf(&url, "%s/api/v3/%s", self->url, path) < 0)
        return false;
    bool set = !curl_easy_setopt(self->curl, CURLOPT_URL, url) &&
               !curl_easy_setopt(self->curl, CURLOPT_HTTPGET, 1L) &&
               (strcmp(method, "POST") != 0 ||
                !curl_easy_setopt(self->curl, CURLOPT_POSTFIELDS, body ? body : "")) &&
               !curl_easy_setopt(self->curl, CURLOPT_CUSTOMREQUEST, method);
    free(url);
    return set;
}

static int s_away(const api_t *self, CURLcode code, answer_t *answer)
{
    if (code == CURLE_ABORTED_BY_CALLBACK)
        snprintf(answer->error, sizeof answer->error, "interrupted before core-data at %s answered",
                 self->url);
    else if (self->too_large)
        snprintf(answer->error, sizeof answer->error,
                 "the answer of %s is larger than %u MiB: is that core-data?", self->url, ANSWER_MAX >> 20);
    else
        snprintf(answer->error, sizeof answer->error,
                 "core-data at %s can't be reached: %s; start it, or name its address with --url", self->url,
                 self->error[0] ? self->error : curl_easy_strerror(code));
    return EXIT_AWAY;
}

/* What is not 2xx: core-data's message, else what the status says. */
static int s_refused(const api_t *self, const char *method, const char *path, answer_t *answer)
{
    const char *message = json_text(yyjson_doc_get_root(answer->doc), "message");
    if (*message && strcmp(message, "Not Found") != 0)
        snprintf(answer->error, sizeof answer->error, "%s", message);
    else if (answer->status == 404 || answer->status == 405)
        snprintf(answer->error, sizeof answer->error,
                 "%s has no %s /api/v3/%s: is it core-data, of this version (%s)?", self->url, method, path,
                 PBUS_VERSION);
    else
        snprintf(answer->error, sizeof answer->error, "%s answers %s /api/v3/%s with status %ld", self->url,
                 method, path, answer->status);
    return EXIT_NOT;
}

static int s_read(const api_t *self, const char *method, const char *path, answer_t *answer)
{
    answer->doc = yyjson_read((const char *) self->body.data, self->body.size, YYJSON_READ_NOFLAG);
    if (answer->status < 200 || answer->status > 299)
        return s_refused(self, method, path, answer);
    if (yyjson_is_obj(yyjson_doc_get_root(answer->doc)))
        return EXIT_DONE;
    snprintf(answer->error, sizeof answer->error,
             "the answer of %s to %s /api/v3/%s is no JSON object: is that core-data?", self->url, method,
             path);
    return EXIT_AWAY;
}

int api_call(api_t *self, const char *method, const char *path, const char *body, answer_t *answer)
{
    *answer = (answer_t){.result = EXIT_AWAY};
    CURLcode code = s_set(self, method, path, body) ? curl_easy_perform(self->curl) : CURLE_OUT_OF_MEMORY;
    if (code != CURLE_OK)
        return s_away(self, code, answer);
    curl_easy_getinfo(self->curl, CURLINFO_RESPONSE_CODE, &answer->status);
    return answer->result = s_read(self, method, path, answer);
}

int api_ask(api_t *self, const char *method, const char *path, const char *body, answer_t *answer)
{
    if (api_call(self, method, path, body, answer) != EXIT_DONE)
        say("%s", answer->error);
    return answer->result;
}

void answer_clear(answer_t *answer)
{
    yyjson_doc_free(answer->doc);
    answer->doc = NULL;
}

char *api_path(const char *first, ...)
{
    va_list segments;
    pbus_buf_t path = {0};
    va_start(segments, first);
    for (const char *segment = first; segment; segment = va_arg(segments, const char *)) {
        char *escaped = curl_easy_escape(NULL, segment, 0);
        path.failed |= !escaped;
        pbus_buf_printf(&path, "%s%s", path.size ? "/" : "", escaped ? escaped : "");
        curl_free(escaped);
    }
    va_end(segments);
    pbus_buf_append(&path, "", 1);
    if (path.failed)
        pbus_buf_clear(&path);
    return (char *) path.data; /* malloc'd, see pbus_buf_t */
}
