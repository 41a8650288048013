"""Held-back photos through the shipped files: what calibration is fitted on.

Photos are decoded, captioned and embedded exactly as indexing does it, by the quantised models.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from export.onnx_captioner import OnnxCaptionerSource
from export.photos import decode_photo
from export.training.calibration import CalibrationData, fit_curve
from export.training.corpus import CaptionedPhoto, read_general_text, read_paraphrases
from handler.encoder import Encoder
from handler.relevance import Calibration

THRESHOLD = 0.5
_PHOTOS_AT_ONCE = 16
_ABSENT_QUERIES = 1_000
_STOP_WORDS = frozenset("an and are for from his her into its out over that the their there two while with".split())


def calibrate(models: Path, data: Path, photos: Sequence[CaptionedPhoto], *, seed: int = 0) -> Calibration:
    """Fit the calibration of an encoder and a captioner and write it beside them, as ``calibration.json``.

    Args:
        models: the folder with encoder/ and captioner/.
        data: the corpus, from which queries about absent things are taken.
        photos: held back from training.
        seed: what random pairs depend on.
    """
    encoder = Encoder.load(models / "encoder")
    source = OnnxCaptionerSource.open(models / "captioner")
    curve = fit_curve(serve_held_back(encoder, source, data, photos, seed=seed), seed=seed)
    calibration = Calibration(
        encoder=encoder.identity,
        captioner=source.identity,
        weights=curve.weights,
        slope=curve.slope,
        intercept=curve.intercept,
        threshold=THRESHOLD,
    )
    (models / "calibration.json").write_text(json.dumps(asdict(calibration), indent=2) + "\n", encoding="utf-8")
    return calibration


def serve_held_back(
    encoder: Encoder, source: OnnxCaptionerSource, data: Path, photos: Sequence[CaptionedPhoto], *, seed: int
) -> CalibrationData:
    """The views of photos and the queries that people wrote of them, as vectors."""
    captioner = source.load()
    texts: list[str] = []
    visual = []
    for start in range(0, len(photos), _PHOTOS_AT_ONCE):
        part = photos[start : start + _PHOTOS_AT_ONCE]
        pixels = [decode_photo(photo.path, image_size=captioner.image_size).pixels for photo in part]
        for understanding in captioner.understand(np.stack(pixels)):
            texts.extend(understanding.captions)
            visual.append(understanding.vector)
    captions = encoder.encode(texts).reshape(len(photos), len(source.instructions), encoder.dim)
    return CalibrationData(
        views=np.concatenate([captions, np.stack(visual)[:, None]], axis=1),
        queries=encoder.encode([caption for photo in photos for caption in photo.captions]),
        owners=np.repeat(np.arange(len(photos)), [len(photo.captions) for photo in photos]),
        absent=encoder.encode(absent_queries(data, photos, count=_ABSENT_QUERIES, seed=seed)),
    )


def absent_queries(data: Path, photos: Sequence[CaptionedPhoto], *, count: int, seed: int) -> list[str]:
    """Texts about what is in none of the photos: at least half of their words are in none of the captions.

    Half of them are captions of other photos, half are words and phrases of the general corpus.
    """
    mentioned = {stem for photo in photos for caption in photo.captions for stem in _stems(caption)}
    random = np.random.default_rng(seed)

    def choose(texts: Sequence[str], wanted: int) -> list[str]:
        chosen: list[str] = []
        for row in random.permutation(len(texts)):
            stems = _stems(texts[row])
            if stems and 2 * len(stems - mentioned) >= len(stems):
                chosen.append(texts[row])
            if len(chosen) == wanted:
                break
        return chosen

    captions = [caption for captions in read_paraphrases(data) for caption in captions]
    return choose(captions, count // 2) + choose(read_general_text(data), count - count // 2)


def _stems(text: str) -> set[str]:
    """The words of a text that carry meaning, without a plural's s."""
    words = "".join(letter if letter.isalnum() else " " for letter in text.lower()).split()
    return {word.removesuffix("s") for word in words if word not in _STOP_WORDS and len(word) > 2}
