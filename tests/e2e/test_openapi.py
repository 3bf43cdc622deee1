"""docs/openapi.yaml against the running service, by schemathesis (tests/openapi/run.sh)."""

import os
import subprocess

from support import events
from support.service import PATIENCE

OPERATIONS = 34


def seed(stand):
    """Readings of every type, so that there is something to read from the start."""
    readings = [events.reading("r-" + kind, given, type=kind) for kind, (given, _) in events.SIMPLE.items()]
    readings += [events.reading("nan", text, type="Float64") for text in ("NaN", "Infinity", "-Infinity")]
    readings += [events.reading("nans", "[NaN,1]", type="Float32Array"),
                 events.reading("binary", None, type="Binary", binaryValue="aGk=", mediaType="image/png"),
                 events.reading("empty", None, type="Binary", binaryValue="", mediaType="image/png"),
                 events.reading("object", None, type="Object", objectValue={"a": [1, 2.5, None]}),
                 events.reading("objects", None, type="ObjectArray", objectValue=[{"x": 1}]),
                 events.reading("tagged", "1", units="kW", tags={"floor": 2})]
    readings += [events.reading("null-" + kind, None, type=kind) for kind in ("Int8", "String", "Binary", "Object")]
    stand.add(*(events.event(origin=events.now() + n, device="room-1", readings=readings, tags={"site": "A"})
                for n in range(3)))


def test_the_document_describes_the_service(served, root):
    seed(served)
    url = f"http://127.0.0.1:{served.http}/api/v3"
    done = subprocess.run([os.path.join(root, "tests/openapi/run.sh"), url], capture_output=True, text=True,
                          timeout=600 * PATIENCE, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout[-20000:] + done.stderr[-4000:]
    assert f"Tested: {OPERATIONS}" in done.stdout, done.stdout
    print(done.stdout[done.stdout.index("=== SUMMARY"):])
    counters = served.json("/persistence/groups")["counters"]
    assert counters["eventsPersisted"] > 100, "next to no event was stored, so reads had nothing to show"
    assert counters["answersMalformed"] == 0
    assert served.core.alive and served.sqlite.alive
