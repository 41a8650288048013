"""The vision in service: what looks at pictures that an output folder is asked with, as its photos were looked at."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from export.disk.model_files import IMAGE_GRAPH
from export.errors import ExportError
from export.models.kept_models import image_tower_of
from export.models.model_choice import ModelChoice
from export.models.model_set import MODELS
from export.models.vision_folder import PICTURES_FILE, describe_image_tower, describe_vision
from export.pictures.decoding import decode_photo
from handler.errors import BundleError
from handler.search.pictures.vision import VISION_GRAPH, Vision, VisionDescription


def vision_of(out: Path) -> Vision | None:
    """What looked at photos in the last run in an output folder; None where nothing did that can look at a picture.

    It is a dual encoder's image tower, or a captioner of Thinlens.

    Raises:
        OutputError: The file that says which one it was is none of ours.
    """
    choice = ModelChoice.of(out)
    if choice.encoder is not None and (tower := image_tower_of(out)) is not None:
        return Vision(tower / IMAGE_GRAPH, _describing(partial(describe_image_tower, tower)))
    models = Path(choice.models) if choice.models else MODELS
    own = Path(choice.captioner or models / "captioner")
    captioner = own if (own / VISION_GRAPH).is_file() else models / "captioner"  # beside a captioner of another kind
    if not (captioner / VISION_GRAPH).is_file():
        return None
    return Vision(captioner / VISION_GRAPH, _describing(partial(describe_vision, captioner, models / PICTURES_FILE)))


def _describing(describe: Callable[[], VisionDescription]) -> Callable[[], VisionDescription]:
    """The same, whose failure is the handler's."""

    def described() -> VisionDescription:
        try:
            return describe()
        except ExportError as error:
            raise BundleError(str(error)) from error

    return described


def square_of(path: Path, asked: VisionDescription) -> NDArray[np.uint8]:
    """A picture as the square that is asked with: uint8 [side, side, 3].

    Raises:
        PhotoError: The file can't be read, or is no picture.
    """
    side = asked.image_side
    if asked.fit == "squash":
        return decode_photo(path, image_size=side).pixels
    picture = decode_photo(path, picture_side=2 * side).picture
    assert picture is not None  # for it was asked for
    return np.asarray(ImageOps.fit(picture, (side, side), Image.Resampling.BICUBIC))
