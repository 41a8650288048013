"""The report on the shipped models: captions and search on held-out photos, through the served path.

Photos are indexed as a user's are, into a bundle; captions are read from its catalogue and
queries are asked through the searcher.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider

from export.evaluation.retrieval import Evaluation, EvaluationQuery, RelevancePairs, measure
from export.gallery.indexing import index_photos
from export.models.model_set import Models
from export.progress import Progress
from export.training.data.caption_text import plain_words
from export.training.data.corpus import CaptionedPhoto
from handler.bundle.bundle import Bundle
from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle


class CaptionScores(TypedDict):
    """How the captions compare with people's.

    BLEU-4 (Papineni et al. 2002) and CIDEr-D (Vedantam et al. 2015) by pycocoevalcap, lower case, without
    punctuation; ``distinct`` is the share of captions that no other photo has, ``words`` their mean length.
    """

    bleu_4: float
    cider: float
    distinct: float
    words: float


class Ranks(TypedDict):
    """Text to photo: the share of queries whose photo is among the first, and the median rank."""

    r_at_1: float
    r_at_5: float
    r_at_10: float
    median_rank: float


class Report(TypedDict):
    """Everything measured on one collection; captions and ranks by instruction or view."""

    photos: int
    captions: dict[str, CaptionScores]
    search: dict[str, Ranks]
    served: Evaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class _Collection:
    """Photos of a bundle with people's captions: numbers int64 [photos] in the order of ``photos``."""

    photos: Sequence[CaptionedPhoto]
    numbers: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """The numbers, and the pairs of which relevance is measured."""

    report: Report
    pairs: RelevancePairs


def report(models: Models, photos: Sequence[CaptionedPhoto]) -> Reported:
    """Index photos and measure captions and search on them."""
    with bundle_of(models, [photo.path for photo in photos]) as bundle:
        numbers = [bundle.photos.find(photo_id(photo.path)) for photo in photos]
        collection = _Collection(photos=photos, numbers=np.array(numbers))
        measured = measure(Searcher(bundle), _queries(photos), Progress())
        numbers_by_name: Report = {
            "photos": len(photos),
            "captions": _caption_scores(bundle, collection),
            "search": _search_ranks(bundle, collection),
            "served": measured.evaluation,
        }
        return Reported(report=numbers_by_name, pairs=measured.pairs)


def search_in_a_crowd(models: Models, photos: Sequence[CaptionedPhoto], crowd: Sequence[Path]) -> Evaluation:
    """Index photos together with others that nobody asks for, and measure search for the former."""
    with bundle_of(models, [*(photo.path for photo in photos), *crowd]) as bundle:
        return measure(Searcher(bundle), _queries(photos), Progress()).evaluation


@contextmanager
def bundle_of(models: Models, paths: Sequence[Path]) -> Iterator[Bundle]:
    """Index photos; the bundle is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        listed = out / "photos.txt"
        listed.write_text("".join(f"{photo_id(path)}\n" for path in paths), encoding="utf-8")
        index_photos(listed, out / "out", models=models, progress=Progress())
        yield open_bundle(out / "out" / "bundle")


def photo_id(path: Path) -> str:
    """What a photo is called in such a bundle."""
    return str(path.resolve())


def _queries(photos: Sequence[CaptionedPhoto]) -> list[EvaluationQuery]:
    return [
        EvaluationQuery(text=caption, photo_id=photo_id(photo.path)) for photo in photos for caption in photo.captions
    ]


def score_captions(written: Sequence[str], references: Sequence[Sequence[str]]) -> CaptionScores:
    """Score a caption of each photo against those that people wrote of it."""
    candidates = {row: [plain_words(text)] for row, text in enumerate(written)}
    by_people = {row: [plain_words(text) for text in texts] for row, texts in enumerate(references)}
    bleu, _ = Bleu(4).compute_score(by_people, candidates, verbose=0)
    cider, _ = Cider().compute_score(by_people, candidates)
    texts = [text for (text,) in candidates.values()]
    return {
        "bleu_4": float(bleu[3]),
        "cider": float(cider),
        "distinct": sum(texts.count(text) == 1 for text in texts) / len(texts),
        "words": float(np.mean([len(text.split()) for text in texts])),
    }


def _caption_scores(bundle: Bundle, collection: _Collection) -> dict[str, CaptionScores]:
    references = [photo.captions for photo in collection.photos]
    records = [bundle.photos.record(int(number)) for number in collection.numbers]
    return {
        caption.instruction: score_captions([record.captions[view].text for record in records], references)
        for view, caption in enumerate(records[0].captions)
    }


def _search_ranks(bundle: Bundle, collection: _Collection) -> dict[str, Ranks]:
    """Ranks by each view alone and by all of them, and by a human caption of each photo for comparison."""
    captions = [photo.captions for photo in collection.photos]
    owners = np.repeat(np.arange(len(captions)), [len(texts) for texts in captions])
    queries = bundle.encoder.encode_queries([text for texts in captions for text in texts])
    views = bundle.photos.views(collection.numbers)
    weights = np.array(bundle.manifest.calibration.weights, np.float32)
    instructions = [caption.instruction for caption in bundle.photos.record(0).captions]
    found = {
        name: _ranks(queries @ views[:, view].T, owners) for view, name in enumerate([*instructions, "visual view"])
    }
    found["all views"] = _ranks(queries @ np.einsum("pvd,v->pd", views, weights).T, owners)
    first = np.concatenate([[0], np.cumsum([len(texts) for texts in captions])[:-1]])
    others = np.setdiff1d(np.arange(len(queries)), first)
    found["a human caption"] = _ranks(queries[others] @ queries[first].T, owners[others])
    return found


def _ranks(scores: NDArray[np.float32], owners: NDArray[np.int64]) -> Ranks:
    """Ranks of the own photos: scores [queries, photos]; photos of the same score count as before it."""
    own = scores[np.arange(len(owners)), owners]
    ranks = (scores >= own[:, None]).sum(1)
    return {
        "r_at_1": float((ranks <= 1).mean()),
        "r_at_5": float((ranks <= 5).mean()),
        "r_at_10": float((ranks <= 10).mean()),
        "median_rank": float(np.median(ranks)),
    }
