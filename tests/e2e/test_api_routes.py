"""Every route of the API (EdgeX core-data API v3, section 2): status, headers and body, for whichever backend runs.

$PERSISTBUS_BACKEND names it, or several with commas between them (tests/support/backend.py).
"""

import decimal
import fractions
import json
import os
import re
import stat
import uuid

import pytest

from support import backend, events

BASE = events.BASE
EVERYTHING = -9 * 10**18  # an age that reaches far into the future
RESOURCES = ["load", "temperature", "state", "picture", "settings"]
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


# ---- what is stored ------------------------------------------------------------------------------------------------

def make_reading(n, k, device):
    """One of seven kinds, of which some have no number."""
    origin = BASE + n * 1000 - k
    kind = (n + k) % 7
    if kind == 0:
        return events.reading("load", str(n * 3 - k), "Int32", device, origin=origin)
    if kind == 1:
        return events.reading("temperature", f"{n}.{k}5", "Float64", device, origin=origin, units="C")
    if kind == 2:
        return events.reading("load", str(n * 10**17 + k), "Uint64", device, origin=origin, tags={"floor": n})
    if kind == 3:
        return events.reading("state", "grün" if k else "", "String", device, origin=origin)
    if kind == 4:
        return events.reading("picture", None, "Binary", device, origin=origin, binaryValue="aGk=",
                              mediaType="image/png")
    if kind == 5:
        return events.reading("settings", None, "Object", device, origin=origin, objectValue={"n": [n, {"k": k}]})
    return events.reading("load", None, "Int32", device, origin=origin)


def make_events():
    """Thirty events of three devices; some have a reading that names another device, or has another time."""
    made = []
    for n in range(1, 31):
        device = f"room-{n % 3}"
        readings = [make_reading(n, k, device) for k in range(1 + n % 4)]
        if n % 5 == 0:
            readings.append(make_reading(n, 9, "gateway"))
        made.append(events.event(device=device, source=f"source-{n % 2}", origin=BASE + n * 1000, readings=readings,
                                 tags={"n": n} if n % 2 else None))
    return made


def text_of(posted):
    """The value as text in its normal form."""
    if posted["valueType"].startswith("Float"):
        digits = decimal.Decimal(posted["value"]).normalize()
        mantissa, exponent = f"{digits:e}".split("e")
        return f"{mantissa}e{'-' if exponent[0] == '-' else '+'}{abs(int(exponent)):02d}"
    return posted["value"]


def number_of(posted):
    return float(posted["value"]) if posted["valueType"].startswith("Float") else int(posted["value"])


def is_number(posted):
    return posted.get("value") is not None and re.match("U?[Ii]nt|Float", posted["valueType"])


def rendered(posted, numeric=False):
    """A posted reading as it comes back."""
    given = dict(posted)
    if posted["valueType"] in ("Binary", "Object"):
        return given
    if posted.get("value") is None:
        return {**given, "value": None, "binaryValue": None, "objectValue": None}
    given["value"] = number_of(posted) if numeric and is_number(posted) else text_of(posted)
    return given


def rendered_event(posted, numeric=False):
    readings = sorted(posted["readings"], key=lambda r: -r["origin"])
    return {**posted, "readings": [rendered(r, numeric) for r in readings]}


# ---- the service ---------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module", params=backend.names())
def api(request):
    """One service for all tests of the file; each that needs to know what is stored begins by deleting everything."""
    before = request.session.testsfailed
    with backend.stand(request.param, SERVICE_MAXREQUESTSIZE="64", SERVICE_MAXRESULTCOUNT="500") as made:
        made.events = None
        yield made
        made.failed = request.session.testsfailed > before


@pytest.fixture
def empty(api):
    api.events = None
    assert api.delete(f"/event/age/{EVERYTHING}").status == 202
    assert api.count() == 0 and api.count("/reading/count") == 0
    return api


