"""Load: posts numbered events over many kept connections, until each of them is accounted for.

    python3 load.py --port P --count N --connections C [--run R] [--readings K] [--rate EVENTS/S] [--retry]
                    [--wait SECONDS]

Event n of run R has an id, an origin, a device and values that follow from R and n, so that whoever checks needs
no list: see event_id, origin, device. Prints `progress N` lines, and one JSON object at the end:

    created     answers 201
    spooled     answers 202
    repeated    409 to a resend of an event whose first answer was lost or was not an acceptance
    retried     sends beyond the first
    other       status -> how often, of all other answers
    seconds, longest (the longest time from the first send of an event to its acceptance)

Without --retry an event is sent once, and a lost connection ends the program with status 1. With --rate each connection
sends when its turn has come, or later. After SIGTERM no new event is sent, and the program ends as ever.
"""

import argparse
import errno
import json
import select
import signal
import socket
import subprocess
import sys
import threading
import time

BASE = 1_600_000_000_000_000_000
DEVICES = 100


def event_id(run, n):
    return "%08x-0000-4000-8000-%012x" % (run, n)


def origin(run, n):
    return BASE + run * 1_000_000_000_000 + n


def device(n):
    return "load-%d" % (n % DEVICES)


_BODY = ('{"apiVersion":"v3","event":{"apiVersion":"v3","id":"%s","deviceName":"%s","profileName":"load",'
         '"sourceName":"src","origin":%d,"readings":[%s]}}')
_READING = ('{"origin":%d,"deviceName":"%s","profileName":"load","resourceName":"r%d","valueType":"Int64",'
            '"value":"%d"}')


def message(run, n, readings):
    name, at = device(n), origin(run, n)
    body = _BODY % (event_id(run, n), name, at,
                    ",".join([_READING % (at, name, k, n) for k in range(readings)]))
    return ("POST /api/v3/event/load/load/%s/src HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            "Content-Length: %d\r\n\r\n%s" % (name, len(body), body)).encode()


class Connection:
    def __init__(self, load):
        self.load = load
        self.socket = None
        self.n = None  # the event that is on its way
        self.first = 0.0  # when it was first sent
        self.sends = 0
        self.data = b""
        self.again_at = None  # to send once more, or to connect again, at this time

    def connect(self):
        self.socket = socket.create_connection(("127.0.0.1", self.load.port), timeout=5)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.load.poll.register(self.socket, select.EPOLLIN)
        self.load.by_fd[self.socket.fileno()] = self

    def drop(self):
        if self.socket:
            self.load.by_fd.pop(self.socket.fileno(), None)
            self.socket.close()
            self.socket = None
        self.data = b""

    def send(self):
        """Sends the event in hand, or the next one; False when there is none left."""
        self.again_at = None
        if self.n is None:
            self.n = self.load.take()
            if self.n is None:
                self.drop()
                return False
            self.first = time.monotonic()
            self.sends = 0
        self.sends += 1
        self.load.retried += self.sends > 1
        try:
            if self.socket is None:
                self.connect()
            self.socket.sendall(message(self.load.run, self.n, self.load.readings))
        except OSError as e:
            self.lost(e)
        return True

    def lost(self, error):
        """The outcome of what is on its way is not known: the same event goes again."""
        if not self.load.retry:
            raise SystemExit(f"load: connection lost: {error}")
        self.drop()
        self.again_at = time.monotonic() + 0.02

    def readable(self):
        try:
            part = self.socket.recv(65536)
        except OSError as e:
            return self.lost(e)
        if not part:
            return self.lost(OSError(errno.ECONNRESET, "closed by the peer"))
        self.data += part
        end = self.data.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = self.data[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15:].split(b"\r\n", 1)[0])
        if len(self.data) < end + 4 + length:
            return None
        self.data = self.data[end + 4 + length:]
        closing = b"connection: close" in head
        self.answered(int(head[9:12]))
        if closing:
            self.drop()
        if self.again_at is None:
            self.send()
        return None

    def answered(self, status):
        load = self.load
        if status == 201:
            load.created += 1
        elif status == 202:
            load.spooled += 1
        elif status == 409 and self.sends > 1:
            load.repeated += 1
        else:
            load.other[status] = load.other.get(status, 0) + 1
            if load.retry and status in (429, 503):
                self.again_at = time.monotonic() + 0.05
                return
        load.longest = max(load.longest, time.monotonic() - self.first)
        self.n = None
        if load.period:
            self.again_at = self.first + load.period


