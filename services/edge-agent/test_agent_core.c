/*
 * What the agent decides: with a clock that is a number, runners that only take notes, and a core-data that
 * answers what the test says.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "agent.h"

#define S 1000000000LL

typedef struct {
    agent_t *agent;
    int64_t now;
    char calls[2000]; /* what was asked of runners and of core-data, in order */
    instance_t *instances[16];
    size_t count;
    char refuse[65];  /* this one can't be started */
    char hang[65];    /* this one stays in STARTING */
    char running[65]; /* adopt finds this one */
    char orphan[65];
    char pinged[65]; /* asked last */
    bool asked;      /* for groups */
} world_t;

/* ---- the fake world ---- */

static void s_note(world_t *w, const char *verb, const char *name)
{
    size_t used = strlen(w->calls);
    snprintf(w->calls + used, sizeof w->calls - used, "%s%s %s", used ? ", " : "", verb, name);
}

static void s_keep(world_t *w, instance_t *instance)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->instances[i] == instance)
            return;
    w->instances[w->count++] = instance;
}

static void s_start(void *self, instance_t *instance, const manifest_module_t *module)
{
    world_t *w = self;
    assert_string_equal(instance->digest, module->digest);
    s_note(w, "start", instance->name);
    s_keep(w, instance);
    instance->state = INSTANCE_RUNNING;
    instance->pid = 100;
    if (!strcmp(w->hang, instance->name))
        instance->state = INSTANCE_STARTING;
    if (!strcmp(w->refuse, instance->name)) {
        instance->state = INSTANCE_ENDED;
        instance->refused = true;
        snprintf(instance->reason, sizeof instance->reason, "no such file");
    }
}

static void s_stop(void *self, instance_t *instance, bool discard)
{
    s_note(self, discard ? "discard" : "stop", instance->name);
    if (instance->state == INSTANCE_RUNNING || instance->state == INSTANCE_STARTING)
        instance->state = INSTANCE_STOPPING;
}

static bool s_adopt(void *self, instance_t *instance)
{
    world_t *w = self;
    bool runs = !strcmp(w->running, instance->name);
    s_keep(w, instance);
    if (instance->state != INSTANCE_ABSENT && instance->state != INSTANCE_ENDED)
        instance->state = runs ? INSTANCE_RUNNING : INSTANCE_ENDED;
    return true;
}

static bool s_orphan(void *self, instance_t *instance)
{
    world_t *w = self;
    if (instance->type != MANIFEST_PROCESS || !*w->orphan)
        return false;
    snprintf(instance->name, sizeof instance->name, "%s", w->orphan);
    snprintf(w->running, sizeof w->running, "%s", w->orphan);
    w->orphan[0] = '\0';
    instance->state = INSTANCE_RUNNING;
    return true;
}

static void s_release(void *self, instance_t *instance)
{
    world_t *w = self;
    for (size_t i = 0; i < w->count; i++)
        if (w->instances[i] == instance)
            w->instances[i] = w->instances[--w->count];
}

static bool s_ping(void *self, const char *module, const char *url)
{
    world_t *w = self;
    assert_non_null(strstr(url, "/api/v3/ping"));
    snprintf(w->pinged, sizeof w->pinged, "%s", module);
    return true;
}

static bool s_ask(void *self, const char *url)
{
    assert_string_equal(url, "http://127.0.0.1:59880");
    ((world_t *) self)->asked = true;
    return true;
}

static bool s_retire(void *self, const char *url, const char *group)
{
    (void) url;
    s_note(self, "retire", group);
    return true;
}

static const runner_ops_t ops = {s_start, s_stop, s_adopt, s_orphan, s_release};
static const module_rules_t rules = {.restart = {10 * S, 300 * S, 600 * S},
                                     .health = {3, 30 * S},
                                     .well = 10 * S,
                                     .probe = 5 * S,
                                     .probe_first = S / 5,
                                     .ready = 30 * S};

static int setup(void **state)
{
    world_t *w = calloc(1, sizeof *w);
    runner_t runners[2] = {{&ops, w}, {&ops, w}};
    w->now = 1000 * S;
    w->agent = agent_new(&rules, runners, (outside_t){w, s_ping, s_ask, s_retire}, NULL);
    *state = w;
    return w->agent ? 0 : -1;
}

