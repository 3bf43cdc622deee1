"""A store in memory that obeys section 4 and 5 of docs/PROTOCOL.md; several fake workers may share one."""

import threading
import uuid

from . import wire


def unfold(encoded):
    """Event bytes -> (event list, readings without nil in their first four elements)."""
    event = wire.unpack(encoded)
    version, id, origin, device, profile, source, tags, readings = event[:8]
    assert version == 1 and len(id) == 16
    full = []
    for r in readings:
        own = list(r)
        own[0] = origin if own[0] is None else own[0]
        own[1] = device if own[1] is None else own[1]
        own[2] = profile if own[2] is None else own[2]
        own[3] = source if own[3] is None else own[3]
        full.append(own)
    return event, full


class Filter:
    def __init__(self, parts):
        (self.device, self.source, self.resources, self.ids, self.origin_min, self.origin_max,
         self.accept_max) = parts[:7]

    def event(self, accept, event):
        return (self.origin_min <= event[2] <= self.origin_max and accept <= self.accept_max
                and self.device in (None, event[3]) and self.source in (None, event[5])
                and (not self.ids or event[1] in self.ids))

    def reading(self, r):
        return (self.origin_min <= r[0] <= self.origin_max and self.device in (None, r[1])
                and (not self.resources or r[3] in self.resources))


class MemoryStore:
    def __init__(self):
        self.data_set = uuid.uuid4().bytes
        self.mark = 0
        self.events = {}  # id -> (accept, encoded)
        self.adds = {}  # id -> how often an add of it was executed
        self.lock = threading.Lock()

    def _apply_one(self, write):
        op, accept, id = write[:3]
        self.mark = max(self.mark, accept)
        known = self.events.get(id)
        if op == wire.DELETE:
            return wire.OK if self.events.pop(id, None) else wire.NOT_FOUND
        assert op == wire.ADD
        self.adds[id] = self.adds.get(id, 0) + 1
        if known:
            return wire.OK if known[0] == accept else wire.CONFLICT
        assert unfold(write[3])[0][1] == id, "a write's id is not its event's"
        self.events[id] = (accept, write[3])
        return wire.OK

    def apply(self, writes):
        """Returns the list of [index, status] of what is not OK."""
        with self.lock:
            statuses = [self._apply_one(w) for w in writes]
        return [[i, s] for i, s in enumerate(statuses) if s != wire.OK]

    def _events(self, parts, ascending=False):
        where = Filter(parts)
        found = []
        for accept, encoded in self.events.values():
            event, _ = unfold(encoded)
            if where.event(accept, event):
                found.append((event[2], event[1], accept, encoded))
        return sorted(found, key=lambda f: f[:2], reverse=not ascending)

    def _readings(self, parts):
        where = Filter(parts)
        found = []
        for accept, encoded in self.events.values():
            event, readings = unfold(encoded)
            found += [((r[0], event[1], -i), r) for i, r in enumerate(readings) if where.reading(r)]
        return [r for _, r in sorted(found, key=lambda f: f[0], reverse=True)]

    def _purge(self, parts, limit):
        found = self._events(parts)
        for _, id, _, _ in found[:limit]:
            del self.events[id]
        return len(found) > limit, min(limit, len(found)), []

    def _sources(self):
        counts = {}
        for _, encoded in self.events.values():
            event, _ = unfold(encoded)
            counts[event[3], event[5]] = counts.get((event[3], event[5]), 0) + 1
        return False, 0, [[d, s, n] for (d, s), n in counts.items()]

    def _scan(self, low, high, after, limit):
        found = self._events([None, None, [], [], low, high, wire.UINT_MAX], ascending=True)
        if after is not None:
            found = [f for f in found if f[:2] > tuple(after)]
        return False, 0, [[a, e] for _, _, a, e in found[:limit]]

    def _find(self, ask):
        kind = ask[0]
        if kind in (wire.EVENTS, wire.READINGS):
            _, parts, offset, limit, total = ask[:5]
            if kind == wire.EVENTS:
                found = [[a, e] for _, _, a, e in self._events(parts)]
            else:
                found = self._readings(parts)
            return False, len(found) if total else 0, found[offset:offset + limit]
        if kind == wire.COUNT:
            what, parts = ask[1:3]
            return False, len(self._readings(parts) if what else self._events(parts)), []
        if kind == wire.SOURCES:
            return self._sources()
        if kind == wire.SCAN:
            return self._scan(*ask[1:5])
        if kind == wire.PURGE:
            return self._purge(ask[1], ask[2])
        return None

    def answer(self, ask, reply_bytes):
        """The payload of a REPLY, cut at reply_bytes; None for what this store does not do."""
        with self.lock:
            found = self._find(ask)
        if found is None:
            return None
        more, total, items = found
        size, kept = 16, []
        for item in items:
            size += len(wire.pack(item))
            if kept and size > reply_bytes:
                more = True
                break
            kept.append(item)
        return wire.pack([more, total, kept])
