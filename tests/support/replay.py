"""Where a document's session runs: a folder of its own, free ports, and the database servers that it names."""

import os
import shutil
import tempfile

from . import backend
from .stand import free_ports

# What a session calls that must find a private server.
REDIS_CLI = """#!/bin/sh
exec {path} -s {socket} "$@"
"""


class Place:
    """A context: `folder`, and `env` for what runs in it. Servers are those whose services the text names."""

    def __init__(self, text, root):
        self.folder = tempfile.mkdtemp(prefix="persistbus-session-")
        http, requests, replies, stream = free_ports(4)
        self.env = {"SERVICE_PORT": str(http), "PERSISTBUS_URL": f"http://127.0.0.1:{http}",
                    "PERSISTBUS_REQUESTS": f"tcp://127.0.0.1:{requests}", "PERSISTBUS_REPLIES": f"tcp://127.0.0.1:{replies}",
                    "PERSISTBUS_EVENTS": f"tcp://127.0.0.1:{stream}", "PATH_FIRST": os.path.join(self.folder, ".bin")}
        os.mkdir(self.env["PATH_FIRST"])
        os.symlink(os.path.join(root, "examples"), os.path.join(self.folder, "examples"))
        self.names = [name for name in backend.SERVERS if f"persist-{name}" in text]
        self.servers = []

    def __enter__(self):
        try:
            for name in self.names:
                self.servers.append(backend.Server(name, *(["always"] if name == "redis" else [])))
                self.env.update(self.servers[-1].environment)
            if "redis" in self.names:
                self._redis_cli()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _redis_cli(self):
        path = os.path.join(self.env["PATH_FIRST"], "redis-cli")
        with open(path, "w") as f:
            f.write(REDIS_CLI.format(path=shutil.which("redis-cli"), socket=self.env["REDIS_URL"].removeprefix("unix://")))
        os.chmod(path, 0o755)

    def __exit__(self, *_):
        for server in reversed(self.servers):
            server.remove()
        shutil.rmtree(self.folder, ignore_errors=True)
