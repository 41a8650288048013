"""The vision in service: what looks at pictures that an output folder is asked with, as its photos were looked at."""

from __future__ import annotations

from pathlib import Path

from export.errors import ExportError
from export.models.model_choice import ModelChoice
from export.models.model_set import MODELS
from export.models.vision_folder import PICTURES_FILE, describe_vision
from handler.errors import BundleError
from handler.search.pictures.vision import VISION_GRAPH, Vision, VisionDescription


def vision_of(out: Path) -> Vision | None:
    """What looked at photos in the last run in an output folder: a captioner of Thinlens; None where there is none.

    Raises:
        OutputError: The file that says which one it was is none of ours.
    """
    choice = ModelChoice.of(out)
    models = Path(choice.models) if choice.models else MODELS
    own = Path(choice.captioner or models / "captioner")
    captioner = own if (own / VISION_GRAPH).is_file() else models / "captioner"  # beside a captioner of another kind
    if not (captioner / VISION_GRAPH).is_file():
        return None

    def describe() -> VisionDescription:
        try:
            return describe_vision(captioner, models / PICTURES_FILE)
        except ExportError as error:
            raise BundleError(str(error)) from error

    return Vision(captioner / VISION_GRAPH, describe)
