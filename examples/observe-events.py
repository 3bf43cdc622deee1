#!/usr/bin/env python3
"""Follows persistbus' public event stream and prints a line for each event.

    examples/observe-events.py [ENDPOINT] [TOPIC]

ENDPOINT defaults to tcp://127.0.0.1:5563; TOPIC is a prefix, such as edgex/events/core/device-virtual/. A message is
two frames: the topic, edgex/events/core/<service>/<profile>/<device>/<source>, and EdgeX's message envelope in JSON.
Needs pyzmq (Debian: python3-zmq). Ctrl-C ends it.
"""

import base64
import datetime
import json
import sys

import zmq


def describe(reading):
    """resource=value; what has no short value is named by its type."""
    value = reading.get("value")
    return "%s=%s" % (reading["resourceName"], reading["valueType"] if value is None else value)


def line(envelope):
    payload = envelope["payload"]
    if isinstance(payload, str):
        return "%s, %d bytes" % (envelope["contentType"], len(base64.b64decode(payload)))
    event = payload["event"]
    at = datetime.datetime.fromtimestamp(event["origin"] / 1e9).isoformat(sep=" ", timespec="milliseconds")
    return "%s  %s %s  %s" % (at, event["deviceName"], event["sourceName"], " ".join(map(describe, event["readings"])))


def main():
    endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5563"
    prefix = sys.argv[2] if len(sys.argv) > 2 else "edgex/events/"
    stream = zmq.Context().socket(zmq.SUB)
    stream.connect(endpoint)
    stream.setsockopt_string(zmq.SUBSCRIBE, prefix)
    print(f"following {prefix} at {endpoint}", file=sys.stderr)
    while True:
        _, body = stream.recv_multipart()
        print(line(json.loads(body)), flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(0)
