"""See growth.sh."""

import os
import random
import statistics
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "tests"))

from support import backend, events  # noqa: E402
from support.client import Client  # noqa: E402
from posting import post_until  # noqa: E402

ROUNDS = 300
WARM = 50
ALLOWED = 2.0
NOISE_MS = 0.1  # differences below it are the machine's


def routes(ids):
    """Title -> what gives the next path."""
    def device(path):
        return lambda: path + f"device-{random.randrange(100)}"
    return {
        "event/all": lambda: "/event/all",
        "event/id/{}": lambda: "/event/id/" + random.choice(ids),
        "event/count": lambda: "/event/count",
        "event/count/device/name/{}": device("/event/count/device/name/"),
        "event/device/name/{}": device("/event/device/name/"),
        "reading/all": lambda: "/reading/all",
        "reading/count": lambda: "/reading/count",
        "reading/device/name/{}": device("/reading/device/name/"),
    }


def post_few(stand, count):
    """With ids that are known here."""
    ids = [[] for _ in range(4)]

    def post(mine):
        client = Client(stand.http)
        for n in range(count // 4):
            name = f"device-{n % 100}"
            origin = events.now()
            event = events.event(device=name, origin=origin, readings=[events.reading(device=name, origin=origin)])
            stand.add(event, client=client)
            mine.append(event["id"])
        client.close()
    threads = [threading.Thread(target=post, args=(mine,)) for mine in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [id for mine in ids for id in mine]


def measure(stand, asked):
    """Medians in ms, all routes in turn, so that what else the machine does is the same for all."""
    client, spans = Client(stand.http), {title: [] for title in asked}
    for n in range(WARM + ROUNDS):
        for title, path in asked.items():
            began = time.perf_counter()
            answer = client.get("/api/v3" + path())
            span = time.perf_counter() - began
            assert answer.status == 200, (title, answer)
            if n >= WARM:
                spans[title].append(span * 1000)
    client.close()
    return {title: statistics.median(s) for title, s in spans.items()}


def main(few, many):
    name = os.environ.get("BACKEND", "sqlite")
    with backend.stand(name, WRITABLE_LOGLEVEL="WARN") as stand:
        ids = post_few(stand, few)
        asked = routes(ids)
        few, before = stand.count(), measure(stand, asked)
        post_until(stand, "/event/count", many)
        many, after = stand.count(), measure(stand, asked)
        stand.failed = False
    print(f"backend {name}: median of {ROUNDS} requests one after another, in ms")
    print(f"{'':28} {few:>10} events {many:>10} events   ratio")
    worse = []
    for title, span in before.items():
        ratio = after[title] / span
        if ratio > ALLOWED and after[title] - span > NOISE_MS:
            worse.append(title)
        print(f"{title:28} {span:17.3f} {after[title]:17.3f} {ratio:7.2f}")
    if worse:
        sys.exit(f"growth: more than {ALLOWED:g} times as long with many events: {', '.join(worse)}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
