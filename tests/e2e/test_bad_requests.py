"""Requests that are wrong, one row each, with the exact status over HTTP; among them rows that are only just right. One
service for all of them, which must be the same process at the end, with nothing stored but what it took."""

import json
import re
import socket
import time
import uuid

import pytest

from support import backend, cbor, events
from support.client import Client
from support.service import PATIENCE, SLOWER

MAX_EVENT_KB = 16
PATH = "/event/test/climate/dev-0/sensor"
ID = str(uuid.UUID(int=1))
DROP = object()


# ---- making rows ---------------------------------------------------------------------------------------------------

class Row:
    def __init__(self, name, status, path, body=None, method="GET", says="", headers=None):
        self.name, self.status, self.path, self.body = name, status, path, body
        self.method, self.says, self.headers = method, says, headers or {}


def with_change(target, key, value):
    changed = dict(target)
    if value is DROP:
        del changed[key]
    else:
        changed[key] = value
    return changed


def good(id=None):
    return events.request(events.event(id=id, readings=[events.reading(origin=1)]))


def posted(name, status, request, says="", **kw):
    body = request if isinstance(request, (bytes, str)) else json.dumps(request)
    return Row(name, status, PATH, body.encode() if isinstance(body, str) else body, "POST", says, **kw)


def requests(status, key, values, says=None):
    for value in values:
        yield posted(f"request.{key}={show(value)}", status, with_change(good(), key, value), says or key[1:])


def in_events(status, key, values, says=None):
    for value in values:
        request = good()
        request["event"] = with_change(request["event"], key, value)
        yield posted(f"event.{key}={show(value)}", status, request, says or key[1:])


def in_readings(status, key, values, says=None, **base):
    for value in values:
        request = good()
        reading = with_change({**request["event"]["readings"][0], "x": 1}, key, value)
        request["event"]["readings"] = [events.reading(origin=1), {**reading, **base}]
        yield posted(f"reading.{key}={show(value)}", status, request, says or ("Readings[1]." if status == 400 else ""))


def show(value):
    return "missing" if value is DROP else json.dumps(value)[:40]


def text_in(old, new):
    """The good request with something in its text that json.dumps would not write."""
    text = json.dumps(good())
    assert old in text
    return text.replace(old, new, 1)


# ---- the table -----------------------------------------------------------------------------------------------------

ABSENT = [DROP, None]
BLANK = ["", " ", "\t\n", "\u00a0\u3000"]
MISTYPED = [5, 1.5, True, [], {}]


def rows_of_fields():
    yield from requests(400, "apiVersion", ABSENT + [""] + MISTYPED)
    yield from requests(400, "requestId", ["x", "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f", str(uuid.uuid4()).upper()] + MISTYPED)
    yield from requests(400, "event", ABSENT + ["", 5, [], True], "Event")
    yield from in_events(400, "apiVersion", ABSENT + [""] + MISTYPED)
    yield from in_events(400, "id", ABSENT + ["", "x", ID[:-1], ID + "0", ID.replace("-", ""), str(uuid.uuid4()).upper(),
                                              "{" + ID + "}", "urn:uuid:" + ID] + MISTYPED, "Event.Id")
    for key in ("deviceName", "profileName", "sourceName"):
        yield from in_events(400, key, ABSENT + BLANK + MISTYPED)
        yield from in_events(400, key, ["another"], f"event's {key} another mismatches")
    yield from in_events(400, "origin", ABSENT + [0, -0.0, 1.0, 1.5, 1e3, 2**63, -2**63 - 1, 10**40, "1", "", True, [], {}])
    yield from in_events(400, "readings", ABSENT + [[], {}, 5, "x", [5], [None], [[]], ["x"]])
    yield from in_events(400, "tags", [5, "x", [], True])
    yield from in_readings(400, "id", ["x", " ", "0" * 31, 5, [], {}])
    yield from in_readings(400, "origin", ABSENT + [0, 1.5, 2**63, -2**63 - 1, "1", True])
    for key in ("deviceName", "profileName", "resourceName", "valueType"):
        yield from in_readings(400, key, ABSENT + BLANK + MISTYPED)
    yield from in_readings(400, "valueType", ["Int", "Uint128", "Int32 ", "intArray", "BinaryArray", "Int32\u0000"])
    yield from in_readings(400, "units", MISTYPED)
    yield from in_readings(400, "tags", [5, "x", [], True])
    yield from in_readings(400, "mediaType", MISTYPED)


