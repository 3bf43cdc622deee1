"""Backends by name: a private store where one is needed, and a worker on it.

$PERSISTBUS_BACKEND names the one that the tests of the API run with, or several with commas between them: sqlite (if
nothing is said), redis, postgres, mongo.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile

import pytest

from .stand import Stand

SUPPORT = os.path.dirname(os.path.abspath(__file__))
# name -> the script that starts its server, and the variable that tells the worker where that is
SERVERS = {"redis": ("redis.sh", "REDIS_URL"), "postgres": ("postgres.sh", "DATABASE_URL"),
           "mongo": ("mongo.sh", "MONGODB_URI")}
NO_SERVER = 77


def names():
    found = [n.strip() for n in os.environ.get("PERSISTBUS_BACKEND", "sqlite").split(",") if n.strip()]
    for name in found:
        if name != "sqlite" and name not in SERVERS:
            raise pytest.UsageError(f"PERSISTBUS_BACKEND: '{name}' is none of sqlite, {', '.join(SERVERS)}")
    return found


class Server:
    """The backend's store: a server of its own, or a file for sqlite. Options go to the script at the first start."""

    def __init__(self, name, *options):
        self.name = self.kind = name
        self.url = None
        self.folder = tempfile.mkdtemp(prefix="persistbus-server-")
        if name == "sqlite":
            self.environment = {"SQLITE_PATH": os.path.join(self.folder, "events.db")}
            return
        try:
            self.url = self.run("start", *options)
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self.environment = {SERVERS[name][1]: self.url}

    def run_all(self, action, *more):
        """The script's action; returns what it prints. Skips the test if there is no server."""
        script = os.path.join(SUPPORT, SERVERS[self.kind][0])
        done = subprocess.run([script, action, self.folder, *more], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=300)
        if done.returncode == NO_SERVER:
            pytest.skip(done.stderr.strip())
        assert done.returncode == 0, f"{script} {action}: {done.stderr}"
        return done.stdout

    def run(self, action, *more):
        """The same, its first line."""
        return self.run_all(action, *more).split("\n")[0]

    def start(self):
        self.run("start")

    def stop(self):
        self.run("stop")

    def crash(self):
        self.run("crash")

    def remove(self):
        if self.url:
            self.run("remove")
        shutil.rmtree(self.folder, ignore_errors=True)


def worker(stand, server, label=None, **env):
    """A worker of the product on this store, not started yet."""
    made = {**stand.bus_environment(), **server.environment, "PERSISTBUS_WORKER": label or server.name + "1", **env}
    return stand.service("persist-" + server.name, made, label=label)


@contextlib.contextmanager
def stand(name, **env):
    """core-data with one worker of the backend, ready. Its data and logs are kept if `failed` is set in it."""
    server = Server(name)  # may skip the test
    made = Stand()
    made.backend, made.failed = name, True
    try:
        made.start_core(**env)
        if name == "sqlite":
            made.start_sqlite()
        else:
            worker(made, server).start()
            made.wait_ready(name, within=30.0)
        yield made
    finally:
        try:
            made.close(made.failed)
        finally:
            server.remove()
