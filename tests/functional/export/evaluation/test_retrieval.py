"""Evaluation against counts made by hand, on a gallery whose answers are known."""

from __future__ import annotations

import codecs
import json
from pathlib import Path

import numpy as np
import pytest

from export.errors import DataError
from export.evaluation.retrieval import (
    OFF_TOPIC_QUERIES,
    EvaluationQuery,
    RelevancePairs,
    evaluate,
    expected_calibration_error,
    read_queries,
)
from export.progress import Progress
from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle
from tests.functional.handler.artefacts import PHOTOS, write_bundle


@pytest.fixture(scope="module")
def searcher(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    return Searcher(open_bundle(write_bundle(tmp_path_factory.mktemp("bundle") / "b")))


def queries(*pairs: tuple[str, str]) -> list[EvaluationQuery]:
    return [EvaluationQuery(text=text, photo_id=photo_id) for text, photo_id in pairs]


def test_queries_that_are_the_captions_find_their_photos_first(searcher: Searcher) -> None:
    found = evaluate(searcher, queries(*((photo.caption, photo.id) for photo in PHOTOS)), Progress())
    assert (found["queries"], found["recall"], found["median_rank"]) == (6, {"1": 1.0, "5": 1.0, "10": 1.0}, 1.0)
    assert found["brier"] < 0.25  # what a relevance of 0.5 for every pair would get
    assert 0.0 < found["ece"] <= found["brier"] ** 0.5  # by Jensen's inequality
    assert 0 < found["took_ms_p50"] <= found["took_ms_p99"]
    assert set(found) == {
        "queries",
        "recall",
        "median_rank",
        "ece",
        "brier",
        "off_topic_answer_rate",
        "took_ms_p50",
        "took_ms_p99",
    }


def test_wrong_and_missing_photos_count_as_not_found(searcher: Searcher) -> None:
    found = evaluate(
        searcher,
        queries(
            ("a dog runs in the park", "animals/dog.jpg"),
            ("a dog runs in the park", "sea/boat.webp"),
            ("a cat", "not indexed.jpg"),
            ("zzz", "animals/dog.jpg"),
        ),
        Progress(),
    )
    assert found["recall"]["1"] == 0.25
    assert found["recall"]["10"] == 0.5  # six photos: the wrong one is somewhere among them
    assert found["median_rank"] > 1


def test_no_photo_of_the_queries_is_there(searcher: Searcher) -> None:
    with pytest.raises(DataError, match="none of the photos is in bundle .*; expected paths relative to the folder"):
        evaluate(searcher, queries(("a dog", "dog.jpg")), Progress())


def test_a_query_that_is_too_long(searcher: Searcher) -> None:
    with pytest.raises(
        DataError, match=r"a query can't be asked: The query has 600 characters \(expected at most 512\)"
    ):
        evaluate(searcher, queries(("x" * 600, "animals/dog.jpg")), Progress())


@pytest.mark.parametrize(
    ("relevances", "labels", "expected"),
    [
        ([1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], 0.25),
        ([0.5, 0.5], [1.0, 0.0], 0.0),
        ([0.9] * 10, [1.0] * 9 + [0.0], 0.0),
        ([0.2, 0.2, 0.8, 0.8], [0.0, 0.0, 1.0, 1.0], 0.2),
        ([], [], 0.0),
    ],
)
def test_expected_calibration_error(relevances: list[float], labels: list[float], expected: float) -> None:
    weights = np.full(len(labels), 1 / max(1, len(labels)))
    pairs = RelevancePairs(relevances=np.array(relevances), labels=np.array(labels), weights=weights)
    found = expected_calibration_error(pairs)
    assert found == pytest.approx(expected, abs=1e-9)


def test_queries_are_read(tmp_path: Path) -> None:
    path = tmp_path / "queries.jsonl"
    lines = [
        {"file": "a.jpg", "captions": ["a cat", "ein Kätzchen"], "split": "dev"},
        {"file": "b.jpg", "captions": []},
    ]
    path.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines) + "\n\n", encoding="utf-8")
    assert read_queries(path) == queries(("a cat", "a.jpg"), ("ein Kätzchen", "a.jpg"))
    path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())
    assert read_queries(path) == queries(("a cat", "a.jpg"), ("ein Kätzchen", "a.jpg"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no queries; expected lines such as"),
        (b'{"file": "a", "captions": ["b"]}\nnonsense\n', "line 2 of .* is 'nonsense', expected "),
        (b'{"captions": ["b"]}\n', r"line 1 of .* is '\{.*\}', expected "),
        (b'["a"]\n', "line 1 of .* is '.*', expected "),
        (b'{"file": 1, "captions": ["b"]}\n', "line 1 of .*: expected a string as 'file' and a list as 'captions'"),
        (b'{"file": "a", "captions": "b"}\n', "expected a string as 'file' and a list as 'captions'"),
        (b'{"file": "a", "captions": [" "]}\n', "found the caption ' ', expected text"),
        (b'{"file": "a", "captions": [3]}\n', "found the caption 3, expected text"),
        (b"\xff\xfe\n", "can't be read: 'utf-8' codec"),
    ],
)
def test_files_that_are_no_queries(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "queries.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_queries(path)
    with pytest.raises(DataError, match="can't be read"):
        read_queries(tmp_path / "gone.jsonl")


def test_off_topic_queries_are_a_hundred_different_ones() -> None:
    lines = OFF_TOPIC_QUERIES.read_text(encoding="utf-8").splitlines()
    assert len(lines) >= 100
    assert len(set(lines)) == len(lines)
