"""Held-back photos through the shipped files: what calibration is fitted on.

Photos are decoded, captioned and embedded exactly as indexing does it, by the quantised models.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from export.errors import DataError
from export.evaluation.probes import PROBES
from export.photos.decoding import decode_photo
from export.training.data.corpus import CaptionedPhoto, read_collections, read_synsets
from export.training.evaluation.calibration import CalibrationData, fit_curve
from export.understanding.onnx_captioner import OnnxCaptionerSource
from handler.bundle.encoder import Encoder
from handler.bundle.relevance import Calibration

_PHOTOS_AT_ONCE = 16
_ABSENT_QUERIES = 1_000
_FEWEST_USES = 8
_WORD = re.compile(r"[a-z]+")
_CONCRETE = frozenset(f"noun.{kind}" for kind in "animal artifact food object person phenomenon plant".split())
_STOP_WORDS = frozenset("an and are for from his her into its out over that the their there two while with".split())


def calibrate(models: Path, data: Path, *, seed: int = 0) -> Calibration:
    """Fit the calibration of an encoder and a captioner and write it beside them, as ``calibration.json``.

    Args:
        models: The folder with encoder/ and captioner/.
        data: The corpus, whose ``dev`` photos are held out from training.
        seed: What random pairs depend on.
    """
    photos = read_collections(data, "dev")
    absent = [absent_queries(data, collection, count=_ABSENT_QUERIES, seed=seed) for collection in photos]
    return calibrate_on(models, photos, absent, seed=seed)


def calibrate_on(
    models: Path, collections: Sequence[Sequence[CaptionedPhoto]], absent: Sequence[Sequence[str]], *, seed: int = 0
) -> Calibration:
    """The same on collections of photos, with texts about what is in none of each one's photos."""
    encoder = Encoder.load(models / "encoder")
    source = OnnxCaptionerSource.open(models / "captioner", encoder=models / "encoder")
    served = [serve_held_out(encoder, source, photos, texts) for photos, texts in zip(collections, absent, strict=True)]
    curve = fit_curve(served, seed=seed)
    calibration = Calibration(
        encoder=encoder.identity,
        captioner=source.identity,
        weights=curve.weights,
        threshold=curve.threshold,
        **asdict(curve.spline),
    )
    write_calibration(models, calibration)
    return calibration


def write_calibration(models: Path, calibration: Calibration) -> None:
    """Write a calibration beside the encoder and the captioner that it belongs to."""
    (models / "calibration.json").write_text(json.dumps(asdict(calibration), indent=2) + "\n", encoding="utf-8")


def serve_held_out(
    encoder: Encoder, source: OnnxCaptionerSource, photos: Sequence[CaptionedPhoto], absent: Sequence[str]
) -> CalibrationData:
    """The views of one collection's photos and the queries that people wrote of them, as vectors."""
    captioner = source.load()
    texts: list[str] = []
    visual = []
    for start in range(0, len(photos), _PHOTOS_AT_ONCE):
        part = photos[start : start + _PHOTOS_AT_ONCE]
        pixels = [decode_photo(photo.path, image_size=captioner.image_size).pixels for photo in part]
        for understanding in captioner.understand(np.stack(pixels)):
            texts.extend(understanding.captions)
            if understanding.vector is not None:
                visual.append(understanding.vector)
    captions = encoder.encode(texts).reshape(len(photos), len(source.instructions), encoder.dim)
    return CalibrationData(
        views=np.concatenate([captions, np.stack(visual)[:, None]], axis=1),
        queries=encoder.encode([caption for photo in photos for caption in photo.captions]),
        owners=np.repeat(np.arange(len(photos)), [len(photo.captions) for photo in photos]),
        absent=encoder.encode(absent),
        probes=encoder.encode(PROBES),
    )


def absent_queries(data: Path, photos: Sequence[CaptionedPhoto], *, count: int, seed: int) -> list[str]:
    """Things that none of the photos' captions name, as people would ask for them: "a lighthouse".

    They are a WordNet's concrete nouns that its own glosses use often enough, so that they aren't too rare to be asked
    for: what nobody would ask for would be told from the photos too easily.
    """
    mentioned = {stem for photo in photos for caption in photo.captions for stem in _stems(caption)}
    synsets = read_synsets(data)
    uses = Counter(word for synset in synsets for word in set(_WORD.findall(synset.gloss.lower())))
    nouns = [
        lemma
        for synset in synsets
        for lemma in synset.lemmas[:1]
        if synset.file in _CONCRETE and uses[lemma] >= _FEWEST_USES and not _stems(lemma) & mentioned
    ]
    nouns = list(dict.fromkeys(nouns))
    if not nouns:
        raise DataError(
            "the photos' captions name everything that the glosses do; relevance wants things that none names: "
            "more synsets in captions/wordnet-glosses.jsonl.gz"
        )
    chosen = np.random.default_rng(seed).permutation(len(nouns))[:count]
    return [f"{'an' if nouns[row][0] in 'aeiou' else 'a'} {nouns[row]}" for row in chosen]


def _stems(text: str) -> set[str]:
    """The words of a text that carry meaning, without a plural's s."""
    words = "".join(letter if letter.isalnum() else " " for letter in text.lower()).split()
    return {word.removesuffix("s") for word in words if word not in _STOP_WORDS and len(word) > 2}
