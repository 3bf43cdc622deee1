"""A full disk under SQLite: events that can't be kept are not acknowledged with 201; the service recovers by itself."""

import os
import subprocess

import pytest

from support import events
from support.service import PATIENCE
from support.waiting import until


@pytest.fixture
def small(stand):
    """A file system of a few megabytes with room for the database, and a way to fill it up."""
    path = os.path.join(stand.folder, "small")
    os.mkdir(path)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", path], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"a small file system can't be mounted here (root is needed): {mounted.stderr.strip()}")
    stand.small = path
    yield stand
    for service in reversed(stand.services):
        if service.alive:
            service.stop()
    subprocess.run(["umount", path], check=True)


def fill(folder):
    """Takes all room there is."""
    path = os.path.join(folder, "ballast")
    with open(path, "ab", buffering=0) as f:
        for size in (65536, 512, 1):
            try:
                while True:
                    f.write(b"x" * size)
            except OSError:
                pass
    return path


def bulky():
    return events.event(readings=[events.reading(value="x" * 20_000, type="String")])


def test_full_disk(small):
    small.start_core(SERVICE_REQUESTTIMEOUT="1s")
    small.start_sqlite(SQLITE_PATH=os.path.join(small.small, "events.db"))
    kept = [bulky() for _ in range(20)]
    small.add(*kept)
    spooled = []
    for _ in range(2):
        ballast = fill(small.small)
        refused = []
        while len(refused) < 3:
            made = bulky()
            answer = small.post(made)
            if answer.status == 201:
                kept.append(made)
                assert len(kept) < 1000, "the disk does not get full"
                continue
            assert answer.status == 202, answer
            refused.append(made)
        spooled += refused
        assert small.sqlite.alive and small.core.alive
        os.remove(ballast)

        def accepted():
            made = bulky()
            status = small.post(made).status
            assert status in (201, 202)
            (kept if status == 201 else spooled).append(made)
            return status == 201
        until(accepted, 8 * PATIENCE, "an event accepted after there was room again", pause=0.1)
    small.wait_settled()
    for made in kept + spooled:
        assert small.has(made["id"])
    stored = [e["id"] for e in small.json("/event/all?limit=1024")["events"]]
    assert len(stored) == len(set(stored)) == small.count()
    assert len(stored) == len(kept) + len(spooled) and small.count("/reading/count") == len(stored)


def test_full_disk_at_the_start(small):
    ballast = fill(small.small)
    small.start_core(SERVICE_REQUESTTIMEOUT="1s")
    small.start_sqlite(wait=False, SQLITE_PATH=os.path.join(small.small, "events.db"))
    assert small.post(events.event()).status == 202
    assert small.core.alive
    os.remove(ballast)
    if not small.sqlite.alive:  # it may also have given up with a clear line
        assert "events.db" in small.sqlite.log()
        small.sqlite.start()
    small.wait_settled()
    small.add(events.event())
    assert small.count() == 2


def test_full_disk_under_the_spool(small):
    """core-data can't put down what it must: it says no, and goes on when there is room."""
    small.spool = os.path.join(small.small, "spool")
    small.start()
    small.add(events.event())
    ballast = fill(small.small)
    answers = [small.post(events.event()).status for _ in range(20)]
    answers.append(small.delete("/event/device/name/nobody").status)
    assert set(answers) <= {201, 202, 503}
    assert small.core.alive
    os.remove(ballast)
    until(lambda: small.delete("/event/device/name/nobody").status == 202, 8 * PATIENCE, "a delete accepted", pause=0.1)
    small.add(events.event())


def test_full_disk_under_the_spool_at_the_start(small):
    """It does not start, and says why; nobody is told to move away what waits in there."""
    small.spool = os.path.join(small.small, "spool")
    small.start_core()
    waiting = [events.event() for _ in range(5)]
    assert all(small.post(made).status == 202 for made in waiting)
    small.core.kill()
    ballast = fill(small.small)
    small.start_core(wait=False)
    if small.core.process.wait(5 * PATIENCE) == 1:
        told = small.core.log().splitlines()[-1]
        assert small.spool in told and ("has room" in told or "is full" in told) and "away" not in told, told
    os.remove(ballast)
    small.start_core()
    small.start_sqlite()
    small.wait_settled()
    assert {e["id"] for e in small.json("/event/all")["events"]} == {e["id"] for e in waiting}
