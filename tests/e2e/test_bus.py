"""core-data seen from the bus, by workers that are written from docs/PROTOCOL.md alone: sessions, credit, refusals,
workers that are slow, silent, wrong or gone."""

import concurrent.futures
import time
import uuid

import pytest

from support import events, wire
from support.client import Client
from support.fake_worker import FakeWorker, Plan
from support.memory_store import MemoryStore
from support.service import PATIENCE, SLOWER
from support.waiting import stays, until
from support.wire import Peer


@pytest.fixture
def core(stand):
    """core-data alone; the test's own workers serve it."""
    stand.start_core()
    return stand


@pytest.fixture
def pool():
    with concurrent.futures.ThreadPoolExecutor(64) as made:
        yield made


def post(stand, made=None):
    """For use in a thread: (status, seconds)."""
    client = Client(stand.http)
    began = time.monotonic()
    answer = stand.post(made or events.event(), client)
    client.close()
    return answer.status, time.monotonic() - began


def only(worker, kind):
    return [h for h in worker.seen if h[1] == kind]


# ---- the ordinary course


def test_serves_reads_and_writes(core):
    worker = FakeWorker(core)
    core.wait_ready("fake")
    made = [events.event(device=f"d{n % 3}", origin=events.BASE + n) for n in range(30)]
    core.add(*made)
    assert worker.ids() == {e["id"] for e in made}
    newest = [e["id"] for e in reversed(made)]
    assert [e["id"] for e in core.json("/event/all?limit=100")["events"]] == newest
    assert core.json("/event/all?offset=3&limit=2")["totalCount"] == 30
    assert [e["id"] for e in core.json("/event/all?offset=3&limit=2")["events"]] == newest[3:5]
    assert [e["id"] for e in core.json("/event/device/name/d1?limit=100")["events"]] == \
        [e["id"] for e in reversed(made) if e["deviceName"] == "d1"]
    assert len(core.json("/reading/device/name/d2/resourceName/temperature")["readings"]) == 10
    assert core.count() == core.count("/reading/count") == 30
    assert core.post(made[0]).status == 409
    assert core.delete("/event/id/" + made[0]["id"]).status == 200
    assert core.delete("/event/id/" + made[0]["id"]).status == 404
    assert core.delete("/event/device/name/d1").status == 202
    assert core.count() == 19
    assert core.count("/event/count/device/name/d1") == 0


def test_what_the_worker_is_told(core):
    worker = FakeWorker(core)
    core.wait_ready("fake")
    made = core.add(events.event(tags={"b": 1, "a": 2}))
    kinds = [k for k in worker.kinds() if k != wire.PING]
    assert kinds == [wire.WHO, wire.WELCOME, wire.WRITE]
    welcome = only(worker, wire.WELCOME)[0]
    assert welcome[5] == 1 and 100 <= welcome[6] <= 60_000 and welcome[7] <= welcome[8]
    assert abs(wire.boottime() - welcome[4]) < 5e9
    (op, accept, id, encoded), = worker.batches[0]
    event = wire.unpack(encoded)
    assert (op, id, event[:6]) == (wire.ADD, uuid.UUID(made["id"]).bytes,
                                   [1, id, made["origin"], "dev-0", "climate", "sensor"])
    assert event[6] == '{"a":2,"b":1}'
    assert event[7] == [[None, None, None, "temperature", 9, None, None, "21"]]
    assert abs(accept - time.time_ns()) < 60e9
    worker.wait_kind(wire.PING, times=3)


def test_accept_numbers_rise(core):
    worker = FakeWorker(core)
    core.wait_ready("fake")
    for _ in range(50):
        core.add(events.event())
    core.core.stop()
    core.start_core()
    core.wait_ready("fake")
    for _ in range(50):
        core.add(events.event())
    numbers = [w[1] for batch in worker.batches for w in batch]
    assert numbers == sorted(set(numbers)) and len(numbers) == 100


