"""The vision: what a function needs to look at pictures that are asked with, out of a captioner's or a tower's files.

It knows files and hashes; it needs nothing but the standard library, so that a package can be built anywhere. Beside
encoder/, captioner/ and calibration.json models may have ``pictures.json``, which says what was measured of pictures
(``{"sha256", "trace", "curve"}``: of which vision.onnx, and as vision.json has them).
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.disk.model_files import (
    CAPTIONER_FILES,
    IMAGE_DESCRIPTION,
    IMAGE_GRAPH,
    IMAGE_WEIGHTS,
    captioner_identity,
    file_sha256,
    has_image_tower,
    image_tower_identity,
)
from export.errors import ModelError
from export.models.kept_models import image_tower_of
from handler.bundle.fields import Fields
from handler.bundle.relevance import Curve
from handler.errors import BundleError, NoVisionError, in_words
from handler.search.pictures.vision import VISION_FILE, VISION_GRAPH, VISION_WEIGHTS, Fit, Tower, VisionDescription

PICTURES_FILE = "pictures.json"


def describe_vision(captioner: Path, pictures: Path) -> VisionDescription:
    """What vision.json says of the vision of a captioner.

    Args:
        captioner: Its folder.
        pictures: What was measured of pictures; if it isn't there, or is of another graph, nothing was.

    Raises:
        ModelError: There is no such captioner, or a file isn't what it should be.
    """
    if missing := [name for name in CAPTIONER_FILES if not (captioner / name).is_file()]:
        raise ModelError(f"{captioner} has no {missing[0]}; expected the folder of a captioner of Thinlens")
    try:
        image_side = json.loads((captioner / "captioner.json").read_bytes())["image_size"]
        sha256 = file_sha256(captioner / VISION_GRAPH)
        trace, curve = _measured(pictures, sha256)
        return VisionDescription(
            captioners=tuple(captioner_identity(captioner, with_encoder=choosing) for choosing in (True, False)),
            image_side=image_side,
            sha256=sha256,
            trace=trace,
            curve=curve,
        )
    except (OSError, ValueError, KeyError, TypeError, BundleError) as error:
        raise ModelError(f"the captioner in {captioner} can't be used: {in_words(error)}") from error


def describe_image_tower(folder: Path) -> VisionDescription:
    """What vision.json says of a dual encoder's image tower.

    Args:
        folder: Holds IMAGE_FILES.

    Raises:
        ModelError: A file isn't what it should be.
        NoVisionError: It sees pictures as squares can't show them.
    """
    try:
        said = json.loads((folder / IMAGE_DESCRIPTION).read_bytes())["preprocessing"]
        square = _square(said)
        tower = Tower(
            weights_sha256=file_sha256(folder / IMAGE_WEIGHTS),
            middle=square.middle,
            scale=tuple(map(float, said["scale"])),
            offset=tuple(map(float, said["offset"])),
        )
        return VisionDescription(
            captioners=(image_tower_identity(folder),),
            image_side=square.side,
            sha256=file_sha256(folder / IMAGE_GRAPH),
            fit=square.fit,
            tower=tower,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"the image tower in {folder} can't be used: {in_words(error)}; index again") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Square:
    fit: Fit
    side: int
    middle: int


def _square(said: dict[str, Any]) -> _Square:
    """As which square an image tower's preprocessing, as image.json has it, would see a picture.

    Raises:
        NoVisionError: As none.
    """
    fits: dict[object, Fit] = {"squash": "squash", "shortest": "crop"}
    fit, (height, width), (top, left) = fits.get(said.get("resize")), said.get("size", (0, 1)), said.get("crop", (0, 1))
    if fit is None or height != width or top != left or top > height:
        raise NoVisionError(
            "The image tower that saw the photos of this bundle takes pictures in shapes that a square doesn't show, so"
            " none can be asked with"
        )
    return _Square(fit=fit, side=height, middle=top)


def write_vision(models: Path, folder: Path) -> int:
    """Write vision.json and what it describes into a new folder; returns their size in bytes.

    Args:
        models: A folder of models with a captioner of Thinlens, a folder with an image tower, or an output folder that
            was indexed with one.
        folder: Isn't there yet.

    Raises:
        ModelError: There is neither.
        NoVisionError: The image tower sees pictures as squares can't show them.
        OSError: The folder is there, or can't be written.
    """
    tower = models if has_image_tower(models) else image_tower_of(models)
    if tower is not None:
        description = describe_image_tower(tower)
        files = {VISION_GRAPH: tower / IMAGE_GRAPH, VISION_WEIGHTS: tower / IMAGE_WEIGHTS}
    else:
        description = describe_vision(models / "captioner", models / PICTURES_FILE)
        files = {VISION_GRAPH: models / "captioner" / VISION_GRAPH}
    folder.mkdir(parents=True)
    for name, source in files.items():
        shutil.copyfile(source, folder / name)
    (folder / VISION_FILE).write_bytes(description.to_bytes())
    return sum(file.stat().st_size for file in folder.iterdir())


def _measured(path: Path, sha256: str) -> tuple[tuple[float, ...], Curve | None]:
    if not path.is_file():
        return (), None
    fields = Fields.parse(path.read_bytes(), name=str(path))
    of, trace = fields.digest("sha256"), fields.numbers("trace", low=-1.0, high=1.0)
    curve = Curve.from_fields(fields.child("curve"))
    fields.finish()
    return (trace, curve) if of == sha256 else ((), None)
