"""The encoder folder: a float32 graph and a tokenizer become the four files that the handler serves.

It knows graphs and files, nothing of where a graph comes from. What is written is opened and asked by the handler's
own code before anybody relies on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from numpy.typing import NDArray
from tokenizers import Tokenizer

from export.conversion.activations import Arrays
from export.conversion.quantisation import FLOAT32, Scheme, quantise, write_graph
from export.disk.model_files import refuse_foreign_encoder
from export.errors import ModelError
from export.evaluation.probes import PROBES
from export.evaluation.retrieval import OFF_TOPIC_QUERIES
from handler.bundle.encoder import Encoder
from handler.bundle.encoder_files import ENCODER_FILES, EncoderConfiguration

_TEXTS_AT_ONCE = 32
TOLERANCE = 1e-4
"""How much a component of a unit vector may differ from the source's before its weights are put into few bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatEncoder:
    """An encoder before its weights are put into few bits.

    Attributes:
        graph: float32, input_ids, attention_mask -> sentence_embedding.
        tokenizer: As the tokenizers library writes it.
        configuration: What encoder.json says.
        others: Texts, beside everyday English ones, that a scheme which looks at what flows through is shown.
        expected: float32 [probes, dim], unit L2 norm: what the source, before it became a graph, makes of PROBES.
        expected_queries: The same of PROBES as queries, where a prompt makes them others.
    """

    graph: onnx.ModelProto
    tokenizer: str
    configuration: EncoderConfiguration
    expected: NDArray[np.float32]
    others: tuple[str, ...] = ()
    expected_queries: NDArray[np.float32] | None = None


def write_encoder_folder(encoder: FloatEncoder, folder: Path, *, scheme: Scheme) -> None:
    """Write encoder.onnx, encoder.bin, tokenizer.json and encoder.json, and compare with the source.

    Args:
        encoder: What is written.
        folder: Is made where it isn't there.
        scheme: In how many bits the weights are kept.

    Raises:
        ModelError: The graph disagrees with its source, or turns away from it in few bits by more than the scheme
            allows; nothing is left.
        BundleError: The handler can't run it.
        OutputError: The folder has such files of somebody else; they stay.
    """
    refuse_foreign_encoder(folder)
    name = encoder.configuration.name
    asked = encoder.expected if encoder.expected_queries is None else encoder.expected_queries
    expected = np.concatenate([encoder.expected, asked])
    with TemporaryDirectory() as scratch:
        worst = float(np.abs(_probe(encoder, FLOAT32, Path(scratch)) - expected).max())
    if not worst <= TOLERANCE:
        raise ModelError(
            f"the graph of {name} disagrees with its source: a vector differs by {worst:.2g}, "
            f"expected at most {TOLERANCE:.2g}; it isn't used"
        )
    least = float((_probe(encoder, scheme, folder) * expected).sum(1).min())
    if not least >= scheme.least_cosine:
        for file in ENCODER_FILES:
            (folder / file).unlink()
        raise ModelError(
            f"{name} in {scheme.name} disagrees with its source: cosine {least:.3f}, expected at least "
            f"{scheme.least_cosine}; take more bits"
        )


def _everyday_texts(encoder: FloatEncoder) -> Iterator[Arrays]:
    """The graph's inputs for texts such as people ask, and for the others: some of one length at once."""
    tokenizer = Tokenizer.from_str(encoder.tokenizer)
    tokenizer.no_padding()
    tokenizer.enable_truncation(encoder.configuration.max_tokens)
    prompts = {encoder.configuration.query_prompt, encoder.configuration.document_prompt}
    everyday = (*PROBES, *OFF_TOPIC_QUERIES.read_text(encoding="utf-8").splitlines())
    prompted = [prompt + text for prompt in sorted(prompts) for text in everyday]
    by_length: dict[int, list[list[int]]] = {}
    for encoding in tokenizer.encode_batch([*prompted, *encoder.others]):
        by_length.setdefault(len(encoding), []).append(encoding.ids)
    for ids in by_length.values():
        for start in range(0, len(ids), _TEXTS_AT_ONCE):
            token_ids = np.array(ids[start : start + _TEXTS_AT_ONCE], np.int64)
            yield {"input_ids": token_ids, "attention_mask": np.ones_like(token_ids)}


def _probe(encoder: FloatEncoder, scheme: Scheme, folder: Path) -> NDArray[np.float32]:
    """Write the folder, and see what the handler's own code makes of PROBES with it, then of PROBES as queries."""
    folder.mkdir(parents=True, exist_ok=True)
    write_graph(quantise(encoder.graph, scheme, _everyday_texts(encoder)), folder / "encoder.onnx")
    (folder / "tokenizer.json").write_text(encoder.tokenizer, encoding="utf-8")
    (folder / "encoder.json").write_text(encoder.configuration.to_json(), encoding="utf-8")
    written = Encoder.load(folder)
    return np.concatenate([written.encode(PROBES), written.encode_queries(PROBES)])