def test_replies_that_were_cut(core):
    """A worker may answer with less than asked, and `more`; core-data asks for the rest."""
    worker = FakeWorker(core)
    core.wait_ready("fake")
    made = [events.event() for _ in range(25)]
    core.add(*made)
    asked = []

    def one_at_a_time(worker, seq, ask):
        asked.append(ask)
        if ask[0] in (wire.EVENTS, wire.READINGS) and ask[3] > 1:
            short = wire.unpack(worker.store.answer([*ask[:3], 1, *ask[4:]], 1 << 20))
            left = len(worker.store.events) - ask[2] > 1
            return Plan(payload=wire.pack([left, short[1], short[2]]))
        return None
    worker.on_query = one_at_a_time
    got = core.json("/event/all?limit=10&offset=2")
    assert [e["id"] for e in got["events"]] == [e["id"] for e in reversed(made)][2:12]
    assert got["totalCount"] == 25
    assert len(asked) >= 10
    assert len(core.json("/reading/all?limit=100")["readings"]) == 25


def test_two_groups_at_once(core):
    core.start_sqlite()
    worker = FakeWorker(core)
    core.wait_ready("fake")
    made = [core.add(events.event()) for _ in range(50)]
    until(lambda: len(worker.store.events) == 50, 5, "all events in the second group")
    assert core.count() == 50
    groups = core.groups()
    assert {g["backend"] for g in groups.values()} == {"sqlite", "fake"}
    assert [n for n, g in groups.items() if g["preferred"]] != []
    # Either one serves alone.
    core.sqlite.stop()
    until(lambda: not core.ready_workers("sqlite"), 3, "sqlite gone")
    assert {e["id"] for e in core.json("/event/all?limit=100")["events"]} == {e["id"] for e in made}
    core.start_sqlite()
    worker.crash()
    until(lambda: not core.ready_workers("fake"), 3, "the fake worker gone")
    assert {e["id"] for e in core.json("/event/all?limit=100")["events"]} == {e["id"] for e in made}


def test_two_workers_of_one_group_share_the_load(core, pool):
    store = MemoryStore()
    first, second = FakeWorker(core, name="w1", store=store), FakeWorker(core, name="w2", store=store)
    core.wait_ready("fake", workers=2)
    for w in (first, second):
        w.on_write = lambda *_: Plan(delay=0.005)
    answers = [a.result()[0] for a in [pool.submit(post, core) for _ in range(300)]]
    assert set(answers) == {201} and len(store.events) == 300
    assert min(len(first.batches), len(second.batches)) > 5
    # Each event was executed by one of them only.
    assert set(store.adds.values()) == {1}


# ---- credit


@pytest.mark.parametrize("batches", [1, 2, 4])
def test_credit_of_batches(core, pool, batches):
    worker = FakeWorker(core, batches=batches)
    core.wait_ready("fake")
    worker.on_write = lambda *_: Plan(delay=0.01)
    assert {a.result()[0] for a in [pool.submit(post, core) for _ in range(200)]} == {201}
    assert worker.most_writes == batches
    assert max(len(b) for b in worker.batches) > 1  # what arrives meanwhile is the next batch


def test_credit_of_messages(core, pool):
    worker = FakeWorker(core, messages=2, batches=2)
    core.wait_ready("fake")
    worker.on_write = worker.on_query = lambda *_: Plan(delay=0.005)
    posts = [pool.submit(post, core) for _ in range(50)]

    def count():
        client = Client(core.http)
        return client.get("/api/v3/event/count").status
    reads = [pool.submit(count) for _ in range(50)]
    assert {p.result()[0] for p in posts} == {201} and {r.result() for r in reads} == {200}
    assert worker.most_messages <= 2


def test_credit_of_bytes(core, pool):
    worker = FakeWorker(core, bytes=10_000)
    core.wait_ready("fake")
    worker.on_write = lambda *_: Plan(delay=0.005)
    made = [events.event(readings=[events.reading(value="x" * 3000, type="String")]) for _ in range(60)]
    # One larger than all the credit goes alone.
    made.append(events.event(readings=[events.reading(value="x" * 50_000, type="String")]))
    assert {a.result()[0] for a in [pool.submit(post, core, e) for e in made]} == {201}
    assert worker.most_bytes <= 10_000


