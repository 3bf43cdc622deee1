"""persistctl's commands: against a stand-in for core-data, which can be made to say anything."""

import json
import re
import signal
import subprocess
import threading

import pytest
import zmq

from support import events
from support.fake_core import FakeCore, group, job, worker
from support.service import PATIENCE, die_with_parent, environment, program, run
from support.stand import free_ports
from support.terminal import Terminal
from support.waiting import until

DONE, NOT, USAGE, AWAY = 0, 1, 2, 3
COMMANDS = ["status", "watch", "copy", "verify", "jobs", "prefer", "promote", "retire", "forget", "drain", "tap"]


@pytest.fixture
def core():
    made = FakeCore()
    yield made
    made.close()


@pytest.fixture
def ctl(core):
    """Runs a command; (status, stdout, stderr)."""
    return lambda *args: run("persistctl", args, {"PERSISTBUS_URL": core.url})


@pytest.fixture
def begun(core):
    """Starts a command that goes on until the test ends it."""
    made = []

    def start(*args):
        made.append(subprocess.Popen([program("persistctl"), *args], env=environment({"PERSISTBUS_URL": core.url}),
                                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                     preexec_fn=die_with_parent))
        return made[-1]

    yield start
    for process in made:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def terminal(core):
    made = []

    def start(*args, **kw):
        made.append(Terminal("persistctl", args, {"PERSISTBUS_URL": core.url}, **kw))
        return made[-1]

    yield start
    for one in made:
        one.close()


# ---- the command line

@pytest.mark.parametrize("name", COMMANDS)
def test_help(ctl, core, name):
    for args in ([name, "--help"], [name, "-h"], [name, "some", "thing", "--help"]):
        status, out, err = ctl(*args)
        assert (status, err) == (DONE, "")
        assert out.startswith(f"usage: persistctl [--url URL] [--json] {name}")
        assert "example" in out and f"persistctl {name}" in out.split("example", 1)[1]
        assert max(map(len, out.splitlines())) <= 120
    assert name in ctl("--help")[1]
    assert core.asked == []


@pytest.mark.parametrize("args, words", [
    ([], "name a command"),
    (["nonsense"], "no command 'nonsense'"),
    (["status", "a", "b"], "'b' is too much"),
    (["status", "--nonsense"], "no option --nonsense"),
    (["status", "-x"], "no option -x"),
    (["status", "--timeout", "soon"], "'soon' is no span of time"),
    (["status", "--url"], "--url needs a value"),
    (["watch", "-n", "0"], "'0' is no span of time"),
    (["watch", "-c", "-1"], "'-1' is no count"),
    (["watch", "redis"], "'redis' is too much"),
    (["copy", "redis"], "name two groups, FROM and TO"),
    (["verify"], "name two groups, A and B"),
    (["prefer", "--force", "redis"], "no option --force"),
    (["promote"], "name one group"),
    (["retire"], "name one group"),
    (["forget", "a", "b"], "'b' is too much"),
    (["drain"], "name one worker"),
    (["status", "--wait", "a", "--workers", "0"], "'0' is no count"),
    (["jobs", "--cancel"], "--cancel needs a value"),
    (["jobs", "--cancel", "1", "--follow", "2"], "exclude each other"),
    (["tap", "--endpoint", "nonsense"], "'nonsense' is no endpoint"),
    (["tap", "-n", "0"], "'0' is no count"),
    (["--url", "ftp://x", "status"], "'ftp://x' is no address"),
    (["--url", "ftp://x", "copy", "a", "b"], "'ftp://x' is no address"),
])
def test_a_wrong_command_line(ctl, core, args, words):
    status, out, err = ctl(*args)
    assert (status, out) == (USAGE, "")
    assert words in err and err.startswith("persistctl: ") and err.count("\n") == 1
    assert core.asked == []


@pytest.mark.parametrize("args", [["status"], ["watch"], ["copy", "a", "b"], ["verify", "a", "b"], ["jobs"], ["prefer", "a"],
                                  ["promote", "a"], ["retire", "a"], ["forget", "a"], ["drain", "a"]])
def test_core_data_is_away(args):
    url = f"http://127.0.0.1:{free_ports(1)[0]}"
    status, out, err = run("persistctl", [*args, "--url", url, "--json"])
    assert (status, out) == (AWAY, "")
    assert url in err and "can't be reached" in err and err.count("\n") == 1


