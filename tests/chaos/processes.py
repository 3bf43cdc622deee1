"""The programs of a chaos run: core-data, workers of several groups, the database servers behind them, and small
disks that can be filled. Each has an `up` and a lock, so that faults on one target do not run into each other."""

import os
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from support.backend import Server
from support.service import program

from wires import Wire

OPTIONS = {"redis": ["everysec"]}  # without its append-only file it would lose everything with each kill
BY_TCP = ("mongo",)  # whose server can't be reached from another network namespace: without a wire that can be cut
SPOOL_MB = 64
# A service dies with the thread that started it (support/service.py), so one thread that stays starts them all.
LAUNCHER = ThreadPoolExecutor(1)


class Program:
    """One of the product's own programs."""

    def __init__(self, service):
        self.service = service
        self.lock = threading.Lock()
        self.name = os.path.basename(service.log_path)[:-4]
        self.down = []  # [from, to or None]: when core-data could not be asked

    def start(self):
        LAUNCHER.submit(self.service.start).result()

    def kill(self):
        self.down.append([time.monotonic(), None])
        self.service.kill()

    def terminate(self):
        self.down.append([time.monotonic(), None])
        self.service.stop(within=10)

    def pause(self):
        self.service.send(signal.SIGSTOP)

    def resume(self):
        self.service.send(signal.SIGCONT)

    @property
    def alive(self):
        return self.service.alive


class Database(Server):
    """The server behind a group."""

    def __init__(self, kind, *options):
        super().__init__(kind, *options)
        self.lock = threading.Lock()
        self.name = kind + "-server"

    def kill(self):
        self.crash()

    def terminate(self):
        self.stop()

    def signal(self, number):
        pid = self.run("pid")
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            children = f.read().split()
        for process in (pid, *children):  # the parent first: it starts no other child then
            try:
                os.kill(int(process), number)
            except ProcessLookupError:
                pass  # a child that has just ended

    def pause(self):
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)


class Disk:
    """A tmpfs of its own, mounted where a program keeps its files. Needs root."""

    def __init__(self, name, folder, megabytes):
        self.name, self.folder = name, folder
        self.lock = threading.Lock()
        os.makedirs(folder, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "pbus-chaos", folder], check=True,
                       timeout=10)
        self.ballast = os.path.join(folder, "ballast")

    def fill(self):
        with open(self.ballast, "wb", buffering=0) as f:
            for size in (1 << 20, 4096):
                try:
                    while True:
                        f.write(bytes(size))
                except OSError:
                    pass

    def free(self):
        if os.path.exists(self.ballast):
            os.unlink(self.ballast)

    def remove(self):
        subprocess.run(["umount", "-l", self.folder], check=False, timeout=10)


class Cast:
    """Everything that runs, made for the groups asked for: {name: number of workers}, in order of preference."""

    def __init__(self, stand, groups, disks=(), wired=False, options=()):
        self.stand, self.groups, self.wired = stand, groups, wired
        self.databases, self.disks, self.workers, self.wires = [], [], [], []
        self.stores = {}  # group -> environment
        try:
            self._make(disks, dict(options))
        except BaseException:
            self.remove()
            raise

    def _make(self, disks, options):
        stand = self.stand
        if "spool" in disks:
            self.disks.append(Disk("spool disk", stand.spool, 2 * SPOOL_MB))
        folder = os.path.dirname(stand.sqlite_path)
        if "sqlite" in disks and "sqlite" in self.groups:
            folder = os.path.join(stand.folder, "sqlite")
            self.disks.append(Disk("sqlite disk", folder, 1024))
        for group in self.groups:
            if group == "sqlite":
                self.stores[group] = {"SQLITE_PATH": os.path.join(folder, "events.db")}
            else:
                self.databases.append(Database(group, *OPTIONS.get(group, [])))
                self.stores[group] = self.databases[-1].environment
        env = {**stand.core_environment(), "PERSISTBUS_PREFER": ",".join(self.groups),
               "SPOOL_MAXSIZE": str(SPOOL_MB << 10), **options}
        if self.wired:
            for key in ("PERSISTBUS_REQUESTS", "PERSISTBUS_REPLIES"):
                env[key] = env[key].replace("127.0.0.1", "0.0.0.0")
        self.core = Program(stand.service("core-data", env))
        for group, count in self.groups.items():
            for number in range(count):
                self.workers.append(self._wired_worker(group, f"{group}{number + 1}"))

    def _wired_worker(self, group, label):
        if not self.wired or group in BY_TCP:
            return self.worker(self.stand, group, label)
        wire = Wire(len(self.wires), label)
        self.wires.append(wire)
        stand = self.stand
        ends = {"PERSISTBUS_REQUESTS": wire.reaches(stand.requests), "PERSISTBUS_REPLIES": wire.reaches(stand.replies)}
        name, *args = wire.command(program("persist-" + group))
        return Program(stand.service(name, {**self._environment(stand, group, label), **ends}, args, label))

    def _environment(self, stand, group, label):
        return {**stand.bus_environment(), **self.stores[group], "PERSISTBUS_WORKER": label}

    def worker(self, stand, group, label):
        return Program(stand.service(f"persist-{group}", self._environment(stand, group, label), label=label))

    def start(self):
        self.core.start()
        self.stand.core = self.core.service
        self.stand.wait_ping()
        for worker in self.workers:  # each joins before anything was accepted, so its group is LIVE
            worker.start()
        for group, count in self.groups.items():
            self.stand.wait_state(group, "LIVE", within=60)
            self.stand.wait_ready(group, count, within=60)

    def remove(self):
        for database in self.databases:
            try:
                database.remove()
            except (AssertionError, subprocess.TimeoutExpired) as e:
                print(e)
        for disk in self.disks:
            disk.remove()
