"""Strict reading of JSON objects: every value's type and range is checked where it is read.

Knows nothing of bundles; a complaint names the value's path, what was found and what was expected.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NoReturn, TypeVar

from handler.errors import BundleError

MAX_TEXT_LENGTH = 65_536
MAX_ITEMS = 4_096

_T = TypeVar("_T")


class Fields:
    """A JSON object whose values are taken by name, once each; `finish` refuses the others.

    Example: Fields.parse(b'{"dim": "384"}', name="m.json").integer("dim", low=1, high=4096) raises
    BundleError: Unexpected type str (expected int) in 'dim' of m.json.
    """

    __slots__ = ("_name", "_path", "_values")

    def __init__(self, value: object, *, name: str, path: str = "") -> None:
        """Take `value`, found at `path` of the document called `name`, as an object."""
        self._name = name
        self._path = path
        if not isinstance(value, dict):
            where = f"'{path}' of {name}" if path else name
            raise BundleError(f"Unexpected type {type(value).__name__} (expected object) in {where}")
        self._values: dict[str, object] = dict(value)

    @classmethod
    def parse(cls, data: bytes, *, name: str) -> Fields:
        """Decode UTF-8 JSON; duplicate names, NaN and Infinity are refused."""
        try:
            value = json.loads(data.decode(), object_pairs_hook=_unique, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise BundleError(f"{name} is not valid JSON: {error}") from error
        return cls(value, name=name)

    @property
    def name(self) -> str:
        """What the document is called."""
        return self._name

    def has(self, field: str) -> bool:
        """Whether there is a value that isn't taken yet."""
        return field in self._values

    def text(self, field: str, *, max_length: int = MAX_TEXT_LENGTH) -> str:
        return self._as_text(self._take(field), field, max_length)

    def optional_text(self, field: str, *, max_length: int = MAX_TEXT_LENGTH) -> str | None:
        value = self._take(field)
        return None if value is None else self._as_text(value, field, max_length)

    def digest(self, field: str) -> str:
        """A sha256 in lower-case hexadecimal."""
        value = self.text(field)
        if len(value) != 64 or set(value) - set("0123456789abcdef"):
            self._refuse(field, f"value {value[:80]!r}", "64 lower-case hexadecimal digits")
        return value

    def choice(self, field: str, options: Sequence[_T]) -> _T:
        return self._as_choice(self._take(field), field, options)

    def choices(self, field: str, options: Sequence[_T]) -> tuple[_T, ...]:
        values = self._take_list(field)
        return tuple(self._as_choice(v, f"{field}.{i}", options) for i, v in enumerate(values))

    def flag(self, field: str) -> bool:
        value = self._take(field)
        if not isinstance(value, bool):
            self._refuse(field, f"type {type(value).__name__}", "bool")
        return value

    def integer(self, field: str, *, low: int, high: int) -> int:
        value = self._take(field)
        if isinstance(value, bool) or not isinstance(value, int):
            self._refuse(field, f"type {type(value).__name__}", "int")
        if not low <= value <= high:
            self._refuse(field, f"value {str(value)[:80]}", f"{low} to {high}")
        return value

    def number(self, field: str, *, low: float, high: float) -> float:
        return self._as_number(self._take(field), field, low, high)

    def texts(self, field: str, *, max_length: int = MAX_TEXT_LENGTH, most: int = MAX_ITEMS) -> tuple[str, ...]:
        return self._as_texts(self._take_list(field, most), field, max_length, most)

    def numbers(self, field: str, *, low: float, high: float) -> tuple[float, ...]:
        values = self._take_list(field)
        return tuple(self._as_number(v, f"{field}.{i}", low, high) for i, v in enumerate(values))

    def text_number_or_texts(self, field: str, *, max_length: int, limit: float) -> str | float | tuple[str, ...]:
        """A text, a number from -limit to limit, or a list of texts."""
        value = self._take(field)
        if isinstance(value, list):
            return self._as_texts(value, field, max_length)
        if isinstance(value, str):
            return self._as_text(value, field, max_length)
        return self._as_number(value, field, -limit, limit)

    def child(self, field: str) -> Fields:
        return Fields(self._take(field), name=self._name, path=self._at(field))

    def children(self, field: str) -> list[Fields]:
        return [
            Fields(value, name=self._name, path=self._at(f"{field}.{i}"))
            for i, value in enumerate(self._take_list(field))
        ]

    def names(self) -> list[str]:
        """The names not taken yet, in the document's order."""
        return list(self._values)

    def finish(self) -> None:
        """Refuse whatever was not taken: a name that this version does not know."""
        for field in self._values:
            raise BundleError(f"Unexpected field '{self._at(field)}' in {self._name}")

    def _at(self, field: str) -> str:
        return f"{self._path}.{field}" if self._path else field

    def _refuse(self, field: str, found: str, expected: str) -> NoReturn:
        raise BundleError(f"Unexpected {found} (expected {expected}) in '{self._at(field)}' of {self._name}")

    def _take(self, field: str) -> object:
        if field not in self._values:
            raise BundleError(f"Missing field '{self._at(field)}' in {self._name}")
        return self._values.pop(field)

    def _take_list(self, field: str, most: int = MAX_ITEMS) -> list[object]:
        value = self._take(field)
        if not isinstance(value, list):
            self._refuse(field, f"type {type(value).__name__}", "list")
        return self._as_list(value, field, most)

    def _as_list(self, value: list[object], field: str, most: int = MAX_ITEMS) -> list[object]:
        if len(value) > most:
            self._refuse(field, f"length {len(value)}", f"at most {most}")
        return value

    def _as_texts(self, values: list[object], field: str, max_length: int, most: int = MAX_ITEMS) -> tuple[str, ...]:
        items = self._as_list(values, field, most)
        return tuple(self._as_text(v, f"{field}.{i}", max_length) for i, v in enumerate(items))

    def _as_choice(self, value: object, field: str, options: Sequence[_T]) -> _T:
        found = [option for option in options if type(value) is type(option) and value == option]
        if not found:
            self._refuse(field, f"value {str(value)[:80]!r}", " or ".join(map(repr, options)))
        return found[0]

    def _as_text(self, value: object, field: str, max_length: int) -> str:
        if not isinstance(value, str):
            self._refuse(field, f"type {type(value).__name__}", "str")
        if len(value) > max_length:
            self._refuse(field, f"length {len(value)}", f"at most {max_length} characters")
        if not _is_unicode(value):
            self._refuse(field, "lone surrogate", "valid Unicode")
        return value

    def _as_number(self, value: object, field: str, low: float, high: float) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._refuse(field, f"type {type(value).__name__}", "number")
        # JSON's 1e999 decodes to infinity, and a long integer may exceed what a float can hold.
        if not low <= value <= high:
            self._refuse(field, f"value {str(value)[:80]}", f"{low:g} to {high:g}")
        return float(value)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("an object names a field twice")
    return values


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")
