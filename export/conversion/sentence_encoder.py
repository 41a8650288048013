"""A sentence encoder of one's own: any sentence-transformers folder becomes what the handler serves.

Plain BERT with mean or first-token pooling is written node by node (bert_graph.py); whatever else optimum carries is
traced by optimum, pooling and all, tidied up to the two inputs and the one output that the handler asks for, and
simplified.
Prompts are kept beside it, and a Matryoshka model's vectors are cut in it, both as sentence-transformers does.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from optimum.exporters.onnx import main_export
from sentence_transformers import SentenceTransformer
from transformers import BertModel
from transformers.utils import logging

from export.conversion.bert_graph import Pooling, bert_graph, can_be_written
from export.conversion.encoder_folder import FloatEncoder
from export.conversion.simplification import simplify
from export.errors import ModelError
from export.evaluation.probes import PROBES
from handler.bundle.encoder_files import MAX_DIM, MAX_TOKENS, EncoderConfiguration

LONGEST = 128
"""In tokens, without a prompt: queries and captions are short, and what is longer is cut."""
_TEXTS = [{name: np.ones(sides, np.int64) for name in ("input_ids", "attention_mask")} for sides in ((2, 3), (5, 2))]
_DOCUMENTS = ("document", "passage", "corpus")
"""What the prompt for documents may be called: the first that a model has is taken, be it empty."""


def load_sentence_encoder(folder: Path) -> SentenceTransformer:
    """Load a sentence-transformers folder, or a bare transformers encoder with mean pooling.

    Raises:
        ModelError: It can't be loaded.
    """
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model: SentenceTransformer = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    except Exception as error:  # whatever broken files lead it to
        raise ModelError(
            f"{folder} can't be loaded as a sentence encoder: {_shortly(error)}; "
            "expected a folder as sentence-transformers saves it"
        ) from error
    model.eval()
    return model


def export_sentence_encoder(source: Path, *, name: str) -> FloatEncoder:
    """The graph of a sentence-transformers model, and what sentence-transformers makes of the probes with it.

    Args:
        source: Its folder.
        name: Of the model.

    Raises:
        ModelError: It can't be loaded, or is of a kind that can't be exported.
    """
    model = load_sentence_encoder(source)
    tokenizer = getattr(model.tokenizer, "backend_tokenizer", None)
    dim = model.get_embedding_dimension()
    if tokenizer is None or dim is None or dim > MAX_DIM:
        raise ModelError(f"{name} can't be served: expected a fast tokenizer and at most {MAX_DIM} dimensions")
    try:
        expected, expected_queries = _vectors(model.encode_document), _vectors(model.encode_query)
    except Exception as error:  # what reads no texts raises whatever it likes
        raise ModelError(
            f"{name} reads no texts ({_shortly(error)}); expected a sentence encoder, or a model with two towers"
        ) from error
    query, document = _prompts(model)
    if (query or document) and not all(getattr(module, "include_prompt", True) for module in model):
        raise ModelError(f"{name} can't be served: its pooling leaves prompts out (expected include_prompt true)")
    longest = LONGEST + max(len(tokenizer.encode(prompt, add_special_tokens=False)) for prompt in (query, document))
    return FloatEncoder(
        graph=_cut(_graph(model, source, name), dim),
        tokenizer=tokenizer.to_str(),
        configuration=EncoderConfiguration(
            name=name,
            dim=dim,
            max_tokens=min(model.max_seq_length or longest, longest, MAX_TOKENS),
            query_prompt=query,
            document_prompt=document,
        ),
        expected=expected,
        expected_queries=expected_queries,
    )


def _prompts(model: SentenceTransformer) -> tuple[str, str]:
    """What stands before queries, and before documents, as ``encode_query`` and ``encode_document`` choose them."""
    prompts = {name: prompt or "" for name, prompt in model.prompts.items()}
    default = prompts.get(model.default_prompt_name or "", "")
    return prompts.get("query", default), next((prompts[name] for name in _DOCUMENTS if name in prompts), default)


def _vectors(encode: Callable[..., object]) -> NDArray[np.float32]:
    with torch.inference_mode():
        vectors = encode(list(PROBES), convert_to_numpy=True, normalize_embeddings=True, show_progress_bar=False)
    return np.asarray(vectors, np.float32)


def _graph(model: SentenceTransformer, source: Path, name: str) -> onnx.ModelProto:
    """The float32 graph of a model: input_ids, attention_mask -> sentence_embedding of unit norm."""
    kinds = [type(module).__name__ for module in model]
    bert = getattr(model[0], "auto_model", None)
    pooling: Pooling | None = _POOLINGS.get(str(getattr(model[1], "pooling_mode", None))) if len(kinds) > 1 else None
    plain = kinds in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"])
    if plain and pooling is not None and isinstance(bert, BertModel) and can_be_written(bert.config):
        return bert_graph(bert, pooling)
    with TemporaryDirectory() as folder:
        try:
            with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
                warnings.simplefilter("ignore")
                main_export(
                    str(source),
                    folder,
                    task="feature-extraction",
                    library_name="sentence_transformers",
                    do_validation=False,  # here it is compared with sentence-transformers, as it will be served
                )
            return simplify(_tidy(onnx.load(str(Path(folder) / "model.onnx"))), _TEXTS)
        except Exception as error:  # optimum's, torch's and onnx's own share no base
            raise ModelError(
                f"{name} can't be exported ({', '.join(kinds)}; {type(error).__name__}: {error}); supported are the "
                "architectures that optimum exports for sentence-transformers, such as BERT, MPNet, RoBERTa, DistilBERT"
            ) from error


def _cut(model: onnx.ModelProto, dim: int) -> onnx.ModelProto:
    """The same with the first components alone, of unit norm again (Kusupati et al. 2022), where it has more."""
    graph = model.graph
    (output,) = graph.output
    if output.type.tensor_type.shape.dim[-1].dim_value == dim:
        return model
    for node in graph.node:
        node.output[:] = ["whole_embedding" if name == output.name else name for name in node.output]
    ends = {"cut_from": 0, "cut_to": dim, "cut_axis": 1}
    graph.initializer.extend(numpy_helper.from_array(np.array([end]), name) for name, end in ends.items())
    graph.node.append(helper.make_node("Slice", ["whole_embedding", *ends], ["cut_embedding"]))
    graph.node.append(helper.make_node("LpNormalization", ["cut_embedding"], [output.name], p=2, axis=-1))
    output.type.tensor_type.shape.dim[-1].dim_value = dim
    return model


def _shortly(error: Exception) -> str:
    """What went wrong, in one line: others explain at length what to install."""
    return " ".join(str(error).split())[:200]


_POOLINGS: dict[str, Pooling] = {"mean": "mean", "cls": "cls"}


def _tidy(model: onnx.ModelProto) -> onnx.ModelProto:
    """Two inputs, one output of unit norm: token types become zeros, other outputs go."""
    graph = model.graph
    for extra in [item for item in graph.input if item.name not in ("input_ids", "attention_mask")]:
        if extra.name != "token_type_ids":
            raise ValueError(f"it wants {extra.name}")
        graph.input.remove(extra)
        graph.node.insert(0, helper.make_node("Sub", ["input_ids", "input_ids"], [extra.name]))
    for node in graph.node:
        for place, output in enumerate(node.output):
            if output == "sentence_embedding":
                node.output[place] = "embedding"
        for place, name in enumerate(node.input):
            if name == "sentence_embedding":
                node.input[place] = "embedding"
    graph.node.append(helper.make_node("LpNormalization", ["embedding"], ["sentence_embedding"], p=2, axis=-1))
    (dim,) = [item.type.tensor_type.shape.dim[-1] for item in graph.output if item.name == "sentence_embedding"]
    del graph.output[:]
    sides = ["texts", dim.dim_value or dim.dim_param]
    graph.output.append(helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, sides))
    return model
