"""Evaluation: how well a bundle finds the photos that queries describe, asked as clients ask it.

It knows queries with one right answer each, and the searcher; nothing of how the bundle was made.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from export.errors import DataError
from export.progress import Progress
from handler.bundle.bundle import Bundle
from handler.bundle.relevance import QUERY_KINDS, QueryKind, kind_of_query
from handler.bundle.texts import normalise
from handler.errors import PhotoNotFoundError, QueryError
from handler.search.answers import SearchAnswer
from handler.search.searcher import Searcher
from handler.search.selection import MAX_K

OFF_TOPIC_QUERIES = Path(__file__).parent / "off_topic_queries.txt"
RECALL_AT = (1, 5, 10)
_BINS = 15
_SEED = 0
_STOP_WORDS = {"a", "an", "and", "at", "by", "from", "in", "into", "of", "on", "the", "to", "under", "with"}


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationQuery:
    """A query, and the id of the one photo that is its right answer."""

    text: str
    photo_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RelevancePairs:
    """Relevances of query and photo, float64 [n]: label 1 where they belong together, weights of sum 1."""

    relevances: NDArray[np.float64]
    labels: NDArray[np.float64]
    weights: NDArray[np.float64]


class Evaluation(TypedDict):
    """What ``thinlens evaluate --json`` prints.

    ``recall`` is the share of queries whose right photo is among the first 1, 5 and 10; ``median_rank`` takes a photo
    that isn't found for the one behind the last. ``ece`` is the expected calibration error (Guo et al. 2017, section 2,
    15 bins) and ``brier`` the mean squared error of the relevances of three kinds of pairs, each kind of the same
    weight: a query with its right photo, with another photo, and a query about what none of the photos shows with the
    photo that comes closest. ``off_topic_answer_rate`` is the share of the last that are answered nevertheless.
    """

    queries: int
    recall: dict[str, float]
    median_rank: float
    ece: float
    brier: float
    off_topic_answer_rate: float
    took_ms_p50: float
    took_ms_p99: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was measured, and the pairs that its ``ece`` and ``brier`` sum up."""

    evaluation: Evaluation
    pairs: RelevancePairs


def read_queries(path: Path) -> list[EvaluationQuery]:
    """Read queries: a line for each photo, ``{"file": id, "captions": [...]}``; other fields are left alone.

    Raises:
        DataError: The file can't be read, or a line is something else.
    """
    queries = []
    try:
        with path.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    queries += _parse(line, f"line {number} of {path}")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} can't be read: {getattr(error, 'strerror', None) or error}") from error
    if not queries:
        raise DataError(f'{path} holds no queries; expected lines such as {{"file": "a.jpg", "captions": ["a cat"]}}')
    return queries


def _parse(line: str, where: str) -> list[EvaluationQuery]:
    try:
        entry = json.loads(line)
        photo_id, captions = entry["file"], entry["captions"]
    except (ValueError, TypeError, KeyError) as error:
        found = line.strip()[:80]
        raise DataError(f'{where} is {found!r}, expected {{"file": "a.jpg", "captions": ["a cat"]}}') from error
    if not isinstance(photo_id, str) or not isinstance(captions, list):
        raise DataError(f"{where}: expected a string as 'file' and a list as 'captions'")
    for caption in captions:
        if not isinstance(caption, str) or not normalise(caption):
            raise DataError(f"{where}: found the caption {caption!r}, expected text")
    return [EvaluationQuery(text=caption, photo_id=photo_id) for caption in captions]


def evaluate(searcher: Searcher, queries: Sequence[EvaluationQuery], progress: Progress) -> Evaluation:
    """Ask every query, and sum up; raises as ``measure`` does."""
    return measure(searcher, queries, progress).evaluation


def measure(searcher: Searcher, queries: Sequence[EvaluationQuery], progress: Progress) -> Measured:
    """Ask every query, with the rest of the photos as the crowd.

    Raises:
        DataError: None of the photos is in the bundle, or a query can't be asked.
    """
    bundle = searcher.bundle
    right = _numbers(bundle, {query.photo_id for query in queries})
    if not right:
        raise DataError(
            f"none of the photos is in bundle {bundle.id}; expected paths relative to the folder that was indexed, "
            f"found {queries[0].photo_id!r}"
        )
    ranks, took_ms, of_right, of_other = [], [], [], []
    random = np.random.default_rng(_SEED)
    progress.begin("asking queries", len(queries))
    for query in queries:
        try:
            answer = searcher.search(query.text, min_relevance=0.0)
        except QueryError as error:
            raise DataError(f"a query can't be asked: {error}; it is {query.text[:80]!r}") from error
        took_ms.append(answer["took_ms"])
        number = right.get(query.photo_id)
        ranks.append(_rank(searcher, query, number, answer))
        if number is not None:
            others = _another(bundle, number, random)
            # A photo that has the query as its caption isn't a wrong one: near-duplicates often share theirs.
            others = [other for other in others if not _says(bundle, other, query.text)]
            right_relevance, *other_relevances = _relevances(bundle, query.text, [number, *others])
            of_right.append(right_relevance)
            of_other += other_relevances
        progress.advance(1)
    progress.end()
    off_topic = _like(queries, off_topic_texts(query.text for query in queries))
    pairs = pairs_of(of_right, of_other, [_closest_relevance(searcher, text) for text in off_topic])
    answered = [not searcher.search(text)["no_relevant_results"] for text in off_topic]
    evaluation: Evaluation = {
        "queries": len(queries),
        "recall": {str(k): float(np.mean(np.array(ranks) <= k)) for k in RECALL_AT},
        "median_rank": min(float(np.median(ranks)), bundle.manifest.counts.photos + 1.0),
        "ece": expected_calibration_error(pairs),
        "brier": float(np.sum(pairs.weights * (pairs.relevances - pairs.labels) ** 2)),
        "off_topic_answer_rate": float(np.mean(answered)) if answered else 0.0,
        "took_ms_p50": float(np.percentile(took_ms, 50)),
        "took_ms_p99": float(np.percentile(took_ms, 99)),
    }
    return Measured(evaluation=evaluation, pairs=pairs)


