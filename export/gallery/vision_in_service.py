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
    """The vision of the captioner that the last run in an output folder has chosen; None where that has none.

    Raises:
        OutputError: The file that says which one it was is none of ours.
    """
    choice = ModelChoice.of(out)
    models = Path(choice.models) if choice.models else MODELS
    captioner = Path(choice.captioner) if choice.captioner else models / "captioner"
    if not (captioner / VISION_GRAPH).is_file():
        return None  # one of another kind, from Hugging Face for instance

    def describe() -> VisionDescription:
        try:
            return describe_vision(captioner, models / PICTURES_FILE)
        except ExportError as error:
            raise BundleError(str(error)) from error

    return Vision(captioner / VISION_GRAPH, describe)
