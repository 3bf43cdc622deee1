"""A group that lacks history does not decide that an event is unknown while one that has it is only away."""

from support import events
from support.fake_worker import FakeWorker
from support.service import PATIENCE
from support.waiting import until


def test_a_delete_that_only_a_stale_group_answers(stand):
    stand.start_core(PERSISTBUS_AUTOCOPY="false", SERVICE_REQUESTTIMEOUT="4s")
    whole = FakeWorker(stand, group="whole")
    stand.wait_ready("whole")
    made, kept = stand.add(events.event()), stand.add(events.event())
    FakeWorker(stand, group="stale")
    stand.wait_ready("stale")
    stand.wait_state("stale", "STALE")
    assert stand.delete("/event/id/" + events.event()["id"]).status == 404
    whole.say_ready(False, "the store is away")
    until(lambda: not stand.ready_workers("whole"), 3 * PATIENCE, "the whole group away")
    assert stand.delete("/event/id/" + made["id"]).status == 202
    whole.say_ready()
    stand.wait_settled("whole")
    assert not stand.has(made["id"]) and stand.has(kept["id"])
    assert whole.ids() == {kept["id"]}
