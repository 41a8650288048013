"""Views: the vectors by which photos are found, and how they are fused.

A photo has a caption view for each instruction and a visual view. Relevance is logistic in their cosines with the
query, and so linear in the query: the views, each times its weight, are added up to one fused vector, and searching is
one inner product for each photo. Where a person wrote the caption, it stands for every view of the photo: a person's
caption finds a photo far better than what models see in it (README.md has the numbers).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from export.bundles.caption_texts import caption_vectors, photo_captions
from export.library.library import Library
from export.library.records import UnderstoodPhoto
from export.models.model_set import Models


def fuse(views: NDArray[np.float32], weights: NDArray[np.float32], *, edited: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Float32 [photos, dim]: the weighted sums of the views; where edited, the first view times all the weight."""
    fused: NDArray[np.float32] = np.einsum("pvd,v->pd", views, weights)
    fused[edited] = views[edited, 0] * weights.sum()
    return fused


def photo_views(library: Library, photos: Sequence[UnderstoodPhoto], models: Models) -> NDArray[np.float32]:
    """Float32 [photos, views, dim]: the caption views in the order of the instructions, then the visual view if any."""
    instructions = models.captioner.instructions
    said = [caption for photo in photos for caption in photo_captions(photo, instructions)]
    captions = caption_vectors(library, said, models).reshape(len(photos), len(instructions), -1)
    if models.image_encoder is None:
        return captions
    visual = library.understandings.views(
        [photo.content for photo in photos], image_encoder=models.image_encoder.identity
    )
    return join_views(
        captions, visual, said=np.array([caption.text != "" for caption in said]).reshape(captions.shape[:2])
    )


def join_views(
    captions: NDArray[np.float32], visual: NDArray[np.float32], *, said: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """The views of photos, float32 [photos, captions + 1, dim]; the visual one stands in for a caption that isn't said.

    Args:
        captions: float32 [photos, captions, dim].
        visual: float32 [photos, dim].
        said: bool [photos, captions].
    """
    seen = visual[:, np.newaxis]
    return np.concatenate([np.where(said[..., np.newaxis], captions, seen), seen], axis=1)