@pytest.mark.parametrize("args, asked", [
    (["copy", "a", "b"], "POST jobs"), (["prefer", "a"], "POST groups/a/prefer"), (["promote", "a"], "POST groups/a/promote"),
    (["retire", "a"], "POST groups/a/retire"), (["forget", "a"], "DELETE groups/a"),
    (["jobs", "--cancel", "7"], "DELETE jobs/7"), (["jobs", "--follow", "7"], "GET jobs/7"),
])
def test_core_data_refuses(ctl, core, args, asked):
    core.jobs["7"] = job("7")
    core.answers[asked] = 409, {"message": "a is busy: wait for it\x1b[2J"}
    assert ctl(*args) == (NOT, "", "persistctl: a is busy: wait for it?[2J\n")
    core.answers[asked] = 409, {"message": "a is busy: wait for it, or use force"}
    assert ("--force a\n" in ctl(*args)[2]) == (args[0] in ("promote", "retire", "forget"))


def test_names_are_escaped(ctl, core):
    ctl("prefer", "../x y")
    assert core.asked[0][0] == "POST groups/..%2Fx%20y/prefer"


# ---- status and watch

def two_groups():
    return [group("redis", preferred=True, workers=[worker("w1", credit=4096, inFlightBytes=100, session=1)]),
            group("mongo", "STALE", why="it joined after events had been accepted", spool={"events": 1234, "bytes": 5000})]


def test_status(ctl, core):
    core.groups = two_groups()
    core.jobs["3"] = job("3", eventsSeen=10, eventsTotal=40)
    status, out, err = ctl("status")
    assert (status, err) == (DONE, "")
    assert re.search(r"^\*  redis  LIVE ", out, re.M) and re.search(r"^   mongo  STALE .* 1,234  4\.9 KiB", out, re.M)
    assert "mongo is STALE: it joined after events had been accepted\n" in out
    assert "job 3, copy redis -> mongo: running, 10 of 40 events\n" in out
    assert "\x1b" not in out


def test_status_as_json(ctl, core):
    core.groups = two_groups()
    status, out, _ = ctl("status", "--json")
    assert status == DONE and json.loads(out)["groups"] == core.groups
    status, out, _ = ctl("--json", "status", "mongo")
    assert status == DONE and json.loads(out) == core.groups[1]
    status, out, err = ctl("status", "nobody", "--json")
    assert (status, out) == (NOT, "") and "no group 'nobody'" in err


def test_status_waits_for_a_group(ctl, core):
    mongo = group("mongo", workers=[worker("m1")])
    core.jobs["1"] = job("1", eventsSeen=1, eventsTotal=4, rate=1)
    seen = iter([[], [group("mongo")], [group("mongo", "STALE", [worker("m1")], why="it is new")],
                 [group("mongo", "LAGGING", [worker("m1")])]])
    core.answers["GET groups"] = lambda: (200, {"groups": next(seen, [mongo])})
    status, out, err = ctl("status", "--wait", "mongo", "--timeout", "60")
    assert (status, err) == (DONE, "")
    assert out.splitlines()[:5] == ["mongo is not known yet", "mongo has no worker that is ready", "mongo is STALE: it is new",
                                    "copy redis -> mongo  25 %  1 of 4 events  1.0/s  3.0 s left", "mongo is LAGGING"]
    assert re.search(r"^   mongo  LIVE ", out, re.M)


def test_status_waits_in_vain(ctl, core):
    core.groups = two_groups()
    status, out, err = ctl("status", "--wait", "mongo", "--timeout", "0.1")
    assert status == NOT and out == "mongo has no worker that is ready\n"
    assert err == "persistctl: status: not so in time: mongo has no worker that is ready\n"


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b"", b'{"groups":7}', b'{"groups":[7,{"name":7,"workers":[7,{}],"spool":7}]}'])
def test_nonsense_for_an_answer(ctl, core, body):
    core.answers["GET groups"] = 200, body
    for args in (["status"], ["drain", "x"], ["status", "x"]):
        status, _, err = ctl(*args)
        assert status in (DONE, NOT, AWAY)
        assert status == DONE or err.startswith("persistctl: ")


