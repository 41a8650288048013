"""A proxy before an S3 server that kills a process at one of its requests, as a power cut would."""

from __future__ import annotations

import http.client
import signal
import subprocess
import threading
from collections import Counter
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class DeadlyProxy(ThreadingHTTPServer):
    """Hands requests on to an S3 server, and kills a process at one of them: before it is handed on, or after.

    Attributes:
        asked: How many requests there were, by method and path.
    """

    daemon_threads = True

    def __init__(self, endpoint: str) -> None:
        super().__init__(("127.0.0.1", 0), _Forwarding)
        self.origin = urlsplit(endpoint).netloc
        self.address = f"http://127.0.0.1:{self.server_address[1]}"
        self.process: subprocess.Popen[bytes] | None = None
        self.requests = 0
        self.asked: Counter[tuple[str, str]] = Counter()
        self.deadly = 0
        self.after = False
        self.lock = threading.Lock()

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def handle_error(self, request: object, client_address: object) -> None:
        """The client is gone: that is what this is for."""


class _Forwarding(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: DeadlyProxy

    def forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.server.lock:
            self.server.requests += 1
            self.server.asked[self.command, self.path] += 1
            deadly = self.server.requests == self.server.deadly
        if deadly and not self.server.after:
            return self.server.kill()
        with closing(http.client.HTTPConnection(self.server.origin, timeout=60)) as connection:
            # With all headers as they are: the client has signed the name of the host that it asked.
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            content = answer.read()
        if deadly:
            return self.server.kill()
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection"):
                self.send_header(name, value)
        if answer.getheader("Content-Length") is None:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        return None

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = forward  # noqa: N815
