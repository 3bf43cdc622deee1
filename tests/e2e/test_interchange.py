"""Backends are chosen by what runs: sqlite, redis, postgres and mongo are started and stopped in turn while events
come in, and core-data stays the same process. Afterwards each store shows what it kept, by REST while it runs alone
and by the database's own tool."""

import contextlib
import subprocess
import time
import uuid

import pytest

from support import backend
from support.service import PATIENCE
from support.waiting import until
from support.writing import Writing

NAMES = ("sqlite", "redis", "postgres", "mongo")
EACH = 25  # events that come in while a backend is alone
REDIS_IDS = """local found = {}
for _, key in ipairs(redis.call('KEYS', 'pb:e*')) do
    if #key == 20 then
        found[#found + 1] = key:sub(5):gsub('.', function(c) return string.format('%02x', c:byte()) end)
    end
end
return found"""


class Cast:
    """core-data and a worker with a store of its own for each name; none runs yet."""

    def __init__(self, stand):
        self.stand, self.servers, self.workers = stand, {}, {}

    def make(self):
        for name in NAMES:
            self.servers[name] = backend.Server(name, *(["everysec"] if name == "redis" else []))
            self.workers[name] = backend.worker(self.stand, self.servers[name], label=name)
        self.stand.start_core(PERSISTBUS_PREFER=",".join(NAMES))

    def start(self, name, states=("LIVE",)):
        self.workers[name].start()

        def up():
            group = self.stand.groups().get(name)
            return group and group["state"] in states and group["spool"]["events"] == 0 and self.stand.ready_workers(name)
        until(up, 30 * PATIENCE, f"group {name} {' or '.join(states)}, ready and with an empty spool")

    def stop(self, name):
        self.workers[name].stop(within=5.0)
        until(lambda: not self.stand.ready_workers(name), 3 * PATIENCE, f"{name} gone")

    def alone(self, name):
        for other in NAMES:
            if other != name and self.workers[other].alive:
                self.stop(other)

    def remove(self):
        for worker in self.workers.values():
            if worker.alive:
                worker.stop(within=5.0)
        for server in self.servers.values():
            server.remove()


@pytest.fixture
def cast(stand):
    made = Cast(stand)
    with contextlib.ExitStack() as after:
        after.callback(made.remove)
        made.make()
        yield made


def listed(stand):
    """Ids by REST."""
    found, offset = [], 0
    while True:
        page = stand.json(f"/event/all?limit=200&offset={offset}")
        found += [e["id"] for e in page["events"]]
        offset += 200
        if offset >= page["totalCount"]:
            assert len(found) == page["totalCount"]
            return found


def by_tool(server):
    """Ids by the database's own tool; None where none is at hand."""
    if server.name == "sqlite":
        command = ["sqlite3", "-readonly", server.environment["SQLITE_PATH"], "SELECT id FROM event_list"]
    elif server.name == "redis":
        command = ["redis-cli", "-s", server.url.removeprefix("unix://"), "--raw", "EVAL", REDIS_IDS, "0"]
    elif server.name == "postgres":
        command = ["psql", "-X", "-A", "-t", server.url, "-c", "SELECT id FROM persistbus.events"]
    else:
        return None
    done = subprocess.run(command, capture_output=True, text=True, timeout=20 * PATIENCE, stdin=subprocess.DEVNULL)
    assert done.returncode == 0 and not done.stderr, (command, done.stderr)
    return [str(uuid.UUID(line)) for line in done.stdout.split()]


def check_alone(cast, name, expected):
    """Exactly these ids, once each, are in the store: as core-data reads it, and as the database's tool does."""
    cast.alone(name)
    found = listed(cast.stand)
    assert sorted(found) == sorted(expected), (name, len(set(found)), len(expected), set(expected) ^ set(found))
    assert cast.stand.count() == len(found)
    told = by_tool(cast.servers[name])
    assert told is None or sorted(told) == sorted(found), name


def test_each_in_turn(cast):
    """All four are known from the start. One alone takes the events, then the next one."""
    stand, pid = cast.stand, cast.stand.core.pid
    for name in NAMES:
        cast.start(name)
    cast.alone(NAMES[0])
    with Writing(stand, threads=2, rate=50.0) as writing:
        for turn, name in enumerate(NAMES):
            if turn:
                cast.start(name)
                cast.stop(NAMES[turn - 1])
            since = time.monotonic()
            until(writing.more(EACH, 201), 30 * PATIENCE, f"events stored by {name} alone")
            for id in sorted(writing.accepted(since))[:5]:
                assert stand.has(id), (name, id)
            assert stand.count() >= len(writing.accepted(until=since))
    assert not writing.failed(), writing.failed()[:5]
    print({name: stand.groups()[name]["spool"] for name in NAMES}, "longest", round(writing.longest(), 3), "s")
    for name in NAMES:
        if not cast.workers[name].alive:
            cast.start(name)
        check_alone(cast, name, writing.accepted())
    assert stand.core.alive and stand.core.pid == pid


def test_each_for_the_first_time(cast):
    """A backend that joins late has at least what came since. It serves alone, whether or not its history is there."""
    stand, pid = cast.stand, cast.stand.core.pid
    cast.start(NAMES[0])
    with Writing(stand, threads=2, rate=50.0) as writing:
        until(writing.more(EACH, 201), 10 * PATIENCE, "the first events")
        for former, name in zip(NAMES, NAMES[1:]):
            cast.start(name, states=("LIVE", "STALE"))
            since = time.monotonic()
            cast.stop(former)
            until(writing.more(EACH, 201), 30 * PATIENCE, f"events stored by {name} alone")
            state = stand.groups()[name]["state"]
            kept = writing.accepted(since if state == "STALE" else 0.0, time.monotonic())
            answer = stand.get("/event/count")
            assert ("X-Persistence-Stale" in answer.headers) == (state == "STALE")
            assert kept <= set(listed_while_writing(stand)), name
            told = by_tool(cast.servers[name])
            assert told is None or kept <= set(told), name
            assert len(kept) >= EACH - 2  # each writer may have begun one before
    assert not writing.failed(), writing.failed()[:5]
    assert stand.core.alive and stand.core.pid == pid


def listed_while_writing(stand):
    """By one page: a second one would have moved meanwhile."""
    page = stand.json("/event/all?limit=1024")
    assert page["totalCount"] <= 1000
    return [e["id"] for e in page["events"]]