def test_status_waits_for_workers(ctl, core):
    core.groups = [group("redis", workers=[worker("w1"), worker("w2", ready=False)])]
    status, out, err = ctl("status", "--wait", "redis", "--workers", "2", "--timeout", "0.1")
    assert status == NOT and "redis has too few workers that are ready" in err
    core.groups[0]["workers"][1]["ready"] = True
    assert ctl("status", "--wait", "redis", "-n", "2")[0] == DONE
    core.groups[0]["state"] = "STALE"
    assert ctl("status", "--wait", "redis", "-n", "2", "--timeout", "0.1")[0] == NOT
    assert ctl("status", "--wait", "redis", "-n", "2", "--any")[0] == DONE


def test_an_answer_without_end(ctl, core):
    core.answers["GET groups"] = 200, b'{"groups":"' + b"x" * (65 << 20) + b'"}'
    status, out, err = ctl("status")
    assert (status, out) == (AWAY, "") and "larger than 64 MiB" in err


def test_watch_in_a_file(begun, core):
    core.groups = two_groups()
    process = begun("watch", "-n", "0.05")
    lines = [process.stdout.readline() for _ in range(4)]
    assert [re.search(r"group=(\w+) state=(\w+)", line).groups() for line in lines] == [("redis", "LIVE"), ("mongo", "STALE")] * 2
    process.send_signal(signal.SIGINT)
    assert process.wait(5 * PATIENCE) == DONE


def test_watch_as_json_lines(ctl, core):
    core.groups = two_groups()
    status, out, _ = ctl("watch", "-n", "0.01", "--times", "3", "--json")
    assert status == DONE and [json.loads(line)["groups"] for line in out.splitlines()] == [core.groups] * 3


def test_watch_on_a_terminal(terminal, core):
    core.groups = two_groups()
    watch = terminal("watch", "-n", "0.05", columns=44, lines=8)
    watch.wait_text("redis  LIVE")
    core.groups = [group("redis", "LAGGING")]
    watch.wait_text("redis  LAGGING")
    core.answers["GET groups"] = 503, {"message": "not now"}
    watch.wait_text("not now")
    watch.process.send_signal(signal.SIGINT)
    assert watch.finish() == DONE
    assert "\x1b[32mLIVE\x1b[0m" in watch.raw
    assert watch.raw.startswith("\x1b[?1049h") and watch.raw.endswith("\x1b[?1049l")
    assert "EVENTS/S" not in watch.text  # there is no room for it


# ---- one group, one worker

def test_prefer_promote_forget(ctl, core):
    core.answers["POST groups/mongo/prefer"] = 200, {}
    core.answers["POST groups/mongo/promote"] = 200, {"lacks": "events accepted before it joined"}
    core.answers["POST groups/mongo/promote?force=true"] = 200, {}
    core.answers["DELETE groups/mongo"] = 200, {}
    core.answers["DELETE groups/mongo?force=true"] = 200, {}
    assert ctl("prefer", "mongo")[:2] == (DONE, "mongo is preferred: it decides and answers whenever it is LIVE\n")
    assert ctl("promote", "mongo")[1] == "mongo is LIVE as it is. It was STALE: events accepted before it joined\n"
    assert ctl("promote", "mongo", "--force")[1] == "mongo is LIVE\n"
    assert "mongo is forgotten" in ctl("forget", "mongo")[1]
    assert json.loads(ctl("forget", "-f", "mongo", "--json")[1]) == {"apiVersion": "v3", "statusCode": 200}


def test_retire_waits_until_the_group_is_gone(ctl, core):
    core.answers["POST groups/redis/retire"] = 202, {}
    left = iter([500, 300, 0])

    def groups():
        spool = next(left, None)
        return 200, {"groups": [] if spool is None else [group("redis", spool={"events": spool, "bytes": 0}, retiring=True)]}

    core.answers["GET groups"] = groups
    status, out, err = ctl("retire", "redis")
    assert (status, err) == (DONE, "")
    assert out.splitlines()[0] == "redis gets what waits for it   0 %  0 of 500 events  waits for a worker"
    assert out.splitlines()[-1].startswith("redis is retired")
    assert next(left, "all looked at") == "all looked at"
    status, out, _ = ctl("retire", "--no-wait", "redis")
    assert status == DONE and "is being retired" in out


