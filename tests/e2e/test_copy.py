"""A group that came late, or lost something, is filled from another one while clients write and delete; groups are
compared and mended on demand; whatever is killed meanwhile."""

import random
import sqlite3
import threading
import uuid

import pytest

from support import copying, events, load
from support.client import Client
from support.fake_worker import FakeWorker
from support.service import INSTRUMENTED, PATIENCE
from support.waiting import until
from support.writing import Writing

HISTORY = 3000 if INSTRUMENTED else 8000


@pytest.fixture
def groups(stand):
    with copying.groups(stand) as made:
        yield made


class Deleting:
    """Deletes events of run 1 by their ids, some of those that are there, and two devices, while it goes on."""

    def __init__(self, stand, count):
        self.stand, self.count, self.deleted, self.failed = stand, count, [], []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join(60)

    def _delete(self, client, path):
        answer = client.delete("/api/v3" + path)
        if answer.status not in (200, 202, 404):
            self.failed.append((path, answer))

    def _run(self):
        client, numbers = Client(self.stand.http), list(range(self.count))
        random.Random(1).shuffle(numbers)
        for step, n in enumerate(numbers):
            if self.stopping.wait(0.01):
                break
            self._delete(client, "/event/id/" + load.event_id(1, n))
            self.deleted.append(load.event_id(1, n))
            if step in (20, 60):
                self._delete(client, f"/event/device/name/load-{step}")
        client.close()


class Churning:
    """Posts and deletes few ids again and again, with other origins and devices, so that a group that lacks some of
    them takes what another one refuses."""

    def __init__(self, stand, threads=4):
        self.stand, self.failed, self.posted = stand, [], 0
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(n,), daemon=True) for n in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)

    def _one(self, client, chance):
        id, kind = load.event_id(9, chance.randrange(300)), chance.random()
        if kind < 0.55:
            event = events.event(id, device=f"churn-{chance.randrange(5)}",
                                 origin=events.BASE + chance.randrange(10**6))
            return client.post(events.path(event), events.request(event))
        if kind < 0.98:
            return client.delete("/api/v3/event/id/" + id)
        return client.delete(f"/api/v3/event/device/name/churn-{chance.randrange(5)}")

    def _run(self, number):
        client, chance = Client(self.stand.http, timeout=30), random.Random(number)
        while not self.stopping.is_set():
            answer = self._one(client, chance)
            self.posted += answer.status == 201
            if answer.status not in (200, 201, 202, 404, 409):
                self.failed.append(answer)
        client.close()


def pair(stand, groups, source="sqlite", target="other", history=HISTORY, target_kind="sqlite", **env):
    """A source with history; the target's group is known to nobody yet."""
    stand.start_core(PERSISTBUS_PREFER=source, **env)
    groups.add(source)
    groups.add(target, target_kind)
    groups.start(source)
    copying.fill(stand, history)


@pytest.mark.parametrize("source, target", [("sqlite", "redis"), ("redis", "sqlite"), ("sqlite", "postgres")])
def test_a_late_group_fills_by_itself(stand, groups, source, target):
    """While events are written, and deleted by id and by device; it answers for all of them when it is alone."""
    pair(stand, groups, source, target, target_kind=None)
    with Writing(stand, threads=2, rate=100) as writing, Deleting(stand, HISTORY) as deleting:
        groups.start(target)
        groups.wait_live(target)
        until(lambda: len(deleting.deleted) > 100, 30 * PATIENCE, "deletes")
    assert not writing.failed() and not deleting.failed
    groups.wait_live(source, target)
    copied = [j for j in copying.jobs(stand) if j["auto"]][0]
    assert copied["state"] == "done" and copied["to"] == target and copied["eventsCopied"] > HISTORY / 2
    copying.expect_equal(stand, source, target)
    count = stand.count()
    groups.stop(source)
    assert stand.groups()[target]["state"] == "LIVE"
    assert stand.count() == count > 0
    assert not any(stand.has(id) for id in deleting.deleted[:50])
    assert stand.count("/event/count/device/name/load-20") == 0
    assert all(stand.has(id) for id in list(writing.accepted())[:50])


