"""Backends of other people: the C one of examples/persist-file, built against the installed package, and the Python one
that was written from the protocol's page, next to redis in one core-data; and their certificates. (The certificates
of all six backends: make certificates.)"""

import concurrent.futures
import json
import os
import subprocess
import uuid

import pytest

from support import backend, events
from support.service import PATIENCE, program
from support.waiting import until

NAMES = ("redis", "file", "python")


class Three:
    def __init__(self, stand, package):
        self.stand = stand
        self.server = backend.Server("redis")  # may skip the test
        python = package.python_backend()
        bus = stand.bus_environment()
        self.workers = {
            "redis": backend.worker(stand, self.server, label="redis"),
            "file": stand.service(package.file_backend(), {**bus, "FILE_PATH": os.path.join(stand.folder, "events.log")},
                                  label="file"),
            "python": stand.service(python[0], bus, python[1:], label="python")}

    def run(self):
        self.stand.start_core(PERSISTBUS_PREFER=",".join(NAMES))
        for name in NAMES:
            self.start(name)
        return self

    def start(self, name):
        self.workers[name].start()
        until(lambda: self.stand.groups().get(name, {}).get("state") == "LIVE" and self.stand.ready_workers(name),
              20 * PATIENCE, f"group {name} LIVE, with a ready worker")

    def alone(self, name):
        for other in NAMES:
            if other != name and self.workers[other].alive:
                self.workers[other].stop(within=5.0)
                until(lambda: not self.stand.ready_workers(other), 5 * PATIENCE, f"{other} gone")


    def remove(self):
        """Workers first: one whose store is away takes its time to leave."""
        for worker in self.workers.values():
            if worker.alive:
                worker.stop(within=5.0)
        self.server.remove()


@pytest.fixture
def three(stand, package):
    made = Three(stand, package)
    try:
        yield made.run()
    finally:
        made.remove()


def seen(stand):
    """What the API answers, of all that does not change with who answers."""
    paths = ("/event/all?limit=-1", "/event/count", "/reading/count", "/event/device/name/Cellar?limit=5&offset=2",
             "/reading/resourceName/humidity?limit=-1", "/event/count/device/name/Attic")
    return [stand.json(path) for path in paths]


def test_they_serve_next_to_redis(three, stand):
    made = [events.event(device=("Attic", "Cellar")[i % 2], profile="Climate", source="all",
                         readings=[events.reading(resource="humidity", value=str(i)),
                                   events.reading(resource="state", type="String", value=f"it is {i}")])
            for i in range(40)]
    stand.add(*made)
    assert stand.delete(f"/event/id/{made[0]['id']}").status == 200
    expected = seen(stand)
    assert expected[1]["count"] == 39
    # Each has every write, and serves alone; what comes meanwhile is there when the others are back.
    for name in ("file", "python"):
        three.alone(name)
        assert seen(stand) == expected, name
        assert stand.post(made[1]).status == 409
        more = stand.add(events.event(device="Attic"))
        assert stand.has(more["id"])
        for other in NAMES:
            if other != name:
                three.start(other)
        expected = seen(stand)
        assert more["id"] in {e["id"] for e in expected[0]["events"]}
    assert expected[1]["count"] == 41


def test_the_file_survives_kill_9_and_a_torn_end(three, stand):
    three.alone("file")
    kept = [stand.add(events.event())["id"] for _ in range(20)]
    three.workers["file"].kill()
    with open(os.path.join(stand.folder, "events.log"), "ab") as log:
        log.write(b"\x01" * 777)  # what a crash amid a write leaves
    three.start("file")
    three.workers["file"].wait_log("an incomplete end of 777 bytes is cut off")
    assert all(stand.has(id) for id in kept)
    more = stand.add(events.event(id=str(uuid.uuid4())))
    three.workers["file"].kill()
    three.start("file")
    assert stand.has(more["id"]) and stand.count() == 21


def test_the_file_is_one_process_s(three, stand, package):
    path = os.path.join(stand.folder, "events.log")
    second = stand.service(package.file_backend(), {**stand.bus_environment(), "FILE_PATH": path}, label="second").start()
    assert second.wait(10 * PATIENCE) == 1
    assert f"{path} is in use" in second.log()


def certify(package, folder, name, start):
    out = os.path.join(folder, name + ".json")
    command = [program("persistctl"), "certify", "--group", name, "--embedded", "--out", out, "--start", start,
               "--patience", str(PATIENCE)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=250 * PATIENCE,
                          env=package.environment())
    return done, out


def test_certificates(package, tmp_path, capsys):
    python = " ".join(package.python_backend())
    starts = {"file": f"FILE_PATH={tmp_path}/certify.log {package.file_backend()}", "python": python}
    with concurrent.futures.ThreadPoolExecutor() as pool:
        runs = {name: pool.submit(certify, package, str(tmp_path), name, start) for name, start in starts.items()}
    for name, run in runs.items():
        done, out = run.result()
        assert done.returncode == 0, done.stdout + done.stderr
        with capsys.disabled():
            print("\n" + done.stdout)
        with open(out) as f:
            made = json.load(f)
        assert made["result"] == "certified" and made["backend"] == name and made["counts"]["failed"] == 0
        # What is not declared as missing was tested.
        lacks = {case["reason"] for case in made["cases"] if case["outcome"] == "lacks"}
        assert lacks == {"aggregate", "several workers", "a server of its own"} | (
            {"data that outlives its process", "protocol 1.1"} if name == "python" else set())