@pytest.fixture
def filled(api):
    """For tests that only read: filled by the first that comes."""
    if api.events is None:
        assert api.delete(f"/event/age/{EVERYTHING}").status == 202
        made = make_events()
        api.add(*(made[n * 7 % 30] for n in range(30)))  # not in the order of their time
        api.events = sorted(made, key=lambda e: -e["origin"])
        api.readings = sorted((r for e in made for r in e["readings"]), key=lambda r: -r["origin"])
    return api


def get(api, path, status=200, **kw):
    """What every answer has, and the body."""
    answer = api.get(path, headers={"X-Correlation-ID": "c-1"}, **kw)
    assert answer.status == status, (path, answer)
    assert answer.headers["Content-Type"] == "application/json"
    assert int(answer.headers["Content-Length"]) == len(answer.body)
    assert answer.headers["X-Correlation-Id"] == "c-1"
    body = answer.json
    assert body["apiVersion"] == "v3" and body["statusCode"] == status
    if status >= 400:
        assert set(body) == {"apiVersion", "message", "statusCode"} and body["message"]
    return body


# ---- adding --------------------------------------------------------------------------------------------------------

def test_add(empty):
    event = events.event(origin=BASE, readings=[events.reading("load", "05", "Uint8", origin=BASE, units="kW")])
    answer = empty.client.post(events.path(event), events.request(event, str(uuid.UUID(int=9))))
    assert answer.status == 201
    assert answer.body.decode() == ('{"apiVersion":"v3","requestId":"00000000-0000-0000-0000-000000000009",'
                                    f'"statusCode":201,"id":"{event["id"]}"}}\n')
    assert UUID.fullmatch(answer.headers["X-Correlation-Id"])
    reading = ('{"origin":%d,"deviceName":"dev-0","resourceName":"load","profileName":"climate","valueType":"Uint8",'
               '"units":"kW","value":%s}')
    whole = ('{"apiVersion":"v3","id":"%s","deviceName":"dev-0","profileName":"climate","sourceName":"sensor",'
             '"origin":%d,"readings":[%s]}')
    as_text = whole % (event["id"], BASE, reading % (BASE, '"5"'))
    assert empty.get("/event/all").body.decode() == \
        '{"apiVersion":"v3","statusCode":200,"totalCount":1,"events":[%s]}\n' % as_text
    assert empty.get("/reading/all").body.decode() == \
        '{"apiVersion":"v3","statusCode":200,"totalCount":1,"readings":[%s]}\n' % (reading % (BASE, '"5"'))
    assert empty.get("/event/id/" + event["id"]).body.decode() == \
        '{"apiVersion":"v3","statusCode":200,"event":%s}\n' % as_text.replace('"5"', "5")
    assert empty.get("/event/count").body.decode() == '{"apiVersion":"v3","statusCode":200,"count":1}\n'


def test_add_refused(empty):
    event = empty.add(events.event())
    assert empty.post(event).status == 409
    assert empty.post(event).json == {"apiVersion": "v3", "message": "Event Id exists", "statusCode": 409}
    other = events.event()
    for change in ("profileName", "deviceName", "sourceName"):
        answer = empty.client.post(events.path({**other, change: "another"}), events.request(other, str(uuid.uuid4())))
        assert answer.status == 400 and answer.json["requestId"]
        assert answer.json["message"] == f"event's {change} {other[change]} mismatches another"
    answer = empty.client.post(events.path(other), b" " * 70_000)
    assert answer.status == 413 and "Service.MaxRequestSize(64 KB)" in answer.json["message"]
    assert empty.count() == 1


# ---- lists ---------------------------------------------------------------------------------------------------------

LOW, HIGH = BASE + 5000, BASE + 20000  # both are origins of events
SPAN = f"start/{LOW}/end/{HIGH}"


def matches(**wanted):
    def match(item):
        return all(item[key] == value for key, value in wanted.items())
    return match


