"""Every value type there and back, through JSON and CBOR: the bodies that come back are known to the byte (EdgeX
core-data API v3, sections 1 and 4). For whichever backend runs (tests/support/backend.py)."""

import base64
import json
import random

import pytest

from support import backend, cbor, events

BASE = events.BASE
SPECIAL = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}

# type -> texts that are taken, with the normal form where that is another one
VALUES = {
    "Bool": [(t, t) for t in ("1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False")],
    "String": [(t, t) for t in ("", " ", "grün", "日本語", "\U0001F600\U0010FFFF", "a\u0301\u202e\ufeff", "\u2028<&>\u2029",
                                "\"\\/\b\f\n\r\t\x01\x1f\x7f\x80", "null", "5", "[1]", "x" * 100_000)],
    "Float32": [("1.5", "1.5e+00"), (".5", "5e-01"), ("5.", "5e+00"), ("+1.5", "1.5e+00"), ("1E+3", "1e+03"),
                ("-0", "0e+00"), ("0.1", "1e-01"), ("3.4028234663852886e38", "3.4028235e+38"), ("1e-45", "1e-45"),
                ("1e-50", "0e+00"), ("16777217", "1.6777216e+07"), ("123456789.123", "1.2345679e+08"), ("NaN", "NaN"),
                ("Infinity", "+Inf"), ("-Infinity", "-Inf")],
    "Float64": [("1.5", "1.5e+00"), ("-0.1", "-1e-01"), ("1.7976931348623157e308", "1.7976931348623157e+308"),
                ("5e-324", "5e-324"), ("1e-400", "0e+00"), ("0.30000000000000004", "3.0000000000000004e-01"),
                ("9007199254740993", "9.007199254740992e+15"), ("NaN", "NaN"), ("Infinity", "+Inf"),
                ("-Infinity", "-Inf")],
    "BoolArray": [(t, t) for t in ("[true]", "[1,f, TRUE ,0]")],
    "StringArray": [(t, t) for t in ("[]", '["a","b"]', "[ü, \u2028]", "xy")],
    "Float32Array": [(t, t) for t in ("[1.5]", "[.5, 1E+3,-0]", "[NaN,Inf,-inf,+Infinity]")],
    "Float64Array": [(t, t) for t in ("[1.7976931348623157e308]", "[5e-324,0.1]", "{1}")],
}
for bits in (8, 16, 32, 64):
    top, half = 2**bits - 1, 2**(bits - 1)
    VALUES[f"Uint{bits}"] = [("0", "0"), (str(top), str(top)), ("007", "7"), ("000", "0")]
    VALUES[f"Int{bits}"] = [(str(-half), str(-half)), (str(half - 1), str(half - 1)), ("+007", "7"), ("-0", "0"),
                            ("-001", "-1")]
    VALUES[f"Uint{bits}Array"] = [(t, t) for t in (f"[0,{top}]", "[ 007 ]", f"[{'1,' * 500}1]")]
    VALUES[f"Int{bits}Array"] = [(t, t) for t in (f"[{-half}, {half - 1}]", "[+1,-0]")]

DEEP = {}
for level in range(62):
    DEEP = {"d": DEEP} if level % 2 else [DEEP]
OBJECTS = [{}, [], "", "text", 0, True, False, -2**63, 2**64 - 1, 2**53 + 1, 0.1, 1e300, [None], {"k": None}, DEEP,
           {"z": 1, "a": {"ü": [1, 2.5, {"<": "\u2028"}], "": "empty"}, "\U0001F600": "\x01"}, [[[]], [{}]],
           {str(n): n for n in range(300)}]


@pytest.fixture(scope="module", params=backend.names())
def api(request):
    before = request.session.testsfailed
    with backend.stand(request.param) as made:
        yield made
        made.failed = request.session.testsfailed > before


def text(value):
    return "".join(SPECIAL.get(c, c) for c in json.dumps(value, ensure_ascii=False))


