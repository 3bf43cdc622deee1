"""Images of the services: what the Dockerfiles say, and core-data with persist-sqlite in containers."""

import glob
import json
import os
import re
import subprocess
import tarfile

import pytest

from support import containers, events
from support.service import program, run
from support.stand import Stand
from support.waiting import until

PLATFORMS = {"amd64": "linux/amd64", "arm32v7": "linux/arm/v7", "arm64v8": "linux/arm64"}
SERVICES = sorted(os.path.basename(os.path.dirname(path)) for path in glob.glob(containers.ROOT + "/services/*/module.json"))


def in_service(name, file):
    with open(os.path.join(containers.ROOT, "services", name, file)) as f:
        return f.read()


# ---- what is written down ----


@pytest.mark.parametrize("name", SERVICES)
def test_module_json(name):
    module = json.loads(in_service(name, "module.json"))
    assert module["image"]["repository"] == "$CONTAINER_REGISTRY_ADDRESS/" + name
    assert set(module["image"]["tag"]["platforms"]) == set(PLATFORMS)
    assert run(name, ["--version"])[1].split()[:2] == [name, module["image"]["tag"]["version"]]
    for platform in PLATFORMS:
        status, out, err = run("persistctl", ["image", "services/" + name, "-p", platform], cwd=containers.ROOT,
                               env={"CONTAINER_REGISTRY_ADDRESS": "registry.example.com:5000"})
        said = dict(line.split(" ", 1) for line in out.splitlines())
        assert (status, err) == (0, "")
        assert said["image"] == f"registry.example.com:5000/{name}:{module['image']['tag']['version']}-{platform}"
        assert os.path.exists(os.path.join(containers.ROOT, said["dockerfile"]))
        assert os.path.exists(os.path.join(containers.ROOT, said["context"], "Makefile"))
        status, out, err = run("persistctl", ["--json", "image", "services/" + name, "-p", platform], cwd=containers.ROOT,
                               env={"CONTAINER_REGISTRY_ADDRESS": "registry.example.com:5000"})
        assert (status, err) == (0, "") and json.loads(out) == {**said, "options": []}


@pytest.mark.parametrize("name", SERVICES)
def test_dockerfiles(name):
    """One recipe for all platforms: an own user, a health check, nothing but Debian and scratch to start from."""
    recipes = set()
    for platform, docker in PLATFORMS.items():
        text = in_service(name, "Dockerfile." + platform)
        assert re.findall(r"^FROM .*$", text, re.M) == [f"FROM --platform={docker} debian:bookworm-slim AS build",
                                                        f"FROM --platform={docker} scratch"]
        recipes.add(text.replace(docker, "PLATFORM").replace(f"for {platform}.", "for PLATFORM."))
    assert len(recipes) == 1
    last = recipes.pop().split("scratch\n")[1]
    assert re.search(r"^USER persistbus$", last, re.M) and re.search(r"^HEALTHCHECK .*CMD \[", last, re.M)
    assert f'ENTRYPOINT ["/bin/{name}"]' in last


def test_image_command_refuses(tmp_path):
    status, out, err = run("persistctl", ["image", "services/core-data"], cwd=containers.ROOT)
    assert status == 1 and "services/core-data/module.json:5:5: /image/repository: the variable CONTAINER_REGISTRY_ADDRESS" in err
    status, out, err = run("persistctl", ["image", "services/core-data", "-p", "mips"], cwd=containers.ROOT)
    assert status == 1 and "there is no platform mips in module.json, which has amd64, arm32v7, arm64v8" in err
    status, out, err = run("persistctl", ["image", str(tmp_path)])
    assert status == 1 and "module.json: can't be read: No such file" in err
    assert run("persistctl", ["image"])[0] == 2


