"""What is measured of pictures that are asked with: the trace of their size and compression, and their own curve.

A copy of a photo that is small and was compressed lies beside the photo, farther off the smaller it is, and all such
copies lie off in one direction. Taking it out of what is asked (nuisance attribute projection: Solomonoff, Campbell and
Quillen 2005) brings them back. It is the mean over ``train`` photos.

The curve is fitted on ``dev`` photos: each is asked for its own collection, as it is, cropped and mirrored, and the
first ten are right if they are the photo itself, have one of its names, or are said to show the same: their captions
are as close as a quarter of the photos' own captions are to each other.

    python -m export.training.evaluation.picture_fitting ../shared/data [MODELS]
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from export.models.model_set import MODELS
from export.models.vision_folder import PICTURES_FILE, describe_vision
from export.pictures.decoding import decode_photo
from export.training.data.corpus import CaptionedPhoto, read_collections
from export.training.evaluation.calibration import fit_spline
from handler.bundle.encoder import Encoder
from handler.bundle.relevance import Curve
from handler.search.pictures.vision import VISION_GRAPH, Vision

Change = Callable[[Image.Image], bytes]
FIRST = 10
PERHAPS = 0.1
"""Of the photos that come as perhaps meant, so many at least should be."""
_TRAIN_PHOTOS = 100
_SAME_FROM = 0.25


def as_jpeg(image: Image.Image, quality: int = 95) -> bytes:
    """A picture as a file."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def smaller(long_side: int, quality: int) -> Change:
    """Makes a copy of so many pixels, compressed."""

    def change(image: Image.Image) -> bytes:
        scale = long_side / max(image.size)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        return as_jpeg(image.resize(size, Image.Resampling.LANCZOS), quality)

    return change


def cropped(image: Image.Image) -> bytes:
    """The middle four fifths of each side."""
    width, height = image.size
    return as_jpeg(image.crop((round(width * 0.1), round(height * 0.1), round(width * 0.9), round(height * 0.9))))


def mirrored(image: Image.Image) -> bytes:
    """Left and right changed."""
    return as_jpeg(ImageOps.mirror(image))


