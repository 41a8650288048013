"""The encoder folder: a float32 graph and a tokenizer become the four files that the handler serves.

It knows graphs and files, nothing of where a graph comes from. What is written is opened and asked by the handler's
own code before anybody relies on it.
"""

import json
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from numpy.typing import NDArray

from export.errors import ModelError
from export.probes import PROBES
from export.training.quantisation import FLOAT32, Scheme, quantise, write_graph
from handler.encoder import Encoder, EncoderConfiguration
from handler.manifest import ENCODER_FILES

TOLERANCE = 1e-4
"""How much a component of a unit vector may differ from the source's before its weights are put into few bits."""


def write_encoder_folder(
    graph: onnx.ModelProto,
    tokenizer: str,
    folder: Path,
    *,
    configuration: EncoderConfiguration,
    scheme: Scheme,
    expected: NDArray[np.float32],
) -> None:
    """Write encoder.onnx, encoder.bin, tokenizer.json and encoder.json, and compare with the source.

    Args:
        graph: float32, input_ids, attention_mask -> sentence_embedding.
        tokenizer: as the tokenizers library writes it.
        folder: is made where it isn't there.
        configuration: what encoder.json says.
        scheme: in how many bits the weights are kept.
        expected: float32 [probes, dim], unit L2 norm: what the source makes of PROBES.

    Raises:
        ModelError: the graph disagrees with its source, or turns away from it in few bits by more than the scheme
            allows; nothing is left.
        BundleError: the handler can't run it.
    """

    def probe(chosen: Scheme, where: Path) -> NDArray[np.float32]:
        where.mkdir(parents=True, exist_ok=True)
        write_graph(quantise(graph, chosen), where / "encoder.onnx")
        (where / "tokenizer.json").write_text(tokenizer, encoding="utf-8")
        (where / "encoder.json").write_text(json.dumps(asdict(configuration), indent=2) + "\n", encoding="utf-8")
        return Encoder.load(where).encode(PROBES)

    with TemporaryDirectory() as scratch:
        worst = float(np.abs(probe(FLOAT32, Path(scratch)) - expected).max())
    if not worst <= TOLERANCE:
        raise ModelError(
            f"the graph of {configuration.name} disagrees with its source: a vector differs by {worst:.2g}, "
            f"expected at most {TOLERANCE:.2g}; it isn't used"
        )
    least = float((probe(scheme, folder) * expected).sum(1).min())
    if not least >= scheme.least_cosine:
        for file in ENCODER_FILES:
            (folder / file).unlink()
        raise ModelError(
            f"{configuration.name} in {scheme.name} disagrees with its source: cosine {least:.3f}, expected at least "
            f"{scheme.least_cosine}; take more bits"
        )
