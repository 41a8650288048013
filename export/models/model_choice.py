"""Models of one's own: a captioner, a sentence encoder, or both, in the place of the shipped ones.

A sentence encoder is converted once into the output folder, under the hash of its content. No calibration comes with
such models: the bundle writer lays the curve by the background (background.py). Those that ``thinlens models`` wrote
together come with theirs.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

from export.disk.whole_files import write_whole
from export.errors import OutputError
from export.models.captioners import open_captioner
from export.models.encoders import encoder_space, open_encoder
from export.models.instructions import asking
from export.models.kept_models import CHOICE_FILE
from export.models.model_set import LANGUAGES, MODELS, Models, shipped_models
from export.understanding.view.onnx_image_tower import ImageTowerSource
from handler.errors import in_words


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """Which models an output folder is indexed with; None means the shipped one.

    Attributes:
        models: A folder with encoder/, captioner/ and calibration.json, in the place of the shipped models.
        captioner: A folder or a name on Hugging Face.
        encoder: A folder or a name on Hugging Face.
        instructions: What the captioner is asked of every photo; none for its own choice.
        languages: Whether people ask, and write captions, in many languages: the shipped encoder for these goes into
            the bundle.
    """

    models: str | None = None
    captioner: str | None = None
    encoder: str | None = None
    instructions: tuple[str, ...] = ()
    languages: bool = False

    @classmethod
    def of(cls, out: Path) -> ModelChoice:
        """What the last run in an output folder has chosen. Raises OutputError where its file is none of ours."""
        path = out / CHOICE_FILE
        try:
            chosen = json.loads(path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return SHIPPED
        except (OSError, ValueError) as error:
            raise OutputError(
                f"{path} can't be read: {in_words(error)}; move it away, or choose another --out"
            ) from error
        if not isinstance(chosen, dict) or not {"captioner", "encoder"} <= chosen.keys():
            raise OutputError(f"{path} isn't a file of Thinlens and stays; move it away, or choose another --out")
        instructions = tuple(chosen.get("instructions", ()))
        return cls(
            models=chosen.get("models"),
            captioner=chosen["captioner"],
            encoder=chosen["encoder"],
            instructions=instructions,
            languages=chosen.get("languages") is True,
        )

    def keep(self, out: Path) -> None:
        """Note the choice in an output folder, for whoever corrects a caption there. Raises OutputError."""
        path = out / CHOICE_FILE
        if os.path.lexists(path):
            ModelChoice.of(out)  # raises where it is somebody else's
        if self == SHIPPED:
            path.unlink(missing_ok=True)
            return
        chosen = {
            "models": _whole(self.models),
            "captioner": _whole(self.captioner),
            "encoder": _whole(self.encoder),
            "instructions": self.instructions,
            "languages": self.languages,
        }
        write_whole(path, f"{json.dumps(chosen)}\n".encode())

    def open(self, out: Path) -> Models:
        """The chosen models, the encoder converted into the output folder where it isn't yet.

        Raises:
            ModelError: One isn't there, is of a kind that isn't supported, can't be converted, or can't answer an
                instruction.
            OutputError: The output folder can't be written.
        """
        models = self._open(out)
        if self.languages:
            models = replace(models, languages=LANGUAGES)
        return asking(models, self.instructions) if self.instructions else models

    def _open(self, out: Path) -> Models:
        together = shipped_models(Path(self.models) if self.models else MODELS)
        if self.captioner is None and self.encoder is None:
            return together
        encoder = together.encoder if self.encoder is None else open_encoder(self.encoder, out)
        space = encoder_space(encoder)
        captioner = together.captioner if self.captioner is None else open_captioner(self.captioner, encoder=encoder)
        tower = ImageTowerSource.find(encoder, space=space)
        seen_by = (tower, captioner.image_encoder, together.image_encoder)  # the captioner's own costs nothing
        return Models(
            encoder=encoder,
            encoder_identity=space,
            captioner=captioner,
            image_encoder=next((each for each in seen_by if each is not None and each.space == space), None),
        )


SHIPPED = ModelChoice()


def _whole(name: str | None) -> str | None:
    """A folder's whole path, as the next command may be given elsewhere; a name on the hub as it is."""
    return str(Path(name).resolve()) if name is not None and Path(name).is_dir() else name
