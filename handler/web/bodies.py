"""Bodies: what a client sends behind its headers, no more of it than is wanted and for no longer.

Knows ASGI's messages; knows nothing of what is in a body.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from handler.errors import PictureError, Problem
from handler.web.requests import Request

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

PIXELS = "application/octet-stream"


def check_type(request: Request) -> None:
    """Raises PictureError where a body isn't said to be bytes."""
    given = request.headers.get("content-type", "")
    if given.partition(";")[0].strip().lower() != PIXELS:
        raise PictureError(
            f"The body is {given[:80] or 'of no type'!r} (expected {PIXELS}: the pixels of a picture)",
            problem=Problem.UNSUPPORTED_TYPE,
        )


async def read_body(request: Request, receive: Receive, *, most_bytes: int, within_s: float | None) -> bytes:
    """Read a body of up to so many bytes.

    Args:
        request: Its headers may say the size beforehand.
        receive: Gives the messages of the body.
        most_bytes: Longer ones are refused as soon as that is known.
        within_s: Seconds that it may take; None where it is there as a whole, and no event loop is needed.

    Raises:
        PictureError: It is too long, takes too long, or ends before it is whole.
    """
    said = request.headers.get("content-length", "")
    if said.isdecimal() and len(said) < 20 and int(said) > most_bytes:
        raise _too_large(most_bytes)
    if within_s is None:
        return await _read(receive, most_bytes)
    import asyncio  # which costs a cold start a tenth of its time

    try:
        return await asyncio.wait_for(_read(receive, most_bytes), within_s)
    except TimeoutError:
        message = f"The body did not end within {within_s:g} seconds"
        raise PictureError(message, problem=Problem.REQUEST_TIMEOUT) from None


async def _read(receive: Receive, most_bytes: int) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise PictureError("The connection was closed before the body was whole")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most_bytes:
            raise _too_large(most_bytes)
        if not message.get("more_body", False):
            return b"".join(parts)


def _too_large(most_bytes: int) -> PictureError:
    return PictureError(f"The body is longer than {most_bytes:,} bytes", problem=Problem.IMAGE_TOO_LARGE)