def test_batches_that_suit_the_worker(core, pool):
    worker = FakeWorker(core, batch_events=7, batch_bytes=5_000)
    core.wait_ready("fake")
    worker.on_write = lambda *_: Plan(delay=0.01)
    made = [events.event(readings=[events.reading(value="x" * (1500 if n % 5 == 0 else 10), type="String")])
            for n in range(150)]
    made.append(events.event(readings=[events.reading(value="x" * 9_000, type="String")]))
    assert {a.result()[0] for a in [pool.submit(post, core, e) for e in made]} == {201}
    assert max(len(b) for b in worker.batches) == 7
    for batch in worker.batches:
        assert len(batch) == 1 or sum(len(w[3]) for w in batch) <= 5_000


# ---- one refused event does not take its batch along


def test_partial_failures(core, pool):
    worker = FakeWorker(core)
    core.wait_ready("fake")
    worker.on_write = lambda *_: Plan(delay=0.05)
    blocker = pool.submit(post, core)
    worker.wait_kind(wire.WRITE)
    refused = {"bad": wire.INVALID, "taken": wire.CONFLICT}

    def refuse(worker, seq, writes):
        failed = [[i, refused[wire.unpack(w[3])[3]]] for i, w in enumerate(writes) if wire.unpack(w[3])[3] in refused]
        return Plan(failed=failed)
    worker.on_write = refuse
    made = [events.event(device=d) for d in ("good", "bad", "good", "taken", "good")]
    answers = [pool.submit(post, core, e) for e in made]
    assert [a.result()[0] for a in answers] == [201, 400, 201, 409, 201]
    assert blocker.result()[0] == 201


@pytest.mark.parametrize("status", [wire.UNAVAILABLE, wire.FULL])
def test_a_batch_that_failed_is_sent_again(core, pool, status):
    """The worker's store is away for a moment: nothing of the batch counts, and it comes again."""
    worker = FakeWorker(core)
    core.wait_ready("fake")
    fails = []

    def fail(worker, seq, writes):
        fails.append(writes)
        return Plan(execute=False, status=status, text="away for a moment", then_ready=False)
    worker.on_write = fail
    answer = pool.submit(post, core)
    for n in (1, 2):
        until(lambda: len(fails) == n, 3, "the batch comes")
        stays(lambda: len(fails) == n and not answer.done(), 0.2, "it waits for READY true")
        worker.on_write = fail if n == 1 else None
        worker.say_ready(True)
    assert answer.result()[0] == 201
    assert len(fails) == 2 and worker.batches[-1] == fails[0] == fails[1]


def test_an_internal_error_of_the_store(core):
    worker = FakeWorker(core)
    core.wait_ready("fake")
    worker.on_write = lambda *_: Plan(execute=False, status=wire.INTERNAL, text="disk on fire")
    assert post(core)[0] in (500, 503)
    worker.on_write = None
    assert post(core)[0] == 201


@pytest.mark.parametrize("status", [wire.UNSUPPORTED, wire.INTERNAL, wire.OVERFLOW, wire.NOMEM])
def test_a_query_that_the_worker_can_not_answer(core, status):
    worker = FakeWorker(core)
    core.wait_ready("fake")
    worker.on_query = lambda *_: Plan(status=status, text="not today", payload=None, execute=False)
    answer = core.get("/event/all")
    assert 500 <= answer.status <= 503 and answer.json["statusCode"] == answer.status
    worker.on_query = None
    assert core.get("/event/all").status == 200


# ---- slow, silent, gone


def test_a_slow_worker(core, pool):
    """5 ms a batch: batches grow, nothing fails."""
    worker = FakeWorker(core, batches=1)
    core.wait_ready("fake")
    worker.on_write = lambda *_: Plan(delay=0.005)
    assert {a.result()[0] for a in [pool.submit(post, core) for _ in range(500)]} == {201}
    assert len(worker.batches) < 250


