"""Polling for a condition: tests wait for what they need to see, never for a span of time."""

import time


def until(condition, within=10.0, what="a condition", pause=0.01):
    """Calls `condition` until it returns something true, and returns that. Fails after `within` seconds."""
    end = time.monotonic() + within
    while True:
        seen = condition()
        if seen:
            return seen
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not seen within {within:g} s")
        time.sleep(pause)


def stays(condition, span, what="a condition", pause=0.02):
    """Fails as soon as `condition` is false during `span` seconds: for what must not happen."""
    end = time.monotonic() + span
    while time.monotonic() < end:
        assert condition(), f"{what}: no longer so"
        time.sleep(pause)