def in_span(**wanted):
    match = matches(**wanted)
    return lambda item: LOW <= item["origin"] <= HIGH and match(item)


EVENT_LISTS = {
    "/event/all": matches(),
    "/event/device/name/room-1": matches(deviceName="room-1"),
    f"/event/{SPAN}": in_span(),
}
READING_LISTS = {
    "/reading/all": matches(),
    "/reading/device/name/room-1": matches(deviceName="room-1"),
    "/reading/device/name/gateway": matches(deviceName="gateway"),
    "/reading/resourceName/load": matches(resourceName="load"),
    f"/reading/{SPAN}": in_span(),
    "/reading/device/name/room-1/resourceName/load": matches(deviceName="room-1", resourceName="load"),
    f"/reading/resourceName/load/{SPAN}": in_span(resourceName="load"),
    f"/reading/device/name/room-1/resourceName/load/{SPAN}": in_span(deviceName="room-1", resourceName="load"),
    f"/reading/device/name/room-1/{SPAN}": in_span(deviceName="room-1"),
}
LISTS = [(path, "events") for path in EVENT_LISTS] + [(path, "readings") for path in READING_LISTS]


def expected_items(api, path, numeric=False):
    if path in EVENT_LISTS:
        return [rendered_event(e, numeric) for e in api.events if EVENT_LISTS[path](e)]
    return [rendered(r, numeric) for r in api.readings if READING_LISTS[path](r)]


@pytest.mark.parametrize("path, key", LISTS)
def test_list(filled, path, key):
    items = expected_items(filled, path)
    total = len(items)
    assert total > 2
    full = {"apiVersion": "v3", "statusCode": 200, "totalCount": total}
    assert get(filled, path) == {**full, key: items[:20]}
    assert get(filled, path + "?limit=-1") == {**full, key: items}
    assert get(filled, path + "?offset=1&limit=2") == {**full, key: items[1:3]}
    assert get(filled, path + "?limit=0") == {**full, key: []}
    assert get(filled, path + "?offset=-1&limit=2") == {**full, "totalCount": 0, key: items[:2]}
    assert get(filled, path + f"?offset={total}") == {**full, key: []}
    assert get(filled, path + f"?offset={total + 9}&limit=0") == {**full, key: []}
    assert get(filled, path + "?offset=&limit=&unknown=x") == {**full, key: items[:20]}
    assert get(filled, path + "?limit=%202&limit=9&offset=%2B1") == {**full, key: items[1:3]}
    assert get(filled, path + f"?offset={total + 1}", 416)["message"] == \
        f"query objects bounds out of range. length:{total} offset:{total + 1}"
    assert get(filled, path + "?limit=500") == {**full, key: items}
    assert "limit" in get(filled, path + "?limit=501", 400)["message"]


@pytest.mark.parametrize("path, key", LISTS)
def test_list_numeric(filled, path, key):
    for word in ("true", "1", "t", "T", "True", "TRUE"):
        assert get(filled, f"{path}?limit=-1&numeric={word}")[key] == expected_items(filled, path, numeric=True)
    assert get(filled, path + "?limit=-1&numeric=yes")[key] == expected_items(filled, path)


@pytest.mark.parametrize("path, key", LISTS)
def test_list_of_nothing(filled, path, key):
    """What was never seen is no error."""
    never = path.replace("room-1", "never").replace("gateway", "never").replace("load", "never")
    never = never.replace(str(LOW), "1").replace(str(HIGH), "2")
    if never != path:
        nothing = {"apiVersion": "v3", "statusCode": 200, "totalCount": 0, key: []}
        assert get(filled, never) == nothing
        assert get(filled, never + "?offset=5") == nothing


