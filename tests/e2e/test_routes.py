"""PersistBus.Routes: a group that gets only the events that its routes let through, beside a complete one and alone."""

import contextlib
import json
import os
import sqlite3

import pytest

from support import events
from support.agent import Agent
from support.service import PATIENCE, run
from support.waiting import until

CAMERAS = "FROM /events WHERE deviceName = 'cam-*' INTO group(\"some\")"


def camera(**more):
    return events.event(device="cam-1", **more)


def stored(stand, group):
    """The ids in a group's own database."""
    with contextlib.closing(sqlite3.connect(f"file:{stand.folder}/{group}.db?mode=ro", uri=True)) as db:
        return {row[0].hex() for row in db.execute("SELECT id FROM events")}


def ids(*made):
    return {e["id"].replace("-", "") for e in made}


def has(stand, group, *made):
    """In the end, as a busy machine may send it by the spool."""
    until(lambda: stored(stand, group) == ids(*made), 10 * PATIENCE, f"{len(made)} events in {group}")


def started(stand, *groups, routes=CAMERAS):
    stand.start_core(PERSISTBUS_ROUTES=routes)
    return [stand.start_group(name) for name in groups]


def gone(stand, group):
    until(lambda: not stand.ready_workers(group), 5 * PATIENCE, f"{group} without a worker")


def count(stand, stale):
    answer = stand.get("/event/count")
    assert answer.status == 200, answer
    assert answer.headers.get("X-Persistence-Stale") == stale
    return answer.json["count"]


def test_beside_a_complete_group(stand):
    """Though it came first: the complete one decides and answers, and deletes reach both."""
    started(stand, "some", "all")
    made = [stand.add(camera()) for _ in range(5)] + [stand.add(events.event()) for _ in range(5)]
    has(stand, "all", *made)
    has(stand, "some", *made[:5])
    assert count(stand, None) == 10
    assert {e["id"] for e in stand.json("/event/all")["events"]} == {e["id"] for e in made}
    assert stand.post(made[0]).status == 409
    assert stand.delete("/event/id/" + made[0]["id"]).status == 200
    assert stand.delete("/event/id/" + made[9]["id"]).status == 200
    assert stand.delete("/event/id/" + made[9]["id"]).status == 404
    has(stand, "some", *made[1:5])
    assert stand.delete("/event/device/name/cam-1").status == 202
    has(stand, "some")
    has(stand, "all", *made[5:9])
    groups = stand.groups()
    assert groups["some"]["narrowed"] is True and groups["some"]["routes"] == [CAMERAS]
    assert "narrowed" not in groups["all"] and groups["all"]["preferred"] and not groups["some"]["preferred"]
    assert groups["some"]["differing"] == 0


def test_what_operators_may_not_do(stand):
    started(stand, "all", "some")
    ctl = lambda *args: run("persistctl", args, {"PERSISTBUS_URL": f"http://127.0.0.1:{stand.http}"})
    for kind, source, target in (("copy", "all", "some"), ("verify", "all", "some"), ("copy", "some", "all")):
        answer = stand.client.post("/api/v3/persistence/jobs",
                                   {"apiVersion": "v3", "kind": kind, "from": source, "to": target})
        assert answer.status == 409 and "group some is narrowed by PersistBus.Routes" in answer.json["message"]
    for command in ("prefer", "promote"):
        status, _, err = ctl(command, "some")
        assert status == 1 and "group some is narrowed: take its routes out of PersistBus.Routes first" in err
    status, out, err = ctl("status", "--wait", "some", "--timeout", "10")
    assert status == 0, err
    assert "NARROWED" in out and "some is narrowed: PersistBus.Routes let only a part" in out


def test_alone(stand):
    """What it does not get waits in the spool, over a crash as well, for a group that gets everything."""
    started(stand, "some")
    kept = [camera(), camera()]
    stand.add(*kept)
    waiting = [events.event() for _ in range(4)]
    assert [stand.post(e).status for e in waiting] == [202] * 4
    assert stand.core.log().count("no group gets everything (PersistBus.Routes") == 1
    assert count(stand, "some") == 2
    assert stand.get("/event/id/" + kept[0]["id"]).headers["X-Persistence-Stale"] == "some"
    assert stand.delete("/event/id/" + waiting[0]["id"]).status == 202
    stand.core.kill()
    stand.start_core()
    stand.wait_ready("some")
    assert stand.post(events.event(id=waiting[0]["id"])).status == 202
    assert stand.delete("/event/id/" + waiting[1]["id"]).status == 202
    stand.start_group("all")
    has(stand, "all", waiting[0], *waiting[2:])
    has(stand, "some", *kept)


