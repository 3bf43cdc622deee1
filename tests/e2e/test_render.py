"""persistctl render: the whole manifest of an example to the byte, the command line, and what is refused."""

import json
import os
import shutil
import stat
import subprocess

import pytest

from support.service import environment, run

REDIS = "registry.example.com/redis-edge:1.0.0-"
SECRET = "s3cret"


@pytest.fixture
def example(root, tmp_path):
    """A folder of its own with the example in it."""
    shutil.copytree(os.path.join(root, "tests/e2e/render"), tmp_path, dirs_exist_ok=True)
    os.rename(tmp_path / "deployment.amd64.json", tmp_path / "expected.json")
    return tmp_path


def render(folder, *args, env=()):
    status, out, err = run("persistctl", ["render", *args], cwd=folder, env=dict(env))
    assert SECRET not in err and (SECRET not in out or "-" in args)
    return status, out, err


def module(path, name):
    with open(path) as f:
        desired = json.load(f)["modulesContent"]["$edgeAgent"]["properties.desired"]
    return desired["modules"][name]


def change(folder, old, new, name="deployment.template.json"):
    path = folder / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_golden(example):
    status, out, err = render(example, "deployment.template.json", "-e", "example.env")
    made = example / "config/deployment.amd64.json"
    assert (status, out, err) == (0, "config/deployment.amd64.json is written\n", "")
    assert made.read_bytes() == (example / "expected.json").read_bytes()
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    redis = module(made, "RedisEdge")["settings"]
    assert redis["image"] == REDIS + "amd64"
    assert len(redis["createOptions"].encode()) == 512 and sorted(redis) == ["createOptions", "createOptions01", "image"]
    options = json.loads(redis["createOptions"] + redis["createOptions01"])
    assert options["HostConfig"]["Binds"] == ["/srv/größe:/data"] and "6379/tcp" in options["ExposedPorts"]
    assert os.listdir(example / "config") == ["deployment.amd64.json"]


def test_the_same_again(example):
    """Also over a file that is there, and with the variables from the environment instead."""
    variables = {"CONTAINER_REGISTRY_ADDRESS": "registry.example.com", "CONTAINER_REGISTRY_USERNAME": "reader",
                 "CONTAINER_REGISTRY_PASSWORD": 's3cret # $and "more"', "REDIS_PORT": "6379"}
    (example / "out.json").write_text("old")
    os.chmod(example / "out.json", 0o644)
    assert render(example, "deployment.template.json", "-o", "out.json", env=variables)[0] == 0
    assert (example / "out.json").read_bytes() == (example / "expected.json").read_bytes()
    assert stat.S_IMODE((example / "out.json").stat().st_mode) == 0o600


def test_platform(example):
    os.rename(example / "example.env", example / ".env")  # found without being named
    assert render(example, "deployment.template.json", "-p", "arm32v7")[0] == 0
    made = example / "config/deployment.arm32v7.json"
    assert module(made, "RedisEdge")["settings"]["image"] == REDIS + "arm32v7"
    assert module(made, "RedisDebug")["settings"]["image"] == REDIS + "amd64.debug"
    assert module(made, "RedisByPath")["settings"]["image"] == REDIS + "arm64v8"


def test_modules_elsewhere(example):
    os.makedirs(example / "services")
    os.rename(example / "modules/RedisEdge", example / "services/RedisEdge")
    change(example, "./modules/RedisEdge>", "services/RedisEdge>")
    args = ["deployment.template.json", "-e", "example.env", "-o", "out.json"]
    status, out, err = render(example, *args)
    assert status == 1 and "RedisEdge/settings/image: ${MODULES.RedisEdge} names no module" in err
    assert not os.path.exists(example / "out.json")
    assert render(example, *args, "--modules", "nowhere", "--modules", "services")[0] == 0
    assert (example / "out.json").read_bytes() == (example / "expected.json").read_bytes()


def test_standard_output_on_demand(example):
    status, out, err = render(example, "deployment.template.json", "-e", "example.env", "-o", "-")
    assert (status, out, err) == (0, (example / "expected.json").read_text(), "")
    assert not os.path.exists(example / "config")


def test_check(example):
    status, out, err = render(example, "deployment.template.json", "-e", "example.env", "--check")
    assert (status, out, err) == (0, "deployment.template.json is right for amd64\n", "")
    assert not os.path.exists(example / "config")
    status, out, err = render(example, "deployment.template.json", "-e", "example.env", "--check", "-p", "riscv")
    assert status == 1 and "the platform riscv is none of modules/RedisEdge/module.json, which has amd64, " in err


def test_json(example):
    change(example, '"settings": {\n              "image": "${MODULES.RedisEdge}"', '"settings": {\n              "x": 1, "image": "$NO"')
    status, out, err = run("persistctl", ["--json", "render", "deployment.template.json", "-e", "example.env"], cwd=example)
    told = json.loads(out)
    assert (status, err, told["ok"]) == (1, "", False)
    assert [line.split(": ")[1].split("/")[-1] for line in told["errors"] + told["warnings"]] == ["image", "x"]