def rows_of_good_fields():
    yield from requests(201, "requestId", [None, "", str(uuid.uuid4())], "id")
    yield from in_events(201, "origin", [1, -1, 2**63 - 1, -2**63], "id")
    yield from in_events(201, "tags", [None, {}, {"a": None}], "id")
    yield from in_readings(201, "id", ["", "0" * 32, "{" + ID + "}", "urn:uuid:" + ID, ID.upper()])
    yield from in_readings(201, "units", ["", None])


OUT = {"Bool": ["", "2", "yes", " true", "tRUE"], "Float32": ["", "1e39", "3.4028236e38", "-1e39", "Inf", "nan", "0x1p1", "1_0", " 1",
                                                              "1e", "."],
       "Float64": ["", "1e309", "1.7976931348623159e308", "-1e309", "Inf", "+NaN", "0x1p1", "1,5", "1 ", "e5", "--1"],
       "BoolArray": ["", "[", "[]", "[2]", "[true,]"], "StringArray": ["", "["],
       "Float32Array": ["", "[", "[]", "[1,,2]", "[1e39]"], "Float64Array": ["", "[", "[]", "[x]", "[1e309]"]}
IN = {"Bool": ["T"], "String": [""], "Float32": ["3.4028235e38", "1e-60"], "Float64": ["1.7976931348623157e308"],
      "BoolArray": ["[1]"], "StringArray": ["[]", "xx"], "Float32Array": ["[NaN]"], "Float64Array": ["[1e308]"]}
for bits in (8, 16, 32, 64):
    for name, low, high in ((f"Uint{bits}", 0, 2**bits - 1), (f"Int{bits}", -2**(bits - 1), 2**(bits - 1) - 1)):
        OUT[name] = ["", str(low - 1), str(high + 1), "1.0", " 1", "0x1", "1e1", "1_0"] + (["+1"] if low == 0 else [])
        IN[name] = [str(low), str(high)]
        OUT[name + "Array"] = ["", "[", "[]", f"[{low - 1}]", f"[1,{high + 1}]", "[1,]"]
        IN[name + "Array"] = [f"[{low}, {high}]"]


def rows_of_values():
    for kind, values in sorted(OUT.items()):
        for row in in_readings(400, "value", values, f"does not match the {kind} valueType", valueType=kind):
            row.name = kind + " " + row.name
            yield row
    for kind, values in sorted(IN.items()):
        for row in in_readings(201, "value", values, valueType=kind):
            row.name = kind + " " + row.name
            yield row
    for value in (300, -1, 1.5, True, [1], {}):
        yield from in_readings(400, "value", [value], "does not match the Uint8", valueType="Uint8")
    yield from in_readings(201, "value", [255, None], valueType="Uint8")
    for value in ("a", "YQ", "YQ=", "Y Q==", "YQ==YQ==", "Y=Q=", "=", "_-8=", "ü"):
        yield from in_readings(400, "binaryValue", [value], valueType="Binary", mediaType="m")
    yield from in_readings(400, "binaryValue", ["YQ==", ""], "MediaType", valueType="Binary")
    yield from in_readings(201, "binaryValue", ["YQ==\n", "YR==", ""], valueType="Binary", mediaType="m")
    yield from in_readings(400, "value", ["300"], "does not match the uint8", valueType="uint8")


def nested(depth, kind):
    return "[" * depth + "]" * depth if kind == "array" else '{"a":' * depth + "1" + "}" * depth


