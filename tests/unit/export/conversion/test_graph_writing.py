"""The same layers written in float32, which is what torch computes, and in 8 bits, which comes close to it."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper
from torch import nn

from export.conversion.activations import observe
from export.conversion.graph_writing import Convolution, FloatWriter, Int8Writer
from handler.runtime import onnxruntime

SIDE = 8


class Layers(nn.Module):
    """A convolution of each kind that a backbone has, the sum of two, and a product."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(3, 8, 3, stride=2)
        self.apart = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.narrow = nn.Conv2d(8, 8, 1)
        self.linear = nn.Linear(8, 300)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(nn.functional.pad(x, (0, 1, 0, 1))).clamp(0, 6)
        y: torch.Tensor = self.linear((x + self.narrow(self.apart(x).clamp(0, 6))).flatten(2).transpose(1, 2))
        return y

    def write(self, writer: FloatWriter) -> onnx.ModelProto:
        x = writer.convolve("image", Convolution(name="first", module=self.first, pads=(0, 0, 1, 1), activate=True))
        y = writer.convolve(x, Convolution(name="apart", module=self.apart, pads=(1, 1, 1, 1), activate=True))
        y = writer.convolve(y, Convolution(name="narrow", module=self.narrow, pads=(0, 0, 0, 0), activate=False))
        grid = writer.real(writer.add(x, y, "sum"))
        columns = writer.node("Reshape", [grid, writer.constant([0, 8, -1])])
        rows = writer.node("Transpose", [columns], perm=[0, 2, 1])
        product = writer.product(rows, "linear", self.linear.weight, self.linear.bias)
        writer.node("Identity", [product], "rows")
        image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["photos", 3, SIDE, SIDE])
        output = helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["photos", SIDE * SIDE // 4, 300])
        return writer.model("layers", [image], [output])


def images(count: int, *, seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(-1, 1, (count, 3, SIDE, SIDE)).astype(np.float32)


def run(model: onnx.ModelProto, given: NDArray[np.float32]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"image": given})
    return np.asarray(found, np.float32)


@pytest.fixture(scope="module")
def layers() -> Layers:
    return Layers().eval()


def in_8_bits(layers: Layers) -> onnx.ModelProto:
    writer = FloatWriter()
    model = layers.write(writer)
    return layers.write(Int8Writer(observe(model, writer.taps, [{"image": images(64, seed=1)}])))


def test_in_float32_a_graph_computes_what_torch_does(layers: Layers) -> None:
    given = images(3, seed=2)
    with torch.no_grad():
        expected = layers(torch.from_numpy(given)).numpy()
    np.testing.assert_allclose(run(layers.write(FloatWriter()), given), expected, atol=1e-5)


def test_in_8_bits_it_computes_almost_that(layers: Layers) -> None:
    given = images(3, seed=2)
    with torch.no_grad():
        expected = layers(torch.from_numpy(given)).numpy()
    errors = run(in_8_bits(layers), given) - expected
    assert np.square(errors).mean() < 0.01**2 * np.square(expected).mean()


def test_in_8_bits_photos_don_t_depend_on_their_neighbours(layers: Layers) -> None:
    model = in_8_bits(layers)
    given = images(5, seed=3)
    given[1] *= 50
    np.testing.assert_array_equal(run(model, given)[:1], run(model, given[:1]))


def test_in_8_bits_convolutions_and_products_are_of_integers(layers: Layers) -> None:
    model = in_8_bits(layers)
    operators = [node.op_type for node in model.graph.node]
    assert operators.count("QLinearConv") == 3
    assert operators.count("QLinearAdd") == operators.count("MatMulIntegerToFloat") == 1
    assert not {"Conv", "MatMul", "Clip"} & set(operators)
    stored = {item.name: item for item in model.graph.initializer}
    assert stored["model.linear.weight_int8"].data_type == TensorProto.INT8
    assert stored["model.linear.weight_int8"].dims == [300, 8]
    assert stored["model.linear.weight_scale"].dims == [300, 1]
