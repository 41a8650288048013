"""Packing: trained models become the folders that are shipped, small and checked."""

import json
import tempfile
from pathlib import Path

import torch
from tokenizers import Tokenizer

from export.probes import PROBES
from export.training.bert_graph import bert_graph
from export.training.caption_text import BEGIN, END
from export.training.encoder_folder import FloatEncoder, write_encoder_folder
from export.training.onnx_export import export_decoder, export_vision, store_in_8_bits
from export.training.photo_model import PhotoModel
from export.training.quantisation import BITS_4, Scheme
from export.training.tasks import DESCRIBE, INSTRUCTIONS
from export.training.text_encoder import MAX_TOKENS, TextEncoder, tokenise
from handler.encoder import EncoderConfiguration

ENCODER_NAME = "thinlens-text-1"
CAPTIONER_NAME = "thinlens-photo-1"
IMAGE_SIZE = 224
"""Larger than in training, where random crops show things larger than they are (Touvron et al. 2019, FixRes)."""
MAX_NEW_TOKENS = 24
LENGTH_PENALTY = 0.7


def write_encoder(encoder: TextEncoder, tokenizer: Tokenizer, folder: Path, *, scheme: Scheme = BITS_4) -> None:
    """Write the text encoder's folder: graph, weights, tokenizer, settings.

    Args:
        encoder: the trained student.
        tokenizer: its tokenizer.
        folder: is made where it isn't there.
        scheme: in how many bits the weights are kept.

    Raises:
        ModelError: the graph disagrees with torch, or in the scheme's bits too much with itself.
    """
    write_encoder_folder(float_encoder(encoder, tokenizer, name=ENCODER_NAME), folder, scheme=scheme)


def float_encoder(encoder: TextEncoder, tokenizer: Tokenizer, *, name: str) -> FloatEncoder:
    """The graph of a trained encoder, and what torch makes of the probes with it."""
    batch = tokenise(tokenizer, PROBES)
    with torch.no_grad():
        expected = encoder.eval()(batch.input_ids, batch.attention_mask).numpy()
    return FloatEncoder(
        graph=bert_graph(encoder.bert, "mean"),
        tokenizer=tokenizer.to_str(),
        configuration=EncoderConfiguration(name=name, dim=encoder.bert.config.hidden_size, max_tokens=MAX_TOKENS),
        expected=expected,
    )


def write_captioner(
    model: PhotoModel, tokenizer: Tokenizer, folder: Path, *, encoder_identity: str, image_size: int = IMAGE_SIZE
) -> None:
    """Write the captioner's folder: both graphs, tokenizer, settings.

    Args:
        model: the trained photo model.
        tokenizer: its decoder's.
        folder: is made where it isn't there.
        encoder_identity: of the text encoder in whose space the visual view lies.
        image_size: side in pixels of the squares that photos become.

    Raises:
        ModelError: an exported graph disagrees with torch.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        plain = Path(scratch) / "plain.onnx"
        export_vision(model, plain, image_size=image_size)
        store_in_8_bits(plain, folder / "vision.onnx")
        export_decoder(model, plain)
        store_in_8_bits(plain, folder / "decoder.onnx")
    (folder / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")
    shape = model.shape
    settings = {
        "name": CAPTIONER_NAME,
        "image_size": image_size,
        "encoder_identity": encoder_identity,
        "instructions": [DESCRIBE],
        "known_instructions": list(INSTRUCTIONS),
        "begin": BEGIN,
        "end": END,
        "max_new_tokens": MAX_NEW_TOKENS,
        "length_penalty": LENGTH_PENALTY,
        "empty_cache": [shape.layers, 2, shape.heads, 0, shape.head_width],
    }
    _write_json(folder / "captioner.json", settings)


def _write_json(path: Path, settings: dict[str, object]) -> None:
    path.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
