"""make install: what a provider finds, and that a program can be built against it, shared and static."""

import glob
import os
import re
import subprocess

from support import package as packages
from support.service import BIN, INSTRUMENTED, environment, run

MAIN = """
#include <persistbus/persistbus.h>
static const pbus_backend_t backend = {.abi = PBUS_BACKEND_ABI, .name = "tiny", .version = "7"};
int main(int argc, char **argv)
{
    return pbus_worker_main(argc, argv, &backend);
}
"""


def output(*command, **env):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment(env))
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout


def version(root):
    with open(os.path.join(root, "common/include/persistbus/version.h")) as f:
        return re.search(r'PBUS_VERSION "(.*)"', f.read()).group(1)


def declared(folder):
    """Functions that the public headers export."""
    found = set()
    for path in glob.glob(f"{folder}/**/*.h", recursive=True):
        with open(path) as f:
            found |= set(re.findall(r"^PBUS_EXPORT\b[^;(]*?(\w+)\s*\(", f.read(), re.M))
    return found


def test_files(package, root):
    own = version(root)
    assert os.readlink(package.path("lib/libpersistbus.so")) == "libpersistbus.so.0"
    assert os.readlink(package.path("lib/libpersistbus.so.0")) == f"libpersistbus.so.{own}"
    names = [os.path.relpath(p, f"{root}/common/include") for p in glob.glob(f"{root}/common/include/**/*.h", recursive=True)]
    names = ["include/" + name for name in names] + ["lib/libpersistbus.a", "lib/pkgconfig/persistbus.pc",
                                                    "share/doc/persistbus/PROTOCOL.md",
                                                    "share/doc/persistbus/WRITING-A-BACKEND.md"]
    names += ["share/persistbus/" + os.path.basename(p) for p in glob.glob(f"{root}/configs/*.yaml")]
    names += [f"bin/{name}" for name in ("core-data", "persist-sqlite", "persist-redis", "persist-mongo",
                                         "persist-postgres", "persistctl")]
    missing = [name for name in names if not os.path.isfile(package.path(name))]
    assert not missing
    assert "certify" in output(package.path("bin/persistctl"), "--help")


def test_exported_symbols_are_those_of_the_public_headers(package):
    """Nothing else, so that nobody comes to rely on it; nothing less, as a header would lie."""
    listed = output("nm", "-D", "--defined-only", package.path("lib/libpersistbus.so"))
    symbols = {line.split()[-1].split("@")[0] for line in listed.splitlines()}
    if INSTRUMENTED:
        symbols = {s for s in symbols if not s.startswith("__")}
    assert len(symbols) > 50
    assert not [s for s in symbols if not s.startswith("pbus_")]
    assert symbols == declared(package.path("include"))


def test_soname(package):
    listed = output("readelf", "-d", package.path("lib/libpersistbus.so"))
    assert "Library soname: [libpersistbus.so.0]" in listed


def test_pkg_config(package, root):
    assert package.config("--modversion") == [version(root)]
    assert package.config("--cflags") == ["-I" + package.path("include")]
    assert package.config("--libs") == ["-L" + package.path("lib"), "-lpersistbus"]
    private = package.config("--static", "--libs")
    assert {"-lczmq", "-lzmq", "-lmsgpackc", "-lyaml"} <= set(private)
    assert package.config("--variable=examples") == [package.path("share/persistbus/examples")]


def test_a_program_is_built_shared_and_static(package, tmp_path):
    """The headers need no other library's, and each way of linking is complete."""
    source = tmp_path / "tiny.c"
    source.write_text(MAIN)
    env = package.environment()
    flags = [*env["CFLAGS"].split(), "-std=c17", "-Wall", "-Wextra", "-Werror", *package.config("--cflags"), str(source)]
    output("cc", *flags, "-o", str(tmp_path / "shared"), *package.config("--libs"))
    static = [package.path("lib/libpersistbus.a") if lib == "-lpersistbus" else lib
              for lib in package.config("--static", "--libs")]
    output("cc", *flags, "-o", str(tmp_path / "static"), *static)
    needs = output("readelf", "-d", str(tmp_path / "shared"))
    assert "[libpersistbus.so.0]" in needs
    assert "libpersistbus" not in output("readelf", "-d", str(tmp_path / "static"))
    for name in ("shared", "static"):
        told = output(str(tmp_path / name), "--version", LD_LIBRARY_PATH=package.path("lib"))
        assert told.startswith("persist-tiny 7 ")


def test_destdir(root, tmp_path):
    """A packager's way: files are put under DESTDIR, and say PREFIX."""
    packages.install("/opt/bus", destdir=str(tmp_path))
    with open(tmp_path / "opt/bus/lib/pkgconfig/persistbus.pc") as f:
        assert f.read().startswith("prefix=/opt/bus\n")
    assert sorted(os.listdir(tmp_path)) == ["opt"] and os.listdir(tmp_path / "opt") == ["bus"]
    assert os.path.isfile(tmp_path / "opt/bus/include/persistbus/backend.h")


def test_installed_programs_start_with_the_installed_configuration(package, stand):
    assert os.path.isfile(os.path.join(BIN, "core-data"))
    for name in ("core-data", "persist-sqlite"):
        status, out, err = run(package.path("bin", name), ["--config", package.path("share/persistbus", name + ".yaml"),
                                                           "--version"])
        assert status == 0, err
    made = stand.service(package.path("bin/core-data"), stand.core_environment(),
                         ["--config", package.path("share/persistbus/core-data.yaml")], label="core-data")
    stand.core = made
    stand.start_core()