def test_a_slow_group_is_not_waited_for(core):
    """No ack within a second: the other group's decides."""
    core.start_sqlite()
    worker = FakeWorker(core)
    core.wait_ready("fake")
    worker.on_write = lambda *_: Plan(delay=4.0)
    for _ in range(3):
        status, seconds = post(core)
        assert status == 201 and seconds < 2.0 * SLOWER
    assert core.count() == 3


def test_an_ack_that_takes_its_time(core):
    worker = FakeWorker(core)
    core.wait_ready("fake")
    worker.on_write = lambda *_: Plan(delay=0.5)
    status, seconds = post(core)
    assert status == 201 and seconds > 0.45


def test_a_late_ack(core):
    """The client is not kept waiting: its event is in the spool (202). The ack that comes then still counts."""
    worker = FakeWorker(core)
    core.wait_ready("fake")
    worker.on_write = lambda *_: Plan(delay=2.5)
    made = events.event()
    status, seconds = post(core, made)
    assert status == 202 and seconds < 2.4
    worker.on_write = None
    core.wait_settled("fake")
    assert core.count() == 1 and core.has(made["id"])


def test_work_of_a_lost_worker_goes_to_another(core, pool):
    store = MemoryStore()
    silent = FakeWorker(core, name="silent", store=store)
    core.wait_ready("fake")
    silent.on_write = lambda *_: Plan(execute=False, answer=False)
    answers = [pool.submit(post, core) for _ in range(20)]
    silent.wait_kind(wire.WRITE)
    FakeWorker(core, name="second", store=store)
    core.wait_ready("fake", workers=2)
    silent.crash()
    assert {a.result()[0] for a in answers} == {201}
    assert len(store.events) == 20


def test_a_worker_that_executed_but_did_not_answer(core, pool):
    """Its batch is executed twice, with the same numbers: stored once, and no conflict."""
    store = MemoryStore()
    silent = FakeWorker(core, name="silent", store=store)
    core.wait_ready("fake")
    silent.on_write = lambda *_: Plan(answer=False)
    answers = [pool.submit(post, core) for _ in range(20)]
    until(lambda: len(store.events) >= 1, 3, "the first batch executed")
    FakeWorker(core, name="second", store=store)
    core.wait_ready("fake", workers=2)
    silent.crash()
    assert {a.result()[0] for a in answers} == {201}
    assert len(store.events) == 20 and core.count() == 20


def test_a_query_of_a_lost_worker_is_asked_again(core, pool):
    store = MemoryStore()
    silent = FakeWorker(core, name="silent", store=store)
    core.wait_ready("fake")
    core.add(events.event())
    silent.on_query = lambda *_: Plan(answer=False)
    client = Client(core.http)
    answer = pool.submit(client.get, "/api/v3/event/count")
    silent.wait_kind(wire.QUERY)
    FakeWorker(core, name="second", store=store)
    core.wait_ready("fake", workers=2)
    silent.crash()
    assert answer.result().json["count"] == 1
    client.close()


def test_no_pong(core):
    """A worker that takes work and answers no PING is given up within about 2 s; another one does its work."""
    store = MemoryStore()
    dumb = FakeWorker(core, name="dumb", store=store)
    core.wait_ready("fake")
    dumb.pong = False
    dumb.on_write = lambda *_: Plan(answer=False, execute=False)
    FakeWorker(core, name="good", store=store)
    until(lambda: len(core.groups()["fake"]["workers"]) == 2, 3, "two workers")
    for _ in range(4):
        status, seconds = post(core)
        assert status in (201, 202) and seconds < 4 * SLOWER
    until(lambda: len(store.events) == 4, 8, "all of them stored")
    # Its subscription is still there, so it is asked who it is again.
    dumb.wait_kind(wire.WHO, times=2)


