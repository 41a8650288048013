"""The describer: numbers and relevances of photos become what clients read of them.

Knows the catalogue and the shapes of answers; knows nothing of how photos are found.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urljoin

import numpy as np
from numpy.typing import NDArray

from handler.bundle.bundle import Bundle
from handler.bundle.photos.addresses import photo_by_content, photo_by_id, preview, thumbnail
from handler.bundle.photos.catalogue import PhotoRecord
from handler.bundle.relevance import IDENTICAL_FROM
from handler.bundle.words.photo_texts import Field
from handler.search.answers import (
    Addresses,
    CollectionAnswer,
    ColumnAnswer,
    ColumnsAnswer,
    MatchedIn,
    PhotoAnswer,
    Result,
)
from handler.search.blending import Question, by_sight
from handler.search.matching import best_match
from handler.search.pictures.vision import VisionDescription
from handler.search.ranking import Ranked

VISUAL = "visual"
_MATCHED_IN: dict[Field, MatchedIn] = {
    "edited": "caption",
    "column": "column",
    "name": "name",
    "text": "text",
    "caption": "caption",
}


class Describer:
    """Describes the photos of one bundle."""

    def __init__(self, bundle: Bundle, *, media_url: str, has_previews: bool) -> None:
        """`media_url` is what photos' relative addresses are relative to."""
        self._bundle = bundle
        self._media_url = media_url
        self._has_previews = has_previews
        self._weights = np.array(bundle.manifest.calibration.weights, dtype=np.float32)
        self._caption_views = bundle.manifest.views.count("caption")

    def photo(self, number: int) -> PhotoAnswer:
        """Everything that is known of the photo of a number."""
        return self._photo(self._bundle.photos.record(number))

    def _photo(self, record: PhotoRecord) -> PhotoAnswer:
        captioner = self._bundle.manifest.provenance.captioner
        return {
            "id": record.id,
            "bundle": self._bundle.id,
            **self._addresses(record),
            "width": record.width,
            "height": record.height,
            "type": record.type,
            "size_bytes": record.size_bytes,
            "taken": record.taken,
            "taken_source": record.taken_source,
            "placeholder": record.placeholder,
            "captions": [
                {
                    "instruction": caption.instruction,
                    "text": caption.text,
                    "kind": caption.kind,
                    "edited": caption.edited,
                    "model": None if caption.edited else captioner,
                }
                for caption in record.captions
            ],
            "columns": _columns(record),
            "text": list(record.text),
        }

    def collection(
        self, numbers: Sequence[int], *, total: int, next_offset: int | None, pictures: VisionDescription | None
    ) -> CollectionAnswer:
        """What there is to search: so many photos, some of which are shown.

        Args:
            numbers: Those of the photos that are shown, in their order.
            total: How many there are.
            next_offset: Where the next page starts, if there is one.
            pictures: What those to ask with have to be; None where there can be none.
        """
        names = self._bundle.photos.names
        numbers_first: list[ColumnAnswer] = [{"name": name, "kind": "number"} for name in names.numbers]
        texts: list[ColumnAnswer] = [{"name": name, "kind": "text"} for name in names.texts]
        return {
            "bundle": self._bundle.id,
            "total": total,
            "next_offset": next_offset,
            "suggestions": list(self._bundle.manifest.suggestions),
            "columns": [*numbers_first, *texts],
            "image_queries": pictures is not None,
            "image_side": None if pictures is None else pictures.image_side,
            "image_fit": None if pictures is None else pictures.fit,
            "photos": list(map(self._photo, self._bundle.photos.records(numbers))),
        }

    def results(self, question: Question, page: Ranked) -> list[Result]:
        """A page of results, best first."""
        if not len(page.numbers):
            return []
        views = len(self._weights)
        cosines = np.zeros((len(page.numbers), views), np.float32)
        if question.sought is not None:
            cosines = self._bundle.photos.views(page.numbers) @ question.sought.direction
        by_words = question.hits.of(page.numbers)
        found_by_words = by_words > np.maximum(by_sight(page.relevances, by_words), np.float32(0.0))
        records = self._bundle.photos.records(page.numbers.tolist())
        results: list[Result] = []
        for record, relevance, of_views, is_by_words in zip(
            records, page.relevances, cosines, found_by_words.tolist(), strict=True
        ):
            addresses = self._addresses(record)
            match = best_match(record, question.wordings) if is_by_words else None
            results.append(
                {
                    "id": record.id,
                    "relevance": round(float(relevance), 2),
                    "caption": record.captions[0].text,
                    "caption_kind": record.captions[0].kind,
                    "matched": match.text if match else self._matched(record, of_views),
                    "matched_in": _MATCHED_IN[match.field] if match else "meaning",
                    "marks": [list(mark) for mark in match.marks] if match else [],
                    "url": addresses["url"],
                    "thumbnail_url": addresses["thumbnail_url"],
                    "preview_url": addresses["preview_url"],
                    "width": record.width,
                    "height": record.height,
                    "taken": record.taken,
                    "placeholder": record.placeholder,
                    "columns": _columns(record),
                }
            )
        return results

    def _matched(self, record: PhotoRecord, cosines: NDArray[np.float32]) -> str:
        """The text of the view that explains the relevance, or "visual".

        That is a caption which says the query itself, if there is one; otherwise the view that adds
        most to the score, which is the sum of the views' cosines times their weights.
        """
        captions = cosines[: self._caption_views]
        if captions.max(initial=-1.0) >= IDENTICAL_FROM:
            return record.captions[int(np.argmax(captions))].text or VISUAL
        view = int(np.argmax(self._weights * cosines))
        text = record.captions[view].text if view < self._caption_views else ""
        return text or VISUAL

    def _addresses(self, record: PhotoRecord) -> Addresses:
        """Of a photo, its thumbnail and its preview; the thumbnail's for the photo too where that isn't published."""
        large = None
        if record.addresses is not None:
            photo, small = record.addresses
        else:
            if self._has_previews:
                large = urljoin(self._media_url, preview(record.content))
            small = photo = thumbnail(record.content)
            if self._bundle.manifest.originals == "id":
                photo = photo_by_id(record.id)
            elif self._bundle.manifest.originals == "content":
                photo = photo_by_content(record.content, record.id)
        return {
            "url": urljoin(self._media_url, photo),
            "thumbnail_url": urljoin(self._media_url, small),
            "preview_url": large,
        }


def _columns(record: PhotoRecord) -> ColumnsAnswer:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in record.columns.items()}
