/*
 * The parts that touch the machine: processes and their numbers, logs, folders, the watched file, the state
 * file.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "environment.h"
#include "files.h"
#include "groups.h"
#include "logfile.h"
#include "process.h"
#include "procfs.h"
#include "spawn_program.h"
#include "state.h"
#include "watch.h"

static char *s_folder(void)
{
    char *folder = strdup("/tmp/agent-test-XXXXXX");
    assert_non_null(folder);
    assert_non_null(mkdtemp(folder));
    return folder;
}

static void s_remove(char *folder)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    assert_int_equal(system(command), 0);
    free(folder);
}

static void s_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void s_read(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
}

/* ---- processes ---- */

static void s_count(void *context, pid_t pid, uint64_t ticks, const char *value)
{
    (void) pid;
    (void) ticks;
    *(int *) context += !strcmp(value, "parts/a/b");
}

static void found_by_its_mark(void **state)
{
    (void) state;
    char *folder = s_folder(), log[64];
    char *command[] = {"sleep", "100", NULL}, *env[] = {"X=1", "AGENT_TEST_MARK=parts/a/b", NULL};
    pbus_error_t error;
    uint64_t ticks, again;
    int count = 0;
    snprintf(log, sizeof log, "%s/log", folder);
    pid_t pid = spawn_program(command, env, folder, log, &error);
    assert_true(pid > 0);
    assert_int_equal(getpgid(pid), pid);
    assert_true(procfs_start(pid, &ticks) && ticks > 0);
    assert_true(procfs_is(pid, ticks) && !procfs_is(pid, ticks + 1));
    /* Its environment can be read a moment after it has begun. */
    for (int64_t end = pbus_clock_boottime() + 20000000000; count == 0 && pbus_clock_boottime() < end;)
        procfs_find("AGENT_TEST_MARK", s_count, &count);
    assert_int_equal(count, 1);
    kill(pid, SIGKILL);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t) pid, &info, WEXITED | WNOWAIT), 0);
    assert_false(procfs_start(pid, &again)); /* a zombie runs no more */
    waitpid(pid, NULL, 0);
    assert_false(procfs_is(pid, ticks));
    s_remove(folder);
}

static void what_can_not_be_started(void **state)
{
    (void) state;
    char *folder = s_folder(), log[64];
    char *none[] = {"/no/such/program", NULL}, *sleeper[] = {"sleep", "1", NULL}, *env[] = {NULL};
    pbus_error_t error;
    snprintf(log, sizeof log, "%s/log", folder);
    assert_int_equal(spawn_program(none, env, NULL, log, &error), 0);
    assert_non_null(strstr(error.text, "/no/such/program"));
    assert_int_equal(spawn_program(sleeper, env, "/no/folder", log, &error), 0);
    assert_non_null(strstr(error.text, "/no/folder"));
    s_remove(folder);
}

static void environments(void **state)
{
    (void) state;
    environment_t env = {0};
    assert_null(*environment_all(&env));
    environment_set(&env, "A", "1");
    environment_set(&env, "AB", "2");
    environment_set(&env, "A", "3");
    environment_pass(&env, "AGENT_TEST_NOT_SET");
    assert_string_equal(environment_all(&env)[0], "A=3");
    assert_string_equal(environment_all(&env)[1], "AB=2");
    assert_null(environment_all(&env)[2]);
    environment_clear(&env);
}

/* ---- files ---- */

static void logs_are_rotated(void **state)
{
    (void) state;
    char *folder = s_folder(), path[100], text[64];
    pbus_error_t error;
    logfile_rules_t rules = {.size = 10, .kept = 2};
    snprintf(rules.folder, sizeof rules.folder, "%s/a/b", folder);
    assert_int_equal(logfile_rotate(&rules, "m", &error), PBUS_OK); /* there is none yet */
    assert_int_equal(logfile_path(&rules, "m", path, sizeof path, &error), PBUS_OK);
    int writer = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);
    static const char *const lines[] = {"first line\n", "second line\n", "third line\n", "end\n"};
    for (int i = 0; i < 4; i++) {
        assert_true(write(writer, lines[i], strlen(lines[i])) > 0);
        assert_int_equal(logfile_rotate(&rules, "m", &error), PBUS_OK);
    }
    s_read(path, text, sizeof text);
    assert_string_equal(text, "end\n"); /* too small to be rotated, and at the beginning of the file */
    snprintf(path, sizeof path, "%s/a/b/m.log.1", folder);
    s_read(path, text, sizeof text);
    assert_string_equal(text, "third line\n");
    snprintf(path, sizeof path, "%s/a/b/m.log.2", folder);
    s_read(path, text, sizeof text);
    assert_string_equal(text, "second line\n");
    snprintf(path, sizeof path, "%s/a/b/m.log.3", folder);
    assert_int_not_equal(access(path, F_OK), 0);
    close(writer);
    s_remove(folder);
}

