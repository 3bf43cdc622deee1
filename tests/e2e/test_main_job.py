"""The main job: events in over REST, kept by persist-sqlite, read back by every route, deleted."""

import concurrent.futures
import random
import re
import time
import uuid

import pytest

from support import events
from support.client import Client
from support.service import PATIENCE
from support.waiting import until

DEVICES = ["room-1", "room-2", "room-3"]
SOURCES = ["climate", "power"]
RESOURCES = ["temperature", "humidity", "load"]


@pytest.fixture
def stored(served):
    """Sixty events of three devices and two sources, posted in random order; every origin is its own, and some
    readings have an origin, or name a device, that is not their event's."""
    shuffle = random.Random(1)
    made = []
    for n in range(60):
        device, source = DEVICES[n % 3], SOURCES[n % 2]
        origin = events.BASE + n * 1000
        readings = [events.reading(RESOURCES[(n + k) % 3], str(n * 10 + k), device=device, origin=origin - k)
                    for k in range(1 + n % 3)]
        if n % 10 == 7:
            readings.append(events.reading("load", "1", device="gateway", origin=origin + 500))
        made.append(events.event(device=device, source=source, origin=origin, readings=readings))
    order = made[:]
    shuffle.shuffle(order)
    served.add(*order)
    served.made = sorted(made, key=lambda e: -e["origin"])
    served.readings = sorted((r for e in made for r in e["readings"]), key=lambda r: -r["origin"])
    return served


def pages(stand, path, key, limit):
    """All items of a list route, page by page; every page must tell the same total."""
    items, offset, totals = [], 0, set()
    while True:
        page = stand.json(f"{path}?offset={offset}&limit={limit}")
        items += page[key]
        totals.add(page["totalCount"])
        offset += limit
        if len(page[key]) < limit or offset >= page["totalCount"]:
            assert totals == {len(items)}, (path, totals, len(items))
            return items


def event_routes(stand):
    yield "/event/all", stand.made
    for device in DEVICES:
        yield f"/event/device/name/{device}", [e for e in stand.made if e["deviceName"] == device]
    low, high = events.BASE + 10_000, events.BASE + 30_000  # both of them origins of events: bounds are inclusive
    yield f"/event/start/{low}/end/{high}", [e for e in stand.made if low <= e["origin"] <= high]


def reading_routes(stand):
    def those(**wanted):
        low, high = wanted.pop("low", 0), wanted.pop("high", 1 << 62)
        return [r for r in stand.readings if low <= r["origin"] <= high
                and all(r[k] == v for k, v in wanted.items())]
    yield "/reading/all", those()
    for device in DEVICES + ["gateway"]:
        yield f"/reading/device/name/{device}", those(deviceName=device)
    for resource in RESOURCES:
        yield f"/reading/resourceName/{resource}", those(resourceName=resource)
        yield f"/reading/device/name/room-2/resourceName/{resource}", those(deviceName="room-2",
                                                                            resourceName=resource)
    low, high = events.BASE + 10_000, events.BASE + 30_000
    span = f"start/{low}/end/{high}"
    yield f"/reading/{span}", those(low=low, high=high)
    yield f"/reading/resourceName/load/{span}", those(resourceName="load", low=low, high=high)
    yield f"/reading/device/name/room-1/{span}", those(deviceName="room-1", low=low, high=high)
    yield (f"/reading/device/name/room-1/resourceName/load/{span}",
           those(deviceName="room-1", resourceName="load", low=low, high=high))


def test_events_by_every_route(stored):
    for path, expected in event_routes(stored):
        got = pages(stored, path, "events", 7)
        assert [e["id"] for e in got] == [e["id"] for e in expected], path
        assert got == [events.returned(e) for e in expected], path


def test_readings_by_every_route(stored):
    for path, expected in reading_routes(stored):
        got = pages(stored, path, "readings", 7)
        assert got == [events.returned_reading(r) for r in expected], path


def test_event_by_id(stored):
    for posted in stored.made[::7]:
        got = stored.json("/event/id/" + posted["id"])["event"]
        expected = events.returned(posted)
        for r in expected["readings"]:
            r["value"] = int(r["value"])  # by id, numbers come as numbers
        assert got == expected
    # Upper case is the same id.
    assert stored.json("/event/id/" + posted["id"].upper())["event"]["id"] == posted["id"]


def test_counts(stored):
    assert stored.count() == 60
    assert stored.count("/reading/count") == len(stored.readings)
    for device in DEVICES + ["gateway", "never-seen"]:
        assert stored.count(f"/event/count/device/name/{device}") == \
            sum(e["deviceName"] == device for e in stored.made)
        assert stored.count(f"/reading/count/device/name/{device}") == \
            sum(r["deviceName"] == device for r in stored.readings)


