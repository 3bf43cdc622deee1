"""The tour of README.md, run as it stands there, with only the port changed."""

import os
import re
import subprocess

from support import documents
from support.service import environment


def test_the_tour(served, root):
    commands = documents.blocks(documents.section(os.path.join(root, "README.md"), "A tour"), "sh")
    assert len(commands) == 1
    script = commands[0].replace(documents.REST_PORT, str(served.http))
    assert script != commands[0]
    # Each command's answer is shown below it as a comment; `...` stands for what differs from run to run.
    expected = [line[2:] for line in script.splitlines() if line.startswith("# {")]
    assert len(expected) >= 8
    done = subprocess.run(["sh", "-eu", "-c", script], capture_output=True, text=True, timeout=30, env=environment())
    assert done.returncode == 0, done
    answers = [line for line in done.stdout.splitlines() if line]
    assert len(answers) == len(expected), done.stdout
    for answer, wanted in zip(answers, expected):
        assert documents.matches(wanted, answer), f"README.md shows\n  {wanted}\nthe answer is\n  {answer}"


def test_files_that_the_readme_names(root):
    with open(os.path.join(root, "README.md")) as f:
        text = f.read()
    for target in re.findall(r"\]\(([^)#]+)", text):
        if "://" not in target:
            assert os.path.exists(os.path.join(root, target)), f"README.md links to {target}, which is not there"
