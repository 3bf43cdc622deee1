"""Configuration of each program: what is wrong with it is said in one line, with exit status 1; what is unknown is
warned of by name."""

import os
import socket
import sqlite3

import pytest

from support import events
from support.service import PATIENCE, run
from support.stand import Stand
from support.waiting import until

PROGRAMS = ["core-data", "persist-sqlite"]


def environment(stand, program):
    if program == "core-data":
        return stand.core_environment()
    return {**stand.bus_environment(), "SQLITE_PATH": stand.sqlite_path}


def complaint(program, args=(), env=()):
    """Runs a program that must refuse its configuration; returns its one line."""
    status, out, err = run(program, args, env, within=5)
    lines = [line for line in err.splitlines() if not any(f"level={l}" in line for l in ("TRACE", "DEBUG", "INFO", "WARN"))]
    assert status == 1, (status, out, err)
    assert len(lines) == 1, err
    return lines[0]


def write(stand, text):
    path = os.path.join(stand.folder, "configuration.yaml")
    with open(path, "w") as f:
        f.write(text)
    return path


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_and_version(program):
    status, out, err = run(program, ["--help"])
    assert status == 0 and err == ""
    for word in ("--config", "--version", "PERSISTBUS_REQUESTS", "SERVICE_PORT" if program == "core-data" else "SQLITE_PATH"):
        assert word in out
    status, out, err = run(program, ["--version"])
    assert status == 0 and err == "" and len(out.splitlines()) == 1 and "0." in out


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("args", [["--nonsense"], ["--config"], ["a", "b"]])
def test_unknown_arguments(program, args):
    line = complaint(program, args)
    assert args[0] in line


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_unknown_key_is_warned_of(stand, program):
    path = write(stand, "Wriatble:\n  LogLevel: DEBUG\nService:\n  Prot: 5\n")
    service = stand.service(program, environment(stand, program), ["--config", path])
    service.start()
    service.wait_log("Wriatble")
    service.wait_log("Service.Prot")
    warned = [line for line in service.log().splitlines() if "Wriatble" in line]
    assert len(warned) == 1 and "level=WARN" in warned[0]
    assert service.alive
    service.stop()


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_file_that_is_missing(program):
    assert "/nowhere/configuration.yaml" in complaint(program, ["--config", "/nowhere/configuration.yaml"])


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("text", ["Service: [", "\tService: 5\n", "Service:\n  Port: 1\n Port: 2\n", "\x00\x01"])
def test_a_file_that_is_no_yaml(stand, program, text):
    path = write(stand, text)
    line = complaint(program, ["--config", path], environment(stand, program))
    assert path in line


@pytest.mark.parametrize("program, name, value", [
    ("core-data", "SERVICE_PORT", "65536"), ("core-data", "SERVICE_PORT", "http"), ("core-data", "SERVICE_PORT", "-1"),
    ("core-data", "SERVICE_REQUESTTIMEOUT", "5 parsecs"), ("core-data", "WRITABLE_PERSISTDATA", "perhaps"),
    ("core-data", "WRITABLE_LOGLEVEL", "LOUD"), ("core-data", "MAXEVENTSIZE", "1e9"),
    ("core-data", "PERSISTBUS_REQUESTS", "nonsense"), ("core-data", "PERSISTBUS_REPLIES", "tcp://127.0.0.1:99999"),
    ("core-data", "PERSISTBUS_EVENTS", "carrier-pigeon://loft"), ("core-data", "SERVICE_HOST", "no.such.host.invalid"),
    ("persist-sqlite", "PERSISTBUS_REQUESTS", "nonsense"), ("persist-sqlite", "PERSISTBUS_REPLIES", "nonsense"),
    ("persist-sqlite", "PERSISTBUS_GROUP", "two words"), ("persist-sqlite", "PERSISTBUS_GROUP", "g" * 65),
    ("persist-sqlite", "WRITABLE_LOGLEVEL", "LOUD")])
def test_a_bad_value(stand, program, name, value):
    line = complaint(program, env={**environment(stand, program), name: value})
    assert value in line, line


@pytest.mark.parametrize("program, key, text", [
    ("core-data", "Service.Port", "Service:\n  Port: many\n"),
    ("core-data", "Service.RequestTimeout", "Service:\n  RequestTimeout: 5 parsecs\n"),
    ("persist-sqlite", "Writable.LogLevel", "Writable:\n  LogLevel: LOUD\n")])
