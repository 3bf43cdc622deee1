"""What a chaos run has to show when all is up again: every store alone against the record of answers."""

import collections
import os
import time

from support.stand import Stand

from traffic import DELETED, STORED

PAGE = 1024
LARGE_PAGE = 10000
PATIENCE = 120  # s for opening and for a page: FerretDB reads all its events for each


def listed(client, size=PAGE):
    """Counts every event's id, by pages of origin time: no page is skipped over, however many there are."""
    found, end, last = collections.Counter(), (1 << 63) - 1, set()
    while True:
        answer = client.get(f"/api/v3/event/start/0/end/{end}?limit={size}")
        assert answer.status == 200, answer
        page = [(e["id"], e["origin"]) for e in answer.json["events"]]
        fresh = [p for p in page if p not in last]
        for id, _ in fresh:
            found[id] += 1
        if len(page) < size or not fresh:
            return found
        end = page[-1][1]
        last = {p for p in page if p[1] == end}


def content(run, group):
    """The ids in a group's store, read through a core-data of its own that knows no other group."""
    other = Stand(os.path.join(run.stand.folder, "reading-" + group))
    os.makedirs(other.folder, exist_ok=True)
    try:
        other.start_core(SERVICE_REQUESTTIMEOUT=f"{PATIENCE}s", SERVICE_MAXRESULTCOUNT=str(LARGE_PAGE))
        other.client.timeout = PATIENCE
        run.cast.worker(other, group, group + "-alone").start()
        other.wait_ready(group, within=PATIENCE)
        found, counted = listed(other.client, LARGE_PAGE), other.count()
        if sum(found.values()) != counted:
            run.record.violation("duplicated", f"{group} counts {counted} events and lists {sum(found.values())}")
        return found
    finally:
        for service in reversed(other.services):
            if service.alive:
                service.stop(within=PATIENCE)
        other.client.close()


# What a lost worker was sent it may execute until its lease of 10 s has run out; then core-data does once more the deletes
# of that time (docs/ARCHITECTURE.md). One that has just been started counts from then.
LEASE_OVER = 13  # s
STILL = 120  # s without any progress after which a group is taken for stuck
SETTLED_MAX = 1800  # s; FerretDB takes its time for a long backlog with deletes in it


def wait_settled(run):
    """Every group LIVE, served, and with an empty spool, as long as it gets nearer to that. One that is STALE is filled by
    itself from a LIVE one; with no LIVE one left it stays so."""
    time.sleep(LEASE_OVER)
    seen, best, moved, end = {}, None, time.monotonic(), time.monotonic() + SETTLED_MAX
    while time.monotonic() < min(end, moved + STILL):
        try:
            seen.update(run.stand.groups())
        except (OSError, AssertionError):
            time.sleep(0.1)
            continue
        groups = [seen[name] for name in run.cast.groups]
        sources = any(g["state"] == "LIVE" for g in groups)
        if all((g["state"] == "LIVE" or (g["state"] == "STALE" and not sources)) and g["spool"]["events"] == 0 and
               any(w["ready"] for w in g["workers"]) for g in groups):
            return seen
        left = (sum(g["state"] != "LIVE" for g in groups), sum(g["spool"]["events"] for g in groups))
        if best is None or left < best:
            best, moved = left, time.monotonic()
        time.sleep(0.1)
    run.record.violation("never settled", f"no progress in {STILL} s: " + "; ".join(
        f"{g['name']} {g['state']} spool {g['spool']} workers {g['workers']}" for g in seen.values()))
    return seen


def compare(run, name, found):
    """Every acknowledged id exactly once, nothing that was deleted, nothing that nobody posted."""
    record = run.record
    for id, state in record.state.items():
        many = found.get(id, 0)
        told = " ".join(f"{t - run.began:.2f}:{what}={status}" for t, what, status in record.history[id])
        if state == STORED and many == 0:
            record.violation("lost", f"{id} is not in {name}; {told}")
        elif state == DELETED and many:
            record.violation("resurrected", f"{id} is in {name}; {told}")
        if many > 1:
            record.violation("duplicated", f"{id} is in {name} {many} times; {told}")
    for id in found.keys() - record.state.keys():
        record.violation("stray", f"{id} is in {name}, nobody posted it")


def check_failures(run):
    """A request may fail only while core-data was down, or a read while no LIVE group had a worker."""
    down = [(a, b if b is not None else time.monotonic()) for a, b in run.cast.core.down]
    for began, ended, method, id, why in run.record.failures:
        if any(began <= b + 0.05 and ended >= a - 0.05 for a, b in down):
            run.excused["core-data was down"] += 1
        elif any(began <= b + 1 and ended >= a for a, b in run.spool_full()):
            run.excused["the spool's disk was full"] += 1
        elif method == "GET" and not run.was_served(began, ended):
            run.excused["no LIVE group had a worker"] += 1
        else:
            run.record.violation("failed", f"{method} {id} after {ended - began:.2f} s at "
                                           f"{ended - run.began:.2f} s: {why}; {run.states_at(began, ended)}")
