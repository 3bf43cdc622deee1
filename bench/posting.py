"""Filling a store through core-data."""

import os
import subprocess

from support.waiting import until

HERE = os.path.dirname(os.path.abspath(__file__))


def _counted(stand, path):
    """When all that was accepted is stored; a store that is slow may not answer at once."""
    def settled():
        return all(g["spool"]["events"] == 0 and g["state"] == "LIVE" for g in stand.groups().values())

    def answer():
        told = stand.get(path)
        return told if told.status == 200 else None
    until(settled, 600, "all that was posted is stored", pause=0.1)
    return until(answer, 120, f"an answer to {path}", pause=0.1).json["count"]


def post_until(stand, path, count, readings="1"):
    """Posts events of so many readings (or "mix", see post.lua) until the route `path` counts at least so many. In
    slices of time, as wrk counts seconds and not requests; the second one is as long as the first suggests."""
    posted, seconds = _counted(stand, path), 1
    while posted < count:
        subprocess.run(["wrk", "-t2", "-c64", f"-d{seconds}s", "--timeout", "10s", "-s", os.path.join(HERE, "post.lua"),
                        f"http://127.0.0.1:{stand.http}", "--", readings], check=True, stdout=subprocess.DEVNULL)
        before, posted = posted, _counted(stand, path)
        if posted == before:
            raise SystemExit(f"bench: nothing was stored within {seconds} s: {path} stays {posted}")
        rate = (posted - before) / seconds
        seconds = max(1, min(10, int((count - posted) / rate)))
