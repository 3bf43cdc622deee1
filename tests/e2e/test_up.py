"""tools/up.sh, which is `make up`: the shipped template as processes of edge-agent, and a quick end."""

import os
import signal
import subprocess

import pytest

from support import events
from support.service import BIN, PATIENCE, REPORTS, die_with_parent, environment
from support.waiting import until


@pytest.fixture
def up(stand, root):
    """The process; nothing listens at REDIS_URL."""
    env = {**stand.core_environment(), "DATA_DIR": stand.folder + "/data", "AGENT_PATH": stand.folder + "/agent",
           "REDIS_URL": "redis://127.0.0.1:1/0"}
    path = os.path.join(stand.folder, "up.log")
    with open(path, "wb") as log:
        process = subprocess.Popen([os.path.join(root, "tools/up.sh"), BIN], env=environment(env), stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=log, cwd=stand.folder, start_new_session=True,
                                   preexec_fn=die_with_parent)
    process.log = path
    yield process
    if process.poll() is None:
        process.terminate()
        process.wait(20 * PATIENCE)
    with open(path, errors="replace") as f:
        text = f.read()
    print(text[-3000:])
    assert not any(report in text for report in REPORTS)


def test_up(up, stand):
    until(lambda: up.poll() is not None or stand.ping(), 20 * PATIENCE, "an answer to ping")
    stand.wait_ready("sqlite", within=20)
    made = stand.add(events.event())
    assert stand.has(made["id"])
    redis = until(lambda: stand.groups().get("redis"), 20 * PATIENCE, "the group of persist-redis")
    assert not any(worker["ready"] for worker in redis["workers"])
    assert os.stat(os.path.join(stand.folder, "config/deployment.amd64.json")).st_mode & 0o777 == 0o600
    os.killpg(up.pid, signal.SIGINT)  # Ctrl-C reaches the whole group
    assert up.wait(20 * PATIENCE) == 0
    assert not stand.ping()