def test_retire_is_left(begun, core):
    core.answers["POST groups/redis/retire?force=true"] = 202, {}
    core.groups = [group("redis")]
    process = begun("retire", "--force", "redis")
    until(lambda: core.was_asked("GET groups"), 10 * PATIENCE, "a look at the groups")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10 * PATIENCE)
    assert process.returncode == NOT and "redis is being retired, with or without you" in err


def test_drain(ctl, core):
    here = [group("redis", workers=[worker("w1", session=1), worker("w2", session=2)]),
            group("mongo", workers=[worker("w1", session=3)])]
    core.groups = here
    looks = iter([here])

    def told():
        # It leaves, and is started anew under its name: that is another session.
        core.answers["GET groups"] = lambda: (200, {"groups": next(looks, [group("redis", workers=[worker("w2", session=9)])])})
        return 202, {}

    core.answers["POST groups/redis/workers/w2/drain"] = told
    assert ctl("drain", "w1")[0] == NOT and "there are 2 workers 'w1'" in ctl("drain", "w1")[2]
    assert "there is no worker 'redis/w9'" in ctl("drain", "redis/w9")[2]
    assert ctl("drain", "w2")[:2] == (DONE, "redis/w2 has finished and left\n")
    core.answers["POST groups/mongo/workers/w1/drain"] = 202, {}
    core.answers["GET groups"] = 200, {"groups": here}
    assert ctl("drain", "--no-wait", "mongo/w1")[:2] == (DONE, "mongo/w1 has been told to finish and leave\n")


# ---- jobs

def steps(core, *made):
    """The job goes through these states, a look each, and stays in the last."""
    left = list(made)
    core.answers["POST jobs"] = 202, made[0]
    core.answers["GET jobs/" + made[0]["id"]] = lambda: (200, left.pop(0) if len(left) > 1 else left[0])


def test_copy(ctl, core):
    steps(core, job("7", eventsTotal=1000), job("7", eventsTotal=1000, eventsSeen=500, rate=100),
          job("7", "copy", state="waiting", message="mongo has no worker", eventsTotal=1000, eventsSeen=500),
          job("7", state="done", eventsTotal=1000, eventsSeen=1000, rate=80, eventsCopied=900, eventsDeleted=2,
              endedNs=1_769_882_703_500_000_000))
    status, out, err = ctl("copy", "redis", "mongo")
    assert (status, err) == (DONE, "")
    assert out.splitlines() == [
        "copy redis -> mongo   0 %  0 of 1,000 events",
        "copy redis -> mongo  50 %  500 of 1,000 events  100/s  5.0 s left",
        "copy redis -> mongo  50 %  500 of 1,000 events  mongo has no worker",
        "copy redis -> mongo 100 %  1,000 of 1,000 events  80/s",
        "mongo is equal to redis: 1,000 events compared, 900 copied, 2 deleted, in 3.5 s"]
    assert core.was_asked("POST jobs") == [{"apiVersion": "v3", "kind": "copy", "from": "redis", "to": "mongo"}]


def test_copy_on_a_terminal(terminal, core):
    steps(core, job("7", eventsTotal=1000, eventsSeen=250, rate=100))
    copy = terminal("copy", "redis", "mongo", columns=79)
    copy.wait_text("copy redis -> mongo [##--------]  25 %  250 of 1,000 events  100/s  7.5 s left")
    steps(core, job("7", state="done", eventsSeen=1000, eventsTotal=1000))
    assert copy.finish() == DONE
    assert "\r" in copy.raw and "mongo is equal to redis" in copy.text


@pytest.mark.parametrize("state, words", [("failed", "job 7 (copy redis -> mongo) failed: mongo can't be scanned"),
                                          ("cancelled", "job 7 (copy redis -> mongo) was cancelled: mongo can't be scanned")])
def test_copy_that_ends_badly(ctl, core, state, words):
    steps(core, job("7"), job("7", state=state, message="mongo can't be scanned"))
    status, _, err = ctl("copy", "redis", "mongo")
    assert status == NOT and err == f"persistctl: {words}\n"
    status, out, err = ctl("copy", "redis", "mongo", "--json")
    assert status == NOT and words in err and json.loads(out)["state"] == state


