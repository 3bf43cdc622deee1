"""The sessions of docs/OPERATIONS.md, run as they stand there: on ports and database servers of their own."""

import os
import re

import pytest

from conftest import ROOT
from support import documents
from support.replay import Place
from support.service import PATIENCE

DOCUMENT = os.path.join(ROOT, "docs/OPERATIONS.md")


@pytest.mark.parametrize("heading", documents.headings(DOCUMENT))
def test_session(heading, root):
    text = documents.section(DOCUMENT, heading)
    session = [made for block in documents.blocks(text, "console") for made in documents.commands(block)]
    with Place(text, root) as place:
        answers = documents.run(session, place.folder, place.env, within=150 * PATIENCE)
    for (command, shown), answer in zip(session, answers):
        assert documents.agree(shown, answer), "\n".join(
            [f"OPERATIONS.md, {heading}: {command}", "---- shows", *documents.essence(shown), "---- it is",
             *documents.essence(answer)])


def test_all_is_there():
    """What operators are promised a session for."""
    with open(DOCUMENT) as f:
        text = f.read()
    for word in ("persist-sqlite", "persist-redis", "persist-mongo", "persist-postgres", "retire", "prefer", "promote", "forget",
                 "drain", "copy", "verify --repair", "backup", "SPOOL_MAXSIZE", "LIVE", "LAGGING", "STALE"):
        assert word in text
    anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in re.findall(r"^##+ (.*)$", text, re.M)}
    for target in re.findall(r"\]\(([^)]+)\)", text):
        path, _, anchor = target.partition("#")
        assert not path or os.path.exists(os.path.join(ROOT, "docs", path)), target
        assert path or anchor in anchors, target


def test_what_is_compared():
    """The comparison notices what matters."""
    def agree(shown, answer):
        return documents.agree(shown.split("\n"), answer.split("\n"))

    assert agree("  redis  LIVE  2   w1", "  redis  LIVE  17  w345")
    assert not agree("redis  LIVE  2", "redis  LIVE  0")
    assert not agree("redis  LIVE  2", "redis  STALE  2")
    assert agree("mongo is equal: 1,000 events, in 1.2 s", "mongo is STALE: it is new\nmongo is equal: 17 events, in 340 ms")
    assert agree("a\n...\nb ... c", "a\nx\ny\nb 1 c") and agree("a\n...\nb", "a\nb")
    assert not agree("a\nb", "a\nx\nb") and not agree("a", "") and not agree("", "persistctl: it fails")
    assert agree("job be4f2b35 is 3 KiB", "job 12ab34cd is 17 B")