static void a_watched_file(void **state)
{
    (void) state;
    char *folder = s_folder(), path[64], other[64];
    snprintf(path, sizeof path, "%s/f", folder);
    snprintf(other, sizeof other, "%s/g", folder);
    watch_t *watch = watch_new(path);
    assert_false(watch_is_changed(watch, true)); /* it is not there, as before */
    s_write(path, "a");
    assert_true(watch_is_changed(watch, false));
    assert_false(watch_is_changed(watch, true));
    s_write(other, "bc");
    assert_false(watch_is_changed(watch, false));
    assert_int_equal(rename(other, path), 0);
    assert_true(watch_is_changed(watch, false));
    unlink(path);
    assert_true(watch_is_changed(watch, false));
    watch_destroy(&watch);
    s_remove(folder);
}

static void folders_and_files(void **state)
{
    (void) state;
    char *folder = s_folder(), *written = NULL, path[64], text[16];
    struct stat is;
    pbus_error_t error;
    snprintf(path, sizeof path, "%s/x/y", folder);
    assert_int_equal(files_make_folder(path, &error), PBUS_OK);
    assert_int_equal(files_make_folder(path, &error), PBUS_OK);
    snprintf(path, sizeof path, "%s/x/y/f", folder);
    assert_int_equal(files_save(path, &written, strdup("secret"), &error), PBUS_OK);
    s_read(path, text, sizeof text);
    assert_string_equal(text, "secret");
    assert_int_equal(stat(path, &is), 0);
    assert_int_equal(is.st_mode & 0777, 0600);
    assert_int_not_equal(files_make_folder(path, &error), PBUS_OK); /* a file is in the way */
    assert_int_not_equal(files_save("/proc/none/f", &written, strdup("x"), &error), PBUS_OK);
    assert_non_null(strstr(error.text, "/proc/none"));
    assert_string_equal(written, "secret"); /* still, as nothing else is on disk */
    free(written);
    s_remove(folder);
}

/* ---- core-data's answer ---- */

