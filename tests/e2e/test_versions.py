"""Versions of the bus protocol: an older minor one is served, another major one is refused by either side, with a line
that names both. (The versions of a backend's table are test_worker.c's.)"""

import uuid

import pytest
import zmq

from support import events, wire
from support.fake_worker import FakeWorker
from support.service import PATIENCE
from support.waiting import until
from support.wire import Peer


def own_minor(stand):
    """As WELCOME says it."""
    peer = Peer(stand, "asks")
    peer.expect(wire.WHO)
    peer.hello(uuid.uuid4().bytes)
    header, _ = peer.expect(wire.WELCOME)
    peer.close()
    return header[5]


def test_a_worker_of_an_older_minor_version(served):
    """It writes, reads and deletes, and is filled from another group although it knows no query of a later minor."""
    assert own_minor(served) >= 1
    before = served.add(*(events.event() for _ in range(20)))
    worker = FakeWorker(served, "older", minor=0)
    served.wait_ready("older")
    served.wait_state("older", "LIVE", within=20)
    assert before["id"] in worker.ids() and len(worker.ids()) == 20
    served.sqlite.stop()
    made = served.add(events.event())
    assert served.has(made["id"]) and served.count() == 21
    assert served.delete(f"/event/id/{made['id']}").status == 200
    assert not served.has(made["id"]) and served.count() == 20


@pytest.mark.parametrize("major", [2, 77])
def test_core_data_refuses_another_major_version(stand, major):
    """By the topic, which is all that it can read of such a worker, and by a HELLO on a topic of its own version."""
    stand.start_core()
    minor = own_minor(stand)
    texts = []
    peer = Peer(stand, topic_text=wire.topic("later", major=major))
    texts.append(peer.expect(wire.REFUSE)[0][5:7])
    peer.close()
    peer = Peer(stand, "later")
    peer.expect(wire.WHO)
    peer.hello(uuid.uuid4().bytes, major=major)
    texts.append(peer.expect(wire.REFUSE)[0][5:7])
    peer.close()
    for status, text in texts:
        assert status == wire.UNSUPPORTED
        assert f"protocol {wire.MAJOR}.{minor}" in text and f"worker {major}" in text and "\n" not in text
        until(lambda: text in stand.core.log(), 3 * PATIENCE, "the refusal in the log")


class LaterCore:
    """The sockets of a core-data of major version 2, which refuses every subscription, once a second or more often."""

    def __init__(self, stand):
        self.context = zmq.Context()
        self.xpub, self.router = self.context.socket(zmq.XPUB), self.context.socket(zmq.ROUTER)
        self.xpub.linger = self.router.linger = 0
        self.xpub.bind(stand.requests)
        self.router.bind(stand.replies)
        stand.closers.append(lambda: self.context.destroy(linger=0))

    def subscription(self):
        assert self.xpub.poll(5000 * PATIENCE), "no subscription"
        return self.xpub.recv()[1:]

    def refuse(self, topic, text):
        header = [2, wire.REFUSE, 1, 0, wire.boottime(), wire.UNSUPPORTED, text, "what only version 2 knows"]
        self.xpub.send_multipart([topic, wire.pack(header)])


def test_a_worker_meets_a_core_data_of_another_major_version(stand):
    """It says so once, does not end, and is there when a core-data of its own version comes."""
    later = LaterCore(stand)
    worker = stand.start_sqlite(wait=False)
    topic = later.subscription()
    assert topic.startswith(b"persist/1/sqlite/")
    for _ in range(5):
        later.refuse(topic, "this core-data speaks protocol 2.0, the worker 1")
    worker.wait_log("core-data speaks protocol 2, this worker 1.")
    later.context.destroy(linger=0)
    stand.start_core()
    stand.wait_ready("sqlite", within=10)
    stand.add(events.event())
    assert worker.log().count("core-data speaks protocol") == 1
