"""The spool: 100,000 events in it survive kill -9 of core-data, also in the middle of their delivery; and at its byte
limit the policy holds, memory stays bounded and the counters tell. PERSISTBUS_TEST_SCALE makes the number smaller."""

import pytest

from support import events, load
from support.client import Client
from support.service import INSTRUMENTED, PATIENCE, SCALE
from support.waiting import until

COUNT = int(100_000 * SCALE)
LIMIT_KB = 4096
RESIDENT_MAX = (1024 if INSTRUMENTED else 128) << 20


@pytest.fixture
def running(stand):
    made = []
    yield lambda **kw: made.append(load.Running(stand.http, **kw)) or made[-1]
    for one in made:
        one.stop()


def ids(stand):
    """All ids that are stored, by pages of origin time."""
    found, end = [], (1 << 63) - 1
    while True:
        page = stand.json(f"/event/start/0/end/{end}?limit=1024")["events"]
        found += [e["id"] for e in page]
        if len(page) < 1024:
            return found
        end = page[-1]["origin"] - 1  # every event of a load has an origin of its own


def test_killed_with_a_full_spool(stand, running):
    """The only backend is away. core-data is killed before the delivery begins, and twice while it goes on."""
    stand.start()
    stand.sqlite.stop()
    halves = [running(count=COUNT // 2, connections=128, run=run) for run in (1, 2)]  # two processors
    results = [half.finish() for half in halves]
    print(results)
    assert all(r["spooled"] == COUNT // 2 and r["other"] == {} for r in results)
    waiting = stand.groups()["sqlite"]["spool"]
    assert waiting["events"] == COUNT and waiting["bytes"] > COUNT * 50
    stand.core.kill()
    stand.start_core()
    assert stand.groups()["sqlite"]["spool"] == waiting, "what waits is known again after the restart"
    stand.start_sqlite(wait=False)
    for part in (0.25, 0.6):
        until(lambda p=part: stand.groups()["sqlite"]["spool"]["events"] < COUNT * (1 - p), 60 * PATIENCE, "delivery")
        stand.core.kill()
        stand.start_core()
    stand.wait_settled(within=60)
    assert stand.count() == COUNT
    assert sorted(ids(stand)) == sorted(load.event_id(run, n) for run in (1, 2) for n in range(COUNT // 2))
    stand.add(events.event())


def fill_up(stand, bytes_max):
    """Posts 20 kB events one after another until a third more was sent than the spool takes; (id, status) of each."""
    client, answers = Client(stand.http), []
    for _ in range(bytes_max * 4 // 3 // 20_000):
        made = events.event(readings=[events.reading(value="x" * 20_000, type="String")])
        answers.append((made["id"], stand.post(made, client).status))
    client.close()
    return answers


def test_at_its_limit_it_rejects(stand, running):
    """Of sole copies, as configured by default: what is refused is said, what was accepted is kept."""
    stand.start(SPOOL_MAXSIZE=str(LIMIT_KB), SERVICE_REQUESTTIMEOUT="3s")
    stand.sqlite.stop()
    answers = fill_up(stand, LIMIT_KB << 10)
    accepted = [id for id, status in answers if status == 202]
    assert {status for _, status in answers} == {202, 503} and answers[-1][1] == 503
    posting = running(count=int(20_000 * SCALE), connections=64)  # most of it beyond the limit
    result = posting.finish()
    spool = stand.groups()["sqlite"]["spool"]
    print(len(accepted), result, spool, f"{stand.core.resident() >> 20} MiB")
    assert (LIMIT_KB << 10) * 0.9 < spool["bytes"] <= LIMIT_KB << 10
    assert spool["events"] == len(accepted) + result["spooled"]
    assert result["other"].keys() == {"503"} and result["other"]["503"] > 0
    assert stand.core.resident() < RESIDENT_MAX
    assert stand.counter("httpRequestsFailed") == result["other"]["503"] + len(answers) - len(accepted)
    assert stand.counter("writesDropped") == 0 and stand.ping()
    stand.core.kill()
    stand.start_core()
    stand.start_sqlite(wait=False)
    stand.wait_settled(within=30)
    assert stand.count() == len(accepted) + result["spooled"]
    assert set(ids(stand)) >= set(accepted)
    stand.add(events.event())
    stand.sqlite.stop()
    assert stand.post(events.event()).status == 202, "there is room again"


def test_at_its_limit_it_drops_the_oldest(stand):
    """Of sole copies, if so configured: nothing is refused, the newest are kept, and what was dropped is counted."""
    stand.start(SPOOL_MAXSIZE=str(LIMIT_KB), SPOOL_WHENFULL="drop-oldest", SERVICE_REQUESTTIMEOUT="3s")
    stand.sqlite.stop()
    answers = fill_up(stand, LIMIT_KB << 10)
    assert {status for _, status in answers} == {202}
    group = stand.groups()["sqlite"]
    print(len(answers), group["spool"], group["dropped"], f"{stand.core.resident() >> 20} MiB")
    assert (LIMIT_KB << 10) * 0.9 < group["spool"]["bytes"] <= LIMIT_KB << 10
    dropped = len(answers) - group["spool"]["events"]
    assert dropped > 0 and group["dropped"] == stand.counter("writesDropped") == dropped
    assert stand.core.resident() < RESIDENT_MAX
    stand.start_sqlite(wait=False)
    stand.wait_state("sqlite", "STALE", within=30)  # by its own word its history has a gap
    until(lambda: stand.groups()["sqlite"]["spool"]["events"] == 0, 30 * PATIENCE, "the delivery")
    found = stand.get("/event/all?limit=1024")
    assert found.headers["X-Persistence-Stale"]
    assert {e["id"] for e in found.json["events"]} == {id for id, _ in answers[dropped:]}


def test_a_full_spool_of_a_group_that_others_cover(stand):
    """Its copies are given up for room, and no request fails: the group is STALE, the other one has all."""
    stand.start(SPOOL_MAXSIZE=str(LIMIT_KB))
    other = stand.service("persist-sqlite", {**stand.bus_environment(), "PERSISTBUS_GROUP": "second",
                                             "SQLITE_PATH": stand.sqlite_path + ".second"}, label="second").start()
    stand.wait_ready("second")
    other.stop()
    answers = fill_up(stand, LIMIT_KB << 10)
    assert {status for _, status in answers} == {201}
    groups = stand.groups()
    print(groups["second"])
    assert groups["second"]["state"] == "STALE" and groups["second"]["spool"]["bytes"] <= LIMIT_KB << 10
    assert groups["second"]["dropped"] + groups["second"]["missed"] > 0
    assert groups["sqlite"]["state"] == "LIVE" and stand.count() == len(answers)
    assert stand.core.resident() < RESIDENT_MAX
