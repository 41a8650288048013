"""Held-out photos through the shipped files: what calibration is fitted on.

Photos are decoded, captioned and embedded exactly as indexing does it, by the quantised models.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from export.bundles.photo_vectors import join_views
from export.errors import DataError
from export.evaluation.probes import THINGS
from export.evaluation.retrieval import as_queries
from export.pictures.decoding import decode_photo
from export.training.data.corpus import (
    CaptionedPhoto,
    read_collections,
    read_labelled,
    read_paraphrases,
    read_synsets,
)
from export.training.data.names import read_class_names
from export.training.data.tasks import Lexicon, noun_shares, phrase, read_lexicon
from export.training.evaluation.calibration import UNSURE, CalibrationData, KindData, fit
from export.training.evaluation.caption_truth import fit_truth
from export.training.photo_training.invention import Invention
from export.understanding.captioner import Understanding
from export.understanding.onnx_captioner import Described, OnnxCaptioner, OnnxCaptionerSource
from export.understanding.truth import write_truth
from handler.bundle.encoder import Encoder
from handler.bundle.relevance import QUERY_KINDS, Calibration, QueryKind, kind_of_query

_PHOTOS_AT_ONCE = 16
_ABSENT_QUERIES = 1_000
_AGREED = 0.6
"""Three of five captions."""
_STOP_WORDS = frozenset("an and are for from his her into its out over that the their there two while with".split())


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """A collection of held-out photos, and what is asked of it.

    Attributes:
        name: Of the collection.
        photos: The photos.
        queries: Texts, and the rows of the photos of which each was said, mapped to how sure that is: 1 or UNSURE.
        absent: Texts about what is in none of the photos.
        invention: Tells what captions of the photos name that nobody else does; None without a lexicon.
    """

    name: str
    photos: Sequence[CaptionedPhoto]
    queries: Mapping[str, Mapping[int, int]]
    absent: Sequence[str]
    invention: Invention | None = None


def calibrate(models: Path, data: Path, *, seed: int = 0) -> Calibration:
    """Fit what an encoder and a captioner are believed; written into ``captioner.json`` and as ``calibration.json``.

    Args:
        models: The folder with encoder/ and captioner/.
        data: The corpus, whose ``dev`` photos are held out from training.
        seed: What random pairs depend on.
    """
    return calibrate_on(models, read_held_out(data, seed=seed), seed=seed)


def read_held_out(data: Path, *, seed: int = 0) -> list[HeldOut]:
    """The ``dev`` photos of a corpus with all that is asked of them: captions, their nouns and phrases, and names."""
    captions = (caption for captions in read_paraphrases(data) for caption in captions)
    lexicon = read_lexicon(read_synsets(data), captions)
    labels = {name for photo in read_labelled(data, "train") for name in photo.names}
    known = {*lexicon.things, *labels, *read_class_names(data)}
    held_out = []
    for name, photos in read_collections(data, "dev").items():
        things = absent_names(known, photos, count=_ABSENT_QUERIES, seed=seed)
        absent = [text for kind in QUERY_KINDS for text in as_queries(things, kind)]
        queries, invention = queries_about(photos, lexicon), Invention(photos, lexicon)
        held_out.append(HeldOut(name=name, photos=photos, queries=queries, absent=absent, invention=invention))
    return held_out


def queries_about(photos: Sequence[CaptionedPhoto], lexicon: Lexicon | None = None) -> dict[str, dict[int, int]]:
    """What people said of photos, and of which: their captions, and given a lexicon nouns, phrases and names."""
    said: dict[str, dict[int, int]] = {}
    for row, photo in enumerate(photos):
        for caption in photo.captions:
            said.setdefault(caption, {})[row] = 1
        if lexicon is None:
            continue
        for noun, share in noun_shares(photo.captions, lexicon).items():
            said.setdefault(noun, {})[row] = 1 if share >= _AGREED else UNSURE
        for phrases in (phrase(caption, lexicon) for caption in photo.captions):
            if phrases:
                said.setdefault(phrases, {})[row] = 1
        for name in photo.names:
            said.setdefault(name, {})[row] = 1
    return {text: rows for text, rows in said.items() if 1 in rows.values()}


def calibrate_on(
    models: Path, collections: Sequence[HeldOut], *, like: Calibration | None = None, seed: int = 0
) -> Calibration:
    """The same on collections of photos.

    Args:
        models: The folder with encoder/ and captioner/.
        collections: What the curves are fitted on.
        like: Whose curves are taken for kinds of queries of which there are too few; what captions are believed isn't
            fitted then. Without it, the curve is that of the next kind.
        seed: What random pairs depend on.
    """
    encoder = Encoder.load(models / "encoder")
    described = describe_held_out(models, collections)
    if like is None:
        names = OnnxCaptionerSource.open(models / "captioner").names
        truth = fit_truth([(of.photos, each) for of, each in zip(collections, described, strict=True)], names)
        write_truth(models / "captioner", truth)
    source = OnnxCaptionerSource.open(models / "captioner", encoder=models / "encoder")  # it is another with its truth
    captioner = source.load()
    served = [serve_held_out(encoder, captioner.say(each), of) for of, each in zip(collections, described, strict=True)]
    fitted = fit(served, seed=seed)
    some = next(iter(fitted.curves.values()))
    name, phrase_, sentence = (fitted.curves.get(kind) or (like.curve(kind) if like else some) for kind in QUERY_KINDS)
    calibration = Calibration(
        encoder=encoder.identity,
        captioner=source.identity,
        weights=fitted.weights,
        name=name,
        phrase=phrase_,
        sentence=sentence,
    )
    write_calibration(models, calibration)
    return calibration


def write_calibration(models: Path, calibration: Calibration) -> None:
    """Write a calibration beside the encoder and the captioner that it belongs to."""
    (models / "calibration.json").write_text(json.dumps(asdict(calibration), indent=2) + "\n", encoding="utf-8")


def describe_held_out(models: Path, collections: Sequence[HeldOut]) -> list[Described]:
    """What the captioner makes of each collection's photos."""
    captioner = OnnxCaptionerSource.open(models / "captioner", encoder=models / "encoder").load()
    return [_describe(captioner, held_out.photos) for held_out in collections]