static int teardown(void **state)
{
    world_t *w = *state;
    agent_destroy(&w->agent);
    free(w);
    return 0;
}

/* ---- what tests say ---- */

static void s_step(world_t *w)
{
    for (int i = 0; i < 4; i++) /* what is due at once, and what follows from that */
        agent_step(w->agent, w->now);
}

static void s_pass(world_t *w, int64_t ns)
{
    w->now += ns;
    s_step(w);
}

/* The text after a name is more of the module, "" or ",...". */
#define P(name, program, more)                                                                               \
    "\"" name "\":{\"type\":\"process\",\"settings\":{\"command\":[\"" program "\"]}" more "}"

static void s_take(world_t *w, const char *modules)
{
    char *text;
    problems_t *problems = problems_new();
    assert_true(
        asprintf(&text,
                 "{\"modulesContent\":{\"$edgeAgent\":{\"properties.desired\":{\"schemaVersion\":\"1.1\","
                 "\"modules\":{%s}}}}}",
                 modules) > 0);
    jsonfile_t *file = jsonfile_parse("m.json", text, strlen(text), problems);
    manifest_t *manifest = file ? manifest_new(file, problems) : NULL;
    if (!manifest)
        problems_print(problems, "test", stderr);
    assert_non_null(manifest);
    assert_int_equal(agent_take(w->agent, manifest, manifest->core_url), PBUS_OK);
    manifest_destroy(&manifest);
    jsonfile_destroy(&file);
    problems_destroy(&problems);
    free(text);
    s_step(w);
}

static module_t *s_module(world_t *w, const char *name)
{
    module_t *module;
    TAILQ_FOREACH(module, agent_modules(w->agent), link)
    {
        if (!strcmp(module->spec->name, name))
            return module;
    }
    return NULL;
}

static void s_end(world_t *w, const char *name, int status)
{
    instance_t *instance = &s_module(w, name)->instance;
    instance->state = INSTANCE_ENDED;
    instance->status = status;
    s_step(w);
}

static void s_expect(world_t *w, const char *calls)
{
    assert_string_equal(w->calls, calls);
    w->calls[0] = '\0';
}

static void s_pong(world_t *w, const char *name, bool ready)
{
    agent_pinged(w->agent, name, ready, w->now);
    s_step(w);
}

static void s_groups(world_t *w, const char *groups)
{
    char text[600];
    int size = snprintf(text, sizeof text, "{\"groups\":[%s]}", groups);
    assert_true(w->asked);
    w->asked = false;
    agent_groups(w->agent, text, (size_t) size, w->now);
    s_step(w);
}

#define G(name, state, worker, ready)                                                                        \
    "{\"name\":\"" name "\",\"state\":\"" state "\",\"workers\":[{\"name\":\"" worker "\",\"ready\":" ready  \
    "}]}"

/* ---- starting, ending ---- */

static void starts_in_order_and_waits(void **state)
{
    world_t *w = *state;
    s_take(w,
           P("w", "persist-sqlite", ",\"startupOrder\":1") "," P("core", "core-data", ",\"startupOrder\":0"));
    s_expect(w, "start core");
    assert_string_equal(module_status(s_module(w, "w")), "waiting");
    assert_string_equal(s_module(w, "w")->waits_for, "core");
    s_pass(w, 5 * S);
    s_expect(w, "");
    s_pong(w, "core", true);
    s_expect(w, "start w");
}

static void waiting_is_bounded(void **state)
{
    world_t *w = *state;
    s_take(w,
           P("w", "persist-sqlite", ",\"startupOrder\":1") "," P("core", "core-data", ",\"startupOrder\":0"));
    s_pass(w, 30 * S - 1);
    s_expect(w, "start core");
    s_pass(w, 1);
    s_expect(w, "start w");
}

static void one_that_cannot_start_keeps_nobody_waiting(void **state)
{
    world_t *w = *state;
    strcpy(w->refuse, "a");
    s_take(w, P("a", "a", ",\"startupOrder\":1") "," P("b", "b", ",\"startupOrder\":2"));
    s_expect(w, "start a, start b");
    assert_string_equal(module_status(s_module(w, "a")), "failed");
    assert_string_equal(module_reason(s_module(w, "a")), "no such file");
    s_pass(w, 10 * S);
    s_expect(w, "start a");
    w->refuse[0] = '\0';
    s_pass(w, 20 * S);
    s_expect(w, "start a");
    assert_string_equal(module_status(s_module(w, "a")), "running");
}

