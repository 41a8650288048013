"""The words file: what it finds is what SQLite finds in an index of the same rows, whichever pages were read before."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handler.bundle.blocks.blocked_file import BlockedFile, read_together
from handler.bundle.words import words_file
from handler.bundle.words.words_file import HEADER, Lookup, Phrase, WordsFile
from handler.errors import BundleError

PHOTOS = 20_000
VOCABULARY = [f"w{number:04}" for number in range(3_000)]


def rows(count: int, *, seed: int = 0) -> list[tuple[int, str]]:
    """Rows of twelve terms each, some of which stand nearly everywhere and many once, as words of a language do."""
    chooser = random.Random(seed)
    return [
        (8 * number, " ".join(VOCABULARY[min(int(chooser.paretovariate(0.4)), 2_999)] for _ in range(12)))
        for number in range(count)
    ]


def write_words(path: Path, some: Sequence[tuple[int, str]]) -> None:
    words_file.write_words(path, some, photos=PHOTOS)


def opened(path: Path) -> WordsFile:
    return WordsFile(BlockedFile(path), photos=PHOTOS)


def found(words: WordsFile, phrases: Sequence[Phrase], most_rows: int | None = None) -> list[list[int] | None]:
    (answers,) = read_together([words.find([Lookup(phrase, most_rows) for phrase in phrases])])
    return [None if answer is None else answer.tolist() for answer in answers]


class Reference:
    """A plain index of SQLite's, whole and in one database."""

    def __init__(self, some: Sequence[tuple[int, str]]) -> None:
        self._index = sqlite3.connect(":memory:")
        self._index.execute("CREATE VIRTUAL TABLE words USING fts5(text, tokenize='ascii')")
        self._index.executemany("INSERT INTO words(rowid, text) VALUES (?, ?)", some)

    def found(self, phrase: Phrase) -> list[int]:
        query = '"' + " ".join(phrase) + '"'
        return [row for (row,) in self._index.execute("SELECT rowid FROM words WHERE words MATCH ?", (query,))]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("words") / "words.bin"
    write_words(path, rows(20_000))
    return path


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference(rows(20_000))


terms = st.integers(0, 2_999).map(VOCABULARY.__getitem__) | st.sampled_from(["a", "w", "w00000", "zz", "w1", "é"])


@given(st.lists(st.lists(terms, min_size=1, max_size=3).map(tuple), min_size=1, max_size=4))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_words_and_phrases_are_found_where_sqlite_finds_them(
    written: Path, reference: Reference, phrases: list[Phrase]
) -> None:
    assert found(opened(written), phrases) == [reference.found(phrase) for phrase in phrases]


def test_whatever_was_asked_before_makes_no_difference(written: Path, reference: Reference) -> None:
    words, chooser = opened(written), random.Random(1)
    for _ in range(400):
        phrase = tuple(chooser.choices(VOCABULARY[:40] + VOCABULARY, k=chooser.choice([1, 1, 2])))
        assert found(words, [phrase]) == [reference.found(phrase)]
        if chooser.random() < 0.02:
            words.forget()
            assert words.loaded_bytes == 0


def test_phrases_of_real_rows_are_found(written: Path, reference: Reference) -> None:
    words = opened(written)
    for number, text in rows(20_000)[::997]:
        phrase = tuple(text.split()[3:6])
        assert number in (found(words, [phrase])[0] or [])
        assert found(words, [phrase]) == [reference.found(phrase)]


def test_little_is_read_for_a_rare_word(written: Path) -> None:
    words = opened(written)
    found(words, [(VOCABULARY[2_500],)])
    assert words.loaded_bytes < written.stat().st_size / 10


def test_how_often_a_common_word_stands_is_told_without_reading(written: Path, reference: Reference) -> None:
    words = opened(written)
    count = len(reference.found((VOCABULARY[1],)))
    assert count > 5_000
    assert found(words, [(VOCABULARY[1],), (VOCABULARY[2_000],)], count - 1)[0] is None
    assert words.loaded_bytes < 50_000
    assert len(found(words, [(VOCABULARY[1],)], count)[0] or []) == count
    # Gone ones don't count: with so many of them there may be few enough others.
    (answers,) = read_together([words.find([Lookup((VOCABULARY[1],), count - 1)], gone=1)])
    assert answers[0] is not None
    assert len(answers[0]) == count


def test_rows_without_a_word_are_found_by_none(tmp_path: Path) -> None:
    write_words(tmp_path / "words.bin", [])
    assert found(opened(tmp_path / "words.bin"), [("a",), ("a", "b")]) == [[], []]


def test_rows_of_very_long_texts_are_found(tmp_path: Path) -> None:
    long = [f"t{number}" for number in range(10_000)]
    write_words(tmp_path / "words.bin", [(1, " ".join(long)), (9, "t5 t4")])
    words = opened(tmp_path / "words.bin")
    assert found(words, [("t9999",), ("t5",), ("t5", "t4"), ("t4", "t5", "t6"), ("t9998", "t9999")]) == [
        [1],
        [1, 9],
        [9],
        [1],
        [1],
    ]


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_words(tmp_path / name, rows(500))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("size", [0, 1, HEADER.size, HEADER.size + 100])
def test_a_truncated_file_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "words.bin"
    write_words(path, rows(500))
    path.write_bytes(path.read_bytes()[:size] or b"\0")
    with pytest.raises(BundleError, match=r"words\.bin is (truncated|damaged)"):
        found(opened(path), [("w0001",)])


def test_a_damaged_file_is_refused_or_answers(tmp_path: Path) -> None:
    """Damage of which no hash tells may find less; it never ends in anything but an error of ours."""
    path, chooser = tmp_path / "words.bin", random.Random(2)
    write_words(path, rows(2_000))
    whole, refused = path.read_bytes(), 0
    for _ in range(300):
        damaged = np.frombuffer(whole, np.uint8).copy()
        for place in chooser.sample(range(len(whole)), 8):
            damaged[place] ^= 1 << chooser.randrange(8)
        path.write_bytes(damaged.tobytes())
        try:
            found(opened(path), [(VOCABULARY[chooser.randrange(50)],), ("w0001", "w0002")])
        except BundleError:
            refused += 1
    assert 10 < refused < 300
