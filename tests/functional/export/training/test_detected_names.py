"""Detected names with a detector that sees a cat in dark photos and a cat and a cup in light ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from export.errors import DataError
from export.training.data.detected_names import read_detected

LABELS = ["person", "cat", "n/a", "cup", "dining table"]


def write_detector(path: Path) -> None:
    """Anchors [1, 1, 5 + 4]: sure of a cat always, of a cup as far as the photo is light, of nothing else."""
    constant = np.array([0, 0, 0, 0, 1.0, 0, 0.9, 0, 0], np.float32)
    light = np.array([0, 0, 0, 0, 0, 0, 0, 1 / 255, 0], np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
            helper.make_node("Mul", ["mean", "light"], ["lit"]),
            helper.make_node("Add", ["lit", "constant"], ["row"]),
            helper.make_node("Reshape", ["row", "shape"], ["output"]),
        ],
        "detector",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 32, 32])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, 9])],
        [
            onnx.numpy_helper.from_array(constant, "constant"),
            onnx.numpy_helper.from_array(light, "light"),
            onnx.numpy_helper.from_array(np.array([1, 1, 9]), "shape"),
        ],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for folder in ("photos/coco-uncaptioned", "weights"):
        (tmp_path / folder).mkdir(parents=True)
    for name, brightness in {"dark": 10, "light": 240}.items():
        Image.new("RGB", (40, 30), (brightness,) * 3).save(tmp_path / "photos" / "coco-uncaptioned" / f"{name}.jpg")
    (tmp_path / "weights" / "coco_labels.txt").write_text("\n".join(LABELS))
    write_detector(tmp_path / "weights" / "yolox_nano.onnx")
    return tmp_path


def test_photos_get_the_names_of_what_is_seen(data: Path) -> None:
    dark, light = read_detected(data)
    assert (dark.path.name, dark.names, dark.captions) == ("dark.jpg", ("cat",), ())
    assert (light.path.name, light.names) == ("light.jpg", ("cat", "cup"))


def test_nothing_is_made_of_photos_that_are_not_there(data: Path) -> None:
    for path in (data / "photos" / "coco-uncaptioned").iterdir():
        path.unlink()
    (data / "weights" / "yolox_nano.onnx").unlink()
    assert read_detected(data) == []


def test_a_missing_detector_is_said(data: Path) -> None:
    (data / "weights" / "yolox_nano.onnx").unlink()
    with pytest.raises(DataError, match=r"yolox_nano\.onnx is missing; .*export/training/README\.md"):
        read_detected(data)
