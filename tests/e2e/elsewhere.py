"""A page of somebody else's, at another origin than the search: what a site that embeds the widget looks like."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Site(ThreadingHTTPServer):
    """A server of one page under one security policy, at every address but that of its style sheet."""

    daemon_threads = True
    page = ""
    styles = ""
    policy = "default-src 'none'"

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        kind, text = ("css", self.server.styles) if self.path == "/styles.css" else ("html", self.server.page)
        body = text.encode()
        self.send_response(200)
        self.send_header("content-type", f"text/{kind}; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.send_header("content-security-policy", self.server.policy)
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Say nothing."""


@contextmanager
def site() -> Iterator[Site]:
    """The site, for as long as the block lasts."""
    with Site(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
