"""The quality gate: what a sound bundle shows, and what it tells of those that are broken in one way each."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.progress import Progress
from export.publishing import quality_gate
from export.publishing.quality_gate import Check, check_quality
from handler.bundle.bundle import Bundle
from handler.bundle.index.index_kinds import write_index
from handler.bundle.index.vector_index import QuantisedVectors
from handler.bundle.manifest import Golden
from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle
from tests.functional.export.stores import STRICT
from tests.functional.handler.artefacts import WORDS, BundleChoices, TinyPhoto, write_bundle
from tests.functional.handler.tampering import file_of, rehash

MANY = [TinyPhoto(id=f"{a} {b}.jpg", caption=f"a {a} and a {b}") for a in WORDS[8:14] for b in WORDS[20:25]]


def failed(bundle: Bundle) -> dict[str, str]:
    """What is found where a check fails, by the check's name."""
    return {check.name: check.found for check in check_quality(bundle, Progress()) if not check.passed}


def test_a_sound_bundle(tmp_path: Path) -> None:
    golden = (Golden(query="a dog runs in the park", ids=("animals/dog.jpg",)),)
    checks = check_quality(open_bundle(write_bundle(tmp_path, choices=replace(STRICT, golden=golden))), Progress())
    assert [check.name for check in checks] == ["golden", "recall", "calibration", "off-topic", "latency", "size"]
    assert all(check.passed for check in checks)
    assert checks[:2] == [
        Check(name="golden", found="1 of 1 golden queries answered as they were", expected="all", passed=True),
        Check(name="recall", found="recall@10 against an exact scan 1.000", expected="at least 0.9", passed=True),
    ]


def test_a_golden_query_that_finds_something_else(tmp_path: Path) -> None:
    golden = (
        Golden(query="a dog runs in the park", ids=("animals/dog.jpg",)),
        Golden(query="a boat on the water", ids=("animals/dog.jpg",)),
    )
    bundle = open_bundle(write_bundle(tmp_path, choices=replace(STRICT, golden=golden)))
    assert failed(bundle) == {"golden": "1 of 2 golden queries answered as they were"}


def test_an_index_of_other_vectors(tmp_path: Path) -> None:
    """The index is sound by itself, but its rows aren't those of the photos: an exact scan of the views tells."""
    folder = write_bundle(tmp_path, MANY, STRICT)
    dim = open_bundle(folder).encoder.configuration.dim
    vectors = np.random.default_rng(0).normal(size=(len(MANY), dim)).astype(np.float32)
    file_of(folder, "0/index.usearch").unlink()
    write_index(file_of(folder, "0/index.usearch").parent, QuantisedVectors.of(vectors))
    rehash(folder)
    assert "recall" in failed(open_bundle(folder))


def test_photos_that_are_the_same_count_for_each_other(tmp_path: Path) -> None:
    same = [TinyPhoto(id=f"{number:02d}.jpg", caption="a dog runs in the park") for number in range(30)]
    checks = check_quality(open_bundle(write_bundle(tmp_path, same, STRICT)), Progress())
    assert [check.passed for check in checks if check.name == "recall"] == [True]


def test_a_curve_that_calls_everything_relevant(tmp_path: Path) -> None:
    bundle = open_bundle(write_bundle(tmp_path, MANY, BundleChoices(slope=1.0, intercept=8.0)))
    assert failed(bundle).keys() == {"calibration", "off-topic"}


def test_a_bundle_that_is_too_slow_or_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = open_bundle(write_bundle(tmp_path, choices=STRICT))
    monkeypatch.setattr(quality_gate, "MAX_SEARCH_CPU_MS", 0.0)
    monkeypatch.setattr(quality_gate, "MAX_SIZE_MB", 0.0)
    assert failed(bundle).keys() == {"latency", "size"}


def test_what_others_do_meanwhile_is_not_the_searchs_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where several publish at once in one process: while one measures, the others' threads work."""
    bundle, search = open_bundle(write_bundle(tmp_path, choices=STRICT)), Searcher.search

    def searched_beside_others(searcher: Searcher, *arguments: Any, **options: Any) -> Any:
        others.submit(hashlib.pbkdf2_hmac, "sha256", b"", b"", 10_000).result()
        return search(searcher, *arguments, **options)

    monkeypatch.setattr(Searcher, "search", searched_beside_others)
    monkeypatch.setattr(quality_gate, "MAX_SEARCH_CPU_MS", 5.0)
    with ThreadPoolExecutor(1) as others:
        assert failed(bundle) == {}


def test_what_is_fetched_when_it_is_asked_for_may_be_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = open_bundle(write_bundle(tmp_path, choices=STRICT))
    whole = sum(info.size_bytes for info in bundle.manifest.whole_files.values())
    assert whole < bundle.manifest.size_bytes
    monkeypatch.setattr(quality_gate, "MAX_SIZE_MB", whole / 1e6)
    assert "size" not in failed(bundle)


def test_captions_that_nobody_can_ask(tmp_path: Path) -> None:
    unknown = TinyPhoto(id="a.jpg", caption="xyzzy", seen="a dog")
    bundle = open_bundle(write_bundle(tmp_path, [unknown], STRICT))
    assert check_quality(bundle, Progress()) == [
        Check(name="captions", found="none that can be asked", expected="words that the encoder knows", passed=False)
    ]


def test_one_photo_is_enough(tmp_path: Path) -> None:
    photo = TinyPhoto(id="dog.jpg", caption="a dog runs in the park", seen="dog park")
    assert failed(open_bundle(write_bundle(tmp_path, [photo], STRICT))) == {}


def test_photos_of_which_nothing_is_said(tmp_path: Path) -> None:
    photos = [TinyPhoto(id=f"{word}.jpg", caption="", kind="none", seen=word) for word in WORDS[8:14]]
    checks = check_quality(open_bundle(write_bundle(tmp_path, photos, STRICT)), Progress())
    assert [check.name for check in checks] == ["golden", "recall", "latency", "size"]
    assert all(check.passed for check in checks)


def test_photos_that_share_a_caption(tmp_path: Path) -> None:
    photos = [TinyPhoto(id=f"{n}.jpg", caption="a dog runs in the park", seen="dog park") for n in range(2)]
    assert failed(open_bundle(write_bundle(tmp_path, photos, STRICT))) == {}
