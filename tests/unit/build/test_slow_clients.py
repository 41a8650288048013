"""Clients that are slow: each step has its time, and others are answered meanwhile."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import slow_clients
import uvicorn

HEAD_WITHIN_S, ANSWER_WITHIN_S = 0.3, 1.2
MANY = 300
BODY = b"x" * 20_000_000


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answers at /large with more than sockets hold, at /body once the body is there, and elsewhere at once."""
    while scope["path"] == "/body" and (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": BODY if scope["path"] == "/large" else b"here"})


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Of a server whose steps have little time."""
    monkeypatch.setattr(slow_clients, "HEAD_WITHIN_S", HEAD_WITHIN_S)
    monkeypatch.setattr(slow_clients, "ANSWER_WITHIN_S", ANSWER_WITHIN_S)
    config = uvicorn.Config(app, http=slow_clients.BoundedProtocol, lifespan="off", log_level="warning")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0), backlog=MANY) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def received(connection: socket.socket) -> int:
    """How many bytes come before the end of a connection."""
    size = 0
    with connection, contextlib.suppress(ConnectionResetError):
        while part := connection.recv(1 << 20):
            size += len(part)
    return size


def test_hundreds_that_say_nothing_keep_nobody_from_an_answer(port: int) -> None:
    began = time.monotonic()
    silent = [connect(port) for _ in range(MANY)]
    for connection in silent[::2]:
        connection.sendall(b"GET / HT")
    assert httpx.get(f"http://127.0.0.1:{port}/").text == "here"
    for connection in silent:
        received(connection)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("sent", "least_s"),
    [
        (b"", HEAD_WITHIN_S),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX-", HEAD_WITHIN_S),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HT", HEAD_WITHIN_S),  # after an answer
        (b"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", ANSWER_WITHIN_S),
    ],
)
def test_each_step_has_its_time(port: int, sent: bytes, least_s: float) -> None:
    began = time.monotonic()
    connection = connect(port)
    connection.sendall(sent)
    received(connection)
    assert least_s * 0.9 <= time.monotonic() - began < 10


def test_a_trickle_is_no_progress(port: int) -> None:
    def trickle(connection: socket.socket) -> None:
        for _ in range(200):
            connection.sendall(b"G")
            time.sleep(HEAD_WITHIN_S / 5)

    with connect(port) as connection, pytest.raises((ConnectionResetError, BrokenPipeError)):
        trickle(connection)


@pytest.mark.parametrize(("pause_s", "whole"), [(2 * HEAD_WITHIN_S, True), (3 * ANSWER_WITHIN_S, False)])
def test_an_answer_may_be_taken_slowly_but_not_for_ever(port: int, pause_s: float, whole: bool) -> None:
    connection = connect(port)
    connection.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    time.sleep(pause_s)
    assert (received(connection) > len(BODY)) == whole


def test_one_that_is_kept_may_ask_again(port: int) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        for _ in range(4):
            assert client.get("/").text == "here"
            time.sleep(HEAD_WITHIN_S / 2)
