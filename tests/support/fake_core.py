"""A stand-in for core-data's REST side: answers what a test lays down, and keeps what it was asked."""

import http.server
import json
import threading


class FakeCore:
    """`answers` maps "METHOD path" (behind /api/v3/persistence/, with its query) to (status, body), or to a function
    without arguments that returns that. `groups` and `jobs` are what the two lists answer."""

    def __init__(self):
        self.groups = []
        self.jobs = {}
        self.answers = {}
        self.asked = []  # (method and path, body)
        core = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, made = core.answer(self.command, self.path.removeprefix("/api/v3/persistence/"), body)
                data = made if isinstance(made, bytes) else json.dumps({"apiVersion": "v3", "statusCode": status, **made}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, method, path, body):
        self.asked.append((f"{method} {path}", json.loads(body) if body else None))
        made = self.answers.get(f"{method} {path}")
        if made is not None:
            return made() if callable(made) else made
        if method == "GET" and path == "groups":
            return 200, {"groups": self.groups, "counters": {}}
        if method == "GET" and path == "jobs":
            return 200, {"jobs": list(self.jobs.values())}
        if method == "GET" and path.startswith("jobs/") and path[5:] in self.jobs:
            return 200, self.jobs[path[5:]]
        return 404, {"message": f"{path} is not known"}

    def was_asked(self, what):
        return [body for asked, body in self.asked if asked == what]

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def worker(name, **more):
    return {"name": name, "ready": True, "inFlight": 0, "busyMs": 0, **more}


def group(name, state="LIVE", workers=(), **more):
    return {"name": name, "backend": name, "version": "1.0", "state": state, "preferred": False, "durable": True,
            "workers": list(workers), "queued": 0, "missed": 0, "dropped": 0, "differing": 0, "deletes": 0,
            "spool": {"events": 0, "bytes": 0}, **more}


def job(id, kind="copy", source="redis", to="mongo", state="running", **more):
    return {"id": id, "kind": kind, "from": source, "to": to, "auto": False, "state": state, "message": "",
            "eventsSeen": 0, "eventsTotal": 0, "eventsCopied": 0, "eventsDeleted": 0, "windowsEqual": 0,
            "windowsDifferent": 0, "rate": 0, "startedNs": 1_769_882_700_000_000_000, "endedNs": 0,
            "missing": 0, "extra": 0, "different": 0, **more}