BROKEN = [
    # what is changed, into what; where and what is told
    ('"status": "running",', '"status": "running"', r"deployment.template.json:32:13: this is no JSON"),
    ('"RedisDebug": {', '"RedisEdge": {', "deployment.template.json:69:11: /modulesContent/$edgeAgent/properties.desired/"
     "modules/RedisEdge: is there twice: rename or remove one of them"),
    ("$CONTAINER_REGISTRY_ADDRESS/edge-agent", "$REGISTRY/edge-agent", "/systemModules/edgeAgent/settings/image: the "
     "variable REGISTRY is not defined: set it in the environment or in the .env file (-e)"),
    ("${MODULES.RedisEdge}", "${MODULES.RedisEdge.sparc}", "/modules/RedisEdge/settings/image: the platform sparc is none "
     "of modules/RedisEdge/module.json, which has amd64, arm32v7, arm64v8, amd64.debug"),
    ("${MODULES.RedisEdge}", "${MODULES.MongoEdge}", "${MODULES.MongoEdge} names no module that has a module.json in modules:"),
    ("${MODULEDIR<./modules/RedisEdge>", "${MODULEDIR<../other>", "there is no module.json in ../other, seen from the template"),
    ('"never"', '"sometimes"', '/modules/RedisDebug/restartPolicy: has to be "always", "on-failure", "on-unhealthy" or "never"'),
    ("4294967295", "-1", "/modules/RedisEdge/startupOrder: is too small: the smallest is 0"),
    ('"type": "docker",\n            "status": "stopped"', '"type": "process",\n            "status": "stopped"',
     '/modules/RedisDebug/settings: lacks "command"'),
]


@pytest.mark.parametrize("old,new,told", BROKEN, ids=range(len(BROKEN)))
def test_bad_templates(example, old, new, told):
    change(example, old, new)
    status, out, err = render(example, "deployment.template.json", "-e", "example.env")
    assert (status, out) == (1, "") and told in err
    assert not os.path.exists(example / "config")


def test_unknown_fields_warn(example):
    change(example, '"imagePullPolicy"', '"imagePolicy"')
    status, out, err = render(example, "deployment.template.json", "-e", "example.env", "-o", "out.json")
    assert status == 0 and err.startswith("persistctl: warning: deployment.template.json:46:13: /modulesContent/")
    assert "/modules/RedisEdge/imagePolicy: is not known here and is ignored" in err and err.count("\n") == 1


def test_bad_module_and_variables(example):
    change(example, '"1.0.0",', '"1.0.0",,', "modules/RedisEdge/module.json")
    change(example, "REDIS_PORT=", "REDIS PORT=", "example.env")
    status, out, err = render(example, "deployment.template.json", "-e", "example.env")
    assert (status, err) == (1, "persistctl: example.env:6: is not NAME=VALUE, with a NAME of letters, digits and _: "
                                "mend it, or put # in front\n")
    status, out, err = render(example, "deployment.template.json", "-e", "other.env")
    assert (status, err) == (1, "persistctl: other.env: can't be read: No such file or directory\n")
    status, out, err = render(example, "deployment.template.json", env={"REDIS_PORT": "1"})
    assert status == 1 and err.count("modules/RedisEdge/module.json:7:26: this is no JSON") == 1


@pytest.mark.parametrize("args,told", [
    ([], "render: name TEMPLATE"),
    (["a", "b"], "render: 'b' is too much behind TEMPLATE"),
    (["a", "--plan"], "render: there is no option --plan"),
    (["a", "-e"], "render: -e needs a value"),
    (["a", "-p", "../x"], "render: '../x' is no platform"),
    (["a", "-o", ""], "render: -o needs a path"),
])
def test_usage(tmp_path, args, told):
    status, out, err = render(tmp_path, *args)
    assert (status, out) == (2, "") and told in err


def test_output_that_can_not_be_written(example):
    (example / "config").write_text("in the way")
    status, out, err = render(example, "deployment.template.json", "-e", "example.env")
    assert (status, err) == (1, "persistctl: config/deployment.amd64.json: can't be written: Not a directory\n")


def test_shipped_templates(root):
    """Those of configs/ are right with configs/example.env."""
    names = [name for name in os.listdir(os.path.join(root, "configs")) if name.endswith("template.json")]
    assert "deployment.template.json" in names
    for name in names:
        status, out, err = render(root, f"configs/{name}", "-e", "configs/example.env", "-m", "services", "--check")
        assert (status, err) == (0, "")


def test_installed_templates(package, tmp_path):
    """What `make install` brings is enough: the schemas are part of the program, module.json is beside the template."""
    args = ["render", package.path("share/persistbus/deployment.docker.template.json"),
            "-e", package.path("share/persistbus/example.env")]
    done = subprocess.run([package.path("bin/persistctl"), *args], cwd=tmp_path, capture_output=True, text=True, timeout=30,
                          env=environment())
    assert (done.returncode, done.stderr) == (0, "")
    settings = module(tmp_path / "config/deployment.amd64.json", "core-data")["settings"]
    assert settings["image"].startswith("registry.example.com/core-data:")
