"""Events as clients post them, and what the service must give back for them."""

import itertools
import time
import urllib.parse
import uuid

_count = itertools.count(1)
BASE = 1_700_000_000_000_000_000

# type -> (value as posted, value as given back), EdgeX core-data API v3, section 4
SIMPLE = {
    "Bool": ("true", "true"),
    "String": ("grün <ok> & \"quoted\" \u2028 ", "grün <ok> & \"quoted\" \u2028 "),
    "Uint8": ("255", "255"),
    "Uint16": ("007", "7"),
    "Uint32": ("4294967295", "4294967295"),
    "Uint64": ("18446744073709551615", "18446744073709551615"),
    "Int8": ("-128", "-128"),
    "Int16": ("+007", "7"),
    "Int32": ("-2147483648", "-2147483648"),
    "Int64": ("-9223372036854775808", "-9223372036854775808"),
    "Float32": ("1.5", "1.5e+00"),
    "Float64": ("0.1", "1e-01"),
    "BoolArray": ("[true,false]", "[true,false]"),
    "StringArray": ("[\"a\",\"b\"]", "[\"a\",\"b\"]"),
    "Uint8Array": ("[1,2,255]", "[1,2,255]"),
    "Uint16Array": ("[1, 65535]", "[1, 65535]"),
    "Uint32Array": ("[4294967295]", "[4294967295]"),
    "Uint64Array": ("[18446744073709551615]", "[18446744073709551615]"),
    "Int8Array": ("[-128,127]", "[-128,127]"),
    "Int16Array": ("[-32768]", "[-32768]"),
    "Int32Array": ("[-2147483648,0]", "[-2147483648,0]"),
    "Int64Array": ("[-9223372036854775808]", "[-9223372036854775808]"),
    "Float32Array": ("[1.5,2]", "[1.5,2]"),
    "Float64Array": ("[0.1,1e+300]", "[0.1,1e+300]"),
}


def now():
    return time.time_ns()


def reading(resource="temperature", value="21", type="Int32", device="dev-0", profile="climate", origin=None,
            **more):
    made = {"origin": BASE + next(_count) if origin is None else origin, "deviceName": device,
            "profileName": profile, "resourceName": resource, "valueType": type}
    if value is not None:
        made["value"] = value
    made.update(more)
    return made


def event(id=None, device="dev-0", profile="climate", source="sensor", origin=None, readings=None, tags=None):
    """One event with one reading unless told otherwise; every origin is new."""
    origin = BASE + next(_count) * 1000 if origin is None else origin
    if readings is None:
        readings = [reading(device=device, profile=profile, origin=origin)]
    made = {"apiVersion": "v3", "id": id or str(uuid.uuid4()), "deviceName": device, "profileName": profile,
            "sourceName": source, "origin": origin, "readings": readings}
    if tags is not None:
        made["tags"] = tags
    return made


def quote(name):
    return urllib.parse.quote(name, safe="")


def path(event, service="test"):
    names = (service, event["profileName"], event["deviceName"], event["sourceName"])
    return "/api/v3/event/" + "/".join(quote(n) for n in names)


def request(event, request_id=None):
    made = {"apiVersion": "v3", "event": event}
    if request_id:
        made["requestId"] = request_id
    return made


def returned_reading(posted):
    """A posted reading of the types above as GET gives it back (no id; value in normal form)."""
    given = {k: v for k, v in posted.items() if k != "id"}
    if posted["valueType"] in SIMPLE and "value" in posted:
        before, after = SIMPLE[posted["valueType"]]
        if posted["value"] == before:
            given["value"] = after
    return given


def returned(posted):
    """A posted event as the list routes give it back: readings by origin descending."""
    given = dict(posted)
    given["readings"] = sorted((returned_reading(r) for r in posted["readings"]), key=lambda r: -r["origin"])
    return given