static void answers_of_groups(void **state)
{
    (void) state;
    static const char json[] =
        "{\"groups\":[{\"name\":\"a\",\"state\":\"LIVE\",\"workers\":[{\"name\":\"w\",\"ready\":true}]},"
        "{\"name\":\"b\",\"state\":\"STALE\",\"workers\":[{\"name\":\"v\"}]},{\"name\":\"c\"},3]}";
    bool ready;
    groups_t *groups = groups_parse(json, sizeof json - 1);
    assert_true(groups_is_live(groups, "a"));
    assert_false(groups_is_live(groups, "b") || groups_is_live(groups, "c") || groups_is_live(groups, "d"));
    assert_string_equal(groups_state(groups, "b"), "STALE");
    assert_string_equal(groups_state(groups, "c"), "");
    assert_null(groups_state(groups, "d"));
    assert_true(groups_has_worker(groups, "a", "w", &ready) && ready);
    assert_true(groups_has_worker(groups, NULL, "v", &ready) && !ready);
    assert_false(groups_has_worker(groups, "b", "w", &ready));
    groups_destroy(&groups);
    static const char *const bad[] = {"", "[]", "{\"groups\":{}}", "{\"groups\":"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_null(groups_parse(bad[i], strlen(bad[i])));
}

/* ---- the state file ---- */

static bool s_no_ping(void *self, const char *module, const char *url)
{
    (void) self;
    (void) module;
    (void) url;
    return false;
}

static bool s_no_groups(void *self, const char *url)
{
    (void) self;
    (void) url;
    return false;
}

static void s_release(void *self, instance_t *instance)
{
    (void) self;
    (void) instance;
}

static agent_t *s_agent(void)
{
    static const runner_ops_t ops = {.release = s_release};
    static const module_rules_t rules = {.probe = 1};
    runner_t runners[2] = {{&ops, NULL}, {&ops, NULL}};
    return agent_new(&rules, runners, (outside_t){NULL, s_no_ping, s_no_groups, s_no_ping}, NULL);
}

#define MANIFEST                                                                                             \
    "{\"modulesContent\":{\"$edgeAgent\":{\"properties.desired\":{\"schemaVersion\":\"1.1\",\"modules\":{"   \
    "\"a\":{"                                                                                                \
    "\"type\":\"process\",\"restartPolicy\":\"%s\",\"startupOrder\":4,\"env\":{\"S\":{\"value\":\"x\"}},"    \
    "\"settings\":{"                                                                                         \
    "\"command\":[\"persist-redis\"]}}}}}}}"

/* An agent with one module that runs, as process 77, and has been restarted. */
static agent_t *s_agent_with(const char *policy)
{
    char text[500];
    int size = snprintf(text, sizeof text, MANIFEST, policy);
    problems_t *problems = problems_new();
    jsonfile_t *file = jsonfile_parse("m", text, (size_t) size, problems);
    manifest_t *manifest = manifest_new(file, problems);
    agent_t *agent = s_agent();
    assert_int_equal(agent_take(agent, manifest, "http://h:1"), PBUS_OK);
    module_t *module = TAILQ_FIRST(agent_modules(agent));
    module->instance.state = INSTANCE_RUNNING;
    module->instance.pid = 77;
    module->instance.ticks = 12345;
    snprintf(module->instance.digest, MANIFEST_DIGEST, "%s", module->spec->digest);
    module->restart = (restart_t){.count = 3, .spent = true, .total = 9, .next = RESTART_NEVER};
    module->removed = true;
    module->retire = RETIRE_ASKED;
    manifest_destroy(&manifest);
    jsonfile_destroy(&file);
    problems_destroy(&problems);
    return agent;
}

static void s_save(const char *path, const char *policy)
{
    timeline_t timeline = {0};
    pbus_error_t error;
    agent_t *agent = s_agent_with(policy);
    state_t *file = state_new(path, NULL);
    timeline_look(&timeline);
    assert_int_equal(state_save(file, agent, &timeline, &error), PBUS_OK);
    state_destroy(&file);
    agent_destroy(&agent);
}

static agent_t *s_load(const char *path)
{
    timeline_t timeline = {0};
    pbus_error_t error;
    agent_t *agent = s_agent();
    state_t *file = state_new(path, NULL);
    timeline_look(&timeline);
    assert_int_equal(state_load(file, agent, &timeline, &error), PBUS_OK);
    state_destroy(&file);
    return agent;
}

static void state_is_kept(void **state)
{
    (void) state;
    char *folder = s_folder(), path[64];
    snprintf(path, sizeof path, "%s/state.json", folder);
    s_save(path, "always");
    agent_t *agent = s_load(path), *before = s_agent_with("always");
    const module_t *module = TAILQ_FIRST(agent_modules(agent)), *old = TAILQ_FIRST(agent_modules(before));
    assert_non_null(module);
    assert_string_equal(module->spec->digest, old->spec->digest);
    assert_string_equal(module->spec->group, "redis");
    assert_int_equal(module->spec->order, 4);
    assert_int_equal(module->instance.pid, 77);
    assert_int_equal(module->instance.ticks, 12345);
    assert_int_equal(module->instance.state, INSTANCE_RUNNING);
    assert_int_equal(module->restart.count, 3);
    assert_int_equal(module->restart.total, 9);
    assert_true(module->restart.next == RESTART_NEVER && module->adopting && module->removed);
    assert_int_equal(module->retire,
                     RETIRE_AWAITS); /* the answer that was waited for does not come any more */
    assert_string_equal(agent_core_url(agent), "http://h:1");
    agent_destroy(&agent);
    agent_destroy(&before);
    s_remove(folder);
}

/* The machine was started anew: what ran starts at once, but what is run once has had its turn. */
static void state_of_another_boot(void **state)
{
    (void) state;
    static const struct {
        const char *policy;
        instance_state_t is;
        bool again;
    } cases[] = {{"always", INSTANCE_ABSENT, true}, {"never", INSTANCE_ENDED, false}};
    for (size_t i = 0; i < 2; i++) {
        char *folder = s_folder(), path[64], command[200];
        snprintf(path, sizeof path, "%s/state.json", folder);
        s_save(path, cases[i].policy);
        snprintf(command, sizeof command, "sed -i 's/\"bootId\": \"[^\"]*\"/\"bootId\": \"other\"/' %s",
                 path);
        assert_int_equal(system(command), 0);
        agent_t *agent = s_load(path);
        const module_t *module = TAILQ_FIRST(agent_modules(agent));
        assert_int_equal(module->instance.state, cases[i].is);
        assert_int_equal(module->instance.pid, 0);
        assert_int_equal(module->restart.next == 0, cases[i].again);
        assert_int_equal(module->restart.total, 9);
        agent_destroy(&agent);
        s_remove(folder);
    }
}

static void bad_state_is_put_aside(void **state)
{
    (void) state;
    static const char *const bad[] = {"", "{", "{\"version\":2,\"bootId\":\"x\",\"modules\":[]}",
                                      "{\"version\":1,\"bootId\":\"x\",\"modules\":[{\"name\":\"a\"}]}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *folder = s_folder(), path[64], aside[80];
        snprintf(path, sizeof path, "%s/state.json", folder);
        snprintf(aside, sizeof aside, "%s.bad", path);
        s_write(path, bad[i]);
        agent_t *agent = s_load(path);
        assert_true(TAILQ_EMPTY(agent_modules(agent)));
        assert_int_equal(access(aside, F_OK), 0);
        assert_int_not_equal(access(path, F_OK), 0);
        agent_destroy(&agent);
        s_remove(folder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_by_its_mark),     cmocka_unit_test(what_can_not_be_started),
        cmocka_unit_test(environments),          cmocka_unit_test(logs_are_rotated),
        cmocka_unit_test(a_watched_file),        cmocka_unit_test(folders_and_files),
        cmocka_unit_test(answers_of_groups),     cmocka_unit_test(state_is_kept),
        cmocka_unit_test(state_of_another_boot), cmocka_unit_test(bad_state_is_put_aside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
