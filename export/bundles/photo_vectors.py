"""Views: the vectors by which photos are found, fused and brought to int8.

A photo has a caption view for each instruction and a visual view. Relevance is logistic in their cosines with the
query, and so linear in the query: the views, each times its weight, are added up to one fused vector, and searching is
one inner product for each photo. Where a person wrote the caption, it stands for every view of the photo: a person's
caption finds a photo far better than what models see in it (README.md has the numbers).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.bundles.caption_texts import photo_texts
from export.library.library import Library
from export.library.records import UnderstoodPhoto
from export.models.model_set import Models
from handler.bundle.index.vector_index import quantise, scale_of

_PHOTOS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantisedVectors:
    """Int8 vectors, [photos, dim] or [photos, views, dim], and the value of one step."""

    rows: NDArray[np.int8]
    scale: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleVectors:
    """The vectors of a bundle: one fused vector for each photo, and its views."""

    fused: QuantisedVectors
    views: QuantisedVectors


def bundle_vectors(
    library: Library, photos: Sequence[UnderstoodPhoto], models: Models, *, weights: NDArray[np.float32]
) -> BundleVectors:
    """The vectors of photos whose texts are embedded, in the order of the photos.

    Args:
        library: Holds the vectors of their views.
        photos: At least one.
        models: What the vectors were made with.
        weights: float32 [views], what each view counts for.
    """
    parts = [photos[start : start + _PHOTOS_AT_ONCE] for start in range(0, len(photos), _PHOTOS_AT_ONCE)]
    fused: list[NDArray[np.float32]] = []
    scale = 0.0
    for part in parts:
        views = photo_views(library, part, models)
        scale = max(scale, scale_of(views))
        fused.append(fuse(views, weights, edited=np.array([photo.edit is not None for photo in part])))
    # Once more for int8, as the scale is known only now; floats of all views at once would be four times the memory.
    rows = np.concatenate([quantise(photo_views(library, part, models), scale) for part in parts])
    all_fused = np.concatenate(fused)
    fused_scale = scale_of(all_fused)
    return BundleVectors(
        fused=QuantisedVectors(rows=quantise(all_fused, fused_scale), scale=fused_scale),
        views=QuantisedVectors(rows=rows, scale=scale),
    )


def fuse(views: NDArray[np.float32], weights: NDArray[np.float32], *, edited: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Float32 [photos, dim]: the weighted sums of the views; where edited, the first view times all the weight."""
    fused: NDArray[np.float32] = np.einsum("pvd,v->pd", views, weights)
    fused[edited] = views[edited, 0] * weights.sum()
    return fused


def photo_views(library: Library, photos: Sequence[UnderstoodPhoto], models: Models) -> NDArray[np.float32]:
    """Float32 [photos, views, dim]: the caption views in the order of the instructions, then the visual view if any."""
    instructions = models.captioner.instructions
    texts = [text for photo in photos for text in photo_texts(photo, instructions)]
    captions = library.text_vectors.of(texts, encoder=models.encoder_identity)
    captions = captions.reshape(len(photos), len(instructions), -1)
    if not models.has_visual_view:
        return captions
    visual = library.understandings.visual_vectors(
        [photo.content for photo in photos], captioner=models.captioner.identity
    )
    return join_views(captions, visual, said=np.array(texts).reshape(captions.shape[:2]) != "")


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
