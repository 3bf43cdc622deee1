#!/usr/bin/env python3
"""persist-python: a backend in another language, written from docs/PROTOCOL.md alone. Needs pyzmq and msgpack.

It keeps events in memory, and says so: not durable, and another data set at each start. It lacks aggregates and several
workers on one store. No call of this store takes long, so one thread does everything; a store that may keep one waiting
belongs in a thread of its own, since PING does not wait."""

import bisect
import collections
import functools
import itertools
import os
import secrets
import signal
import sys
import time

import msgpack
import zmq

MAJOR, MINOR = 1, 0
WHO, WELCOME, REFUSE, WRITE, QUERY, PING, DRAIN = range(1, 8)
HELLO, READY, ACK, REPLY, PONG, BYE = range(16, 22)
OK, CONFLICT, NOT_FOUND, INVALID, UNSUPPORTED, INTERNAL = 0, 1, 2, 3, 6, 9
ADD, DELETE, LACKS_AGGREGATE, LACKS_WORKERS = 1, 2, 1, 2
MALFORMED = (ValueError, TypeError, IndexError, KeyError, msgpack.UnpackException)
pack, unpack = msgpack.packb, functools.partial(msgpack.unpackb, strict_map_key=False)


def check(fine):
    if not fine:
        raise ValueError("malformed")


class Event:
    def __init__(self, accept, id, data):
        version, own, self.origin, self.device, profile, self.source, _, readings = unpack(data)[:8]
        check(version == 1 and own == id and readings and all(len(r) >= 8 for r in readings))
        self.accept, self.id, self.data = accept, id, data
        shared = (self.origin, self.device, profile, self.source)  # what nil stands for in a reading
        self.readings = [[s if own is None else own for own, s in zip(r, shared)] + r[4:] for r in readings]


class Store:
    """Sections 4 and 5 of PROTOCOL.md."""

    def __init__(self):
        self.data_set, self.mark, self.events = secrets.token_bytes(16), 0, {}

    def write(self, op, accept, id, *data):
        self.mark = max(self.mark, accept)
        known = self.events.get(id)
        if op == DELETE:
            return OK if self.events.pop(id, None) else NOT_FOUND
        if known:
            return OK if known.accept == accept else CONFLICT
        try:
            self.events[id] = Event(accept, id, data[0])
        except MALFORMED:
            return INVALID
        return OK

    def matching(self, where):
        """Events that pass, newest first."""
        device, source, _, ids, low, high, accept_max = where[:7]
        among = self.events.values() if not ids else [self.events[i] for i in ids if i in self.events]
        found = [e for e in among if low <= e.origin <= high and e.accept <= accept_max
                 and device in (None, e.device) and source in (None, e.source)]
        return sorted(found, key=lambda e: (e.origin, e.id), reverse=True)

    def readings(self, where):
        device, _, resources, _, low, high, _ = where[:7]
        found = [(r[0], e.id, i, r) for e in self.events.values() for i, r in enumerate(e.readings)
                 if low <= r[0] <= high and device in (None, r[1]) and (not resources or r[3] in resources)]
        return [f[3] for f in sorted(found, key=lambda f: f[:3], reverse=True)]

    def ask(self, ask):
        """more, total, items; None for what is not done here."""
        kind = ask[0]
        if kind in (1, 2):
            found = self.matching(ask[1]) if kind == 1 else self.readings(ask[1])
            page = found[ask[2]:ask[2] + ask[3]]
            return False, len(found) if ask[4] else 0, [[e.accept, e.data] for e in page] if kind == 1 else page
        if kind == 3:
            return False, len(self.readings(ask[2]) if ask[1] else self.matching(ask[2])), []
        if kind == 5:
            counts = collections.Counter((e.device, e.source) for e in self.events.values())
            return False, 0, [[*names, count] for names, count in counts.items()]
        if kind == 6:
            _, low, high, after, limit = ask[:5]
            found = self.matching([None, None, [], [], low, high, 2**64 - 1])[::-1]
            rest = [e for e in found if after is None or (e.origin, e.id) > tuple(after)]
            return False, 0, [[e.accept, e.data] for e in rest[:limit]]
        if kind == 7:
            found = self.matching(ask[1])
            for e in found[:ask[2]]:
                del self.events[e.id]
            return len(found) > ask[2], min(len(found), ask[2]), []