def _describe(captioner: OnnxCaptioner, photos: Sequence[CaptionedPhoto]) -> Described:
    parts = []
    for start in range(0, len(photos), _PHOTOS_AT_ONCE):
        part = photos[start : start + _PHOTOS_AT_ONCE]
        pixels = [decode_photo(photo.path, image_size=captioner.image_size).pixels for photo in part]
        parts.append(captioner.describe(np.stack(pixels)))
    return Described.joined(parts)


def serve_held_out(encoder: Encoder, understood: Sequence[Understanding], held_out: HeldOut) -> CalibrationData:
    """The views of one collection's photos, of which so much is understood, and the queries about them, as vectors."""
    visual = np.stack([understanding.view for understanding in understood if understanding.view is not None])
    texts = np.array([[text or each.names for text in each.captions] for each in understood])
    captions = encoder.encode(texts.ravel().tolist()).reshape(*texts.shape, encoder.dim)
    return CalibrationData(
        views=join_views(captions, visual, said=texts != ""),
        kinds={kind: asked for kind in QUERY_KINDS if (asked := _of_kind(encoder, held_out, kind))},
        things=encoder.encode_queries(THINGS),
    )


def _of_kind(encoder: Encoder, held_out: HeldOut, kind: QueryKind) -> KindData | None:
    texts = [text for text in held_out.queries if kind_of_query(text) == kind]
    absent = [text for text in held_out.absent if kind_of_query(text) == kind]
    if not texts or not absent:
        return None
    right = np.zeros((len(texts), len(held_out.photos)), np.int8)
    for row, text in enumerate(texts):
        for photo, sure in held_out.queries[text].items():
            right[row, photo] = sure
    return KindData(queries=encoder.encode_queries(texts), right=right, absent=encoder.encode_queries(absent))


def absent_names(known: Iterable[str], photos: Sequence[CaptionedPhoto], *, count: int, seed: int) -> list[str]:
    """Things that none of the photos' captions and names name, though people ask for them: "lighthouse".

    Args:
        known: Names of what can be seen, of which those of one word are taken.
        photos: With all that was said of them.
        count: How many at most.
        seed: Which ones.

    Raises:
        DataError: All that is known is named.
    """
    said = (text for photo in photos for text in (*photo.captions, *photo.names))
    mentioned = {stem for text in said for stem in _stems(text)}
    names = sorted({name for name in known if kind_of_query(name) == "name" and not _stems(name) & mentioned})
    if not names:
        raise DataError(
            "the photos' captions name everything that has a name; relevance wants things that none names: "
            "more nouns in captions, or more labelled photos"
        )
    chosen = np.random.default_rng(seed).permutation(len(names))[:count]
    return [names[row] for row in chosen]


def _stems(text: str) -> set[str]:
    """The words of a text that carry meaning, without a plural's s."""
    words = "".join(letter if letter.isalnum() else " " for letter in text.lower()).split()
    return {word.removesuffix("s") for word in words if word not in _STOP_WORDS and len(word) > 2}
