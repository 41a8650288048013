"""The searcher: a question in, photos with their relevance out.

Knows how the parts of a bundle work together; knows nothing of HTTP or of the disk.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TypedDict
from urllib.parse import urljoin

import numpy as np
from numpy.typing import NDArray

from handler.bundle import Bundle
from handler.catalogue import PhotoRecord
from handler.errors import QueryError
from handler.relevance import IDENTICAL_FROM
from handler.texts import normalise

MAX_QUERY_LENGTH = 512
MAX_K = 100
DEFAULT_K = 10
# The index ranks by the fused vector; relevance may put an identical caption before it, so a few
# more are looked at than are asked for.
MIN_CANDIDATES = 32
CANDIDATES_PER_RESULT = 2
VISUAL = "visual"


class Result(TypedDict):
    """One photo of an answer; `matched` is the text that explains it, or "visual"."""

    id: str
    relevance: float
    caption: str
    matched: str
    url: str
    thumbnail_url: str
    width: int
    height: int
    placeholder: str | None


class SearchAnswer(TypedDict):
    """The answer to a query; results are in order of relevance."""

    query: str
    bundle: str
    took_ms: float
    no_relevant_results: bool
    results: list[Result]


class SimilarAnswer(TypedDict):
    """The photos that are like the photo `id`."""

    id: str
    bundle: str
    took_ms: float
    no_relevant_results: bool
    results: list[Result]


class CaptionAnswer(TypedDict):
    """One caption of a photo, and where it comes from."""

    instruction: str
    text: str
    edited: bool


class PhotoAnswer(TypedDict):
    """Everything the bundle knows of one photo."""

    id: str
    bundle: str
    url: str
    thumbnail_url: str
    width: int
    height: int
    size_bytes: int
    taken: str | None
    placeholder: str | None
    captions: list[CaptionAnswer]


class SampleAnswer(TypedDict):
    """Some photos of the bundle, to show what there is."""

    bundle: str
    photos: list[PhotoAnswer]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidates:
    """Photos that may be answered, best first; arrays [n] and [n, views]."""

    numbers: NDArray[np.int64]
    relevances: NDArray[np.float32]
    cosines: NDArray[np.float32]


class Searcher:
    """Answers from one bundle for as long as it lives."""

    def __init__(self, bundle: Bundle, *, media_url: str = "") -> None:
        """Answer from `bundle`; `media_url` is what photos' relative addresses are relative to."""
        self.bundle = bundle
        self._media_url = media_url
        self._weights = np.array(bundle.manifest.calibration.weights, dtype=np.float32)
        self._caption_views = bundle.manifest.views.kinds.count("caption")

    def search(self, query: str, k: int = DEFAULT_K, min_relevance: float | None = None) -> SearchAnswer:
        """Find the photos that a text describes.

        Args:
            query: 1 to 512 characters, of which one at least is no white space.
            k: Results wanted, 1 to 100.
            min_relevance: Relevance below which nothing counts as relevant, 0 to 1; by default the
                bundle's own calibrated threshold.

        Raises:
            QueryError: Where an argument is out of range.
        """
        started = time.perf_counter()
        _check_query(query)
        encoder = self.bundle.encoder
        results: list[Result] = []
        threshold = self._threshold(k, min_relevance)
        if encoder.knows(query):
            candidates = self._rank(encoder.encode([query])[0], k)
            results = self._results(candidates, k, threshold)
        return {
            "query": query,
            "bundle": self.bundle.id,
            "took_ms": _since(started),
            "no_relevant_results": not results,
            "results": results,
        }

    def similar(self, photo_id: str, k: int = DEFAULT_K, min_relevance: float | None = None) -> SimilarAnswer:
        """Find the photos that are like a photo of the bundle, which is itself left out.

        Raises:
            QueryError: Where an argument is out of range.
            PhotoNotFoundError: Where the bundle has no photo of this id.
        """
        started = time.perf_counter()
        threshold = self._threshold(k, min_relevance)
        number = self.bundle.catalogue.find(photo_id)
        views = self.bundle.views.of(np.array([number]))[0]
        fused = self._weights @ views
        norm = float(np.linalg.norm(fused))
        results: list[Result] = []
        if norm > 0.0:
            candidates = self._rank(fused / np.float32(norm), k + 1, without=number)
            results = self._results(candidates, k, threshold)
        return {
            "id": photo_id,
            "bundle": self.bundle.id,
            "took_ms": _since(started),
            "no_relevant_results": not results,
            "results": results,
        }

    def photo(self, photo_id: str) -> PhotoAnswer:
        """Everything that is known of a photo; raises PhotoNotFoundError."""
        return self._photo(self.bundle.catalogue[self.bundle.catalogue.find(photo_id)])

    def sample(self, k: int = DEFAULT_K) -> SampleAnswer:
        """Up to k photos, spread evenly over the bundle in the order of their ids, and always the same.

        Raises:
            QueryError: Where k is out of range.
        """
        self._threshold(k, None)
        catalogue = self.bundle.catalogue
        wanted = min(k, len(catalogue))
        numbers = [place * len(catalogue) // wanted for place in range(wanted)]
        return {"bundle": self.bundle.id, "photos": [self._photo(catalogue[number]) for number in numbers]}

    def _photo(self, record: PhotoRecord) -> PhotoAnswer:
        return {
            "id": record.id,
            "bundle": self.bundle.id,
            "url": self._address(record.url),
            "thumbnail_url": self._address(record.thumbnail),
            "width": record.width,
            "height": record.height,
            "size_bytes": record.size_bytes,
            "taken": record.taken,
            "placeholder": record.placeholder,
            "captions": [
                {
                    "instruction": caption.instruction,
                    "text": caption.text,
                    "edited": caption.edited,
                }
                for caption in record.captions
            ],
        }

    def _threshold(self, k: int, min_relevance: float | None) -> float:
        """The relevance that a result must reach, once the arguments are checked."""
        if not 1 <= k <= MAX_K:
            raise QueryError(f"k is {k} (expected 1 to {MAX_K})", parameter="k")
        if min_relevance is None:
            return self.bundle.manifest.calibration.threshold
        if not 0.0 <= min_relevance <= 1.0:
            raise QueryError(f"min_relevance is {min_relevance} (expected 0 to 1)", parameter="min_relevance")
        return min_relevance

    def _rank(self, vector: NDArray[np.float32], k: int, *, without: int | None = None) -> _Candidates:
        """The photos that fit a unit vector best, by relevance, then score, then number."""
        wanted = max(MIN_CANDIDATES, CANDIDATES_PER_RESULT * k)
        hits = self.bundle.index.search(vector, wanted)
        numbers, scores = hits.numbers, hits.scores
        if without is not None:
            kept = numbers != without
            numbers, scores = numbers[kept], scores[kept]
        cosines = self.bundle.views.of(numbers) @ vector
        closest = cosines[:, : self._caption_views].max(axis=1, initial=-1.0)
        relevances = self.bundle.manifest.calibration.relevance(scores, closest)
        order = np.lexsort((numbers, -scores, -relevances))
        return _Candidates(numbers=numbers[order], relevances=relevances[order], cosines=cosines[order])

    def _results(self, candidates: _Candidates, k: int, threshold: float) -> list[Result]:
        """At most k results; whatever does not reach the threshold is left out, the first too."""
        results = []
        for number, relevance, cosines in zip(
            candidates.numbers[:k], candidates.relevances[:k], candidates.cosines[:k], strict=True
        ):
            if relevance < threshold:
                break
            record = self.bundle.catalogue[int(number)]
            results.append(self._result(record, float(relevance), cosines))
        return results

    def _result(self, record: PhotoRecord, relevance: float, cosines: NDArray[np.float32]) -> Result:
        return {
            "id": record.id,
            "relevance": round(relevance, 2),
            "caption": record.captions[0].text if record.captions else "",
            "matched": self._matched(record, cosines),
            "url": self._address(record.url),
            "thumbnail_url": self._address(record.thumbnail),
            "width": record.width,
            "height": record.height,
            "placeholder": record.placeholder,
        }

    def _matched(self, record: PhotoRecord, cosines: NDArray[np.float32]) -> str:
        """The text of the view that explains the relevance, or "visual".

        That is a caption which says the query itself, if there is one; otherwise the view that adds
        most to the score, which is the sum of the views' cosines times their weights.
        """
        captions = cosines[: self._caption_views]
        if captions.max(initial=-1.0) >= IDENTICAL_FROM:
            return record.captions[int(np.argmax(captions))].text
        view = int(np.argmax(self._weights * cosines))
        return record.captions[view].text if view < self._caption_views else VISUAL

    def _address(self, address: str) -> str:
        return urljoin(self._media_url, address)


def _check_query(query: str) -> None:
    if len(query) > MAX_QUERY_LENGTH:
        raise QueryError(
            f"The query has {len(query)} characters (expected at most {MAX_QUERY_LENGTH})",
            parameter="q",
        )
    if not normalise(query):
        raise QueryError("The query is empty (expected a description of what the photo shows)", parameter="q")


def _since(started: float) -> float:
    """Milliseconds since `started`, to the microsecond."""
    return round((time.perf_counter() - started) * 1_000, 3)
