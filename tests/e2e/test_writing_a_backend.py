"""docs/WRITING-A-BACKEND.md: its steps, as they are written there, in an empty folder, against the installed package."""

import json
import os
import subprocess
import sys

from support import documents
from support.service import PATIENCE


def test_from_an_empty_folder_to_a_certificate(package, tmp_path):
    with open(package.path("share/doc/persistbus/WRITING-A-BACKEND.md")) as f:
        steps = documents.blocks(f.read(), "sh")
    assert len(steps) == 4
    folder, tools = tmp_path / "empty", tmp_path / "tools"
    folder.mkdir()
    tools.mkdir()
    os.symlink(sys.executable, tools / "python3")  # the one that has pyzmq and msgpack
    env = package.environment(PREFIX=package.prefix, HOME=str(folder))
    env["PATH"] = f"{tools}:{env['PATH']}"
    del env["PKG_CONFIG_PATH"]  # the page sets it
    script = tmp_path / "steps.sh"
    script.write_text("set -eux\n" + "\n".join(steps))
    done = subprocess.run(["/bin/sh", str(script)], cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=200 * PATIENCE)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    with open(folder / "persist-mine" / "certificate.json") as f:
        mine = json.load(f)
    assert (mine["result"], mine["backend"], mine["capabilities"]["durable"]) == ("certified", "mine", True)
    passed = {case["name"] for case in mine["cases"] if case["outcome"] == "passed"}
    assert {"kill-after-ack", "scan-pages", "ties", "delete", "batch-5000"} <= passed
    with open(folder / "python.json") as f:
        assert json.load(f)["result"] == "certified"
