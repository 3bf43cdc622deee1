"""See sizes.sh."""

import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "tests"))

from support import backend  # noqa: E402
from support.stand import Stand  # noqa: E402
from posting import post_until  # noqa: E402


def output(*command):
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300)
    if done.returncode != 0:
        raise SystemExit(f"sizes: {' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def on_disk(*paths):
    return sum(int(line.split()[0]) for line in output("du", "-s", "-B1", *paths).splitlines())


# Each: the server -> (bytes, what they are of). The worker does not run meanwhile.

def sqlite(server):
    path = server.environment["SQLITE_PATH"]
    output("sqlite3", path, "PRAGMA wal_checkpoint(TRUNCATE)")
    return on_disk(path), f"SQLite {output('sqlite3', '--version').split()[0]}, the file"


def redis(server):
    told = dict(line.split(":", 1) for line in server.run_all("cli", "INFO").split() if ":" in line)
    return int(told["used_memory"]), f"Redis {told['redis_version']}, used_memory"


def postgres(server):
    admin = server.run("admin")
    output("psql", "-X", admin, "-c", "CHECKPOINT")
    size, version = output("psql", "-X", "-A", "-t", admin, "-c", "SELECT pg_database_size('persistbus'), "
                           "current_setting('server_version')").strip().split("|")
    return int(size), f"PostgreSQL {version.split()[0]}, pg_database_size"


def mongo(server):
    server.stop()
    size = on_disk("--exclude=journal", os.path.join(server.folder, "mongo-data"))  # which is allocated ahead
    kind = server.run_all("start").splitlines()[1]
    return size, f"{kind}, the server's files"


SIZES = {"sqlite": sqlite, "redis": redis, "postgres": postgres, "mongo": mongo}


def measure(name, count):
    """(events, readings, bytes an empty store takes, bytes, seconds, of what)."""
    server, stand = backend.Server(name), Stand()
    failed = True
    try:
        stand.start_core(WRITABLE_LOGLEVEL="WARN")
        worker = backend.worker(stand, server, WRITABLE_LOGLEVEL="WARN")
        for full in (False, True):
            worker.start()
            stand.wait_ready(name, within=30)
            if full:
                began = time.monotonic()
                post_until(stand, "/reading/count", count, "mix")
                seconds = time.monotonic() - began
                stand.wait_settled(name, within=60)
                events, readings = stand.count(), stand.count("/reading/count")
            worker.stop(within=30)
            if not full:
                empty, _ = SIZES[name](server)
        size, what = SIZES[name](server)
        failed = False
        return events, readings, empty, size, seconds, what
    finally:
        try:
            stand.close(failed)
        finally:
            server.remove()


def main(count):
    names = os.environ.get("BACKENDS", "sqlite redis postgres mongo").split()
    for name in names:
        if name not in SIZES:
            raise SystemExit(f"sizes: BACKENDS names '{name}', which is none of {', '.join(SIZES)}")
    row = "{:10} {:>10} {:>10} {:>10} {:>12} {:>10} {:>9}  {}"
    print(row.format("", "readings", "events", "B/reading", "bytes", "empty", "events/s", "of"), flush=True)
    for name in names:
        most = min(count, int(os.environ.get("MOST_" + name.upper()) or count))
        events, readings, empty, size, seconds, what = measure(name, most)
        print(row.format(name, readings, events, f"{(size - empty) / readings:.1f}", size, empty,
                         int(events / seconds), what), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
