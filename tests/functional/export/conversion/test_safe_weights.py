"""A copy with safetensors: the same tensors, nothing of the model's lost, and no code of a pickle run."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from export.cli.main import main
from export.conversion.safe_weights import write_safe_copy
from export.errors import ModelError, OutputError

TENSORS = {"a.weight": torch.arange(6.0).reshape(2, 3), "b.bias": torch.ones(2, dtype=torch.int64)}


class Malicious:
    """What leaves a file where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.mark,)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with a configuration, weights as a pickle, and those of other frameworks."""
    folder = tmp_path / "model"
    (folder / "nested").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "nested/vocab.txt").write_text("a")
    (folder / "tf_model.h5").write_bytes(b"of another framework")
    torch.save(TENSORS, folder / "pytorch_model.bin")
    return folder


def same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    return found.keys() == expected.keys() and all(torch.equal(found[name], expected[name]) for name in expected)


def test_the_command_copies_a_model(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "safetensors", str(model), "--to", str(tmp_path / "new/copy")]) == 0
    copy = tmp_path / "new/copy"
    assert capsys.readouterr().out == f"{copy}: the same model, its weights as safetensors\n"
    names = {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()}
    assert names == {"config.json", "nested/vocab.txt", "model.safetensors"}
    assert same(load_file(copy / "model.safetensors"), TENSORS)
    assert (model / "pytorch_model.bin").is_file()


def test_weights_in_several_files_and_those_of_openclip(model: Path, tmp_path: Path) -> None:
    (model / "pytorch_model.bin").unlink()
    for number, (name, tensor) in enumerate(TENSORS.items(), 1):
        torch.save({name: tensor}, model / f"pytorch_model-0000{number}-of-00002.bin")
    (model / "pytorch_model.bin.index.json").write_text("{}")
    torch.save(TENSORS, model / "nested/open_clip_pytorch_model.bin")
    write_safe_copy(model, tmp_path / "copy")
    assert same(load_file(tmp_path / "copy/model.safetensors"), TENSORS)
    assert same(load_file(tmp_path / "copy/nested/open_clip_model.safetensors"), TENSORS)
    assert not (tmp_path / "copy/pytorch_model.bin.index.json").exists()


def test_tensors_that_share_memory(model: Path, tmp_path: Path) -> None:
    shared = {"one": TENSORS["a.weight"], "other": TENSORS["a.weight"], "turned": TENSORS["a.weight"].T}
    torch.save(shared, model / "pytorch_model.bin")
    write_safe_copy(model, tmp_path / "copy")
    assert same(load_file(tmp_path / "copy/model.safetensors"), shared)


def test_code_in_a_pickle_is_not_run(model: Path, tmp_path: Path) -> None:
    mark = tmp_path / "run"
    (model / "pytorch_model.bin").write_bytes(pickle.dumps({"a": Malicious(mark)}))
    with pytest.raises(ModelError, match=r"pytorch_model\.bin holds something else than tensors, and isn't read"):
        write_safe_copy(model, tmp_path / "copy")
    assert not mark.exists()
    assert {path.name for path in tmp_path.iterdir()} == {"model"}


def test_what_has_no_pickle(model: Path, tmp_path: Path) -> None:
    (model / "pytorch_model.bin").unlink()
    with pytest.raises(ModelError, match=r"no weights as a pickle; expected pytorch_model\.bin or open_clip_"):
        write_safe_copy(model, tmp_path / "copy")


def test_nothing_that_is_there_is_replaced(model: Path) -> None:
    with pytest.raises(OutputError, match="is there already and stays; choose another --to"):
        write_safe_copy(model, model)
    assert (model / "pytorch_model.bin").is_file()
