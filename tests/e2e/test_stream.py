"""The public event stream: every accepted event in EdgeX's envelope, whoever subscribes and however slowly."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import zmq

from support import events
from support.service import PATIENCE
from support.waiting import until


class Subscriber:
    def __init__(self, stand, prefix=b"edgex/events/core/", hwm=0):
        self.context = zmq.Context()
        self.sub = self.context.socket(zmq.SUB)
        self.sub.setsockopt(zmq.RCVHWM, hwm)
        self.sub.connect(stand.stream)
        self.sub.setsockopt(zmq.SUBSCRIBE, prefix)
        self.stand = stand
        stand.closers.append(self.close)

    def close(self):
        self.sub.close(linger=0)
        self.context.term()

    def receive(self, within=2.0):
        """(topic, envelope), or None."""
        if not self.sub.poll(within * 1000 * PATIENCE):
            return None
        topic, body = self.sub.recv_multipart()
        return topic.decode(), json.loads(body)

    def joined(self):
        """A subscription takes effect when core-data has read it: posts until one arrives."""
        def first():
            self.stand.add(events.event(source="probe"))
            return self.receive(0.1)
        until(first, 5 * PATIENCE, "the first event on the stream")
        while self.receive(0.2):
            pass
        return self


def test_envelope(served):
    sub = Subscriber(served).joined()
    made = events.event(device="room-1", profile="climate", source="all", tags={"floor": 2}, readings=[
        events.reading("temperature", "21.5", type="float32", device="room-1", units="C"),
        events.reading("picture", None, type="Binary", device="room-1", binaryValue="aGk=", mediaType="image/png"),
        events.reading("object", None, type="Object", device="room-1", objectValue={"a": [1, 2]}),
        events.reading("null", None, type="Int8", device="room-1")])
    request = events.request(made, request_id="e6e8a2f4-eb14-4649-9e2b-175247911369")
    answer = served.client.post(events.path(made, "device-virtual"), request, headers={
        "X-Correlation-ID": "14a42ea6-c394-41c3-8bcd-a29b9f5e6835", "Content-Type": "application/json"})
    assert answer.status == 201
    topic, envelope = sub.receive()
    assert topic == "edgex/events/core/device-virtual/climate/room-1/all"
    payload = envelope.pop("payload")
    assert envelope == {"apiVersion": "v3", "receivedTopic": "", "requestID": "", "errorCode": 0,
                        "correlationID": "14a42ea6-c394-41c3-8bcd-a29b9f5e6835", "contentType": "application/json"}
    assert payload["requestId"] == request["requestId"] and payload["apiVersion"] == "v3"
    expected = dict(made, readings=[dict(r) for r in made["readings"]])
    expected["readings"][0]["valueType"] = "Float32"
    got = payload["event"]
    for r in got["readings"]:  # a null reading may say so
        for carrier in ("value", "binaryValue", "objectValue"):
            if r.get(carrier, "") is None:
                del r[carrier]
    value = float(got["readings"][0].pop("value"))
    assert value == float(expected["readings"][0].pop("value"))
    assert got == expected


def test_only_what_is_accepted(served):
    sub = Subscriber(served).joined()
    made = served.add(events.event())
    assert sub.receive()[1]["payload"]["event"]["id"] == made["id"]
    assert served.post(made).status == 409
    bad = events.event()
    assert served.client.post("/api/v3/event/test/climate/other/sensor", events.request(bad)).status == 400
    assert served.client.post(events.path(bad), b"{not json").status == 400
    last = served.add(events.event())
    assert sub.receive()[1]["payload"]["event"]["id"] == last["id"]
    assert sub.receive(0.2) is None


def test_every_event_in_order_for_one_client(served):
    sub = Subscriber(served).joined()
    made = [served.add(events.event()) for _ in range(1000)]
    got = []
    while len(got) < len(made):
        message = sub.receive()
        assert message, f"{len(got)} of {len(made)} events arrived"
        got.append(message[1]["payload"]["event"]["id"])
    assert got == [e["id"] for e in made]


def test_subscribers_choose_by_topic(served):
    everything = Subscriber(served).joined()
    one = Subscriber(served, b"edgex/events/core/test/climate/room-7/")
    until(lambda: served.add(events.event(device="room-7")) and one.receive(0.1), 5 * PATIENCE, "the first of room-7")
    while one.receive(0.1):
        pass
    served.add(events.event(device="room-8"), events.event(device="room-7", source="a"), events.event(device="room-9"))
    assert one.receive()[0] == "edgex/events/core/test/climate/room-7/a"
    assert one.receive(0.2) is None
    until(lambda: (everything.receive() or ("",))[0].endswith("room-9/sensor"), 5, "the last one in the other stream")


def test_names_are_escaped_in_topics(served):
    """A name must neither add a level nor look like a wildcard."""
    sub = Subscriber(served).joined()
    served.add(events.event(device="a/b", source="+#"))
    topic, _ = sub.receive()
    assert len(topic.split("/")) == 7 and not set(topic) & set("+#")
    assert topic == "edgex/events/core/test/climate/a%2Fb/%2B%23"


def rate(stand, seconds=1.5):
    """Events a second that one client posts, one after another."""
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        stand.add(events.event(readings=[events.reading(value="x" * 10_000, type="String")]))
        count += 1
    return count / seconds


def test_a_subscriber_that_never_reads(served):
    """It loses events; posting is as quick as before, and core-data's memory does not grow without bound."""
    Subscriber(served).joined()
    alone = rate(served)
    sleeper = Subscriber(served, hwm=1).joined()
    program = ("import sys, time, zmq\nc = zmq.Context()\ns = c.socket(zmq.SUB)\ns.setsockopt(zmq.RCVHWM, 1)\n"
               "s.connect(sys.argv[1])\ns.setsockopt(zmq.SUBSCRIBE, b'')\nprint('up', flush=True)\ntime.sleep(600)\n")
    stopped = subprocess.Popen([sys.executable, "-c", program, served.stream], stdout=subprocess.PIPE, text=True)
    try:
        assert stopped.stdout.readline() == "up\n"
        time.sleep(0.3)
        stopped.send_signal(signal.SIGSTOP)
        before = served.core.resident()
        slowed = rate(served, 3.0)
        assert slowed > alone / 2, f"{alone:.0f} events/s alone, {slowed:.0f} with subscribers that do not read"
        assert served.core.resident() - before < 200 << 20
    finally:
        stopped.kill()
        stopped.wait()
    assert sleeper


def test_the_example_observer(served, root):
    """examples/observe-events.py follows the stream: one line an event."""
    path = os.path.join(served.folder, "observed")
    with open(path, "w") as out:
        observer = subprocess.Popen([sys.executable, "-u", os.path.join(root, "examples/observe-events.py"),
                                     served.stream], stdout=out, stderr=out)

    def shown():
        served.add(events.event(device="observed", readings=[events.reading("temperature", "42")]))
        with open(path) as f:
            text = f.read()
        return "observed" in text and "temperature=42" in text
    try:
        until(shown, 10 * PATIENCE, "an event in the observer's output", pause=0.05)
        observer.send_signal(signal.SIGINT)
        assert observer.wait(5) == 0
    finally:
        if observer.poll() is None:
            observer.kill()
            observer.wait()