def test_a_paused_worker_that_wakes(core):
    """Its old session's messages lie in its queue. What it executes of them is done again in the new session, with the
    same numbers, so it is there once."""
    worker = FakeWorker(core)
    core.wait_ready("fake")
    core.add(events.event())
    worker.call(worker.pause)
    status, _ = post(core)
    assert status in (201, 202)
    until(lambda: not core.ready_workers("fake"), 5, "the paused worker given up")
    worker.paused = False
    core.wait_ready("fake")
    core.wait_settled("fake")
    core.add(events.event())
    assert core.count() == 3
    assert worker.kinds().count(wire.WHO) >= 2


def test_ready_false_and_true_again(core, pool):
    worker = FakeWorker(core)
    core.wait_ready("fake")
    worker.say_ready(False, "the store is away: check its cable")
    until(lambda: not core.ready_workers("fake"), 3, "the worker not ready")
    answer = pool.submit(post, core)
    stays(lambda: wire.WRITE not in worker.kinds(), 0.3, "no write to a worker that is not ready")
    worker.say_ready(True)
    assert answer.result()[0] == 201


def test_a_worker_whose_store_is_away_at_the_start(core):
    worker = FakeWorker(core, ready=False)
    until(lambda: worker.welcome, 3, "WELCOME")
    worker.say_ready(False, "the store is away: check its cable")
    until(lambda: len(core.groups()["fake"]["workers"]) == 1, 3, "the worker in the status")
    assert not core.ready_workers("fake")
    worker.say_ready(True)
    core.wait_ready("fake")
    core.add(events.event())


def test_bye(core, pool):
    """After DRAIN nothing comes; what came before is answered; another worker does the rest."""
    store = MemoryStore()
    leaver = FakeWorker(core, name="leaver", store=store)
    core.wait_ready("fake")
    leaver.on_write = lambda *_: Plan(delay=0.3)
    before = pool.submit(post, core)
    leaver.wait_kind(wire.WRITE)
    leaver.say_bye()
    until(lambda: leaver.drained, 3, "DRAIN")
    FakeWorker(core, name="other", store=store)
    assert [pool.submit(post, core).result()[0] for _ in range(5)] == [201] * 5
    assert before.result()[0] == 201
    after = leaver.kinds()[leaver.kinds().index(wire.DRAIN) + 1:]
    assert set(after) <= {wire.PING}
    assert len(leaver.batches) == 1 and store.adds[leaver.batches[0][0][2]] == 1


def test_a_new_subscription_is_a_new_session(core):
    worker = FakeWorker(core)
    core.wait_ready("fake")
    for n in range(2, 6):
        worker.resubscribe(core)
        worker.wait_kind(wire.WELCOME, times=n)
        core.wait_ready("fake")
        core.add(events.event())
    sessions = [h[3] for h in only(worker, wire.WHO)]
    assert len(set(sessions)) == len(sessions) >= 5
    assert core.count() == 4


def test_a_lost_connection_that_ends_late(core):
    """A half-open connection is noticed by the worker first: its new subscription comes before the old one's end.
    Three times, since the order is the point."""
    worker = FakeWorker(core)
    core.wait_ready("fake")

    def overlap():
        old = worker.peer.sub
        worker.peer.subscribe()
        until(lambda: worker.peer.sub.poll(10), 3, "the new connection is heard")
        old.close()
    for n in range(3):
        worker.call(overlap)
        core.add(events.event())
        core.wait_ready("fake")
        stays(lambda: core.ready_workers("fake"), 0.3, "the worker stays ready")
        core.add(events.event())
    assert core.count() == 6


def test_credit_beyond_the_bounds(core):
    """A worker that offers more than messages 256 and batches 16 gets no more than that."""
    worker = FakeWorker(core, messages=100_000, batches=100_000)
    core.wait_ready("fake")
    worker.on_write = lambda *_: Plan(delay=0.2)
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        assert {a.result()[0] for a in [pool.submit(post, core) for _ in range(200)]} == {201}
    assert worker.most_writes <= 16


