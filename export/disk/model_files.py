"""The files of models that Thinlens writes into folders of the user's choice: whoever else's lie there stay."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from export.disk.own_names import refuse_foreign
from handler.bundle.encoder_files import ENCODER_FILES

CAPTIONER_FILES = ("captioner.json", "decoder.onnx", "tokenizer.json", "vision.onnx")
IMAGE_GRAPH, IMAGE_WEIGHTS, IMAGE_DESCRIPTION = "image.onnx", "image.bin", "image.json"
IMAGE_FILES = (IMAGE_WEIGHTS, IMAGE_DESCRIPTION, IMAGE_GRAPH)
"""What sees photos of a dual encoder; beside the files of the encoder of its texts."""
CALIBRATION_FILE = "calibration.json"
SCHEME_FILE = "quantisation.json"


def captioner_identity(folder: Path, *, with_encoder: bool) -> str:
    """Identity of the captioner in a folder: sha256 over its files' names and hashes, hexadecimal.

    One that chooses captions with a text encoder is another. Raises OSError.
    """
    digest = hashlib.sha256()
    for name in CAPTIONER_FILES:
        digest.update(f"{name} {file_sha256(folder / name)}\n".encode())
    if with_encoder:
        digest.update(b"with its encoder\n")
    return digest.hexdigest()


def image_tower_identity(folder: Path) -> str:
    """Identity of the image tower in a folder, likewise. Raises OSError."""
    digest = hashlib.sha256()
    for name in IMAGE_FILES:
        digest.update(f"{name} {file_sha256(folder / name)}\n".encode())
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """The sha256 of a file, hexadecimal. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def refuse_foreign_encoder(folder: Path) -> None:
    """Raises OutputError where a folder has files of an encoder that Thinlens didn't write."""
    refuse_foreign(folder, ENCODER_FILES, marker="encoder.json", keys=("name", "dim", "max_tokens"))
    refuse_foreign(folder, [SCHEME_FILE], marker=SCHEME_FILE, keys=("chosen", "least_neighbours", "measured"))


def refuse_foreign_captioner(folder: Path) -> None:
    """The same of a captioner."""
    keys = ("encoder_identity", "instructions", "empty_cache")
    refuse_foreign(folder, CAPTIONER_FILES, marker="captioner.json", keys=keys)


def refuse_foreign_dual_encoder(folder: Path) -> None:
    """The same of an encoder with what sees photos in its space."""
    refuse_foreign_encoder(folder)
    refuse_foreign(folder, IMAGE_FILES, marker=IMAGE_DESCRIPTION, keys=("name", "dim", "preprocessing"))


def refuse_foreign_models(folder: Path) -> None:
    """The same of encoder/, captioner/ and their calibration; asked before the hours that models take."""
    refuse_foreign_encoder(folder / "encoder")
    refuse_foreign_captioner(folder / "captioner")
    refuse_foreign(folder, [CALIBRATION_FILE], marker=CALIBRATION_FILE, keys=("encoder", "weights"))


def has_image_tower(folder: Path) -> bool:
    """Whether a folder has what sees photos of a dual encoder."""
    return all((folder / name).is_file() for name in IMAGE_FILES)


def copy_image_tower(source: Path, folder: Path) -> None:
    """Copy what sees photos beside an encoder; raises OutputError as ``copy_encoder`` does, and OSError."""
    refuse_foreign_dual_encoder(folder)
    for name in IMAGE_FILES:
        shutil.copyfile(source / name, folder / name)


def copy_encoder(source: Path, folder: Path) -> None:
    """Copy an encoder's files; raises OutputError where the folder has such files of somebody else, and OSError."""
    if source.resolve() == folder.resolve():
        return
    refuse_foreign_encoder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in ENCODER_FILES:
        shutil.copyfile(source / name, folder / name)
