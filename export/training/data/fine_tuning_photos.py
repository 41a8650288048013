"""A user's own captioned photos: one file that is read strictly, and a part of it that is held out.

A line is ``{"file": "a/b.jpg", "captions": ["…"]}``, ``file`` relative to the file's folder, with ``"split": "train"``
or ``"dev"`` where the user chooses what is held out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from export.errors import DataError
from export.training.data.corpus import CaptionedPhoto, normalise_caption

FEWEST_TRAINING = 50
FEWEST_HELD_OUT = 5
_HELD_OUT_SHARE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTuningPhotos:
    """Photos to learn from, and others to measure with."""

    training: tuple[CaptionedPhoto, ...]
    held_out: tuple[CaptionedPhoto, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    name: str
    split: str | None
    photo: CaptionedPhoto


def read_fine_tuning_photos(jsonl: Path) -> FineTuningPhotos:
    """Read a file of captioned photos.

    Where no line says ``dev``, a tenth is held out: those whose names have the lowest hashes, so that it is the same
    tenth each time, whatever the order of the lines.

    Raises:
        DataError: The file can't be read, a line isn't what it should be, a photo is missing, or there are too few.
    """
    lines = list(_read(jsonl))
    if any(line.split == "dev" for line in lines):
        held_out = {line.name for line in lines if line.split == "dev"}
    else:
        by_hash = sorted((line.name for line in lines), key=lambda name: hashlib.sha256(name.encode()).digest())
        held_out = set(by_hash[: round(_HELD_OUT_SHARE * len(by_hash))])
    photos = FineTuningPhotos(
        training=tuple(line.photo for line in lines if line.name not in held_out),
        held_out=tuple(line.photo for line in lines if line.name in held_out),
    )
    if len(photos.training) < FEWEST_TRAINING or len(photos.held_out) < FEWEST_HELD_OUT:
        raise DataError(
            f"{jsonl} has {len(photos.training)} photos to learn from and {len(photos.held_out)} that are held out, "
            f"expected at least {FEWEST_TRAINING} and {FEWEST_HELD_OUT}; caption more photos"
        )
    return photos


def _read(jsonl: Path) -> Iterator[_Line]:
    try:
        lines = jsonl.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{jsonl} can't be read: {getattr(error, 'strerror', None) or error}; expected a JSON object a line"
        ) from error
    first: dict[str, int] = {}
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        line = _parse(text, jsonl.parent, f"{jsonl}:{number}")
        if line.name in first:
            raise DataError(
                f"{jsonl}:{number}: {line.name} is in line {first[line.name]} already; put its captions into one line"
            )
        first[line.name] = number
        yield line


def _parse(text: str, folder: Path, where: str) -> _Line:
    try:
        record = json.loads(text)
        name, captions, split = record["file"], record["captions"], record.get("split")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        found = text.strip()[:80]
        raise DataError(f'{where}: found {found!r}, expected {{"file": "a.jpg", "captions": ["a cat"]}}') from error
    if not isinstance(name, str) or not isinstance(captions, list):
        raise DataError(f"{where}: expected a string as 'file' and a list as 'captions'")
    if split not in (None, "train", "dev"):
        raise DataError(f"{where}: found the split {split!r}, expected 'train' or 'dev', or none at all")
    path = folder / name
    if not path.is_file():
        raise DataError(f"{where}: the photo {path} is missing; restore it or remove the line")
    kept = tuple(normalise_caption(caption) if isinstance(caption, str) else "" for caption in captions)
    if not kept or not all(kept):
        raise DataError(f"{where}: found the captions {captions!r}, expected one or more, each with text")
    return _Line(name=name, split=split, photo=CaptionedPhoto(path=path, captions=kept))