def test_a_new_epoch(core):
    worker = FakeWorker(core)
    core.wait_ready("fake")
    core.core.kill()
    core.start_core()
    core.wait_ready("fake")
    core.add(events.event())
    epochs = [h[2] for h in only(worker, wire.WHO)]
    assert len(set(epochs)) == 2 and epochs == sorted(epochs)


# ---- wrong sessions and epochs


@pytest.mark.parametrize("wrong", ["session", "epoch"])
def test_an_ack_of_another_session_is_dropped(core, pool, wrong):
    worker = FakeWorker(core)
    core.wait_ready("fake")
    worker.on_write = lambda *_: Plan(execute=False, **{wrong: 12345})
    answer = pool.submit(post, core)
    worker.wait_kind(wire.WRITE)
    stays(lambda: not answer.done(), 0.5, "the request is not answered by a wrong ACK")
    worker.on_write = None
    worker.resubscribe(core)
    assert answer.result()[0] == 201
    assert len(worker.store.events) == 1
    assert core.counter("messagesStale") > 0


@pytest.mark.parametrize("wrong", ["session", "epoch"])
def test_a_reply_of_another_session_is_dropped(core, pool, wrong):
    worker = FakeWorker(core)
    core.wait_ready("fake")
    lie = wire.pack([False, 4711, []])
    worker.on_query = lambda *_: Plan(payload=lie, **{wrong: 12345})
    client = Client(core.http)
    answer = pool.submit(client.get, "/api/v3/event/count")
    worker.wait_kind(wire.QUERY)
    stays(lambda: not answer.done(), 0.5, "the request is not answered by a wrong REPLY")
    worker.on_query = None
    worker.resubscribe(core)
    assert answer.result().json["count"] == 0
    client.close()


def test_unknown_sequence_numbers_are_dropped(core):
    worker = FakeWorker(core)
    core.wait_ready("fake")

    def nonsense():
        for seq in (0, 99, wire.UINT_MAX):
            worker.peer.send(wire.ACK, seq, wire.OK, "", 1, [])
            worker.peer.send(wire.REPLY, seq, wire.OK, "", payload=wire.pack([False, 1, []]))
    worker.call(nonsense)
    core.add(events.event())
    assert core.count() == 1


def test_a_hello_for_somebody_else_is_dropped(core):
    """A stranger can't take over a session by naming its topic."""
    worker = FakeWorker(core)
    core.wait_ready("fake")
    stranger = Peer(core, "fake", subscribe=False)
    for epoch, session in ((0, 0), (worker.peer.epoch, worker.peer.session + 1), (worker.peer.epoch, 0)):
        stranger.hello(uuid.uuid4().bytes, topic=worker.peer.topic, epoch=epoch, session=session)
    core.add(events.event())
    assert core.count() == 1
    assert worker.kinds().count(wire.WHO) == 1
    stranger.close()


# ---- refusals


def refused(peer):
    header, _ = peer.expect(wire.REFUSE)
    return header[5], header[6]


def test_another_data_set_is_refused(core):
    worker = FakeWorker(core)
    core.wait_ready("fake")
    peer = Peer(core, "fake", "w2")
    peer.expect(wire.WHO)
    peer.hello(uuid.uuid4().bytes)
    status, text = refused(peer)
    assert status == wire.CONFLICT and "another data set" in text
    assert len(core.groups()["fake"]["workers"]) == 1
    # It is asked again, and welcome once the other has gone.
    worker.crash()
    peer.expect(wire.WHO)
    peer.hello(uuid.uuid4().bytes)
    peer.expect(wire.WELCOME)
    peer.close()


def test_another_major_version_is_refused(core):
    peer = Peer(core)
    peer.expect(wire.WHO)
    peer.hello(uuid.uuid4().bytes, major=2)
    status, text = refused(peer)
    assert status == wire.UNSUPPORTED and "1" in text and "2" in text
    peer.close()


def test_a_topic_of_another_major_version_is_refused(core):
    peer = Peer(core, topic_text=wire.topic("fake", major=2))
    status, text = refused(peer)
    assert status == wire.UNSUPPORTED and "2" in text
    peer.close()