def test_the_complete_group_is_away(stand):
    """201 from the narrowed one for what it gets, 202 for the rest; the complete one gets all of it when it is back."""
    every, _ = started(stand, "all", "some")
    before = stand.add(events.event())
    every.kill()
    gone(stand, "all")
    both, one = camera(), events.event()
    assert stand.post(both).status == 201
    assert stand.post(one).status == 202
    assert count(stand, "some") == 1
    with contextlib.closing(sqlite3.connect(f"file:{stand.spool}/spool.sqlite?mode=ro", uri=True)) as db:
        assert db.execute("SELECT sole FROM writes").fetchall() == [(1,), (1,)]  # else a time to live might drop it
    stand.core.kill()
    stand.start_core()
    every.start()
    stand.wait_settled("all")
    assert count(stand, None) == 3
    has(stand, "all", before, both, one)
    has(stand, "some", both)


def test_the_narrowed_group_is_away(stand):
    """Only what is for it waits for it; nobody waits for it."""
    _, some = started(stand, "all", "some")
    some.kill()
    gone(stand, "some")
    made = [stand.add(camera()), stand.add(events.event()), stand.add(camera())]
    until(lambda: stand.groups()["some"]["spool"]["events"] == 2, 5 * PATIENCE, "two events in its spool")
    some.start()
    has(stand, "some", made[0], made[2])


def test_routes_that_go(stand):
    """It is STALE then, and is filled like any other."""
    started(stand, "all", "some")
    made = [stand.add(camera()), stand.add(events.event())]
    stand.core.stop()
    stand.start_core(PERSISTBUS_ROUTES="")
    stand.wait_settled("some", within=30)
    has(stand, "some", *made)


def test_several_routes_in_the_file(stand):
    path = os.path.join(stand.folder, "core.yaml")
    with open(path, "w") as f:
        f.write("PersistBus:\n  Routes:\n"
                "    - FROM /events WHERE deviceName = 'a,b' INTO group(\"some\")\n"
                "    - from /* where NOT (profileName <> 'alarm' OR sourceName = '*-raw') into group('some')\n")
    stand.start_core(args=["--config", path])
    stand.start_group("all")
    stand.start_group("some")
    passed = [events.event(device="a,b"), events.event(profile="alarm", source="x")]
    other = [events.event(device="a"), events.event(profile="alarm", source="x-raw")]
    stand.add(*passed, *other)
    has(stand, "some", *passed)
    has(stand, "all", *passed, *other)


@pytest.mark.parametrize("routes, message", [
    ("FROM /events WHERE device = 'x' INTO group(\"m\")", "PersistBus.Routes: route 1, column 20: 'device' is there where "
     "deviceName, profileName, sourceName, NOT or ( should be"),
    (CAMERAS + ",FROM /events INTO $upstream", "PersistBus.Routes: route 2, column 19: '$' is there where group"),
])
def test_broken_routes(stand, routes, message):
    status, out, err = run("core-data", env={**stand.core_environment(), "PERSISTBUS_ROUTES": routes})
    assert status != 0 and message in out + err


def test_from_a_manifest(stand):
    """Through the agent; a manifest with a route that can't be read changes nothing."""
    agent = Agent(stand)
    modules = {"core-data": agent.core()}
    for name in ("all", "some"):
        modules[name] = agent.worker("sqlite", {"SQLITE_PATH": f"{stand.folder}/{name}.db", "PERSISTBUS_GROUP": name})
    agent.deploy(modules, routes={"cameras": CAMERAS})
    agent.start()
    agent.wait_ready(*modules)
    made = [stand.add(camera()), stand.add(events.event())]
    has(stand, "all", *made)
    has(stand, "some", made[0])
    agent.deploy(modules, routes={"cameras": CAMERAS.replace("=", "LIKE")})
    assert "column 31: 'LIKE' is there where =, != or <> should be" in agent.wait_manifest(400)
    stand.add(camera())
    agent.stop()


def test_render_checks_them(stand):
    template = os.path.join(stand.folder, "deployment.template.json")
    for route, status in ((CAMERAS, 0), (CAMERAS.replace("'cam-*'", "'cam-*"), 1)):
        with open(template, "w") as f:
            json.dump({"$schema-template": "4.0.0", "modulesContent": {
                "$edgeAgent": {"properties.desired": {"schemaVersion": "1.1", "runtime": {"type": "process"}, "modules": {}}},
                "$edgeHub": {"properties.desired": {"schemaVersion": "1.1", "routes": {"r": route}}}}}, f)
        done, _, err = run("persistctl", ["render", "--check", template])
        assert done == status, err
        assert ("routes/r: column 33: this text has no end" in err) == (status != 0)