def test_a_bad_value_in_the_file(stand, program, key, text):
    line = complaint(program, ["--config", write(stand, text)], {})
    assert key in line


def test_the_environment_wins(stand):
    path = write(stand, "Service:\n  Port: 1\nWritable:\n  LogLevel: DEBUG\n")
    stand.start_core(args=["--config", path])
    assert stand.ping()


@pytest.mark.parametrize("what", ["http", "requests", "replies", "stream"])
def test_a_port_in_use(stand, what):
    port = stand.http if what == "http" else int(getattr(stand, what).rsplit(":", 1)[1])
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        assert str(port) in complaint("core-data", env=stand.core_environment())


def test_a_spool_that_can_not_be_written(stand):
    """Even root can't make a folder below a file."""
    path = os.path.join(write(stand, ""), "spool")
    assert path in complaint("core-data", env={**stand.core_environment(), "SPOOL_PATH": path})


def test_a_database_that_can_not_be_written(stand):
    path = os.path.join(write(stand, ""), "events.db")
    assert path in complaint("persist-sqlite", env={**environment(stand, "persist-sqlite"), "SQLITE_PATH": path})


def test_a_database_that_is_none(stand):
    with open(stand.sqlite_path, "wb") as f:
        f.write(b"not a database, but somebody's notes\n" * 1000)
    assert stand.sqlite_path in complaint("persist-sqlite", env=environment(stand, "persist-sqlite"))
    with open(stand.sqlite_path, "rb") as f:
        assert f.read() == b"not a database, but somebody's notes\n" * 1000


def test_a_database_of_somebody_else(stand):
    """A SQLite file with foreign tables is left alone."""
    with sqlite3.connect(stand.sqlite_path) as db:
        db.execute("create table notes (text)")
        db.execute("insert into notes values ('mine')")
    db.close()
    assert stand.sqlite_path in complaint("persist-sqlite", env=environment(stand, "persist-sqlite"))
    with sqlite3.connect(stand.sqlite_path) as db:
        assert db.execute("select * from notes").fetchall() == [("mine",)]
        assert db.execute("select count(*) from sqlite_master").fetchone() == (1,)
    db.close()


def test_a_newer_schema(served):
    served.add(events.event())
    served.sqlite.stop()
    with sqlite3.connect(served.sqlite_path) as db:
        version = db.execute("pragma user_version").fetchone()[0]
        assert version > 0
        db.execute(f"pragma user_version = {version + 1000}")
    db.close()
    assert str(version + 1000) in complaint("persist-sqlite", env=environment(served, "persist-sqlite"))


def test_a_second_process_on_one_database(served):
    line = complaint("persist-sqlite", env=environment(served, "persist-sqlite"))
    assert served.sqlite_path in line
    # Another group's name changes nothing: it is the file that is taken.
    line = complaint("persist-sqlite", env={**environment(served, "persist-sqlite"), "PERSISTBUS_GROUP": "second"})
    assert served.sqlite_path in line
    served.add(events.event())
    # The lock goes with its process.
    served.sqlite.kill()
    served.sqlite.start()
    served.wait_ready("sqlite")


def test_a_second_core_data_on_one_spool(stand):
    stand.start_core()
    other = Stand(stand.folder)
    env = {**other.core_environment(), "SPOOL_PATH": stand.spool}
    assert stand.spool in complaint("core-data", env=env)
    assert stand.ping()
    stand.core.kill()
    stand.start_core()


def test_log_level_is_live(stand):
    """`Writable` is read again when the file changes."""
    path = write(stand, "Writable:\n  LogLevel: ERROR\n")
    stand.start_core(args=["--config", path])
    assert "level=INFO" not in stand.core.log()
    write(stand, "Writable:\n  LogLevel: DEBUG\n")

    def talks():
        stand.ping()
        return "level=INFO" in stand.core.log() or "level=DEBUG" in stand.core.log()
    until(talks, 10 * PATIENCE, "lines of the new level", pause=0.1)


def test_log_lines(served):
    """One logfmt line a message, nothing else."""
    served.add(events.event())
    for service in (served.core, served.sqlite):
        service.stop()
        lines = service.log().splitlines()
        assert lines
        for line in lines:
            assert line.startswith("level=") and f"app={service.name}" in line and ' msg="' in line, line
        assert not [line for line in lines if "level=ERROR" in line]