def rows_of_json():
    for name, body in (("empty", b""), ("blank", b" \n"), ("cut", json.dumps(good())[:-20]), ("word", "hello"), ("array", "[]"),
                       ("string", '"x"'), ("number", "5"), ("null", "null"), ("true", "true"), ("two commas", '{"a":1,,"b":2}'),
                       ("comma", '{"a":1,}'), ("quotes", "{'a':1}"), ("comment", "/* */{}"), ("key", "{a:1}"), ("NaN", '{"a":NaN}'),
                       ("NUL", b"\0"), ("NUL behind", b"{\0}"), ("BOM", b"\xef\xbb\xbf{"), ("binary", bytes(range(256))),
                       ("utf-16", '{"a":1}'.encode("utf-16"))):
        yield posted(f"body: {name}", 400, body, "AddEventRequest")
    for name, data in (("lone byte", b"\xff"), ("cut", b"\xc3"), ("overlong", b"\xc0\xaf"), ("surrogate", b"\xed\xa0\x80"),
                       ("beyond", b"\xf4\x90\x80\x80"), ("latin 1", "größe".encode("latin-1"))):
        yield posted(f"utf-8: {name}", 400, text_in('"21"', '"?"').encode().replace(b"?", data), "AddEventRequest")
    yield posted("NUL as itself", 400, text_in('"21"', '"?"').encode().replace(b"?", b"\0"), "AddEventRequest")
    yield posted("NUL escaped, value", 400, text_in('"21"', '"\\u0000"'), "NUL")
    yield posted("NUL escaped, units", 400, text_in('"value"', '"units": "a\\u0000", "value"'), "NUL")
    yield posted("NUL escaped, tags", 400, text_in('"value"', '"tags": {"a": "\\u0000"}, "value"'), "Tags")
    yield posted("NUL escaped, key of tags", 400, text_in('"value"', '"tags": {"\\u0000": 1}, "value"'), "Tags")
    yield posted("lone surrogate", 400, text_in('"21"', '"\\ud800"'), "AddEventRequest")
    yield posted("surrogates the wrong way", 400, text_in('"21"', '"\\ude00\\ud83d"'), "AddEventRequest")
    yield posted("bad escape", 400, text_in('"21"', '"\\x41"'), "AddEventRequest")
    yield posted("control character", 400, text_in('"21"', '"a\tb"'), "AddEventRequest")
    for kind in ("array", "object"):
        for depth, status in ((62, 201), (64, 400), (1000, 400)):
            yield posted(f"tags: {kind}s {depth} deep", status, text_in('"value"', '"tags": {"t": %s}, "value"'
                                                                        % nested(depth, kind)), "Tags" if status == 400 else "id")
        yield posted(f"unknown: {kind}s 3000 deep", 201, text_in('"value"', '"unknown": %s, "value"' % nested(2000, kind)[:12000]
                     if kind == "array" else '"unknown": %s, "value"' % nested(2000, kind)), "id")
    yield posted("arrays without end", 400, "[" * 15000, "AddEventRequest")
    yield posted("objects without end", 400, '{"a":' * 3000, "AddEventRequest")
    yield posted("duplicates, the last bad", 400, text_in('"origin": 1,', '"origin": 1, "origin": 0,'), "Origin")
    yield posted("duplicates, the last null", 400, text_in('"origin": 1,', '"origin": 1, "origin": null,'), "Origin")
    yield posted("duplicates, the last good", 201, text_in('"origin": 1,', '"origin": 0, "origin": 1,'), "id")
    yield posted("duplicates, other case, the last bad", 400, text_in('"apiVersion"', '"APIVERSION": "v3", "apiversion"').replace(
        '"apiversion": "v3"', '"apiversion": ""', 1), "ApiVersion")
    yield posted("keys in other case", 400, text_in('"origin": 1,', '"Origin": 1,'), "Origin")
    yield posted("outer keys in other case", 201, text_in('"event"', '"EVENT"'), "id")
    yield posted("text behind", 201, json.dumps(good()) + "}garbage", "id")
    for number in ("01", "+1", ".5", "1.", "0x1", "1_0", "-", "1e", "--1", "1e400"):
        yield posted(f"origin: {number}", 400, text_in('"origin": 1,', f'"origin": {number},'), "")
    yield posted("an id twice", 409, good(ID), "Event Id exists")


def rows_of_cbor():
    def row(name, status, body, says="", kind="application/cbor"):
        return posted(f"cbor: {name}", status, body, says, headers={"Content-Type": kind})
    whole = cbor.dumps(good())
    yield row("good", 201, cbor.dumps(good()))
    yield row("type in capitals", 201, cbor.dumps(good()), kind="Application/CBOR")
    yield row("type with parameters", 400, whole, kind="application/cbor; x=y")
    yield row("sent as JSON", 400, whole, kind="application/json")
    yield row("JSON", 400, json.dumps(good()))
    for name, body in (("empty", b""), ("cut", whole[:-3]), ("array", b"\x80"), ("number", b"\x05"), ("text", b"\x61a"),
                       ("reserved head", b"\x1c"), ("break alone", b"\xff"), ("simple value", b"\xe0"),
                       ("undefined", b"\xf7"), ("a million items", b"\x9a\x00\x0f\x42\x40"), ("2^63 bytes", b"\x5b\x7f" + b"\xff" * 7),
                       ("deep arrays", b"\x81" * 10000), ("deep maps", b"\xa1\x61a" * 3000), ("endless", b"\x9f" * 5000),
                       ("a tag", b"\xc1" + whole), ("key that is a number", b"\xa1\x01\x02"), ("bad utf-8", b"\xa1\x62\xc3\x28\x01"),
                       ("garbage", bytes(range(255, 0, -1)))):
        yield row(name, 400, body)
    for key, value in (("origin", 0), ("origin", 2**63), ("origin", 1.0), ("deviceName", b"dev-0"), ("readings", {}), ("id", 5),
                       ("origin", 1e18), ("tags", {"a": float("nan")}), ("tags", {1: 2})):
        request = good()
        request["event"][key] = value
        yield row(f"{key}={value!r}", 400, cbor.dumps(request))


