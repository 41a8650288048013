"""The source of a captioner of one's own: a folder as transformers saves it, known but not loaded.

It needs no torch: an index run that has nothing to understand never loads the model.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from export.errors import ModelError
from export.understanding.captioner import Captioner

DESCRIBE = "What does the image describe?"
IN_DETAIL = "Describe in detail what is shown in the image."

INSTRUCTIONS = {
    "vision-encoder-decoder": (DESCRIBE,),
    "blip": (DESCRIBE,),
    "git": (DESCRIBE,),
    "florence2": (DESCRIBE, IN_DETAIL),  # the texts for which it was trained
}
"""What captioners of each kind are asked; the first three answer one question only, without being asked it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubCaptionerSource:
    """A captioner's folder; picklable.

    Attributes:
        folder: As transformers saves it.
        kind: ``model_type`` of its config.json.
        identity: sha256 over its files, hexadecimal.
        image_size: Side in pixels of the squares that it takes.
        instructions: What it is asked of every photo.
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

    def asking(self, instructions: tuple[str, ...]) -> HubCaptionerSource:
        """The same captioner, asked others of the instructions that it knows."""
        return replace(self, instructions=instructions)

    @property
    def image_encoder(self) -> None:
        """It gives texts and no view."""
        return

    @property
    def alone(self) -> bool:
        """It is large, and torch has threads of its own."""
        return True

    def load(self) -> Captioner:
        """Load it, to the GPU if there is one.

        Raises:
            ModelError: Transformers can't load it.
        """
        try:
            from export.understanding.torch_captioner import TorchCaptioner
        except ModuleNotFoundError as error:
            raise ModelError.needs_training_extra(error) from error
        return TorchCaptioner(self.folder, kind=self.kind, instructions=self.instructions, image_size=self.image_size)
