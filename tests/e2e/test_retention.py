"""Retention: what need not be kept is deleted by itself, pair by pair of device and source, behind everything else
(EdgeX core-data API v3, section 12.1)."""

import time

import pytest

from support import events
from support.client import Client
from support.service import PATIENCE, run
from support.waiting import until

HOUR = 3600 * 10**9
INTERVAL = "100ms"


def start(stand, **retention):
    settings = {"RETENTION_" + key.upper(): str(value) for key, value in retention.items()}
    return stand.start(RETENTION_INTERVAL=INTERVAL, **settings)


def counter(stand, name):
    return stand.json("/persistence/groups")["counters"][name]


def let_pass(stand, passes=2):
    """Waits until so many whole passes have begun and ended from now on."""
    seen = counter(stand, "retentionPasses")
    until(lambda: counter(stand, "retentionPasses") > seen + passes, 10 * PATIENCE, "passes of retention")


def add(stand, count, device="dev-0", source="sensor", origin=None):
    made = [events.event(device=device, source=source, origin=origin or events.now() + n) for n in range(count)]
    stand.add(*made)
    return made


def ids(stand):
    return {e["id"] for e in stand.json("/event/all?limit=-1")["events"]}


def becomes(stand, *left):
    """Waits until just these events are left, and checks that readings and counts say the same, and stay so."""
    expected = {e["id"] for made in left for e in made}
    until(lambda: ids(stand) == expected, 10 * PATIENCE, f"{len(expected)} events left")
    let_pass(stand)
    assert ids(stand) == expected
    assert stand.count() == len(expected)
    assert stand.count("/reading/count") == len(expected)


def test_caps(stand):
    """The figures of the contract: maxCap 5, minCap 3, no duration: 4 events stay 4, 5 become 3."""
    start(stand, DefaultMaxCap=5, DefaultMinCap=3, DefaultDuration="0s")
    made = add(stand, 4)
    let_pass(stand)
    assert stand.count() == 4
    made += add(stand, 1)
    becomes(stand, made[2:])
    assert counter(stand, "eventsPurged") == 2
    assert counter(stand, "retentionPurges") == 1


def test_pairs_are_apart(stand):
    start(stand, DefaultMaxCap=5, DefaultMinCap=3, DefaultDuration="0s")
    # Names that hold one another, and those that a pattern would make of one another.
    kept = [add(stand, 4, device, source) for device, source in
            (("dev", "src"), ("mdev2", "src1x"), ("dev", "src2"), ("d.v", "src1"))]
    made = add(stand, 5, "dev", "src1")
    becomes(stand, *kept, made[2:])


def test_duration(stand):
    """Fresh events stay, and the newest expired ones beside them."""
    start(stand, DefaultMinCap=2, DefaultDuration="1h")
    old = [e for n in range(5) for e in add(stand, 1, origin=events.now() - 3 * HOUR + n)]
    fresh = add(stand, 3)
    becomes(stand, old[3:], fresh)


def test_duration_in_days_without_survivors(stand):
    start(stand, DefaultMinCap=0, DefaultDuration="1d")
    add(stand, 3, origin=events.now() - 25 * HOUR)
    kept = add(stand, 2, origin=events.now() - 23 * HOUR)
    becomes(stand, kept)


def test_high_water_mark_with_duration(stand):
    start(stand, DefaultMaxCap=6, DefaultMinCap=0, DefaultDuration="1h")
    add(stand, 3, origin=events.now() - 2 * HOUR)
    fresh = add(stand, 2)
    let_pass(stand)
    assert stand.count() == 5
    fresh += add(stand, 1)
    becomes(stand, fresh)


def test_ties_go_too(stand):
    start(stand, DefaultMinCap=3, DefaultDuration="0s")
    newest = add(stand, 1, origin=events.BASE + 9)
    until(lambda: counter(stand, "retentionPasses") > 0, 5 * PATIENCE, "a pass")
    for _ in range(5):
        add(stand, 1, origin=events.BASE)
    becomes(stand, newest)


def test_everything_may_go(stand):
    start(stand, DefaultMinCap=-1, DefaultDuration="0s")
    add(stand, 3)
    add(stand, 3, "other")
    becomes(stand)
    add(stand, 1)
    becomes(stand)


def test_readings_of_another_device_go_with_their_event(stand):
    start(stand, DefaultMinCap=1, DefaultDuration="0s")
    stray = events.reading(device="elsewhere", origin=events.now() + HOUR)
    stand.add(events.event(origin=events.BASE, readings=[events.reading(origin=events.BASE), stray]))
    becomes(stand, add(stand, 1))
    assert stand.count("/reading/count/device/name/elsewhere") == 0


def test_never(stand):
    stand.start(RETENTION_INTERVAL="0s", RETENTION_DEFAULTMINCAP="0", RETENTION_DEFAULTDURATION="0s")
    add(stand, 3)
    assert stand.count() == 3
    assert counter(stand, "retentionPasses") == 0


def test_configuration_is_shown(stand):
    stand.start(RETENTION_DEFAULTMAXCAP="7", RETENTION_DEFAULTDURATION="7d")
    shown = stand.get("/config").json["config"]["Retention"]
    assert shown == {"Interval": "10m", "DefaultMaxCap": 7, "DefaultMinCap": 1, "DefaultDuration": "7d"}


@pytest.mark.parametrize("key, value", [("Interval", "often"), ("Interval", "1ms"), ("DefaultMaxCap", "many"),
                                        ("DefaultMinCap", ""), ("DefaultDuration", "7 days"),
                                        ("DefaultDuration", "-1h"), ("DefaultDuration", "")])
def test_bad_configuration(stand, key, value):
    status, out, err = run("core-data", env={**stand.core_environment(), "RETENTION_" + key.upper(): value})
    lines = [line for line in err.splitlines() if "level=" not in line]
    assert status == 1 and len(lines) == 1 and key.upper() in lines[0].upper(), err


def test_a_group_that_is_away(stand):
    """Passes without a group fail, and do no harm; what is written meanwhile counts when it has come back."""
    start(stand, DefaultMaxCap=5, DefaultMinCap=3, DefaultDuration="0s")
    add(stand, 4)
    stand.sqlite.stop()
    until(lambda: not stand.ready_workers("sqlite"), 5 * PATIENCE, "no worker")
    late = [events.event(origin=events.now() + n) for n in range(3)]
    for event in late:
        assert stand.post(event).status == 202
    stand.core.stop()
    stand.core.start()
    stand.wait_ping()
    stand.start_sqlite()
    becomes(stand, late)


def test_writes_and_reads_go_on(stand):
    """Thousands of events are deleted in small steps: no request waits for long."""
    stand.start(RETENTION_INTERVAL="1s", RETENTION_DEFAULTMINCAP="100", RETENTION_DEFAULTDURATION="1h",
                RETENTION_DEFAULTMAXCAP="4000")
    old = events.now() - 10 * HOUR
    for n in range(0, 4000):
        stand.add(events.event(device="many", origin=old + n))
    client, slowest, posted = Client(stand.http), 0.0, 0
    while counter(stand, "eventsPurged") < 3900:
        began = time.monotonic()
        stand.post(events.event(device="live", origin=events.now()), client)
        assert client.get("/api/v3/event/device/name/live?limit=1").status == 200
        slowest = max(slowest, time.monotonic() - began)
        posted += 1
        assert posted < 100_000, "nothing is purged"
    client.close()
    assert stand.count("/event/count/device/name/many") == 100
    assert stand.count("/event/count/device/name/live") == posted
    assert slowest < 0.5 * PATIENCE, f"a write and a read took {slowest:.3f} s"
