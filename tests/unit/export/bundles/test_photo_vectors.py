from __future__ import annotations

import numpy as np

from export.bundles.caption_texts import photo_texts
from export.bundles.photo_vectors import are_believed, fuse
from export.library.records import UnderstoodPhoto
from export.pictures.facts import PhotoFacts

VIEWS = np.array([[[1, 0], [0, 1], [0.6, 0.8]], [[0, 1], [1, 0], [-1, 0]]], dtype=np.float32)
WEIGHTS = np.array([1, 2, 5], dtype=np.float32)


def photo(edit: str | None) -> UnderstoodPhoto:
    return UnderstoodPhoto(
        id="a.jpg",
        content="0" * 64,
        size_bytes=1,
        facts=PhotoFacts(width=1, height=1, type="jpeg", taken=None, placeholder="00" * 36, fingerprint="00" * 16),
        captions={"What?": "a dog", "Where?": "in a park"},
        edit=edit,
        columns={},
    )


def test_fused_is_the_weighted_sum_so_that_one_product_is_the_sum_of_the_views_products() -> None:
    fused = fuse(VIEWS, WEIGHTS, edited=np.array([False, False]))
    assert np.allclose(fused, [[4, 6], [-3, 1]])
    query = np.array([0.8, -0.6], dtype=np.float32)
    assert np.allclose(fused @ query, (VIEWS @ query) @ WEIGHTS)


def test_an_edited_caption_stands_for_every_view() -> None:
    assert np.allclose(fuse(VIEWS, WEIGHTS, edited=np.array([False, True])), [[4, 6], [0, 8]])


def test_texts_are_in_the_order_of_the_instructions_and_an_edit_takes_the_place_of_each() -> None:
    assert photo_texts(photo(None), ("Where?", "What?")) == ["in a park", "a dog"]
    assert photo_texts(photo("Rex"), ("Where?", "What?")) == ["Rex", "Rex"]


def test_a_caption_is_believed_where_it_comes_closer_to_the_view_than_nearly_all_everyday_texts() -> None:
    angles = np.linspace(0, np.pi, 41)  # of everyday texts to the view; two of them lie within a twentieth
    probes = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    visual = np.array([[1, 0], [0, 1]], dtype=np.float32)

    def at(angle: float) -> list[float]:
        return [float(np.cos(angle)), float(np.sin(angle))]

    inside, outside = float(angles[1]), float(angles[3])
    captions = np.array([[at(inside), at(outside)], [at(outside), at(np.pi / 2)]], dtype=np.float32)
    assert are_believed(captions, visual, probes).tolist() == [[True, False], [False, True]]