static void crashes_at_once(void **state)
{
    world_t *w = *state;
    static const int64_t seconds[] = {10, 20, 40, 80, 160, 300, 300};
    s_take(w, P("a", "a", ""));
    s_expect(w, "start a");
    for (size_t n = 0; n < sizeof seconds / sizeof *seconds; n++) {
        s_end(w, "a", 1);
        assert_string_equal(module_status(s_module(w, "a")), "backoff");
        s_pass(w, seconds[n] * S - 1);
        s_expect(w, "");
        s_pass(w, 1);
        s_expect(w, "start a");
    }
    assert_int_equal(s_module(w, "a")->restart.total, 7);
}

static void one_that_was_ready_is_back_at_once(void **state)
{
    world_t *w = *state;
    s_take(w, P("core", "core-data", ""));
    s_pong(w, "core", true);
    s_end(w, "core", 137);
    s_expect(w, "start core, start core");
    s_pong(w, "core", true);
    s_end(w, "core", 137);
    s_expect(w, "");
    s_pass(w, 10 * S);
    s_expect(w, "start core");
}

static void without_a_probe_it_ran_well_after_a_while(void **state)
{
    world_t *w = *state;
    s_take(w, P("a", "a", ""));
    s_pass(w, 10 * S);
    s_end(w, "a", 1);
    s_expect(w, "start a, start a");
}

static void restart_waits_for_nobody(void **state)
{
    world_t *w = *state;
    s_take(w, P("core", "core-data", ",\"startupOrder\":0") "," P("b", "b", ",\"startupOrder\":1"));
    s_pong(w, "core", true);
    s_pass(w, 20 * S);
    s_expect(w, "start core, start b");
    s_module(w, "core")->health.state = HEALTH_UNHEALTHY;
    s_end(w, "b", 1);
    assert_non_null(strstr(w->calls, "start b"));
}

static void never_and_on_failure(void **state)
{
    world_t *w = *state;
    s_take(w,
           P("f", "f", ",\"restartPolicy\":\"on-failure\"") "," P("n", "n", ",\"restartPolicy\":\"never\""));
    s_expect(w, "start f, start n");
    s_end(w, "n", 3);
    s_end(w, "f", 0);
    s_pass(w, 1000 * S);
    s_expect(w, "");
    assert_string_equal(module_status(s_module(w, "n")), "failed");
    assert_string_equal(module_status(s_module(w, "f")), "stopped");
}

static void unhealthy_is_restarted(void **state)
{
    world_t *w = *state;
    s_take(w, P("core", "core-data", ",\"restartPolicy\":\"on-unhealthy\"") "," P(
                  "f", "core-data", ",\"restartPolicy\":\"on-failure\""));
    s_pong(w, "core", true);
    s_pong(w, "f", true);
    s_expect(w, "start core, start f");
    for (int n = 0; n < 3; n++) {
        s_pass(w, 5 * S);
        s_pong(w, "core", false);
        s_pong(w, "f", false);
    }
    s_expect(w, "stop core");
    assert_string_equal(module_status(s_module(w, "f")), "unhealthy");
    strcpy(w->hang, "core"); /* a start that takes its time is not stopped for what was before */
    s_end(w, "core", 0);
    s_expect(w, "start core");
}

static void a_worker_is_what_core_data_says(void **state)
{
    world_t *w = *state;
    s_take(w, P("core", "core-data", "") "," P("r", "persist-redis", ""));
    s_groups(w, G("redis", "LIVE", "r", "false"));
    assert_false(module_is_ready(s_module(w, "r")));
    s_pass(w, S);
    s_groups(w, G("redis", "LIVE", "r", "true"));
    assert_true(module_is_ready(s_module(w, "r")));
    w->calls[0] = '\0';
    for (int n = 0; n < 3; n++) {
        s_pass(w, 5 * S);
        s_groups(w, G("redis", "LIVE", "other", "true"));
    }
    s_expect(w, "stop r");
}

