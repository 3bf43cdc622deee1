#!/usr/bin/env python3
"""Chaos: the whole product under load while its parts are killed, halted, starved and cut off, then checked to the
last event.

    run.py --seconds 600 --seed 7 --groups sqlite,redis:2,mongo --writers 4

Starts core-data, the workers of each group (redis:2 has two) and private database servers; lets writers, readers and
a deleter work while a seeded plan of faults runs; brings everything up again and compares every store, alone, with
what was answered. Ends with status 1 if anything was lost, duplicated, read stale, came back or failed that must not.

Faults: kill -9, SIGTERM, SIGSTOP and slow motion of workers and of core-data; database servers killed, stopped and
halted; with --full-disks small disks that are filled; and the bus of a worker cut, for which the run goes into network
namespaces of its own (wires.py). Where that can't be done it says so, first and last: NO CUTS OF THE BUS.

Why a group became STALE is told; without a full disk that is a violation, as is that it is not filled from a LIVE one
by the end. Only with no LIVE one left it is not compared: its history has a gap by its own word.
"""

import argparse
import collections
import os
import shutil
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import checker  # noqa: E402
from faults import Injector  # noqa: E402
from processes import SPOOL_MB, Cast  # noqa: E402
from support.backend import SERVERS  # noqa: E402
from support.client import Client as Http  # noqa: E402
from support.service import INSTRUMENTED  # noqa: E402
from support.stand import Stand  # noqa: E402
from traffic import DELETED, STORED, Deleter, Reader, Record, Writer  # noqa: E402
import wires  # noqa: E402

# Of core-data: 64 MB in flight, the rest is its own. AddressSanitizer keeps 256 MB of what was freed.
MEMORY_MAX = (1024 if INSTRUMENTED else 256) << 20


class Run:
    def __init__(self, seed, groups, disks=(), rate=100.0, writers=4, wired=False):
        self.seed, self.record = seed, Record()
        self.stand = Stand()
        self.samples = []  # (time, {group: (state, ready workers)}), None while core-data was not heard
        self.memory = self.spooled = self.spool_disk = 0
        self.excused = collections.Counter()
        self.sampling = threading.Event()
        self.cast = Cast(self.stand, groups, disks, wired)
        self.cast.start()
        self.began = time.monotonic()
        self.injector = Injector(self)
        self.clients = [Writer(self, n, rate) for n in range(writers)] + [Reader(self, n, rate) for n in range(2)] + \
                       [Deleter(self, 0, rate * 0.6)]

    # ---- what was seen meanwhile

    def sample(self):
        client = Http(self.stand.http, timeout=30)
        while not self.sampling.wait(0.05):
            seen, asked = None, time.monotonic()
            try:
                groups = client.get("/api/v3/persistence/groups").json["groups"]
                seen = {g["name"]: (g["state"], sum(w["ready"] for w in g["workers"])) for g in groups}
                self.spooled = max(self.spooled, *(g["spool"]["bytes"] for g in groups))
                self.spool_disk = max(self.spool_disk, self.disk_used())
                self.memory = max(self.memory, self.cast.core.service.resident())
            except (OSError, ValueError, KeyError, IndexError):
                client.close()
            self.samples.append((asked, time.monotonic(), seen))
        client.close()

    def disk_used(self):
        """Bytes of the spool's files."""
        with os.scandir(self.stand.spool) as found:
            return sum(f.stat().st_blocks * 512 for f in found if f.name != "ballast")

    def _between(self, began, ended):
        return [seen for asked, told, seen in self.samples if told >= began and asked <= ended]

    def was_served(self, began, ended):
        """Whether a LIVE group had a worker at the end of this span, as far as was seen."""
        late = self._between(ended - 1.0, ended)
        return bool(late) and all(seen is not None and any(state == "LIVE" and ready for state, ready in
                                                           seen.values()) for seen in late)

    def states_at(self, began, ended):
        told = []
        for seen in self._between(began, ended):
            if not told or told[-1] != seen:
                told.append(seen)
        return f"groups were {told[:8]}"

    def spool_full(self):
        log, spans = self.injector.log, []
        for when, text in log:
            if text == "spool disk is full":
                spans.append((when, float("inf")))
            elif text == "spool disk has room again" and spans:
                spans[-1] = (spans[-1][0], when)
        return spans

    # ---- the run

    def go(self, seconds):
        sampler = threading.Thread(target=self.sample, daemon=True)
        for thread in (sampler, *self.clients, self.injector):
            thread.start()
        time.sleep(seconds)
        self.injector.finish()
        for client in self.clients:
            client.stopping.set()
        for client in self.clients:
            client.join(60)
            if client.error or client.is_alive():
                self.injector.errors.append(f"{client.name}: {client.error!r}")
        groups = checker.wait_settled(self)
        self.sampling.set()
        sampler.join(35)
        self.check(groups)

    def check(self, groups):
        preferred = next((g for g in self.cast.groups if groups[g]["state"] == "LIVE"), None)
        if preferred:
            checker.compare(self, "the answers of core-data", checker.listed(self.stand.client))
        for program in (*self.cast.workers, self.cast.core):
            if not program.alive:
                self.record.violation("ended", f"{program.name} is not running at the end")
                continue
            try:
                program.service.stop(within=10)
            except AssertionError as e:
                self.record.violation("ended", f"{program.name}: {e}")
        for name in self.cast.groups:
            if groups[name]["state"] == "LIVE":
                checker.compare(self, "group " + name, checker.content(self, name))
        checker.check_failures(self)
        self.check_stale(groups)
        if self.memory > MEMORY_MAX:
            self.record.violation("memory", f"core-data grew to {self.memory >> 20} MB")
        if self.spooled > SPOOL_MB << 20 or self.spool_disk > 2 * SPOOL_MB << 20:
            self.record.violation("spool", f"{self.spooled} bytes waited, {self.spool_disk} were on the disk; the limit "
                                           f"is {SPOOL_MB} MB")
        for error in self.injector.errors:
            self.record.violation("fault", error)

    def check_stale(self, groups):
        """A write under way when core-data is killed may be in one group alone, and what its client sends again under that
        id is then another event in the other ones: they have to be made equal by the end, and are compared."""
        log = self.stand.core.log()
        whole = all(group["state"] == "LIVE" for group in groups.values())
        for line in log.splitlines():
            if "is STALE:" in line:
                print("STALE:", line)
                if not self.injector.disk_full and not (whole and "an id that was given again" in line):
                    self.record.violation("stale group", line)
        for name, group in groups.items():
            if group["state"] != "LIVE":
                print(f"group {name} is {group['state']} at the end: its content was not compared")

    def report(self):
        record = self.record
        kinds = collections.Counter(kind for _, kind, _ in record.violations)
        for when, text in self.injector.log:
            print(f"  {when - self.began:8.2f} s  {text}")
        for kind in kinds:
            for when, _, text in [v for v in record.violations if v[1] == kind][:5]:
                print(f"VIOLATION {kind} at {when - self.began:.2f} s: {text}")
        states = collections.Counter(record.state.values())
        groups = ",".join(f"{name}:{n}" for name, n in self.cast.groups.items())
        print(f"seed {self.seed}, groups {groups}; faults:",
              ", ".join(f"{name} {n}" for name, n in sorted(self.injector.counts.items())))
        print(", ".join(f"{name} {n}" for name, n in record.counts.items()))
        print(f"stored {states[STORED]}, deleted {states[DELETED]}, outcome not known {states['unknown']}")
        for name in ("lost", "duplicated", "stale read", "resurrected", "failed"):
            print(f"{name}: {kinds[name]}")
        print("other violations:", {k: n for k, n in kinds.items()
                                    if k not in ("lost", "duplicated", "stale read", "resurrected", "failed")} or "none")
        print(f"requests that failed for a reason: {dict(self.excused) or 'none'}")
        print(f"longest pause {record.longest[0] * 1000:.0f} ms ({record.longest[1]}, answered at "
              f"{record.longest[2] - self.began:.2f} s), core-data at most "
              f"{self.memory >> 20} MB, spool of a group at most {self.spooled >> 10} KB, its files {self.spool_disk >> 10} KB")
        return not record.violations

    def close(self, keep):
        for service in self.stand.services:
            if service.alive:
                service.kill()
        self.stand.client.close()
        self.cast.remove()
        if keep:
            print(f"logs are kept in {self.stand.folder}")
        else:
            shutil.rmtree(self.stand.folder, ignore_errors=True)