@pytest.mark.parametrize("path", [path for path, _ in LISTS if SPAN in path])
def test_list_bounds(filled, path):
    items = expected_items(filled, path)
    key = "events" if path in EVENT_LISTS else "readings"
    for span, count in ((f"start/{LOW}/end/{LOW}", sum(i["origin"] == LOW for i in items)),
                        (f"start/+{LOW}/end/00{HIGH}", len(items)), (f"start/0/end/{BASE - 20}", 0)):
        assert get(filled, path.replace(SPAN, span) + "?limit=-1")["totalCount"] == count, span
    assert get(filled, path.replace(SPAN, f"start/{LOW}/end/{(1 << 63) - 1}") + "?limit=1")["totalCount"] >= len(items)
    assert get(filled, path.replace(SPAN, "start/2/end/1"), 400)["message"] == \
        "end's value 1 is not allowed to be less than start's value 2"
    for span in ("start/x/end/1", "start/1/end/x", "start/-1/end/1", "start/1/end/9223372036854775808"):
        get(filled, path.replace(SPAN, span), 400)
    assert key in get(filled, path)


def test_list_of_some_resources(filled):
    path = f"/reading/device/name/room-1/{SPAN}"
    items = [rendered(r) for r in filled.readings if in_span(deviceName="room-1")(r)]
    for body, wanted in (({"resourceNames": ["load"]}, ["load"]), ({"resourceNames": ["load", "state", "load"]},
                         ["load", "state"]), ({"resourceNames": ["never"]}, []), ({"resourceNames": []}, RESOURCES),
                         ({"resourceNames": [5, "state", None]}, ["state"]), ({}, RESOURCES), (b"", RESOURCES)):
        those = [i for i in items if i["resourceName"] in wanted]
        assert get(filled, path + "?limit=-1", body=body) == \
            {"apiVersion": "v3", "statusCode": 200, "totalCount": len(those), "readings": those}, body
    for body in ({"resourceNames": "load"}, {"resourceNames": None}, b"{", b"[]"):
        get(filled, path, 400, body=body)


# ---- aggregates ----------------------------------------------------------------------------------------------------

def aggregate(function, readings):
    """The rows, by exact arithmetic."""
    groups = {}
    for r in readings:
        groups.setdefault((r["deviceName"], r["resourceName"], r["profileName"], r["valueType"]), []).append(r)
    rows = {}
    for (device, resource, profile, kind), members in groups.items():
        values = [fractions.Fraction(r["value"]) for r in members if is_number(r)]
        row = {"deviceName": device, "resourceName": resource, "profileName": profile, "valueType": kind}
        if function == "COUNT":
            row.update(valueType="Uint64", value=len(values))
        elif not values:
            row.update({} if kind in ("Binary", "Object") else {"value": ""})
        else:
            result = {"MIN": min, "MAX": max, "SUM": sum, "AVG": lambda v: sum(v) / len(v)}[function](values)
            wide = "Float64" if function == "AVG" or kind.startswith("Float") else "U" * (kind[0] == "U") + "Int64"
            wide = wide.replace("UInt", "Uint")
            row.update(valueType=wide, value=float(result) if wide == "Float64" else int(result))
        rows[device, resource, profile, kind] = row
    return rows


def by_row(rows):
    """In some order; a whole number may be written without a point, also where it is of floating point."""
    wide = [{**r, "value": float(r["value"])} if r["valueType"] == "Float64" and r["value"] != "" else r for r in rows]
    return sorted(map(json.dumps, wide))


