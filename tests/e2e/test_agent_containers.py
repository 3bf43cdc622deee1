"""edge-agent with containers: real ones where Podman works, and against a made-up engine for what needs a registry.

Where containers can't be run the real ones are skipped, loudly; see support/containers.py."""

import base64
import http.server
import json
import os
import signal
import socketserver
import threading

import pytest

from support import containers, events
from support.agent import Agent
from support.engine import TINY, ULIMITS, Engine
from support.service import PATIENCE
from support.waiting import stays, until


@pytest.fixture(scope="module")
def engine():
    reason = containers.missing()
    if reason:
        pytest.skip(f"{containers.SKIPPED}: {reason}")
    made = Engine()
    made.build_tiny()
    made.start()
    yield made
    made.close()


@pytest.fixture
def agent(stand, engine):
    made = Agent(stand, DOCKER_SOCKET=engine.socket, HEALTH_INTERVAL="500ms", STOP_TIMEOUT="2s")
    yield made
    made.close()
    engine.clear()


def container(image, env=None, options=None, **more):
    host = {"NetworkMode": "host", "Ulimits": ULIMITS}
    text = json.dumps({"HostConfig": host, **(options or {})})
    settings = {"image": image, "createOptions": text[:512]}
    for n in range(1, len(text) // 512 + 1):
        settings[f"createOptions{n:02}"] = text[512 * n:512 * (n + 1)]
    return {"version": "1", "type": "docker", "settings": settings,
            "env": {k: {"value": v} for k, v in (env or {}).items()}, **more}


def wait_running(agent, name):
    return agent.wait(name, within=30, runtimeStatus="running")


# ---- real containers

def test_core_data_and_sqlite(agent, stand, engine):
    """Started in order, looked at, killed, started again, replaced, removed."""
    core_image, sqlite_image = engine.build("core-data", "persist-sqlite")
    core = container(core_image, {**stand.core_environment(), "SPOOL_PATH": "/data/spool"}, startupOrder=0)
    sqlite = container(sqlite_image, {**stand.bus_environment(), "SQLITE_PATH": "/data/e.db"}, startupOrder=1)
    agent.deploy({"core-data": core, "persist-sqlite": sqlite})
    agent.start()
    agent.wait_ready("core-data", "persist-sqlite", within=40)
    stand.add(events.event())
    assert [w["name"] for w in stand.ready_workers("sqlite")] == ["persist-sqlite"]

    for name in ("persist-sqlite", "core-data"):
        before = agent.module(name)
        engine.kill(name)
        until(lambda: agent.module(name)["restartCount"] == before["restartCount"] + 1, 20, f"a restart of {name}")
        agent.wait_ready("core-data", "persist-sqlite", within=30)
        assert agent.module(name)["container"] == before["container"], "started again in its container"
    assert stand.count() == 1, "the store is the container's volume"

    agent.deploy({"core-data": core})
    agent.wait_gone("persist-sqlite", within=30)
    assert engine.find("persist-sqlite") is None and engine.find("core-data")["State"]["Running"]
    agent.stop(within=20)
    assert not engine.find("core-data")["State"]["Running"]


def test_adopted_by_label(agent, engine):
    """The agent is killed and loses its state; the next one goes on with the same container."""
    agent.deploy({"tiny": container(TINY, {"A": "1"})})
    agent.start()
    wait_running(agent, "tiny")
    found = engine.find("tiny")
    assert "A=1" in found["Config"]["Env"] and "PERSISTBUS_WORKER=tiny" in found["Config"]["Env"]
    assert found["Config"]["Labels"]["persistbus.edge-agent.module"] == "tiny"
    for lose in (False, True):
        agent.kill()
        if lose:
            os.unlink(os.path.join(agent.path, "state.json"))
        agent.start()
        wait_running(agent, "tiny")
        now = engine.find("tiny")
        assert (now["Id"], now["State"]["StartedAt"]) == (found["Id"], found["State"]["StartedAt"])
    # Its end is noticed as before, and what ended meanwhile is started again.
    engine.kill("tiny")
    until(lambda: agent.module("tiny")["restartCount"] == 1 and wait_running(agent, "tiny"), 20, "a restart")
    agent.kill()
    engine.kill("tiny")
    agent.start()
    until(lambda: agent.module("tiny")["restartCount"] == 2 and wait_running(agent, "tiny"), 20, "a restart")


def test_changed_gets_a_new_container(agent, engine):
    agent.deploy({"tiny": container(TINY), "other": container(TINY)})
    agent.start()
    wait_running(agent, "tiny")
    wait_running(agent, "other")
    before = {n: engine.find(n)["Id"] for n in ("tiny", "other")}
    agent.deploy({"tiny": container(TINY, {"B": "2"}), "other": container(TINY)})
    until(lambda: (engine.find("tiny") or {"Id": before["tiny"]})["Id"] != before["tiny"], 30, "another container")
    wait_running(agent, "tiny")
    assert "B=2" in engine.find("tiny")["Config"]["Env"]
    assert engine.find("other")["Id"] == before["other"]


def test_status_stopped_and_exit_codes(agent, engine):
    agent.deploy({"tiny": container(TINY, status="stopped"),
                  "bad": container(TINY, options={"Cmd": ["/bin/sleep", "x"]}, restartPolicy="never"),
                  "good": container(TINY, options={"Cmd": ["/bin/true"]}, restartPolicy="on-failure")})
    agent.start()
    assert agent.wait("bad", within=30, runtimeStatus="failed")["exitCode"] == 1
    assert agent.wait("good", within=30, runtimeStatus="stopped")["exitCode"] == 0
    assert agent.module("tiny")["runtimeStatus"] == "stopped" and engine.find("tiny") is None
    stays(lambda: agent.module("bad")["restartCount"] == 0 and agent.module("good")["restartCount"] == 0, 1)


def test_missing_images_are_told(agent, engine):
    """Not there and not to be pulled; to be pulled from a registry that is none. The others run."""
    agent.deploy({"never": container("localhost/none:1", imagePullPolicy="never"),
                  "pull": container("127.0.0.1:1/none:1"), "tiny": container(TINY)})
    agent.start()
    wait_running(agent, "tiny")
    assert "imagePullPolicy" in agent.wait("never", within=30, runtimeStatus="failed")["statusDescription"]
    reason = agent.wait("pull", within=60, runtimeStatus="failed")["statusDescription"]
    assert "can't be pulled, without credentials for 127.0.0.1:1" in reason
    assert agent.module("tiny")["restartCount"] == 0


def test_somebody_elses_container(agent, engine):
    """Of the same name, but without the labels: it is left alone, and the module says why it is not there."""
    status, made = engine.ask("POST", "/containers/create?name=tiny",
                              {"Image": TINY, "HostConfig": {"NetworkMode": "host", "Ulimits": ULIMITS}})
    assert status == 201, made
    agent.deploy({"tiny": container(TINY)})
    agent.start()
    assert "none of this agent's" in agent.wait("tiny", within=30, runtimeStatus="failed")["statusDescription"]
    agent.deploy({})
    agent.wait_gone("tiny")
    assert engine.find("tiny")["Id"] == made["Id"]


def test_left_over_containers_are_removed(agent, engine):
    """A container of an earlier manifest, of which the agent has lost all memory."""
    agent.deploy({"old": container(TINY)})
    agent.start()
    wait_running(agent, "old")
    agent.kill()
    os.unlink(os.path.join(agent.path, "state.json"))
    agent.deploy({"new": container(TINY)})
    agent.start()
    wait_running(agent, "new")
    until(lambda: engine.find("old") is None, 30, "the end of the old container")


def test_engine_away(agent, engine):
    """Its service ends and comes back: the container runs on, and the agent with it."""
    agent.deploy({"tiny": container(TINY)})
    agent.start()
    wait_running(agent, "tiny")
    started = engine.find("tiny")["State"]["StartedAt"]
    engine.stop()
    try:
        stays(lambda: agent.module("tiny")["runtimeStatus"] == "running", 2)
    finally:
        engine.start()
    until(lambda: "statusDescription" not in agent.module("tiny"), 20, "an answer")
    assert engine.find("tiny")["State"]["StartedAt"] == started
    engine.kill("tiny")
    until(lambda: agent.module("tiny")["restartCount"] == 1, 20, "a restart")


# ---- a made-up engine

class Fake(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def __init__(self, path):
        self.requests, self.images, self.containers, self.ended = [], set(), {}, threading.Event()
        self.health = "starting"  # of a container that has just been started
        super().__init__(path, FakeHandler)


class FakeHandler(http.server.BaseHTTPRequestHandler):
    """As much of the API as one container needs; `wait` is not answered before the end."""

    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "unix"

    def log_message(self, *args):
        pass

    def say(self, status, body=None):
        data = b"" if status == 204 else json.dumps(body if body is not None else {"message": "no"}).encode()
        try:
            self.send_response(status)
            if data:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except OSError:  # who asked has gone
            self.close_connection = True

    def take(self):
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size)
        self.server.requests.append((self.command, self.path, dict(self.headers), body))
        return body

    def do_GET(self):
        self.take()
        if self.path.startswith("/containers/json"):
            return self.say(200, [])
        if self.path.startswith("/images/"):
            return self.say(200 if self.path[8:-5] in self.server.images else 404, {})
        name = self.path.split("/")[2]
        found = next((c for c in self.server.containers.values() if name in (c["Id"], c["name"])), None)
        return self.say(200, found) if found else self.say(404)

    def do_POST(self):
        body = self.take()
        if self.path.startswith("/images/create"):
            self.server.images.add(self.path.split("fromImage=")[1].split("&")[0])
            return self.say(200, {"status": "done"})
        if self.path.startswith("/containers/create"):
            made = json.loads(body)
            self.server.containers["c1"] = {"Id": "c1", "name": self.path.split("name=")[1], "Config": made,
                                            "State": {"Running": True, "Health": {"Status": "starting"}}}
            return self.say(201, {"Id": "c1"})
        if self.path.endswith("/start"):
            self.server.containers["c1"]["State"]["Health"]["Status"] = self.server.health
        if "/wait" in self.path:
            self.server.ended.wait(60)
            return self.say(200, {"StatusCode": 7})
        return self.say(204)


@pytest.fixture
def fake(stand):
    made = Fake(os.path.join(stand.folder, "engine.sock"))
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.ended.set()
    made.shutdown()
    made.server_close()


def test_pulls_with_credentials(stand, fake):
    """They go to their registry alone, in the header that the engine wants."""
    agent = Agent(stand, DOCKER_SOCKET=os.path.join(stand.folder, "engine.sock"), AGENT_ONSTOP="leave")
    text = {"modulesContent": {"$edgeAgent": {"properties.desired": {
        "schemaVersion": "1.1", "runtime": {"type": "docker", "settings": {"registryCredentials": {
            "a": {"address": "reg.example.com", "username": "me", "password": "s?cret>>"},
            "b": {"address": "other.example.com", "username": "x", "password": "y"}}}},
        "modules": {"edge": container("reg.example.com/redis-edge:1.0.0-amd64", {"K": "v"},
                                      {"Env": ["K=old", "L=1"], "Labels": {"mine": "1"}})}}}}}
    agent.write(text)
    agent.start()
    wait_running(agent, "edge")
    pull = next(r for r in fake.requests if r[1].startswith("/images/create"))
    assert pull[1] == "/images/create?fromImage=reg.example.com/redis-edge:1.0.0-amd64"
    assert json.loads(base64.urlsafe_b64decode(pull[2]["X-Registry-Auth"])) == {
        "username": "me", "password": "s?cret>>", "serveraddress": "reg.example.com"}
    made = json.loads(next(r for r in fake.requests if r[1].startswith("/containers/create"))[3])
    assert made["Image"] == "reg.example.com/redis-edge:1.0.0-amd64" and made["Labels"]["mine"] == "1"
    assert set(made["Env"]) == {"K=v", "L=1", "PERSISTBUS_WORKER=edge"}
    assert made["HostConfig"]["NetworkMode"] == "host"
    for path in ("state.json", "reported.json"):
        with open(os.path.join(agent.path, path)) as f:
            assert "s?cret" not in f.read()
    assert "s?cret" not in agent.service.log()


def test_the_engines_own_health_check(stand, fake):
    """Not ready until it says healthy; ended and started again when it says unhealthy."""
    agent = Agent(stand, DOCKER_SOCKET=os.path.join(stand.folder, "engine.sock"), AGENT_ONSTOP="leave",
                  HEALTH_INTERVAL="200ms")
    fake.images.add("i:1")
    agent.deploy({"edge": container("i:1", restartPolicy="on-unhealthy")})
    agent.start()
    agent.wait("edge", runtimeStatus="running", ready=False, health="starting")
    fake.containers["c1"]["State"]["Health"]["Status"] = "healthy"
    agent.wait("edge", ready=True)
    fake.health = "healthy"
    fake.containers["c1"]["State"]["Health"]["Status"] = "unhealthy"
    until(lambda: any("/stop" in r[1] for r in fake.requests), 10 * PATIENCE, "a stop")
    agent.wait("edge", ready=True, restartCount=1)


def test_ends_are_learnt_from_wait(stand, fake):
    agent = Agent(stand, DOCKER_SOCKET=os.path.join(stand.folder, "engine.sock"), AGENT_ONSTOP="leave")
    fake.images.add("i:1")
    agent.deploy({"edge": container("i:1", restartPolicy="never")})
    agent.start()
    wait_running(agent, "edge")
    fake.ended.set()
    assert agent.wait("edge", runtimeStatus="failed")["exitCode"] == 7


def test_without_an_engine(stand):
    """The module waits for it, and says so; processes run meanwhile."""
    agent = Agent(stand, DOCKER_SOCKET="/nowhere/engine.sock", STARTUP_READYTIMEOUT="500ms")
    agent.deploy({"edge": container("i:1", startupOrder=1), "core-data": agent.core()})
    agent.start()
    agent.wait_ready("core-data")
    assert "/nowhere/engine.sock" in agent.wait("edge", runtimeStatus="unknown")["statusDescription"]
    agent.service.stop(signal.SIGTERM, within=10)
