"""An S3 server over a folder, which checks signatures with botocore's signer and fails in the ways it is told to."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ACCESS_KEY, SECRET_KEY, SESSION_TOKEN = "AKIDEXAMPLE", "do-not-log-this-secret", "do-not-log-this-token"
# How long a stalled answer does not come, before the connection is closed without any.
STALL_S = 3.0
SETTLE_S = 60.0
BUCKET, REGION = "gallery", "eu-central-1"

Fault = Literal["", "cut", "wrong", "stall", "hang up", "whole"] | int
# The fault of the n-th request (from 0) for a key.
Faults = Callable[[str, int], Fault]


def _none(_key: str, _number: int) -> Fault:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Bytes of an object that were sent: those from `start` to `end`."""

    key: str
    start: int
    end: int


@dataclass(slots=True)
class S3Folder:
    """A running server: what it serves, what it was asked, what it sent, and how it fails."""

    folder: Path
    port: int
    faults: Faults = _none
    requests: list[str] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_SESSION_TOKEN": SESSION_TOKEN,
            "AWS_REGION": REGION,
        }

    def asked(self, key: str) -> int:
        """How often an object was asked for."""
        return self.requests.count(key)

    def sent_bytes(self, key: str) -> int:
        """How many bytes of an object were sent, some of them more than once perhaps."""
        return sum(sent.end - sent.start for sent in self.sent if sent.key == key)


def settle() -> None:
    """Wait until every bundle that has been received from S3 is here as a whole, or its threads have given up."""
    for name in ("thinlens-delivery", "thinlens-rest"):
        for thread in threading.enumerate():
            if thread.name == name:
                thread.join(SETTLE_S)
                assert not thread.is_alive()


@contextmanager
def s3_folder(folder: Path) -> Iterator[S3Folder]:
    """A server for as long as the block lasts; the objects of its bucket are the files of the folder."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    state = S3Folder(folder=folder, port=server.server_port)
    server.state = state  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are sent one after the other

    def do_GET(self) -> None:
        state: S3Folder = self.server.state  # type: ignore[attr-defined]
        key = unquote(self.path).removeprefix(f"/{BUCKET}/")
        fault = state.faults(key, state.asked(key))
        state.requests.append(key)
        if isinstance(fault, int):
            return self._refuse(fault, "SlowDown" if fault == 503 else "Fault")
        if not self._is_signed():
            return self._refuse(403, "SignatureDoesNotMatch")
        path = state.folder / key
        if not path.is_file():
            return self._refuse(404, "NoSuchKey")
        if fault == "stall":
            time.sleep(STALL_S)
        if fault in ("stall", "hang up"):
            self.close_connection = True
            return None
        return self._send(state, key, path, fault)

    def _send(self, state: S3Folder, key: str, path: Path, fault: Fault) -> None:
        known = path.stat()
        size, etag = known.st_size, f'"{known.st_size:x}-{known.st_ino:x}-{known.st_mtime_ns:x}"'
        if self.headers.get("if-none-match") == etag:
            self.send_response(304)
            self.send_header("content-length", "0")
            self.end_headers()
            return None
        headers = {"etag": etag}
        status, first, last = 200, 0, size - 1
        if (asked := re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("range", ""))) and fault != "whole":
            status, first, last = 206, int(asked[1]), min(int(asked[2]), size - 1)
            if first >= size:
                return self._refuse(416, "InvalidRange")
            headers["content-range"] = f"bytes {first}-{last}/{size}"
        with path.open("rb") as file:
            file.seek(first)
            data = file.read(last - first + 1)
        state.sent.append(Sent(key=key, start=first, end=last + 1))
        if fault == "wrong":
            data = bytes([data[0] ^ 1]) + data[1:]
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if fault == "cut":
            data = data[: len(data) // 2]
            self.close_connection = True
        self.wfile.write(data)
        return None

    def _refuse(self, status: int, code: str) -> None:
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>not here</Message></Error>".encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _is_signed(self) -> bool:
        """Whether botocore's signer signs this request as the client has."""
        found = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d{8}/([^/]+)/s3/aws4_request, SignedHeaders=([^,]+), Signature=\w+",
            self.headers.get("authorization", ""),
        )
        if found is None or found[1] != ACCESS_KEY or found[2] != REGION:
            return False
        names = found[3].split(";")
        request = AWSRequest("GET", f"http://{self.headers['host']}{self.path}")
        for name in names:
            request.headers[name] = self.headers[name]
        request.context["timestamp"] = self.headers["x-amz-date"]
        signer = S3SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY, SESSION_TOKEN), "s3", REGION)
        signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
        return self.headers["authorization"].endswith(f"Signature={signature}")

    def handle(self) -> None:
        with suppress(ConnectionError):  # the client has closed, as it does with what it can't use
            super().handle()

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""