HELLO_FIELDS = ["fake", "0", "fake", 0, True, bytes(16), 0, 64, 2, 8 << 20, 1000, 1 << 20]


@pytest.mark.parametrize("at, value", [
    (0, 5), (1, None), (2, "Fake group"), (2, "other"), (2, ""), (3, "aggregate"), (4, 1), (4, None),
    (5, bytes(15)), (5, "x" * 16), (6, -1), (6, None), (7, 0), (8, 0), (9, -5),
    (9, None), (10, -1), (11, "many")])
def test_a_malformed_hello_is_refused(core, at, value):
    peer = Peer(core)
    peer.expect(wire.WHO)
    fields = HELLO_FIELDS[:]
    fields[at] = value
    peer.send(wire.HELLO, peer.topic, 0, *fields)
    status, text = refused(peer)
    assert status == wire.INVALID and text
    assert core.groups().get("fake", {}).get("workers", []) == []
    # It may try again.
    peer.expect(wire.WHO)
    peer.hello(bytes(range(16)))
    peer.expect(wire.WELCOME)
    peer.close()


def test_a_short_hello_is_refused(core):
    peer = Peer(core)
    peer.expect(wire.WHO)
    peer.send(wire.HELLO, peer.topic, 0, *HELLO_FIELDS[:-1])
    assert refused(peer)[0] == wire.INVALID
    peer.close()


def test_a_later_minor_version_is_welcome(core):
    """Elements behind those that are known are ignored."""
    peer = Peer(core)
    peer.expect(wire.WHO)
    peer.send(wire.HELLO, peer.topic, 9, *HELLO_FIELDS, "an element", ["of", {"a later": "minor"}])
    peer.expect(wire.WELCOME)
    peer.send(wire.READY, True, "", True, bytes(16), 0, 1, 2, 3)
    core.wait_ready("fake")
    peer.close()


def test_a_worker_that_never_says_hello(core):
    """It is asked once a second, and harms nobody."""
    mute = Peer(core, "mute")
    FakeWorker(core)
    core.wait_ready("fake")
    sessions = [mute.expect(wire.WHO)[0][3] for _ in range(3)]
    assert len(set(sessions)) == 3
    core.add(events.event())
    assert "mute" not in core.groups() or core.groups()["mute"]["workers"] == []
    mute.close()


@pytest.mark.parametrize("text", ["persist/1/", "persist/", "persist/1/fake/w1.abcdef01", "persist/1/fake/w1/",
                                  "persist/1/fa ke/w1.abcdef01/", "persist/1/fake/w1.abc/", "persist/1//w.abcdef01/",
                                  "persist/x/fake/w1.abcdef01/", "persist/1/fake/w1.abcdef01/more/",
                                  "persist/1/" + "g" * 65 + "/w1.abcdef01/", "edgex/", "\x00\x01"])
def test_topics_of_no_worker(core, text):
    """A subscription that is no worker's gets no session and does no harm."""
    peer = Peer(core, topic_text=text)
    worker = FakeWorker(core)
    core.wait_ready("fake")
    core.add(events.event())
    while peer.sub.poll(300):  # a listener on a prefix may hear; what is sent to it alone is a refusal
        frames = peer.sub.recv_multipart()
        if frames[0].decode() == text:
            assert wire.unpack(frames[1])[1] == wire.REFUSE
        else:
            assert frames[0].decode() == worker.peer.topic
    assert list(core.groups()) == ["fake"]
    peer.close()


# ---- malformed messages in a session


GARBAGE = {
    "no array": b"\xc0", "empty": b"", "random": bytes(range(256)), "short": wire.pack([1, wire.ACK]),
    "unknown kind": None, "truncated": None, "deep": b"\x91" * 10_000,
    "huge array": b"\xdd\xff\xff\xff\xff", "huge bin": b"\xc6\xff\xff\xff\xff", "huge map": b"\xdf\xff\xff\xff\xff\x01",
}