LISTS = ["/event/all", "/event/device/name/x", "/event/start/1/end/2", "/reading/all", "/reading/device/name/x",
         "/reading/resourceName/x", "/reading/start/1/end/2", "/reading/device/name/x/resourceName/x",
         "/reading/resourceName/x/start/1/end/2", "/reading/device/name/x/resourceName/x/start/1/end/2",
         "/reading/device/name/x/start/1/end/2"]


def rows_of_queries():
    for path in LISTS:
        for query in ("limit=x", "limit=-2", "limit=1025", "offset=x", "offset=-2", "offset=2147483648"):
            yield Row(f"{path}?{query}", 400, f"{path}?{query}", says=query.split("=")[0])
    for query in ("limit=1.0", "limit=1e1", "limit=0x1", "limit=9223372036854775808", "limit=99999999999999999999", "limit=1%201",
                  "limit=%00", "limit=%ff", "limit=%zz", "limit=%2", "limit=%", "limit=--1", "limit=%2B-1", "limit=1_0", "limit=%E2%91%A0",
                  "offset=1.0", "offset=1%00", "offset=%zz", "offset=-9223372036854775809", "numeric=%zz", "numeric=%ff",
                  "limit=x&limit=1", "offset=0&offset=1&limit=1025"):
        yield Row(f"?{query}", 400, f"/event/all?{query}")
    for query in ("aggregateFunc=median", "aggregateFunc=%00", "aggregateFunc=MIN%20", "aggregateFunc=MINMAX", "aggregateFunc=%zz"):
        yield Row(f"?{query}", 400, f"/reading/all?{query}")
    for query in ("limit=1&limit=x", "Limit=x", "aggregateFunc=median", "numeric=maybe", "%zz=1", "&&=&", "limit", "limit=%20+1%20",
                  "offset=2147483647&limit=0", "offset=-1", "x=%zz"):
        yield Row(f"fine: ?{query}", 200, f"/event/all?{query}")
    yield Row("offset beyond the total", 416, "/event/all?offset=2147483647", says="out of range")


def rows_of_paths():
    spans = [p for p in LISTS if "start" in p]
    for path in spans:
        for start, end in (("x", "2"), ("1", "x"), ("2", "1"), ("-1", "2"), ("1", "9223372036854775808"), ("", "2"), ("1", ""),
                           ("1.0", "2"), ("1", "%zz"), ("%ff", "2"), ("1%00", "2")):
            asked = path.replace("start/1/end/2", f"start/{start}/end/{end}")
            yield Row(f"{asked}", 400, asked)
    for id in ("x", "", ID[:-1], ID + "0", "urn:uuid:" + ID, ID.replace("0", "g"), "%00", "%zz", "a/b", "%7B" + ID):
        yield Row(f"GET id {id}", 400, "/event/id/" + id)
        yield Row(f"DELETE id {id}", 400, "/event/id/" + id, method="DELETE")
    yield Row("GET an id that is not there", 404, f"/event/id/{uuid.uuid4()}", says="no event with id")
    yield Row("DELETE an id that is not there", 404, f"/event/id/{uuid.uuid4()}", method="DELETE", says="no event with id")
    for age in ("x", "", "1.0", "1h", "9223372036854775808", "-9223372036854775809", "%zz", "1/2"):
        yield Row(f"age {age}", 400, "/event/age/" + age, method="DELETE")
    for name in ("", "%20", "%09%0A", "%C2%A0", "%00", "%ff", "%C3", "%zz", "%4"):
        yield Row(f"DELETE device '{name}'", 400, "/event/device/name/" + name, method="DELETE")
    for path in ("/event/device/name/", "/event/count/device/name/", "/reading/count/device/name/", "/reading/resourceName/",
                 "/reading/device/name/x/resourceName/", "/reading/device/name/"):
        for name in ("", "%00", "a%00b", "%ff", "%ED%A0%80", "%zz"):
            yield Row(f"{path}'{name}'", 400, path + name)
    body = json.dumps(good()).encode()
    for path in ("/event/%20/climate/dev-0/sensor", "/event//climate/dev-0/sensor", "/event/%C2%A0/climate/dev-0/sensor",
                 "/event/%00/climate/dev-0/sensor", "/event/%zz/climate/dev-0/sensor", "/event/s/climate/dev-0/sensor/",
                 "/event/s/climate/dev-0/%ff", "/event/s/climate//sensor", "/event/s/Climate/dev-0/sensor",
                 "/event/s/climate/dev-0/sensor%20"):
        yield Row(f"POST {path}", 400, path, body, "POST")
    yield Row("POST to three names", 404, "/event/s/climate/dev-0", body, "POST")


