"""Start order: services come and go in any order; core-data is never restarted and serves whenever a backend is up."""

import concurrent.futures
import contextlib
import json
import resource
import signal
import socket
import time

import pytest
import zmq

from support import events
from support.client import Client
from support.fake_worker import FakeWorker
from support.service import PATIENCE, SLOWER
from support.waiting import until


def test_sqlite_before_core_data(stand):
    stand.start_sqlite(wait=False)
    time.sleep(0.3)  # long enough for its first attempts to connect to fail
    assert stand.sqlite.alive
    stand.start_core()
    stand.wait_ready("sqlite", within=2)
    stand.add(events.event())
    assert stand.count() == 1


def test_sqlite_after_core_data(stand):
    stand.start_core()
    assert stand.groups() == {} or not stand.ready_workers("sqlite")
    stand.start_sqlite()
    stand.add(events.event())
    assert stand.count() == 1


def test_sqlite_stopped_and_started_again(served):
    pid = served.core.pid
    made = []
    for n in range(4):
        made.append(served.add(events.event()))
        if n % 2:
            served.sqlite.kill()
        else:
            assert served.sqlite.stop() < 2 * PATIENCE
        until(lambda: not served.ready_workers("sqlite"), 3, "the group without a worker")
        served.sqlite.start()
        served.wait_ready("sqlite")
    assert {e["id"] for e in served.json("/event/all")["events"]} == {e["id"] for e in made}
    assert served.core.alive and served.core.pid == pid


def test_core_data_stopped_and_started_again(served):
    pid = served.sqlite.pid
    made = []
    for n in range(4):
        made.append(served.add(events.event()))
        if n % 2:
            served.core.kill()
        else:
            assert served.core.stop() < 2 * PATIENCE
        served.start_core()
        served.wait_ready("sqlite")
    assert {e["id"] for e in served.json("/event/all")["events"]} == {e["id"] for e in made}
    assert served.sqlite.alive and served.sqlite.pid == pid


def test_core_data_away_for_longer(served):
    """The worker's attempts to connect get rarer, not rare."""
    served.add(events.event())
    served.core.stop()
    time.sleep(2.5)  # the length of the outage is what is tested
    served.start_core()
    served.wait_ready("sqlite", within=2)
    assert served.count() == 1


def test_events_survive_a_restart_of_both(served):
    made = [served.add(events.event()) for _ in range(10)]
    served.core.stop()
    served.sqlite.stop()
    served.start()
    assert {e["id"] for e in served.json("/event/all")["events"]} == {e["id"] for e in made}
    served.add(events.event())
    assert served.count() == 11


@pytest.mark.parametrize("path", ["/event/id/00000000-0000-4000-8000-000000000000", "/event/count", "/event/all"])
def test_reads_without_a_backend(stand, path):
    """There is nobody to answer: said at the deadline at the latest."""
    stand.start_core(SERVICE_REQUESTTIMEOUT="1s")
    began = time.monotonic()
    answer = stand.get(path)
    assert time.monotonic() - began < 1.5 * SLOWER
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert stand.ping()


def test_writes_without_a_backend(stand):
    """They are kept in the spool, and delivered to the first backend that comes."""
    stand.start_core(SERVICE_REQUESTTIMEOUT="3s")
    made = [events.event() for _ in range(10)]
    for event in made:
        began = time.monotonic()
        answer = stand.post(event)
        assert answer.status == 202 and answer.json["id"] == event["id"]
        assert time.monotonic() - began < 3 * SLOWER
    assert stand.delete("/event/id/" + made[0]["id"]).status == 202
    stand.core.kill()
    stand.start_core()
    stand.start_sqlite()
    stand.wait_settled()
    assert {e["id"] for e in stand.json("/event/all")["events"]} == {e["id"] for e in made[1:]}
    assert stand.count() == 9


def test_a_read_waits_for_a_backend_until_its_deadline(served):
    made = served.add(events.event())
    served.sqlite.stop()
    until(lambda: not served.ready_workers("sqlite"), 3, "the group without a worker")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        client = Client(served.http)
        answer = pool.submit(client.get, "/api/v3/event/id/" + made["id"])
        time.sleep(0.3)
        served.sqlite.start()
        assert answer.result().status == 200
        client.close()


