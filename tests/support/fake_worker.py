"""A worker written from docs/PROTOCOL.md alone, in memory, that misbehaves on demand.

It runs in a thread of the tester. What it does with a WRITE or a QUERY is said by the hooks `on_write` and
`on_query`: functions of (worker, seq, writes or ask) that return a Plan, or None for the ordinary course.
"""

import queue
import threading
import time
import uuid

import zmq

from . import wire
from .memory_store import MemoryStore
from .waiting import until
from .wire import Peer


class Plan:
    def __init__(self, delay=0.0, execute=True, answer=True, status=wire.OK, text="", failed=None, frames=None,
                 epoch=None, session=None, payload=None, then_ready=None):
        self.delay = delay  # seconds until it is executed and answered
        self.execute = execute  # False: the store is left alone
        self.answer = answer  # False: nothing is sent
        self.status, self.text, self.failed = status, text, failed
        self.frames = frames  # these frames go out instead of the answer
        self.epoch, self.session = epoch, session  # wrong ones, for the answer
        self.payload = payload  # of the REPLY, instead of the right one
        self.then_ready = then_ready  # say READY so, after the answer


ORDINARY = Plan()


class FakeWorker:
    def __init__(self, stand, group="fake", name="w1", store=None, ready=True, start=True, **hello):
        self.store = store or MemoryStore()
        self.hello = hello  # fields of HELLO that differ from the ordinary
        self.context = zmq.Context()
        self.peer = Peer(stand, group, name, subscribe=False, context=self.context)
        self.group = group
        self.ready_at_start = ready
        self.pong = True
        self.on_write = self.on_query = self.on_message = None
        self.seen = []  # headers of what came, in order
        self.batches = []  # the writes of each WRITE that was executed
        self.stale = 0  # messages of a former session or epoch, or too old
        self.welcome = None
        self.refused = None
        self.drained = False
        self.paused = False
        self.outstanding = {}  # seq -> (kind, bytes) of what is not answered yet
        self.most_writes = self.most_messages = self.most_bytes = 0
        self._later = []  # (due, header, payload, plan)
        self._least = None  # smallest CLOCK_BOOTTIME - sent of this epoch
        self._commands = queue.Queue()
        self._stop = False
        self.error = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        stand.closers.append(self.close)
        if start:
            self.thread.start()

    # ---- called from the test

    def call(self, function):
        """Runs the function in the worker's thread, and waits for it."""
        done = threading.Event()
        self._commands.put((function, done))
        assert done.wait(5), "the fake worker's thread does not answer"

    def say_ready(self, ready=True, text=""):
        self.call(lambda: self._ready(ready, text))

    def pause(self):
        """As SIGSTOP, but for its I/O thread: nothing is read or answered until `paused` is False again. By `call`."""
        self.paused = True

    def say_bye(self):
        self.call(lambda: self.peer.send(wire.BYE))

    def resubscribe(self, stand):
        """The subscription's connection ends, and a new one is made when core-data has noticed."""
        self.call(self.peer.unsubscribe)
        until(lambda: not stand.ready_workers(self.group), 3, "the worker gone")
        self.call(self.peer.subscribe)

    def crash(self):
        """As a kill: sockets are closed at once, nothing more is sent."""
        self._stop = True
        if self.thread.is_alive():
            self.thread.join(5)
        if self.context:
            if self.peer.sub:
                self.peer.sub.close()
            self.peer.dealer.close(linger=0)
            self.context.term()
            self.context = None

    def close(self):
        self.crash()
        if self.error:
            raise AssertionError(f"the fake worker failed: {self.error!r}") from self.error

    def kinds(self):
        return [h[1] for h in self.seen]

    def wait_kind(self, kind, times=1, within=5.0):
        until(lambda: self.kinds().count(kind) >= times, within, f"{times} message(s) of kind {kind}")

    def ids(self):
        """Of the events in its store, as clients write them."""
        with self.store.lock:
            return {str(uuid.UUID(bytes=id)) for id in self.store.events}

    # ---- the worker's thread

    def _run(self):
        try:
            self.peer.subscribe()
            while not self._stop:
                self._turn()
        except Exception as e:  # reported by close(), in the test's thread
            self.error = e

    def _turn(self):
        while not self._commands.empty():
            function, done = self._commands.get()
            function()
            done.set()
        now = time.monotonic()
        for item in [i for i in self._later if i[0] <= now]:
            self._later.remove(item)
            self._execute(*item[1:])
        if self.paused:
            time.sleep(0.005)
            return
        due = min((i[0] for i in self._later), default=now + 0.01)
        if not self.peer.sub:
            time.sleep(0.002)
        elif self.peer.sub.poll(max(0, min(10, int((due - now) * 1000) + 1))):
            for _ in range(100):
                if not self.peer.sub.poll(0):
                    break
                self._take(self.peer.sub.recv_multipart())

    def _take(self, frames):
        header = wire.unpack(frames[1])
        payload = frames[2] if len(frames) > 2 else None
        self.seen.append(header)
        if self.on_message and self.on_message(self, header, payload):
            return
        kind = header[1]
        if kind == wire.WHO:
            self._who(header)
        elif header[2:4] != [self.peer.epoch, self.peer.session]:
            self.stale += 1
        elif kind == wire.WELCOME:
            self.welcome = header[4:]
            if self.ready_at_start:
                self._ready(True)
        elif kind == wire.REFUSE:
            self.refused = header[5:7]
        elif kind == wire.PING:
            if self.pong:
                self.peer.send(wire.PONG, header[4], 0)
        elif kind == wire.DRAIN:
            self.drained = True
        elif kind in (wire.WRITE, wire.QUERY):
            self._work(header, payload)

    def _offset(self, sent):
        offset = wire.boottime() - sent
        self._least = offset if self._least is None else min(self._least, offset)
        return offset

    def _ready(self, ready, text=""):
        if ready:
            self.peer.send(wire.READY, True, text, True, self.store.data_set, self.store.mark)
        else:
            self.peer.send(wire.READY, False, text, False, None, 0)

    def _who(self, header):
        if header[2] != self.peer.epoch:
            self._least = None
        self.peer.epoch, self.peer.session = header[2:4]
        self._offset(header[4])
        self._later.clear()
        self.outstanding.clear()
        self.welcome = None
        self.peer.hello(self.store.data_set, mark=self.store.mark, **self.hello)

    def _work(self, header, payload):
        kind, seq = header[1], header[5]
        self._offset(header[4])
        assert seq not in self.outstanding, f"seq {seq} is used twice"
        self.outstanding[seq] = (kind, len(payload))
        sizes = list(self.outstanding.values())
        self.most_writes = max(self.most_writes, sum(k == wire.WRITE for k, _ in sizes))
        self.most_messages = max(self.most_messages, len(sizes))
        if len(sizes) > 1:
            self.most_bytes = max(self.most_bytes, sum(s for _, s in sizes))
        content = wire.unpack(payload)
        hook = self.on_write if kind == wire.WRITE else self.on_query
        plan = (hook(self, seq, content) if hook else None) or ORDINARY
        if plan.delay:
            self._later.append((time.monotonic() + plan.delay, header, content, plan))
        else:
            self._execute(header, content, plan)

    def _execute(self, header, content, plan):
        kind, epoch, session, sent, seq = header[1:6]
        if (epoch, session) != (self.peer.epoch, self.peer.session):
            self.stale += 1
            return
        lease = self.welcome[2] if self.welcome else 10000
        if kind == wire.WRITE and wire.boottime() - sent - self._least > lease * 1_000_000:
            self.stale += 1
            return
        if kind == wire.WRITE:
            failed = self.store.apply(content) if plan.execute else []
            if plan.execute:
                self.batches.append(content)
            answer = [wire.ACK, seq, plan.status, plan.text, self.store.mark,
                      failed if plan.failed is None else plan.failed]
            payload = None
        else:
            payload = plan.payload
            if payload is None and plan.status == wire.OK:
                payload = self.store.answer(content, self.welcome[3])
            status = plan.status if payload is not None or plan.status else wire.UNSUPPORTED
            answer = [wire.REPLY, seq, status, plan.text]
        if plan.frames is not None:
            self.peer.send_frames(*plan.frames)
        elif plan.answer:
            self.peer.send(*answer, payload=payload, epoch=plan.epoch, session=plan.session)
        if plan.then_ready is not None:
            self._ready(plan.then_ready, plan.text)
        if plan.answer and plan.epoch is None and plan.session is None:
            self.outstanding.pop(seq, None)
