"""The vision of a captioner: what a function needs to look at pictures that are asked with, out of a captioner's files.

It knows files and hashes; it needs nothing but the standard library, so that a package can be built anywhere. Beside
encoder/, captioner/ and calibration.json models may have ``pictures.json``, which says what was measured of pictures
(``{"sha256", "trace", "curve"}``: of which vision.onnx, and as vision.json has them).
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from export.disk.model_files import CAPTIONER_FILES, captioner_identity, file_sha256
from export.errors import ModelError
from handler.bundle.fields import Fields
from handler.bundle.relevance import Curve
from handler.errors import BundleError, in_words
from handler.search.pictures.vision import VISION_FILE, VISION_GRAPH, VisionDescription

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


def write_vision(models: Path, folder: Path) -> int:
    """Write vision.onnx and vision.json of some models into a new folder; returns their size in bytes.

    Raises:
        ModelError: The models have no captioner of Thinlens.
        OSError: The folder is there, or can't be written.
    """
    captioner = models / "captioner"
    description = describe_vision(captioner, models / PICTURES_FILE)
    folder.mkdir(parents=True)
    shutil.copyfile(captioner / VISION_GRAPH, folder / VISION_GRAPH)
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
