"""edge-agent with process modules: keeps them running, takes over manifests, and loses nothing that was acknowledged."""

import collections
import concurrent.futures
import json
import os
import re
import signal
import subprocess
import threading

import pytest

from support import backend, events, load
from support.agent import Agent, manifest, process
from support.client import Client
from support.service import PATIENCE, run
from support.waiting import stays, until


@pytest.fixture
def agent(stand):
    return Agent(stand)


def started(agent, *more, **modules):
    """core-data and sqlite, and more modules by name, running and ready."""
    agent.deploy({"core-data": agent.core(), "persist-sqlite": agent.sqlite(), **modules})
    agent.start()
    agent.wait_ready("core-data", "persist-sqlite")
    return agent


def gone(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


# ---- life

def test_in_order_and_back(agent, stand):
    """core-data first, its worker when it is ready; stopped the other way round, with nothing left over."""
    started(agent)
    stand.add(events.event())
    assert stand.count() == 1
    assert [w["name"] for w in stand.ready_workers("sqlite")] == ["persist-sqlite"]
    core, sqlite = agent.pid("core-data"), agent.pid("persist-sqlite")
    began = [agent.module(m)["lastStartTimeUtc"] for m in ("core-data", "persist-sqlite")]
    assert began == sorted(began)
    agent.stop()
    assert gone(core) and gone(sqlite)
    log = agent.service.log()
    assert log.index("module persist-sqlite is stopped") < log.index("module core-data is told to stop")
    assert agent.reported()["edgeAgent"]["running"] is False
    assert oct(os.stat(os.path.join(agent.path, "state.json")).st_mode)[-3:] == "600"


def test_left_running(stand):
    agent = started(Agent(stand, AGENT_ONSTOP="leave"))
    pids = {m: agent.pid(m) for m in agent.modules()}
    agent.stop(within=2)
    assert not any(gone(p) for p in pids.values())
    agent.start()
    agent.wait_ready(*pids)
    assert {m: agent.pid(m) for m in pids} == pids


def test_told_twice(agent, stand):
    """A module takes its time to stop: the second signal does not wait for it."""
    agent.service.env["STOP_TIMEOUT"] = "100s"
    agent.deploy({"slow": process("sh -c 'trap \"\" TERM; while :; do sleep 0.1; done'", workingDir=stand.folder)})
    agent.start()
    agent.wait("slow", runtimeStatus="running")
    agent.service.send(signal.SIGTERM)
    agent.wait("slow", runtimeStatus="stopping")
    agent.stop(within=2)
    assert agent.processes()


def test_killed_agent_leaves_and_adopts(agent, stand):
    """The next one goes on with the very same processes, and notices their ends as before."""
    started(agent)
    pids = {m: agent.pid(m) for m in agent.modules()}
    stand.add(events.event())
    agent.kill()
    assert stand.count() == 1
    agent.start()
    agent.wait_ready(*pids)
    assert {m: agent.pid(m) for m in pids} == pids
    os.kill(pids["persist-sqlite"], signal.SIGKILL)
    until(lambda: agent.module("persist-sqlite").get("pid") not in (None, pids["persist-sqlite"]), 5 * PATIENCE, "a new one")
    agent.wait_ready("persist-sqlite")
    assert stand.count() == 1
    agent.stop()
    assert not agent.processes()


def test_adopts_without_its_state(agent):
    """Killed between a start and the writing of the state: found by the mark in the environment."""
    started(agent)
    pids = {m: agent.pid(m) for m in agent.modules()}
    agent.kill()
    os.unlink(os.path.join(agent.path, "state.json"))
    agent.start()
    agent.wait_ready(*pids)
    assert {m: agent.pid(m) for m in pids} == pids


def test_reused_pid_is_noticed(agent, stand):
    """The state's process number belongs to somebody else by now: that one is left alone."""
    started(agent)
    agent.kill()
    for pid in agent.processes():
        os.kill(pid, signal.SIGKILL)
    until(lambda: not agent.processes(), 5, "their end")
    other = subprocess.Popen(["sleep", "1000"])
    path = os.path.join(agent.path, "state.json")
    with open(path) as f:
        state = json.load(f)
    for module in state["modules"]:
        module["instance"]["pid"] = other.pid
    with open(path, "w") as f:
        json.dump(state, f)
    agent.start()
    agent.wait_ready("core-data", "persist-sqlite")
    assert other.pid not in (agent.pid("core-data"), agent.pid("persist-sqlite"))
    agent.stop()
    assert other.poll() is None
    other.kill()
    other.wait()


def test_machine_started_anew(agent):
    """Nobody failed: all are started at once, in order, and their counts stand."""
    started(agent)
    os.kill(agent.pid("core-data"), signal.SIGKILL)
    agent.wait("core-data", restartCount=1, ready=True)
    agent.kill()
    for pid in agent.processes():
        os.kill(pid, signal.SIGKILL)
    path = os.path.join(agent.path, "state.json")
    with open(path) as f:
        text = re.sub('"bootId": "[^"]*"', '"bootId": "another"', f.read())
    with open(path, "w") as f:
        f.write(text)
    agent.env["RESTART_DELAY"] = "100s"
    agent.service.env.update(agent.env)
    agent.start()
    agent.wait_ready("core-data", "persist-sqlite")
    assert agent.module("core-data")["restartCount"] == 1


def test_one_agent_a_folder(agent):
    started(agent)
    status, _, text = run("edge-agent", ["--manifest", agent.manifest_path], {"AGENT_PATH": agent.path})
    assert status == 1 and "another edge-agent" in text and text.count("\n") == 1


# ---- repair

def test_kill_any_module_under_load(agent, stand):
    """What was acknowledged is there in the end, whoever is killed."""
    started(agent)
    rate = 500
    running = load.Running(stand.http, 10 ** 9, retry=True, rate=rate)
    try:
        for name in ("persist-sqlite", "core-data", "persist-sqlite"):
            running.wait_done(running.done + rate, within=60 * PATIENCE)
            pid = agent.pid(name)
            os.kill(pid, signal.SIGKILL)
            until(lambda: agent.module(name).get("pid") not in (None, pid), 10 * PATIENCE, f"another {name}")
            agent.wait_ready("core-data", "persist-sqlite")
        running.wait_done(running.done + rate, within=60 * PATIENCE)
        result = running.end()
    finally:
        running.stop()
    assert not result["other"].keys() - {429, 503}, result
    stand.wait_settled(within=20)
    assert stand.count() == result["created"] + result["spooled"] + result["repeated"]
    assert agent.module("persist-sqlite")["restartCount"] == 2


def test_first_restart_is_immediate(stand):
    agent = started(Agent(stand, RESTART_DELAY="100s"))
    pid = agent.pid("persist-sqlite")
    os.kill(pid, signal.SIGKILL)
    agent.wait("persist-sqlite", restartCount=1, ready=True)
    os.kill(agent.pid("persist-sqlite"), signal.SIGKILL)
    seen = agent.wait("persist-sqlite", restartCount=2, runtimeStatus="backoff")
    assert seen["signal"] == 9 and "nextRestartTimeUtc" in seen


def test_crash_at_once_backs_off(stand):
    """Each delay is twice the one before, up to the longest; it is never given up."""
    agent = Agent(stand, RESTART_DELAY="200ms", RESTART_MAXDELAY="800ms")
    agent.deploy({"crash": process("sh -c 'date +%s%N; exit 3'", workingDir=stand.folder),
                  "good": process("sleep 1000", workingDir=stand.folder)})
    agent.start()
    seen = agent.wait("crash", runtimeStatus="backoff")
    assert seen["exitCode"] == 3 and seen["statusDescription"] == "ended with status 3"
    until(lambda: agent.module("crash")["restartCount"] >= 5, 10 * PATIENCE, "five restarts")
    times = [int(t) / 1e9 for t in agent.log_of("crash").split()]
    gaps = [b - a for a, b in zip(times, times[1:])]
    assert [g >= low for g, low in zip(gaps, (0.2, 0.4, 0.8, 0.8))] == [True] * 4, gaps
    assert agent.module("good")["runtimeStatus"] == "running" and agent.module("good")["restartCount"] == 0


def test_missing_binary_is_told(agent, stand):
    """The others run; once the program is there, so does it."""
    path = os.path.join(stand.folder, "program")
    started(agent, missing=process([path], workingDir=stand.folder))
    seen = agent.wait("missing", runtimeStatus="failed")
    assert path in seen["statusDescription"] and "No such file" in seen["statusDescription"]
    with open(path, "w") as f:
        f.write("#!/bin/sh\nexec sleep 1000\n")
    os.chmod(path, 0o755)
    agent.wait("missing", runtimeStatus="running")


def test_bad_working_directory_is_told(agent):
    agent.deploy({"a": process("sleep 1000", workingDir="/nowhere/at/all")})
    agent.start()
    assert "/nowhere/at/all" in agent.wait("a", runtimeStatus="failed")["statusDescription"]


@pytest.mark.parametrize("policy,status,again", [("always", 0, True), ("on-failure", 0, False), ("on-failure", 1, True),
                                                 ("on-unhealthy", 0, False), ("never", 1, False)])
def test_policies(agent, stand, policy, status, again):
    agent.deploy({"a": process(f"sh -c 'exit {status}'", restartPolicy=policy, workingDir=stand.folder)})
    agent.start()
    if again:
        until(lambda: agent.module("a")["restartCount"] >= 2, 5 * PATIENCE, "restarts")
    else:
        agent.wait("a", runtimeStatus="failed" if status else "stopped", exitCode=status)
        stays(lambda: agent.module("a")["restartCount"] == 0, 0.7, "not restarted")


def test_frozen_worker_is_restarted(stand):
    """It runs, but core-data gets no answer from it."""
    agent = Agent(stand, HEALTH_INTERVAL="300ms", STOP_TIMEOUT="1s")
    agent.deploy({"core-data": agent.core(), "persist-sqlite": agent.sqlite(restartPolicy="on-unhealthy")})
    agent.start()
    agent.wait_ready("core-data", "persist-sqlite")
    pid = agent.pid("persist-sqlite")
    os.kill(pid, signal.SIGSTOP)
    until(lambda: agent.module("persist-sqlite").get("pid") not in (None, pid), 20 * PATIENCE, "another one")
    agent.wait_ready("persist-sqlite")
    assert gone(pid)
    stand.add(events.event())


def test_frozen_core_data_is_restarted(stand):
    agent = started(Agent(stand, HEALTH_INTERVAL="300ms", HEALTH_TIMEOUT="500ms", STOP_TIMEOUT="1s"))
    pid = agent.pid("core-data")
    os.kill(pid, signal.SIGSTOP)
    until(lambda: agent.module("core-data").get("pid") not in (None, pid), 20 * PATIENCE, "another one")
    agent.wait_ready("core-data", "persist-sqlite")
    assert gone(pid)


def test_worker_whose_store_is_away(stand):
    """It answers, but is not ready: starting it anew would not help."""
    agent = started(Agent(stand, HEALTH_STARTPERIOD="1s", HEALTH_INTERVAL="300ms"))
    agent.deploy({"core-data": agent.core(), "persist-sqlite": agent.sqlite(),
                  "persist-redis": agent.worker("redis", {"REDIS_URL": "redis://127.0.0.1:1/0"})})
    agent.wait("persist-redis", runtimeStatus="running", ready=False)
    stays(lambda: agent.module("persist-redis")["restartCount"] == 0, 3, "no restart of persist-redis")


def test_what_a_module_leaves_behind_ends_with_it(agent, stand):
    agent.deploy({"a": process("sh -c 'sleep 1001 & echo $!; exec sleep 1000'", workingDir=stand.folder)})
    agent.start()
    agent.wait("a", runtimeStatus="running")
    child = int(until(lambda: agent.log_of("a").strip(), 5 * PATIENCE, "the child's number").split()[0])
    os.kill(agent.pid("a"), signal.SIGKILL)
    until(lambda: gone(child), 5 * PATIENCE, "the end of the child")


# ---- manifests

def test_only_what_changed_restarts(agent, stand):
    started(agent, other=process("sleep 1000", workingDir=stand.folder))
    before = {m: agent.pid(m) for m in agent.modules()}
    agent.deploy({"core-data": agent.core(restartPolicy="on-failure"), "persist-sqlite": agent.sqlite(version="2"),
                  "other": process("sleep 1000", workingDir=stand.folder, status="stopped")})
    agent.wait("persist-sqlite", version="2", runtimeStatus="running", ready=True)
    agent.wait("other", runtimeStatus="stopped")
    assert agent.pid("core-data") == before["core-data"]
    assert agent.pid("persist-sqlite") != before["persist-sqlite"]
    assert gone(before["other"]) and gone(before["persist-sqlite"])


def test_written_in_place_and_hangup(agent, stand):
    started(agent)
    with open(agent.manifest_path, "w") as f:
        json.dump(manifest({"core-data": agent.core(), "persist-sqlite": agent.sqlite(),
                            "a": process("sleep 1000", workingDir=stand.folder)}), f)
    agent.wait("a", runtimeStatus="running")
    agent.service.send(signal.SIGHUP)
    until(lambda: agent.service.log().count("taken over: 3 modules") >= 2, 5 * PATIENCE, "taken over once more")
    assert agent.module("a")["restartCount"] == 0


def test_bad_manifests_change_nothing(agent, stand):
    started(agent)
    pids = {m: agent.pid(m) for m in agent.modules()}
    good = manifest({"core-data": agent.core(), "persist-sqlite": agent.sqlite()})
    agent.write('{\n  "modulesContent": {\n    "x": ,\n')
    assert re.search(r"deployment\.json:3:\d+", agent.wait_manifest(400))
    agent.write(good)
    agent.wait_manifest(200)
    text = json.dumps(manifest({"a": process("sleep 1"), "b": process("sleep 2")})).replace('"b":', '"a":')
    agent.write(text)
    assert "'a'" in agent.wait_manifest(400) or "modules/a" in agent.wait_manifest(400)
    agent.write(good)
    agent.wait_manifest(200)
    os.unlink(agent.manifest_path)
    agent.wait_manifest(404)
    assert {m: agent.pid(m) for m in agent.modules()} == pids
    # The agent's own restart with a bad one: it knows what ran before.
    agent.write("{")
    agent.kill()
    agent.start()
    agent.wait_ready(*pids)
    assert {m: agent.pid(m) for m in agent.modules()} == pids
    assert stand.ping()


def test_without_a_manifest(agent, stand):
    """It waits for one."""
    agent.start()
    agent.wait_manifest(404)
    agent.deploy({"a": process("sleep 1000", workingDir=stand.folder)})
    agent.wait("a", runtimeStatus="running")


def test_hub_settings_reach_core_data(agent, stand):
    agent.deploy({"core-data": agent.core()}, storeAndForwardConfiguration={"timeToLiveSecs": 77})
    agent.start()
    agent.wait_ready("core-data")
    assert stand.get("/config").json["config"]["Spool"]["TimeToLive"] in ("77s", "1m17s")


# ---- replacing a group

class Posting:
    """Posts and reads until it is stopped, each client after a pause. Keeps the status of every answer."""

    def __init__(self, stand, clients, pause):
        self.stand, self.pause = stand, pause
        self.stopped = threading.Event()
        self.pool = concurrent.futures.ThreadPoolExecutor(clients)
        self.runs = [self.pool.submit(self.work) for _ in range(clients)]

    def work(self):
        client, posted, read = Client(self.stand.http), [], []
        while not self.stopped.wait(self.pause):
            posted.append(self.stand.post(events.event(), client).status)
            read.append(client.get("/api/v3/event/count").status)
        client.close()
        return posted, read

    def stop(self):
        self.stopped.set()
        done = [run.result() for run in self.runs]
        self.pool.shutdown()
        return [s for posted, _ in done for s in posted], [s for _, read in done for s in read]


@pytest.mark.parametrize("to", ["sqlite", "mongo"])
def test_replace_redis(agent, stand, to):
    """A new manifest is all: the new group gets the history, then the old one goes, and no request fails."""
    history = 500
    servers = [backend.Server("redis")]
    try:
        servers.append(backend.Server(to))
        env = {"SQLITE_PATH": stand.sqlite_path} if to == "sqlite" else servers[1].environment
        core, redis = agent.core(), agent.worker("redis", servers[0].environment)
        agent.deploy({"core-data": core, "persist-redis": redis})
        agent.start()
        agent.wait_ready("core-data", "persist-redis")
        pid = agent.pid("core-data")
        load.Running(stand.http, history).finish()
        # A pace that the slowest store keeps up with, on a loaded machine too: FerretDB, where there is no MongoDB.
        posting = Posting(stand, 2, 0.1 if to == "mongo" else 0.005)
        try:
            agent.deploy({"core-data": core, "persist-" + to: agent.worker(to, env)})
            agent.wait("persist-redis", status="removed")
            agent.wait_gone("persist-redis", within=60)
        finally:
            posted, read = posting.stop()
        assert set(posted) <= {201, 202} and set(read) == {200}, (collections.Counter(posted), collections.Counter(read))
        assert agent.pid("core-data") == pid
        assert {name: group["state"] for name, group in stand.groups().items()} == {to: "LIVE"}
        stand.wait_settled(to)
        assert stand.count() == history + len(posted)
    finally:
        agent.close()
        for server in servers:
            server.remove()


# ---- persistctl modules

def modules(agent, *args, word=()):
    return run("persistctl", [*word, "modules", "--file", os.path.join(agent.path, "reported.json"), *args])


def test_persistctl_modules(agent, stand):
    started(agent, broken=process(["/nowhere/program"], workingDir=stand.folder))
    agent.wait("broken", runtimeStatus="failed")
    status, text, _ = modules(agent)
    rows = {line.split()[0]: line.split() for line in text.splitlines()}
    assert status == 1 and rows["core-data"][1:5] == ["running", "ready", "process", "1"]
    assert rows["core-data"][-1] == str(agent.pid("core-data")) and rows["broken"][1] == "failed"
    assert "broken: the program /nowhere/program can't be run: No such file or directory" in text
    status, text, _ = modules(agent, word=["--json"])
    assert status == 1 and json.loads(text)["modules"]["persist-sqlite"]["ready"] is True
    agent.deploy({"core-data": agent.core(), "persist-sqlite": agent.sqlite()})
    agent.wait_gone("broken")
    assert modules(agent)[0] == 0 and modules(agent, "--agent") == (0, "", "")
    agent.write("{")
    agent.wait_manifest(400)
    assert "the manifest is not in use" in modules(agent)[1]
    agent.kill()
    status, text, _ = modules(agent)
    assert status == 1 and "edge-agent does not run" in text
    assert modules(agent, "--agent")[0] == 1


def test_persistctl_modules_without_a_report(tmp_path):
    status, out, err = run("persistctl", ["modules", "--file", str(tmp_path / "none.json")])
    assert (status, out) == (1, "") and "none.json" in err and err.count("\n") == 1
    (tmp_path / "bad.json").write_text("[]")
    assert "is no report of edge-agent" in run("persistctl", ["modules", "-f", str(tmp_path / "bad.json")])[2]


# ---- logs, reports

def test_logs_are_rotated(stand):
    agent = Agent(stand, PROCESS_LOGMAXSIZE="4", PROCESS_LOGKEPT="2")
    agent.deploy({"a": process("sh -c 'n=0; while sleep 0.01; do n=$((n+1)); echo line $n of some text that fills the "
                               "file up before long; done'", workingDir=stand.folder)})
    agent.start()
    folder = os.path.join(agent.path, "log")
    until(lambda: {"a.log", "a.log.1", "a.log.2"} <= set(os.listdir(folder)), 30 * PATIENCE, "old logs")
    assert not os.path.exists(os.path.join(folder, "a.log.3"))
    agent.stop()
    numbers = []
    for name in ("a.log.2", "a.log.1", "a.log"):
        with open(os.path.join(folder, name)) as f:
            numbers += [int(line.split()[1]) for line in f]
    assert numbers == sorted(numbers)


def test_no_secret_in_the_report(agent, stand):
    agent.deploy({"a": process("sleep 1000", {"PASSWORD": "correct-horse"}, workingDir=stand.folder)})
    agent.start()
    agent.wait("a", runtimeStatus="running")
    assert "correct-horse" not in json.dumps(agent.reported())
    assert "correct-horse" not in agent.service.log()
