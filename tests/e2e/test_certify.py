"""persistctl certify: each of four planted bugs is named, and what the certificate says of a run."""

import json
import os
import subprocess
import sys

import pytest

from support import stand as stands
from support.service import PATIENCE, environment, program

WORKER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "conformance", "planted_worker.py")

# Bug, a case that finds it, what its message says.
BUGS = [("drops-last", "resend", "write 50 of 50 of an acknowledged batch, the last one"),
        ("ties", "ties", "wrong order of ties: events of equal origin have to come by id descending"),
        ("count", "delete", "count of events is 41, expected 40"),
        ("early-ack", "kill-after-ack", "after kill -9 right behind an ACK")]


def run(folder, *arguments, before=(), within=120):
    command = [program("persistctl"), *before, "certify", *arguments]
    env = environment({"TMPDIR": str(folder)})
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          timeout=within * PATIENCE)


def certify(folder, bug, *arguments, **more):
    start = f"PLANTED={bug} PLANTED_STORE={folder}/store {sys.executable} {WORKER}"
    return run(folder, "--group", "planted", "--embedded", "--patience", str(PATIENCE), "--start", start, *arguments, **more)


def certificate(folder):
    with open(folder / "certificate.json") as f:
        return json.load(f)


@pytest.mark.parametrize("bug, case, words", BUGS)
def test_a_planted_bug_is_named(tmp_path, bug, case, words):
    done = certify(tmp_path, bug, "--case", case)
    assert done.returncode == 1
    made = certificate(tmp_path)
    assert made["result"] == "failed" and made["counts"]["failed"] >= 1
    reason = next(c["reason"] for c in made["cases"] if c["name"] == case)
    assert words in reason
    assert f"FAILED: {case}: " in done.stdout and words in done.stdout
    assert "the worker's log is " in done.stderr


def test_the_same_cases_without_a_bug(tmp_path):
    for _, case, _ in BUGS:
        done = certify(tmp_path, "none", "--wipe", "--case", case)
        assert done.returncode == 0, done.stdout + done.stderr
    made = certificate(tmp_path)
    # Not all cases were run.
    assert made["result"] == "incomplete" and "certificate.json: incomplete" in done.stdout
    assert not [name for name in os.listdir(tmp_path) if name.startswith("persistctl-certify-")]


def test_what_a_certificate_holds(tmp_path):
    done = certify(tmp_path, "none", "--case", "kill", "--seed", "42", "--server", "a file")
    assert done.returncode == 0, done.stdout + done.stderr
    made = certificate(tmp_path)
    assert (made["backend"], made["version"], made["protocol"], made["server"]) == ("planted", "1", "1.0", "a file")
    assert made["capabilities"] == {"aggregate": False, "severalWorkers": False, "scan": True, "durable": True,
                                    "outlivesProcess": True}
    assert made["seed"] == "42" and made["date"].endswith("Z") and made["workerStartedBySuite"]
    cases = {case["name"]: case for case in made["cases"]}
    assert cases["kill-idle"]["outcome"] == "passed" and cases["kill-idle"]["seconds"] > 0
    assert cases["kill-idle"]["about"] and cases["store-killed"]["reason"] == "a server of its own"
    assert cases["two-one-killed"]["outcome"] == "lacks"


def test_tap_and_json(tmp_path):
    done = certify(tmp_path, "none", "--case", "ties", "--tap")
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and lines[0] == "TAP version 14"
    assert "1..1" in lines and "ok 1 - ties" in lines and "certificate.json: incomplete" in done.stderr
    done = certify(tmp_path, "none", "--wipe", "--case", "ties", before=["--json"])
    assert json.loads(done.stdout) == certificate(tmp_path)


def test_speed_is_measured(tmp_path):
    done = certify(tmp_path, "none", "--case", "speed")
    assert done.returncode == 0, done.stderr
    assert set(certificate(tmp_path)["figures"]) == {"eventsPerSecondInBatches", "eventsPerSecondOneByOne",
                                                     "firstPageMilliseconds", "countMilliseconds"}


def bus(ports):
    return [f"tcp://127.0.0.1:{port}" for port in ports]


def test_a_worker_that_somebody_else_starts(tmp_path):
    """Cases that kill it are not run, and the certificate says so."""
    requests, replies = bus(stands.free_ports(2))
    env = environment({"PERSISTBUS_REQUESTS": requests, "PERSISTBUS_REPLIES": replies, "PERSISTBUS_GROUP": "mine",
                       "PLANTED_STORE": str(tmp_path / "store")})
    ends = ["--requests", requests, "--replies", replies, "--patience", str(PATIENCE)]
    with subprocess.Popen([sys.executable, WORKER], env=env, stdin=subprocess.DEVNULL) as worker:
        done = run(tmp_path, "--group", "mine", "--case", "id", *ends)
        wrong = run(tmp_path, "--group", "other", "--case", "ids", *ends)
        worker.terminate()
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"waiting for a worker of group mine at {requests} and {replies}" in done.stderr
    made = certificate(tmp_path)
    assert made["result"] == "incomplete" and not made["workerStartedBySuite"]
    cases = {case["name"]: case for case in made["cases"]}
    assert cases["ids"]["outcome"] == "passed"
    assert (cases["kill-idle"]["outcome"], cases["kill-idle"]["reason"]) == ("notRun", "the suite did not start the worker")
    assert wrong.returncode == 1 and "the worker that came is of group 'mine', not 'other'" in wrong.stderr


@pytest.mark.parametrize("arguments, words", [
    ([], "name the worker's group"), (["--group", "x", "--seed", "many"], "'many' is no value for this option"),
    (["--group", "x", "--unknown"], "there is no option --unknown"), (["--group", "x", "./mine"], "--start './mine ...'"),
    (["--group", "x", "--patience", "0"], "'0' is no value for this option"), (["--group"], "--group needs a value")])
def test_wrong_arguments(tmp_path, arguments, words):
    done = run(tmp_path, *arguments)
    assert done.returncode == 2 and words in done.stderr


def test_what_can_not_be_done_is_said(tmp_path):
    done = run(tmp_path, "--group", "x", "--start", "/no/such/worker")
    assert done.returncode == 1 and "/no/such/worker" in done.stderr
    done = certify(tmp_path, "none", "--case", "ties", "--out", "/no/such/folder/c.json")
    assert done.returncode == 1 and "/no/such/folder/c.json can't be written" in done.stderr
    assert not (tmp_path / "certificate.json").exists()


def test_help_names_every_option(tmp_path):
    told = run(tmp_path, "--help").stdout
    for name in ("group", "start", "out", "tap", "case", "seed", "requests", "replies", "store-stop", "store-kill",
                 "store-start", "embedded", "server", "second", "folder", "patience", "wipe"):
        assert f"--{name}" in told, name
