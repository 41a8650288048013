"""Texts: what the caption views of a photo say, and their vectors in the library."""

from __future__ import annotations

from collections.abc import Sequence

from export.library.library import Library
from export.library.records import NAMES, UnderstoodPhoto
from export.models.model_set import Models
from export.progress import Progress
from handler.bundle.photos.catalogue import Caption

_EMBEDDED_AT_ONCE = 512


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


def embed_texts(library: Library, texts: Sequence[str], models: Models, progress: Progress) -> None:
    """Embed the texts that the library has no vector of; killed in between, it goes on from there."""
    missing = library.text_vectors.missing(texts, encoder=models.encoder_identity)
    if not missing:
        return
    from handler.bundle.encoder import Encoder  # and with it onnxruntime, which is slow to import

    encoder = Encoder.load(models.encoder)
    progress.begin("embedding captions", len(missing))
    for start in range(0, len(missing), _EMBEDDED_AT_ONCE):
        batch = missing[start : start + _EMBEDDED_AT_ONCE]
        library.text_vectors.put(batch, encoder.encode(batch), encoder=models.encoder_identity)
        progress.advance(len(batch))
    progress.end()
