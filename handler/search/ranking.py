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
from handler.bundle.numbers import are_among
from handler.bundle.photos.segments import Mask
from handler.bundle.relevance import Curve, QueryKind

# A caption that is the query itself is looked for among so many of the photos that the fused vectors put first.
IDENTITY_DEPTH = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What photos are ranked by.

    Attributes:
        texts: float32 [n, dim], unit norm, as captions; one is the query's own if it is close to each of them.
        direction: float32 [dim], their weighted mean as queries: relevance is logistic in the inner product with it,
            so its logit is the weighted mean of the logits that each text alone would have.
        kind: What the curve of relevance depends on.
        without: What no photo should be relevant to.
        own_curve: Of a picture, the curve of relevance in place of that of its kind. What photos show is then compared
            with it too, for where a person wrote the caption the fused vector is of that alone.
    """

    texts: NDArray[np.float32]
    direction: NDArray[np.float32]
    kind: QueryKind = "sentence"
    without: tuple[Sought, ...] = ()
    own_curve: Curve | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """The first n photos of a ranking: their numbers, int64 [n], and relevances, float32 [n]."""

    numbers: NDArray[np.int64]
    relevances: NDArray[np.float32]

    def where(self, chosen: Mask | NDArray[np.intp] | slice) -> Self:
        """Some of them, chosen as numpy chooses."""
        return type(self)(numbers=self.numbers[chosen], relevances=self.relevances[chosen])

    def of(self, numbers: NDArray[np.int64]) -> Self:
        """The same for some of the photos, in the order of `numbers`."""
        rising = np.argsort(self.numbers)
        places = rising[np.searchsorted(self.numbers, numbers, sorter=rising)]
        return self.where(places)

    def and_then(self, others: Ranked) -> Self:
        """These, and others after them."""
        return type(self)(
            numbers=np.concatenate([self.numbers, others.numbers]),
            relevances=np.concatenate([self.relevances, others.relevances]),
        )


class Ranking:
    """Ranks the photos of one bundle."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._calibration = bundle.manifest.calibration
        self._caption_views = bundle.manifest.views.count("caption")

    def first(
        self, sought: Sought, count: int, allowed: Mask | None = None, *, least: float = 0.0, ordered: bool = True
    ) -> Ranked:
        """The first `count` photos, or all there are: by relevance, then score, then id.

        Captions are compared with texts among the first IDENTITY_DEPTH photos by score, whether they are left out or
        not; beyond them the order is that of the scores alone.

        Args:
            sought: What they are ranked by, and what leaves them out.
            count: At least 1.
            allowed: Which photos may be answered, bool [photos]; None for all.
            least: Photos of less relevance may be missing.
            ordered: Whether photos of equal scores have to come in the order of their ids.
        """
        hits = Hits.none()
        for some in self._bundle.index.best_first(sought.direction, allowed):
            hits = hits.and_then(some)
            told = self._told(hits)
            if len(told.numbers) < IDENTITY_DEPTH:
                continue
            beyond = self._relevances(sought, told.scores[-1:])[0] < least
            if beyond or len(told.numbers) >= count:
                ranked = self._ranked(sought, told, count, least, ordered=ordered)
                if beyond or len(ranked.numbers) == count:
                    return ranked
        return self._ranked(sought, hits, count, least, ordered=ordered)

    def wanted(self, sought: Sought, numbers: NDArray[np.int64], captions: NDArray[np.float32] | None = None) -> Mask:
        """Which of some photos are relevant to nothing that is to be left out: bool [n].

        Args:
            sought: What says what is to be left out.
            numbers: The numbers of the photos, int64 [n].
            captions: The views of their captions, float32 [n, captions, dim], where these decide too.
        """
        mask = np.ones(len(numbers), dtype=bool)
        if not sought.without:
            return mask
        directions = np.stack([unwanted.direction for unwanted in sought.without])
        for unwanted, scores in zip(sought.without, self._bundle.index.scores(directions, numbers), strict=True):
            closest = None if captions is None else _closest(captions, unwanted)
            mask &= self._relevances(unwanted, scores, closest) < self._calibration.curve(unwanted.kind).threshold
        return mask

    def captions(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """The views of the captions of photos, float32 [n, captions, dim]."""
        return self._bundle.photos.views(numbers, slice(self._caption_views))

    def _seen(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """What photos show, as a fused vector would be of that alone: float32 [n, dim]."""
        views = self._bundle.photos.views(numbers, slice(self._caption_views, self._caption_views + 1))
        return views[:, 0] * np.float32(sum(self._calibration.weights))

    def _told(self, hits: Hits) -> Hits:
        """Those of the first photos by score of which it is known that no other comes between them.

        The index decides by numbers among equal scores, which is the order of ids within a segment alone.
        """
        if len(self._bundle.photos.segments) == 1:
            return hits
        return hits.where(hits.scores > hits.scores[-1:])

    def _ranked(self, sought: Sought, hits: Hits, count: int, least: float, *, ordered: bool) -> Ranked:
        """The first `count` of photos that come by score, then number, but for those that are left out.

        Beyond those whose captions count none is read that is of less relevance than `least`.
        """
        photos = self._bundle.photos
        head = photos.in_order_of_ids(hits.numbers, hits.scores, IDENTITY_DEPTH)
        captions = self.captions(head)
        scores = hits.scores[: len(head)]
        if sought.own_curve is not None:
            scores = np.maximum(scores, self._seen(head) @ sought.direction)
        relevances = self._relevances(sought, scores, _closest(captions, sought))
        order = np.argsort(-relevances, kind="stable")
        ranked = Ranked(numbers=head, relevances=relevances).where(order[self.wanted(sought, head, captions)[order]])
        if len(ranked.numbers) < count:
            others = hits.where(~are_among(hits.numbers, np.sort(head)))
            others = others.where(self._relevances(sought, others.scores) >= least)
            others = others.where(self.wanted(sought, others.numbers))
            numbers = others.numbers[:count]
            if ordered:
                numbers = photos.in_order_of_ids(others.numbers, others.scores, count)
            relevances = self._relevances(sought, others.scores[: len(numbers)])
            ranked = ranked.and_then(Ranked(numbers=numbers, relevances=relevances))
        return ranked.where(slice(count))

    def _relevances(
        self, sought: Sought, scores: NDArray[np.float32], closest: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Of n photos by their scores and, where these count, the cosines of their closest captions: float32 [n]."""
        cosines = np.full_like(scores, -1.0) if closest is None else closest
        return (sought.own_curve or self._calibration.curve(sought.kind)).relevance(scores, cosines)


def _closest(captions: NDArray[np.float32], sought: Sought) -> NDArray[np.float32]:
    """For each photo, the cosine of the text to which none of its captions is closer, float32 [n]."""
    cosines = captions @ sought.texts.T
    return np.asarray(cosines.max(axis=1, initial=-1.0).min(axis=1), dtype=np.float32)
