"""Texts: what the caption views of a photo say, and their vectors in the library."""

from __future__ import annotations

from collections.abc import Sequence

from export.library.library import Library
from export.library.records import UnderstoodPhoto
from export.models.model_set import Models
from export.progress import Progress

_EMBEDDED_AT_ONCE = 512


def photo_texts(photo: UnderstoodPhoto, instructions: Sequence[str]) -> list[str]:
    """The text of each caption view of a photo, in the order of the instructions."""
    return [photo.captions[instruction] if photo.edit is None else photo.edit for instruction in instructions]


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
