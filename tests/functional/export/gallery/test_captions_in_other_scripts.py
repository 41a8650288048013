"""What people write of a photo finds it, in scripts that the text encoder never saw too."""

from __future__ import annotations

from pathlib import Path

from export.gallery.correction import correct_caption
from export.gallery.indexing import index_photos
from handler.search.filters import Filters
from handler.search.query import Query
from handler.search.searcher import Searcher
from handler.search.selection import Selection
from handler.store.folder_store import open_bundle
from tests.functional.export.galleries import fake_models, write_photo

CAPTIONS = {"a.png": "Собака на пляже", "b.png": "海辺の犬", "c.png": "כלב על החוף", "d.png": "🐕 🏖"}


def ids_of(searcher: Searcher, query: str, **of_selection: object) -> list[tuple[str, float]]:
    answer = searcher.search(query, selection=Selection(**of_selection))  # type: ignore[arg-type]
    return [(result["id"], result["relevance"]) for result in answer["results"]]


def test_each_is_found_by_its_own_words_alone(tmp_path: Path) -> None:
    models = fake_models(tmp_path / "models")
    for seed, name in enumerate((*CAPTIONS, "e.png", "f.png")):
        write_photo(tmp_path / "photos" / name, "red", seed=seed)
    index_photos(tmp_path / "photos", tmp_path / "out", workers=1, models=models)
    for photo, caption in CAPTIONS.items():
        correct_caption(photo, caption, tmp_path / "out", models=models)
    searcher = Searcher(open_bundle(tmp_path / "out/bundle"))
    for photo, caption in CAPTIONS.items():
        for query in (caption, f"  {caption.lower()} "):
            assert ids_of(searcher, query) == [(photo, 1.0)]
    assert ids_of(searcher, "собака") == [("a.png", 1.0)]
    assert ids_of(searcher, "🏖") == [("d.png", 1.0)]
    assert ids_of(searcher, "犬") == [("b.png", 1.0)]
    assert ids_of(searcher, "кошка") == []
    assert ids_of(searcher, CAPTIONS["a.png"], filters=Filters(types=("jpeg",))) == []
    two = Query(texts=(CAPTIONS["a.png"], CAPTIONS["b.png"]))
    assert {(result["id"], result["relevance"]) for result in searcher.search(two)["results"]} == {
        ("a.png", 0.5),
        ("b.png", 0.5),
    }
