"""Administration over HTTP: which group is preferred, promoted, retired, forgotten, which worker is drained; while
clients write and read."""

import contextlib
import json
import sqlite3
import threading

import pytest

from support import events, load
from support.client import Client
from support.service import PATIENCE
from support.waiting import until
from support.writing import Writing

GROUPS = "/api/v3/persistence/groups/"
HISTORY = 6000  # enough that the filling of a group is seen


def order(stand, path, status=200, method="POST"):
    """What an operator does with a group; the answer's body."""
    answer = stand.client.request(method, GROUPS + path)
    assert answer.status == status, answer
    assert answer.json["statusCode"] == status
    return answer.json


def gone(stand, group):
    until(lambda: group not in stand.groups(), 20 * PATIENCE, f"group {group} forgotten")


def left(service):
    """Its process ends by itself, as it should."""
    until(lambda: not service.alive, 10 * PATIENCE, f"the end of {service.name}")
    assert service.process.returncode == 0


@pytest.fixture
def pair(stand):
    """Groups sqlite and second, both LIVE from the start."""
    stand.start()
    stand.second = stand.start_group("second")
    stand.wait_state("second", "LIVE")
    return stand


@pytest.fixture
def unequal(stand):
    """Group sqlite with some events, second without; nothing is copied by itself."""
    stand.start(PERSISTBUS_AUTOCOPY="false")
    stand.add(*[events.event() for _ in range(5)])
    stand.second = stand.start_group("second")
    assert stand.groups()["second"]["state"] == "STALE"
    return stand


@contextlib.contextmanager
def reading(stand):
    """A client that reads and reads; yields what it was answered that is no 200."""
    wrong, stop = [], threading.Event()

    def run():
        client = Client(stand.http, timeout=30.0)
        while not stop.is_set():
            answer = client.get("/api/v3/event/count")
            if answer.status != 200 or "X-Persistence-Stale" in answer.headers:
                wrong.append(answer)
        client.close()
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield wrong
    finally:
        stop.set()
        thread.join(60)