def rows_of_groups():
    groups = "/persistence/groups"
    for name in ("nobody", "%20", "a%20b", "a.b", "%C3%A9", "x" * 65):
        for action in ("prefer", "promote", "retire", "workers/w/drain"):
            yield Row(f"POST {name}/{action}", 404, f"{groups}/{name}/{action}", b"", "POST", "there is no group")
        yield Row(f"DELETE group {name}", 404, f"{groups}/{name}", method="DELETE", says="there is no group")
    for name in ("%00", "%ff", "%zz", "%"):
        yield Row(f"POST {name}/prefer", 400, f"{groups}/{name}/prefer", b"", "POST")
    for worker in ("nobody", "%20", "x" * 65):
        yield Row(f"drain {worker}", 404, f"{groups}/sqlite/workers/{worker}/drain", b"", "POST", "worker")
    for force in ("yes", "1", "TRUE", "%zz"):
        yield Row(f"force={force}", 400, f"{groups}/sqlite/retire?force={force}", b"", "POST", "force" if force != "%zz" else "")
    yield Row("retire the only one", 409, groups + "/sqlite/retire", b"", "POST", "no other group that has everything")
    yield Row("forget one with a worker", 409, groups + "/sqlite?force=true", method="DELETE", says="has a worker")


def rows_of_bodies():
    path = "/reading/device/name/x/start/1/end/2"
    for body in ("{", "[]", "5", "null", '"x"', "x", '{"resourceNames":"x"}', '{"resourceNames":null}', '{"resourceNames":{}}',
                 '{"resourceNames":5}', '{"resourceNames":["\\u0000"]}', '{"resourceNames":["\\ud800"]}', '{"resourceNames":["x"',
                 '{"resourceNames":%s}' % json.dumps([str(n) for n in range(1001)]), "[" * 10000):
        yield Row(f"resourceNames: {body[:40]}", 400, path, body.encode())
    for body in ("{}", '{"resourceNames":[]}', '{"resourceNames":[5,null]}', '{"resourceNames":5,"resourceNames":["x"]}', " "):
        if body != " ":
            yield Row(f"fine: resourceNames: {body[:40]}", 200, path, body.encode())
    yield Row("resourceNames: too large", 413, path, b" " * (1 << 20) + b"  ")
    secret = {"apiVersion": "v3", "secretName": "db", "secretData": [{"key": "k", "value": "v"}]}
    for key, values in (("apiVersion", [DROP, None, "", 5, []]), ("requestId", ["x", 5, [], {}, [None, None]]),
                        ("secretName", [DROP, None, "", " ", 5, ["db"]]), ("secretData", [
                            DROP, None, [], {}, "x", [5], [None], [{}], [{"key": "k"}], [{"value": "v"}], [{"key": "", "value": "v"}],
                            [{"key": "k", "value": ""}], [{"key": 5, "value": "v"}], [{"key": "k", "value": ["v"]}]])):
        for value in values:
            yield Row(f"secret.{key}={show(value)}", 400, "/secret", json.dumps(with_change(secret, key, value)).encode(), "POST",
                      "JSON decode failed")
    for body in ("", "{", "[]", "5"):
        yield Row(f"secret: {body}", 400, "/secret", body.encode(), "POST", "JSON decode failed")
    yield Row("secret: too large", 413, "/secret", b" " * (1 << 20) + b"  ", "POST")
    padding = MAX_EVENT_KB * 1024 - len(json.dumps(good()))
    yield posted("as large as may be", 201, json.dumps(good()) + " " * padding)
    yield posted("a byte larger", 413, json.dumps(good()) + " " * (padding + 1), f"MaxEventSize({MAX_EVENT_KB} KB)")


