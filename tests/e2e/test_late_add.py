"""A worker that is slow, or cut off, executes an add when the event has been stored by another one and deleted since:
the delete is done once more when the lease of what it was sent has run out, also after core-data was killed."""

import concurrent.futures

import pytest

from support import events, wire
from support.client import Client
from support.fake_worker import FakeWorker, Plan
from support.memory_store import MemoryStore
from support.service import PATIENCE
from support.waiting import until

LEASE = 10.0  # s


@pytest.mark.parametrize("killed", [False, True])
def test_a_deleted_event_does_not_come_back(stand, killed):
    stand.start_core()
    store, made = MemoryStore(), events.event()
    late = FakeWorker(stand, name="late", store=store)
    stand.wait_ready("fake")
    late.on_write = lambda worker, seq, writes: Plan(delay=min(3.0 * PATIENCE, 6.0)) if writes[0][0] == wire.ADD else None
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        client = Client(stand.http)
        posted = pool.submit(stand.post, made, client)
        late.wait_kind(wire.WRITE)
        FakeWorker(stand, name="quick", store=store)
        assert posted.result().status in (201, 202)
        client.close()
    until(lambda: stand.has(made["id"]), 3 * PATIENCE, "the event, stored by the quick worker")
    assert stand.delete("/event/id/" + made["id"]).status == 200
    assert not stand.has(made["id"])
    until(late.ids, 5 * PATIENCE, "the late worker's add")
    if killed:
        stand.core.kill()
        stand.start_core()
        stand.wait_ready("fake", 2)
    until(lambda: not store.events, LEASE + 5 * PATIENCE, "the event deleted once more")
    assert not stand.has(made["id"]) and stand.count() == 0
