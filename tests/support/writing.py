"""Writers that go on until they are told to stop, while a test does something to the services. Each event is posted
once, on a kept connection; what was answered is kept for checking."""

import threading
import time

from . import events
from .client import Client


class Answer:
    def __init__(self, event, status, began, ended, text=""):
        self.event, self.id, self.status, self.text = event, event["id"], status, text
        self.began, self.ended = began, ended

    @property
    def seconds(self):
        return self.ended - self.began

    def __repr__(self):
        return f"<{self.status} {self.text} to {self.id} after {self.seconds:.3f} s>"


class Writing:
    """As a context: it writes within."""

    def __init__(self, stand, threads=2, rate=100.0, **event):
        self.port, self.rate, self.event = stand.http, rate, event
        self.answers = []  # of all threads, in order of their arrival
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(n,), daemon=True) for n in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, kind, value, trace):
        self.stop()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)
        assert not any(t.is_alive() for t in self.threads), "a writer does not end"

    def _run(self, number):
        client = Client(self.port, timeout=30.0)
        while not self.stopping.is_set():
            made, began = events.event(device=f"writer-{number}", **self.event), time.monotonic()
            try:
                answer = client.post(events.path(made), events.request(made))
                status, text = answer.status, "" if answer.status < 300 else answer.body[:200].decode()
            except OSError as e:
                status, text = None, repr(e)
            now = time.monotonic()
            self.answers.append(Answer(made, status, began, now, text))
            self.stopping.wait(max(0.0, 1 / self.rate - (now - began)))
        client.close()

    # ---- what was answered

    def accepted(self, since=0.0, until=float("inf")):
        """Ids with 201 or 202 of what was both asked and answered within this span (time.monotonic)."""
        return {a.id for a in self.answers if a.status in (201, 202) and a.began >= since and a.ended <= until}

    def statuses(self):
        found = {}
        for answer in self.answers:
            found[answer.status] = found.get(answer.status, 0) + 1
        return found

    def failed(self):
        return [a for a in self.answers if a.status not in (201, 202)]

    def longest(self):
        return max(a.seconds for a in self.answers)

    def more(self, count, status=None):
        """A condition for `until`: this many further answers (with this status) came since now."""
        start = len(self.answers)
        return lambda: sum(status in (None, a.status) for a in self.answers[start:]) >= count