static void core_data_away_says_nothing_of_workers(void **state)
{
    world_t *w = *state;
    s_take(w, P("core", "core-data", "") "," P("r", "persist-redis", ""));
    s_groups(w, G("redis", "LIVE", "r", "true"));
    w->calls[0] = '\0';
    for (int n = 0; n < 9; n++) {
        s_pass(w, 5 * S);
        assert_true(w->asked);
        agent_groups(w->agent, NULL, 0, w->now);
        s_step(w);
    }
    s_expect(w, "");
}

/* ---- a new manifest ---- */

static void only_what_changed_restarts(void **state)
{
    world_t *w = *state;
    s_take(w, P("a", "a", "") "," P("b", "b", "") "," P("c", "c", ""));
    s_expect(w, "start a, start b, start c");
    s_take(w, P("a", "a", ",\"version\":\"2\"") "," P(
                  "b", "b", ",\"restartPolicy\":\"never\",\"startupOrder\":9") "," P("c", "c", ""));
    s_expect(w, "stop a");
    s_end(w, "a", 0);
    s_expect(w, "start a");
    assert_int_equal(s_module(w, "a")->restart.total, 0);
}

/* What has failed is tried at once when it is another thing. */
static void changed_in_its_backoff(void **state)
{
    world_t *w = *state;
    s_take(w, P("a", "a", ""));
    s_end(w, "a", 1);
    s_take(w, P("a", "a", ",\"startupOrder\":1"));
    s_expect(w, "start a");
    s_take(w, P("a", "a", ",\"version\":\"2\""));
    s_expect(w, "start a");
}

static void stopped_and_running_again(void **state)
{
    world_t *w = *state;
    s_take(w, P("a", "a", ""));
    s_take(w, P("a", "a", ",\"status\":\"stopped\""));
    s_end(w, "a", 0);
    s_pass(w, 1000 * S);
    s_expect(w, "start a, stop a");
    assert_string_equal(module_status(s_module(w, "a")), "stopped");
    s_take(w, P("a", "a", ""));
    s_expect(w, "start a");
}

static void removed_in_reverse_order(void **state)
{
    world_t *w = *state;
    s_take(w, P("a", "a", ",\"startupOrder\":1") "," P("b", "b", ",\"startupOrder\":2"));
    s_take(w, "");
    s_expect(w, "start a, start b, discard b");
    s_end(w, "b", 0);
    s_expect(w, "discard a");
    s_end(w, "a", 0);
    assert_true(TAILQ_EMPTY(agent_modules(w->agent)));
}

static void renamed_waits_for_the_old_one(void **state)
{
    world_t *w = *state;
    s_take(w, P("core", "core-data", "") "," P("s", "persist-sqlite", ""));
    w->calls[0] = '\0';
    s_take(w, P("hub", "core-data", "") "," P("t", "persist-sqlite", ""));
    s_expect(w, "discard core, discard s");
    s_pass(w, 100 * S); /* not bounded: two on one port, or one file, never work */
    s_end(w, "core", 0);
    s_expect(w, "start hub");
    s_end(w, "s", 0);
    s_expect(w, "start t");
}

static void comes_back_while_it_stops(void **state)
{
    world_t *w = *state;
    s_take(w, P("a", "a", ""));
    s_take(w, "");
    s_take(w, P("a", "a", ""));
    s_end(w, "a", 0);
    s_expect(w, "start a, discard a, start a");
}

/* ---- replacing a group ---- */

static void one_group_by_another(void **state)
{
    world_t *w = *state;
    s_take(w, P("core", "core-data", "") "," P("r", "persist-redis", ""));
    s_pong(w, "core", true);
    s_groups(w, G("redis", "LIVE", "r", "true"));
    w->calls[0] = '\0';
    s_take(w, P("core", "core-data", "") "," P("m", "persist-mongo", ""));
    s_expect(w, "start m");
    s_pass(w, S);
    s_groups(w, G("redis", "LIVE", "r", "true") "," G("mongo", "STALE", "m", "true"));
    assert_string_equal(module_reason(s_module(w, "r")),
                        "kept running until group mongo is LIVE: it is STALE");
    s_pass(w, S);
    s_groups(w, G("redis", "LIVE", "r", "true") "," G("mongo", "LIVE", "m", "true"));
    s_expect(w, "retire redis");
    agent_retired(w->agent, "redis", 409, "sole copies", w->now);
    s_step(w);
    assert_non_null(strstr(module_reason(s_module(w, "r")), "sole copies"));
    s_pass(w, 5 * S);
    s_expect(w, "retire redis");
    agent_retired(w->agent, "redis", 202, "", w->now);
    s_pass(w, S);
    s_groups(w, G("redis", "LIVE", "r", "true") "," G("mongo", "LIVE", "m", "true"));
    s_expect(w, "");
    s_pass(w, S);
    s_groups(w, G("mongo", "LIVE", "m", "true"));
    s_expect(w, "discard r");
    s_end(w, "r", 0);
    assert_null(s_module(w, "r"));
}