ROWS = [row for rows in (rows_of_fields, rows_of_good_fields, rows_of_values, rows_of_json, rows_of_cbor, rows_of_queries,
                         rows_of_paths, rows_of_groups, rows_of_bodies) for row in rows()]


# ---- the tests -----------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def core():
    with backend.stand("sqlite", MAXEVENTSIZE=str(MAX_EVENT_KB), SERVICE_IDLETIMEOUT="1s") as made:
        made.add(events.event(id=ID))
        made.taken = 1
        pid = made.core.pid
        yield made
        assert made.core.alive and made.core.pid == pid and made.sqlite.alive
        assert made.count() == made.taken, "something was stored that was refused, or lost that was taken"
        made.failed = False


def test_there_are_enough():
    wrong = [row for row in ROWS if row.status >= 400]
    print(f"{len(ROWS)} rows, {len(wrong)} of them wrong")
    assert len(wrong) >= 150
    assert len({row.name for row in ROWS}) > 0.95 * len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=[row.name[:80] for row in ROWS])
def test_row(core, row):
    headers = {"Content-Type": "application/json", "X-Correlation-ID": "c-7", **row.headers}
    answer = core.client.request(row.method, "/api/v3" + row.path, row.body, headers)
    core.taken += answer.status == 201
    assert answer.status == row.status, answer
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Correlation-Id"] == "c-7"
    assert row.says in answer.body.decode(), answer
    if row.status >= 400 and "version" in answer.body.decode():
        body = answer.json
        assert set(body) - {"requestId"} == {"apiVersion", "message", "statusCode"}
        assert body["statusCode"] == row.status and body["message"] and "\n" not in body["message"]


# ---- bytes that are no requests ------------------------------------------------------------------------------------

PING = b"GET /api/v3/ping HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /api/v3" + PATH.encode() + b" HTTP/1.1\r\nHost: x\r\n"
GET = b"GET /api/v3"