def expected_calibration_error(pairs: RelevancePairs) -> float:
    """The mean distance of relevance from the share of right answers, over bins of equal width.

    Example: relevances [1, 1, 0, 0] with labels [1, 0, 0, 0], of the same weight -> 0.25
    """
    bins = np.minimum((pairs.relevances * _BINS).astype(int), _BINS - 1)
    gaps = pairs.weights * (pairs.relevances - pairs.labels)
    return sum(abs(float(gaps[bins == n].sum())) for n in range(_BINS))


def pairs_of(of_right: Sequence[float], of_other: Sequence[float], of_absent: Sequence[float]) -> RelevancePairs:
    """The three kinds of pairs, each of the same weight where there are any."""
    kinds = [(of_right, 1.0), (of_other, 0.0), (of_absent, 0.0)]
    present = [(relevances, label) for relevances, label in kinds if relevances]
    nothing = np.empty(0)
    return RelevancePairs(
        relevances=np.concatenate([nothing, *(relevances for relevances, _ in present)]),
        labels=np.concatenate([nothing, *(np.full(len(relevances), label) for relevances, label in present)]),
        weights=np.concatenate(
            [nothing, *(np.full(len(relevances), 1 / len(relevances) / len(present)) for relevances, _ in present)]
        ),
    )


def _another(bundle: Bundle, number: int, random: np.random.Generator) -> list[int]:
    """Any other photo than that of a number; none where there is no other."""
    photos = bundle.photos.present()
    place = int(np.searchsorted(photos, number))
    return [int(photos[(place + int(random.integers(1, len(photos)))) % len(photos)])] if len(photos) > 1 else []


def _says(bundle: Bundle, number: int, text: str) -> bool:
    return any(caption.text == text for caption in bundle.photos.record(number).captions)


def _numbers(bundle: Bundle, photo_ids: Iterable[str]) -> dict[str, int]:
    """The photo number of each id that the bundle has."""
    numbers = {}
    for photo_id in photo_ids:
        with contextlib.suppress(PhotoNotFoundError):
            numbers[photo_id] = bundle.photos.find(photo_id)
    return numbers


def _rank(searcher: Searcher, query: EvaluationQuery, number: int | None, answer: SearchAnswer) -> float:
    """The place of the right photo in the answer, from 1; if it isn't there, in a longer one, or by score alone."""
    if number is None or not answer["results"]:
        return math.inf
    for results in (answer["results"], searcher.search(query.text, k=MAX_K, min_relevance=0.0)["results"]):
        ids = [result["id"] for result in results]
        if query.photo_id in ids:
            return ids.index(query.photo_id) + 1
    hits = searcher.bundle.index.search(
        searcher.bundle.encoder.encode_queries([query.text])[0], len(searcher.bundle.photos)
    )
    places = np.flatnonzero(hits.numbers == number)
    return int(places[0]) + 1 if len(places) else math.inf


def _relevances(bundle: Bundle, query: str, numbers: Sequence[int]) -> list[float]:
    """The relevance of certain photos to a query, whether they would be answered or not."""
    calibration = bundle.manifest.calibration
    views = bundle.photos.views(np.array(numbers, dtype=np.int64))
    scores = views @ bundle.encoder.encode_queries([query])[0] @ np.array(calibration.weights, dtype=np.float32)
    captions = views[:, : bundle.manifest.views.count("caption")] @ bundle.encoder.encode([query])[0]
    curve = calibration.curve(kind_of_query(query))
    relevances: list[float] = curve.relevance(scores, captions.max(axis=1)).tolist()
    return relevances


def _closest_relevance(searcher: Searcher, text: str) -> float:
    results = searcher.search(text, k=1, min_relevance=0.0)["results"]
    return results[0]["relevance"] if results else 0.0


def off_topic_texts(captions: Iterable[str]) -> list[str]:
    """Texts about what none of the captions' photos shows: those of which no caption has any word."""
    mentioned = {word for caption in captions for word in _words(caption)}
    texts = OFF_TOPIC_QUERIES.read_text(encoding="utf-8").splitlines()
    return [text for text in texts if not mentioned & _words(text)]


def as_queries(things: Sequence[str], kind: QueryKind) -> list[str]:
    """Queries of a kind about things: one alone, two, or one beside another.

    Example: ``("castle", "igloo")`` as sentences -> ``["castle next to a igloo", "igloo next to a castle"]``
    """
    if kind == "name":
        return list(things)
    between = " and " if kind == "phrase" else " next to a "
    return [f"{thing}{between}{other}" for thing, other in zip(things, [*things[1:], *things[:1]], strict=True)]


def _like(queries: Sequence[EvaluationQuery], off_topic: Sequence[str]) -> list[str]:
    """Off-topic texts of the kinds of the queries, as often as these: their curves are not the same."""
    kinds = [kind_of_query(query.text) for query in queries]
    names = [text for text in off_topic if kind_of_query(text) == "name"]
    texts = []
    for kind in QUERY_KINDS:
        of_kind = dict.fromkeys(
            [*(text for text in off_topic if kind_of_query(text) == kind), *as_queries(names, kind)]
        )
        texts += list(of_kind)[: round(len(names) * kinds.count(kind) / len(kinds))]
    return texts


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower())) - _STOP_WORDS