def test_pages(stored):
    ids = [e["id"] for e in stored.made]

    def page(query):
        got = stored.json("/event/all" + query)
        return [e["id"] for e in got["events"]], got["totalCount"]
    assert page("") == (ids[:20], 60)
    assert page("?limit=3&offset=58") == (ids[58:], 60)
    assert page("?limit=-1") == (ids, 60)
    assert page("?limit=0") == ([], 60)
    assert page("?offset=60") == ([], 60)
    assert page("?offset=-1&limit=5") == (ids[:5], 0)
    assert stored.get("/event/all?offset=61").status == 416
    assert stored.get("/event/all?limit=1025").status == 400
    assert stored.json("/event/device/name/never-seen") == {"apiVersion": "v3", "statusCode": 200, "totalCount": 0,
                                                            "events": []}


def test_equal_origins_keep_their_order_between_pages(served):
    made = [events.event(origin=events.BASE) for _ in range(50)]
    served.add(*made)
    got = [e["id"] for e in pages(served, "/event/all", "events", 7)]
    assert sorted(got) == sorted(e["id"] for e in made)
    assert got == [e["id"] for e in pages(served, "/event/all", "events", 11)]
    assert len(pages(served, "/reading/all", "readings", 7)) == 50


def test_answer_to_a_post(served):
    made = events.event()
    answer = served.client.post(events.path(made), events.request(made, request_id=str(uuid.UUID(int=7))),
                                headers={"X-Correlation-ID": "correlation 1"})
    assert answer.status == 201
    assert answer.json == {"apiVersion": "v3", "requestId": str(uuid.UUID(int=7)), "statusCode": 201, "id": made["id"]}
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Correlation-ID"] == "correlation 1"
    other = events.event()
    answer = served.post(other)
    assert answer.json == {"apiVersion": "v3", "statusCode": 201, "id": other["id"]}
    uuid.UUID(answer.headers["X-Correlation-ID"])


def test_a_known_id_is_a_conflict(served):
    first = served.add(events.event(device="first"))
    second = events.event(id=first["id"], device="second")
    answer = served.post(second)
    assert answer.status == 409 and answer.json["message"]
    # Not even the very same event again: the number that it got decides, not the bytes.
    assert served.post(first).status == 409
    assert served.json("/event/id/" + first["id"])["event"]["deviceName"] == "first"
    assert served.count() == 1


def test_delete_by_id(stored):
    gone = stored.made[7]
    assert stored.delete("/event/id/" + gone["id"]).json == {"apiVersion": "v3", "statusCode": 200}
    assert stored.get("/event/id/" + gone["id"]).status == 404
    assert stored.delete("/event/id/" + gone["id"]).status == 404
    assert stored.count() == 59
    assert stored.count("/reading/count") == len(stored.readings) - len(gone["readings"])
    left = [e["id"] for e in pages(stored, "/event/all", "events", 100)]
    assert left == [e["id"] for e in stored.made if e is not gone]
    # Its id is free again.
    stored.add(gone)
    assert stored.count() == 60


def test_delete_takes_readings_of_another_device_along(served):
    stray = events.reading(device="elsewhere", origin=events.BASE + 10_000_000)
    made = served.add(events.event(origin=events.BASE, readings=[events.reading(origin=events.BASE), stray]))
    assert served.count("/reading/count/device/name/elsewhere") == 1
    assert served.delete("/event/id/" + made["id"]).status == 200
    assert served.count("/reading/count/device/name/elsewhere") == 0
    assert served.json("/reading/all")["readings"] == []


def test_delete_by_device(stored):
    answer = stored.delete("/event/device/name/room-1")
    assert (answer.status, answer.json) == (202, {"apiVersion": "v3", "statusCode": 202})
    # A read that starts after the 202 does not see what was deleted; what is posted after it stays.
    assert stored.json("/event/device/name/room-1")["events"] == []
    later = stored.add(events.event(device="room-1"))
    assert [e["id"] for e in stored.json("/event/device/name/room-1")["events"]] == [later["id"]]
    assert stored.count("/event/count/device/name/room-1") == 1
    assert stored.count() == 41
    left = [e for e in stored.made if e["deviceName"] != "room-1"]
    assert [e["id"] for e in pages(stored, "/event/all", "events", 100) if e["id"] != later["id"]] == \
        [e["id"] for e in left]
    assert stored.count("/reading/count") == sum(len(e["readings"]) for e in left) + 1


def test_delete_by_age(served):
    hour = 3600 * 10**9
    old = [events.event(origin=events.now() - 2 * hour - n) for n in range(30)]
    fresh = [events.event(origin=events.now() - n) for n in range(20)]
    served.add(*old, *fresh)
    assert served.delete(f"/event/age/{hour}").status == 202
    assert {e["id"] for e in served.json("/event/all?limit=100")["events"]} == {e["id"] for e in fresh}
    assert served.count() == 20 and served.count("/reading/count") == 20
    assert served.delete("/event/age/0").status == 202
    assert served.count() == 0 and served.count("/reading/count") == 0
    assert served.delete("/event/age/later").status == 400


