"""The bus protocol in Python, written from docs/PROTOCOL.md alone: nothing here shares code with the product,
so that both sides can't be wrong in the same way."""

import secrets
import time

import msgpack
import zmq

from .service import PATIENCE

WHO, WELCOME, REFUSE, WRITE, QUERY, PING, DRAIN = range(1, 8)
HELLO, READY, ACK, REPLY, PONG, BYE = range(16, 22)
OK, CONFLICT, NOT_FOUND, INVALID, UNAVAILABLE, FULL, UNSUPPORTED, TIMEOUT, OVERFLOW, INTERNAL, NOMEM = range(11)
ADD, DELETE = 1, 2
EVENTS, READINGS, COUNT, AGGREGATE, SOURCES, SCAN, PURGE = range(1, 8)
LACKS_AGGREGATE, LACKS_WORKERS, LACKS_SCAN = 1, 2, 4
MAJOR = 1
INT_MIN, INT_MAX, UINT_MAX = -(1 << 63), (1 << 63) - 1, (1 << 64) - 1


def boottime():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def pack(value):
    return msgpack.packb(value, use_bin_type=True)


def unpack(data):
    return msgpack.unpackb(data, raw=False, strict_map_key=False)


def topic(group, worker="w1", nonce=None, major=MAJOR):
    return f"persist/{major}/{group}/{worker}.{nonce or secrets.token_hex(6)}/"


class Peer:
    """The two sockets of a worker and nothing else: for handshakes by hand, and for what no worker would send."""

    def __init__(self, stand, group="fake", worker="w1", topic_text=None, subscribe=True, context=None):
        self.own_context = None if context else zmq.Context()
        context = context or self.own_context
        self.group = group
        self.topic = topic_text if topic_text is not None else topic(group, worker)
        self.stand = stand
        self.context = context
        self.epoch = self.session = 0
        self.dealer = self._socket(zmq.DEALER, linger=1000)
        self.dealer.connect(stand.replies)
        self.sub = None
        if self.own_context:
            stand.closers.append(self.close)
        if subscribe:
            self.subscribe()

    def _socket(self, kind, linger=0):
        s = self.context.socket(kind)
        s.setsockopt(zmq.LINGER, linger)
        s.setsockopt(zmq.RECONNECT_IVL, 10)
        s.setsockopt(zmq.RECONNECT_IVL_MAX, 500)
        return s

    def subscribe(self):
        self.sub = self._socket(zmq.SUB)
        self.sub.setsockopt(zmq.RCVHWM, 0)
        self.sub.connect(self.stand.requests)
        self.sub.setsockopt(zmq.SUBSCRIBE, self.topic.encode())

    def unsubscribe(self):
        self.sub.close()
        self.sub = None

    def send(self, kind, *elements, payload=None, epoch=None, session=None, major=MAJOR):
        header = [major, kind, self.epoch if epoch is None else epoch,
                  self.session if session is None else session, *elements]
        self.send_frames(pack(header), *([payload] if payload is not None else []))

    def send_frames(self, *frames):
        self.dealer.send_multipart(list(frames))

    def receive(self, within=3.0):
        """(header, payload or None) of the next message, or None when none comes in time."""
        if not self.sub.poll(within * 1000):
            return None
        frames = self.sub.recv_multipart()
        assert frames[0].decode() == self.topic, (frames[0], self.topic)
        return unpack(frames[1]), frames[2] if len(frames) > 2 else None

    def expect(self, kind, within=3.0):
        """The next message of this kind; PINGs before it are passed over, anything else is wrong."""
        end = time.monotonic() + within * PATIENCE
        while True:
            got = self.receive(max(0.0, end - time.monotonic()))
            assert got, f"no message of kind {kind} within {within * PATIENCE:g} s"
            if got[0][1] == kind:
                if kind == WHO:
                    self.epoch, self.session = got[0][2:4]
                return got
            assert got[0][1] == PING, f"a message of kind {kind} was due, came {got}"

    def hello(self, data_set, backend="fake", version="0", group=None, missing=LACKS_AGGREGATE, durable=True,
              mark=0, messages=64, batches=2, bytes=8 << 20, batch_events=1000, batch_bytes=1 << 20, minor=0,
              topic=None, **where):
        self.send(HELLO, topic or self.topic, minor, backend, version, group or self.group, missing, durable,
                  data_set, mark, messages, batches, bytes, batch_events, batch_bytes, **where)

    def join(self, data_set, **fields):
        """WHO, HELLO, WELCOME, READY."""
        who = self.expect(WHO)
        self.hello(data_set, **fields)
        welcome = self.expect(WELCOME)
        self.send(READY, True, "", fields.get("durable", True), data_set, fields.get("mark", 0))
        return who, welcome

    def close(self):
        if self.sub:
            self.sub.close()
        self.dealer.close(linger=0)
        if self.own_context and not self.own_context.closed:
            self.own_context.term()
