"""Clients that are slow: HTTP/1.1 by uvicorn, with an end to each connection whose client doesn't go on.

A silent connection costs a socket, so there may be many; none of them keeps others from an answer.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

# For how many seconds a client may send the head of a request, and then its body and take its answer.
HEAD_WITHIN_S = 10.0
ANSWER_WITHIN_S = 60.0


class BoundedProtocol(H11Protocol):
    """A connection that is cut where the next step takes its client too long."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self._expect_within(HEAD_WITHIN_S)

    def handle_events(self) -> None:
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._expect_within(ANSWER_WITHIN_S)

    def on_response_complete(self) -> None:
        # What is written may not be sent yet. The next request may be there already, which sets another end.
        self._expect_within(ANSWER_WITHIN_S if self.transport.get_write_buffer_size() else HEAD_WITHIN_S)
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def _expect_within(self, seconds: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(seconds, self.transport.abort)
