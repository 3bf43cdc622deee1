"""edge-agent with process modules, in the folder and on the ports of a stand."""

import json
import os
import signal

from .service import PATIENCE, Service, program
from .waiting import until

# Short spans, so that a test sees several restarts; what the sanitizers need reaches the modules.
QUICK = {"RESTART_DELAY": "300ms", "RESTART_MAXDELAY": "2s", "RESTART_CLEAREDAFTER": "60s", "HEALTH_INTERVAL": "500ms",
         "STOP_TIMEOUT": "5s", "STARTUP_READYTIMEOUT": "20s",
         "PROCESS_PASSENVIRONMENT": "PATH,HOME,LANG,TMPDIR,LD_LIBRARY_PATH,ASAN_OPTIONS,UBSAN_OPTIONS,TSAN_OPTIONS"}


def process(command, env=None, **more):
    """A module's text; a keyword is a field of the module, `workingDir` and `health` go to its settings."""
    settings = {"command": command}
    for key in ("workingDir", "health"):
        if key in more:
            settings[key] = more.pop(key)
    return {"version": "1", "type": "process", "settings": settings,
            "env": {k: {"value": v} for k, v in (env or {}).items()}, **more}


def manifest(modules, **hub):
    agent = {"schemaVersion": "1.1", "runtime": {"type": "process"}, "modules": modules}
    content = {"$edgeAgent": {"properties.desired": agent}}
    if hub:
        content["$edgeHub"] = {"properties.desired": {"schemaVersion": "1.1", **hub}}
    return {"modulesContent": content}


class Agent:
    def __init__(self, stand, **env):
        self.stand = stand
        self.path = os.path.join(stand.folder, "agent")
        self.manifest_path = os.path.join(stand.folder, "deployment.json")
        self.env = {**QUICK, "AGENT_PATH": self.path, **env}
        self.service = Service("edge-agent", self.env, os.path.join(stand.folder, "edge-agent.log"),
                               ["--manifest", self.manifest_path], cwd=stand.folder)
        stand.closers.append(self.close)

    # ---- modules of this project, on the stand's ports

    def core(self, env=None, **more):
        return process([program("core-data")], {**self.stand.core_environment(), **(env or {})}, startupOrder=0, **more)

    def worker(self, backend, env, **more):
        return process([program("persist-" + backend)], {**self.stand.bus_environment(), **env}, startupOrder=1,
                       **more)

    def sqlite(self, **more):
        return self.worker("sqlite", {"SQLITE_PATH": self.stand.sqlite_path}, **more)

    # ---- the agent

    def write(self, text):
        """As an editor does it: a new file takes the place of the old one."""
        if not isinstance(text, str):
            text = json.dumps(text, indent=2)
        with open(self.manifest_path + ".tmp", "w") as f:
            f.write(text)
        os.rename(self.manifest_path + ".tmp", self.manifest_path)

    def deploy(self, modules, **hub):
        self.write(manifest(modules, **hub))

    def start(self):
        self.service.start()
        until(lambda: self.reported().get("edgeAgent", {}).get("pid") == self.service.pid, 5 * PATIENCE,
              "the agent's report")
        return self

    def kill(self):
        self.service.kill()

    def stop(self, within=10.0):
        self.service.stop(within=within)

    # ---- what it reports

    def reported(self):
        try:
            with open(os.path.join(self.path, "reported.json")) as f:
                return json.load(f)
        except FileNotFoundError:
            return {}

    def modules(self):
        return self.reported().get("modules", {})

    def module(self, name):
        return self.modules().get(name, {})

    def pid(self, name):
        return self.module(name)["pid"]

    def wait(self, name, within=10.0, **wanted):
        """Until the module's report has these values."""
        def seen():
            found = self.module(name)
            return found if all(found.get(k) == v for k, v in wanted.items()) else None
        try:
            return until(seen, within * PATIENCE, f"module {name} with {wanted}")
        except AssertionError as e:
            raise AssertionError(f"{e}; reported is {self.module(name)}") from None

    def wait_ready(self, *names, within=15.0):
        for name in names:
            self.wait(name, within, runtimeStatus="running", ready=True)

    def wait_gone(self, name, within=15.0):
        until(lambda: name not in self.modules(), within * PATIENCE, f"no module {name}")

    def wait_manifest(self, code, within=5.0):
        return until(lambda: self.reported()["lastDesiredStatus"]["code"] == code and self.reported(),
                     within * PATIENCE, f"a manifest with code {code}")["lastDesiredStatus"]["description"]

    def log_of(self, module):
        with open(os.path.join(self.path, "log", module + ".log"), errors="replace") as f:
            return f.read()

    # ---- the end

    def processes(self):
        """All processes that modules of this agent are, or have started: their working directory is the stand's."""
        found = []
        for entry in os.listdir("/proc"):
            try:
                if entry.isdigit() and os.readlink(f"/proc/{entry}/cwd") == self.stand.folder:
                    with open(f"/proc/{entry}/environ", "rb") as f:
                        if b"PERSISTBUS_MODULE=" in f.read():
                            found.append(int(entry))
            except OSError:
                pass
        return found

    def close(self):
        try:
            if self.service.alive:
                self.service.kill()
            else:
                self.service.check_log()
        finally:
            for pid in self.processes():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            until(lambda: not self.processes(), 5, "the end of all modules")
