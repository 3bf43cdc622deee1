#!/usr/bin/env python3
"""Posts events, one after another, and tells in the end how they were answered.

    examples/post-events.py [--rate N] [--device NAME] [COUNT]

Without COUNT it goes on until Ctrl-C or SIGTERM. --rate is in events/s; without it, as fast as core-data answers.
core-data's address is PERSISTBUS_URL, or http://127.0.0.1:59880. Each event has one reading, a temperature. One that
fails is not posted again. Exit status 1 if any failed.
"""

import argparse
import http.client
import json
import math
import os
import signal
import sys
import time
import urllib.parse
import uuid


def event(device, n):
    now = time.time_ns()
    reading = {"origin": now, "deviceName": device, "profileName": "example", "resourceName": "temperature",
               "valueType": "Float64", "units": "C", "value": "%.2f" % (20 + 5 * math.sin(n / 100))}
    return {"apiVersion": "v3", "event": {"apiVersion": "v3", "id": str(uuid.uuid4()), "deviceName": device,
                                          "profileName": "example", "sourceName": "temperature", "origin": now,
                                          "readings": [reading]}}


class Poster:
    def __init__(self, url):
        parts = urllib.parse.urlsplit(url if "//" in url else "//" + url)
        self.address = (parts.hostname, parts.port or 59880)
        self.connection = None
        self.stored = self.waiting = self.failed = 0
        self.slowest = 0.0
        self.ended = False

    def answer(self, path, request):
        """The status; 0 if there was none."""
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection(*self.address, timeout=30)
            self.connection.request("POST", path, json.dumps(request), {"Content-Type": "application/json"})
            answer = self.connection.getresponse()
            answer.read()
            return answer.status
        except (OSError, http.client.HTTPException):
            self.connection.close()
            self.connection = None
            return 0

    def post(self, device, n):
        began = time.monotonic()
        path = f"/api/v3/event/example/example/{urllib.parse.quote(device, safe='')}/temperature"
        status = self.answer(path, event(device, n))
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.stored += status == 201
        self.waiting += status == 202
        self.failed += status not in (201, 202)

    def end(self, *_):
        self.ended = True

    def run(self, device, count, rate):
        began = time.monotonic()
        n = 0
        while not self.ended and (count is None or n < count):
            if rate:
                time.sleep(max(0.0, began + n / rate - time.monotonic()))
            self.post(device, n)
            n += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", nargs="?", type=int, metavar="COUNT")
    parser.add_argument("--rate", type=float, default=0, metavar="N")
    parser.add_argument("--device", default="example-1", metavar="NAME")
    wanted = parser.parse_args()
    poster = Poster(os.environ.get("PERSISTBUS_URL") or "http://127.0.0.1:59880")
    signal.signal(signal.SIGINT, poster.end)
    signal.signal(signal.SIGTERM, poster.end)
    poster.run(wanted.device, wanted.count, wanted.rate)
    print(f"{poster.stored + poster.waiting + poster.failed} events: {poster.stored} stored (201), "
          f"{poster.waiting} waiting (202), {poster.failed} failed; slowest answer {poster.slowest * 1000:.0f} ms")
    return 1 if poster.failed else 0


if __name__ == "__main__":
    sys.exit(main())
