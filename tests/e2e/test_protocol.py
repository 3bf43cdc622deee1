"""The examples of docs/PROTOCOL.md, decoded here without the product's code: they say what the text says."""

import os
import re

import pytest
import xxhash

from support import memory_store, wire

SET = bytes.fromhex("11111111222243338444555555555555")
ID = bytes.fromhex("9f1b2c3d000040008000000000000001")
EPOCH = 1_700_000_000_000_000_000
START = [1, None, EPOCH, 7]


def header(kind, *elements):
    return [1, kind, EPOCH, 7, *elements]


def blocks(root):
    """Title line -> decoded bytes, of section 6."""
    with open(os.path.join(root, "docs/PROTOCOL.md")) as f:
        section = f.read().split("## 6. Examples")[1]
    found = {}
    for title, lines in re.findall(r"^(\S.*)\n\n((?:    [0-9a-f ]+\n)+)", section, re.M):
        found[title] = bytes.fromhex(lines.replace("\n", " "))
    return found


EVENT = [1, ID, 1700000000123456789, "room-1", "climate", "temperature", '{"floor":2}', [
    [None, None, None, None, 11, "C", None, "2.15e+01"],
    [1700000000123456000, None, None, "picture", 13, None, None, b"hi", "image/png"],
    [None, None, None, "humidity", 3, None, None, None]]]
ANY = [None, None, [], [], wire.INT_MIN, wire.INT_MAX]
EXPECTED = {
    "WHO": header(wire.WHO, 5_000_000_000),
    "HELLO": header(wire.HELLO, "persist/1/sqlite/w1.5f3a9c01/", 1, "sqlite", "0.1.0", "sqlite",
                    wire.LACKS_WORKERS, True, SET, EPOCH + 256, 64, 2, 8388608, 1000, 1048576),
    "WELCOME": header(wire.WELCOME, 5_001_000_000, 1, 10_000, 4 << 20, 64 << 20),
    "REFUSE": header(wire.REFUSE, 5_001_000_000, wire.CONFLICT, "group sqlite is served by another data set"),
    "READY true": header(wire.READY, True, "", True, SET, EPOCH + 256),
    "READY false": header(wire.READY, False, "redis at 127.0.0.1:6379: connection refused", False, None, 0),
    "WRITE, seq 1: the header": header(wire.WRITE, 5_002_000_000, 1),
    "WRITE: the payload": [[1, EPOCH + 512, ID, wire.pack(EVENT)], [2, EPOCH + 768, SET]],
    "the event in it": EVENT,
    "ACK": header(wire.ACK, 1, wire.OK, "", EPOCH + 768, [[1, wire.NOT_FOUND]]),
    "QUERY, seq 2": header(wire.QUERY, 5_003_000_000, 2, 4990),
    "QUERY: the payload": [2, ["room-1", None, ["temperature", "humidity"], [], 0, wire.INT_MAX, wire.UINT_MAX],
                           0, 20, True],
    "another payload: how many": [3, 0, [*ANY, wire.UINT_MAX]],
    "another: scan": [6, wire.INT_MIN, wire.INT_MAX, [1700000000123456789, ID], 1000],
    "another: purge": [7, ["room-1", *ANY[1:], EPOCH + 1024], 500],
    "another: digest of": [8, None, [1700000000123456789, ID], EPOCH + 1024, 5000],
    "REPLY to seq 2": header(wire.REPLY, 2, wire.OK, ""),
    "REPLY: the payload": [False, 1, [[1700000000123456789, "room-1", "climate", "temperature", 11, "C", None,
                                       "2.15e+01"]]],
    "another payload: one event": [False, 0, [[EPOCH + 512, wire.pack(EVENT)]]],
    "another: the digest of": [False, 1, [[1700000000123456789, ID, xxhash.xxh3_128_digest(
        (EPOCH + 512).to_bytes(8, "big") + ID + wire.pack(EVENT))]]],
    "PING": header(wire.PING, 5_500_000_000),
    "PONG": header(wire.PONG, 5_500_000_000, 1_250_000),
    "BYE": header(wire.BYE),
    "DRAIN": header(wire.DRAIN, 6_000_000_000),
}


@pytest.mark.parametrize("title", EXPECTED)
def test_example(root, title):
    found = [data for t, data in blocks(root).items() if t.startswith(title)]
    assert len(found) == 1, f"docs/PROTOCOL.md has {len(found)} examples titled '{title}...'"
    assert wire.unpack(found[0]) == EXPECTED[title]


def test_every_example_is_checked(root):
    unknown = [t for t in blocks(root) if not any(t.startswith(known) for known in EXPECTED)]
    assert not unknown


def test_readings_take_from_their_event_what_is_nil(root):
    event, readings = memory_store.unfold(wire.pack(EVENT))
    assert event[1] == ID
    assert readings[0] == [1700000000123456789, "room-1", "climate", "temperature", 11, "C", None, "2.15e+01"]
    assert readings[1][0] == 1700000000123456000
    assert readings[2][3] == "humidity" and readings[2][7] is None