def chaos(args, groups, disks, why_not):
    """Runs, reports, and says whether all was well."""
    print(f"seed {args.seed}", flush=True)
    run = Run(args.seed, groups, disks, args.rate, args.writers, wired=why_not is None)
    well = False
    try:
        run.go(args.seconds)
        well = run.report()
    finally:
        run.close(args.keep or not well)
    return well


def parse_groups(text):
    """sqlite,redis:2 -> {"sqlite": 1, "redis": 2}"""
    found = {}
    for part in text.split(","):
        name, _, count = part.partition(":")
        if name != "sqlite" and name not in SERVERS or not (count or "1").isdigit():
            raise argparse.ArgumentTypeError(f"'{part}' is none of sqlite, {', '.join(SERVERS)} with a number behind it")
        found[name] = int(count or 1)
    if found.get("sqlite", 1) != 1:
        raise argparse.ArgumentTypeError("sqlite takes one worker")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=int(time.strftime("%Y%m%d")))
    parser.add_argument("--groups", type=parse_groups, default="sqlite,redis:2", help="in order of preference")
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--full-disks", default="", help="spool, sqlite: on a tmpfs that is filled at times (root)")
    parser.add_argument("--no-cuts", action="store_true", help="the bus is not cut")
    parser.add_argument("--rate", type=float, default=100.0, help="requests a second of each writer")
    parser.add_argument("--keep", action="store_true", help="keep data and logs also when all is well")
    args = parser.parse_args()
    inside = os.environ.get(wires.INSIDE) == "1"
    why_not = "--no-cuts" if args.no_cuts else None if inside else wires.why_not()
    if why_not is None:
        wires.enter()
    else:
        print(f"NO CUTS OF THE BUS: {why_not}", flush=True)
    disks = [d for d in args.full_disks.split(",") if d]
    well = chaos(args, args.groups, disks, why_not)
    if why_not:
        print(f"NO CUTS OF THE BUS: {why_not}")
    sys.exit(0 if well else 1)


if __name__ == "__main__":
    main()