class Load:
    def __init__(self, args):
        self.port, self.count, self.run, self.readings = args.port, args.count, args.run, args.readings
        self.retry, self.limit = args.retry, args.wait
        self.period = args.connections / args.rate if args.rate else 0.0
        self.next = self.created = self.spooled = self.repeated = self.retried = 0
        self.longest = 0.0
        self.other = {}
        self.by_fd = {}
        self.poll = select.epoll()
        self.connections = [Connection(self) for _ in range(args.connections)]

    def end(self, *_):
        self.count = self.next

    def take(self):
        if self.next >= self.count:
            return None
        self.next += 1
        return self.next - 1

    def work(self):
        began = told = time.monotonic()
        for c in self.connections:
            c.send()
        while any(c.n is not None or c.again_at is not None for c in self.connections):
            for fd, _ in self.poll.poll(0.002 if self.period else 0.02):
                c = self.by_fd.get(fd)
                if c:
                    c.readable()
            now = time.monotonic()
            for c in self.connections:
                if c.again_at is not None and c.again_at <= now:
                    c.send()
            if now - told > 0.05:
                told = now
                print("progress", self.created + self.spooled + self.repeated, flush=True)
            if now - began > self.limit:
                print(json.dumps(self.result(now - began)), flush=True)
                raise SystemExit(f"load: not done after {self.limit:g} s")
        return time.monotonic() - began

    def result(self, seconds):
        return {"created": self.created, "spooled": self.spooled, "repeated": self.repeated, "retried": self.retried,
                "other": self.other, "seconds": round(seconds, 3), "longest": round(self.longest, 3)}


class Running:
    """The load as a process of its own, for a test that does something meanwhile."""

    def __init__(self, port, count, connections=32, run=1, readings=1, retry=False, wait=120.0, rate=0):
        self.done = 0
        self.result = None
        args = [sys.executable, __file__, "--port", str(port), "--count", str(count), "--connections",
                str(connections), "--run", str(run), "--readings", str(readings), "--wait", str(wait), "--rate",
                str(rate)]
        self.process = subprocess.Popen(args + (["--retry"] if retry else []), stdout=subprocess.PIPE, text=True)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.process.stdout:
            if line.startswith("progress"):
                self.done = int(line.split()[1])
            else:
                self.result = json.loads(line)

    def wait_done(self, count, within=60.0):
        end = time.monotonic() + within
        while self.done < count:
            assert self.process.poll() is None, f"the load ended early: {self.result}"
            assert time.monotonic() < end, f"{self.done} of {count} events after {within:g} s"
            time.sleep(0.005)

    def finish(self):
        status = self.process.wait()
        self.thread.join(5)
        assert status == 0, f"the load ended with status {status}: {self.result}"
        return self.result

    def end(self):
        """No more; its result."""
        self.process.terminate()
        return self.finish()

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--run", type=int, default=1)
    parser.add_argument("--readings", type=int, default=1)
    parser.add_argument("--retry", action="store_true")
    parser.add_argument("--wait", type=float, default=120.0)
    parser.add_argument("--rate", type=float, default=0)
    load = Load(parser.parse_args())
    signal.signal(signal.SIGTERM, load.end)
    print(json.dumps(load.result(load.work())), flush=True)


if __name__ == "__main__":
    main()
