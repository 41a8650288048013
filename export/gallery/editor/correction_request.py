"""Correction requests: JSON that says which photos are corrected, and how. It knows no HTTP and no library."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from export.gallery.correction import Change, caption, hidden, keyword
from handler.errors import QueryError

MAX_PHOTOS = 10_000
MAX_BYTES = 4 << 20
CHANGES = ("caption", "hidden", "add_keyword", "remove_keyword")


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionRequest:
    """The ids of photos, each once, and what is changed."""

    photos: tuple[str, ...]
    change: Change

    @classmethod
    def read(cls, body: bytes) -> CorrectionRequest:
        """Read an object of `photos`, a list of ids, and one of CHANGES.

        Raises:
            QueryError: It is none.
        """
        try:
            document = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise QueryError(f"The body is no JSON: {error}", parameter="body") from error
        if not isinstance(document, dict) or "photos" not in document or len(document) != 2:
            raise QueryError(
                f"The body is {body[:80].decode(errors='replace')!r} (expected an object of photos and one of "
                f"{', '.join(CHANGES)})",
                parameter="body",
            )
        photos = _ids(document.pop("photos"))
        [(name, value)] = document.items()
        return cls(photos=photos, change=_change(name, value, photos))


def _ids(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_PHOTOS or not all(map(_is_text, value)):
        found = f"{len(value):,} values" if isinstance(value, list) else repr(value)[:80]
        raise QueryError(f"photos is {found} (expected 1 to {MAX_PHOTOS:,} ids of photos)", parameter="photos")
    return tuple(dict.fromkeys(value))


def _change(name: str, value: Any, photos: tuple[str, ...]) -> Change:
    if name == "hidden" and isinstance(value, bool):
        return hidden(value)
    if name == "caption" and _is_text(value) and len(photos) == 1:
        return caption(value)
    if name in ("add_keyword", "remove_keyword") and _is_text(value):
        return keyword(value, given=name == "add_keyword")
    raise QueryError(
        f"{name[:40]} is {repr(value)[:80]} for {len(photos):,} photos (expected a caption for one photo, hidden as "
        "true or false, add_keyword or remove_keyword as a text)",
        parameter=name[:40],
    )


def _is_text(value: Any) -> bool:
    """Whether it is a text in which no character is cut in half, as JSON may have it."""
    return isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)