@pytest.mark.parametrize("function", ["MIN", "MAX", "COUNT", "SUM", "AVG"])
@pytest.mark.parametrize("path", READING_LISTS)
def test_aggregate(filled, path, function):
    expected = list(aggregate(function, [r for r in filled.readings if READING_LISTS[path](r)]).values())
    got = get(filled, f"{path}?aggregateFunc={function.lower()}&limit=-1&numeric=true")
    assert set(got) == {"apiVersion", "statusCode", "aggregateFunc", "readings"}
    assert got["aggregateFunc"] == function.lower()
    assert by_row(got["readings"]) == by_row(expected)
    devices = [row["deviceName"] for row in got["readings"]]
    assert devices == sorted(devices)
    page = get(filled, f"{path}?aggregateFunc={function}&limit=2&offset=1")
    assert page["readings"] == got["readings"][1:3]
    assert get(filled, f"{path}?aggregateFunc={function}&offset=1000")["readings"] == []
    assert get(filled, f"{path}?aggregateFunc=&limit=1")["totalCount"] > 0
    assert "aggregate" in get(filled, f"{path}?aggregateFunc=median", 400)["message"]


def test_aggregate_extremes(empty):
    def add(resource, kind, *values):
        origin = events.now()
        readings = [events.reading(resource, v, kind, origin=origin + n) for n, v in enumerate(values)]
        empty.add(events.event(readings=readings))

    def value(resource, function, status=200):
        body = get(empty, f"/reading/resourceName/{resource}?aggregateFunc={function}", status)
        return body["readings"][0]["value"] if status == 200 else body["message"]
    add("i", "Int64", str(2**63 - 1), str(-2**63), "1")
    assert [value("i", f) for f in ("MIN", "MAX", "SUM", "COUNT", "AVG")] == [-2**63, 2**63 - 1, 0, 3, 0]
    add("u", "Uint64", str(2**64 - 2), "1")
    assert [value("u", f) for f in ("MIN", "MAX", "SUM", "AVG")] == \
        [1, 2**64 - 2, 2**64 - 1, 9223372036854776000]  # the nearest 64-bit number to 2**63 - 0.5, in its shortest digits
    add("f", "Float64", "1e300", "1", "-1e300")
    assert [value("f", f) for f in ("MIN", "MAX", "SUM")] == [-1e300, 1e300, 1]
    add("u", "Uint64", "1")
    add("i", "Int64", "1", str(2**63 - 1))
    assert "64 bits" in value("u", "SUM", 500) and "64 bits" in value("i", "SUM", 500)


# ---- one, count ----------------------------------------------------------------------------------------------------

def test_by_id(filled):
    for posted in filled.events:
        assert get(filled, "/event/id/" + posted["id"]) == \
            {"apiVersion": "v3", "statusCode": 200, "event": rendered_event(posted, numeric=True)}
    id = posted["id"]
    for form in (id.upper(), id.replace("-", ""), "%7B" + id + "%7D"):
        assert get(filled, "/event/id/" + form)["event"]["id"] == id
    never = str(uuid.uuid4())
    assert get(filled, "/event/id/" + never, 404)["message"] == f"no event with id '{never}' found"
    for bad in ("x", id[:-1], id + "0", "urn:uuid:" + id, "(" + id + ")", "%20" + id):
        assert "UUID" in get(filled, "/event/id/" + bad, 400)["message"]


@pytest.mark.parametrize("device", ["room-0", "room-1", "room-2", "gateway", "never"])
def test_counts(filled, device):
    def body(n):
        return {"apiVersion": "v3", "statusCode": 200, "count": n}
    assert get(filled, "/event/count") == body(30)
    assert get(filled, "/reading/count") == body(len(filled.readings))
    assert get(filled, f"/event/count/device/name/{device}") == body(
        sum(e["deviceName"] == device for e in filled.events))
    assert get(filled, f"/reading/count/device/name/{device}") == body(
        sum(r["deviceName"] == device for r in filled.readings))


# ---- deleting ------------------------------------------------------------------------------------------------------

def test_delete_by_id(empty):
    made = make_events()[:6]
    empty.add(*made)
    path = "/event/id/" + made[4]["id"]
    answer = empty.delete(path)
    assert (answer.status, answer.body) == (200, b'{"apiVersion":"v3","statusCode":200}\n')
    assert empty.delete(path).status == 404 and empty.get(path).status == 404
    assert empty.delete("/event/id/x").status == 400
    assert empty.count() == 5
    assert empty.count("/reading/count") == sum(len(e["readings"]) for e in made) - len(made[4]["readings"])