def test_ids_used_again(stand, groups):
    pair(stand, groups, history=HISTORY // 4)
    with Churning(stand) as churning:
        until(lambda: churning.posted > 300, 30 * PATIENCE, "events")
        groups.start("other")
        groups.wait_live("other")
        copying.expect_equal(stand, "sqlite", "other")
    assert not churning.failed
    groups.wait_live("sqlite", "other")
    copying.expect_equal(stand, "sqlite", "other")


def test_differences_are_found_and_mended(stand, groups):
    """What somebody did to a store behind the service's back."""
    pair(stand, groups)
    groups.start("other")
    groups.wait_live("other")
    copying.expect_equal(stand, "sqlite", "other")
    groups.stop("other")
    with sqlite3.connect(groups.servers["other"].environment["SQLITE_PATH"]) as db:
        gone, changed = (uuid.UUID(load.event_id(1, n)).bytes for n in (17, HISTORY - 5))
        assert db.execute("delete from events where id = ?", (gone,)).rowcount == 1
        assert db.execute("update events set accept = accept - 1 where id = ?", (changed,)).rowcount == 1
    db.close()
    groups.start("other")
    groups.wait_live("other")
    found = copying.run(stand, "verify", "sqlite", "other")
    assert (found["missing"], found["extra"], found["different"]) == (1, 0, 1)
    assert found["windowsDifferent"] >= 1 and "not equal" in found["message"]
    assert copying.differences(stand, "other", "sqlite") == (0, 1, 1)
    mended = copying.run(stand, "repair", "sqlite", "other")
    assert mended["eventsCopied"] == 2 and mended["eventsDeleted"] == 1
    copying.expect_equal(stand, "sqlite", "other")


@pytest.mark.parametrize("victim", ["core-data", "source", "target"])
def test_killed_in_the_middle(stand, groups, victim):
    """The copy goes on, or begins anew, and what is there already is not brought over again."""
    pair(stand, groups)
    with Writing(stand, threads=2, rate=200) as writing:
        groups.start("other")
        before = copying.wait_copying(stand, "other", HISTORY // 4)
        killed = {"core-data": stand.core, "source": groups.workers["sqlite"],
                  "target": groups.workers["other"]}[victim]
        killed.kill()
        killed.start()
        stand.wait_ping()
        groups.wait_live("sqlite", "other")
    groups.wait_live("sqlite", "other")
    copied = copying.jobs(stand)[0]
    again = copied["eventsCopied"] + (before["eventsCopied"] if copied["id"] != before["id"] else 0)
    assert copied["state"] == "done" and again < 1.5 * HISTORY, (before, copied)
    copying.expect_equal(stand, "sqlite", "other")
    accepted = writing.accepted()
    assert accepted and all(stand.has(id) for id in accepted)


def test_waits_for_a_group_that_is_away(stand, groups):
    pair(stand, groups, PERSISTBUS_AUTOCOPY="false")
    groups.start("other")
    groups.stop("sqlite")
    id = copying.begin(stand, "copy", "sqlite", "other")
    waiting = until(lambda: copying.job(stand, id)["state"] == "waiting" and copying.job(stand, id), 20 * PATIENCE,
                    "a job that waits")
    assert waiting["message"] and waiting["eventsCopied"] == 0
    groups.start("sqlite")
    assert copying.wait_over(stand, id)["state"] == "done"
    groups.wait_live("other")
    copying.expect_equal(stand, "sqlite", "other")


def test_only_on_demand(stand, groups):
    """With PersistBus.AutoCopy false a late group stays STALE until somebody asks; a repair leaves its state alone."""
    pair(stand, groups, PERSISTBUS_AUTOCOPY="false", history=500)
    groups.start("other")
    assert copying.jobs(stand) == [] and stand.groups()["other"]["state"] == "STALE"
    refused = copying.order(stand, "copy", "other", "sqlite")
    assert refused.status == 202
    failed = copying.wait_over(stand, refused.json["id"])
    assert failed["state"] == "failed" and "group other is STALE" in failed["message"]
    assert copying.differences(stand, "sqlite", "other") == (500, 0, 0)
    copying.run(stand, "repair", "sqlite", "other")
    assert stand.groups()["other"]["state"] == "STALE"
    copied = copying.run(stand, "copy", "sqlite", "other")
    assert copied["eventsCopied"] == 0 and copied["windowsDifferent"] == 0
    assert stand.groups()["other"]["state"] == "LIVE"
    assert all(not j["auto"] for j in copying.jobs(stand))


def test_promoted_and_then_mended(stand, groups):
    """With no LIVE group left, one that lacks something takes over; what it lacks comes when the other one is back."""
    pair(stand, groups, PERSISTBUS_AUTOCOPY="false", history=500)
    groups.start("other")
    groups.stop("sqlite")
    answer = stand.client.post("/api/v3/persistence/groups/other/promote", {})
    assert answer.status == 200, answer
    assert stand.groups()["other"]["state"] == "LIVE" and stand.count() == 0
    groups.start("sqlite")
    groups.wait_live("sqlite")
    assert copying.differences(stand, "sqlite", "other") == (500, 0, 0)
    copying.run(stand, "repair", "sqlite", "other")
    copying.expect_equal(stand, "sqlite", "other")


def test_a_worker_without_digests(stand, groups):
    """One of the protocol's first minor version is scanned; as the source, and as the target."""
    stand.start_core(PERSISTBUS_PREFER="fake")
    worker = FakeWorker(stand)
    stand.wait_ready("fake")
    copying.fill(stand, 700)
    groups.add("sqlite")
    groups.start("sqlite")
    groups.wait_live("sqlite")
    copying.expect_equal(stand, "fake", "sqlite")
    with worker.store.lock:
        worker.store.events.pop(uuid.UUID(load.event_id(1, 5)).bytes)
    assert copying.differences(stand, "sqlite", "fake") == (1, 0, 0)
    copying.run(stand, "repair", "sqlite", "fake")
    copying.expect_equal(stand, "sqlite", "fake")


def test_cancelled(stand, groups):
    """It ends at once, keeps what it has, and does not begin again by itself."""
    pair(stand, groups)
    with Writing(stand, threads=2, rate=200) as writing:
        groups.start("other")
        running = copying.wait_copying(stand, "other")
        twice = copying.order(stand, "verify", "sqlite", "other")
        assert twice.status == 409 and running["id"] in twice.json["message"]
        assert stand.delete("/persistence/jobs/" + running["id"]).status in (200, 202)  # it may be over by then
        assert copying.wait_over(stand, running["id"])["state"] == "cancelled"
    assert stand.groups()["other"]["state"] == "STALE"
    copied = copying.run(stand, "copy", "sqlite", "other")
    assert stand.groups()["other"]["state"] == "LIVE"
    assert copied["eventsCopied"] <= HISTORY + len(writing.accepted())  # some were there before the group
    assert stand.delete("/persistence/jobs/" + copied["id"]).status == 200


@pytest.mark.parametrize("body, status", [
    ({"apiVersion": "v3", "kind": "copy", "from": "sqlite", "to": "nowhere"}, 404),
    ({"apiVersion": "v3", "kind": "copy", "from": "nowhere", "to": "sqlite"}, 404),
    ({"apiVersion": "v3", "kind": "move", "from": "sqlite", "to": "sqlite"}, 400),
    ({"apiVersion": "v3", "kind": "copy", "from": "sqlite", "to": "sqlite"}, 400),
    ({"apiVersion": "v3", "kind": "copy", "from": "sqlite"}, 400), ([], 400)])
def test_bad_orders(served, body, status):
    answer = served.client.post("/api/v3/persistence/jobs", body)
    assert answer.status == status and answer.json["statusCode"] == status and answer.json["message"]
    assert copying.jobs(served) == []


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_unknown_jobs(served, method):
    answer = served.client.request(method, "/api/v3/persistence/jobs/00000000-0000-4000-8000-000000000000")
    assert answer.status == 404 and "there is no job" in answer.json["message"]