/* The worker that leaves by itself, being told to, is not called back; one that crashes before is. */
static void the_old_one_ends_meanwhile(void **state)
{
    world_t *w = *state;
    s_take(w, P("core", "core-data", "") "," P("r", "persist-redis", ""));
    s_groups(w, G("redis", "LIVE", "r", "true"));
    s_take(w, P("core", "core-data", "") "," P("m", "persist-mongo", ""));
    w->calls[0] = '\0';
    s_end(w, "r", 139);
    s_expect(w, "start r");
    s_pass(w, S);
    s_groups(w, G("mongo", "LIVE", "m", "true"));
    agent_retired(w->agent, "redis", 202, "", w->now);
    s_end(w, "r", 0);
    s_expect(w, "retire redis");
    s_pass(w, 500 * S);
    s_expect(w, "");
    s_groups(w, G("mongo", "LIVE", "m", "true"));
    assert_null(s_module(w, "r"));
}

static void the_last_group_is_not_retired(void **state)
{
    world_t *w = *state;
    s_take(w, P("core", "core-data", "") "," P("r", "persist-redis", ""));
    w->calls[0] = '\0';
    s_take(w, P("core", "core-data", ""));
    s_expect(w, "discard r");
}

static void one_of_two_workers_is_only_stopped(void **state)
{
    world_t *w = *state;
    s_take(w, P("core", "core-data", "") "," P("r", "persist-redis", "") "," P(
                  "r2", "persist-redis", "") "," P("s", "persist-sqlite", ""));
    w->calls[0] = '\0';
    s_take(w, P("core", "core-data", "") "," P("r", "persist-redis", "") "," P("s", "persist-sqlite", ""));
    s_expect(w, "discard r2");
}

static void a_replica_goes_when_another_group_is_live(void **state)
{
    world_t *w = *state;
    s_take(w, P("core", "core-data", "") "," P("r", "persist-redis", "") "," P("s", "persist-sqlite", ""));
    w->calls[0] = '\0';
    s_take(w, P("core", "core-data", "") "," P("s", "persist-sqlite", ""));
    agent_groups(w->agent, NULL, 0, w->now);
    s_pass(w, S);
    s_groups(w, G("sqlite", "LIVE", "s", "true"));
    s_expect(w, "retire redis");
    agent_retired(w->agent, "redis", 404, "", w->now);
    s_step(w);
    s_expect(w, "discard r");
}

/* ---- the agent's own life ---- */

static void stops_all_in_reverse_order(void **state)
{
    world_t *w = *state;
    s_take(w, P("a", "a", ",\"startupOrder\":1") "," P("b", "b", ",\"startupOrder\":2") "," P(
                  "c", "c", ",\"startupOrder\":2"));
    w->calls[0] = '\0';
    agent_stop(w->agent);
    s_step(w);
    s_expect(w, "stop b, stop c");
    s_end(w, "b", 0);
    assert_false(agent_is_stopped(w->agent));
    s_end(w, "c", 0);
    s_expect(w, "stop a");
    s_end(w, "a", 0);
    assert_true(agent_is_stopped(w->agent));
    s_expect(w, "");
}

/* A container engine that is away keeps nobody from ending. */
static void what_is_not_known_is_not_waited_for(void **state)
{
    world_t *w = *state;
    s_take(w, P("a", "a", ""));
    s_module(w, "a")->adopting = true;
    agent_stop(w->agent);
    assert_true(agent_is_stopped(w->agent));
}

