"""Groups with stores of their own that are filled from and compared with each other."""

import contextlib

from . import backend, load
from .service import PATIENCE
from .waiting import until

OVER = ("done", "failed", "cancelled")


class Groups:
    """core-data and workers by name; a group is named as its backend unless it is told otherwise."""

    def __init__(self, stand):
        self.stand, self.servers, self.workers = stand, {}, {}

    def add(self, name, kind=None):
        """A group with an empty store; its worker is not started yet."""
        self.servers[name] = backend.Server(kind or name)
        self.workers[name] = backend.worker(self.stand, self.servers[name], label=name, PERSISTBUS_GROUP=name)

    def start(self, name):
        self.workers[name].start()
        self.stand.wait_ready(name, within=30)

    def stop(self, name):
        self.workers[name].stop(within=5)
        until(lambda: not self.stand.ready_workers(name), 5 * PATIENCE, f"{name} gone")

    def wait_live(self, *names, within=60):
        """And nothing is copied into them any more: a job is over a moment after its group is LIVE."""
        for name in names:
            self.stand.wait_settled(name, within)
            until(lambda: all(j["state"] in OVER for j in jobs(self.stand) if j["to"] == name), 10 * PATIENCE,
                  f"no job into {name}")

    def remove(self):
        for worker in self.workers.values():
            if worker.alive:
                worker.stop(within=10)
        for server in self.servers.values():
            server.remove()


@contextlib.contextmanager
def groups(stand):
    made = Groups(stand)
    try:
        yield made
    finally:
        made.remove()


def fill(stand, count, run=1, retry=False, connections=16):
    """Events 0 to count - 1 of the run, all accepted."""
    result = load.Running(stand.http, count, connections=connections, run=run, retry=retry, wait=3600).finish()
    assert result["created"] + result["spooled"] + result["repeated"] == count, result
    return result


# ---- jobs

def jobs(stand):
    """All, the newest first."""
    answer = stand.get("/persistence/jobs")
    assert answer.status == 200, answer
    return answer.json["jobs"]


def job(stand, id):
    answer = stand.get("/persistence/jobs/" + id)
    assert answer.status == 200, answer
    return answer.json["job"]


def order(stand, kind, source, target):
    return stand.client.post("/api/v3/persistence/jobs",
                             {"apiVersion": "v3", "kind": kind, "from": source, "to": target})


def begin(stand, kind, source, target):
    answer = order(stand, kind, source, target)
    assert answer.status == 202, answer
    return answer.json["id"]


def wait_over(stand, id, within=60):
    until(lambda: job(stand, id)["state"] in OVER, within * PATIENCE, f"job {id} over")
    return job(stand, id)


def run(stand, kind, source, target, within=60, state="done"):
    ended = wait_over(stand, begin(stand, kind, source, target), within)
    assert ended["state"] == state, ended
    return ended


def differences(stand, source, target, within=60):
    ended = run(stand, "verify", source, target, within)
    return ended["missing"], ended["extra"], ended["different"]


def expect_equal(stand, source, target, within=60):
    """By digests of every part of both histories."""
    ended = run(stand, "verify", source, target, within)
    assert (ended["missing"], ended["extra"], ended["different"], ended["windowsDifferent"]) == (0, 0, 0, 0), ended
    return ended


def wait_copying(stand, target, copied=1, within=30):
    """Until the newest job into the group has brought over some events and is not over."""
    def some():
        mine = [j for j in jobs(stand) if j["to"] == target]
        return mine and mine[0]["eventsCopied"] >= copied and mine[0]
    found = until(some, within * PATIENCE, f"a copy into {target} under way", pause=0.002)
    assert found["state"] not in OVER, f"it was too quick to be disturbed: {found}"
    return found