def test_delete_by_device(empty):
    made = make_events()
    empty.add(*made)
    answer = empty.delete("/event/device/name/room-1")
    assert (answer.status, answer.body) == (202, b'{"apiVersion":"v3","statusCode":202}\n')
    left = [e for e in made if e["deviceName"] != "room-1"]
    assert empty.count("/event/count/device/name/room-1") == 0
    assert empty.count() == len(left)
    assert empty.count("/reading/count") == sum(len(e["readings"]) for e in left)
    assert [e["id"] for e in empty.json("/event/all?limit=-1")["events"]] == [e["id"] for e in reversed(left)]
    assert empty.delete("/event/device/name/never").status == 202
    assert empty.delete("/event/device/name/%20").status == 400
    assert empty.delete("/event/device/name/").status == 400
    assert empty.count() == len(left)


def test_delete_by_age(empty):
    hour = 3600 * 10**9
    old, fresh, future = (events.event(origin=events.now() + hours * hour) for hours in (-3, -1, 1))
    empty.add(old, fresh, future)
    assert empty.delete(f"/event/age/{4 * hour}").status == 202
    assert empty.count() == 3
    answer = empty.delete(f"/event/age/{2 * hour}")
    assert (answer.status, answer.body) == (202, b'{"apiVersion":"v3","statusCode":202}\n')
    assert {e["id"] for e in empty.json("/event/all")["events"]} == {fresh["id"], future["id"]}
    assert empty.delete("/event/age/0").status == 202
    assert [e["id"] for e in empty.json("/event/all")["events"]] == [future["id"]]
    assert empty.delete(f"/event/age/-{2 * hour}").status == 202
    assert empty.count() == 0
    for age in ("x", "1h", "1.5", "", "9223372036854775808"):
        assert empty.delete("/event/age/" + age).status == 400


# ---- common routes -------------------------------------------------------------------------------------------------

def test_ping_version_config(api):
    for path, keys in (("/ping", {"apiVersion", "timestamp", "serviceName"}),
                       ("/version", {"apiVersion", "version", "serviceName"}),
                       ("/config", {"apiVersion", "config", "serviceName"})):
        answer = api.get(path)
        assert answer.status == 200 and set(answer.json) == keys
        assert answer.json["apiVersion"] == "v3" and answer.json["serviceName"] == "core-data"
        assert not answer.body.endswith(b"\n")
        assert answer.headers["Content-Type"] == "application/json"
        assert UUID.fullmatch(answer.headers["X-Correlation-Id"])
    config = api.get("/config").json["config"]
    assert config["Service"]["MaxResultCount"] == 500 and config["Service"]["RequestTimeout"] == "5s"
    assert config["Writable"]["PersistData"] is True and config["Retention"]["Interval"] == "10m"


def test_secret(api):
    wanted = {"apiVersion": "v3", "requestId": str(uuid.UUID(int=5)), "secretName": "db",
              "secretData": [{"key": "user", "value": "anna"}, {"key": "word", "value": "grün"}]}
    answer = api.client.post("/api/v3/secret", wanted)
    assert answer.status == 201
    assert answer.json == {"apiVersion": "v3", "requestId": str(uuid.UUID(int=5)), "statusCode": 201}
    path = os.path.join(api.folder, "var/secrets.json")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    with open(path) as f:
        assert json.load(f)["db"] == {"user": "anna", "word": "grün"}
    answer = api.client.post("/api/v3/secret", {**wanted, "secretData": []})
    assert answer.status == 400 and answer.json["message"].startswith("JSON decode failed")