/* Moves what the agent of another test life left behind into this one. */
static void s_restore(world_t *w, const char *modules, instance_state_t was)
{
    char *text;
    problems_t *problems = problems_new();
    assert_true(
        asprintf(&text,
                 "{\"modulesContent\":{\"$edgeAgent\":{\"properties.desired\":{\"schemaVersion\":\"1.1\","
                 "\"modules\":{%s}}}}}",
                 modules) > 0);
    jsonfile_t *file = jsonfile_parse("m.json", text, strlen(text), problems);
    manifest_t *manifest = manifest_new(file, problems);
    for (size_t i = 0; i < manifest->count; i++) {
        module_t *module = module_new(manifest_take(manifest, i));
        module->instance.state = module->seen = was;
        snprintf(module->instance.digest, MANIFEST_DIGEST, "%s", module->spec->digest);
        restart_up(&module->restart, w->now);
        agent_restore(w->agent, module);
    }
    manifest_destroy(&manifest);
    jsonfile_destroy(&file);
    problems_destroy(&problems);
    free(text);
}

static void what_runs_is_adopted(void **state)
{
    world_t *w = *state;
    strcpy(w->running, "a");
    s_restore(w, P("a", "a", "") "," P("b", "b", ""), INSTANCE_RUNNING);
    s_take(w, P("a", "a", "") "," P("b", "b", ""));
    s_expect(w, ""); /* b has ended unseen: a failure, and restarted after the delay */
    assert_string_equal(module_status(s_module(w, "a")), "running");
    assert_string_equal(module_status(s_module(w, "b")), "backoff");
    s_pass(w, 10 * S);
    s_expect(w, "start b");
}

static void what_is_adopted_but_changed_restarts(void **state)
{
    world_t *w = *state;
    strcpy(w->running, "a");
    s_restore(w, P("a", "a", ""), INSTANCE_RUNNING);
    s_take(w, P("a", "a", ",\"version\":\"2\""));
    s_expect(w, "stop a");
}

static void what_ended_for_good_stays_ended(void **state)
{
    world_t *w = *state;
    s_restore(w, P("a", "a", ",\"restartPolicy\":\"never\""), INSTANCE_ENDED);
    s_module(w, "a")->restart.next = RESTART_NEVER;
    s_take(w, P("a", "a", ",\"restartPolicy\":\"never\""));
    s_pass(w, 100 * S);
    s_expect(w, "");
}

static void orphans_are_stopped(void **state)
{
    world_t *w = *state;
    strcpy(w->orphan, "old");
    s_take(w, P("a", "a", ""));
    s_expect(w, "start a, discard old");
    s_end(w, "old", 0);
    assert_null(s_module(w, "old"));
}

static void sleeps_until_something_is_due(void **state)
{
    world_t *w = *state;
    s_take(w, P("a", "a", ""));
    assert_true(agent_next(w->agent, w->now) >= w->now + 4 * S);
    s_end(w, "a", 1);
    assert_int_equal(agent_next(w->agent, w->now), w->now + 5 * S);
    s_pass(w, 8 * S);
    assert_int_equal(agent_next(w->agent, w->now), w->now + 2 * S);
    s_take(w, P("core", "core-data", "") "," P("r", "persist-redis", ""));
    assert_true(agent_next(w->agent, w->now) > w->now); /* the answer to ping is waited for, not polled */
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(starts_in_order_and_waits),
        T(waiting_is_bounded),
        T(one_that_cannot_start_keeps_nobody_waiting),
        T(crashes_at_once),
        T(one_that_was_ready_is_back_at_once),
        T(without_a_probe_it_ran_well_after_a_while),
        T(restart_waits_for_nobody),
        T(never_and_on_failure),
        T(unhealthy_is_restarted),
        T(a_worker_is_what_core_data_says),
        T(core_data_away_says_nothing_of_workers),
        T(only_what_changed_restarts),
        T(changed_in_its_backoff),
        T(stopped_and_running_again),
        T(removed_in_reverse_order),
        T(renamed_waits_for_the_old_one),
        T(comes_back_while_it_stops),
        T(one_group_by_another),
        T(the_old_one_ends_meanwhile),
        T(the_last_group_is_not_retired),
        T(one_of_two_workers_is_only_stopped),
        T(a_replica_goes_when_another_group_is_live),
        T(stops_all_in_reverse_order),
        T(what_is_not_known_is_not_waited_for),
        T(what_runs_is_adopted),
        T(what_is_adopted_but_changed_restarts),
        T(what_ended_for_good_stays_ended),
        T(orphans_are_stopped),
        T(sleeps_until_something_is_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
