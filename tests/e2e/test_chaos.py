"""The short form of the chaos suite (tests/chaos): a minute of faults under load. PERSISTBUS_CHAOS=0 leaves it out.

The seed is the date's, so that a day's runs agree and the days differ; PERSISTBUS_CHAOS_SEED repeats one. It is in the
output, with the plan and the counts."""

import os
import shutil
import subprocess
import sys
import time

RUN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "chaos", "run.py")
SECONDS = 60


def test_a_minute_of_chaos():
    assert shutil.which("redis-server"), "redis-server is not installed; run tools/deps.sh"
    seed = os.environ.get("PERSISTBUS_CHAOS_SEED") or time.strftime("%Y%m%d")
    args = ["--seconds", str(SECONDS), "--seed", seed, "--groups", "sqlite,redis:2"]
    if os.geteuid() == 0:
        args += ["--full-disks", "sqlite"]
    done = subprocess.run([sys.executable, RUN, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=SECONDS + 240)
    print(done.stdout, done.stderr, sep="\n")
    assert done.returncode == 0, f"chaos with seed {seed} ended with status {done.returncode}"
    if os.environ.get("PERSISTBUS_NO_SKIP") == "1":
        assert "NO CUTS OF THE BUS" not in done.stdout, "the bus was not cut; see the output for the reason"
