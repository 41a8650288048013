"""The quality gate: what a bundle must be able to do before it comes into service, measured on the bundle itself.

It is asked captions of its own photos, evenly spread, and texts about what none of them shows. What its users will
ask isn't known, so the limits are wide: they stop a bundle that is broken, not one that could be better.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.evaluation.probes import PROBES
from export.evaluation.retrieval import EvaluationQuery, evaluate
from export.progress import Progress
from handler.bundle.bundle import Bundle
from handler.bundle.photos.catalogue import PhotoRecord
from handler.bundle.texts import normalise
from handler.search.query import MAX_QUERY_LENGTH
from handler.search.searcher import Searcher

MIN_RECALL = 0.9
MAX_ECE = 0.2
MAX_OFF_TOPIC_ANSWERED = 0.5
MAX_SEARCH_CPU_MS = 100.0
MAX_SIZE_MB = 10_240.0  # the most that the memory and the disk of a function can hold
RECALL_AT = 10
_QUERIES = 50
_FEWEST_QUERIES = 5
"""Of fewer photos' captions, the calibration error says more about these photos than about relevance."""
_SCANNED_AT_ONCE = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was measured; ``found`` and ``expected`` are for people."""

    name: str
    found: str
    expected: str
    passed: bool


def check_quality(bundle: Bundle, progress: Progress) -> list[Check]:
    """Measure a bundle: its golden queries, recall, calibration, off-topic queries, latency and size.

    Where its own captions can't be asked, that is all that is said. Where nothing is said of any photo, relevance isn't
    measured: there is nothing to ask that should find something.
    """
    searcher = Searcher(bundle)
    queries = _queries(searcher)
    silent = not any(text for record in _evenly(bundle) for text in _first_captions(record))
    texts = [text for text in PROBES if bundle.encoder.knows(text)] if silent else [query.text for query in queries]
    if not texts:
        return [
            Check(
                name="captions", found="none that can be asked", expected="words that the encoder knows", passed=False
            )
        ]
    golden = [_answers(searcher, query.query, len(query.ids)) == query.ids for query in bundle.manifest.golden]
    recall = _recall(bundle, bundle.encoder.encode_queries(texts))
    cpu_ms = _search_cpu_ms(searcher, texts)
    size_mb = sum(info.size_bytes for info in bundle.manifest.whole_files.values()) / 1e6
    return [
        Check(
            name="golden",
            found=f"{sum(golden)} of {len(golden)} golden queries answered as they were",
            expected="all",
            passed=all(golden),
        ),
        Check(
            name="recall",
            found=f"recall@{RECALL_AT} against an exact scan {recall:.3f}",
            expected=f"at least {MIN_RECALL}",
            passed=recall >= MIN_RECALL,
        ),
        *(_relevance_checks(searcher, queries, progress) if queries else ()),
        Check(
            name="latency",
            found=f"processor time of a search {cpu_ms:.1f} ms",
            expected=f"at most {MAX_SEARCH_CPU_MS:.0f} ms",
            passed=cpu_ms <= MAX_SEARCH_CPU_MS,
        ),
        Check(
            name="size",
            found=f"{size_mb:,.1f} MB needed for every answer",
            expected=f"at most {MAX_SIZE_MB:,.0f} MB",
            passed=size_mb <= MAX_SIZE_MB,
        ),
    ]


def _relevance_checks(searcher: Searcher, queries: Sequence[EvaluationQuery], progress: Progress) -> list[Check]:
    measured = evaluate(searcher, queries, progress)
    ece, off_topic = measured["ece"], measured["off_topic_answer_rate"]
    return [
        Check(
            name="calibration",
            found=f"calibration error {ece:.3f}",
            expected=f"at most {MAX_ECE}, from {_FEWEST_QUERIES} photos on",
            passed=ece <= MAX_ECE or len(queries) < _FEWEST_QUERIES,
        ),
        Check(
            name="off-topic",
            found=f"off-topic queries answered {off_topic:.1%}",
            expected=f"at most {MAX_OFF_TOPIC_ANSWERED:.0%}",
            passed=off_topic <= MAX_OFF_TOPIC_ANSWERED,
        ),
    ]


def _queries(searcher: Searcher) -> list[EvaluationQuery]:
    """First captions of photos, evenly spread, as far as they can be asked."""
    return [
        EvaluationQuery(text=text, photo_id=record.id)
        for record in _evenly(searcher.bundle)
        for text in _first_captions(record)
        if normalise(text) and searcher.bundle.encoder.knows(text)
    ]


def _evenly(bundle: Bundle) -> list[PhotoRecord]:
    """A few photos, evenly spread."""
    photos = bundle.photos.present()
    chosen = photos[np.linspace(0, len(photos) - 1, num=min(_QUERIES, len(photos)), dtype=int)]
    return [bundle.photos.record(number) for number in chosen.tolist()]


def _first_captions(record: PhotoRecord) -> list[str]:
    return [caption.text[:MAX_QUERY_LENGTH] for caption in record.captions[:1]]


def _answers(searcher: Searcher, query: str, k: int) -> tuple[str, ...]:
    return tuple(result["id"] for result in searcher.search(query, k=k, min_relevance=0.0)["results"])


def _search_cpu_ms(searcher: Searcher, queries: Sequence[str]) -> float:
    """The median processor time of a search, which is one thread: it tells nothing of what else is done meanwhile."""
    took_ms = []
    for query in queries:
        started_s = time.thread_time()
        searcher.search(query)
        took_ms.append((time.thread_time() - started_s) * 1_000)
    return float(np.median(took_ms))


def _recall(bundle: Bundle, queries: NDArray[np.float32]) -> float:
    """The share of the photos with the best scores that the index finds; ``queries`` are float32 [n, dim], unit norm.

    A photo that the index finds counts where it scores as well as the last that should be found, for photos may be
    the same.
    """
    photos = bundle.photos.present()
    scores = _exact_scores(bundle, queries, photos)
    wanted = min(RECALL_AT, scores.shape[1])
    shares = []
    for query, exact in zip(queries, scores, strict=True):
        found = exact[np.searchsorted(photos, bundle.index.search(query, wanted).numbers)]
        shares.append(np.count_nonzero(found >= np.partition(exact, -wanted)[-wanted]) / wanted)
    return float(np.mean(shares))


def _exact_scores(bundle: Bundle, queries: NDArray[np.float32], photos: NDArray[np.int64]) -> NDArray[np.float32]:
    """The score of each photo for each query, float32 [queries, photos], from the views rather than the index."""
    weights = np.array(bundle.manifest.calibration.weights, dtype=np.float32)
    batches = np.split(photos, range(_SCANNED_AT_ONCE, len(photos), _SCANNED_AT_ONCE))
    return np.concatenate(
        [queries @ np.tensordot(weights, bundle.photos.views(batch), axes=([0], [1])).T for batch in batches], axis=1
    )
