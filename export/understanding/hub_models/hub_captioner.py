"""The source of a captioner of one's own: a folder as transformers saves it, known but not loaded.

It needs no torch: an index run that has nothing to understand never loads the model.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from export.errors import ModelError
from export.understanding.captioner import PictureCaptioner
from export.understanding.hub_models.prompts import IN_A_SENTENCE, known_instructions


@dataclass(frozen=True, slots=True, kw_only=True)
class HubCaptionerSource:
    """A captioner's folder; picklable.

    Attributes:
        folder: As transformers saves it.
        kind: ``model_type`` of its config.json.
        identity: sha256 over its files, hexadecimal.
        instructions: What it is asked of every photo.
    """

    folder: Path
    kind: str
    identity: str
    instructions: tuple[str, ...]

    @classmethod
    def open(cls, folder: Path, *, kind: str, identity: str) -> HubCaptionerSource:
        """The captioner in a folder, asked all that it was trained for, or for a sentence."""
        instructions = known_instructions(kind) or (IN_A_SENTENCE,)
        return cls(folder=folder, kind=kind, identity=identity, instructions=instructions)

    @property
    def known_instructions(self) -> tuple[str, ...] | None:
        """What it can answer; None where that is anything."""
        return known_instructions(self.kind)

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

    def load(self) -> PictureCaptioner:
        """Load it, to the GPU if there is one.

        Raises:
            ModelError: Transformers can't load it.
        """
        try:
            from export.understanding.hub_models.torch_captioner import TorchCaptioner
        except ModuleNotFoundError as error:
            raise ModelError.needs_training_extra(error) from error
        return TorchCaptioner(self.folder, kind=self.kind, instructions=self.instructions)