def test_a_worker_that_never_comes_back(served):
    """Killed with writes on their way: each is answered, at the deadline at the latest, and what was accepted is there
    when it does come back."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        stop = []

        def post():
            mine, answers = Client(served.http), []
            while not stop:
                made = events.event()
                answers.append((served.post(made, mine).status, made["id"]))
            mine.close()
            return answers
        runs = [pool.submit(post) for _ in range(8)]
        time.sleep(0.3)
        served.sqlite.kill()
        time.sleep(0.3)
        stop.append(True)
        began = time.monotonic()
        answers = [a for run in runs for a in run.result()]
        assert time.monotonic() - began < 6.5 * SLOWER
    statuses = {status for status, _ in answers}
    assert statuses <= {201, 202, 503} and 201 in statuses
    assert served.ping()
    served.start_sqlite()
    served.wait_settled()
    for status, id in answers:
        assert status == 503 or served.has(id)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_cleanly(served, number):
    served.add(events.event())
    assert served.core.stop(number) < 2 * PATIENCE
    assert served.sqlite.stop(number) < 2 * PATIENCE


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_core_data_stops_with_requests_pending(stand, number):
    """A request that waits for a backend does not hold the end up; it gets an answer or its connection's end."""
    stand.start_core(SERVICE_REQUESTTIMEOUT="30s")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        clients = [Client(stand.http, timeout=10) for _ in range(4)]
        waiting = [pool.submit(c.request, "GET", "/api/v3/event/count") for c in clients]
        time.sleep(0.3)
        assert not any(w.done() for w in waiting)
        assert stand.core.stop(number) < 2 * PATIENCE
        for w in waiting:
            try:
                assert w.result().status == 503
            except OSError:
                pass
        for c in clients:
            c.close()


def test_core_data_stops_while_requests_come(served):
    """On connections that are there already, until the last moment. That moment is short: hence the number."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    request = b"GET /api/v3/event/count HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for _ in range(5):
        with contextlib.ExitStack() as opened:
            kept = [opened.enter_context(socket.create_connection(("127.0.0.1", served.http))) for _ in range(3000)]
            served.core.send(signal.SIGTERM)
            for one in kept:
                with contextlib.suppress(OSError):
                    one.send(request)
            assert served.core.wait(3.0) == 0
        served.core.start()
        served.wait_ping()


def test_sqlite_stops_under_load(served):
    """A worker that is told to stop answers what it has: no request fails while another one takes over."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        stop = []

        def post():
            mine, answers = Client(served.http), []
            while not stop:
                made = events.event()
                answers.append((served.post(made, mine).status, made["id"]))
            mine.close()
            return answers
        runs = [pool.submit(post) for _ in range(4)]
        for _ in range(3):
            time.sleep(0.3)
            assert served.sqlite.stop() < 2 * PATIENCE
            served.sqlite.start()
        time.sleep(0.3)
        stop.append(True)
        answers = [a for run in runs for a in run.result()]
    assert {status for status, _ in answers} <= {201, 202}
    served.wait_settled()
    assert served.count() == len(answers)


def test_two_observers_at_once(served):
    """The public stream and a worker that was written without the product's library, side by side with sqlite."""
    context = zmq.Context()
    sub = context.socket(zmq.SUB)
    sub.connect(served.stream)
    sub.setsockopt(zmq.SUBSCRIBE, b"edgex/events/core/")
    worker = FakeWorker(served)
    served.wait_ready("fake")
    seen = set()

    def subscribed():
        made = served.add(events.event())
        return sub.poll(100) and made
    until(subscribed, 5, "the first event on the stream")
    made = [served.add(events.event()) for _ in range(100)]
    while sub.poll(1000):
        frames = sub.recv_multipart()
        seen.add(json.loads(frames[-1])["payload"]["event"]["id"])
        if seen >= {e["id"] for e in made}:
            break
    assert seen >= {e["id"] for e in made}
    until(lambda: worker.ids() >= {e["id"] for e in made}, 5, "all events in the fake worker's store")
    sub.close(linger=0)
    context.term()
