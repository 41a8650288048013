"""The captioners: which kind of captioner a name means."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from export.errors import ModelError
from export.models.hub import check_weights, content_identity, model_folder, read_configuration, refuse_own_code
from export.understanding.captioner import CaptionerSource
from export.understanding.hub_models.hub_captioner import HubCaptionerSource
from export.understanding.hub_models.prompts import PROMPTS, WITHOUT_TEMPLATE
from export.understanding.onnx_captioner import OnnxCaptionerSource

_SALT = "captioner, 64 tokens, its own processor"
_TEMPLATES = ("chat_template.jinja", "chat_template.json", "additional_chat_templates/default.jinja")
_WITH_TEMPLATE = ("processor_config.json", "tokenizer_config.json")


def open_captioner(name: str, *, encoder: Path | None = None) -> CaptionerSource:
    """The captioner in a folder, or of a name on Hugging Face, of one of KINDS.

    Args:
        name: Of the folder, or on Hugging Face.
        encoder: The folder of a text encoder, which helps thinlens's own to choose captions.

    Raises:
        ModelError: There is none, it is of another kind, or something is missing in its folder.
    """
    folder = model_folder(name)
    for open_kind in KINDS:
        if (source := open_kind(folder, encoder)) is not None:
            return source
    refuse_own_code(folder, name)
    raise ModelError(
        f"{name} is a model of the kind {read_configuration(folder).get('model_type')!r}; supported as captioners: "
        f"{', '.join((*PROMPTS, *WITHOUT_TEMPLATE))}, what converses about pictures by a chat template, "
        "and the folders that 'thinlens models export' writes"
    )


def _open_onnx(folder: Path, encoder: Path | None) -> CaptionerSource | None:
    """What 'thinlens models export' wrote."""
    if not (folder / "captioner.json").is_file():
        return None
    return OnnxCaptionerSource.open(folder, encoder=encoder)


def _open_hub(folder: Path, _: Path | None) -> CaptionerSource | None:
    """What transformers saves of models that make text of pictures; it needs no text encoder."""
    configuration = read_configuration(folder)
    kind = str(configuration.get("model_type"))
    if kind not in PROMPTS and kind not in WITHOUT_TEMPLATE:
        if not any(name in configuration for name in ("image_token_id", "image_token_index")):
            return None
        if not _has_chat_template(folder):
            raise ModelError(
                f"{folder} is a model of the kind {kind!r} and has no chat template ({_TEMPLATES[0]}), by which it "
                "would be asked; take the version of it that was trained to follow instructions"
            )
    if not any((folder / file).is_file() for file in ("preprocessor_config.json", "processor_config.json")):
        raise ModelError(f"{folder} has no preprocessor_config.json, by which pictures are prepared; fetch it again")
    check_weights(folder)
    return HubCaptionerSource.open(folder, kind=kind, identity=content_identity(folder, _SALT))


KINDS: list[Callable[[Path, Path | None], CaptionerSource | None]] = [_open_onnx, _open_hub]
"""What looks at a model's folder, and opens it if it is of its kind; the first that does so is taken."""


def _has_chat_template(folder: Path) -> bool:
    return any((folder / file).is_file() for file in _TEMPLATES) or any(
        "chat_template" in read_configuration(folder, file) for file in _WITH_TEMPLATE if (folder / file).is_file()
    )