@pytest.mark.parametrize("env,told", [
    ({"BASE": "alpine"}, "images: BASE is 'alpine': use debian or scratch"),
    ({"BASE": "scratch", "PLATFORM": "s390x"}, "BASE=scratch takes this machine's programs, which are for "),
])
def test_images_refuses(env, told):
    done = subprocess.run([containers.ROOT + "/tools/images.sh", os.path.dirname(program("persistctl"))],
                          env={**os.environ, **env}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and told in done.stderr


def test_make_hands_over_what_is_asked_for(root):
    """None of its variables is one that compiling uses too."""
    asked = {"BASE": "scratch", "PLATFORM": "amd64", "MODULES": "core-data"}
    done = subprocess.run(["make", "-n", "-B", "images", "build/obj/deploy/problems.o", *(f"{k}={v}" for k, v in asked.items())],
                          cwd=root, capture_output=True, text=True, timeout=60, env={"PATH": os.environ["PATH"]})
    lines = done.stdout.splitlines()
    compiles = [line for line in lines if "deploy/problems.c" in line and " -c " in line]
    assert compiles and all(" -std=c17 " in line for line in compiles)
    assert [line for line in lines if "tools/images.sh" in line and all(f'{k}="{v}"' in line for k, v in asked.items())]


def test_health_command(served):
    """What the images' health check asks."""
    url = {"PERSISTBUS_URL": f"http://127.0.0.1:{served.http}"}
    worker = served.ready_workers("sqlite")[0]["name"]
    for args, env in [([], {}), (["sqlite"], {}), ([], {"PERSISTBUS_GROUP": "sqlite"}),
                      (["sqlite", "-w", worker], {}), (["sqlite"], {"PERSISTBUS_WORKER": worker})]:
        assert run("persistctl", ["health", *args], {**url, **env}) == (0, "", "")
    assert run("persistctl", ["health", "redis"], url) == (1, "", "persistctl: health: core-data knows no group 'redis'\n")
    assert run("persistctl", ["health", "sqlite", "-w", "x"], url) == (
        1, "", "persistctl: health: worker x of sqlite is not there\n")
    served.sqlite.stop()
    served.wait_ready("sqlite", workers=0)
    assert run("persistctl", ["health", "sqlite"], url)[0] == 1
    served.core.stop()
    assert run("persistctl", ["health"], url)[0] == 3


# ---- containers ----


@pytest.fixture(scope="module")
def images():
    reason = containers.missing()
    if reason:
        pytest.skip(f"{containers.SKIPPED}: {reason}")
    made = containers.Containers()
    made.names = made.build("core-data", "persist-sqlite")
    yield made
    made.close()


@pytest.fixture
def contained(images):
    """Ports; the services are started as containers by the test."""
    made = Stand()
    made.env = {**made.core_environment(), "PERSISTBUS_URL": f"http://127.0.0.1:{made.http}", "SPOOL_PATH": "/data/spool"}
    yield made
    images.podman("rm", "-f", "-a", "-v", "-t", "1", check=False)
    made.close()


def start(images, stand):
    core, sqlite = images.names
    images.run("core", core, stand.env, "-v", "spool:/data")
    images.run("sqlite", sqlite, stand.env, "-v", "events:/data")
    try:
        until(stand.ping, 20, "an answer to ping")
        stand.wait_ready("sqlite", within=20)
    except AssertionError as e:
        raise AssertionError(f"{e}\n{images.logs('core')}\n{images.logs('sqlite')}") from None


def test_what_is_in_an_image(images, tmp_path):
    assert [name.split("/")[1].split(":")[0] for name in images.names] == ["core-data", "persist-sqlite"]
    for name in images.names:
        images.podman("create", "--name", "look", "--network=host", *containers.LIMITS, name)
        images.podman("export", "-o", str(tmp_path / "root.tar"), "look")
        images.podman("rm", "-v", "look")
        with tarfile.open(tmp_path / "root.tar") as tar:
            members = {member.name.rstrip("/"): member for member in tar.getmembers()}
            assert sum(member.size for member in members.values()) < 60e6
        assert sorted(member for member in members if member.startswith("bin/")) == sorted(
            ["bin/" + name.split("/")[1].split(":")[0], "bin/persistctl"])
        assert (members["data"].uid, members["data"].gid) == (10001, 10001)
        assert all(member.uid == 0 for path, member in members.items() if path.split("/")[0] in ("bin", "etc", "lib"))
        assert images.inspect(name, "{{.Config.User}}") == "persistbus"
        assert images.inspect(name, "{{json .HealthCheck.Test}}") == '["CMD","/bin/persistctl","health"]'
        os.remove(tmp_path / "root.tar")


def test_services_in_containers(images, contained):
    """They serve as an own user, are healthy, keep what was acknowledged over a kill, and stop when asked to."""
    stand = contained
    start(images, stand)
    for name in ("core", "sqlite"):
        with open(f"/proc/{images.inspect(name, '{{.State.Pid}}')}/status") as f:
            assert re.search(r"^Uid:\s+10001\s+10001\s", f.read(), re.M)
        images.podman("healthcheck", "run", name)
        assert images.inspect(name, "{{.State.Health.Status}}") == "healthy"
    kept = [stand.add(events.event()) for _ in range(20)]

    images.podman("kill", "-s", "KILL", "sqlite", "core")
    for name in ("core", "sqlite"):
        until(lambda: images.inspect(name, "{{.State.Status}}") == "exited", 10, f"the end of {name}")
    images.podman("start", "core", "sqlite")
    until(stand.ping, 20, "an answer to ping")
    stand.wait_ready("sqlite", within=20)
    assert stand.count() == len(kept)

    images.podman("stop", "-t", "10", "sqlite")
    assert images.inspect("sqlite", "{{.State.ExitCode}}") == "0"
    stand.wait_ready("sqlite", workers=0)
    asked = images.podman("exec", "core", "/bin/persistctl", "health", "sqlite", check=False)
    assert asked.returncode == 1 and "sqlite has no worker that is ready" in asked.stdout + asked.stderr
    images.podman("healthcheck", "run", "core")
    images.podman("stop", "-t", "10", "core")
    assert images.inspect("core", "{{.State.ExitCode}}") == "0"
