"""What is hardly true isn't said: a photo has names or nothing in place of a caption, and is found all the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from export.gallery.correction import correct_caption
from export.gallery.indexing import index_photos
from export.models.model_set import Models
from export.progress import Progress
from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle
from tests.functional.export.galleries import COLOURS, FakeSource, fake_models, write_photo


def modest(models: Models, sure: dict[str, str]) -> Models:
    assert isinstance(models.captioner, FakeSource)
    return replace(models, captioner=replace(models.captioner, sure=sure))


@pytest.fixture
def searcher(tmp_path: Path) -> Searcher:
    for colour in COLOURS:
        write_photo(tmp_path / f"photos/{colour}.png", colour)
    models = modest(fake_models(tmp_path / "models"), {"blue": "A blue wall", "black": ""})
    index_photos(tmp_path / "photos", tmp_path / "out", models=models, progress=Progress())
    return Searcher(open_bundle(tmp_path / "out/bundle"))


def test_what_is_said_of_each_photo(searcher: Searcher) -> None:
    said = {colour: searcher.photo(f"{colour}.png")["captions"][0] for colour in ("red", "blue", "black")}
    assert {colour: (caption["kind"], caption["text"]) for colour, caption in said.items()} == {
        "red": ("caption", "a photo of a red wall"),
        "blue": ("names", "A blue wall"),
        "black": ("none", ""),
    }


@pytest.mark.parametrize(("colour", "kind"), [("red", "caption"), ("blue", "names"), ("black", "none")])
def test_each_is_found(searcher: Searcher, colour: str, kind: str) -> None:
    first = searcher.search(f"{colour} wall")["results"][0]
    assert (first["id"], first["caption_kind"]) == (f"{colour}.png", kind)
    assert first["matched"]  # never an empty text


def test_no_golden_query_is_empty(searcher: Searcher) -> None:
    assert all(golden.query for golden in searcher.bundle.manifest.golden)


def test_a_persons_caption_is_a_caption(tmp_path: Path) -> None:
    write_photo(tmp_path / "photos/black.png", "black")
    models = modest(fake_models(tmp_path / "models"), {"black": ""})
    index_photos(tmp_path / "photos", tmp_path / "out", models=models, progress=Progress())
    correct_caption("black.png", "my dog", tmp_path / "out", models=models)
    caption, _ = Searcher(open_bundle(tmp_path / "out/bundle")).photo("black.png")["captions"]
    assert (caption["kind"], caption["text"], caption["edited"]) == ("caption", "my dog", True)
