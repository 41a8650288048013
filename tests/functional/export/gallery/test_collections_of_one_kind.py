"""Relevance keeps its meaning in a collection of one photo, and in one where all photos are nearly the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from export.gallery.indexing import index_photos
from export.photos.samples import copy_samples
from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle

ABSENT = ("dog", "elephant", "justice", "a kitchen", "a dog running on a beach", "two people on a mountain")
MOST_PERHAPS = 2
"""Of the absent queries, how many may be taken for perhaps."""


@pytest.mark.parametrize("count", [1, 60])
def test_what_is_there_is_relevant_and_what_isnt_is_not(tmp_path: Path, count: int) -> None:
    copy_samples(tmp_path / "samples")
    photos = tmp_path / "photos"
    photos.mkdir()
    with Image.open(tmp_path / "samples" / "chelsea.png") as cat:
        for number in range(count):
            cat.crop((number // 4, number % 4, cat.width - 2 * number % 7, cat.height)).save(photos / f"{number}.png")
    index_photos(photos, tmp_path / "out", workers=1)
    searcher = Searcher(open_bundle(tmp_path / "out" / "bundle"))
    for query in ("cat", "a cat", "a cat looking at the camera"):
        assert len(searcher.search(query, k=100)["results"]) == count, query
    answers = {query: searcher.search(query, k=100) for query in ABSENT}
    assert [query for query, answer in answers.items() if answer["results"]] == []
    assert sum(bool(answer["perhaps"]) for answer in answers.values()) <= MOST_PERHAPS
