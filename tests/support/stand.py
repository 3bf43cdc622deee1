"""A private set-up: core-data and its backends on free ports, with their data in a temporary folder.

Many stands run side by side on one machine; nothing outside the folder is touched.
"""

import os
import random
import shutil
import socket
import tempfile

from . import events
from .client import Client
from .service import PATIENCE, Service
from .waiting import until


def _is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def free_ports(count):
    """Below the range that outgoing connections take their ports from, so that a restarted service finds its
    own port free again."""
    found = []
    while len(found) < count:
        port = random.SystemRandom().randrange(12000, 32000)
        if port not in found and _is_free(port):
            found.append(port)
    return found


class Stand:
    def __init__(self, folder=None):
        self.folder = folder or tempfile.mkdtemp(prefix="persistbus-test-")
        self.http, requests, replies, stream = free_ports(4)
        self.requests = f"tcp://127.0.0.1:{requests}"
        self.replies = f"tcp://127.0.0.1:{replies}"
        self.stream = f"tcp://127.0.0.1:{stream}"
        self.spool = os.path.join(self.folder, "spool")
        self.sqlite_path = os.path.join(self.folder, "events.db")
        self.services = []
        self.core = None
        self.sqlite = None
        self.client = Client(self.http)
        self.closers = []  # called by close, last first: fake workers, subscribers

    # ---- processes

    def bus_environment(self):
        return {"PERSISTBUS_REQUESTS": self.requests, "PERSISTBUS_REPLIES": self.replies}

    def core_environment(self):
        return {**self.bus_environment(), "PERSISTBUS_EVENTS": self.stream, "SERVICE_PORT": str(self.http),
                "SPOOL_PATH": self.spool}

    def service(self, name, env, args=(), label=None):
        made = Service(name, env, os.path.join(self.folder, (label or name) + ".log"), args, cwd=self.folder)
        self.services.append(made)
        return made

    def start_core(self, wait=True, args=(), **env):
        if self.core is None or env or args:
            self.core = self.service("core-data", {**self.core_environment(), **env}, args)
        self.core.start()
        if wait:
            self.wait_ping()
        return self.core

    def start_sqlite(self, wait=True, group="sqlite", args=(), **env):
        if self.sqlite is None or env or args or group != "sqlite":
            made = {**self.bus_environment(), "SQLITE_PATH": self.sqlite_path, **env}
            if group != "sqlite":
                made["PERSISTBUS_GROUP"] = group
            self.sqlite = self.service("persist-sqlite", made, args)
        self.sqlite.start()
        if wait:
            self.wait_ready(group)
        return self.sqlite

    def start_group(self, name, wait=True, **env):
        """One more group: persist-sqlite with a file of its own, <folder>/<name>.db."""
        made = self.service("persist-sqlite", {**self.bus_environment(), "PERSISTBUS_GROUP": name,
                                               "SQLITE_PATH": os.path.join(self.folder, name + ".db"), **env}, label=name)
        made.start()
        if wait:
            self.wait_ready(name)
        return made

    def start(self, **env):
        """core-data and persist-sqlite, ready to serve."""
        self.start_core(wait=False, **env)
        self.start_sqlite(wait=False)
        self.wait_ping()
        self.wait_ready("sqlite")
        return self

    def close(self, failed=False):
        """Stops everything that runs; what ends badly fails the test, unless it has failed already."""
        trouble = []
        for closer in reversed(self.closers):
            closer()
        self.client.close()
        for service in reversed(self.services):
            try:
                if service.alive:
                    service.stop(within=4.0)
                service.check_log()
            except AssertionError as e:
                trouble.append(str(e))
                if service.alive:
                    service.kill()
        if failed or trouble:
            print(f"data and logs are kept in {self.folder}")
            for service in {s.log_path: s for s in self.services}.values():
                print(f"---- {service.name}: last lines of {service.log_path}")
                print(service.log()[-4000:])
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
        if not failed:
            assert not trouble, "\n".join(trouble)

    # ---- readiness

    def ping(self):
        try:
            return self.client.get("/api/v3/ping").status == 200
        except OSError:
            return False

    def wait_ping(self, within=5.0):
        def up():
            assert self.core.alive, f"core-data ended with status {self.core.process.returncode}: {self.core.log()[-600:]}"
            return self.ping()
        until(up, within * PATIENCE, "an answer to ping")

    def groups(self):
        """The status route's groups by name."""
        answer = self.client.get("/api/v3/persistence/groups")
        assert answer.status == 200, answer
        return {g["name"]: g for g in answer.json["groups"]}

    def ready_workers(self, group):
        return [w for w in self.groups().get(group, {}).get("workers", []) if w["ready"]]

    def wait_ready(self, group, workers=1, within=5.0):
        return until(lambda: len(self.ready_workers(group)) == workers, within * PATIENCE,
                     f"group {group} with {workers} ready worker(s)")

    def wait_state(self, group, state, within=5.0):
        return until(lambda: self.groups().get(group, {}).get("state") == state, within * PATIENCE,
                     f"group {group} in state {state}")

    def wait_settled(self, group="sqlite", within=10.0):
        """All that was accepted has reached the group: nothing waits for it in the spool."""
        def settled():
            seen = self.groups().get(group, {})
            return seen.get("state") == "LIVE" and seen["spool"]["events"] == 0
        return until(settled, within * PATIENCE, f"group {group} LIVE, with an empty spool")

    # ---- the API, for brevity

    def post(self, event, client=None, **kw):
        return (client or self.client).post(events.path(event), events.request(event), **kw)

    def add(self, *made, client=None):
        """Posts events that must be accepted."""
        for event in made:
            answer = self.post(event, client)
            assert answer.status == 201, answer
        return made[0] if made else None

    def get(self, path, **kw):
        return self.client.get("/api/v3" + path, **kw)

    def delete(self, path, **kw):
        return self.client.delete("/api/v3" + path, **kw)

    def json(self, path, status=200):
        answer = self.get(path)
        assert answer.status == status, (path, answer)
        assert answer.json["statusCode"] == status
        return answer.json

    def count(self, path="/event/count"):
        return self.json(path)["count"]

    def has(self, id):
        return self.get("/event/id/" + id).status == 200

    def counter(self, name):
        """Sum of core-data's counters whose names hold this word."""
        answer = self.client.get("/api/v3/persistence/groups")
        assert answer.status == 200, answer
        return sum(n for key, n in answer.json["counters"].items() if name.lower() in key.lower())
