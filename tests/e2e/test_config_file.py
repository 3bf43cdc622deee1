"""configs/core-data.yaml and edge-agent.yaml have every key, at its default."""

import os
import re

import pytest

from support.service import run

# What a stand sets, so that many of them run side by side.
PRIVATE = {"SERVICE_PORT", "SPOOL_PATH", "PERSISTBUS_REQUESTS", "PERSISTBUS_REPLIES", "PERSISTBUS_EVENTS"}


def shown(stand):
    return stand.get("/config").json["config"]


def test_the_file_says_what_holds_without_it(stand, root):
    stand.start_core()
    without = shown(stand)
    stand.core.stop()
    stand.start_core(args=["--config", os.path.join(root, "configs/core-data.yaml")])
    assert shown(stand) == without
    assert "level=WARN" not in stand.core.log()


@pytest.mark.parametrize("program,least", [("core-data", 30), ("edge-agent", 20)])
def test_the_file_has_every_key(root, program, least):
    status, out, err = run(program, ["--help"])
    keys = re.findall(r"^  ((?:\w+\.)*\w+) +[A-Z_]+ ", out, re.M)
    with open(os.path.join(root, f"configs/{program}.yaml")) as f:
        path, found = [], set()
        for indent, key in re.findall(r"^( *)(\w+):", f.read(), re.M):
            path = path[:len(indent) // 2] + [key]
            found.add(".".join(path))
    assert status == 0 and len(keys) > least
    assert [key for key in keys if key not in found] == []


def test_the_agents_file_says_what_holds_without_it(tmp_path, root):
    """A value that is no default would be another one in what --help shows."""
    status, out, err = run("edge-agent", ["--help"])
    defaults = {key: value.strip() for key, value in re.findall(r"^  ((?:\w+\.)*\w+) +[A-Z_]+ +(\S+)", out, re.M)}
    with open(os.path.join(root, "configs/edge-agent.yaml")) as f:
        path, found = [], {}
        for indent, key, value in re.findall(r"^( *)(\w+):([^#\n]*)", f.read(), re.M):
            path = path[:len(indent) // 2] + [key]
            found[".".join(path)] = value.strip().strip("[]").replace(", ", ",")
    assert status == 0 and {key: found[key] for key in defaults} == defaults
