"""Kept models: what an output folder keeps of the models that it was indexed with, and where.

It needs nothing but the standard library.
"""

from __future__ import annotations

import json
from pathlib import Path

from export.disk.model_files import IMAGE_DESCRIPTION, has_image_tower
from handler.bundle.manifest import MANIFEST_FILE

CHOICE_FILE = "models.json"
"""Which models the last run was told to take."""
ENCODERS = "encoders"
"""Where those lie that were converted."""


def image_tower_of(out: Path) -> Path | None:
    """The folder of the image tower by which the photos of an output folder were seen; None where there is none.

    It lies beside the encoder that is in the bundle, among those that were converted or where the user has it.
    """
    try:
        encoder = json.loads((out / "bundle" / MANIFEST_FILE).read_bytes())["encoder"]
        space = encoder.get("space", encoder["identity"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    for folder in (*_chosen_encoder(out), *sorted((out / ENCODERS).glob("*"))):
        if has_image_tower(folder) and _space(folder) == space:
            return folder
    return None


def _chosen_encoder(out: Path) -> list[Path]:
    try:
        return [Path(json.loads((out / CHOICE_FILE).read_bytes())["encoder"])]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _space(folder: Path) -> object:
    try:
        return json.loads((folder / IMAGE_DESCRIPTION).read_bytes()).get("space")
    except (OSError, ValueError, AttributeError):
        return None
