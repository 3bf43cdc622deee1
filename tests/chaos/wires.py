"""The bus of a chaos run as wires that can be cut: a worker in a network namespace of its own, with a pair of virtual
Ethernet devices to core-data's.

The whole run is inside a private network and mount namespace (`enter`), so that nothing of it reaches the machine's
own network and all of it is gone with the run, however that ends. Needs root, and Linux.
"""

import os
import shutil
import subprocess
import sys
import threading

INSIDE = "PERSISTBUS_CHAOS_INSIDE"
NETS = "/run/netns"


def command(*args):
    done = subprocess.run(args, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(args)}: {done.stderr.strip()}")


def why_not():
    """Why the bus can't be cut here; None if it can."""
    if sys.platform != "linux":
        return "only Linux has network namespaces"
    if os.geteuid() != 0:
        return "root is needed for network namespaces"
    for tool in ("unshare", "ip", "mount"):
        if not shutil.which(tool):
            return f"{tool} is not installed; run tools/deps.sh"
    trial = subprocess.run(["unshare", "--net", "--mount", "sh", "-c",
                            f"mkdir -p {NETS} && mount -t tmpfs none {NETS} && ip netns add trial && "
                            "ip link add trial0 type veth peer name trial1 netns trial && ip netns exec trial true"],
                           capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    return f"a namespace can't be made: {trial.stderr.strip()}" if trial.returncode else None


def enter():
    """Starts this program again, the same process, in namespaces of its own; in them it makes them ready."""
    if os.environ.get(INSIDE) != "1":
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", "--net", "--mount", sys.executable, *sys.argv])
    command("ip", "link", "set", "lo", "up")
    os.makedirs(NETS, exist_ok=True)
    command("mount", "-t", "tmpfs", "none", NETS)  # what `ip netns` makes there is not seen outside


class Wire:
    """From core-data to one worker. Everything of it goes when the namespaces go."""

    def __init__(self, number, name):
        self.name = f"the wire of {name}"
        self.lock = threading.Lock()
        self.net, self.device = f"pbus{number}", f"pbus{number}"
        self.address = f"10.213.{number}.1"
        command("ip", "netns", "add", self.net)
        command("ip", "link", "add", self.device, "type", "veth", "peer", "name", "eth0", "netns", self.net)
        command("ip", "addr", "add", self.address + "/24", "dev", self.device)
        command("ip", "-n", self.net, "addr", "add", f"10.213.{number}.2/24", "dev", "eth0")
        for where in (["-n", self.net], []):
            command("ip", *where, "link", "set", "eth0" if where else self.device, "up")

    def reaches(self, endpoint):
        """core-data's endpoint, which is bound to all addresses in there, as the worker has to name it."""
        return f"tcp://{self.address}:{endpoint.rsplit(':', 1)[1]}"

    def command(self, program):
        """What starts a program at the worker's end; it becomes that process."""
        return [shutil.which("ip"), "netns", "exec", self.net, program]

    def cut(self):
        command("ip", "link", "set", self.device, "down")

    def mend(self):
        command("ip", "link", "set", self.device, "up")
