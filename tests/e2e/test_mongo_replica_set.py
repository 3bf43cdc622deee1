"""persist-mongo on a replica set: what is acknowledged survives the loss of the primary, and reads from secondaries see
all that was acknowledged before."""

import pytest

from support import events, load, replica_set


@pytest.fixture(scope="module")
def members():
    reason = replica_set.missing()
    if reason:
        pytest.skip(f"{replica_set.SKIPPED}: {reason}")
    made = replica_set.ReplicaSet()
    yield made
    made.close()


def start(stand, uri):
    stand.start_core()
    environment = {**stand.bus_environment(), "PERSISTBUS_WORKER": "mongo1", "MONGODB_URI": uri}
    stand.service("persist-mongo", environment).start()
    stand.wait_ready("mongo", within=30)


def test_secondaries_show_what_was_acknowledged(stand, members):
    """Each is asked half of the times, so one that is behind is met, and waited for."""
    start(stand, members.uri("secondaries", "&readPreference=secondary"))
    behind = next(m for m in members.members if not m.is_primary())
    for round in range(100):
        if round < 8:
            behind.lag()
        made = stand.add(events.event())
        assert stand.has(made["id"])
        newest = stand.json("/event/device/name/dev-0?limit=1")["events"]
        assert [e["id"] for e in newest] == [made["id"]]
    for _ in range(20):
        made = stand.add(events.event())
        assert stand.delete("/event/id/" + made["id"]).status == 200
        assert not stand.has(made["id"])


def test_loss_of_the_primary(stand, members):
    """By a step-down and by a crash, under load."""
    count = 4000
    start(stand, members.uri("primaries"))
    running = load.Running(stand.http, count, rate=500, retry=True)
    try:
        running.wait_done(500)
        first = members.wait_primary()
        first.tell("try { rs.stepDown(20, 10) } catch (e) { print(e) }")
        members.wait_primary().kill()
        result = running.finish()
    finally:
        running.stop()
    assert result["created"] + result["spooled"] + result["repeated"] == count, result
    stand.wait_ready("mongo", within=60)
    stand.wait_settled("mongo", within=60)
    assert stand.count() == count
    stored = members.wait_primary().tell("print(db.events.find().toArray().length)", "primaries")
    assert stored.endswith(str(count)), stored
