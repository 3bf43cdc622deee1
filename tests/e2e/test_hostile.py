"""Bytes that no client, worker or subscriber would send, on every port: a clear error where there is somebody to
tell, nothing lost, no exit."""

import json
import os
import random
import socket
import threading

import pytest
import zmq

from support import events, wire
from support.client import Client, raw
from support.fake_worker import FakeWorker
from support.service import INSTRUMENTED, PATIENCE
from support.waiting import until


def port_of(endpoint):
    return int(endpoint.rsplit(":", 1)[1])


@pytest.fixture
def guarded(served):
    """Posts go on beside the attack; afterwards each of them must be there, and core-data be the same process."""
    pid, stop, made, wrong = served.core.pid, [], [], []

    def post():
        client = Client(served.http)
        while not stop:
            event = events.event()
            answer = served.post(event, client)
            made.append(event["id"])
            if answer.status != 201:
                wrong.append(answer)
        client.close()
    thread = threading.Thread(target=post)
    thread.start()
    yield served
    stop.append(True)
    thread.join()
    assert wrong == []
    assert served.core.alive and served.core.pid == pid
    assert served.sqlite.alive
    assert served.count() >= len(made) > 0
    for id in made[:: max(1, len(made) // 20)]:
        assert served.has(id)


GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00" + b"NULL" + bytes(16) + b"\x00" + bytes(31)


def joined(kind):
    """What a peer of this socket type sends to be let in: greeting and READY command (ZMTP 3.0)."""
    ready = b"\x05READY\x0bSocket-Type" + len(kind).to_bytes(4, "big") + kind
    return GREETING + b"\x04" + bytes([len(ready)]) + ready


PEERS = {"requests": b"SUB", "replies": b"DEALER", "stream": b"SUB", "http": b"REQ"}


def attacks(target):
    dice = random.Random(7)
    peer = joined(PEERS[target])
    yield "nothing", b""
    yield "one byte", b"\xff"
    yield "http", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    yield "half a greeting", GREETING[:20]
    yield "greeting", GREETING
    yield "zmtp 1.0", b"\x01\x00" + b"\x05\x00garb" * 50
    yield "bad command", GREETING + b"\x04\x05\x04NOPE"
    yield "long command", GREETING + b"\x06" + b"\x7f" + b"\xff" * 7
    yield "frame of 2^63", peer + b"\x02\x7f" + b"\xff" * 7 + b"x" * 100
    yield "empty frames", peer + b"\x01\x00" * 500 + b"\x00\x00"
    yield "garbage frames", peer + b"".join(b"\x00\x20" + dice.randbytes(32) for _ in range(200))
    for n in range(30):
        yield f"random {n}", dice.randbytes(dice.choice((1, 10, 100, 10_000)))


@pytest.mark.parametrize("target", ["requests", "replies", "stream", "http"])
def test_raw_bytes(guarded, target):
    port = guarded.http if target == "http" else port_of(getattr(guarded, target))
    before = guarded.core.descriptors()
    for n, (_, data) in enumerate(attacks(target)):
        raw(port, data, timeout=0.1, close_early=n % 2 == 0)
    until(lambda: guarded.core.descriptors() <= before + 5, 8 * PATIENCE, "descriptors given back")
    assert guarded.count() >= 0


@pytest.mark.parametrize("target", ["requests", "replies", "stream", "http"])
def test_silent_connections(guarded, target):
    """Connections that say nothing hold up nobody."""
    port = guarded.http if target == "http" else port_of(getattr(guarded, target))
    held = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
    client = Client(guarded.http)
    guarded.add(events.event(), client=client)
    client.close()
    for s in held:
        s.close()


def test_many_subscriptions(guarded):
    context = zmq.Context()
    sub = context.socket(zmq.SUB)
    sub.connect(guarded.requests)
    before = guarded.core.resident()
    for n in range(20_000):
        sub.setsockopt(zmq.SUBSCRIBE, wire.topic("g%d" % (n % 100), "w%d" % n).encode())
    guarded.add(*[events.event() for _ in range(20)])
    assert len(guarded.groups()) < 20
    assert guarded.core.resident() - before < (400 << 20 if INSTRUMENTED else 100 << 20)
    sub.close(linger=0)
    context.term()
    guarded.add(*[events.event() for _ in range(20)])


def test_an_oversized_subscription(guarded):
    """Sent by hand: a ZeroMQ client breaks down under it itself."""
    before = guarded.core.resident()
    topic = b"\x01persist/1/" + b"x" * (16 << 20)
    raw(port_of(guarded.requests), joined(b"SUB") + b"\x02" + len(topic).to_bytes(8, "big") + topic, timeout=1)
    guarded.add(*[events.event() for _ in range(50)])
    assert guarded.core.resident() - before < (200 << 20 if INSTRUMENTED else 30 << 20)


def test_messages_that_are_none(guarded):
    """On ROUTER: frames in all numbers and sizes."""
    context = zmq.Context()
    dealer = context.socket(zmq.DEALER)
    dealer.connect(guarded.replies)
    dice = random.Random(3)
    before = guarded.counter("messagesMalformed") + guarded.counter("messagesStale")
    for n in range(300):
        dealer.send_multipart([dice.randbytes(dice.choice((0, 1, 5, 300, 50_000))) for _ in range(1 + n % 7)])
    dealer.send_multipart([b"x"] * 5000)
    until(lambda: guarded.counter("messagesMalformed") + guarded.counter("messagesStale") >= before + 300, 5 * PATIENCE,
          "all of them counted")
    dealer.close(linger=0)
    context.term()


def test_every_kind_from_a_stranger(guarded):
    """Well-formed messages of nobody's session, also of the kinds that only core-data sends."""
    context = zmq.Context()
    dealer = context.socket(zmq.DEALER)
    dealer.connect(guarded.replies)
    for kind in range(40):
        for session in (0, 1, 2, wire.UINT_MAX):
            dealer.send_multipart([wire.pack([1, kind, 0, session, 1, 0, "", 0, []])])
            dealer.send_multipart([wire.pack([1, kind, wire.UINT_MAX, session, 1, 0, ""]), b"\x93\xc2\x00\x90"])
    guarded.add(*[events.event() for _ in range(20)])
    dealer.close(linger=0)
    context.term()


def test_a_message_beyond_the_limit(guarded):
    """Larger than message_bytes of WELCOME: that connection is closed, nobody else notices."""
    worker = FakeWorker(guarded, group="large")
    guarded.wait_ready("large")
    limit = worker.welcome[4]
    context = zmq.Context()
    dealer = context.socket(zmq.DEALER)
    dealer.connect(guarded.replies)
    before = guarded.core.resident()
    dealer.send(os.urandom(64) * (limit // 64 + 1024))
    guarded.add(*[events.event() for _ in range(50)])
    assert guarded.core.resident() - before < limit + (64 << 20)
    dealer.close(linger=0)
    context.term()


HTTP = {
    "garbage": (b"\x00\x01\x02\xff" * 100, None),
    "no host": (b"GET /api/v3/ping HTTP/1.1\r\n\r\n", 400),
    "bad escape": (b"GET /api/v3/event/id/%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "no such path": (b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    "wrong method": (b"PUT /api/v3/event/all HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 405),
    "no such method": (b"BREW /api/v3/event/all HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    "long path": (b"GET /api/v3/event/device/name/" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", (400, 414, 431)),
    "many headers": (b"GET /api/v3/ping HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 20_000 + b"\r\n", (400, 413, 431)),
    "bad length": (b"POST /api/v3/event/a/b/c/d HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", 400),
    "body cut off": (b"POST /api/v3/event/a/b/c/d HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{\"a\":", None),
    "bad chunk": (b"POST /api/v3/event/a/b/c/d HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", (400, None)),
}


@pytest.mark.parametrize("what", HTTP)
def test_http_garbage(guarded, what):
    data, expected = HTTP[what]
    got = raw(guarded.http, data, timeout=2, enough=lambda got: b"\r\n\r\n" in got)
    if expected is None:
        assert got == b"" or got.startswith(b"HTTP/1.1 4")
        return
    expected = expected if isinstance(expected, tuple) else (expected,)
    status = int(got[9:12]) if got else None
    assert status in expected, got[:200]


BODIES = {
    "empty": b"", "no json": b"{not json", "cut": b'{"apiVersion":"v3","event":{', "array": b"[]", "null": b"null",
    "number": b"1", "no event": b'{"apiVersion":"v3"}', "invalid utf-8": b'{"apiVersion":"v3","event":"\xff\xfe"}',
    "deep": b"[" * 100_000, "deep objects": b'{"event":' * 50_000, "nul": b"\x00" * 100, "random": bytes(range(256)) * 20,
}


@pytest.mark.parametrize("what", BODIES)
def test_bodies_that_are_no_event(served, what):
    answer = served.client.post("/api/v3/event/a/b/c/d", BODIES[what])
    assert answer.status == 400 and answer.json["statusCode"] == 400 and answer.json["message"], answer
    assert served.count() == 0


FIELDS = [("id", "not a uuid"), ("id", None), ("deviceName", ""), ("deviceName", 5), ("deviceName", None), ("profileName", " "),
          ("sourceName", None), ("origin", 0), ("origin", "1"), ("origin", 1.5), ("origin", 1 << 63), ("readings", []),
          ("readings", None), ("readings", {}), ("tags", []), ("tags", "x"), ("apiVersion", "")]
READING_FIELDS = [("valueType", "Int128"), ("valueType", None), ("value", "300"), ("value", "x"), ("origin", 0),
                  ("resourceName", ""), ("deviceName", None), ("profileName", ""), ("value", "1.5")]


@pytest.mark.parametrize("field, value", FIELDS)
def test_an_event_with_a_bad_field(served, field, value):
    made = events.event()
    path = events.path(made)
    made[field] = value
    if value is None:
        del made[field]
    answer = served.client.post(path, events.request(made))
    assert answer.status == 400, answer
    assert served.count() == 0


@pytest.mark.parametrize("field, value", READING_FIELDS)
def test_a_reading_with_a_bad_field(served, field, value):
    made = events.event(readings=[events.reading(type="Uint8", value="1")])
    made["readings"][0][field] = value
    if value is None:
        del made["readings"][0][field]
    answer = served.client.post(events.path(made), events.request(made))
    assert answer.status == 400, answer
    assert served.count() == 0


@pytest.mark.parametrize("level", ["deviceName", "profileName", "sourceName"])
def test_a_path_that_does_not_match_its_event(served, level):
    made = events.event()
    path = events.path({**made, level: "other"})
    answer = served.client.post(path, events.request(made))
    assert answer.status == 400 and "other" in answer.json["message"]
    assert served.count() == 0


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_beyond_the_limit(stand, chunked):
    """MaxEventSize is in KB; also bodies without a declared length are cut off."""
    stand.start(MAXEVENTSIZE="10")
    small = events.event(readings=[events.reading(value="x" * 8_000, type="String")])
    large = events.event(readings=[events.reading(value="x" * 30_000, type="String")])
    body = json.dumps(events.request(large)).encode()
    if chunked:
        head = f"POST {events.path(large)} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        got = raw(stand.http, head + b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n")
        assert got.startswith(b"HTTP/1.1 413"), got[:200]
    else:
        answer = stand.post(large)
        assert answer.status == 413 and answer.json["statusCode"] == 413
    stand.add(small)
    assert stand.count() == 1


@pytest.mark.parametrize("path, status", [
    ("/event/all?limit=x", 400), ("/event/all?limit=1.5", 400), ("/event/all?limit=-2", 400), ("/event/all?offset=-2", 400),
    ("/event/all?limit=99999999999999999999", 400), ("/event/all?limit=", 200), ("/event/all?unknown=1", 200),
    ("/event/id/nonsense", 400), ("/event/id/00000000-0000-0000-0000-000000000000", 404),
    ("/event/start/5/end/4", 400), ("/event/start/a/end/4", 400), ("/event/start/0/end/9223372036854775808", 400),
    ("/event/start/-1/end/5", 400), ("/event/start/0/end/9223372036854775807", 200), ("/event/all/", 404),
    ("/reading/all?offset=1", 200)])
def test_parameters(served, path, status):
    answer = served.get(path)
    if path.endswith("offset=1"):
        assert answer.status == 200  # nothing is stored, so nothing is out of range
    assert answer.status == status, answer
    if status >= 400:
        assert answer.json["message"]


def test_pipelined_requests(served):
    made = [events.event() for _ in range(20)]
    data = b""
    for event in made:
        body = json.dumps(events.request(event)).encode()
        data += f"POST {events.path(event)} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    got = raw(served.http, data, timeout=3, enough=lambda got: got.count(b"HTTP/1.1 201") == 20)
    assert got.count(b"HTTP/1.1 201") == 20, got[:400]
    assert served.count() == 20


def test_a_client_that_goes_away_before_its_answer(guarded):
    for n in range(100):
        event = events.event()
        body = json.dumps(events.request(event)).encode()
        head = f"POST {events.path(event)} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        raw(guarded.http, head + body, close_early=True)
    until(lambda: guarded.core.descriptors() < 60, 5 * PATIENCE, "descriptors given back")
