"""A small real vision: the red of a picture's first pixel is the number of the text whose vector it shows."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from handler.bundle.relevance import Curve
from handler.search.pictures.vision import VISION_FILE, VISION_GRAPH, Vision, VisionDescription
from tests.functional.handler.artefacts import CAPTIONER

SIDE = 4
PIXELS = SIDE * SIDE * 3
CURVE = Curve(slope=4.0, intercept=-20.0, threshold=0.5, perhaps=0.2)


def picture_of(number: int) -> bytes:
    """The pixels of a picture that shows the text of a number; all else in it is noise."""
    noise = np.random.default_rng(number).integers(0, 256, PIXELS, dtype=np.uint8)
    noise[0] = number
    return noise.tobytes()


def write_vision_folder(
    folder: Path,
    vectors: NDArray[np.float32],
    *,
    captioners: Sequence[str] = (CAPTIONER,),
    trace: Sequence[float] = (),
    curve: Curve | None = CURVE,
    side: int = SIDE,
) -> Path:
    """Write vision.onnx and vision.json into `folder`, which is made; pictures show `vectors`, float32 [n, dim]."""
    folder.mkdir(parents=True, exist_ok=True)
    nodes = [
        helper.make_node("Slice", ["pixels", "starts", "ends", "axes"], ["first"]),
        helper.make_node("Reshape", ["first", "flat"], ["red"]),
        helper.make_node("Cast", ["red"], ["number"], to=TensorProto.INT64),
        helper.make_node("Gather", ["vectors", "number"], ["visual"]),
        helper.make_node("Neg", ["visual"], ["memory"]),
    ]
    constants = {"starts": [0, 0, 0], "ends": [1, 1, 1], "axes": [1, 2, 3], "flat": [-1]}
    photos = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["photos", side, side, 3])
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["photos", vectors.shape[1]])
        for name in ("visual", "memory")
    ]
    initial = [
        numpy_helper.from_array(vectors, "vectors"),
        *(numpy_helper.from_array(np.array(value, np.int64), name) for name, value in constants.items()),
    ]
    graph = helper.make_graph(nodes, "tiny_vision", [photos], outputs, initial)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), folder / VISION_GRAPH
    )
    description = VisionDescription(
        captioners=tuple(captioners),
        image_side=side,
        sha256=hashlib.sha256((folder / VISION_GRAPH).read_bytes()).hexdigest(),
        trace=tuple(trace),
        curve=curve,
    )
    (folder / VISION_FILE).write_bytes(description.to_bytes())
    return folder


def found_vision(folder: Path) -> Vision:
    """The vision in a folder."""
    vision = Vision.find(folder)
    assert vision is not None
    return vision
