"""Clients of a chaos run, and the record of what each was told.

Nothing is repeated behind the recorder's back: every request is one exchange on a kept connection, and its outcome
is a status or a broken connection. What was answered neither way is `unknown`: it may be stored, at most once.
"""

import http.client
import json
import random
import threading
import time
import uuid

from support import events

STORED, UNKNOWN, DELETING, DELETED, REFUSED = "stored", "unknown", "deleting", "deleted", "refused"
TIMEOUT = 30.0


class Record:
    """Everything that was asked and answered. All methods may be called from any thread."""

    def __init__(self):
        self.lock = threading.Lock()
        self.state = {}  # id -> STORED...
        self.history = {}  # id -> [(time, what, status)]
        self.readable = []  # ids that got 201 or 202, in order
        self.counts = dict.fromkeys(("written", "201", "202", "409", "deleted", "reads", "stale header"), 0)
        self.failures = []  # (began, ended, method, id, status or text)
        self.violations = []
        self.longest = (0.0, "none", 0.0)  # seconds, of which request, when it was answered

    def count(self, what, n=1):
        with self.lock:
            self.counts[what] += n

    def violation(self, kind, text):
        with self.lock:
            self.violations.append((time.monotonic(), kind, text))

    def note(self, id, what, status, state=None):
        with self.lock:
            self.history.setdefault(id, []).append((time.monotonic(), what, status))
            if state:
                self.state[id] = state

    def took(self, seconds, what):
        with self.lock:
            if seconds > self.longest[0]:
                self.longest = (seconds, what, time.monotonic())

    def become(self, id, before, after):
        """Moves an id from one state to another; False if it is in none of `before`."""
        with self.lock:
            if self.state.get(id) not in before:
                return False
            self.state[id] = after
            return True

    def of(self, id):
        with self.lock:
            return self.state.get(id)


class Connection:
    """One kept connection; a request that breaks is told, not repeated."""

    def __init__(self, port, record):
        self.port, self.record = port, record
        self.connection = None

    def ask(self, method, path, id, body=None):
        """(status or None, headers, body)."""
        began = time.monotonic()
        failure = status = headers = content = None
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
            self.connection.request(method, path, body=json.dumps(body) if body else None)
            answer = self.connection.getresponse()
            status, headers, content = answer.status, answer.headers, answer.read()
            if status >= 500 or status == 429:
                failure = f"{status} {content[:160]!r}"
        except (OSError, http.client.HTTPException) as e:
            failure = repr(e)
            self.close()
        ended = time.monotonic()
        self.record.took(ended - began, f"{method} {id}")
        if failure:
            with self.record.lock:
                self.record.failures.append((began, ended, method, id, failure))
        return status, headers, content

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


class Client(threading.Thread):
    """A thread that works until it is told to stop, at most `rate` times a second."""

    def __init__(self, run, number, rate):
        super().__init__(daemon=True, name=f"{type(self).__name__}-{number}")
        self.record, self.rate, self.number = run.record, rate, number
        self.random = random.Random(f"{run.seed} {self.name}")
        self.connection = Connection(run.stand.http, run.record)
        self.stopping = threading.Event()
        self.error = None

    def run(self):
        try:
            while not self.stopping.is_set():
                began = time.monotonic()
                self.work()
                self.stopping.wait(max(0.0, 1 / self.rate - (time.monotonic() - began)))
        except Exception as e:  # told by the main thread
            self.error = e
        self.connection.close()

    def pick(self, ids, states):
        """One of the ids, more often a late one, that is in one of these states."""
        with self.record.lock:
            if not ids:
                return None
            at = len(ids) - 1 - int(len(ids) * self.random.random() ** 3)
            return ids[at] if self.record.state[ids[at]] in states else None

    def read(self, id, why):
        """GET by id of what must be there, or must not; what changes meanwhile says nothing."""
        before = self.record.of(id)
        status, headers, _ = self.connection.ask("GET", "/api/v3/event/id/" + id, id)
        self.record.count("reads")
        if status is not None and headers.get("X-Persistence-Stale"):
            self.record.count("stale header")
        elif status in (200, 404) and self.record.of(id) == before:
            self.record.note(id, "GET " + why, status)
            if status == 404 and before == STORED:
                self.record.violation("stale read", f"{id} {why} is not found")
            if status == 200 and before == DELETED:
                self.record.violation("resurrected", f"{id} {why} was deleted and is read")


class Writer(Client):
    def work(self):
        id = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        event = events.event(id=id, device=f"chaos-{self.number}")
        event["readings"][0]["value"] = str(self.random.randrange(1 << 31))
        self.record.count("written")
        for attempt in range(1 + self.random.randrange(6)):
            if self.post(event, attempt) or self.stopping.wait(0.2):
                break

    def post(self, event, attempt):
        """True: there is nothing left to try."""
        id, record = event["id"], self.record
        # Only known from here on, so that nobody takes what an earlier attempt has stored for a stray.
        record.note(id, "POST", "sent", UNKNOWN if attempt == 0 else None)
        status, _, content = self.connection.ask("POST", events.path(event), id, events.request(event))
        stored = status in (201, 202) or (status == 409 and attempt > 0)
        record.note(id, "POST", status, STORED if stored else None)
        if status in (201, 202, 409):
            record.count(str(status))
        if stored:
            with record.lock:
                record.readable.append(id)
            if self.random.random() < 0.3:
                self.read(id, f"right after {status}")
        elif status is not None and status < 500 and status != 429:
            record.become(id, (UNKNOWN,), REFUSED)
            record.violation("refused", f"{id}: POST got {status} {content[:200]!r}")
            return True
        return stored


class Reader(Client):
    def work(self):
        id = self.pick(self.record.readable, (STORED, DELETED))
        if id:
            self.read(id, "later")


class Deleter(Client):
    def work(self):
        id = self.pick(self.record.readable, (STORED,))
        if not id or not self.record.become(id, (STORED,), DELETING):
            return
        for attempt in range(1 + self.random.randrange(4)):
            status, headers, _ = self.connection.ask("DELETE", "/api/v3/event/id/" + id, id)
            gone = status in (200, 202) or (status == 404 and attempt > 0)
            self.record.note(id, "DELETE", status, DELETED if gone else None)
            if gone:
                self.record.count("deleted")
                if self.random.random() < 0.3:
                    self.read(id, "right after its deletion")
                return
            if status == 404:
                self.record.note(id, "DELETE", status, UNKNOWN)
                self.record.violation("lost", f"{id}: a DELETE of what was stored got 404")
                return
            if self.stopping.wait(0.2):
                break
        self.record.note(id, "DELETE", "given up", UNKNOWN)
