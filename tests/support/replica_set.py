"""A MongoDB replica set of three members on this machine, for what a lone server does not show.

Where mongod and a shell (mongosh, mongo) are not installed, `missing()` says so, and tests are skipped with a reason
that begins with NO MONGOD: that is said loudly, and is no failure even with PERSISTBUS_NO_SKIP=1, as Debian has no
MongoDB.
"""

import json
import os
import shutil
import subprocess
import tempfile

from .service import PATIENCE, die_with_parent, environment
from .stand import free_ports
from .waiting import until

SKIPPED = "NO MONGOD"
NAME = "test"


def _shell():
    return shutil.which("mongosh") or shutil.which("mongo")


def missing():
    """Why there can be no set here; None if there can."""
    absent = [what for what, found in (("mongod", shutil.which("mongod")), ("mongosh or mongo", _shell())) if not found]
    return "not on PATH: " + ", ".join(absent) if absent else None


class Member:
    def __init__(self, folder, port):
        self.port = port
        self.folder = os.path.join(folder, str(port))
        self.process = None
        os.makedirs(self.folder)

    @property
    def alive(self):
        return self.process is not None and self.process.poll() is None

    def start(self):
        self.process = subprocess.Popen(
            ["mongod", "--replSet", NAME, "--dbpath", self.folder, "--bind_ip", "127.0.0.1", "--port", str(self.port),
             "--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "64", "--logpath", self.folder + ".log", "--logappend",
             "--setParameter", "enableTestCommands=1"],
            env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def tell(self, script, database="admin"):
        """What a shell prints that runs the script here; nothing if it fails."""
        done = subprocess.run([_shell(), "--quiet", f"mongodb://127.0.0.1:{self.port}/{database}", "--eval", script],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        return done.stdout.strip() if done.returncode == 0 else ""

    def lag(self, steps=30):
        """Applies nothing of what the primary does for so many steps of 10 ms."""
        point = {"configureFailPoint": "rsSyncApplyStop", "mode": {"times": steps}}
        told = self.tell(f"print(db.adminCommand({json.dumps(point)}).ok)")
        assert told.endswith("1"), told

    def is_primary(self):
        return self.alive and self.tell("print(db.isMaster().ismaster)").endswith("true")


class ReplicaSet:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="persistbus-replica-set-")
        self.members = [Member(self.folder, port) for port in free_ports(3)]
        for member in self.members:
            member.start()
        config = {"_id": NAME, "settings": {"electionTimeoutMillis": 2000},
                  "members": [{"_id": i, "host": f"127.0.0.1:{m.port}"} for i, m in enumerate(self.members)]}
        script = f"print(rs.initiate({json.dumps(config)}).ok)"
        until(lambda: self.members[0].tell(script).endswith("1"), 30 * PATIENCE, "a replica set", pause=0.2)
        self.wait_primary()

    def wait_primary(self):
        def primary():
            return next((m for m in self.members if m.is_primary()), None)
        return until(primary, 60 * PATIENCE, "a primary", pause=0.2)

    def uri(self, database, options=""):
        hosts = ",".join(f"127.0.0.1:{m.port}" for m in self.members)
        return f"mongodb://{hosts}/{database}?replicaSet={NAME}{options}"

    def close(self):
        for member in self.members:
            if member.alive:
                member.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
