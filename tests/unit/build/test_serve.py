"""Where the container's command listens."""

from __future__ import annotations

import socket

import pytest

import serve

needs_ipv6 = pytest.mark.skipif(not serve._has_ipv6(), reason="this machine has no IPv6")


def reaches(address: str, listener: socket.socket) -> bool:
    try:
        socket.create_connection((address, listener.getsockname()[1]), timeout=5).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("host", "reached"),
    [
        pytest.param("", ("127.0.0.1", "::1"), marks=needs_ipv6),
        pytest.param("::", ("127.0.0.1", "::1"), marks=needs_ipv6),
        pytest.param("::1", ("::1",), marks=needs_ipv6),
        ("0.0.0.0", ("127.0.0.1",)),
        ("localhost", ("127.0.0.1",)),
    ],
)
def test_it_listens_where_it_is_told(host: str, reached: tuple[str, ...]) -> None:
    with serve.listen(host, 0) as listener:
        for address in reached:
            assert reaches(address, listener)
        if "127.0.0.1" not in reached:
            assert not reaches("127.0.0.1", listener)


def test_it_listens_for_ipv4_where_there_is_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    with serve.listen("", 0) as listener:
        assert listener.family == socket.AF_INET
        assert reaches("127.0.0.1", listener)


def test_an_address_of_another_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", "192.0.2.1")  # RFC 5737: nobody's
    monkeypatch.setenv("PORT", "0")
    monkeypatch.delenv("AWS_LAMBDA_RUNTIME_API", raising=False)
    with pytest.raises(SystemExit, match=r"^serve: HOST '192.0.2.1' and PORT 0: .*expected an address of this machine"):
        serve.main()
