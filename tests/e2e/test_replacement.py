"""A backend is replaced while clients write 2,000 events a second and read: the new service is started, has the history
after a while, and the old one is stopped. No request fails, and core-data stays the same process.

PERSISTBUS_HISTORY=1000000: with so many events of history. PERSISTBUS_REPLACEMENT="redis:mongo postgres:sqlite": these
backends, in place of the ones below."""

import os
import threading
import time

import pytest

from support import copying, load
from support.client import Client
from support.service import INSTRUMENTED, PATIENCE
from support.waiting import until

HISTORY = int(os.environ.get("PERSISTBUS_HISTORY") or 5000)
PAIRS = [p.split(":") for p in os.environ.get("PERSISTBUS_REPLACEMENT", "sqlite:redis redis:sqlite").split()]
RATE = 300 if INSTRUMENTED else 2000
WITHIN = 60 + HISTORY / 500  # s


class Reading:
    """Reads events of the history by their ids, and counts, all the time; each must be found."""

    def __init__(self, port):
        self.port, self.reads, self.failed, self.longest = port, 0, [], 0.0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join(60)

    def _run(self):
        client = Client(self.port, timeout=30)
        while not self.stopping.wait(0.02):
            n = self.reads * 7919 % HISTORY
            path = "/event/count" if self.reads % 10 == 0 else "/event/id/" + load.event_id(1, n)
            began = time.monotonic()
            answer = client.get("/api/v3" + path)
            self.longest = max(self.longest, time.monotonic() - began)
            self.reads += 1
            if answer.status != 200:
                self.failed.append((path, answer))
        client.close()


@pytest.mark.parametrize("source, target", PAIRS)
def test_replacement_under_load(stand, source, target):
    with copying.groups(stand) as groups:
        # The events are years old: after ten minutes, which a large history may take, they would be purged.
        stand.start_core(PERSISTBUS_PREFER=f"{source},{target}", RETENTION_INTERVAL="0s")
        groups.add(source)
        groups.add(target)
        groups.start(source)
        copying.fill(stand, HISTORY, connections=32)
        pid, writing = stand.core.pid, load.Running(stand.http, 10 ** 9, connections=128, run=2,
                                                    rate=RATE, wait=10 * WITHIN * PATIENCE)
        try:
            with Reading(stand.http) as reading:
                writing.wait_done(RATE)
                began, before = time.monotonic(), writing.done
                groups.start(target)
                stand.wait_state(target, "LIVE", within=WITHIN)
                filled, during = time.monotonic() - began, writing.done
                groups.wait_live(target)
                copied = copying.jobs(stand)[0]
                verified = copying.expect_equal(stand, source, target, WITHIN)
                groups.stop(source)
                writing.wait_done(writing.done + 2 * RATE)
                written = writing.end()
        finally:
            writing.stop()
        assert written["other"] == {} and written["retried"] == 0 and not reading.failed
        assert copied["auto"] and copied["state"] == "done" and copied["to"] == target and copied["eventsCopied"] >= HISTORY
        assert verified["eventsSeen"] >= HISTORY
        assert stand.core.alive and stand.core.pid == pid
        stand.wait_settled(target)
        until(lambda: stand.count() == HISTORY + written["created"] + written["spooled"], 10 * PATIENCE, "all events")
        print(f"\n{source} -> {target}, {HISTORY} events of history: filled in {filled:.1f} s at "
              f"{(during - before) / filled:.0f} writes/s; {written['created']} x 201, {written['spooled']} x 202, "
              f"longest {written['longest']:.2f} s; {reading.reads} reads, longest {reading.longest:.2f} s; "
              f"{verified['message']}")
