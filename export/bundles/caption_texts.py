"""Texts: what the caption views of a photo say, and their vectors in the library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from export.evaluation.probes import PROBES
from export.library.library import Library
from export.library.records import NAMES, UnderstoodPhoto
from export.models.model_set import Models
from export.progress import Progress
from handler.bundle.photos.catalogue import Caption

if TYPE_CHECKING:
    from handler.bundle.encoder import Encoder

_EMBEDDED_AT_ONCE = 512
_NO_VECTORS: NDArray[np.float32] = np.empty((0, 0), np.float32)


def photo_captions(photo: UnderstoodPhoto, instructions: Sequence[str]) -> tuple[Caption, ...]:
    """What each caption view of a photo says, in the order of the instructions."""
    return tuple(_caption(photo, instruction) for instruction in instructions)


def photo_texts(photo: UnderstoodPhoto, instructions: Sequence[str]) -> list[str]:
    """Their texts."""
    return [caption.text for caption in photo_captions(photo, instructions)]


def _caption(photo: UnderstoodPhoto, instruction: str) -> Caption:
    if photo.edit is not None:
        return Caption(instruction=instruction, text=photo.edit, edited=True, kind="caption")
    if text := photo.captions[instruction]:
        return Caption(instruction=instruction, text=text, edited=False, kind="caption")
    names = photo.captions.get(NAMES, "")
    return Caption(instruction=instruction, text=names, edited=False, kind="names" if names else "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenCaptions:
    """What the captioner said of some photos: those that have a first caption, and its vectors, float32 [n, dim]."""

    rows: list[int]
    vectors: NDArray[np.float32]


def spoken_captions(library: Library, photos: Sequence[UnderstoodPhoto], models: Models) -> SpokenCaptions:
    """The first captions of photos, where they have one; what stands in a caption's place is none."""
    first = [photo_captions(photo, models.captioner.instructions)[0] for photo in photos]
    rows = [row for row, caption in enumerate(first) if caption.kind == "caption" and caption.text]
    vectors = caption_vectors(library, [first[row] for row in rows], models) if rows else _NO_VECTORS
    return SpokenCaptions(rows=rows, vectors=vectors)


def embed_captions(library: Library, captions: Sequence[Caption], models: Models, progress: Progress) -> None:
    """Embed the captions that the library has no vector of; killed in between, it goes on from there.

    What a person wrote is embedded by the encoder of the queries, which may know more languages than the captioner's.
    """
    for edited, identity in _encoders(models):
        texts = [caption.text for caption in captions if caption.edited == edited]
        missing = library.text_vectors.missing(texts, encoder=identity)
        if missing:
            _embed(library, missing, models.asked_encoder if edited else models.text_encoder, identity, progress)


def caption_vectors(library: Library, captions: Sequence[Caption], models: Models) -> NDArray[np.float32]:
    """The vectors of captions, which the library has; float32 [captions, dim], unit L2 norm."""
    by_text: dict[tuple[str, bool], NDArray[np.float32]] = {}
    for edited, identity in _encoders(models):
        texts = list(dict.fromkeys(caption.text for caption in captions if caption.edited == edited))
        if texts:
            vectors = library.text_vectors.of(texts, encoder=identity)
            by_text.update(((text, edited), vector) for text, vector in zip(texts, vectors, strict=True))
    return np.stack([by_text[caption.text, caption.edited] for caption in captions])


def probe_vectors(library: Library, models: Models) -> NDArray[np.float32]:
    """The vectors of PROBES by the captions' encoder, which the library keeps: float32 [probes, dim], unit L2 norm."""
    missing = library.text_vectors.missing(PROBES, encoder=models.encoder_identity)
    if missing:
        vectors = models.text_encoder.encode(missing)
        library.text_vectors.put(missing, vectors, encoder=models.encoder_identity)
    return library.text_vectors.of(PROBES, encoder=models.encoder_identity)


def _encoders(models: Models) -> tuple[tuple[bool, str], ...]:
    """Whether it embeds what people wrote, and the identity, of each encoder."""
    return (False, models.encoder_identity), (True, models.asked_identity)


def _embed(library: Library, texts: Sequence[str], encoder: Encoder, identity: str, progress: Progress) -> None:
    progress.begin("embedding captions", len(texts))
    for start in range(0, len(texts), _EMBEDDED_AT_ONCE):
        batch = texts[start : start + _EMBEDDED_AT_ONCE]
        library.text_vectors.put(batch, encoder.encode(batch), encoder=identity)
        progress.advance(len(batch))
    progress.end()
