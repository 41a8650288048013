"""The dual encoders: which folder or name means a model with an image tower and a text tower, and how it is loaded."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from export.errors import ModelError
from export.models.hub import model_folder, read_configuration

if TYPE_CHECKING:
    from export.conversion.dual.dual_encoder import DualEncoder

OPEN_CLIP = "open_clip:"
KINDS = ("clip", "siglip", "siglip2", "align", "altclip", "chinese_clip", "metaclip_2")
"""`model_type` in config.json of the models of transformers with two towers."""
_LICENCE = re.compile(r"^license: *([\w.+-]+)", re.MULTILINE)


def dual_folder(folder: Path) -> Path | None:
    """Where in a model's folder a dual encoder of transformers or OpenCLIP lies; None where none does."""
    if (folder / "open_clip_config.json").is_file():
        return folder
    if (folder / "modules.json").is_file():  # as sentence-transformers saves it
        return _in_modules(folder)
    if not (folder / "config.json").is_file():
        return None
    return folder if read_configuration(folder).get("model_type") in KINDS else None


def is_dual_encoder(name: str) -> bool:
    """Whether a folder or name means a dual encoder; raises ModelError where there is none of that name."""
    return name.startswith(OPEN_CLIP) or dual_folder(model_folder(name)) is not None


def open_dual_encoder(name: str, *, pickle: bool = False) -> DualEncoder:
    """Load a model with an image tower and a text tower.

    Args:
        name: Of a folder, on Hugging Face, or "open_clip:ARCHITECTURE/TAG".
        pickle: Whether weights may be read that are pickles.

    Raises:
        ModelError: There is none, it has one tower alone, it is of another kind, or it can't be loaded.
    """
    try:
        from export.conversion.dual.open_clip_dual import load_open_clip
        from export.conversion.dual.transformers_dual import load_transformers
    except ModuleNotFoundError as error:
        raise ModelError.needs_training_extra(error) from error
    if name.startswith(OPEN_CLIP):
        architecture, _, tag = name.removeprefix(OPEN_CLIP).partition("/")
        if not tag:
            raise ModelError(
                f"{name} names no weights; expected open_clip:ARCHITECTURE/TAG, as ViT-B-32/laion2b_s34b_b79k"
            )
        return load_open_clip(architecture, name=name, licence=None, pretrained=tag)
    whole = model_folder(name)
    folder = dual_folder(whole)
    called = Path(name).name
    if folder is None:
        raise ModelError(
            f"{name} has no image tower and text tower of a kind that is known; expected one of {', '.join(KINDS)}, "
            "or a folder of OpenCLIP"
        )
    check_weights(folder, name, pickle=pickle)
    if (folder / "open_clip_config.json").is_file():
        return load_open_clip(f"local-dir:{folder}", name=called, licence=licence_of(whole))
    return load_transformers(folder, name=called, licence=licence_of(whole), pickle=pickle)


def licence_of(folder: Path) -> str | None:
    """What the model card in a folder says of its licence; None where it says nothing."""
    try:
        found = _LICENCE.search((folder / "README.md").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
    return found[1] if found else None


def check_weights(folder: Path, name: str, *, pickle: bool) -> None:
    """Check that a folder's weights are there and can be read without running code; raises ModelError."""
    if any(folder.glob("*.safetensors")):
        _check_parts(folder, name)
        return
    pickled = next((path for ending in ("*.bin", "*.pt", "*.pth") for path in folder.glob(ending)), None)
    if pickled is None:
        raise ModelError(f"{name} has no weights (*.safetensors) in {folder}; was it downloaded as a whole?")
    if not pickle:
        raise ModelError(
            f"{name} has its weights as a pickle alone ({pickled.name}), which can run code when it is read; take a "
            "copy with model.safetensors, or say that you trust it with --allow-pickle"
        )


def _check_parts(folder: Path, name: str) -> None:
    """Check that all parts are there that an index of weights names."""
    for index in folder.glob("*.safetensors.index.json"):
        try:
            parts = set(json.loads(index.read_bytes())["weight_map"].values())
        except (OSError, ValueError, KeyError, AttributeError) as error:
            raise ModelError(f"{index} can't be read; download {name} anew") from error
        if missing := sorted(part for part in parts if not (folder / part).is_file()):
            raise ModelError(f"{name} lacks {missing[0]}, which {index.name} names; download it as a whole")


def _in_modules(folder: Path) -> Path | None:
    try:
        modules = json.loads((folder / "modules.json").read_bytes())
        paths = [folder / module["path"] for module in modules if module["type"].endswith("CLIPModel")]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return paths[0] if paths else None