def chunks(data, size=1000):
    parts = [data[n:n + size] for n in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n"


CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
TOO_LARGE = b"{" + b" " * MAX_EVENT_KB * 1024

# What is sent, the statuses of the answers, and whether the connection is closed then.
RAW = [
    ("pipelined", PING * 3, [200, 200, 200], False),
    ("pipelined, good and bad", PING + GET + b"/event/all?limit=x HTTP/1.1\r\nHost: x\r\n\r\n" + PING, [200, 400, 200], False),
    ("empty lines before", b"\r\n\r\n" + PING, [200], False),
    ("garbage behind a request", PING + b"\xff garbage\r\n\r\n" + PING, [200, 400], True),
    ("garbage behind many", PING * 20 + b"GARBAGE\r\n\r\n" + PING, [200] * 20, True),
    ("a body that nobody announced", PING + b'{"apiVersion":"v3"}\r\n\r\n' + PING, [200], True),
    ("no Host", GET + b"/ping HTTP/1.1\r\n\r\n" + PING, [400], True),
    ("length below 0", POST + b"Content-Length: -1\r\n\r\n" + PING, [400], True),
    ("length that is no number", POST + b"Content-Length: x\r\n\r\n" + PING, [400], True),
    ("length beyond 64 bits", POST + b"Content-Length: 18446744073709551616\r\n\r\n" + PING, [413], True),
    ("length with a sign", POST + b"Content-Length: +5\r\n\r\n{}{}{" + PING, [400], True),
    ("length and chunks", POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + PING, [400], True),
    ("unknown encoding", POST + b"Transfer-Encoding: gzip\r\n\r\nxx" + PING, [400], True),
    ("chunk size that is none", CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n" + PING, [400], True),
    ("chunk size beyond 64 bits", CHUNKED + b"fffffffffffffffff\r\n{}\r\n0\r\n\r\n" + PING, [413], True),
    ("chunk without its end", CHUNKED + b"2\r\n{}xx" + PING, [400], True),
    ("chunks too large together", CHUNKED + chunks(TOO_LARGE) + PING, [413], True),
    ("one chunk too large", CHUNKED + chunks(TOO_LARGE, len(TOO_LARGE)) + PING, [413], True),
    ("declared too large", POST + b"Content-Length: 99999999\r\n\r\n{", [413], True),
    ("chunked and bad", CHUNKED + chunks(b'{"apiVersion":"v3"}') + PING, [400, 200], False),
    ("chunked and good", CHUNKED + chunks(json.dumps(good()).encode(), 7) + PING, [201, 200], False),
    ("URL with a blank", GET + b"/event/device/name/a b HTTP/1.1\r\nHost: x\r\n\r\n" + PING, [400], True),
    ("URL with a control character", GET + b"/event/device/name/\x01 HTTP/1.1\r\nHost: x\r\n\r\n" + PING, [400], True),
    ("URL of 100 kB", GET + b"/event/device/name/" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", [414], True),
    ("header of 100 kB", GET + b"/ping HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", [431], True),
    ("ten thousand headers", GET + b"/ping HTTP/1.1\r\nHost: x\r\n" + b"X: 1\r\n" * 10_000 + b"\r\n", [431], True),
    ("header without colon", GET + b"/ping HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n" + PING, [400], True),
    ("version 2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [505], True),
    ("no version", GET + b"/ping\r\n\r\n" + PING, [400], True),
    ("lower case", b"get /api/v3/ping HTTP/1.1\r\nHost: x\r\n\r\n" + PING, [405, 200], False),
    ("unknown method", b"FROB /api/v3/ping HTTP/1.1\r\nHost: x\r\n\r\n" + PING, [405, 200], False),
    ("whole URL", b"GET http://x/api/v3/ping HTTP/1.1\r\nHost: x\r\n\r\n" + PING, [200, 200], False),
    ("half a request", GET + b"/ping HTTP/1.1\r\nHost: x\r\n", [], True),
    ("half a body", POST + b"Content-Length: 100\r\n\r\n{", [], True),
    ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(50), [], True),
]
HEAD = re.compile(rb"HTTP/1\.[01] (\d{3}) [^\r]*\r\n(?:[^\r]+\r\n)*?Content-Length: (\d+)\r\n(?:[^\r]+\r\n)*\r\n", re.I)


def answers(got):
    """The statuses of whole answers, one behind another, as a client tells them apart."""
    found, at = [], 0
    while match := HEAD.match(got, at):
        if match.end() + int(match[2]) > len(got):
            break
        found.append(int(match[1]))
        at = match.end() + int(match[2])
    return found


def talk(port, data, count, closes):
    """Sends, and reads until there are so many answers and, if it closes, until the connection ends."""
    got = b""
    with socket.create_connection(("127.0.0.1", port), timeout=15 * PATIENCE) as s:
        try:
            s.sendall(data)
        except OSError:
            pass  # closed meanwhile; what it said before is still there to be read
        try:
            while closes or len(answers(got)) < count:
                part = s.recv(65536)
                if not part:
                    return got, True
                got += part
        except ConnectionResetError:
            return got, True
    return got, False


@pytest.mark.parametrize("name, data, statuses, closes", RAW, ids=[row[0] for row in RAW])
def test_bytes(core, name, data, statuses, closes):
    got, closed = talk(core.http, data, len(statuses), closes)
    core.taken += answers(got).count(201)
    assert answers(got) == statuses, got[:2000]
    assert closed == closes
    assert core.client.get("/api/v3/ping").status == 200


def test_slow_loris(core):
    """Connections that send a byte now and then, of a head or a body, are closed; others are served meanwhile."""
    def half(data):
        s = socket.create_connection(("127.0.0.1", core.http))
        s.sendall(data)
        s.setblocking(False)
        return s
    heads = [half(b"GET /api/v3/ping HTTP/1.1\r\nHost: x\r\nX: ") for _ in range(200)]
    client, began = Client(core.http), time.monotonic()
    while heads:
        left = []
        for s in heads:
            try:
                s.send(b"x")
                if s.recv(1000) == b"":
                    raise ConnectionResetError
            except BlockingIOError:
                left.append(s)
                continue
            except OSError:
                s.close()
                continue
            left.append(s)
        heads = left
        asked = time.monotonic()
        assert client.get("/api/v3/event/count").status == 200
        assert time.monotonic() - asked < 1.0 * SLOWER
        assert time.monotonic() - began < 30 * SLOWER, f"{len(heads)} connections are still open"
        time.sleep(0.1)  # the loris's pace, not a wait for something
    client.close()