def test_verify(ctl, core):
    steps(core, job("8", "verify"), job("8", "verify", state="done", eventsSeen=50))
    status, out, _ = ctl("verify", "redis", "mongo")
    assert status == DONE and out.splitlines()[0] == "verify mongo against redis 0 events"
    assert out.endswith("\nmongo is equal to redis: 50 events compared, in 0 ms\n")
    steps(core, job("8", "verify"), job("8", "verify", state="done", eventsSeen=50, missing=3, extra=1, different=2))
    status, out, err = ctl("verify", "redis", "mongo")
    assert (status, err) == (NOT, "")
    assert out.splitlines()[-1] == "mongo is not equal to redis: 3 missing, 1 extra, 2 different: 50 events compared, in 0 ms"
    steps(core, job("9", "repair"), job("9", "repair", state="done", missing=3))
    assert ctl("verify", "--repair", "redis", "mongo")[0] == DONE
    assert [asked["kind"] for asked in core.was_asked("POST jobs")][-2:] == ["verify", "repair"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_job_is_left(begun, core, number):
    core.jobs["7"] = job("7")
    core.answers["POST jobs"] = 202, core.jobs["7"]
    process = begun("copy", "redis", "mongo")
    until(lambda: len(core.was_asked("GET jobs/7")) > 1, 10 * PATIENCE, "a look at the job that it has found")
    process.send_signal(number)
    _, err = process.communicate(timeout=10 * PATIENCE)
    assert process.returncode == NOT
    assert "job 7 goes on without you" in err and "jobs --follow 7" in err and "jobs --cancel 7" in err
    assert not core.was_asked("DELETE jobs/7")


def test_a_job_that_nobody_waits_for(ctl, core):
    core.answers["POST jobs"] = 202, job("7")
    assert ctl("copy", "--no-wait", "a", "b")[:2] == (DONE, "job 7 runs: persistctl jobs --follow 7 shows it\n")
    assert json.loads(ctl("copy", "--no-wait", "a", "b", "--json")[1])["id"] == "7"


def test_what_runs_already_is_joined(ctl, core):
    """core-data copies by itself."""
    core.jobs["5"] = job("5", auto=True, to="other")
    core.jobs["6"] = job("6", auto=True)
    core.answers["GET jobs/6"] = 200, job("6", state="done", eventsSeen=5)
    status, out, _ = ctl("copy", "redis", "mongo")
    assert status == DONE and "mongo is equal to redis: 5 events compared" in out
    assert not core.was_asked("POST jobs")
    core.jobs["6"]["state"] = "done"
    core.answers["POST jobs"] = 202, job("7")
    assert "job 7 runs" in ctl("copy", "--no-wait", "redis", "mongo")[1]


def test_core_data_forgets_a_job(ctl, core):
    core.answers["POST jobs"] = 202, job("7")
    status, _, err = ctl("copy", "a", "b")
    assert status == NOT and "job 7 is not known: core-data forgets old jobs" in err


def test_jobs(ctl, core):
    assert ctl("jobs") == (DONE, "no job runs, and none has ended lately\n", "")
    core.jobs["2f00"] = job("2f00dc96-1580", auto=True, eventsSeen=30, eventsTotal=40, rate=12.5)
    core.jobs["2fe1"] = job("2fe1d1ca-4444", "verify", state="failed", message="mongo is gone")
    status, out, _ = ctl("jobs")
    assert status == DONE
    assert re.search(r"^2f00dc96  copy redis -> mongo \(by itself\)  running  75 %      30 .* 13  2026-01-31 18:05:00$", out, re.M), out
    assert re.search(r"^2fe1d1ca  verify mongo against redis  .*failed ", out, re.M)
    assert out.endswith("job 2fe1d1ca: mongo is gone\n") and "job 2f00" not in out
    assert len(json.loads(ctl("jobs", "--json")[1])["jobs"]) == 2
    core.answers["DELETE jobs/2f00dc96-1580"] = 200, {}
    core.answers["GET jobs/2fe1d1ca-4444"] = 200, core.jobs["2fe1"]
    assert ctl("jobs", "--cancel", "2f0")[:2] == (DONE, "job 2f00dc96 is cancelled; what it has copied stays\n")
    assert ctl("jobs", "--follow", "2fe") == (NOT, "verify mongo against redis 0 events\n",
                                              "persistctl: job 2fe1d1ca (verify mongo against redis) failed: mongo is gone\n")
    assert ctl("jobs", "--follow", "2f")[2] == "persistctl: there are several jobs '2f...': write more of it\n"
    assert ctl("jobs", "--cancel", "3")[2] == "persistctl: there is no job '3': see persistctl jobs\n"


# ---- tap, on the real stream

def test_tap(served):
    process = subprocess.Popen([program("persistctl"), "tap", "-n", "3", "edgex/events/core/"], text=True,
                               env=environment({"PERSISTBUS_EVENTS": served.stream}), stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=die_with_parent)
    made = []

    def ended():
        # A subscription takes effect when core-data has read it, so the first may be missed.
        made.append(served.add(events.event()))
        return process.poll() is not None

    try:
        assert "following tcp://" in process.stderr.readline()
        until(ended, 10 * PATIENCE, "the end of tap", pause=0.05)
        out, err = process.communicate(timeout=10 * PATIENCE)
    finally:
        process.kill()
    assert (process.returncode, err) == (DONE, "")
    lines = [json.loads(line) for line in out.splitlines()]
    ids = [line["event"]["id"] for line in lines]
    at = [event["id"] for event in made].index(ids[0])
    assert ids == [event["id"] for event in made[at:at + 3]]
    assert lines[0]["topic"].startswith("edgex/events/core/")
    assert lines[0]["event"]["readings"][0]["resourceName"] == "temperature" and lines[0]["correlationID"]


def test_tap_outlives_core_data(served):
    process = subprocess.Popen([program("persistctl"), "tap"], env=environment({"PERSISTBUS_EVENTS": served.stream}), text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               preexec_fn=die_with_parent)
    try:
        assert "following tcp://" in process.stderr.readline()
        served.core.kill()
        assert "has gone" in process.stderr.readline()
        served.core.start()
        assert "is back" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(5 * PATIENCE) == DONE
    finally:
        process.kill()
        process.communicate()


def test_tap_at_something_else(stand):
    """What does not come from core-data is told, once, and nothing is printed."""
    context = zmq.Context()
    other = context.socket(zmq.PUB)
    other.bind(stand.stream)
    process = subprocess.Popen([program("persistctl"), "tap", "x", "--endpoint", stand.stream], env=environment(), text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               preexec_fn=die_with_parent)
    try:
        assert "following tcp://" in process.stderr.readline()
        junk = [[b"x"], [b"x", b"{", b"3"], [b"x", b"\xff\x00"], [b"x", b'{"payload":null'], [b"x", b"[1]"], [b"x\xff", b'{"payload":1}']]
        told = []
        reader = threading.Thread(target=lambda: told.append(process.stderr.readline()))
        reader.start()

        def sent():
            for frames in junk:
                other.send_multipart(frames)
            return told

        until(sent, 10 * PATIENCE, "a word about it", pause=0.05)
        reader.join()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=10 * PATIENCE)
        assert process.returncode == DONE and out == ""
        assert "is no event of core-data's" in told[0]
        assert re.fullmatch(r"persistctl: tap: \d+ messages were no events of core-data's\n", err)
    finally:
        process.kill()
        other.close(linger=0)
        context.term()


