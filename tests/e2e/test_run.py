"""tools/run.sh, which is `make run`: both services in the foreground, a first command to try, a quick end."""

import os
import re
import signal
import subprocess
import time

import pytest

from support.service import BIN, PATIENCE, SLOWER, die_with_parent, environment
from support.waiting import until


class Run:
    def __init__(self, stand, root, bin=BIN):
        env = {**stand.core_environment(), "SQLITE_PATH": stand.sqlite_path}
        self.path = os.path.join(stand.folder, "run.log")
        self.stand = stand
        with open(self.path, "wb") as log:
            # A session of its own, as in a terminal: Ctrl-C reaches the whole group.
            self.process = subprocess.Popen([os.path.join(root, "tools/run.sh"), bin], env=environment(env),
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=stand.folder,
                                            start_new_session=True, preexec_fn=die_with_parent)

    def text(self):
        with open(self.path, errors="replace") as f:
            return f.read()

    def children(self):
        """Name -> pid of the services that it started."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as f:
            pids = f.read().split()
        found = {}
        for pid in pids:
            try:
                with open(f"/proc/{pid}/cmdline") as f:
                    found[os.path.basename(f.read().split("\0")[0])] = int(pid)
            except OSError:
                pass
        return found

    def wait_ready(self):
        until(lambda: "persistbus is ready" in self.text() and "Ctrl-C" in self.text(), 10 * PATIENCE,
              "the announcement")

    def end(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@pytest.fixture
def running(stand, root):
    made = Run(stand, root)
    yield made
    print(made.text()[-3000:])
    made.end()


def gone(pids):
    return not any(os.path.exists(f"/proc/{pid}") for pid in pids)


@pytest.mark.parametrize("how", ["ctrl-c", "sigint", "sigterm"])
def test_runs_and_stops(running, how):
    running.wait_ready()
    url = re.search(r"persistbus is ready: (\S+)", running.text()).group(1)
    assert url == f"http://localhost:{running.stand.http}/api/v3"
    commands = re.search(r"read it back:\n\n(.*?)\n\nCtrl-C", running.text(), re.S).group(1)
    tried = subprocess.run(["sh", "-c", commands], capture_output=True, text=True, timeout=10)
    assert '"statusCode":201' in tried.stdout and '"value":"2.15e+01"' in tried.stdout, tried
    pids = running.children().values()
    assert len(pids) == 2
    began = time.monotonic()
    if how == "ctrl-c":
        os.killpg(running.process.pid, signal.SIGINT)
    else:
        running.process.send_signal(getattr(signal, how.upper()))
    assert running.process.wait(10) == 0
    assert time.monotonic() - began < 2 * SLOWER
    assert gone(pids)


@pytest.mark.parametrize("victim, other", [("core-data", "persist-sqlite"), ("persist-sqlite", "core-data")])
def test_if_one_dies_the_other_is_stopped(running, victim, other):
    running.wait_ready()
    pids = running.children()
    os.kill(pids[victim], signal.SIGKILL)
    assert running.process.wait(5 * PATIENCE) == 1
    assert f"{victim} ended by itself, with status 137" in running.text()
    assert gone(pids.values())


def test_stopped_before_it_is_ready(running):
    until(lambda: len(running.children()) >= 2, 5, "both started")
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(5 * PATIENCE) in (0, 1)  # a service may not have had its handler yet
    assert "persistbus is ready" not in running.text()


def test_a_port_in_use_is_said(stand, root):
    stand.start_core()
    second = Run(stand, root)
    assert second.process.wait(10 * PATIENCE) == 1
    text = second.text()
    assert "core-data ended by itself" in text and "persistbus is ready" not in text
    second.end()


def test_programs_that_are_missing(stand, root):
    second = Run(stand, root, "/nowhere")
    assert second.process.wait(5) == 1
    assert "/nowhere/core-data is not there" in second.text()


def test_data_is_kept_between_runs(stand, root):
    for n in range(2):
        one = Run(stand, root)
        one.wait_ready()
        commands = re.search(r"read it back:\n\n(.*?)\n\nCtrl-C", one.text(), re.S).group(1)
        tried = subprocess.run(["sh", "-c", commands], capture_output=True, text=True, timeout=10)
        assert f'"totalCount":{n + 1}' in tried.stdout
        one.process.send_signal(signal.SIGTERM)
        assert one.process.wait(5 * PATIENCE) == 0