def check_all_there(stand, writing):
    assert not writing.failed(), writing.failed()[:5]
    accepted = writing.accepted()
    assert accepted and stand.count() >= len(accepted)
    assert all(stand.has(id) for id in sorted(accepted)[::max(1, len(accepted) // 50)])


def pending(stand):
    """How many writes wait in core-data's spool, as the file says."""
    with contextlib.closing(sqlite3.connect(f"file:{stand.spool}/spool.sqlite?mode=ro", uri=True)) as db:
        return db.execute("SELECT count(*) FROM pending").fetchone()[0]


# ---- prefer


def test_prefer(pair):
    def preferred():
        return [name for name, group in pair.groups().items() if group["preferred"]]
    assert preferred() == ["sqlite"]
    order(pair, "second/prefer")
    assert preferred() == ["second"] == list(pair.groups())[:1]
    pair.core.kill()
    pair.start_core()
    pair.wait_settled("second")
    pair.wait_settled("sqlite")
    assert preferred() == ["second"] == list(pair.groups())[:1]
    order(pair, "sqlite/prefer")
    assert preferred() == ["sqlite"]


def test_names_that_nobody_has(pair):
    for path in ("nobody/prefer", "nobody/promote", "nobody/retire", "nobody/workers/w/drain", "sqlite/workers/w/drain",
                 "a%20b/prefer", "%C3%A9/retire", "x" * 1000 + "/prefer"):
        assert "there is no" in order(pair, path, 404)["message"] or "has no worker" in order(pair, path, 404)["message"]
    order(pair, "nobody", 404, "DELETE")
    order(pair, "sqlite/retire?force=perhaps", 400)
    assert pair.client.request("GET", GROUPS + "sqlite").status == 405
    assert set(pair.groups()) == {"sqlite", "second"}


# ---- promote


def test_promote(unequal):
    assert "LIVE and running" in order(unequal, "second/promote", 409)["message"]
    assert unequal.groups()["second"]["state"] == "STALE"
    unequal.sqlite.kill()
    answer = until(lambda: unequal.get("/event/count"), 10 * PATIENCE)
    assert answer.headers["X-Persistence-Stale"] == "second"
    assert "joined" in unequal.groups()["second"]["why"]
    assert "joined" in order(unequal, "second/promote")["lacks"]
    unequal.core.kill()
    unequal.start_core()
    unequal.wait_settled("second")
    answer = unequal.get("/event/count")
    assert answer.json["count"] == 0 and "X-Persistence-Stale" not in answer.headers
    assert order(unequal, "second/promote")["lacks"] == ""


def test_promote_with_force(unequal):
    order(unequal, "second/promote?force=true")
    unequal.wait_state("second", "LIVE")
    assert unequal.groups()["sqlite"]["state"] == "LIVE"


# ---- retire


def test_retire_under_load(pair):
    """The group that decides and answers is taken out while clients write and read: none of them notices."""
    pid = pair.core.pid
    with Writing(pair) as writing, reading(pair) as wrong:
        until(writing.more(50), 20 * PATIENCE, "some writes")
        order(pair, "sqlite/retire", 202)
        gone(pair, "sqlite")
        left(pair.sqlite)
        until(writing.more(50, 201), 20 * PATIENCE, "writes without it")
    assert not wrong, wrong[:5]
    check_all_there(pair, writing)
    assert pair.core.pid == pid and pair.groups()["second"]["preferred"]


def test_retire_what_lags(pair):
    """What waits for a group is delivered before it goes; what comes meanwhile is not for it."""
    pair.second.kill()
    made = [pair.add(events.event()) for _ in range(20)]
    until(lambda: pair.groups()["second"]["spool"]["events"] == 20, 10 * PATIENCE, "writes in the spool")
    assert pair.groups()["second"]["lag"]["oldestNs"] > 0
    pair.second.start()
    pair.wait_ready("second")
    order(pair, "second/retire", 202)
    pair.add(events.event())
    gone(pair, "second")
    left(pair.second)
    assert pending(pair) == 0
    with contextlib.closing(sqlite3.connect(pair.folder + "/second.db")) as db:
        assert db.execute("SELECT count(*) FROM events").fetchone()[0] == len(made)


def test_retire_the_only_one(served):
    served.add(events.event())
    assert "no other group that has everything is running" in order(served, "sqlite/retire", 409)["message"]
    assert served.groups()["sqlite"]["workers"] != []
    order(served, "sqlite/retire?force=true", 202)
    gone(served, "sqlite")
    left(served.sqlite)
    assert served.post(events.event()).status == 202
    served.start_sqlite()
    assert served.groups()["sqlite"]["state"] == "STALE"  # a new group, with what is in its file
    until(lambda: served.count() == 2, 10 * PATIENCE, "what waited, behind what was there")


# ---- forget


def test_forget(pair):
    assert "has a worker" in order(pair, "second?force=true", 409, "DELETE")["message"]
    pair.second.kill()
    pair.add(*[events.event() for _ in range(10)])
    until(lambda: pending(pair) == 10, 10 * PATIENCE, "writes in the spool")
    order(pair, "second", 200, "DELETE")
    assert pending(pair) == 0 and "second" not in pair.groups()
    pair.core.kill()
    pair.start_core()
    assert "second" not in pair.groups()
    pair.second.start()
    pair.wait_state("second", "LIVE", within=20)  # it is a new one, and filled
    order(pair, "second/prefer")
    assert pair.count() == 10


def test_forget_what_nobody_else_has(served):
    served.sqlite.kill()
    until(lambda: served.groups()["sqlite"]["workers"] == [], 10 * PATIENCE, "no worker")
    assert served.post(events.event()).status == 202
    assert "stored nowhere else" in order(served, "sqlite", 409, "DELETE")["message"]
    assert served.groups()["sqlite"]["spool"]["events"] == 1
    order(served, "sqlite?force=true", 200, "DELETE")
    assert served.groups() == {} and pending(served) == 0


# ---- filling a group


def verify(stand, source, target):
    """The job that compares two groups, when it is over."""
    order = {"apiVersion": "v3", "kind": "verify", "from": source, "to": target}
    answer = stand.client.post("/api/v3/persistence/jobs", json.dumps(order))
    assert answer.status == 202, answer

    def over():
        job = stand.json("/persistence/jobs/" + answer.json["id"])["job"]
        return job["state"] in ("done", "failed") and job
    return until(over, 30 * PATIENCE, "the comparison")


def test_a_group_is_killed_while_it_is_filled(served):
    posted = load.Running(served.http, count=HISTORY)
    posted.finish()
    second = served.start_group("second", wait=False)
    id = until(lambda: served.groups().get("second", {}).get("copy"), 30 * PATIENCE, "a copy")
    second.kill()
    assert served.json("/persistence/jobs/" + id)["job"]["to"] == "second"
    with Writing(served) as writing:
        until(writing.more(20), 20 * PATIENCE, "writes while it is away")
        second.start()
        served.wait_state("second", "LIVE", within=40)
    assert not writing.failed() and "copy" not in served.groups()["second"]
    served.wait_settled("second")
    job = verify(served, "sqlite", "second")
    assert (job["state"], job["missing"], job["extra"], job["different"]) == ("done", 0, 0, 0), job
    order(served, "second/prefer")
    assert served.count() == HISTORY + len(writing.answers)


# ---- drain


def test_drain_under_load(pair):
    with Writing(pair) as writing, reading(pair) as wrong:
        until(writing.more(50), 20 * PATIENCE, "some writes")
        name = pair.groups()["sqlite"]["workers"][0]["name"]
        order(pair, f"sqlite/workers/{name}/drain", 202)
        left(pair.sqlite)
        until(writing.more(50, 201), 20 * PATIENCE, "writes without it")
        assert pair.groups()["sqlite"]["workers"] == []
        pair.sqlite.start()
        pair.wait_settled("sqlite")
    assert not wrong, wrong[:5]
    check_all_there(pair, writing)
