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

from export.bundles.caption_texts import caption_vectors, photo_captions, probe_vectors
from export.library.library import Library
from export.library.records import UnderstoodPhoto
from export.models.model_set import Models

_CLOSER_THAN = 0.95
"""The share of everyday texts than which a caption has to come closer to its photo's view, to be believed."""


def fuse(views: NDArray[np.float32], weights: NDArray[np.float32], *, edited: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Float32 [photos, dim]: the weighted sums of the views; where edited, the first view times all the weight."""
    fused: NDArray[np.float32] = np.einsum("pvd,v->pd", views, weights)
    fused[edited] = views[edited, 0] * weights.sum()
    return fused


def photo_views(library: Library, photos: Sequence[UnderstoodPhoto], models: Models) -> NDArray[np.float32]:
    """Float32 [photos, views, dim]: the caption views in the order of the instructions, then the visual view if any.

    Captions that nobody has calibrated beside a visual view count only where it bears them out.
    """
    instructions = models.captioner.instructions
    said = [caption for photo in photos for caption in photo_captions(photo, instructions)]
    captions = caption_vectors(library, said, models).reshape(len(photos), len(instructions), -1)
    if models.image_encoder is None:
        return captions
    visual = library.understandings.views(
        [photo.content for photo in photos], image_encoder=models.image_encoder.identity
    )
    counted = np.array([caption.text != "" for caption in said]).reshape(captions.shape[:2])
    if models.calibration is None:
        edited = np.array([[photo.edit is not None] for photo in photos])
        counted &= edited | are_believed(captions, visual, probe_vectors(library, models))
    return join_views(captions, visual, said=counted)


def are_believed(
    captions: NDArray[np.float32], visual: NDArray[np.float32], probes: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Which captions are true as far as the visual view of their photo can tell: bool [photos, captions].

    A caption that comes no closer to the view than some everyday texts do, of which hardly any is about the photo, is
    as likely made up: the view then finds the photo better alone.

    Args:
        captions: float32 [photos, captions, dim], unit L2 norm.
        visual: float32 [photos, dim], likewise.
        probes: float32 [probes, dim], the vectors of those texts.
    """
    by_chance = np.quantile(visual @ probes.T, _CLOSER_THAN, axis=1)
    believed: NDArray[np.bool_] = np.einsum("pcd,pd->pc", captions, visual) > by_chance[:, np.newaxis]
    return believed


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
