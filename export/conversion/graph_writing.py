"""Writing graphs node by node, in float32 or computing in 8 bits, so that little but arithmetic is left to do.

It knows layers, nothing of photos. The same calls write either: ``FloatWriter`` what torch computes, and notes which
tensors are to be observed; ``Int8Writer``, given what was seen of them on some photos, convolutions and products of
integers: static quantisation with a scale for each output channel (Krishnamoorthi 2018, arXiv 1806.08342, sections 3.1
and 3.2.1). Scales are fixed, so that a photo gives the same alone and in a batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from export.conversion.activations import Activations, Tap, Window
from export.conversion.rounding import round_for_inputs, round_to_nearest

OPSET = 18
CONTRIBUTED = "com.microsoft"
PREFIX = "model."
"""Of the name of a weight, which goes on as its name in torch."""
WHOLE, SCALE = "_int8", "_scale"
"""Ends of the names of what a weight in 8 bits is the product of."""
_SMALL = 2_048


@dataclass(frozen=True, slots=True, kw_only=True)
class Convolution:
    """A convolution's name in torch, itself, and what is put around its input: zeros at top, left, bottom, right."""

    name: str
    module: nn.Conv2d
    pads: tuple[int, int, int, int]
    activate: bool


class FloatWriter:
    """Nodes and constants of a graph in float32.

    Attributes:
        taps: The tensors that are to be observed for ``Int8Writer``, by the names by which it asks for them.
    """

    def __init__(self) -> None:
        self.taps: dict[str, Tap] = {}
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, TensorProto] = {}

    def model(
        self, name: str, inputs: Sequence[onnx.ValueInfoProto], outputs: Sequence[onnx.ValueInfoProto]
    ) -> onnx.ModelProto:
        """What was written, as a model of these inputs and outputs."""
        graph = helper.make_graph(self._nodes, name, inputs, outputs, list(self._constants.values()))
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIBUTED, 1)]
        model: onnx.ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=10)
        onnx.checker.check_model(model)
        return model

    def node(self, operator: str, inputs: Sequence[str], output: str = "", **attributes: Any) -> str:
        """Add a node of one output, and name it."""
        return self.nodes(operator, inputs, [output or f"{operator}_{len(self._nodes)}"], **attributes)[0]

    def nodes(self, operator: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> list[str]:
        """Add a node."""
        name = f"{operator}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, outputs, name=name, **attributes))
        return list(outputs)

    def constant(self, value: NDArray[np.generic] | int | float | Sequence[int]) -> str:
        """Add a constant that is no weight; Python's numbers become int64 and float32."""
        array = np.asarray(value)
        if not isinstance(value, np.ndarray | np.generic):
            array = array.astype(np.float32 if array.dtype.kind == "f" else np.int64)
        return self._keep(f"constant_{len(self._constants)}", array)

    def weight(self, name: str, tensor: Tensor) -> str:
        """A weight as float32, by its name in torch."""
        return self._keep(PREFIX + name, _array(tensor))

    def normalise(self, x: str, name: str, norm: nn.LayerNorm) -> str:
        """Layer normalisation of the last axis."""
        return self.node("LayerNormalization", [x, *self._parameters(name, norm)], epsilon=norm.eps, axis=-1)

    def normalise_sum(self, x: str, y: str, name: str, norm: nn.LayerNorm) -> tuple[str, str]:
        """The sum of x and y, and its layer normalisation."""
        total = self.node("Add", [x, y])
        return total, self.normalise(total, name, norm)

    def product(self, x: str, name: str, weight: Tensor, bias: Tensor | None) -> str:
        """What torch calls linear: the product of x [..., in] and a weight [out, in], and maybe a bias."""
        self.taps[f"{name}.in"] = Tap(tensor=x, channels=-1)
        turned = self.node("Transpose", [self.weight(f"{name}.weight", weight)], perm=[1, 0])
        y = self.node("MatMul", [x, turned])
        return y if bias is None else self.node("Add", [y, self.weight(f"{name}.bias", bias)])

    def rows(self, name: str, table: Tensor, numbers: str) -> str:
        """Rows of a table, as float32."""
        return self.node("Gather", [self.weight(name, table), numbers])

    def convolve(self, x: str, convolution: Convolution) -> str:
        """A convolution, and ReLU6 where it activates."""
        y = f"{convolution.name}.out"
        self.taps |= {x: Tap(tensor=x), y: Tap(tensor=y), f"{convolution.name}.in": _tap(x, convolution)}
        weights = [self.weight(f"{convolution.name}.{part}", of) for part, of in convolution.module.named_parameters()]
        if not convolution.activate:
            return self.node("Conv", [x, *weights], y, **_attributes(convolution))
        linear = self.node("Conv", [x, *weights], **_attributes(convolution))
        return self.node("Clip", [linear, self.constant(0.0), self.constant(6.0)], y)

    def add(self, x: str, y: str, total: str) -> str:
        """The sum of what two convolutions gave, by this name."""
        self.taps[total] = Tap(tensor=total)
        return self.node("Add", [x, y], total)

    def real(self, x: str) -> str:
        """What convolutions gave, as float32."""
        return x

    def _parameters(self, name: str, module: nn.Module) -> list[str]:
        return [self.weight(f"{name}.{part}", tensor) for part, tensor in module.named_parameters()]

    def _keep(self, name: str, array: NDArray[np.generic]) -> str:
        self._constants.setdefault(name, numpy_helper.from_array(array.copy(order="C"), name))
        return name


class Int8Writer(FloatWriter):
    """The same graph with weights in 8 bits, and with convolutions and products that compute in them.

    Args:
        seen: What was seen of the tensors that ``FloatWriter`` wants observed.
    """

    def __init__(self, seen: Mapping[str, Activations]) -> None:
        super().__init__()
        self._seen = seen
        self._codes: set[str] = set()

    def weight(self, name: str, tensor: Tensor) -> str:
        """A weight as float32; a large one is stored in 8 bits, and unfolded when the graph is loaded."""
        if tensor.dim() < 2 or tensor.numel() < _SMALL:
            return super().weight(name, tensor)
        whole, scale = self._in_8_bits(name, tensor)
        return self.node("Mul", [self.node("Cast", [whole], to=TensorProto.FLOAT), scale])

    def product(self, x: str, name: str, weight: Tensor, bias: Tensor | None) -> str:
        """The product of integers, as float32."""
        whole, scale = self._in_8_bits(f"{name}.weight", weight)
        code = self._encoding(f"{name}.in")
        inputs = [
            self.node("QuantizeLinear", [x, *code.names]),
            self.node("Transpose", [whole], perm=[1, 0]),
            code.scale,
            self.node("Reshape", [scale, self.constant([-1])]),
            code.zero,
            self._zeros(len(weight)),
        ]
        if bias is not None:
            inputs.append(self.weight(f"{name}.bias", bias))
        return self.node("MatMulIntegerToFloat", inputs, domain=CONTRIBUTED)

    def rows(self, name: str, table: Tensor, numbers: str) -> str:
        """Rows of a table that stays in 8 bits, as float32."""
        whole, scale = (self.node("Gather", [part, numbers]) for part in self._in_8_bits(name, table))
        return self.node("Mul", [self.node("Cast", [whole], to=TensorProto.FLOAT), scale])

    def convolve(self, x: str, convolution: Convolution) -> str:
        """A convolution of integers, which stay integers; what exceeds the measured range of ReLU6 is cut off."""
        y = f"{convolution.name}.out"
        source, target = self._encoding(x), self._encoding(y)
        assert convolution.module.bias is not None
        bias = self.weight(f"{convolution.name}.bias", convolution.module.bias)
        whole, scales = self._in_8_bits(f"{convolution.name}.weight", convolution.module.weight)
        scale = self.node("Reshape", [scales, self.constant([-1])])
        steps = self.node("Div", [bias, self.node("Mul", [scale, source.scale])])
        whole_bias = self.node("Cast", [self.node("Round", [steps])], to=TensorProto.INT32)
        inputs = [
            *(self._encode(x), *source.names),
            *(whole, scale, self._zeros(len(convolution.module.weight))),
            *(*target.names, whole_bias),
        ]
        self.node("QLinearConv", inputs, _code_name(y), **_attributes(convolution))
        self._codes.add(y)
        return y

    def add(self, x: str, y: str, total: str) -> str:
        """The sum of integers."""
        inputs = [part for of in (x, y) for part in (self._encode(of), *self._encoding(of).names)]
        self.node("QLinearAdd", [*inputs, *self._encoding(total).names], _code_name(total), domain=CONTRIBUTED)
        self._codes.add(total)
        return total

    def real(self, x: str) -> str:
        """What integers stand for, as float32."""
        return self.node("DequantizeLinear", [self._encode(x), *self._encoding(x).names], x)

    def _encode(self, x: str) -> str:
        """A tensor as integers, which convolutions left or which are made here once."""
        if x not in self._codes:
            self.node("QuantizeLinear", [x, *self._encoding(x).names], _code_name(x))
            self._codes.add(x)
        return _code_name(x)

    def _encoding(self, x: str) -> _Encoding:
        low, high = min(self._seen[x].low, 0.0), max(self._seen[x].high, 0.0)
        scale = np.float32(max(high - low, 1e-6) / 255)
        scale_name = self._keep(f"{x}_step", np.array(scale))
        return _Encoding(scale=scale_name, zero=self._keep(f"{x}_zero", np.array(np.rint(-low / scale), np.uint8)))

    def _zeros(self, count: int) -> str:
        return self._keep(f"zeros_{count}", np.zeros(count, np.int8))

    def _in_8_bits(self, name: str, tensor: Tensor) -> tuple[str, str]:
        """A weight as integers and a scale for each of its rows, which is an output channel or a token."""
        names = PREFIX + name + WHOLE, PREFIX + name + SCALE
        if names[0] in self._constants:
            return names
        weights = _array(tensor)
        inputs = self._seen.get(f"{name.removesuffix('.weight')}.in")
        if inputs is None or inputs.moments is None:
            rounded = round_to_nearest(weights)
        else:
            rounded = round_for_inputs(weights, inputs.moments)
        return self._keep(names[0], rounded.whole), self._keep(names[1], rounded.scale)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Encoding:
    """Constants: what one step of an integer stands for, and the integer that stands for 0."""

    scale: str
    zero: str

    @property
    def names(self) -> tuple[str, str]:
        """Both, in the order in which nodes take them."""
        return self.scale, self.zero


def _tap(x: str, convolution: Convolution) -> Tap:
    module = convolution.module
    if module.kernel_size == (1, 1):
        return Tap(tensor=x, channels=1)
    if module.groups == module.in_channels:
        return Tap(tensor=x, window=Window(size=module.kernel_size[0], stride=module.stride[0], pads=convolution.pads))
    return Tap(tensor=x)


def _code_name(x: str) -> str:
    return f"{x}_codes"


def _attributes(convolution: Convolution) -> dict[str, Any]:
    module = convolution.module
    return {
        "kernel_shape": list(module.kernel_size),
        "strides": list(module.stride),
        "group": module.groups,
        "pads": list(convolution.pads),
    }


def _array(tensor: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.detach().float().numpy()
    return array
