"""Records: what the library hands over and takes in. They know no SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.pictures.facts import PhotoFacts
from handler.bundle.photos.catalogue import ColumnValue

NAMES = "names"
"""What stands for an instruction where a captioner says for sure what a photo shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPhoto:
    """A photo as it was last seen: its id, the size in bytes and date (ns since 1970) of its file, its content."""

    id: str
    size_bytes: int
    stamp: int
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Understander:
    """Who understands photos.

    Attributes:
        captioner: Its identity.
        instructions: What it is asked of every photo.
        image_encoder: The identity of what gives the visual view; None where nothing does.
    """

    captioner: str
    instructions: tuple[str, ...]
    image_encoder: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentUnderstanding:
    """What is learnt of one content.

    Attributes:
        content: The sha256 of the file.
        facts: What decoding found.
        captions: By instruction and NAMES; none where none was asked for.
        view: float32 [dim], unit L2 norm; None where none was asked for.
    """

    content: str
    facts: PhotoFacts
    captions: Mapping[str, str]
    view: NDArray[np.float32] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderstoodPhoto:
    """A photo that can go into a bundle.

    Attributes:
        id: Its path relative to the folder that was indexed.
        content: The sha256 of its file.
        size_bytes: Of its file.
        facts: What decoding found.
        captions: What the captioner said, by instruction, and by NAMES what is sure.
        edit: The caption that a person gave it.
        columns: What people wrote into its file, and what the owner's table says of it, which counts where both say
            something.
        text: The lines that can be read in it, all of them, in reading order.
    """

    id: str
    content: str
    size_bytes: int
    facts: PhotoFacts
    captions: Mapping[str, str]
    edit: str | None
    columns: Mapping[str, ColumnValue]
    text: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLine:
    """A line of text in a photo.

    Attributes:
        text: What it says.
        box: Left, top, right and bottom of what encloses it, of the photo as shown, whose width and height are 1.
        confidence: How sure the reader is of it, 0 to 1.
    """

    text: str
    box: tuple[float, float, float, float]
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A photo that isn't in the bundle, and the reason."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenBundle:
    """The bundle that was last put in place, and the fingerprint of what it was made of."""

    id: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a photo stands in a bundle: the name of its segment, and its row there."""

    segment: str
    row: int
