"""HTTP client with keep-alive: one connection, one request at a time."""

import http.client
import json
import socket


class Response:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


class Client:
    def __init__(self, port, timeout=15.0):
        self.port = port
        self.timeout = timeout
        self.connection = None

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None

    def _once(self, method, path, body, headers):
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
        self.connection.request(method, path, body=body, headers=headers)
        answer = self.connection.getresponse()
        return Response(answer.status, answer.headers, answer.read())

    def request(self, method, path, body=None, headers=None):
        """A kept connection that the server has closed meanwhile is opened again, once."""
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        kept = self.connection is not None
        try:
            try:
                return self._once(method, path, body, headers or {})
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                if not kept:
                    raise
                self.close()
                return self._once(method, path, body, headers or {})
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def get(self, path, **kw):
        return self.request("GET", path, **kw)

    def post(self, path, body, **kw):
        return self.request("POST", path, body, **kw)

    def delete(self, path, **kw):
        return self.request("DELETE", path, **kw)


def raw(port, data, timeout=5.0, close_early=False, enough=lambda got: False):
    """Sends bytes as they are and returns what comes back until it is enough, or the peer closes or is silent."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as s:
        try:
            s.sendall(data)
            if close_early:
                return b""
            s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        got = b""
        try:
            while not enough(got):
                part = s.recv(65536)
                if not part:
                    break
                got += part
        except OSError:
            pass
        return got
