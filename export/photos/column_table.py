"""The collection's own columns: what its owner knows of the photos, from a table that lies beside them.

It knows CSV and JSON; nothing of photos, the library or filters.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from export.errors import ColumnsError
from export.photos.unicode_names import one_form
from handler.bundle.manifest_fields import MAX_COLUMN_NAME
from handler.bundle.photos.catalogue import MAX_NUMBER, MAX_VALUE_LENGTH, ColumnValue
from handler.bundle.texts import normalise
from handler.errors import in_words

NAMES = ("columns.csv", "columns.json")
MAX_VALUES = 64
MAX_OWN_COLUMNS = 64
_SEPARATORS = (",", ";", "\t")
_WESTERN = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿŒœŠšŽž€«»¡¿–—‘’“”„…\u00a0")
_MOST_FOREIGN = 0.3

OwnColumns = dict[str, dict[str, ColumnValue]]


def find_columns(root: Path) -> Path | None:
    """The table beside the photos, if there is one.

    Raises:
        ColumnsError: There are two.
    """
    found = [root / name for name in NAMES if (root / name).is_file()]
    if len(found) > 1:
        raise ColumnsError(f"{root} holds both {' and '.join(NAMES)}; remove one, or name one with --columns")
    return found[0] if found else None


def read_columns(path: Path) -> OwnColumns:
    """Read a table.

    A CSV file has a line of names first, and the first column holds the photos' ids; between them are commas,
    semicolons or tabs. It is in UTF-8, or as spreadsheets write it: UTF-16 with a mark, or Windows' Western alphabet. A
    column is one of numbers where
    every value reads back as the same text ("7", "-0.5"; not "007" or "1.10"). A JSON file is an object of objects,
    ``{"dogs/rex.jpg": {"place": "Paris", "rating": 4, "tags": ["dog", "park"]}}``. Values that are empty or null are
    left out.

    Returns:
        The values by the photo's id and the column's name.

    Raises:
        ColumnsError: The file can't be read, or isn't such a table.
    """
    try:
        text = _decode(path.read_bytes())
        table = _read_json(text) if path.suffix.lower() == ".json" else _read_csv(text)
        names = sorted({name for values in table.values() for name in values})
        if len(names) > MAX_OWN_COLUMNS:
            raise ColumnsError(f"it has {len(names)} columns, expected at most {MAX_OWN_COLUMNS}")
    except (OSError, RecursionError, csv.Error, ColumnsError) as error:
        raise ColumnsError(f"{path} can't be used as a table of columns: {in_words(error)}") from error
    return table


def _decode(data: bytes) -> str:
    try:
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return data.decode("utf-16")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        text = data.decode("cp1252", "replace")
        letters = [letter for letter in text if letter.isalpha()]
        foreign = [letter for letter in text if not letter.isascii()]
        # In other alphabets nearly every letter is beyond ASCII, and in other languages some are no letters here.
        if set(foreign) <= _WESTERN and len(foreign) < _MOST_FOREIGN * len(letters):
            return text
        line = data.count(b"\n", 0, error.start) + 1
        raise ColumnsError(
            f"line {line} isn't UTF-8 ({data[error.start : error.start + 8]!r}); save it as 'CSV UTF-8'"
        ) from error


def _separator(text: str) -> str:
    """What stands between the values: of the usual characters the one that parts the first line most often."""
    first = text.partition("\n")[0]
    return max(_SEPARATORS, key=lambda separator: len(next(csv.reader([first], delimiter=separator), [])))


def _read_csv(text: str) -> OwnColumns:
    if text.startswith("sep=") and text[5:6] in "\r\n":  # a line that spreadsheets write and read
        text = text.partition("\n")[2]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    header = next(rows, [])
    if len(header) < 2:
        raise ColumnsError(f"its first line is {header}, expected a name for the photos' ids and names of columns")
    names = [_name(name) for name in header[1:]]
    if len(set(names)) < len(names):
        raise ColumnsError(f"its first line is {header}, expected each name once")
    table: OwnColumns = {}
    for row in filter(None, rows):
        if len(row) != len(header):
            raise ColumnsError(f"line {rows.line_num} has {len(row)} values, expected {len(header)}")
        photo_id = one_form(row[0])
        if photo_id in table:
            raise ColumnsError(f"line {rows.line_num} names the photo {row[0]!r} again")
        table[photo_id] = {name: value for name, value in zip(names, map(_text, row[1:]), strict=True) if value}
    numeric = [name for name in names if all(_is_number(values[name]) for values in table.values() if name in values)]
    return {
        photo: {name: float(str(value)) if name in numeric else value for name, value in values.items()}
        for photo, values in table.items()
    }


def _read_json(text: str) -> OwnColumns:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ColumnsError(f"not JSON: {error}") from error
    if not isinstance(document, Mapping):
        raise ColumnsError(f"found a {type(document).__name__}, expected an object with a photo's id as each name")
    return {one_form(_id(photo)): dict(_read_values(photo, values)) for photo, values in document.items()}


def _id(photo: str) -> str:
    if not photo.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in photo):
        raise ColumnsError(
            f"found the photo {photo!r}, half of whose character is missing; expected UTF-8 or \\u pairs"
        )
    return photo


def _read_values(photo: str, values: object) -> Iterator[tuple[str, ColumnValue]]:
    if not isinstance(values, Mapping):
        raise ColumnsError(f"found a {type(values).__name__} for the photo {photo!r}, expected an object")
    for name, value in values.items():
        if isinstance(value, bool):
            yield _name(name), "true" if value else "false"
        elif isinstance(value, int | float) and abs(value) <= MAX_NUMBER:
            yield _name(name), float(value)
        elif isinstance(value, str):
            if cleaned := _text(value):
                yield _name(name), cleaned
        elif isinstance(value, list) and len(value) <= MAX_VALUES and all(isinstance(item, str) for item in value):
            if texts := tuple(filter(None, map(_text, value))):
                yield _name(name), texts
        elif value is not None:
            raise ColumnsError(
                f"found {str(value)[:80]!r} as {name!r} of the photo {photo!r}, expected a text, a number or up to"
                f" {MAX_VALUES} texts"
            )


def _name(name: str) -> str:
    cleaned = normalise(name)
    if not 1 <= len(cleaned) <= MAX_COLUMN_NAME or ":" in cleaned:
        raise ColumnsError(f"found the column {name[:80]!r}, expected 1 to {MAX_COLUMN_NAME} characters without ':'")
    return cleaned


def _text(value: str) -> str:
    cleaned = normalise(value)
    if len(cleaned) > MAX_VALUE_LENGTH:
        raise ColumnsError(f"found a value of {len(cleaned)} characters, expected at most {MAX_VALUE_LENGTH}")
    return cleaned


def _is_number(value: ColumnValue) -> bool:
    text = str(value)
    try:
        number = float(text)
    except ValueError:
        return False
    if not math.isfinite(number) or abs(number) > MAX_NUMBER:
        return False
    return text in (repr(number), str(int(number)) if number.is_integer() else "")
