"""A client that speaks ASGI to an app in this process, and sends exactly the bytes it is given."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from handler.web.app import App
from handler.web.bodies import Message
from tests.functional.handler.contract import assert_conforms


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    app: App,
    target: str | bytes,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: Iterable[Message] | None = None,
) -> Answer:
    """Send one request, and check that the answer is one that openapi.json promises.

    `target` is path and query as they stand in the request line, `body` are the messages that bring what is sent. After
    the last of them nothing comes any more.
    """
    messages = iter(body or ())
    raw_path, _, query_string = (target.encode() if isinstance(target, str) else target).partition(b"?")
    scope = {
        "type": "http",
        "method": method,
        "path": unquote(raw_path.decode("latin-1")),
        "raw_path": raw_path,
        "root_path": "",
        "query_string": query_string,
        "headers": [(name.encode(), value.encode()) for name, value in (headers or {}).items()],
    }
    sent: list[Message] = []

    async def receive() -> Message:
        assert body is not None, "nothing is to be read"
        for message in messages:
            return message
        await asyncio.sleep(3_600)
        raise AssertionError("unreachable")

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    start, answered = sent
    assert (start["type"], answered["type"]) == ("http.response.start", "http.response.body")
    names = [name.decode() for name, _ in start["headers"]]
    assert len(names) == len(set(names))
    answer = Answer(
        status=start["status"],
        headers={name.decode(): value.decode() for name, value in start["headers"]},
        body=answered["body"],
    )
    assert_conforms(method, unquote(raw_path.decode("latin-1")), answer.status, answer.headers, answer.body)
    return answer
