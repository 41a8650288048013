"""Models of one's own: a captioner, a sentence encoder, or both, in the place of the shipped ones.

A sentence encoder is converted once into the output folder, under the hash of its content. No calibration comes with
such models: the bundle writer lays the curve by the background (background.py). Those that ``thinlens models`` wrote
together come with theirs.
"""

import contextlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from export.errors import ModelError, OutputError
from export.models.hub import content_identity, model_folder, needs_training_extra
from export.models.instructions import asking
from export.models.model_set import MODELS, Models, shipped_models
from export.understanding.hub_captioner import open_captioner
from handler.bundle.encoder_files import ENCODER_FILES, identify_encoder

ENCODERS = "encoders"
CHOICE_FILE = "models.json"
_SALT = "encoder, 8-bit, 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """Which models an output folder is indexed with; None means the shipped one.

    Attributes:
        models: a folder with encoder/, captioner/ and calibration.json, in the place of the shipped models.
        captioner: a folder or a name on Hugging Face.
        encoder: a folder or a name on Hugging Face.
        instructions: what the captioner is asked of every photo; none for its own choice.
    """

    models: str | None = None
    captioner: str | None = None
    encoder: str | None = None
    instructions: tuple[str, ...] = ()

    @classmethod
    def of(cls, out: Path) -> "ModelChoice":
        """What the last run in an output folder has chosen."""
        try:
            chosen = json.loads((out / CHOICE_FILE).read_bytes())
        except FileNotFoundError:
            return SHIPPED
        except (OSError, ValueError) as error:
            raise OutputError(f"{out / CHOICE_FILE} can't be read: {error}; index again") from error
        instructions = tuple(chosen.get("instructions", ()))
        return cls(
            models=chosen.get("models"),
            captioner=chosen["captioner"],
            encoder=chosen["encoder"],
            instructions=instructions,
        )

    def keep(self, out: Path) -> None:
        """Note the choice in an output folder, for whoever corrects a caption there."""
        path = out / CHOICE_FILE
        if self == SHIPPED:
            path.unlink(missing_ok=True)
            return
        chosen = {
            "models": _whole(self.models),
            "captioner": _whole(self.captioner),
            "encoder": _whole(self.encoder),
            "instructions": self.instructions,
        }
        beside = path.with_suffix(".part")
        beside.write_text(json.dumps(chosen) + "\n", encoding="utf-8")
        beside.replace(path)

    def open(self, out: Path) -> Models:
        """The chosen models, the encoder converted into the output folder where it isn't yet.

        Raises:
            ModelError: one isn't there, is of a kind that isn't supported, can't be converted, or can't answer an
                instruction.
            OutputError: the output folder can't be written.
        """
        models = self._open(out)
        return asking(models, self.instructions) if self.instructions else models

    def _open(self, out: Path) -> Models:
        together = shipped_models(Path(self.models) if self.models else MODELS)
        if self.captioner is None and self.encoder is None:
            return together
        encoder = together.encoder if self.encoder is None else _open_encoder(self.encoder, out)
        return Models(
            encoder=encoder,
            encoder_identity=identify_encoder(encoder),
            captioner=together.captioner if self.captioner is None else open_captioner(self.captioner, encoder=encoder),
            calibration=None,
        )


SHIPPED = ModelChoice()


def _whole(name: str | None) -> str | None:
    """A folder's whole path, as the next command may be given elsewhere; a name on the hub as it is."""
    return str(Path(name).resolve()) if name is not None and Path(name).is_dir() else name


def _open_encoder(name: str, out: Path) -> Path:
    """The folder of an encoder as the handler serves it."""
    source = model_folder(name)
    if all((source / file).is_file() for file in ENCODER_FILES):
        return source
    if not (source / "config.json").is_file() and not (source / "modules.json").is_file():
        raise ModelError(
            f"{source} holds no sentence encoder; expected a folder as sentence-transformers saves it (modules.json), "
            f"or {', '.join(ENCODER_FILES)}"
        )
    folder = out / ENCODERS / content_identity(source, _SALT)[:16]
    if folder.is_dir():
        return folder
    try:
        from export.conversion.encoder_folder import write_encoder_folder
        from export.conversion.quantisation import BITS_8
        from export.conversion.sentence_encoder import export_sentence_encoder
    except ModuleNotFoundError as error:
        raise needs_training_extra(error) from error
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="staging-", dir=folder.parent) as staging:
            converted = Path(staging) / "encoder"
            write_encoder_folder(export_sentence_encoder(source, name=Path(name).name), converted, scheme=BITS_8)
            with contextlib.suppress(FileExistsError):
                converted.rename(folder)
    except OSError as error:
        raise OutputError(f"{folder} can't be written: {error.strerror}; make room, or choose another --out") from error
    return folder
