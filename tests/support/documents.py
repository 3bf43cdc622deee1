"""Commands that documents show, with what they answer: found, run, and compared.

In what a document shows as an answer, `...` stands for what differs from run to run, and a line of `...` for any lines.
A ```console block is a session: lines that begin with `$ ` are commands (continued by lines that begin with `> `), the
lines below a command are what it prints.
"""

import os
import re
import signal
import subprocess

from .service import BIN, die_with_parent, environment

REST_PORT = "59880"  # of a document's commands; a test has its own
MARK = "@@ command "

# What is left out of an answer before it is compared: what `persistctl` tells while something takes its time.
PROGRESS = re.compile(r"\S+ (is not known yet|has no worker that is ready|has too few workers that are ready|is LAGGING|is STALE: .*)"
                      r"|(copy|repair) \S+ -> \S+ .*events.*|verify \S+ against \S+ .*events.*|\S+ gets what waits for it .*")

# What differs from run to run and is worth showing as it looks: ids, times, sizes, numbers (but 0).
VARYING = [
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z?"), "TIME"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "ID"),
    (re.compile(r"\b(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{8}\b"), "ID"),
    (re.compile(r"(?:(?<=^)|(?<=\bjob ))(\d{8}|[a-f]{8})\b"), "ID"),  # one by chance without letters or digits
    (re.compile(r"\bw\d+\b"), "WORKER"),
    (re.compile(r"\b[\d,.]+ (?=(events|queries)/s\b)"), "RATE "),
    (re.compile(r"\b\d+ d \d+ h\b|\b\d+ h \d+ m\b|\b\d+ m \d+ s\b|\b[\d.]+ m?s\b"), "SPAN"),
    (re.compile(r"\b[\d.]+ ([KMGT]i)?B\b"), "SIZE"),
    (re.compile(r"(?<![\w.,-])(?!0(?![\d.,]*\d))\d[\d,]*(\.\d+)*"), "NUMBER"),
]


def section(path, heading):
    """The text below a heading of level 2 or 3, up to the next heading."""
    with open(path) as f:
        found = re.search(r"^##+ " + re.escape(heading) + r"\n(.*?)(?=^##+ |\Z)", f.read(), re.S | re.M)
    assert found, f"{path} has no section '{heading}'"
    return found.group(1)


def headings(path):
    """Of the sections that have sessions."""
    with open(path) as f:
        found = re.findall(r"^##+ (.*)$", f.read(), re.M)
    return [heading for heading in found if blocks(section(path, heading), "console")]


def blocks(text, language):
    return re.findall(r"^```" + language + r"\n(.*?)^```$", text, re.S | re.M)


def pattern(shown):
    """Of one line."""
    return ".*".join(re.escape(part) for part in shown.split("..."))


def matches(shown, answer):
    return re.fullmatch(pattern(shown), answer) is not None


def commands(session):
    """(command, lines that it prints) of a console block."""
    found = []
    for line in session.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif line.startswith("> ") and found and not found[-1][1]:
            found[-1] = (found[-1][0] + "\n" + line[2:], [])
        else:
            assert found, f"a session begins with a command, not with '{line}'"
            found[-1][1].append(line)
    return found


def run(session, folder, env, within=60.0):
    """Runs all commands in one shell in the folder; what each prints. What they leave running is killed."""
    script = "".join(f"echo; echo '{MARK}{n}'\n{command}\n" for n, (command, _) in enumerate(session))
    script = script.replace(REST_PORT, env["SERVICE_PORT"])
    path = f"{env['PATH_FIRST']}:{BIN}:{os.environ['PATH']}" if "PATH_FIRST" in env else f"{BIN}:{os.environ['PATH']}"
    with open(os.path.join(folder, "session.out"), "w+") as out:
        shell = subprocess.Popen(["bash", "-c", script], stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=folder,
                                 env=environment({**env, "PATH": path}), start_new_session=True, preexec_fn=die_with_parent)
        try:
            shell.wait(within)
        finally:
            try:
                os.killpg(shell.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            shell.wait()
            out.seek(0)
            print(out.read())
        out.seek(0)
        parts = re.split("^" + MARK + r"\d+\n", out.read(), flags=re.M)[1:]
    assert len(parts) == len(session), "the shell has ended early"
    return [part.splitlines() for part in parts]


def normal(line):
    for what, name in VARYING:
        line = what.sub(name, line)
    return " ".join(line.split())


def essence(lines):
    return [normal(line) for line in lines if line.strip() and not PROGRESS.fullmatch(line)]


def agree(shown, answer):
    """Whether an answer is as shown; both are lists of lines."""
    wanted = "".join("(?:.*\n)*?" if line == "..." else pattern(line) + "\n" for line in essence(shown))
    return re.fullmatch(wanted, "".join(line + "\n" for line in essence(answer))) is not None
