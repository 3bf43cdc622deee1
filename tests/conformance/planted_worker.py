"""A worker in Python, written from docs/PROTOCOL.md, with a bug that PLANTED names: for tests of the suite itself.

    drops-last   the last event of a batch is acknowledged and not kept
    ties         events of equal origin come by id ascending
    count        the count of events is one too high after a delete
    early-ack    a batch is acknowledged half a second before it is written to the file
    none         no bug: passes everything but what it says that it lacks

Its store is a file (PLANTED_STORE), so that it can be killed and started again. It lacks aggregates and several
workers on one store.
"""

import functools
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

import msgpack  # noqa: E402

from tests.support import memory_store, wire  # noqa: E402
from tests.support.memory_store import MemoryStore  # noqa: E402

# Each query looks at every event again.
memory_store.unfold = functools.lru_cache(maxsize=50000)(memory_store.unfold)

BUG = os.environ.get("PLANTED", "none")
LATE = 0.5  # seconds from an early ACK to the file
BUGS = ("none", "drops-last", "ties", "count", "early-ack")


class FileStore(MemoryStore):
    """A log of records, of which the first is the data set's id: [writes that were done] or [ids that were purged]."""

    def __init__(self, path):
        super().__init__()
        self.deletes = 0
        self.late = []  # (when, bytes) of what is acknowledged and not written
        new = not os.path.exists(path)
        self.file = open(path, "ab", buffering=0)
        if new:
            self.file.write(self.data_set)
        else:
            self._load(path)

    def _load(self, path):
        with open(path, "rb") as f:
            self.data_set = f.read(16)
            whole = 16
            unpacker = msgpack.Unpacker(f, raw=False, max_buffer_size=1 << 30)
            for mark, writes, gone in unpacker:
                self.mark = mark
                for op, accept, id, *event in writes:
                    if op == wire.ADD:
                        self.events[id] = (accept, event[0])
                    else:
                        self.events.pop(id, None)
                for id in gone:
                    self.events.pop(id, None)
                whole = 16 + unpacker.tell()
        self.file.truncate(whole)  # what a kill left of the last record

    def _record(self, writes, gone, late=False):
        record = wire.pack([self.mark, writes, gone])
        if late:
            self.late.append((time.monotonic() + LATE, record))
        else:
            self.file.write(record)

    def write_late(self):
        while self.late and self.late[0][0] <= time.monotonic():
            self.file.write(self.late.pop(0)[1])

    def _apply_safely(self, write):
        try:
            if write[0] == wire.ADD and memory_store.unfold(write[3])[0][1] != write[2]:
                return wire.INVALID
            return self._apply_one(write)
        except (ValueError, TypeError, IndexError, AssertionError, msgpack.UnpackException):
            return wire.INVALID

    def apply(self, writes):
        dropped = len(writes) - 1 if BUG == "drops-last" and len(writes) > 1 else None
        statuses, done = [], []
        for i, write in enumerate(writes):
            self.mark = max(self.mark, write[1])
            known = write[2] in self.events
            status = wire.OK if i == dropped else self._apply_safely(write)
            statuses.append(status)
            if status == wire.OK and i != dropped and known == (write[0] == wire.DELETE):
                done.append(write[:4])
                self.deletes += write[0] == wire.DELETE
        self._record(done, [], late=BUG == "early-ack")
        return [[i, s] for i, s in enumerate(statuses) if s != wire.OK]

    def _events(self, parts, ascending=False):
        found = super()._events(parts, ascending)
        if BUG == "ties" and not ascending:
            found.sort(key=lambda f: (-f[0], f[1]))
        return found

    def _purge(self, parts, limit):
        before = set(self.events)
        answer = super()._purge(parts, limit)
        self._record([], list(before - set(self.events)))
        return answer

    def _find(self, ask):
        answer = super()._find(ask)
        if BUG == "count" and ask[0] == wire.COUNT and ask[1] == 0 and self.deletes:
            return answer[0], answer[1] + 1, answer[2]
        return answer


