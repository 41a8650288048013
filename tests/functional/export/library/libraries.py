"""Small libraries for tests: photos of given contents, understood by one captioner."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import numpy as np

from export.library.library import Library
from export.library.records import NAMES, ContentUnderstanding, KnownPhoto, Understander, WrittenBundle
from export.pictures.facts import PhotoFacts

CAPTIONER = "c" * 64
INSTRUCTIONS = ("What is it?", "Where is it?")
BY = Understander(captioner=CAPTIONER, instructions=INSTRUCTIONS, image_encoder=CAPTIONER)
BUNDLE = WrittenBundle(id="0123456789abcdef", fingerprint="f" * 64)
FACTS = PhotoFacts(
    width=40, height=30, type="jpeg", taken=None, placeholder="00" * 36, fingerprint="00" * 16, noted="exif"
)


def content_of(name: str) -> str:
    """The content that a name stands for: a hash, as real ones are."""
    return hashlib.sha256(name.encode()).hexdigest()


def known(photo_id: str, name: str, *, size_bytes: int = 100, stamp: int = 1) -> KnownPhoto:
    """A photo of the content that a name stands for."""
    return KnownPhoto(id=photo_id, size_bytes=size_bytes, stamp=stamp, content=content_of(name))


def learnt(
    name: str, *, text: str = "a dog", names: str = "", facts: PhotoFacts = FACTS, first: float = 1.0
) -> ContentUnderstanding:
    """What was learnt of the content that a name stands for."""
    captions = {INSTRUCTIONS[0]: text, INSTRUCTIONS[1]: f"where {text} is", NAMES: names}
    view = np.array([first, 0.5], np.float32)
    return ContentUnderstanding(content=content_of(name), facts=facts, captions=captions, view=view)


def fill(library: Library, photos: Mapping[str, str], *, understood: Iterable[str]) -> None:
    """Put photos, by id the name of the content of each, and what was learnt of some contents."""
    library.photos.put([known(photo_id, name) for photo_id, name in photos.items()])
    library.understandings.put([learnt(name) for name in understood], BY)


def place(library: Library, placed: Mapping[str, Iterable[str]]) -> None:
    """Put photos into segments."""
    library.placements.replace(bundle=BUNDLE, base="base", placed=placed)


def touched(library: Library) -> list[str]:
    """The photos that are touched."""
    return [photo_id for page in library.placements.touched_pages(100) for photo_id in page]
