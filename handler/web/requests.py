"""Requests: what a client asked for, taken from an ASGI scope, and its parameters.

Knows HTTP; knows nothing of photos. Whatever is wrong with a parameter is a QueryError.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar
from urllib.parse import unquote_to_bytes

from handler.errors import Problem, QueryError

_T = TypeVar("_T", bound=str)

Scope = MutableMapping[str, Any]

_MALFORMED_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_ABSOLUTE = re.compile(r"https?://", re.IGNORECASE)
_INTEGER = re.compile(r"-?[0-9]{1,9}", re.ASCII)
# With an exponent too: that is how many languages write a small number, 1e-7 for one.
_DECIMAL = re.compile(r"-?([0-9]{1,9}(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,3})?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request; its body is empty but where a route takes one. Header names are lower-case."""

    method: str
    path: str
    query_string: bytes
    headers: Mapping[str, str]
    body: bytes = b""

    @classmethod
    def from_scope(cls, scope: Scope) -> Self:
        headers: dict[str, str] = {}
        for raw_name, raw_value in scope["headers"]:
            name, value = bytes(raw_name).decode("latin-1").lower(), bytes(raw_value).decode("latin-1")
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return cls(
            method=str(scope["method"]).upper(),
            path=_path_below(str(scope.get("root_path", "")).rstrip("/"), str(scope["path"])),
            query_string=bytes(scope.get("query_string", b"")),
            headers=headers,
        )

    def has(self, etag: str) -> bool:
        """Whether the client says that it holds what `etag` names (weak comparison)."""
        known = self.headers.get("if-none-match", "")
        tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
        return bool(tags & {etag.removeprefix("W/"), "*"})

    def parameters(self, once: Collection[str] = (), repeated: Collection[str] = ()) -> Parameters:
        """The query string, decoded strictly.

        Args:
            once: Names of the parameters that may be given once.
            repeated: Names of those that may be given several times.

        Raises:
            QueryError: Where a parameter is unknown, given too often, or not percent-encoded UTF-8.
        """
        values: dict[str, list[str]] = {}
        for pair in filter(None, self.query_string.split(b"&")):
            raw_name, _, raw_value = pair.partition(b"=")
            name = _decode(raw_name, raw_name.decode("latin-1"))
            if name not in once and name not in repeated:
                raise QueryError(
                    f"Unknown parameter {name[:80]!r} (expected {', '.join((*once, *repeated)) or 'none'})",
                    parameter=name[:80],
                    problem=Problem.UNKNOWN_PARAMETER,
                )
            if name in values and name not in repeated:
                raise QueryError(f"{name} is given more than once", parameter=name, problem=Problem.REPEATED_PARAMETER)
            values.setdefault(name, []).append(_decode(raw_value, name))
        return Parameters(values)


@dataclass(frozen=True, slots=True)
class Parameters:
    """Decoded parameters, read by name and type."""

    values: Mapping[str, Sequence[str]]

    def text(self, name: str) -> str:
        value = self.optional_text(name)
        if value is None:
            raise QueryError(f"{name} is missing", parameter=name, problem=Problem.MISSING_PARAMETER)
        return value

    def optional_text(self, name: str) -> str | None:
        return self.values[name][0] if name in self.values else None

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(self.values.get(name, ()))

    def flag(self, name: str) -> bool:
        value = self.optional_text(name)
        if value not in (None, "false", "true"):
            raise QueryError(f"{name} is {value[:80]!r} (expected true or false)", parameter=name)
        return value == "true"

    def choice(self, name: str, choices: Sequence[_T]) -> _T | None:
        value = self.optional_text(name)
        for choice in choices:
            if choice == value:
                return choice
        if value is not None:
            raise QueryError(f"{name} is {value[:80]!r} (expected {', '.join(choices)})", parameter=name)
        return None

    def integer(self, name: str, default: int) -> int:
        value = self.optional_text(name)
        if value is None:
            return default
        if not _INTEGER.fullmatch(value):
            raise QueryError(f"{name} is {value[:80]!r} (expected a whole number)", parameter=name)
        return int(value)

    def decimal(self, name: str) -> float | None:
        values = self.decimals(name)
        return values[0] if values else None

    def decimals(self, name: str) -> tuple[float, ...]:
        for value in self.texts(name):
            if not _DECIMAL.fullmatch(value):
                raise QueryError(f"{name} is {value[:80]!r} (expected a number)", parameter=name)
        return tuple(map(float, self.texts(name)))


def _path_below(root: str, path: str) -> str:
    """The path below the one at which a server mounts the app.

    A request may name the host too, as it does to a proxy (RFC 9112, section 3.2.2).
    """
    if _ABSOLUTE.match(path):
        path = "/" + path.partition("://")[2].partition("/")[2]
    if root and (path == root or path.startswith(f"{root}/")):
        path = path.removeprefix(root)
    return path or "/"


def _decode(raw: bytes, name: str) -> str:
    """Undo percent-encoding; `+` is a space, as forms write it."""
    if not _MALFORMED_ESCAPE.search(raw):
        try:
            return unquote_to_bytes(raw.replace(b"+", b" ")).decode()
        except UnicodeDecodeError:
            pass
    raise QueryError(f"{name[:80]} is not percent-encoded UTF-8", parameter=name[:80])
