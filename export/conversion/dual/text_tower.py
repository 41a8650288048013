"""The text tower: what embeds captions and queries becomes the four files that the handler serves."""

from __future__ import annotations

from pathlib import Path

import onnx
import torch

from export.conversion.dual.dual_encoder import DualEncoder
from export.conversion.dual.tracing import trace
from export.conversion.encoder_folder import FloatEncoder, write_encoder_folder
from export.conversion.quantisation import FLOAT32, INT16_IN_50_MB, WORDS
from export.errors import ModelError
from export.evaluation.probes import PROBES
from handler.bundle.encoder_files import MAX_DIM, EncoderConfiguration

_SHORT = 5
_AXES = {0: "texts", 1: "tokens"}


def write_text_tower(dual: DualEncoder, folder: Path) -> None:
    """Write the handler's four files of a dual encoder's text tower, in 16 bits as far as the function has memory.

    Where its vectors turn away in so few bits they stay float32.

    Args:
        dual: Whose text tower it is.
        folder: Is made where it isn't there.

    Raises:
        ModelError: It can't be exported, or disagrees with its source.
    """
    tower = export_text_tower(dual)
    try:
        write_encoder_folder(tower, folder, scheme=INT16_IN_50_MB)
    except ModelError:
        write_encoder_folder(tower, folder, scheme=FLOAT32)


def export_text_tower(dual: DualEncoder) -> FloatEncoder:
    """The graph of a dual encoder's text tower, and what its own code makes of the probes.

    Raises:
        ModelError: It can't be exported, or has more dimensions than a bundle may have.
    """
    if dual.dimensions > MAX_DIM:
        raise ModelError(f"{dual.name} has {dual.dimensions:,} dimensions; a bundle has at most {MAX_DIM:,}")
    ids = torch.ones((2, _SHORT), dtype=torch.int64)
    mask = torch.tensor([[1] * _SHORT, [1] * (_SHORT - 1) + [0]])
    graph = trace(
        dual.text_tower,
        {"input_ids": ids, "attention_mask": mask},
        "sentence_embedding",
        {"input_ids": _AXES, "attention_mask": _AXES},
        name=dual.name,
    )
    _name_words(graph)
    del graph.graph.output[:]
    output = onnx.helper.make_tensor_value_info(
        "sentence_embedding", onnx.TensorProto.FLOAT, ["texts", dual.dimensions]
    )
    graph.graph.output.append(output)
    return FloatEncoder(
        graph=graph,
        tokenizer=dual.tokenizer,
        configuration=EncoderConfiguration(name=dual.name, dim=dual.dimensions, max_tokens=dual.max_tokens),
        expected=dual.embed_texts(PROBES),
    )


def _name_words(model: onnx.ModelProto) -> None:
    """Call what looks up words by a name that says so: of all tables that of the words is the longest."""
    rows = {item.name: item.dims[0] for item in model.graph.initializer if len(item.dims) == 2}
    gathers = [node for node in model.graph.node if node.op_type == "Gather" and node.input[0] in rows]
    if not gathers:
        return
    (old, *_) = [max(gathers, key=lambda node: rows[node.input[0]]).input[1]]
    if old.startswith(WORDS):
        return
    for node in model.graph.node:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name == old:
                    names[place] = f"{WORDS}_filled"
