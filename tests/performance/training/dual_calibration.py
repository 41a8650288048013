"""Dual encoders in a collection: what captions add to their view, and how well relevance is calibrated by which rule.

    python -m tests.performance.training.dual_calibration --data DIR MODEL …

Asked is about the ``dev`` photos of Flickr8k and COCO, with what people said of them; the captions are the shipped
captioner's, which knows nothing of the models. It prints rows of the tables in export/training/README.md.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from export.bundles.background import calibrate_by_background
from export.bundles.told_by_captions import closest, curve_by_captions, curve_by_certainty
from export.evaluation.probes import PROBES, THINGS
from export.evaluation.retrieval import expected_calibration_error, off_topic_texts, pairs_of
from export.models.encoders import encoder_space, open_encoder
from export.models.model_set import shipped_models
from export.pictures.decoding import decode_photo
from export.training.data.corpus import CaptionedPhoto, read_photos
from export.understanding.captioner import PictureCaptioner
from export.understanding.view.image_encoder import Certainty
from export.understanding.view.onnx_image_tower import ImageTowerSource
from handler.bundle.encoder import Encoder
from handler.bundle.relevance import Curve

COLLECTIONS = ("flickr8k", "coco257")
WEIGHTS = (0.0, 0.1, 0.25, 0.5, 1.0)
_AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A collection as a dual encoder has it; all vectors float32 [n, dim], unit L2 norm.

    Attributes:
        views: Of the photos.
        said: Of the captioner's captions.
        spoken: bool [photos], which have one.
        queries: What people said.
        owners: int64 [queries], of which photo.
        absent: Texts about what none of the photos shows.
        probes, things: ``PROBES`` and ``THINGS``.
        certainty: The image tower's.
    """

    views: NDArray[np.float32]
    said: NDArray[np.float32]
    spoken: NDArray[np.bool_]
    queries: NDArray[np.float32]
    owners: NDArray[np.int64]
    absent: NDArray[np.float32]
    probes: NDArray[np.float32]
    things: NDArray[np.float32]
    certainty: Certainty | None


def see(folder: Path, photos: list[CaptionedPhoto], captions: list[str]) -> Seen:
    """What a converted dual encoder makes of photos and texts."""
    source = ImageTowerSource.find(folder, space=encoder_space(folder))
    if source is None:
        raise SystemExit(f"{folder} has no image tower")
    tower, encoder = source.load(), Encoder.load(folder)
    parts = [photos[start : start + _AT_ONCE] for start in range(0, len(photos), _AT_ONCE)]
    pictures = ([Image.open(photo.path).convert("RGB") for photo in part] for part in parts)
    queries = [caption for photo in photos for caption in photo.captions]
    return Seen(
        views=np.concatenate([tower.embed(part) for part in pictures]),
        said=encoder.encode([caption or "a photo" for caption in captions]),
        spoken=np.array([bool(caption) for caption in captions]),
        queries=encoder.encode(queries),
        owners=np.repeat(np.arange(len(photos)), [len(photo.captions) for photo in photos]),
        absent=encoder.encode(off_topic_texts(queries)),
        probes=encoder.encode(PROBES),
        things=encoder.encode(THINGS),
        certainty=source.certainty,
    )


def say(photos: list[CaptionedPhoto]) -> list[str]:
    """The first captions of the shipped captioner, empty where it is silent."""
    captioner = shipped_models().captioner.load()
    if isinstance(captioner, PictureCaptioner):
        raise TypeError("the shipped captioner takes squares")
    found: list[str] = []
    for start in range(0, len(photos), _AT_ONCE):
        part = photos[start : start + _AT_ONCE]
        pixels = np.stack([decode_photo(photo.path, image_size=captioner.image_size).pixels for photo in part])
        found += [understanding.captions[0] for understanding in captioner.understand(pixels)]
    return found


def found_in_ten(seen: Seen, weight: float) -> float:
    """How often people's captions find their photo among the first ten, with a weight of the captioner's."""
    scores = seen.queries @ ((1.0 - weight) * seen.views + weight * seen.said).T
    own = scores[np.arange(len(scores)), seen.owners]
    return float(((scores >= own[:, np.newaxis]).sum(1) <= 10).mean())


def curves(seen: Seen) -> dict[str, Curve]:
    """The curve by each rule."""
    count = len(seen.views)
    everyday = closest(seen.views, np.concatenate([seen.things, seen.probes]), photos=count)
    background = calibrate_by_background(
        seen.views[:, np.newaxis], seen.probes, weights=(1.0,), photos=count, encoder="", captioner=""
    )
    told = curve_by_captions(seen.said[seen.spoken], seen.views[seen.spoken], everyday)
    own = None if seen.certainty is None else curve_by_certainty(seen.certainty, everyday)
    rules = {"background": background.sentence, "captions": told, "its own": own}
    return {name: curve for name, curve in rules.items() if curve is not None}


def main() -> None:
    """Read the command line, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the corpus, laid out as in export/training/README.md")
    parser.add_argument("models", nargs="+", metavar="MODEL", help="folders of dual encoders")
    arguments = parser.parse_args()
    collections = {name: read_photos(arguments.data / f"photos/{name}.jsonl", "dev") for name in COLLECTIONS}
    captions = {name: say(photos) for name, photos in collections.items()}
    with tempfile.TemporaryDirectory() as out:
        for model in arguments.models:
            for name, photos in collections.items():
                seen = see(open_encoder(model, Path(out)), photos, captions[name])
                _report(f"{Path(model).name}, {name}", seen)


def _report(title: str, seen: Seen) -> None:
    print(f"{title}: R@10 by the captions' weight", *(f"{each:g}: {found_in_ten(seen, each):.1%}" for each in WEIGHTS))
    scores = seen.queries @ seen.views.T
    rows = np.arange(len(scores))
    others = (seen.owners + np.random.default_rng(0).integers(1, len(seen.views), len(rows))) % len(seen.views)
    kinds = (scores[rows, seen.owners], scores[rows, others], (seen.absent @ seen.views.T).max(1))
    for rule, curve in curves(seen).items():
        right, other, absent = (curve.relevance(each, np.full_like(each, -1.0)).tolist() for each in kinds)
        pairs = pairs_of(right, other, absent)
        brier = float(np.sum(pairs.weights * (pairs.relevances - pairs.labels) ** 2))
        answered = [np.mean(np.array(each) >= curve.threshold) for each in (right, absent)]
        print(
            f"  by {rule}: ECE {expected_calibration_error(pairs):.3f}, Brier {brier:.3f}; answered as relevant: "
            f"{answered[0]:.0%} of the right, {answered[1]:.0%} of the absent"
        )


if __name__ == "__main__":
    main()
