"""The dual encoders: which folder or name means a model with an image tower and a text tower, and how it is loaded."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from export.errors import ModelError
from export.models.hub import check_weights, model_folder, read_configuration
from handler.bundle.encoder_files import identify_encoder

if TYPE_CHECKING:
    from export.conversion.dual.dual_encoder import DualEncoder

OPEN_CLIP = "open_clip:"
_OPEN_CLIP_FILE = "open_clip_config.json"
KINDS = ("clip", "siglip", "siglip2", "align", "altclip", "chinese_clip", "metaclip_2")
"""`model_type` in config.json of the models of transformers with two towers."""
_TOKENIZERS = ("tokenizer.json", "vocab.json", "vocab.txt", "spiece.model", "sentencepiece.bpe.model")
_LICENCE = re.compile(r"^license: *([\w.+-]+)", re.MULTILINE)


def dual_folder(folder: Path) -> Path | None:
    """Where in a model's folder a dual encoder of transformers or OpenCLIP lies; None where none does."""
    if (folder / "modules.json").is_file():  # as sentence-transformers saves it
        return _in_modules(folder)
    return folder if _is_of_transformers(folder) or (folder / _OPEN_CLIP_FILE).is_file() else None


def _is_of_transformers(folder: Path) -> bool:
    return (folder / "config.json").is_file() and read_configuration(folder).get("model_type") in KINDS


def refuse_one_tower(folder: Path, name: str) -> None:
    """Raises ModelError where a folder holds one tower of a dual encoder alone."""
    kind = str(read_configuration(folder).get("model_type")) if (folder / "config.json").is_file() else ""
    for tower in ("text", "vision"):
        if kind.removesuffix(f"_{tower}_model") in KINDS and kind not in KINDS:
            raise ModelError(f"{name} is the {tower} tower of a dual encoder alone ({kind}); take the whole model")


def is_dual_encoder(name: str) -> bool:
    """Whether a folder or name means a dual encoder; raises ModelError where there is none of that name."""
    return name.startswith(OPEN_CLIP) or dual_folder(model_folder(name)) is not None


def open_dual_encoder(name: str) -> DualEncoder:
    """Load a model with an image tower and a text tower.

    Args:
        name: Of a folder, on Hugging Face, or "open_clip:ARCHITECTURE/TAG".

    Raises:
        ModelError: There is none, it has one tower alone, it is of another kind, or it can't be loaded.
    """
    return load_dual_encoder(name if name.startswith(OPEN_CLIP) else model_folder(name), name=Path(name).name)


def load_dual_encoder(source: Path | str, *, name: str) -> DualEncoder:
    """The same of a folder, or of an OpenCLIP name, under another name."""
    try:
        from export.conversion.dual.open_clip_dual import load_open_clip
        from export.conversion.dual.transformers_dual import load_transformers
    except ModuleNotFoundError as error:
        raise ModelError.needs_training_extra(error) from error
    if isinstance(source, str):
        architecture, _, tag = source.removeprefix(OPEN_CLIP).partition("/")
        if not tag:
            raise ModelError(
                f"{source} names no weights; expected open_clip:ARCHITECTURE/TAG: ViT-B-32/laion2b_s34b_b79k"
            )
        return load_open_clip(architecture, name=source.removeprefix(OPEN_CLIP), licence=None, pretrained=tag)
    folder = dual_folder(source)
    if folder is None:
        raise ModelError(
            f"{name} has no image tower and text tower of a kind that is known; expected one of {', '.join(KINDS)}, "
            "or a folder of OpenCLIP"
        )
    _check_towers(folder, name)
    if not any(folder.glob("open_clip*.safetensors")):
        check_weights(folder)
    if _is_of_transformers(folder):
        return load_transformers(folder, name=name, licence=licence_of(source))
    return load_open_clip(f"local-dir:{folder}", name=name, licence=licence_of(source))


def convert_dual_encoder(source: Path | str, name: str, folder: Path) -> None:
    """Write the files of both towers into an empty place: those of the handler's encoder, and those that see photos.

    Raises:
        ModelError: As ``open_dual_encoder`` does, or it can't be converted.
    """
    dual = load_dual_encoder(source, name=name)
    from export.conversion.dual.image_tower import write_image_tower
    from export.conversion.dual.text_tower import write_text_tower

    write_text_tower(dual, folder)
    write_image_tower(dual, folder, space=identify_encoder(folder))


def _check_towers(folder: Path, name: str) -> None:
    """See whether what prepares pictures and cuts texts is there, and whether both towers end in one space."""
    if not _is_of_transformers(folder):
        return
    if not (folder / "preprocessor_config.json").is_file():
        raise ModelError(
            f"{name} has no preprocessor_config.json, which says how pictures are prepared; fetch it whole"
        )
    if not any((folder / file).is_file() for file in _TOKENIZERS):
        raise ModelError(f"{name} has no tokenizer ({', '.join(_TOKENIZERS)}), which cuts texts; fetch it whole")
    configuration = read_configuration(folder)
    towers = [configuration.get(f"{tower}_config") or {} for tower in ("text", "vision")]
    widths = {int(tower["projection_dim"]) for tower in towers if tower.get("projection_dim")}
    if len(widths) > 1 and not configuration.get("projection_dim"):
        raise ModelError(
            f"the towers of {name} have {' and '.join(map(str, sorted(widths)))} dimensions; expected as many"
        )


def licence_of(folder: Path) -> str | None:
    """What the model card in a folder says of its licence; None where it says nothing."""
    try:
        found = _LICENCE.search((folder / "README.md").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
    return found[1] if found else None


def _in_modules(folder: Path) -> Path | None:
    try:
        modules = json.loads((folder / "modules.json").read_bytes())
        paths = [folder / module["path"] for module in modules if module["type"].endswith("CLIPModel")]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return paths[0] if paths else None
