"""The ranking: all photos of a bundle in the order in which they answer, however few of them are asked for.

Knows vectors, scores and relevances; knows nothing of texts or of what an answer looks like. The order depends on
nothing but the bundle, what is sought and which photos may be answered, so that pages of an answer fit together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from handler.bundle.bundle import Bundle
from handler.bundle.index.vector_index import Hits
from handler.bundle.photos.segments import Mask
from handler.bundle.relevance import QueryKind

# A caption that is the query itself is looked for among so many of the photos that the fused vectors put first.
IDENTITY_DEPTH = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What photos are ranked by.

    Attributes:
        texts: float32 [n, dim], unit norm; a caption is the query's own if it is close to each of them.
        direction: float32 [dim], their weighted mean: relevance is logistic in the inner product with it, so its
            logit is the weighted mean of the logits that each text alone would have.
        kind: What the curve of relevance depends on.
    """

    texts: NDArray[np.float32]
    direction: NDArray[np.float32]
    kind: QueryKind = "sentence"

    @classmethod
    def of(cls, texts: NDArray[np.float32], shares: NDArray[np.float32], kind: QueryKind) -> Self:
        return cls(texts=texts, direction=shares @ texts, kind=kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """The first n photos of a ranking: their numbers, int64 [n], and relevances, float32 [n]."""

    numbers: NDArray[np.int64]
    relevances: NDArray[np.float32]

    def where(self, chosen: Mask | NDArray[np.intp] | slice) -> Self:
        """Some of them, chosen as numpy chooses."""
        return type(self)(numbers=self.numbers[chosen], relevances=self.relevances[chosen])


class Ranking:
    """Ranks the photos of one bundle."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._calibration = bundle.manifest.calibration
        self._caption_views = bundle.manifest.views.count("caption")

    def first(self, sought: Sought, count: int, allowed: Mask | None = None) -> Ranked:
        """The first `count` photos, or all there are: by relevance, then score, then id.

        Beyond the first IDENTITY_DEPTH photos the order is that of the scores alone.

        Args:
            sought: What they are ranked by.
            count: At least 1.
            allowed: Which photos may be answered, bool [photos]; None for all.
        """
        return self._order(sought, self._hits(sought, max(count, IDENTITY_DEPTH), allowed), count)

    def relevant(self, text: NDArray[np.float32], kind: QueryKind) -> Mask:
        """Which photos are relevant to a text, float32 [dim] of unit norm: bool [photos]."""
        curve = self._calibration.curve(kind)
        scores = self._bundle.index.scores(text)
        mask: Mask = curve.relevance(scores, np.full_like(scores, -1.0)) >= curve.threshold
        sought = Sought(texts=text[np.newaxis], direction=text, kind=kind)
        first = self.first(sought, IDENTITY_DEPTH)
        mask[first.numbers] |= first.relevances >= curve.threshold
        return mask

    def _hits(self, sought: Sought, count: int, allowed: Mask | None) -> Hits:
        """The first `count` photos by score, then id.

        The index decides by numbers among equal scores, so all photos that score as the last one are asked for.
        """
        photos, asked = self._bundle.photos, count + 1
        hits = self._bundle.index.search(sought.direction, asked, allowed)
        while len(photos.segments) > 1 and len(hits.numbers) == asked and hits.scores[count - 1] == hits.scores[-1]:
            asked *= 4
            hits = self._bundle.index.search(sought.direction, asked, allowed)
        return Hits(numbers=photos.in_order_of_ids(hits.numbers, hits.scores, count), scores=hits.scores[:count])

    def _order(self, sought: Sought, hits: Hits, count: int) -> Ranked:
        closest = np.full(len(hits.numbers), -1.0, dtype=np.float32)
        closest[:IDENTITY_DEPTH] = self._closest_caption(sought, hits.numbers[:IDENTITY_DEPTH])
        relevances = self._calibration.curve(sought.kind).relevance(hits.scores, closest)
        head = min(IDENTITY_DEPTH, len(closest))
        order = np.arange(len(closest))
        order[:head] = np.argsort(-relevances[:head], kind="stable")
        return Ranked(numbers=hits.numbers[order[:count]], relevances=relevances[order[:count]])

    def _closest_caption(self, sought: Sought, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """For each photo, the cosine of the text to which none of its captions is closer, float32 [n]."""
        captions = self._bundle.photos.views(numbers)[:, : self._caption_views]
        cosines = captions @ sought.texts.T
        return np.asarray(cosines.max(axis=1, initial=-1.0).min(axis=1), dtype=np.float32)
