"""100,000 events by 32 connections: each is answered 201, and is there afterwards, once. The same with a process
killed in the middle, when an answer may also be 202. PERSISTBUS_TEST_SCALE makes the number smaller."""

import signal
import sqlite3
import time

import pytest

from support import load
from support.service import INSTRUMENTED, PATIENCE, SCALE
from support.waiting import until

COUNT = int(100_000 * SCALE)
LASTS = 3  # seconds at least, so that the load is still going on when something is killed


@pytest.fixture
def running(served):
    """Starts loads, and ends those that a failing test leaves behind."""
    started = []

    def start(**kw):
        started.append(load.Running(served.http, **kw))
        return started[-1]
    yield start
    for one in started:
        one.stop()


def check_all_there(stand, count, run=1, readings=1):
    """Every event of the run is listed exactly once, with its content; all counts are exact."""
    assert stand.count() == count
    assert stand.count("/reading/count") == count * readings
    for d in (0, 1, 99):
        assert stand.count(f"/event/count/device/name/{load.device(d)}") == len(range(d, count, load.DEVICES))
    n = count - 1
    while n >= 0:
        first = max(0, n - 1023)
        page = stand.json(f"/event/start/{load.origin(run, first)}/end/{load.origin(run, n)}?limit=1024")
        assert page["totalCount"] == n - first + 1
        for event in page["events"]:
            assert event["id"] == load.event_id(run, n)
            assert event["deviceName"] == load.device(n) and event["origin"] == load.origin(run, n)
            assert [r["value"] for r in event["readings"]] == [str(n)] * readings
            n -= 1
    for n in range(0, count, max(1, count // 50)):
        assert stand.json("/event/id/" + load.event_id(run, n))["event"]["origin"] == load.origin(run, n)


def check_accepted(result, count):
    """Every event was accepted in the end; nothing but "not now" was said in between."""
    assert result["created"] + result["spooled"] + result["repeated"] == count, result
    assert set(result["other"]) <= {"503", "429"}


def test_all_are_accepted_and_there(served, running):
    result = running(count=COUNT).finish()
    print(result)
    assert result["created"] == COUNT and result["other"] == {} and result["retried"] == 0
    check_all_there(served, COUNT)
    served.sqlite.stop()
    with sqlite3.connect(served.sqlite_path) as db:
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


def test_ten_readings_an_event(served, running):
    count = COUNT // 10
    result = running(count=count, connections=64, readings=10).finish()
    assert result["created"] == count and result["other"] == {}
    check_all_there(served, count, readings=10)


def test_sqlite_is_killed(served, running):
    pid = served.core.pid
    posting = running(count=COUNT, retry=True, rate=COUNT / LASTS)
    for part in (0.25, 0.5, 0.75):
        posting.wait_done(int(COUNT * part))
        served.sqlite.kill()
        served.sqlite.start()
    result = posting.finish()
    print(result)
    check_accepted(result, COUNT)
    assert served.core.pid == pid and served.core.alive
    served.wait_settled()
    check_all_there(served, COUNT)


def test_core_data_is_killed(served, running):
    posting = running(count=COUNT, retry=True, rate=COUNT / LASTS)
    for part in (0.25, 0.5, 0.75):
        posting.wait_done(int(COUNT * part))
        served.core.kill()
        served.core.start()
    result = posting.finish()
    print(result)
    check_accepted(result, COUNT)
    served.wait_settled()
    check_all_there(served, COUNT)


def test_both_are_killed_at_once(served, running):
    count = COUNT // 4
    posting = running(count=count, retry=True, rate=count / LASTS)
    posting.wait_done(count // 2)
    served.core.kill()
    served.sqlite.kill()
    served.sqlite.start()
    served.core.start()
    result = posting.finish()
    check_accepted(result, count)
    served.wait_settled()
    check_all_there(served, count)


def test_memory_stays_bounded(served, running):
    """What core-data holds does not grow with what it has passed on."""
    running(count=COUNT // 4, run=1).finish()
    before = served.core.resident()
    running(count=COUNT // 2, run=2, connections=128).finish()
    grown = served.core.resident() - before
    assert grown < (200 << 20 if INSTRUMENTED else 16 << 20), f"core-data grew by {grown >> 20} MiB"


def test_512_connections(served, running):
    count = COUNT // 5
    result = running(count=count, connections=512).finish()
    assert result["created"] == count and result["other"] == {}
    assert served.count() == count
    until(lambda: served.core.descriptors() < 100, 5 * PATIENCE, "the connections' descriptors are given back")


@pytest.mark.parametrize("connections", [128, 256])
def test_connections_that_are_all_ready_at_once(stand, connections):
    """As many as one call of epoll_wait gives (libmicrohttpd: 128), all of one thread and all waiting for an answer:
    nothing else wakes that thread up."""
    stand.start(SERVICE_THREADS="1")
    posting = load.Running(stand.http, count=COUNT // 5, connections=connections, wait=10 * PATIENCE)
    try:
        assert posting.finish()["created"] == COUNT // 5
    finally:
        posting.stop()


def test_a_paused_sqlite_does_not_execute_old_batches(served, running):
    """SIGSTOP for longer than a session lives without a PONG: what was sent to it meanwhile is done once."""
    count = COUNT // 10
    posting = running(count=count, retry=True, rate=count / LASTS)
    posting.wait_done(count // 3)
    served.sqlite.send(signal.SIGSTOP)
    time.sleep(3.0)  # the span itself is what is tested: PONG is due within 2 s
    served.sqlite.send(signal.SIGCONT)
    result = posting.finish()
    check_accepted(result, count)
    served.wait_settled()
    check_all_there(served, count)
