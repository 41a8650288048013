"""Pictures as questions: whether a photo is found by a copy of it, and what looking at a picture costs.

The 1,000 `dev` photos of Flickr8k are indexed as a user's are; copies of each are asked through the searcher, as they
come from whoever sends them.
"""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from PIL import Image, ImageOps

from export.gallery.indexing import index_photos
from export.gallery.vision_in_service import vision_of
from export.models.model_set import shipped_models
from export.pictures.decoding import decode_photo
from export.progress import Progress
from handler.search.answers import SearchAnswer
from handler.search.pictures.picture_query import PictureQuery
from handler.search.pictures.vision import Vision
from handler.search.searcher import Searcher
from handler.search.selection import MAX_K, Selection
from handler.store.folder_store import open_bundle
from tests.performance.report import ROOT, Table, spread

PHOTOS = Path(os.environ.get("THINLENS_SHARED", ROOT.parent / "shared")) / "data/photos"
EVERYTHING = Selection(k=MAX_K, min_relevance=0.0)
Copy = Callable[[Image.Image], bytes]


def _jpeg(image: Image.Image, quality: int = 95) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def _cropped(image: Image.Image) -> bytes:
    width, height = image.size
    return _jpeg(image.crop((round(width * 0.1), round(height * 0.1), round(width * 0.9), round(height * 0.9))))


def _smaller(image: Image.Image) -> bytes:
    return _jpeg(image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS), 70)


def _smaller_alone(image: Image.Image) -> bytes:
    return _jpeg(image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS))


COPIES: Mapping[str, Copy] = {
    "the photo itself": _jpeg,
    "80% of its sides": _cropped,
    "half the size": _smaller_alone,
    "half the size, JPEG of quality 70": _smaller,
    "mirrored": lambda image: _jpeg(ImageOps.mirror(image)),
}
_TRACELESS = "half the size, JPEG of quality 70, the trace left in"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """The photo of one copy: its place, from 1 and beyond the last where it isn't found, and its relevance.

    `relevant` counts the photos that reach the threshold, `perhaps` those below it that are better than chance.
    """

    place: int
    relevance: float
    relevant: int
    perhaps: int


def measure(folder: Path) -> Table:
    """Index, and ask with each copy of each photo."""
    lines = (PHOTOS / "flickr8k.jsonl").read_text(encoding="utf-8").splitlines()
    photos = [PHOTOS / record["file"] for record in map(json.loads, lines) if record["split"] == "dev"]
    listed = folder / "photos.txt"
    listed.write_text("".join(f"{path}\n" for path in photos), encoding="utf-8")
    out = folder / "out"
    index_photos(listed, out, models=shipped_models(), progress=Progress())
    bundle, vision = open_bundle(out / "bundle"), vision_of(out)
    assert vision is not None
    searcher = Searcher(bundle, vision=vision)
    first_ms = _took_ms(lambda: _ask(searcher, _pixels(photos[0], _jpeg, vision), EVERYTHING))
    found = {name: [_find(searcher, vision, path, copy) for path in photos] for name, copy in COPIES.items()}
    plain = replace(vision.description, trace=())
    traceless = Searcher(bundle, vision=Vision(vision.graph, lambda: plain))
    found[_TRACELESS] = [_find(traceless, vision, path, _smaller) for path in photos]
    pixels = _pixels(photos[0], _jpeg, vision)
    times = [_took_ms(lambda: _ask(searcher, pixels, Selection())) for _ in range(50)]
    sides = sorted({max(Image.open(path).size) for path in photos})
    return Table(
        title="Pictures as questions",
        how=(
            f"{len(photos):,} `dev` photos of Flickr8k ({sides[0]} to {sides[-1]} pixels wide or high), each asked for "
            "by copies of it, through the searcher. Relevance of the photo itself: median and quartiles; how many "
            "photos are relevant, and perhaps, in the median. A search with a picture took "
            f"{spread(times)} ms, the first one, which loads the vision, {first_ms:.0f} ms."
        ),
        header=("copy", "R@1", "R@5", "relevance", "relevant photos", "perhaps"),
        rows=[_row(name, of) for name, of in found.items()],
    )


def _row(name: str, found: Sequence[_Found]) -> tuple[str, ...]:
    first, first_five = (sum(each.place <= k for each in found) / len(found) for k in (1, 5))
    return (
        name,
        f"{first:.1%}",
        f"{first_five:.1%}",
        spread([each.relevance for each in found], 2),
        f"{median(each.relevant for each in found):.0f}",
        f"{median(each.perhaps for each in found):.0f}",
    )


def _find(searcher: Searcher, vision: Vision, path: Path, copy: Copy) -> _Found:
    pixels = _pixels(path, copy, vision)
    results = _ask(searcher, pixels, EVERYTHING)["results"]
    place = next((place for place, result in enumerate(results) if result["id"] == str(path)), None)
    served = _ask(searcher, pixels, Selection(k=MAX_K))
    return _Found(
        place=MAX_K if place is None else place + 1,
        relevance=0.0 if place is None else results[place]["relevance"],
        relevant=len(served["results"]),
        perhaps=len(served["perhaps"]),
    )


def _pixels(path: Path, copy: Copy, vision: Vision) -> bytes:
    with Image.open(path) as image:
        data = copy(ImageOps.exif_transpose(image).convert("RGB"))
    return decode_photo(path, image_size=vision.description.image_side, data=data).pixels.tobytes()


def _ask(searcher: Searcher, pixels: bytes, selection: Selection) -> SearchAnswer:
    return searcher.search_by_picture(PictureQuery(pixels=pixels), selection)


def _took_ms(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1_000