def canonical(value):
    """JSON as the service writes it: compact, keys sorted by their bytes, numbers in their shortest form."""
    if isinstance(value, dict):
        pairs = sorted(value.items(), key=lambda pair: pair[0].encode())
        return "{" + ",".join(text(k) + ":" + canonical(v) for k, v in pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return text(value)


def expected_reading(posted, after):
    head = '{"origin":%d,"deviceName":%s,"resourceName":%s,"profileName":%s,"valueType":"%s"' % (
        posted["origin"], text(posted["deviceName"]), text(posted["resourceName"]), text(posted["profileName"]),
        posted["valueType"])
    if "units" in posted:
        head += ',"units":' + text(posted["units"])
    if "tags" in posted:
        head += ',"tags":' + canonical(posted["tags"])
    return head + "," + after + "}"


def expected_event(posted, afters):
    readings = ",".join(expected_reading(r, a) for r, a in zip(posted["readings"], afters))
    tags = ',"tags":' + canonical(posted["tags"]) if "tags" in posted else ""
    return ('{"apiVersion":"v3","id":"%s","deviceName":%s,"profileName":%s,"sourceName":%s,"origin":%d,"readings":[%s]%s}'
            % (posted["id"], text(posted["deviceName"]), text(posted["profileName"]), text(posted["sourceName"]),
               posted["origin"], readings, tags))


def post(api, event, encoding, change=lambda reading: reading):
    """In CBOR readings may be written otherwise than in JSON."""
    if encoding == "json":
        body, headers = json.dumps(events.request(event), ensure_ascii=False).encode(), {}
    else:
        written = {**event, "readings": [change(dict(r)) for r in event["readings"]]}
        body, headers = cbor.dumps(events.request(written)), {"Content-Type": "application/cbor"}
    answer = api.client.post(events.path(event), body, headers=headers)
    assert answer.status == 201, answer


def check(api, event, afters):
    """The one event of its device comes back so, to the byte, by each way that shows text."""
    device = events.quote(event["deviceName"])
    whole = '{"apiVersion":"v3","statusCode":200,"totalCount":1,"events":[%s]}\n' % expected_event(event, afters)
    got = api.get(f"/event/device/name/{device}").body.decode()
    assert got == whole
    assert api.get(f"/event/start/{event['origin']}/end/{event['origin']}").body.decode() == whole
    readings = ",".join(expected_reading(r, a) for r, a in zip(event["readings"], afters))
    got = api.get(f"/reading/device/name/{device}?limit=-1").body.decode()
    assert got == '{"apiVersion":"v3","statusCode":200,"totalCount":%d,"readings":[%s]}\n' % (len(afters), readings)


def make(device, count, reading):
    """An event with readings that are one later than another, the newest first, as they come back."""
    origin = events.now()
    readings = [{**reading(n), "origin": origin - n, "deviceName": device} for n in range(count)]
    return events.event(device=device, origin=origin, readings=readings)


ENCODINGS = ["json", "cbor"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("kind", sorted(VALUES))
def test_simple(api, kind, encoding):
    values = VALUES[kind]
    event = make(f"simple {kind} {encoding}", len(values), lambda n: events.reading(kind, values[n][0], kind))
    post(api, event, encoding)
    check(api, event, ['"value":' + text(after) for _, after in values])


@pytest.mark.parametrize("kind", sorted(k for k in VALUES if k.startswith(("Int", "Uint")) and "A" not in k))
def test_numbers_in_cbor(api, kind):
    """Numbers of their own kind keep the whole range of 64 bits."""
    values = [after for _, after in VALUES[kind]]
    event = make(f"number {kind}", len(values), lambda n: events.reading(kind, values[n], kind))
    post(api, event, "cbor", lambda r: {**r, "value": int(r["value"])})
    check(api, event, ['"value":"%s"' % v for v in values])


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_objects(api, encoding):
    event = make(f"objects {encoding}", 2 * len(OBJECTS), lambda n: events.reading(
        "o", None, ("Object", "ObjectArray")[n % 2], objectValue=OBJECTS[n // 2]))
    post(api, event, encoding)
    check(api, event, ['"objectValue":' + canonical(r["objectValue"]) for r in event["readings"]])


BINARIES = [b"\0", b"\xff\xfe", bytes(range(256)), "{\"a\":1}".encode(), random.Random(3).randbytes(1 << 20), bytes(1 << 20)]


@pytest.mark.parametrize("encoding", ENCODINGS + ["cbor text"])
def test_binaries(api, encoding):
    event = make(f"binaries {encoding}", len(BINARIES), lambda n: events.reading(
        "b", None, "Binary", binaryValue=base64.b64encode(BINARIES[n]).decode(), mediaType="image/ü"))
    bytewise = encoding == "cbor"
    post(api, event, encoding.split()[0],
         lambda r: {**r, "binaryValue": base64.b64decode(r["binaryValue"])} if bytewise else r)
    check(api, event, ['"binaryValue":"%s","mediaType":"image/ü"' % r["binaryValue"] for r in event["readings"]])


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_empty_binary(api, encoding):
    event = make(f"empty {encoding}", 1,
                 lambda n: events.reading("b", None, "Binary", binaryValue="", mediaType="image/png"))
    post(api, event, encoding)
    check(api, event, ['"mediaType":"image/png"'])


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("given", [{}, {"value": None, "binaryValue": None, "objectValue": None}])
def test_null_readings(api, encoding, given):
    kinds = sorted(VALUES) + ["Binary", "Object", "ObjectArray"]
    assert len(kinds) == 27
    event = make(f"null {encoding} {len(given)}", 27, lambda n: {**events.reading("n", None, kinds[n]), **given})
    post(api, event, encoding)
    check(api, event, ['"value":null,"binaryValue":null,"objectValue":null'] * 27)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_names_units_and_tags(api, encoding):
    odd = "\U0001F600 \"<&>\"\\\t\u2029ü/%41 "
    tags = {"b": [1, {"c": None}], "a": odd, "ü": DEEP, "n": [2**64 - 1, -2**63, 0.1], "": {}}
    event = make(odd + encoding, 3, lambda n: events.reading(odd + str(n), "1", profile=odd, units=odd, tags=tags))
    event.update(profileName=odd, sourceName=odd, tags=tags)
    post(api, event, encoding)
    check(api, event, ['"value":"1"'] * 3)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_is_not_kept(api, encoding):
    """Fields of other types, unknown ones, ids of readings, what is empty; types come back in their own spelling."""
    event = make(f"kept {encoding}", 2, lambda n: events.reading("x", "7", ("uINT8", "string")[n], id="0" * 32, units="", tags={},
                                                                 binaryValue="aGk=", mediaType="m", objectValue=5, more=[1]))
    event.update(tags={}, unknown={"a": 1})
    post(api, event, encoding)
    del event["tags"]
    for reading, kind in zip(event["readings"], ("Uint8", "String")):
        reading["valueType"] = kind
        del reading["units"], reading["tags"]
    check(api, event, ['"value":"7"'] * 2)


@pytest.mark.parametrize("origin", [1, -1, -2**63, 2**63 - 1])
def test_origins(api, origin):
    event = events.event(device=f"origin {origin}", origin=origin, readings=[
        events.reading("o", "1", device=f"origin {origin}", origin=origin)])
    post(api, event, "json")
    whole = api.get("/event/device/name/" + events.quote(event["deviceName"])).body.decode()
    assert expected_event(event, ['"value":"1"']) in whole


def test_numeric_form(api):
    """Shortest digits that give the number back; plain from 1e-6 up to 1e21."""
    pairs = [("1e-6", "0.000001"), ("1e-7", "1e-7"), ("1e20", "100000000000000000000"), ("1e21", "1e+21"), ("-2.50", "-2.5"),
             ("5e-324", "5e-324"), ("100", "100"), ("123456.789", "123456.789"), ("NaN", '"NaN"'), ("-Infinity", '"-Inf"')]
    event = make("numeric", len(pairs), lambda n: events.reading("f", pairs[n][0], "Float64"))
    post(api, event, "json")
    got = api.get("/event/device/name/numeric?numeric=true").body.decode()
    assert expected_event(event, ['"value":' + after for _, after in pairs]) in got
    arrays = [("Uint64Array", "[010, 18446744073709551615]", "[10,18446744073709551615]"),
              ("Float64Array", "[1e-7, 1E+2,NaN]", '[1e-7,100,"NaN"]'), ("BoolArray", "[true]", '"[true]"')]
    event = make("arrays", 3, lambda n: events.reading("a", arrays[n][1], arrays[n][0]))
    post(api, event, "json")
    got = api.get("/event/device/name/arrays?numeric=true").body.decode()
    assert expected_event(event, ['"value":' + after for _, _, after in arrays]) in got