def test_delete_by_device_while_it_is_posting(served):
    """What got 201 after the 202 stays; what got it before is gone."""
    stop, after = [], []

    def post():
        client = Client(served.http)
        while not stop:
            made = events.event(device="busy")
            began = time.monotonic()
            if served.post(made, client).status == 201:
                after.append((began, made["id"]))
        client.close()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(post) for _ in range(4)]
        until(lambda: len(after) > 200, 10 * PATIENCE, "200 events")
        assert served.delete("/event/device/name/busy").status == 202
        deleted = time.monotonic()
        count = len(after)
        until(lambda: len(after) > count + 200, 10 * PATIENCE, "200 events more")
        stop.append(True)
        for run in runs:
            run.result()
    here = {e["id"] for e in pages(served, "/event/device/name/busy", "events", 1000)}
    assert [id for began, id in after if began > deleted and id not in here] == []
    assert served.count("/event/count/device/name/busy") == len(here) < len(after)


def test_a_read_after_201_sees_the_event(served):
    def one(n):
        client = Client(served.http)
        for k in range(40):
            made = events.event(device=f"seen-{n}")
            assert served.post(made, client).status == 201
            assert client.get("/api/v3/event/id/" + made["id"]).status == 200
            assert client.get(f"/api/v3/event/count/device/name/seen-{n}").json["count"] == k + 1
        client.close()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(one, n) for n in range(8)]:
            done.result()


def test_value_types_come_back(served):
    readings = [events.reading("r-" + type, posted, type=type) for type, (posted, _) in events.SIMPLE.items()]
    readings += [
        events.reading("picture", None, type="Binary", binaryValue="aGk=", mediaType="image/png"),
        events.reading("object", None, type="Object", objectValue={"a": [1, 2.5, None, {"b": "ü"}], "c": True}),
        events.reading("objects", None, type="ObjectArray", objectValue=[{"x": 1}, {"y": "two"}]),
        events.reading("tagged", "1", units="kW", tags={"floor": 2, "area": {"name": "north"}}),
    ]
    readings += [events.reading("null-" + t, None, type=t) for t in ("Int8", "String", "Binary", "Object")]
    posted = served.add(events.event(readings=readings, tags={"site": "A", "numbers": [1, 2]}))
    for got in (served.json("/event/all")["events"][0],
                served.json(f"/event/device/name/{posted['deviceName']}")["events"][0]):
        assert got["tags"] == posted["tags"]
        expected = events.returned(posted)["readings"]
        for r in expected:
            if r["resourceName"].startswith("null-"):
                r.update(value=None, binaryValue=None, objectValue=None)
        assert got["readings"] == expected


def test_names_of_all_kinds(served):
    for name in ("ü-größe", "with space", "a/b", "100%", "%41", "+", "..", "a?b#c", "日本語", "-_.~", "x" * 300):
        made = served.add(events.event(device=name, source=name, profile=name,
                                       readings=[events.reading(resource=name, device=name, profile=name)]))
        quoted = events.quote(name)
        assert [e["id"] for e in served.json("/event/device/name/" + quoted)["events"]] == [made["id"]], name
        assert served.json("/reading/resourceName/" + quoted)["readings"][0]["resourceName"] == name
        assert served.count(f"/event/count/device/name/{quoted}") == 1
        assert served.delete("/event/device/name/" + quoted).status == 202
        assert served.count() == 0, name


def test_a_large_event(served):
    """Larger than a batch that suits the backend, and larger than one read of the socket."""
    readings = [events.reading("r%d" % n, "x" * 1000, type="String") for n in range(3000)]
    posted = served.add(events.event(readings=readings))
    got = served.json("/event/id/" + posted["id"])["event"]
    assert len(got["readings"]) == 3000
    assert {r["value"] for r in got["readings"]} == {"x" * 1000}


def test_an_answer_larger_than_a_reply(served):
    """Lists that don't fit into one message of the bus (some megabytes) are put together from several."""
    made = [events.event(device="bulky", readings=[events.reading(value="y" * 200_000, type="String", device="bulky")])
            for _ in range(60)]
    served.add(*made)
    got = served.json("/event/all?limit=1000")
    assert [e["id"] for e in got["events"]] == [e["id"] for e in reversed(made)]
    assert got["totalCount"] == 60
    assert len(served.json("/reading/device/name/bulky?limit=100")["readings"]) == 60


def test_ping_and_version(served):
    got = served.get("/ping").json
    assert got["apiVersion"] == "v3" and got["serviceName"] == "core-data"
    assert re.fullmatch(r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d UTC \d{4}", got["timestamp"])
    got = served.get("/version").json
    assert got["apiVersion"] == "v3" and got["serviceName"] == "core-data" and got["version"]


def test_status_of_groups(served):
    group = served.groups()["sqlite"]
    assert group["backend"] == "sqlite" and group["state"] == "LIVE" and group["preferred"] is True
    assert [w["ready"] for w in group["workers"]] == [True]
    assert group["workers"][0]["inFlight"] == 0
    assert group["spool"] == {"events": 0, "bytes": 0}
