"""A private container engine: Podman's API service on a socket of its own, over the store of a Containers."""

import http.client
import json
import os
import signal
import socket
import subprocess

from .containers import LIMITS, Containers
from .waiting import until

TINY = "localhost/tiny:1"  # sleeps
ULIMITS = [{"Name": name, "Soft": int(soft), "Hard": int(soft)}
           for name, soft in (limit.split(":")[0].split("=") for limit in LIMITS if "=" in limit)]


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Engine(Containers):
    def __init__(self):
        super().__init__()
        self.socket = os.path.join(self.folder, "engine.sock")
        self.service = None

    def build_tiny(self):
        context = os.path.join(self.folder, "tiny")
        self.call("tools/rootfs.sh", context, "/bin/sleep", "/bin/true")
        with open(os.path.join(context, "Dockerfile"), "w") as f:
            f.write('FROM scratch\nCOPY root /\nCMD ["/bin/sleep", "1000"]\n')
        self.call("buildah", "bud", "--format", "docker", "-t", TINY, context)

    def start(self):
        with open(os.path.join(self.folder, "service.log"), "ab") as log:
            self.service = subprocess.Popen(
                ["podman", "--runtime", "runc", "system", "service", "--time", "0", "unix://" + self.socket],
                env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(self.ping, 30, "an answer of the engine")

    def stop(self):
        if self.service and self.service.poll() is None:
            self.service.terminate()
            self.service.wait(20)
        if os.path.exists(self.socket):
            os.unlink(self.socket)

    def ping(self):
        try:
            return self.ask("GET", "/_ping")[0] == 200
        except OSError:
            return False

    def ask(self, method, path, body=None):
        """Status and body of an answer; the body of JSON is read."""
        connection = UnixConnection(self.socket)
        try:
            connection.request(method, path, body=json.dumps(body) if body is not None else None,
                               headers={"Content-Type": "application/json"} if body is not None else {})
            answer = connection.getresponse()
            data = answer.read()
            return answer.status, json.loads(data) if data[:1] in (b"{", b"[") else data
        finally:
            connection.close()

    def find(self, name):
        """What the engine says of a container, or None."""
        status, found = self.ask("GET", f"/containers/{name}/json")
        return found if status == 200 else None

    def kill(self, name):
        """From outside, as a crash: Podman's own kill waits for an end that a quick restart may hide from it."""
        os.kill(self.find(name)["State"]["Pid"], signal.SIGKILL)

    def clear(self):
        self.podman("rm", "-f", "-a", "-v", "-t", "0")

    def close(self):
        self.stop()
        super().close()
