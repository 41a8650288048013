"""The captioners: which kind of captioner a name means."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from export.errors import ModelError
from export.models.hub import content_identity, model_folder, read_configuration
from export.understanding.captioner import CaptionerSource
from export.understanding.hub_captioner import INSTRUCTIONS, HubCaptionerSource
from export.understanding.onnx_captioner import OnnxCaptionerSource

_SALT = "captioner, 3 beams, 40 tokens, squares"


def open_captioner(name: str, *, encoder: Path | None = None) -> CaptionerSource:
    """The captioner in a folder, or of a name on Hugging Face, of one of KINDS.

    Args:
        name: Of the folder, or on Hugging Face.
        encoder: The folder of a text encoder, which helps thinlens's own to choose captions.

    Raises:
        ModelError: There is none, or it is of another kind.
    """
    folder = model_folder(name)
    for open_kind in KINDS:
        if (source := open_kind(folder, encoder)) is not None:
            return source
    kind = read_configuration(folder).get("model_type")
    raise ModelError(
        f"{name} is a model of the kind {kind!r}; supported as captioners: {', '.join(INSTRUCTIONS)}, "
        "and the folders that 'thinlens models export' writes"
    )


def _open_onnx(folder: Path, encoder: Path | None) -> CaptionerSource | None:
    """What 'thinlens models export' wrote."""
    if not (folder / "captioner.json").is_file():
        return None
    return OnnxCaptionerSource.open(folder, encoder=encoder)


def _open_hub(folder: Path, _: Path | None) -> CaptionerSource | None:
    """What transformers saves, of the kinds in INSTRUCTIONS; it needs no text encoder."""
    kind = read_configuration(folder).get("model_type")
    if kind not in INSTRUCTIONS:
        return None
    return HubCaptionerSource(
        folder=folder,
        kind=kind,
        identity=content_identity(folder, _SALT),
        image_size=_image_size(folder),
        instructions=INSTRUCTIONS[kind],
    )


KINDS: list[Callable[[Path, Path | None], CaptionerSource | None]] = [_open_onnx, _open_hub]
"""What looks at a model's folder, and opens it if it is of its kind; the first that does so is taken."""


def _image_size(folder: Path) -> int:
    """The side of the squares that a captioner takes, as its preprocessor_config.json says."""
    configuration = read_configuration(folder, "preprocessor_config.json")
    for name in ("crop_size", "size"):
        found = configuration.get(name)
        if isinstance(found, dict):
            found = found.get("height", found.get("shortest_edge"))
        if isinstance(found, int) and 1 <= found <= 4096:
            return found
    raise ModelError(f"{folder}/preprocessor_config.json: expected 'size' with a height in pixels")
