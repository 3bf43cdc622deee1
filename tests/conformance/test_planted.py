"""The suite itself: it lets a right backend pass, and finds each of the bugs that planted_worker.py can have, with a
message that names what went wrong."""

import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

from tests.support import stand  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
BIN = os.environ.get("PERSISTBUS_BIN") or os.path.join(HERE, "..", "..", "build", "bin")
SUITE = os.path.join(BIN, "conformance")
WORKER = [sys.executable, os.path.join(HERE, "planted_worker.py")]

# Bug, the case that finds it, and what its message says.
BUGS = [
    ("drops-last", "resend", ["item", "is missing", "write 50 of 50 of an acknowledged batch, the last one"]),
    ("drops-last", "batch-5000", ["is missing", "write 5000 of 5000 of an acknowledged batch, the last one"]),
    ("ties", "ties", ["wrong order of ties: events of equal origin have to come by id descending"]),
    ("count", "delete", ["after delete 1 of 11: count of events is 41, expected 40"]),
    ("early-ack", "kill-after-ack", ["after kill -9 right behind an ACK", "is missing", "of an acknowledged batch"]),
]


def run(folder, bug, *arguments, worker=WORKER):
    env = {**os.environ, "PLANTED": bug, "PLANTED_STORE": str(folder / "store")}
    command = [SUITE, "--folder", str(folder), *arguments, "--", *worker]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)


def test_right_backend_passes(tmp_path):
    tap = tmp_path / "tap"
    done = run(tmp_path, "none", "--tap", str(tap))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert "FAILED" not in done.stdout
    assert ", 0 failed," in done.stdout
    assert "not ok" not in tap.read_text()


@pytest.mark.parametrize("bug,case,words", BUGS)
def test_planted_bug_is_found(tmp_path, bug, case, words):
    tap = tmp_path / "tap"
    done = run(tmp_path, bug, "--case", case, "--tap", str(tap))
    assert done.returncode == 1, done.stdout + done.stderr
    line = next(line for line in done.stdout.splitlines() if line.split()[:2] == ["FAILED", case])
    for word in words:
        assert word in line, line
    assert f" - {case}\n" in tap.read_text() and "not ok 1" in tap.read_text()


def test_same_seed_same_events(tmp_path):
    lines = []
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        done = run(folder, "ties", "--case", "ties", "--seed", "7")
        # Item and origin of the first difference; accept numbers follow the clock.
        lines.append([line.split("  ")[-1] for line in done.stdout.splitlines() if line.startswith("FAILED")])
    assert lines[0] and lines[0] == lines[1]


def test_events_of_others_are_not_deleted(tmp_path):
    assert run(tmp_path, "none", "--case", "one-event").returncode == 0
    done = run(tmp_path, "none", "--case", "one-event")
    assert done.returncode == 1
    assert "the store holds 2 events" in done.stderr and "--wipe" in done.stderr
    assert run(tmp_path, "none", "--case", "one-event", "--wipe").returncode == 0


def test_worker_that_ends_at_once(tmp_path):
    done = run(tmp_path, "none", worker=["/bin/sh", "-c", "echo the store is made of cheese; exit 3"])
    assert done.returncode == 1
    assert "ended with status 3" in done.stderr and "made of cheese" in done.stderr
    done = run(tmp_path, "none", worker=["/no/such/program"])
    assert done.returncode == 1
    assert "can't run /no/such/program" in done.stderr


def test_worker_that_somebody_else_starts(tmp_path):
    ports = stand.free_ports(2)
    requests, replies = (f"tcp://127.0.0.1:{port}" for port in ports)
    env = {**os.environ, "PERSISTBUS_REQUESTS": requests, "PERSISTBUS_REPLIES": replies, "PERSISTBUS_GROUP": "mine",
           "PLANTED_STORE": str(tmp_path / "store")}
    with subprocess.Popen(WORKER, env=env, stdin=subprocess.DEVNULL) as worker:
        done = subprocess.run([SUITE, "--case", "id", "--requests", requests, "--replies", replies, "--group", "mine"],
                              capture_output=True, text=True, timeout=100, stdin=subprocess.DEVNULL)
        worker.terminate()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not run  kill-idle" in done.stdout and "the suite did not start the worker" in done.stdout
    assert "ok       ids" in done.stdout


def test_worker_that_hangs_is_given_up(tmp_path):
    once = f"[ -e {tmp_path}/started ] && exec sleep 1000; touch {tmp_path}/started; exec {WORKER[0]} {WORKER[1]}"
    done = run(tmp_path, "none", "--case", "kill", "--patience", "0.1", worker=["/bin/sh", "-c", once])
    lines = done.stdout.splitlines()
    assert done.returncode == 1, done.stderr
    assert any("kill-idle" in line and "worker(s) with READY true: not seen in time" in line for line in lines), lines
    assert any("kill-purging" in line and "the cases before" not in line for line in lines), lines
    assert "given up: the worker was not ready for the 3 cases before" in done.stdout or len(lines) < 6, lines


def test_table(tmp_path):
    taps = []
    for bug in ("none", "ties"):
        folder = tmp_path / bug
        folder.mkdir()
        taps.append(str(folder / "tap"))
        run(folder, bug, "--case", "ti", "--tap", taps[-1], "--server", f"a file, {bug}")
    done = subprocess.run([SUITE, "--table", *taps], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    assert "planted 1, protocol 1.0, a file, none" in done.stdout
    assert any(line.split() == ["ties", "ok", "FAILED"] for line in done.stdout.splitlines()), done.stdout
    assert "planted: FAILED: ties: " in done.stdout
    done = subprocess.run([SUITE, "--table", taps[0]], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0
    (tmp_path / "broken").write_text("1..7\nok 1 - one\n")
    done = subprocess.run([SUITE, "--table", str(tmp_path / "broken")], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "no complete report: 1 results where 7 were planned" in done.stderr


@pytest.mark.parametrize("arguments", [["--case"], ["--unknown"], ["--patience", "0", "--", "true"], []])
def test_bad_arguments(arguments):
    done = subprocess.run([SUITE, *arguments], capture_output=True, text=True, timeout=20)
    assert done.returncode == 2
    assert "see --help" in done.stderr