SMALL: Sequence[Change] = (smaller(112, 70), smaller(80, 80), smaller(112, 40))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Pictures asked of a collection: scores and whether they are the same, both [pictures, photos]."""

    scores: NDArray[np.float32]
    same: NDArray[np.bool_]


def see(vision: Vision, photos: Sequence[CaptionedPhoto], change: Change | None = None) -> NDArray[np.float32]:
    """The vectors of photos, or of changed copies of them: float32 [n, dim]."""
    side = vision.description.image_side
    return np.stack([vision.see(_pixels(photo.path, side, change)) for photo in photos])


def _pixels(path: Path, side: int, change: Change | None) -> NDArray[np.uint8]:
    if change is None:
        return decode_photo(path, image_size=side).pixels
    with Image.open(path) as image:
        data = change(ImageOps.exif_transpose(image).convert("RGB"))
    return decode_photo(path, image_size=side, data=data).pixels


def fit_trace(vision: Vision, collections: Mapping[str, Sequence[CaptionedPhoto]], *, seed: int) -> NDArray[np.float32]:
    """The trace, float32 [dim], unit L2 norm; the vision must not take out one already."""
    random = np.random.default_rng(seed)
    differences = []
    for photos in collections.values():
        some = [photos[number] for number in random.permutation(len(photos))[:_TRAIN_PHOTOS]]
        whole = see(vision, some)
        differences.append(np.mean([see(vision, some, change) - whole for change in SMALL], axis=(0, 1)))
    mean = np.mean(differences, axis=0)
    return np.asarray(mean / np.linalg.norm(mean), dtype=np.float32)


def fit_curve(asked: Mapping[str, Sequence[Asked]]) -> Curve:
    """The curve; every collection counts the same. Its threshold is where F1 is best, in the mean."""
    parts = [(of, each) for of in asked.values() for each in of]
    firsts = [np.argsort(-each.scores, axis=1)[:, :FIRST] for _, each in parts]
    scores = [np.take_along_axis(each.scores, first, 1).ravel() for (_, each), first in zip(parts, firsts, strict=True)]
    right = [np.take_along_axis(each.same, first, 1).ravel() for (_, each), first in zip(parts, firsts, strict=True)]
    weights = [np.full(len(part), 1.0 / len(part) / len(of)) for (of, _), part in zip(parts, scores, strict=True)]
    spline = fit_spline(np.concatenate(scores), np.concatenate(right).astype(float), np.concatenate(weights))
    curve = Curve(**asdict(spline), threshold=0.5, perhaps=PERHAPS)
    shares = [round(share, 2) for share in np.arange(0.15, 0.75, 0.01)]
    threshold = max(shares, key=lambda share: np.mean([_f1(curve, of[0], share) for of in asked.values()]))
    return Curve(**asdict(spline), threshold=threshold, perhaps=PERHAPS)


def _f1(curve: Curve, asked: Asked, share: float) -> float:
    relevances = curve.relevance(asked.scores, np.full_like(asked.scores, -1.0))
    shown = relevances >= share
    return float(2 * (shown & asked.same).sum() / max(1, shown.sum() + asked.same.sum()))


def shows_the_same(photos: Sequence[CaptionedPhoto], encoder: Encoder) -> NDArray[np.bool_]:
    """Which photos show the same as others, bool [n, n]; none as itself."""
    names = [frozenset(photo.names) for photo in photos]
    same = np.array([[bool(of & other) for other in names] for of in names])
    captions = [(row, text) for row, photo in enumerate(photos) for text in photo.captions]
    if max((len(photo.captions) for photo in photos), default=0) > 1:
        owners = np.array([row for row, _ in captions])
        counts = np.bincount(owners, minlength=len(photos)).astype(np.float32)
        sums = np.zeros((len(photos), encoder.dim), np.float32)
        np.add.at(sums, owners, encoder.encode([text for _, text in captions]))
        products = sums @ sums.T
        several = counts > 1
        own = (np.diag(products)[several] - counts[several]) / (counts[several] * (counts[several] - 1))
        means = products / np.maximum(1.0, np.outer(counts, counts))  # of a photo without captions 0
        same |= means >= max(float(np.quantile(own, _SAME_FROM)), 1e-6)
    np.fill_diagonal(same, False)
    return same


def ask(vision: Vision, photos: Sequence[CaptionedPhoto], encoder: Encoder, seen: NDArray[np.float32]) -> list[Asked]:
    """What photos find in their own collection: as they are, all but themselves; cropped and mirrored, themselves too.

    `seen` is what they are found by, with no trace taken out.
    """
    same = shows_the_same(photos, encoder)
    whole = see(vision, photos) @ seen.T
    np.fill_diagonal(whole, -1.0)
    with_itself = same | np.eye(len(photos), dtype=bool)
    copies = [see(vision, photos, change) @ seen.T for change in (cropped, mirrored)]
    return [Asked(scores=whole, same=same), *(Asked(scores=each, same=with_itself) for each in copies)]


def fit_pictures(models: Path, data: Path, *, seed: int = 0) -> None:
    """Measure, and write ``pictures.json`` beside the models."""
    encoder = Encoder.load(models / "encoder")
    plain = describe_vision(models / "captioner", models / "nothing measured")
    graph = models / "captioner" / VISION_GRAPH
    untouched = Vision(graph, lambda: plain)
    trace = tuple(map(float, fit_trace(untouched, read_collections(data, "train"), seed=seed)))
    without_trace = Vision(graph, lambda: replace(plain, trace=trace))
    asked = {
        name: ask(without_trace, photos, encoder, see(untouched, photos))
        for name, photos in read_collections(data, "dev").items()
    }
    measured = {"sha256": plain.sha256, "trace": trace, "curve": asdict(fit_curve(asked))}
    (models / PICTURES_FILE).write_text(json.dumps(measured) + "\n", encoding="utf-8")


if __name__ == "__main__":
    fit_pictures(Path(sys.argv[2]) if len(sys.argv) > 2 else MODELS, Path(sys.argv[1]))