class Endpoints:
    """What wire.Peer wants to know of its stand."""

    def __init__(self):
        self.requests = os.environ["PERSISTBUS_REQUESTS"]
        self.replies = os.environ["PERSISTBUS_REPLIES"]
        self.closers = []


class Worker:
    def __init__(self):
        self.store = FileStore(os.environ["PLANTED_STORE"])
        self.group = os.environ.get("PERSISTBUS_GROUP", "planted")
        self.peer = wire.Peer(Endpoints(), self.group, f"w{os.getpid()}")
        self.least = None  # smallest own clock - sent
        self.welcome = None
        self.stop = self.said_bye = self.drained = False
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "stop", True))

    def run(self):
        while not self.drained:
            if self.peer.sub.poll(10):
                self.take(self.peer.sub.recv_multipart())
            self.store.write_late()
            if self.stop and not self.said_bye:
                self.said_bye = True
                self.leave_at = time.monotonic() + 2  # without a word from core-data
                if not self.welcome:
                    return
                self.peer.send(wire.BYE)
            if self.said_bye and time.monotonic() > self.leave_at:
                break
        if not self.said_bye:
            self.peer.send(wire.BYE)
        self.peer.dealer.close(linger=1000)
        self.peer.sub.close(linger=0)
        self.peer.context.term()

    def take(self, frames):
        try:
            header = wire.unpack(frames[1])
            version, kind, epoch, session, sent = header[:5]
            assert version == wire.MAJOR and isinstance(sent, int)
        except (ValueError, TypeError, IndexError, AssertionError, msgpack.UnpackException):
            return
        if kind == wire.WHO:
            self.who(epoch, session, sent)
            return
        if (epoch, session) != (self.peer.epoch, self.peer.session):
            return
        self.least = min(self.least, wire.boottime() - sent)
        if kind == wire.WELCOME:
            self.welcome = header[6:9]
            self.peer.send(wire.READY, True, "", True, self.store.data_set, self.store.mark)
        elif kind == wire.PING:
            self.peer.send(wire.PONG, sent, 0)
        elif kind == wire.DRAIN:
            self.drained = True
        elif kind == wire.WRITE and len(frames) > 2:
            self.write(header[5], sent, frames[2])
        elif kind == wire.QUERY and len(frames) > 2:
            self.query(header[5], frames[2])

    def who(self, epoch, session, sent):
        if epoch != self.peer.epoch:
            self.least = wire.boottime() - sent
        self.peer.epoch, self.peer.session, self.welcome = epoch, session, None
        if not self.stop:
            self.peer.hello(self.store.data_set, backend="planted", version="1",
                            missing=wire.LACKS_AGGREGATE | wire.LACKS_WORKERS, mark=self.store.mark)

    def write(self, seq, sent, payload):
        if wire.boottime() - sent - self.least > self.welcome[0] * 1_000_000:
            return
        try:
            writes = wire.unpack(payload)
            assert all(w[0] in (wire.ADD, wire.DELETE) and len(w[2]) == 16 and len(w) >= 5 - w[0] for w in writes)
        except (ValueError, TypeError, IndexError, AssertionError, msgpack.UnpackException):
            self.peer.send(wire.ACK, seq, wire.INVALID, "malformed batch", self.store.mark, [])
            return
        failed = self.store.apply(writes)
        self.peer.send(wire.ACK, seq, wire.OK, "", self.store.mark, failed)

    def query(self, seq, payload):
        try:
            answer = self.store.answer(wire.unpack(payload), self.welcome[1])
        except (ValueError, TypeError, IndexError, AssertionError, msgpack.UnpackException):
            self.peer.send(wire.REPLY, seq, wire.INVALID, "malformed query")
            return
        if answer is None:
            self.peer.send(wire.REPLY, seq, wire.UNSUPPORTED, "not done here")
        elif len(answer) > self.welcome[2]:
            self.peer.send(wire.REPLY, seq, wire.INTERNAL, "an event does not fit a message")
        else:
            self.peer.send(wire.REPLY, seq, wire.OK, "", payload=answer)


if __name__ == "__main__":
    if BUG not in BUGS:
        sys.exit(f"planted_worker: PLANTED={BUG} is none of {', '.join(BUGS)}")
    Worker().run()