def malformed(worker, what):
    good = [1, wire.ACK, worker.peer.epoch, worker.peer.session, 1, 0, "", 1, []]
    if what == "unknown kind":
        return wire.pack([1, 99, *good[2:]])
    if what == "truncated":
        return wire.pack(good)[:-2]
    return GARBAGE[what]


@pytest.mark.parametrize("what", GARBAGE)
def test_malformed_headers(core, what):
    worker = FakeWorker(core)
    core.wait_ready("fake")
    before = core.counter("messagesMalformed") + core.counter("messagesStale")
    frame = malformed(worker, what)
    worker.call(lambda: worker.peer.send_frames(frame))
    until(lambda: core.counter("messagesMalformed") + core.counter("messagesStale") > before, 3, "it is counted")
    core.wait_ready("fake")
    core.add(events.event())
    assert core.count() == 1


@pytest.mark.parametrize("elements", [
    [wire.ACK, "one", 0, "", 1, []], [wire.ACK, 1, 0, "", 1], [wire.ACK, 1, 0, "", 1, [[0]]],
    [wire.ACK, 1, 0, "", 1, [[5000, 2]]], [wire.ACK, 1, 0, "", 1, [[0, 1], [0, 2]]], [wire.ACK, 1, 0, b"\xff", 1, []],
    [wire.ACK, 1, 0, "", 1, [[-1, 2]]], [wire.ACK, -1, 0, "", 1, []]])
def test_a_malformed_ack(core, pool, elements):
    """The session ends, and the batch goes to the worker of the next one, a second later."""
    worker = FakeWorker(core)
    core.wait_ready("fake")
    spoiled = []

    def spoil(worker, seq, writes):
        if not spoiled:
            spoiled.append(seq)
            ack = [seq if e == 1 and i == 1 else e for i, e in enumerate(elements)]
            return Plan(execute=False, frames=[wire.pack([1, ack[0], worker.peer.epoch, worker.peer.session, *ack[1:]])])
        return None
    worker.on_write = spoil
    status, _ = post(core)
    assert status in (201, 202)
    worker.wait_kind(wire.WHO, times=2, within=3 * PATIENCE)
    core.wait_settled("fake")
    assert len(worker.store.events) == 1 and spoiled
    assert core.count() == 1


ANSWERS = {
    "nothing": b"", "nil": b"\xc0", "no items": wire.pack([False, 1]), "items of nothing": wire.pack([False, 1, [[]]]),
    "numbers": wire.pack([False, 1, [1, 2, 3]]), "an event of garbage": wire.pack([False, 1, [[7, b"garbage"]]]),
    "an event of nil": wire.pack([False, 1, [[7, wire.pack(None)]]]), "huge": b"\x93\xc2\x00\xdd\xff\xff\xff\xff",
    "trailing": wire.pack([False, 0, []]) + b"\x00", "invalid text": b"\x93\xc2\x01\x91\x98\x01\xa1\xff" + b"\xa1a" * 6,
    "more for ever": wire.pack([True, 5, []]),
}


@pytest.mark.parametrize("what", ANSWERS)
@pytest.mark.parametrize("path", ["/event/all", "/reading/all"])
def test_a_malformed_answer(core, what, path):
    """The client gets an error, and core-data goes on."""
    worker = FakeWorker(core)
    core.wait_ready("fake")
    core.add(events.event())
    worker.on_query = lambda *_: Plan(payload=ANSWERS[what])
    began = time.monotonic()
    answer = core.get(path)
    assert answer.status in (500, 502, 503), answer
    assert time.monotonic() - began < 7 * SLOWER
    worker.on_query = None
    core.wait_ready("fake")
    assert core.count() == 1


def test_a_worker_that_lies_about_counts(core):
    """Totals beyond what it gives are the worker's word; they must not cost memory or time."""
    worker = FakeWorker(core)
    core.wait_ready("fake")
    worker.on_query = lambda *_: Plan(payload=wire.pack([False, wire.UINT_MAX, []]))
    assert core.get("/event/count").status in (200, 500, 503)
    assert core.get("/event/all?limit=5").status in (200, 500, 503)
    assert core.ping()
