"""EDGEX_OPTIMIZE_EVENT_PAYLOAD: inside of events, in and out, readings do not say what their event says."""

import pytest

from support import cbor, events
from support.client import Client


@pytest.fixture
def optimized(stand):
    return stand.start(EDGEX_OPTIMIZE_EVENT_PAYLOAD="true")


def without(item, *keys):
    return {k: v for k, v in item.items() if k not in keys}


@pytest.mark.parametrize("encoding", ["json", "cbor"])
def test_there_and_back(optimized, encoding):
    origin = events.BASE
    whole = [events.reading("temperature", "5", "Uint8", origin=origin, units="C"),
             events.reading("humidity", "6", "Uint8", origin=origin - 1, device="other"),
             events.reading("sensor", "7", "Uint8", origin=origin - 2, profile="another")]
    event = events.event(origin=origin, readings=[
        without(whole[0], "origin", "deviceName", "profileName"), without(whole[1], "profileName"),
        without(whole[2], "deviceName")])
    request = events.request(event)
    body, headers = (request, {}) if encoding == "json" else (cbor.dumps(request), {"Content-Type": "application/cbor"})
    assert optimized.client.post(events.path(event), body, headers=headers).status == 201
    assert optimized.json("/event/all")["events"] == [event]
    numbers = [{**r, "value": int(r["value"])} for r in event["readings"]]
    assert optimized.json("/event/id/" + event["id"])["event"] == {**event, "readings": numbers}
    # Readings of their own say everything.
    assert optimized.json("/reading/all")["readings"] == whole


def test_the_only_reading_may_be_named_by_the_source(optimized):
    event = events.event(readings=[{"valueType": "Int16", "value": "-3"}])
    optimized.add(event)
    assert optimized.json("/event/all")["events"] == [event]
    got = optimized.json("/reading/resourceName/sensor")["readings"]
    assert got == [events.reading("sensor", "-3", "Int16", origin=event["origin"])]
    two = events.event(readings=[{"valueType": "Int16", "value": "1"}] * 2)
    answer = optimized.post(two)
    assert answer.status == 400 and "Readings[0].ResourceName" in answer.json["message"]


def test_whole_events_are_taken_too(optimized):
    event = optimized.add(events.event())
    [got] = optimized.json("/event/all")["events"]
    assert got == {**event, "readings": [without(r, "origin", "deviceName", "profileName") for r in event["readings"]]}


def test_others_refuse_what_is_left_out(served):
    client = Client(served.http)
    answer = served.post(events.event(readings=[{"valueType": "Int16", "value": "-3"}]), client)
    client.close()
    assert answer.status == 400 and "Readings[0].Origin field is required" in answer.json["message"]
    assert served.count() == 0
