"""The texts of a photo in which words are looked for, each with the field to which it belongs.

Everything comes from the photo's record, so that a photo has the same words in whatever segment it stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from handler.bundle.photos.catalogue import PhotoRecord
from handler.bundle.words.tokens import Token, name_tokens, tokens

Field = Literal["edited", "column", "name", "text", "caption"]
FIELDS: tuple[Field, ...] = ("edited", "column", "name", "text", "caption")
"""What a person wrote as a caption, what else the owner says, the names of file and folders, the text that stands in
the photo, and what a captioner says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldText:
    """One text of a photo."""

    field: Field
    text: str

    def tokens(self) -> list[Token]:
        """Its words."""
        return name_tokens(self.text) if self.field == "name" else tokens(self.text)


def field_texts(record: PhotoRecord) -> Iterator[FieldText]:
    """All texts of a photo, those of one field in their order; a text that is there twice comes once."""
    seen: set[str] = set()
    for caption in record.captions:
        if caption.text and caption.text not in seen:
            seen.add(caption.text)
            yield FieldText(field="edited" if caption.edited else "caption", text=caption.text)
    for value in record.columns.values():
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str):
                yield FieldText(field="column", text=text)
    yield FieldText(field="name", text=name_of(record.id))
    for line in record.text:
        yield FieldText(field="text", text=line)


def name_of(photo_id: str) -> str:
    """The names of a photo's folders and its own, without its ending.

    Example: "dogs/rex.jpg" -> "dogs/rex"
    """
    stem, dot, ending = photo_id.rpartition(".")
    return stem if dot and stem and "/" not in ending and not stem.endswith("/") else photo_id
