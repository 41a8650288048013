"""A small collection that changes between runs: what its library holds is put there without files or photos."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from export.bundles.bundling import BundleInService, update_bundle
from export.library.library import Library
from export.library.records import NAMES, ContentUnderstanding, KnownPhoto
from export.models.model_set import Models
from export.pictures.facts import PhotoFacts
from export.progress import Progress
from handler.bundle.encoder import Encoder
from handler.bundle.manifest import Manifest, SegmentInfo
from handler.bundle.manifest_reader import read_manifest
from handler.bundle.photos.catalogue import ColumnValue
from tests.functional.export.galleries import COLOURS, INSTRUCTIONS

CONTENTS = 12
"""What photos may show: 0 to 3 are a chain in which neighbours are alike, 9 lacks an answer, 10 is not understood."""
LACKS_AN_ANSWER, NOT_UNDERSTOOD = 9, 10


def content_of(number: int) -> str:
    """The hash of a content."""
    return hashlib.sha256(f"content {number}".encode()).hexdigest()


def facts_of(number: int) -> PhotoFacts:
    """What decoding would find; 9 looks as 1 does, and 2 and 3 are larger than what they are like."""
    bits = (1 << 8 * number) - 1 if number < 4 else 0xFF if number == LACKS_AN_ANSWER else None
    return PhotoFacts(
        width=40 + (number % 3) * 10,
        height=30 if number % 4 else 60,
        type="png" if number % 2 else "jpeg",
        taken=None if number == 5 else f"20{10 + number}-03-04T05:06:07",
        placeholder="00" * 36,
        fingerprint=content_of(number)[:32] if bits is None else f"{bits:032x}",
        noted="exif",
    )


@dataclass(slots=True, kw_only=True)
class Collection:
    """Which photos there are: by id the number of what each shows; and what was said of them.

    Attributes:
        edits: What a person wrote of contents, by their numbers.
        columns: The owner's columns, by the photos' ids.
    """

    library: Library
    out: Path
    models: Models
    photos: dict[str, int] = field(default_factory=dict)
    edits: dict[int, str] = field(default_factory=dict)
    columns: dict[str, dict[str, ColumnValue]] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def open(cls, out: Path, models: Models) -> Iterator[Collection]:
        """A collection in a folder, with what captioners know of every content."""
        encoder = Encoder.load(models.encoder)
        names = list(COLOURS)
        with Library.open(out) as library:
            understandings = []
            for number in set(range(CONTENTS)) - {NOT_UNDERSTOOD}:
                colour = names[number // 2 % len(names)]
                captions = {INSTRUCTIONS[0]: f"a photo of a {colour} wall", INSTRUCTIONS[1]: f"all {colour}", NAMES: ""}
                if number == LACKS_AN_ANSWER:
                    del captions[INSTRUCTIONS[1]]
                view = encoder.encode([f"{colour} wall"])[0]
                understandings.append(
                    ContentUnderstanding(
                        content=content_of(number), facts=facts_of(number), captions=captions, view=view
                    )
                )
            library.understandings.put(understandings, models.understander)
            yield cls(library=library, out=out, models=models)

    def put(self, photo_id: str, number: int) -> None:
        """There is a photo of this id that shows this, now."""
        self.photos[photo_id] = number
        self.library.photos.put(
            [KnownPhoto(id=photo_id, size_bytes=100 + number, stamp=number, content=content_of(number))]
        )

    def remove(self, photo_id: str) -> None:
        """There is no such photo any more, if there was one."""
        self.photos.pop(photo_id, None)
        self.library.photos.forget([photo_id])

    def move(self, photo_id: str, to: str) -> None:
        """What was there is elsewhere, if there was something."""
        if photo_id in self.photos:
            number = self.photos[photo_id]
            self.remove(photo_id)
            self.put(to, number)

    def copy(self, photo_id: str, to: str) -> None:
        """What is there is elsewhere too."""
        if photo_id in self.photos:
            self.put(to, self.photos[photo_id])

    def edit(self, photo_id: str, text: str) -> None:
        """A person writes what a photo shows, if it is there."""
        if photo_id in self.photos:
            self.edits[self.photos[photo_id]] = text
            self.library.photos.edit(photo_id, text)

    def tell(self, photo_id: str, columns: Mapping[str, ColumnValue]) -> None:
        """The owner's table says this of a photo, there or not, and of the others what it said before."""
        self.columns[photo_id] = dict(columns)
        self.library.photos.put_columns(self.columns)

    def become(self, other: Collection) -> None:
        """Come to be, from nothing, as another collection is in the end."""
        for photo_id, number in other.photos.items():
            self.put(photo_id, number)
            if number in other.edits:
                self.edit(photo_id, other.edits[number])
        self.columns = other.columns
        self.library.photos.put_columns(self.columns)

    @property
    def understood(self) -> set[str]:
        """The photos that a bundle holds."""
        return {photo_id for photo_id, number in self.photos.items() if number not in (LACKS_AN_ANSWER, NOT_UNDERSTOOD)}

    def run(self) -> BundleInService:
        """Bring the bundle up to date."""
        return update_bundle(self.library, self.out, self.models, Progress())

    def segments(self) -> tuple[SegmentInfo, ...]:
        """The segments of the bundle in service, if there is one."""
        return manifest_of(self.out).segments if (self.out / "bundle").exists() else ()

    def placed(self) -> dict[str, list[str]]:
        """Which photos stand in each of them."""
        return {
            segment.id: [photo_id for _, photo_id in self.library.placements.photos_of(segment.id)]
            for segment in self.segments()
        }


def touched(library: Library) -> set[str]:
    """The photos of which something has changed since the last run."""
    return {photo_id for page in library.placements.touched_pages(100) for photo_id in page}


def manifest_of(out: Path) -> Manifest:
    """The manifest of the bundle in service in an output folder."""
    return read_manifest((out / "bundle/manifest.json").read_bytes())


def inodes(out: Path) -> dict[str, dict[str, int]]:
    """Where the files of each segment of the bundle in service lie on the disk, by the segment and the file."""
    if not (out / "bundle").exists():
        return {}
    return {
        segment.id: {name: (out / "bundle" / segment.folder / name).stat().st_ino for name in segment.files}
        for segment in manifest_of(out).segments
    }