class Worker:
    """Sections 1 to 3."""

    def __init__(self, environ):
        self.store, self.group = Store(), environ.get("PERSISTBUS_GROUP") or "python"
        self.topic = f"persist/{MAJOR}/{self.group}/w{os.getpid()}.{secrets.token_hex(8)}/"
        self.epoch = self.session = self.least = self.welcome = self.leave_at = None
        self.stop, self.context = False, zmq.Context()
        self.sub, self.dealer = self.context.socket(zmq.SUB), self.context.socket(zmq.DEALER)
        for socket, name, port in ((self.sub, "REQUESTS", 5570), (self.dealer, "REPLIES", 5571)):
            socket.reconnect_ivl, socket.reconnect_ivl_max, socket.linger, socket.rcvhwm = 10, 500, 1000, 0
            socket.connect(environ.get("PERSISTBUS_" + name) or f"tcp://127.0.0.1:{port}")
        self.sub.subscribe(self.topic)

    def send(self, kind, *elements, payload=None):
        frames = [pack([MAJOR, kind, self.epoch, self.session, *elements])]
        self.dealer.send_multipart(frames if payload is None else frames + [payload])

    def run(self):
        drained = False
        while not drained:
            if self.sub.poll(100):
                drained = self.take(self.sub.recv_multipart())
            if self.stop and not self.leave_at:
                self.leave_at = time.monotonic() + 0.7
                if self.welcome:
                    self.send(BYE)
            if self.leave_at and (not self.welcome or time.monotonic() > self.leave_at):
                break
        if drained and not self.leave_at:
            self.send(BYE)
        self.dealer.linger = 1000 if drained else 0
        self.context.destroy()

    def take(self, frames):
        """One message; true if it was DRAIN."""
        try:
            header = unpack(frames[1])
            major, kind, epoch, session, sent = header[:5]
            if major != MAJOR:
                return print(f"core-data speaks protocol {major}, this worker {MAJOR}", file=sys.stderr)
            if kind == WHO and not self.stop:
                self.least = self.least if epoch == self.epoch else None
                self.epoch, self.session, self.welcome = epoch, session, None
            if (epoch, session) != (self.epoch, self.session):
                return False
            age = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - sent
            self.least = age if self.least is None else min(self.least, age)
            return self.act(kind, header, frames[2] if len(frames) > 2 else b"", age - self.least)
        except MALFORMED:
            return False  # nothing that came from the bus is trusted

    def act(self, kind, header, payload, age):
        if kind == WHO:
            self.send(HELLO, self.topic, MINOR, "python", "1.0.0", self.group, LACKS_AGGREGATE | LACKS_WORKERS, False,
                      self.store.data_set, self.store.mark, 64, 2, 16 << 20, 1000, 1 << 20)
        elif kind == WELCOME:
            self.welcome = header[6:9]  # lease_ms, reply_bytes, message_bytes
            self.send(READY, True, "", False, self.store.data_set, self.store.mark)
        elif kind == REFUSE:
            print(f"core-data refuses this worker: {header[6]}", file=sys.stderr)
        elif kind == PING:
            self.send(PONG, header[4], 0)
        elif kind == WRITE and self.welcome and age <= self.welcome[0] * 1_000_000:
            self.write(header[5], payload)
        elif kind == QUERY and self.welcome:
            self.query(header[5], payload)
        return kind == DRAIN

    def write(self, seq, payload):
        try:
            writes = unpack(payload)
            check(all(w[0] in (ADD, DELETE) and len(w) >= 5 - w[0] and w[1] >= 0 and len(w[2]) == 16 for w in writes))
        except MALFORMED:
            return self.send(ACK, seq, INVALID, "malformed batch", self.store.mark, [])
        failed = [f for f in enumerate([self.store.write(*w) for w in writes]) if f[1] != OK]
        self.send(ACK, seq, OK, "", self.store.mark, failed)

    def query(self, seq, payload):
        try:
            found = self.store.ask(unpack(payload))
        except MALFORMED:
            return self.send(REPLY, seq, INVALID, "malformed query")
        if not found:
            return self.send(REPLY, seq, UNSUPPORTED, "backend python does not do that")
        more, total, items = found
        ends = list(itertools.accumulate(len(pack(item)) for item in items))
        count = max(1, bisect.bisect(ends, self.welcome[1] - 16))  # what reply_bytes has room for, and one at least
        answer = pack([more or count < len(items), total, items[:count]])
        if len(answer) > self.welcome[2]:
            return self.send(REPLY, seq, INTERNAL, "one item is larger than a message may be")
        self.send(REPLY, seq, OK, "", payload=answer)


if __name__ == "__main__":
    worker = Worker(os.environ)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: setattr(worker, "stop", True))
    worker.run()