def test_groups(api):
    body = get(api, "/persistence/groups")
    assert [(g["name"], g["backend"], g["state"], g["preferred"]) for g in body["groups"]] == \
        [(api.backend, api.backend, "LIVE", True)]
    assert [w["ready"] for w in body["groups"][0]["workers"]] == [True]
    assert all(isinstance(n, int) and n >= 0 for n in body["counters"].values())


# ---- the frame -----------------------------------------------------------------------------------------------------

GETS = ([path for path, _ in LISTS] + ["/event/count", "/event/count/device/name/x", "/reading/count",
                                       "/reading/count/device/name/x", "/ping", "/version", "/config",
                                       "/persistence/groups"])
# An event may be posted below any four segments, so some paths of GET take POST as well.
POSTABLE = re.compile("/event/[^/]+/[^/]+/[^/]+/.+")


@pytest.mark.parametrize("path", GETS + [f"/event/id/{uuid.UUID(int=1)}", "/secret", "/event/age/1"])
def test_other_methods(api, path):
    allowed = {"OPTIONS"}
    if path in GETS or "/id/" in path:
        allowed.add("GET")
    if path == "/secret" or POSTABLE.fullmatch(path):
        allowed.add("POST")
    if "/id/" in path or "/age/" in path or path.startswith("/event/device/name/"):
        allowed.add("DELETE")
    answer = api.client.request("OPTIONS", "/api/v3" + path)
    assert (answer.status, answer.body) == (204, b"")
    assert set(answer.headers["Allow"].split(", ")) == allowed
    for method in {"HEAD", "PUT", "PATCH", "GET", "POST", "DELETE"} - allowed:
        answer = api.client.request(method, "/api/v3" + path)
        assert answer.status == 405, method
        assert set(answer.headers["Allow"].split(", ")) == allowed
        assert method == "HEAD" or answer.body == b'{"message":"Method Not Allowed"}\n'


@pytest.mark.parametrize("path", ["/", "/api/v3", "/api/v3/", "/api/v2/event/all", "/api/v3/events", "/API/v3/ping",
                                  "/api/v3/ping/", "/api/v3/event/all/", "/api/v3/reading/all/x", "/api/v3/Event/all",
                                  "/api/v3/event", "/api/v3/reading/start/1", "/api/v3/reading/device/name/x/"])
def test_unknown_paths(api, path):
    answer = api.client.get(path)
    assert answer.status == 404 and answer.body == b'{"message":"Not Found"}\n'
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("name", ["ü-größe", "with space", "p/q", "100%", "%41", "a+b", "..", "a?b#c", "日本語", "-_.~",
                                  "a;b=c:d*e", "'\"<>&\\", "x" * 500])
def test_names(empty, name):
    """A name comes through every path that can hold one, encoded by what a careful client encodes, or by all."""
    made = empty.add(events.event(device=name, source=name, profile=name,
                                  readings=[events.reading(name, device=name, profile=name, origin=BASE)]))
    every = "".join(f"%{byte:02X}" for byte in name.encode())
    for quoted in {events.quote(name), every}:
        assert [e["id"] for e in empty.json(f"/event/device/name/{quoted}")["events"]] == [made["id"]]
        assert empty.count(f"/event/count/device/name/{quoted}") == 1
        assert empty.count(f"/reading/count/device/name/{quoted}") == 1
        for path in (f"/reading/device/name/{quoted}", f"/reading/resourceName/{quoted}",
                     f"/reading/device/name/{quoted}/resourceName/{quoted}",
                     f"/reading/resourceName/{quoted}/start/{BASE}/end/{BASE}",
                     f"/reading/device/name/{quoted}/start/{BASE}/end/{BASE}",
                     f"/reading/device/name/{quoted}/resourceName/{quoted}/start/{BASE}/end/{BASE}"):
            got = empty.json(path)["readings"]
            assert [(r["deviceName"], r["resourceName"], r["profileName"]) for r in got] == [(name, name, name)], path
    assert empty.delete(f"/event/device/name/{every}").status == 202
    assert empty.count() == 0
