"""The database goes away under load and comes back: the worker says so and recovers by itself, core-data keeps what
comes in meanwhile, and nothing that was acknowledged is missing."""

import time

import pytest

from support import backend
from support.service import PATIENCE
from support.waiting import until
from support.writing import Writing

AWAY = {"redis": 10.0, "postgres": 3.0, "mongo": 3.0}  # s
OPTIONS = {"redis": ["everysec"]}  # a Redis without its append-only file comes back empty


@pytest.fixture(params=AWAY)
def away(request, stand):
    server = backend.Server(request.param, *OPTIONS.get(request.param, []))
    stand.server = server
    try:
        stand.start_core(SERVICE_REQUESTTIMEOUT="3s")
        stand.worker = backend.worker(stand, server, label=server.name)
        stand.worker.start()
        stand.wait_ready(server.name, within=30.0)
        yield stand
        stand.worker.stop(within=10.0)
    finally:
        server.remove()


def listed(stand):
    found, end = [], (1 << 63) - 1
    while True:
        page = stand.json(f"/event/start/0/end/{end}?limit=1024")["events"]
        found += [e["id"] for e in page]
        if len(page) < 1024:
            return found
        end = page[-1]["origin"] - 1  # every event of a test has an origin of its own


def test_the_database_is_killed_under_load(away):
    name, pid = away.server.name, away.worker.pid
    with Writing(away, threads=4, rate=100.0) as writing:
        until(writing.more(100, 201), 10 * PATIENCE, "events stored")
        away.server.crash()
        gone = time.monotonic()
        until(lambda: not away.ready_workers(name), 10 * PATIENCE, "READY no")
        worker = away.groups()[name]["workers"][0]
        assert worker["reason"], worker
        spooled = writing.more(50, 202)
        time.sleep(max(0.0, gone + AWAY[name] - time.monotonic()))  # the outage itself is what is tested
        until(spooled, 10 * PATIENCE, "events kept in the spool")
        assert away.groups()[name]["spool"]["events"] >= 50
        away.server.start()
        back = time.monotonic()
        until(writing.more(100, 201), 30 * PATIENCE, "events stored again")
        print(f"{name}: stored again {time.monotonic() - back:.2f} s after its start; {writing.statuses()}, longest "
              f"{writing.longest():.2f} s; reason '{worker['reason']}'")
    assert away.worker.alive and away.worker.pid == pid, "the worker recovers alone"
    away.wait_settled(name, within=20.0)
    accepted, found = writing.accepted(), listed(away)
    assert len(found) == len(set(found)) == away.count()
    assert accepted <= set(found), f"{len(accepted - set(found))} acknowledged events are missing"
    # With the only store away a write may be refused only while that is found out; it is none of a client's business.
    assert not writing.failed(), writing.failed()[:5]
    log = away.worker.log()
    told = [line for line in log.splitlines() if "level=WARN" in line or "level=ERROR" in line]
    assert 1 <= len(told) <= 8, told  # once, and not at every attempt
