"""The package as a provider has it: what `make install` puts into a folder, and what is built against that."""

import os
import shutil
import subprocess
import sys

from .service import BIN, INSTRUMENTED, PATIENCE

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILDS = {os.path.join(ROOT, "build"): [],
          **{os.path.join(ROOT, "build", kind): [f"SANITIZER={kind}"] for kind in ("address", "undefined", "thread")}}
SANITIZE = {"address": "-fsanitize=address,undefined", "undefined": "-fsanitize=undefined",
            "thread": "-fsanitize=thread"}


def environment(**more):
    """The tester's own, without what an outer make has put there."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS", "PERSISTBUS"))}
    return {**kept, **more}


def make(*arguments, folder=ROOT, **more):
    done = subprocess.run(["make", "--no-print-directory", *arguments], cwd=folder, env=environment(**more),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300 * PATIENCE)
    assert done.returncode == 0, f"make {' '.join(arguments)}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def install(prefix, destdir=""):
    """From the build that is tested, whichever that is."""
    out = os.path.dirname(os.path.abspath(BIN))
    make("install", *BUILDS.get(out, [f"OUT={out}"]), f"PREFIX={prefix}", f"DESTDIR={destdir}")


class Package:
    def __init__(self, prefix):
        self.prefix = str(prefix)
        install(self.prefix)
        self.built = {}

    def path(self, *parts):
        return os.path.join(self.prefix, *parts)

    def environment(self, **more):
        """For whoever builds against it. What is linked with instrumented code has to be instrumented itself."""
        kind = os.path.basename(os.path.dirname(os.path.abspath(BIN)))
        flags = f"-O1 -g {SANITIZE.get(kind, '')}" if INSTRUMENTED else "-O2 -g"
        return environment(PKG_CONFIG_PATH=self.path("lib", "pkgconfig"), CFLAGS=flags, LDFLAGS=flags, **more)

    def config(self, *arguments):
        done = subprocess.run(["pkg-config", *arguments, "persistbus"], env=self.environment(), capture_output=True,
                              text=True, timeout=20)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    def file_backend(self):
        """The program of examples/persist-file, built in a folder of its own."""
        if "file" not in self.built:
            folder = self.path("built", "persist-file")
            shutil.copytree(self.path("share", "persistbus", "examples", "persist-file"), folder)
            make(folder=folder, **{k: v for k, v in self.environment().items()})
            self.built["file"] = os.path.join(folder, "persist-file")
        return self.built["file"]

    def python_backend(self):
        """Its command."""
        return [sys.executable, self.path("share", "persistbus", "examples", "persist-python", "persist_python.py")]
