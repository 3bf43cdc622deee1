"""What schemathesis cannot know from the document: how CBOR is written, that the path of an event names what the event
names, that ids are used once, and which text fits which value type. Without this next to no event would be stored, and reads would find none."""

import random
import urllib.parse
import uuid

import cbor2
import schemathesis

NAMES = ("profileName", "deviceName", "sourceName")
INTEGERS = {f"{sign}{bits}": ("0", "7", "100") for sign in ("Int", "Uint") for bits in (8, 16, 32, 64)}
FITTING = {**INTEGERS, **{name + "Array": ("[1]", "[0, 9]") for name in INTEGERS},
           "Bool": ("true", "F"), "BoolArray": ("[true]", "[1,0]"), "String": ("", "ü"), "StringArray": ("[]", '["a"]'),
           "Float32": ("1.5", "-1e-9", "NaN"), "Float64": ("0", "1e300", "Infinity"),
           "Float32Array": ("[1.5,NaN]",), "Float64Array": ("[-0, 1e-300]",)}


@schemathesis.serializer("application/cbor")
def cbor(context, value):
    return cbor2.dumps(value)


def names(event):
    """The event's names, as a path holds them; None if one of them is none, or a client takes it for a folder."""
    found = [event.get(name) for name in NAMES]
    if any(not isinstance(name, str) or name in ("", ".", "..") for name in found):
        return None
    return {key: urllib.parse.quote(name, safe="") for key, name in zip(NAMES, found)}


def fit(event):
    """Gives some of the readings values that fit their types."""
    readings = event.get("readings")
    for reading in readings if isinstance(readings, list) else ():
        if isinstance(reading, dict) and isinstance(reading.get("valueType"), str) and random.random() < 0.8:
            if reading["valueType"] in FITTING:
                reading["value"] = random.choice(FITTING[reading["valueType"]])
            elif reading["valueType"] == "Binary":
                reading["mediaType"] = "image/png"


@schemathesis.hook
def before_call(context, case, kwargs):
    if "age" in (case.path_parameters or {}) and random.random() < 0.9:
        case.path_parameters = {"age": 9 * 10**18}  # leaves something to read
    event = case.body.get("event") if case.method == "POST" and isinstance(case.body, dict) else None
    if not isinstance(event, dict) or random.random() < 0.1:
        return
    fit(event)
    if isinstance(event.get("id"), str) and len(event["id"]) == 36:
        event["id"] = str(uuid.uuid4())
    found = names(event)
    if found:
        case.path_parameters = {**case.path_parameters, **found}