def test_tap_where_nobody_is():
    status, out, err = run("persistctl", ["tap", "--endpoint", f"tcp://127.0.0.1:{free_ports(1)[0]}"], within=20)
    assert (status, out) == (AWAY, "") and "nobody answers at tcp://" in err


# ---- bash

def completed(root, core, *words):
    script = (f"source {root}/tools/persistctl/completion.bash; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _persistctl; "
              'printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-c", script, "bash", program("persistctl"), *words], text=True, capture_output=True,
                          env=environment({"PERSISTBUS_URL": core.url}), timeout=30)
    return done.stdout.split()


def test_completion(root, core):
    core.groups = two_groups()
    core.jobs["2"] = job("2f00dc96-1580")
    assert set(COMMANDS) <= set(completed(root, core, ""))
    assert completed(root, core, "st") == ["status"]
    assert completed(root, core, "--u") == ["--url"]
    assert completed(root, core, "retire", "") == ["redis", "mongo"]
    assert completed(root, core, "--json", "copy", "redis", "m") == ["mongo"]
    assert completed(root, core, "drain", "") == ["redis/w1"]
    assert completed(root, core, "jobs", "--cancel", "") == ["2f00dc96"]
    assert completed(root, core, "verify", "--re") == ["--repair"]
    assert completed(root, core, "--url", core.url, "prefer", "r") == ["redis"]
