"""The hub: a model's folder, by its path or by its name on Hugging Face, and what identifies its content.

It knows names, files and hashes, nothing of what the models do.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from export.errors import ModelError
from handler.errors import in_words

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
_NOT_WANTED = ("*.h5", "*.msgpack", "*.onnx", "*.ot", "*.tflite", "onnx/*", "openvino/*", "coreml/*")
_WEIGHTS, _WEIGHTS_INDEX = "model.safetensors", "model.safetensors.index.json"
_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_TELLING = (".bin", ".jinja", ".json", ".model", ".safetensors", ".txt")


def model_folder(name: str) -> Path:
    """The folder of a model: the one of that path, or a copy of what has that name on Hugging Face.

    What was fetched once stays in Hugging Face's own cache and needs no network any more.

    Raises:
        ModelError: There is no such folder, and no such name can be fetched.
    """
    folder = Path(name).expanduser()
    if name and folder.is_dir():
        return folder
    if folder.exists() or not _HUB_NAME.fullmatch(name):
        raise ModelError(f"{name} is no folder; expected a model's folder, or its name on Hugging Face")
    try:
        import huggingface_hub
    except ModuleNotFoundError as error:
        raise ModelError.needs_training_extra(error) from error
    try:
        return Path(huggingface_hub.snapshot_download(name, ignore_patterns=list(_NOT_WANTED)))
    except huggingface_hub.errors.GatedRepoError as error:
        raise ModelError(
            f"{name} is given to those alone who accept its terms: do so at https://huggingface.co/{name}, log in with "
            "'hf auth login', and run this again"
        ) from error
    except huggingface_hub.errors.RepositoryNotFoundError as error:
        raise ModelError(
            f"there is no folder {name}, and Hugging Face has no model of that name, or it is private; see how it is "
            "spelt, or log in with 'hf auth login'"
        ) from error
    except huggingface_hub.errors.LocalEntryNotFoundError as error:
        raise ModelError(
            f"there is no folder {name}, nothing of that name was fetched before, and Hugging Face can't be reached; "
            "run this with a network once, or bring the model's folder and name that"
        ) from error
    except Exception as error:  # the hub's, the network's and the disk's own share no base
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{name} can't be fetched from Hugging Face ({type(error).__name__}: {reason}); try again, or bring the "
            "model's folder and name that"
        ) from error


def read_configuration(folder: Path, file: str = "config.json") -> dict[str, Any]:
    """A JSON object out of a model's folder.

    Raises:
        ModelError: The file is missing or is none.
    """
    path = folder / file
    try:
        configuration = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise ModelError(f"{folder} has no {file}; expected the folder of a model as transformers saves it") from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} can't be read: {in_words(error)}") from error
    if not isinstance(configuration, dict):
        raise ModelError(f"{path}: expected an object, found {type(configuration).__name__}")
    return configuration


def refuse_own_code(folder: Path, name: str) -> None:
    """Raises ModelError where a model can't be loaded without code of its own repository."""
    if (folder / "config.json").is_file() and "auto_map" in read_configuration(folder):
        raise ModelError(
            f"{name} needs code of its own repository (auto_map in config.json), and such code isn't run; "
            "take a model that transformers itself has"
        )


def check_weights(folder: Path) -> None:
    """See whether the weights of a model are there, whole and as safetensors.

    Raises:
        ModelError: They aren't.
    """
    if (folder / _WEIGHTS).is_file():
        return
    if (folder / _WEIGHTS_INDEX).is_file():
        parts = read_configuration(folder, _WEIGHTS_INDEX).get("weight_map")
        names = sorted(set(parts.values())) if isinstance(parts, dict) else []
        missing = [name for name in names if not (folder / name).is_file()]
        if names and not missing:
            return
        raise ModelError(f"{folder} lacks {', '.join(missing) or 'weights'}, as if half fetched; fetch it again")
    if pickled := sorted(path.name for suffix in _PICKLED for path in folder.glob(suffix)):
        raise ModelError(
            f"{folder} has its weights only as {pickled[0]}, a pickle, which could run code; have a copy with "
            f"safetensors made by: thinlens models safetensors {folder} --to DIR"
        )
    raise ModelError(f"{folder} has no {_WEIGHTS}; expected the folder of a model as transformers saves it")


def content_identity(folder: Path, salt: str) -> str:
    """Sha256, in hexadecimal, over the names and hashes of all files that a model is made of.

    Args:
        folder: Of the model; weights, configuration and vocabulary count, documentation doesn't.
        salt: What else the result of using it depends on.
    """
    digest = hashlib.sha256(f"{salt}\n".encode())
    for path in sorted(folder.rglob("*")):
        if path.suffix in _TELLING and path.is_file():
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            digest.update(f"{path.relative_to(folder).as_posix()} {content}\n".encode())
    return digest.hexdigest()
