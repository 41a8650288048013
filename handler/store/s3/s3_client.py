"""S3: signed GETs of a bucket's objects over HTTP, whole or by ranges, on connections that are kept.

Knows buckets, keys and what can go wrong on the way; knows nothing of bundles. It is not boto3, whose client alone
takes longer to make than everything else at a cold start; where the environment holds no credentials, boto3 finds them.
"""

from __future__ import annotations

import datetime
import http.client
import re
import ssl
import time
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import TypeVar

from handler.errors import NotThereError, StoreError
from handler.store.s3.address import S3Address
from handler.store.s3.credentials import CredentialSource
from handler.store.s3.sigv4 import NO_BODY_SHA256, signed_headers

TIMEOUT_S = 5.0
ATTEMPTS = 4
FIRST_PAUSE_S = 0.1
_RECEIVED_AT_ONCE_BYTES = 1 << 20
_ERROR_BYTES = 4_096
_ERROR_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,64})</Code>")
_PASSING = {429, 500, 502, 503, 504}
_ADVICE = {
    301: "set AWS_REGION to the bucket's region",
    400: "are the credentials valid, and is AWS_REGION the bucket's region?",
    403: "may the function's role read it, and are its credentials valid?",
    404: "publish a bundle there first, with 'thinlens publish'",
}
_SKEWED = "the clock here is wrong by more than a quarter of an hour: set it"

_T = TypeVar("_T")


class _PassingError(Exception):
    """What may be gone at the next attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What an object holds, and the tag by which it is known."""

    body: bytes
    etag: str


class S3Client:
    """Reads objects of one bucket below one prefix. May be used by several threads."""

    def __init__(self, address: S3Address, credentials: CredentialSource) -> None:
        self.address = address
        self._credentials = credentials
        self._idle: list[http.client.HTTPConnection] = []
        weakref.finalize(self, _close_all, self._idle)

    def get(self, key: str, *, max_bytes: int, etag: str = "", attempts: int = ATTEMPTS) -> Content | None:
        """A small object; None where it is still the one that `etag` names.

        Raises:
            StoreError: It cannot be had, or is longer than `max_bytes`.
        """
        headers = {"if-none-match": etag} if etag else {}

        def attempt() -> Content | None:
            with self._response(key, headers, (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED)) as response:
                if response.status == HTTPStatus.NOT_MODIFIED:
                    return None
                body = response.read(max_bytes + 1)
                if len(body) > max_bytes:
                    raise StoreError(f"{self._name(key)} is longer than {max_bytes} bytes")
                if response.length:
                    raise _PassingError(f"was cut off after {len(body)} bytes")
                return Content(body=body, etag=response.headers.get("etag", ""))

        return self._attempts(key, attempt, attempts)

    def get_range(self, key: str, start: int, into: memoryview, *, size_bytes: int, attempts: int = ATTEMPTS) -> None:
        """Fill `into` with the object's bytes from `start` on.

        Raises:
            StoreError: They cannot be had, or the object has not `size_bytes` in all.
        """
        end = start + len(into) - 1

        def attempt() -> None:
            with self._response(key, {"range": f"bytes={start}-{end}"}, (HTTPStatus.PARTIAL_CONTENT,)) as response:
                found = response.headers.get("content-range", "")
                if found != f"bytes {start}-{end}/{size_bytes}":
                    raise StoreError(
                        f"{self._name(key)} gives {found[:80]!r} (expected 'bytes {start}-{end}/{size_bytes}')"
                    )
                received = 0
                while received < len(into):
                    count = response.readinto(into[received : received + _RECEIVED_AT_ONCE_BYTES])
                    if not count:
                        raise _PassingError(f"was cut off after {start + received} of {size_bytes} bytes")
                    received += count

        self._attempts(key, attempt, attempts)

    def _attempts(self, key: str, attempt: Callable[[], _T], attempts: int) -> _T:
        """Try again, after pauses that double, what may pass."""
        for number in range(1, attempts + 1):
            try:
                return attempt()
            except (_PassingError, OSError, http.client.HTTPException) as error:
                # Whatever has been idle may be as stale: a function that was frozen wakes up to closed connections.
                self.close()
                if number == attempts:
                    reason = str(error) or type(error).__name__
                    raise StoreError(f"{self._name(key)} {reason}; gave up after {attempts} attempts") from error
            time.sleep(FIRST_PAUSE_S * 2 ** (number - 1))
        raise AssertionError("unreachable: the last attempt returns or raises")

    def close(self) -> None:
        """Close the connections that are not in use."""
        _close_all(self._idle)

    @contextmanager
    def _response(
        self, key: str, headers: Mapping[str, str], expected: Collection[int]
    ) -> Iterator[http.client.HTTPResponse]:
        """Ask for an object; the connection is kept if the answer was read to its end."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            path = self.address.path(key)
            to_sign = {**headers, "host": self.address.host, "x-amz-content-sha256": NO_BODY_SHA256}
            now = datetime.datetime.now(datetime.UTC)
            signed = signed_headers(
                to_sign, path=path, region=self.address.region, credentials=self._credentials(), at=now
            )
            connection.request("GET", path, headers=signed)
            response = connection.getresponse()
            if response.status not in expected:
                raise self._refusal(key, response)
            yield response
            if response.isclosed():
                self._idle.append(connection)
                return
        except BaseException:
            connection.close()
            raise
        connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        if not self.address.secure:
            return http.client.HTTPConnection(self.address.host, timeout=TIMEOUT_S)
        return http.client.HTTPSConnection(self.address.host, timeout=TIMEOUT_S, context=self._tls)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """One for all connections: reading the certificates of the authorities takes its time."""
        return ssl.create_default_context()

    def _refusal(self, key: str, response: http.client.HTTPResponse) -> Exception:
        """What an unexpected status means."""
        code = _ERROR_CODE.search(response.read(_ERROR_BYTES))
        answer = f"{response.status}{f' {code[1].decode()}' if code else ''}"
        if response.status in _PASSING:
            return _PassingError(f"was answered with {answer}")
        skewed = code and code[1] == b"RequestTimeTooSkewed"
        advice = _SKEWED if skewed else _ADVICE.get(response.status, "is that the address of a bucket?")
        kind = NotThereError if code and code[1] == b"NoSuchKey" else StoreError
        return kind(f"{self._name(key)}: {answer}: {advice}")

    def _name(self, key: str) -> str:
        return f"{self.address}{key}"


def _close_all(idle: list[http.client.HTTPConnection]) -> None:
    while idle:
        with suppress(IndexError):  # another thread took the last
            idle.pop().close()
