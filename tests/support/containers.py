"""Images and containers of a test: buildah and podman with a store of their own in the test's folder.

Where containers can't be run, `missing()` says why, and tests are skipped with a reason that begins with NO CONTAINERS:
that is said loudly, and is no failure even with PERSISTBUS_NO_SKIP=1, as nobody needs podman to build persistbus.
"""

import functools
import os
import shutil
import subprocess
import tempfile

from .service import BIN, INSTRUMENTED, environment

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SKIPPED = "NO CONTAINERS"
# Both limits have to be given, not above what this process may have itself.
LIMITS = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]


class Containers:
    def __init__(self, folder=None):
        self.folder = folder or tempfile.mkdtemp(prefix="persistbus-images-")
        conf = os.path.join(self.folder, "storage.conf")
        with open(conf, "w") as f:
            f.write(f'[storage]\ndriver = "vfs"\ngraphroot = "{self.folder}/graph"\nrunroot = "{self.folder}/run"\n')
        self.env = environment({"CONTAINERS_STORAGE_CONF": conf, "BUILDAH_ISOLATION": "chroot"})

    def call(self, *args, within=120, check=True, **env):
        done = subprocess.run(args, env={**self.env, **env}, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=within, text=True, errors="replace", cwd=ROOT)
        assert not check or done.returncode == 0, f"{' '.join(args)}: status {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def podman(self, *args, **kw):
        return self.call("podman", "--runtime", "runc", *args, **kw)

    def build(self, *modules, **env):
        """Images of this machine's programs, by the last stage of the services' Dockerfiles. Returns their names."""
        done = self.call("tools/images.sh", BIN, BASE="scratch", MODULES=" ".join(modules), **env)
        return [line.split()[1] for line in done.stdout.splitlines() if line.endswith(" is built")]

    def run(self, name, image, env=(), *more):
        """Starts a container that shares this machine's network. more: further arguments of podman run."""
        variables = [word for pair in dict(env).items() for word in ("-e", "=".join(pair))]
        self.podman("run", "-d", "--name", name, "--network=host", *LIMITS, *variables, *more, image)

    def inspect(self, name, form):
        return self.podman("inspect", "--format", form, name).stdout.strip()

    def logs(self, name):
        done = self.podman("logs", name, check=False)
        return done.stdout + done.stderr

    def close(self):
        self.podman("rm", "-f", "-a", "-v", "-t", "1", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


@functools.lru_cache(maxsize=None)
def missing():
    """Why no containers can be run here; None if they can. Tried with a program of this machine's."""
    if INSTRUMENTED:
        return "programs built for a sanitizer are not put into images"
    absent = [name for name in ("buildah", "podman", "runc") if not shutil.which(name)]
    if absent:
        return "not installed: " + ", ".join(absent)
    made = Containers()
    try:
        made.call("tools/rootfs.sh", made.folder + "/true", "/bin/true")
        with open(made.folder + "/true/Dockerfile", "w") as f:
            f.write('FROM scratch\nCOPY root /\nENTRYPOINT ["/bin/true"]\n')
        built = made.call("buildah", "bud", "-t", "localhost/true", made.folder + "/true", check=False)
        if built.returncode:
            return "buildah builds nothing here: " + built.stderr.strip()[-200:]
        ran = made.podman("run", "--rm", "--network=host", *LIMITS, "localhost/true", check=False)
        return "podman runs nothing here: " + ran.stderr.strip()[-200:] if ran.returncode else None
    finally:
        made.close()
