"""The source of a captioner of one's own: a folder as transformers saves it, known but not loaded.

It needs no torch: an index run that has nothing to understand never loads the model.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from export.errors import ModelError
from export.models.hub import content_identity, model_folder, needs_training_extra, read_configuration
from export.understanding.captioner import Captioner
from export.understanding.onnx_captioner import OnnxCaptionerSource

DESCRIBE = "What does the image describe?"
IN_DETAIL = "Describe in detail what is shown in the image."

INSTRUCTIONS = {
    "vision-encoder-decoder": (DESCRIBE,),
    "blip": (DESCRIBE,),
    "git": (DESCRIBE,),
    "florence2": (DESCRIBE, IN_DETAIL),  # the texts for which it was trained
}
"""What captioners of each kind are asked; the first three answer one question only, without being asked it."""

_SALT = "captioner, 3 beams, 40 tokens, squares"


@dataclass(frozen=True, slots=True, kw_only=True)
class HubCaptionerSource:
    """A captioner's folder; picklable.

    Attributes:
        folder: as transformers saves it.
        kind: ``model_type`` of its config.json.
        identity: sha256 over its files, hexadecimal.
        image_size: side in pixels of the squares that it takes.
        instructions: what it is asked of every photo.
    """

    folder: Path
    kind: str
    identity: str
    image_size: int
    instructions: tuple[str, ...]

    @property
    def known_instructions(self) -> tuple[str, ...]:
        """What it can answer."""
        return INSTRUCTIONS[self.kind]

    def asking(self, instructions: tuple[str, ...]) -> "HubCaptionerSource":
        """The same captioner, asked others of the instructions that it knows."""
        return replace(self, instructions=instructions)

    @property
    def encoder_identity(self) -> None:
        """It gives texts and no vectors."""
        return

    @property
    def alone(self) -> bool:
        """It is large, and torch has threads of its own."""
        return True

    def load(self) -> Captioner:
        """Load it, to the GPU if there is one.

        Raises:
            ModelError: transformers can't load it.
        """
        try:
            from export.understanding.torch_captioner import HubCaptioner
        except ModuleNotFoundError as error:
            raise needs_training_extra(error) from error
        return HubCaptioner(self)


def open_captioner(name: str, *, encoder: Path | None = None) -> OnnxCaptionerSource | HubCaptionerSource:
    """The captioner in a folder, or of a name on Hugging Face: thinlens's own, or one of INSTRUCTIONS's kinds.

    Args:
        name: of the folder, or on Hugging Face.
        encoder: the folder of a text encoder, which helps thinlens's own to choose captions.

    Raises:
        ModelError: there is none, or it is of another kind.
    """
    folder = model_folder(name)
    if (folder / "captioner.json").is_file():
        return OnnxCaptionerSource.open(folder, encoder=encoder)
    kind = read_configuration(folder).get("model_type")
    if kind not in INSTRUCTIONS:
        raise ModelError(
            f"{name} is a model of the kind {kind!r}; supported as captioners: {', '.join(INSTRUCTIONS)}, "
            "and the folders that 'thinlens models export' writes"
        )
    return HubCaptionerSource(
        folder=folder,
        kind=kind,
        identity=content_identity(folder, _SALT),
        image_size=_image_size(folder),
        instructions=INSTRUCTIONS[kind],
    )


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
