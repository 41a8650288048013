"""Safe weights: a copy of a model whose weights are pickles, with the same tensors as safetensors.

A pickle can run code as it is read. torch reads tensors alone of it, and whatever else is in it ends the reading
(https://docs.pytorch.org/docs/stable/notes/serialization.html#weights-only). Nothing else ever reads pickles here.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from export.errors import ModelError, OutputError, unwritable

# The pickles of transformers and of OpenCLIP, and what takes their place; of the former there may be several.
_PLACES = {"pytorch_model": "model.safetensors", "open_clip_pytorch_model": "open_clip_model.safetensors"}
_OTHERS = (".bin", ".bin.index.json", ".h5", ".msgpack", ".onnx", ".ot", ".pt", ".pth", ".ckpt", ".safetensors")


def write_safe_copy(source: Path, to: Path) -> None:
    """Copy a model, its weights as safetensors.

    Args:
        source: The model's folder, as transformers, sentence-transformers or OpenCLIP saves it.
        to: A folder that isn't there yet.

    Raises:
        ModelError: It has no pickle of those names, or one holds something else than tensors.
        OutputError: The folder is there, or can't be written.
    """
    if to.exists():
        raise OutputError(f"{to} is there already and stays; choose another --to")
    to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="staging-", dir=to.parent) as staging:
        copy = Path(staging) / "model"
        try:
            _write(source, copy)
            copy.rename(to)
        except OSError as error:
            raise OutputError(f"{to} can't be written: {unwritable(error, 'choose another --to')}") from error


def _write(source: Path, copy: Path) -> None:
    copy.mkdir()
    weights: dict[Path, dict[str, Tensor]] = {}
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        place = copy / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".bin" and (name := _PLACES.get(path.stem.partition("-0")[0])):
            weights.setdefault(place.with_name(name), {}).update(_tensors(path))
        elif not path.name.endswith(_OTHERS):
            shutil.copyfile(path, place)
    if not weights:
        names = " or ".join(f"{stem}.bin" for stem in _PLACES)
        raise ModelError(f"{source} has no weights as a pickle; expected {names} in it")
    for place, tensors in weights.items():
        save_file(tensors, place, metadata={"format": "pt"})


def _tensors(path: Path) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a pickle by their names, each with memory of its own, which safetensors wants."""
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
        found = [(str(name), tensor.clone().contiguous()) for name, tensor in loaded.items()]
    except Exception as error:  # torch and pickle raise whatever a file leads them to
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{path} holds something else than tensors, and isn't read: {reason}") from error
    return iter(found)
