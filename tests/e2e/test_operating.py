"""persistctl on the real core-data: groups of two SQLite files, filled, compared, preferred, promoted, retired, forgotten."""

import json
import os
import signal
import subprocess

import pytest

from support import events
from support.service import PATIENCE, die_with_parent, environment, program, run
from support.waiting import until

DONE, NOT = 0, 1
HISTORY = 300


@pytest.fixture
def ctl(stand):
    def command(*args, status=DONE):
        done, out, err = run("persistctl", args, {"PERSISTBUS_URL": f"http://127.0.0.1:{stand.http}"}, within=30.0)
        assert done == status, (args, done, out, err)
        return out + err
    return command


def other(stand, name="other", **env):
    """A worker of another group, with a file of its own."""
    made = stand.service("persist-sqlite", {**stand.bus_environment(), "PERSISTBUS_GROUP": name, "PERSISTBUS_WORKER": "w",
                                            "SQLITE_PATH": os.path.join(stand.folder, name + ".db"), **env}, label=name)
    return made.start()


@pytest.fixture
def pair(stand, ctl):
    """Group sqlite with history; group other, STALE, as nothing is copied by itself."""
    stand.start(PERSISTBUS_AUTOCOPY="false")
    stand.add(*[events.event(device=f"d{n % 3}") for n in range(HISTORY)])
    stand.other = other(stand)
    stand.wait_ready("other")
    return stand


def test_compare_and_fill(pair, ctl):
    assert "other is STALE: it joined" in ctl("status")
    told = ctl("verify", "sqlite", "other", status=NOT)
    assert f"other is not equal to sqlite: {HISTORY} missing, 0 extra, 0 different" in told
    assert pair.groups()["other"]["state"] == "STALE"
    assert f"other is equal to sqlite: {HISTORY} events compared, {HISTORY} copied, 0 deleted" in ctl("copy", "sqlite", "other")
    assert pair.groups()["other"]["state"] == "LIVE"
    job = json.loads(ctl("verify", "sqlite", "other", "--json"))
    assert (job["state"], job["eventsSeen"], job["missing"], job["extra"], job["different"]) == ("done", HISTORY, 0, 0, 0)
    assert ctl("jobs").count("done") == 3
    assert "there is no persistence group 'nobody'" in ctl("copy", "sqlite", "nobody", status=NOT)


def test_repair(pair, ctl):
    assert "other is equal to sqlite" in ctl("verify", "--repair", "sqlite", "other")
    ctl("verify", "sqlite", "other")
    assert ctl("--json", "jobs").count('"repair"') == 1


def test_copies_by_itself(stand, ctl):
    stand.start()
    stand.add(*[events.event() for _ in range(HISTORY)])
    other(stand)
    told = ctl("status", "--wait", "other", "--timeout", "30")
    assert " other   LIVE " in told
    assert "copy sqlite -> other (by itself)" in ctl("jobs")


def test_a_job_goes_on_without_persistctl(pair, ctl):
    """The target has no worker, so the copy waits; who asked for it leaves."""
    pair.other.kill()
    until(lambda: not pair.ready_workers("other"), 10 * PATIENCE, "the end of the worker's session")
    copy = subprocess.Popen([program("persistctl"), "copy", "sqlite", "other"], text=True, stdin=subprocess.DEVNULL,
                            env=environment({"PERSISTBUS_URL": f"http://127.0.0.1:{pair.http}"}), stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, preexec_fn=die_with_parent)
    try:
        assert copy.stdout.readline().startswith("copy sqlite -> other")
        copy.send_signal(signal.SIGINT)
        err = copy.communicate(timeout=10 * PATIENCE)[1]
    finally:
        copy.kill()
    assert copy.returncode == NOT and "goes on without you" in err
    id = err.split("jobs --cancel ")[1].split()[0]
    pair.other.start()
    assert "other is equal to sqlite" in ctl("jobs", "--follow", id)
    assert pair.groups()["other"]["state"] == "LIVE"


def test_cancel(pair, ctl):
    pair.other.kill()
    until(lambda: not pair.ready_workers("other"), 10 * PATIENCE, "the end of the worker's session")
    id = json.loads(ctl("copy", "--no-wait", "--json", "sqlite", "other"))["id"]
    assert f"job {id[:8]} is cancelled" in ctl("jobs", "--cancel", id[:8])
    assert "was cancelled" in ctl("jobs", "--follow", id, status=NOT)


def test_prefer(pair, ctl):
    ctl("copy", "sqlite", "other")
    assert pair.groups()["sqlite"]["preferred"]
    assert "other is preferred" in ctl("prefer", "other")
    assert pair.groups()["other"]["preferred"]
    assert "no group 'nobody'" in ctl("prefer", "nobody", status=NOT)


def test_promote(pair, ctl):
    told = ctl("promote", "other", status=NOT)
    assert "sqlite is LIVE" in told and "persistctl promote --force other" in told
    pair.sqlite.stop()
    pair.wait_ready("sqlite", 0)
    assert "other is LIVE as it is. It was STALE: it joined" in ctl("promote", "other")
    assert pair.groups()["other"]["state"] == "LIVE" and pair.count() == 0


def test_drain(pair, ctl):
    assert ctl("drain", "other/w") == "other/w has finished and left\n"
    assert pair.other.wait(5) == 0
    assert "there is no worker 'w'" in ctl("drain", "w", status=NOT)
    pair.other.start()
    pair.wait_ready("other")
    assert ctl("drain", "w") == "other/w has finished and left\n"


def test_retire(pair, ctl):
    told = ctl("retire", "sqlite", status=NOT)
    assert "copy" in told and "persistctl retire --force sqlite" in told
    ctl("copy", "sqlite", "other")
    assert "sqlite is retired" in ctl("retire", "sqlite")
    assert list(pair.groups()) == ["other"] and pair.count() == HISTORY
    assert pair.sqlite.wait(5) == 0


def test_forget(pair, ctl):
    assert "other has a worker" in ctl("forget", "other", status=NOT)
    pair.other.stop()
    pair.wait_ready("other", 0)
    pair.add(events.event())
    assert pair.groups()["other"]["spool"]["events"] == 1
    assert "other is forgotten" in ctl("forget", "other")
    assert list(pair.groups()) == ["sqlite"]


def test_watch_outlives_core_data(stand, ctl):
    stand.start()
    watch = subprocess.Popen([program("persistctl"), "watch", "-n", "0.05"], text=True, stdin=subprocess.DEVNULL,
                             env=environment({"PERSISTBUS_URL": f"http://127.0.0.1:{stand.http}"}), stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, preexec_fn=die_with_parent)
    try:
        assert "group=sqlite state=LIVE" in watch.stdout.readline()
        stand.core.kill()
        assert "can't be reached" in watch.stderr.readline()
        stand.core.start()
        until(lambda: "workers=1" in watch.stdout.readline(), 10 * PATIENCE, "the group, once more")
        watch.send_signal(signal.SIGTERM)
        assert watch.wait(5 * PATIENCE) == DONE
    finally:
        watch.kill()
        watch.communicate()
