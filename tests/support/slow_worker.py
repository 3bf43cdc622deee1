"""A worker that takes its time for each batch, as a process of its own that can be killed.

    python3 slow_worker.py --requests ENDPOINT --replies ENDPOINT --name w1 --store FILE [--delay-ms 5] [--batch 2]

All workers with one FILE are one group with one store: a line for each event that was stored, by whom and when, which
is on disk (in the system's memory) before it is acknowledged. It keeps no events and answers no queries.
"""

import argparse
import os
import signal
import sys
import threading
import time
import uuid

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from support import wire  # noqa: E402
from support.fake_worker import FakeWorker  # noqa: E402


def lines(path):
    """(worker, accept number, id) of what is in the store, in order."""
    try:
        with open(path) as f:
            found = [line.split() for line in f]
    except FileNotFoundError:
        return []
    return [(worker, int(accept), id) for worker, accept, id in found]


class SharedStore:
    def __init__(self, path, worker, delay):
        self.path, self.worker, self.delay = path, worker, delay
        self.data_set = uuid.uuid5(uuid.NAMESPACE_URL, path).bytes
        self.lock = threading.Lock()
        self.file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        self.others = open(path)  # everybody's lines
        self.highest = 0

    @property
    def mark(self):
        """Of the store, whichever worker has stored it."""
        while line := self.others.readline():
            if not line.endswith("\n"):  # still being written
                self.others.seek(self.others.tell() - len(line))
                break
            self.highest = max(self.highest, int(line.split()[1]))
        return self.highest

    def apply(self, writes):
        time.sleep(self.delay)  # one batch after another: this is what it is slow at
        text = "".join(f"{self.worker} {accept} {uuid.UUID(bytes=id)}\n" for _, accept, id, *_ in writes)
        os.write(self.file, text.encode())
        return []

    def answer(self, ask, reply_bytes):
        return None


class Bus:
    """What FakeWorker needs of a stand."""

    def __init__(self, args):
        self.requests, self.replies, self.closers = args.requests, args.replies, []


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--requests", required=True)
    parser.add_argument("--replies", required=True)
    parser.add_argument("--group", default="slow")
    parser.add_argument("--name", required=True)
    parser.add_argument("--store", required=True)
    parser.add_argument("--delay-ms", type=float, default=5.0)
    parser.add_argument("--batch", type=int, default=2)
    args = parser.parse_args()
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    worker = FakeWorker(Bus(args), args.group, args.name, batch_events=args.batch,
                        store=SharedStore(args.store, args.name, args.delay_ms / 1000),
                        missing=wire.LACKS_AGGREGATE | wire.LACKS_SCAN)
    while worker.thread.is_alive() and not ended.wait(0.1):
        pass
    worker.close()  # raises what the thread failed with


if __name__ == "__main__":
    main()
