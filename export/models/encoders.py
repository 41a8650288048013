"""The text encoders: what a name means, and its way into the four files that the handler serves."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from export.errors import ModelError, OutputError, unwritable
from export.models.dual_encoders import OPEN_CLIP, convert_dual_encoder, dual_folder, refuse_one_tower
from export.models.hub import content_identity, model_folder, refuse_own_code
from export.models.kept_models import ENCODERS
from handler.bundle.encoder_files import ENCODER_FILES, EncoderConfiguration, identify_encoder


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderKind:
    """A kind of text encoder that can become the handler's.

    Attributes:
        version: Of what `convert` writes: another one has folders that were converted before converted again.
        recognises: Whether a model's folder holds one.
        convert: Writes ENCODER_FILES, and IMAGE_FILES where the model sees photos too: from the model's folder, under
            the model's name, into an empty place.
    """

    version: str
    recognises: Callable[[Path], bool]
    convert: Callable[[Path, str, Path], None]


def open_encoder(name: str, out: Path) -> Path:
    """The folder of an encoder as the handler serves it; converted into the output folder once, by its content.

    Args:
        name: Of a folder, or on Hugging Face; a folder that holds ENCODER_FILES is taken as it is.
        out: The output folder.

    Raises:
        ModelError: There is none, it is of no kind in KINDS, or it can't be converted.
        OutputError: The output folder can't be written.
    """
    if name.startswith(OPEN_CLIP):
        identity = hashlib.sha256(f"{_DUAL} {name}\n".encode()).hexdigest()
        return _converted(
            out, identity, lambda folder: convert_dual_encoder(name, name.removeprefix(OPEN_CLIP), folder)
        )
    source = model_folder(name)
    if (kind := kind_of_encoder(source, name)) is None:
        return source
    return _converted(
        out, content_identity(source, kind.version), lambda folder: kind.convert(source, Path(name).name, folder)
    )


def kind_of_encoder(source: Path, name: str) -> EncoderKind | None:
    """What converts the encoder in a folder, which has a name; None where it is as the handler serves it.

    Raises:
        ModelError: It is of no kind in KINDS.
    """
    if all((source / file).is_file() for file in ENCODER_FILES):
        return None
    refuse_one_tower(source, name)
    for kind in KINDS:
        if kind.recognises(source):
            return kind
    raise ModelError(
        f"{source} holds no sentence encoder; expected a folder as sentence-transformers saves it (modules.json), "
        f"one with two towers such as CLIP, or {', '.join(ENCODER_FILES)}"
    )


def _converted(out: Path, identity: str, convert: Callable[[Path], None]) -> Path:
    """The folder of what was converted, once; raises OutputError."""
    folder = out / ENCODERS / identity[:16]
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="staging-", dir=folder.parent) as staging:
            converted = Path(staging) / "encoder"
            convert(converted)
            with contextlib.suppress(FileExistsError):
                converted.rename(folder)
    except OSError as error:
        raise OutputError(f"{folder} can't be written: {unwritable(error, 'choose another --out')}") from error
    return folder


def space_of(name: str, out: Path) -> str:
    """Identity of the space in which an encoder's vectors lie: its own, or that of the encoder from which it learnt.

    Raises:
        ModelError: As ``open_encoder`` does.
        OutputError: Likewise.
    """
    return encoder_space(open_encoder(name, out))


def encoder_space(folder: Path) -> str:
    """The same of an encoder's folder. Raises OSError and BundleError."""
    return EncoderConfiguration.read(folder / "encoder.json").space or identify_encoder(folder)


def _is_sentence_encoder(folder: Path) -> bool:
    return (folder / "config.json").is_file() or (folder / "modules.json").is_file()


def _convert_sentence_encoder(source: Path, name: str, folder: Path) -> None:
    try:
        from export.conversion.encoder_folder import write_encoder_folder
        from export.conversion.quantisation import BITS_8
        from export.conversion.sentence_encoder import export_sentence_encoder
    except ModuleNotFoundError as error:
        raise ModelError.needs_training_extra(error) from error
    try:
        exported = export_sentence_encoder(source, name=name)
    except ModelError:
        refuse_own_code(source, name)  # which may be why
        raise
    write_encoder_folder(exported, folder, scheme=BITS_8)


_DUAL = "dual encoder, 3"
KINDS: list[EncoderKind] = [
    EncoderKind(version=_DUAL, recognises=lambda folder: dual_folder(folder) is not None, convert=convert_dual_encoder),
    EncoderKind(version="encoder, 8-bit, 3", recognises=_is_sentence_encoder, convert=_convert_sentence_encoder),
]
"""The kinds of encoders; the first that recognises a folder converts it."""
