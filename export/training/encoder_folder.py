"""The encoder folder: a float32 graph and a tokenizer become the four files that the handler serves.

It knows graphs and files, nothing of where a graph comes from. What is written is opened and asked by the handler's
own code before anybody relies on it.
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from numpy.typing import NDArray

from export.errors import ModelError
from export.probes import PROBES
from export.training.quantisation import FLOAT32, Scheme, quantise, write_graph
from handler.encoder import Encoder
from handler.manifest import ENCODER_FILES


def write_encoder_folder(
    graph: onnx.ModelProto, tokenizer: str, folder: Path, *, name: str, dim: int, max_tokens: int, scheme: Scheme
) -> None:
    """Write encoder.onnx, encoder.bin, tokenizer.json and encoder.json, and compare with float32.

    Args:
        graph: float32, input_ids, attention_mask -> sentence_embedding.
        tokenizer: as the tokenizers library writes it.
        folder: is made where it isn't there.
        name: of the model.
        dim: components of a vector.
        max_tokens: where longer texts are cut.
        scheme: in how many bits the weights are kept.

    Raises:
        ModelError: vectors of the probes turn away from float32 by more than the scheme allows; nothing is left.
        BundleError: the handler can't run it.
    """
    configuration = {"name": name, "dim": dim, "max_tokens": max_tokens}

    def write(chosen: Scheme, where: Path) -> NDArray[np.float32]:
        where.mkdir(parents=True, exist_ok=True)
        write_graph(quantise(graph, chosen), where / "encoder.onnx")
        (where / "tokenizer.json").write_text(tokenizer, encoding="utf-8")
        (where / "encoder.json").write_text(json.dumps(configuration, indent=2) + "\n", encoding="utf-8")
        return Encoder.load(where).encode(PROBES)

    with TemporaryDirectory() as scratch:
        expected = write(FLOAT32, Path(scratch))
    least = float((write(scheme, folder) * expected).sum(1).min())
    if not least >= scheme.least_cosine:
        for file in ENCODER_FILES:
            (folder / file).unlink()
        raise ModelError(
            f"{name} in {scheme.name} disagrees with float32: cosine {least:.3f}, expected at least "
            f"{scheme.least_cosine}; take more bits"
        )
