"""Packing: trained models become the folders that are shipped, small and checked."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from tokenizers import Tokenizer

from export.conversion.bert_graph import bert_graph
from export.conversion.encoder_folder import FloatEncoder, write_encoder_folder
from export.conversion.quantisation import STATIC_INT8, Scheme, write_graph
from export.disk.model_files import (
    IMAGE_DESCRIPTION,
    IMAGE_GRAPH,
    refuse_foreign_captioner,
    refuse_foreign_dual_encoder,
)
from export.evaluation.probes import PROBES
from export.photos.samples import copy_samples
from export.pictures.fitting.preprocessing import Preprocessing
from export.training.data.caption_text import BEGIN, END
from export.training.data.tasks import DESCRIBE, INSTRUCTIONS
from export.training.photo_model.captioner_export import export_decoder, export_view, export_vision
from export.training.photo_model.photo_model import PhotoModel
from export.training.photo_model.unpacking import TrainedCaptioner
from export.training.text_encoder.language_training import LanguageStudent
from export.training.text_encoder.sentence_model import MAX_TOKENS, TextEncoder, tokenise
from handler.bundle.encoder_files import EncoderConfiguration

ENCODER_NAME = "thinlens-text-1"
LANGUAGES_NAME = "thinlens-languages-1"
CAPTIONER_NAME = "thinlens-photo-1"
IMAGE_SIZE = 256
"""Larger than in training, where random crops show things larger than they are (Touvron et al. 2019, FixRes)."""
MAX_NEW_TOKENS = 24
LENGTH_PENALTY = 0.7
_CROPS = 96
_CROPPED_PARTS = (0.3, 1.0)
_SEED = 7


def write_encoder(encoder: TextEncoder, tokenizer: Tokenizer, folder: Path, *, scheme: Scheme = STATIC_INT8) -> None:
    """Write the text encoder's folder: graph, weights, tokenizer, settings.

    Args:
        encoder: The trained student.
        tokenizer: Its tokenizer.
        folder: Is made where it isn't there.
        scheme: In how many bits the weights are kept.

    Raises:
        ModelError: The graph disagrees with torch, or in the scheme's bits too much with itself.
    """
    write_encoder_folder(float_encoder(encoder, tokenizer, name=ENCODER_NAME), folder, scheme=scheme)


def write_languages(student: LanguageStudent, folder: Path, *, space: str) -> None:
    """Write the folder of the encoder for many languages, as ``write_encoder`` does.

    Args:
        student: The trained encoder; its texts are those by which activations are measured.
        folder: Is made where it isn't there.
        space: Identity of the encoder whose vectors it has learnt to give.

    Raises:
        ModelError: As ``write_encoder``.
    """
    whole = float_encoder(student.encoder, student.tokenizer, name=LANGUAGES_NAME, space=space)
    write_encoder_folder(replace(whole, others=student.texts), folder, scheme=STATIC_INT8)


def float_encoder(encoder: TextEncoder, tokenizer: Tokenizer, *, name: str, space: str | None = None) -> FloatEncoder:
    """The graph of a trained encoder, and what torch makes of the probes with it.

    Args:
        encoder: The trained student.
        tokenizer: Its tokenizer.
        name: What it is called.
        space: Identity of the encoder whose vectors it has learnt to give; None where it has a space of its own.
    """
    batch = tokenise(tokenizer, PROBES)
    with torch.no_grad():
        expected = encoder.eval()(batch.input_ids, batch.attention_mask).numpy()
    return FloatEncoder(
        graph=bert_graph(encoder.bert, "mean", encoder.projection),
        tokenizer=tokenizer.to_str(),
        configuration=EncoderConfiguration(
            name=name,
            dim=encoder.dim,
            max_tokens=min(MAX_TOKENS, encoder.bert.config.max_position_embeddings),
            space=space,
        ),
        expected=expected,
    )


def write_captioner(
    captioner: TrainedCaptioner, folder: Path, *, encoder_identity: str, image_size: int = IMAGE_SIZE
) -> None:
    """Write the captioner's folder: both graphs, tokenizer, settings.

    Args:
        captioner: The trained photo model, its decoder's tokenizer, its names.
        folder: Is made where it isn't there.
        encoder_identity: Of the text encoder in whose space the visual view lies.
        image_size: Side in pixels of the squares that photos become.

    Raises:
        ModelError: An exported graph disagrees with torch.
        OutputError: The folder has such files of somebody else; they stay.
    """
    refuse_foreign_captioner(folder)
    model, tokenizer = captioner.model, captioner.tokenizer
    folder.mkdir(parents=True, exist_ok=True)
    pixels = crops_of_samples(image_size)
    export_vision(model, folder / "vision.onnx", pixels=pixels)
    begin, end = (tokenizer.token_to_id(token) for token in (BEGIN, END))
    prefixes = [[*tokenizer.encode(instruction).ids, begin] for instruction in INSTRUCTIONS]
    export_decoder(model, folder / "decoder.onnx", pixels=pixels, prefixes=prefixes, end_id=end)
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
        "names": list(captioner.names),
        "empty_cache": [shape.layers, 2, shape.heads, 0, shape.head_width],
    }
    _write_json(folder / "captioner.json", settings)


def write_view(model: PhotoModel, folder: Path, *, space: str, image_size: int) -> None:
    """Write what sees photos beside an encoder, in its folder: graph, weights, and what it takes.

    Args:
        model: Of which the visual view is trained.
        folder: Of an encoder in the same space; its name becomes the view's.
        space: Identity of the encoder in whose space the view lies.
        image_size: Side in pixels of the squares that photos become.

    Raises:
        ModelError: The graph disagrees with torch.
        OutputError: The folder has such files of somebody else; they stay.
    """
    refuse_foreign_dual_encoder(folder)
    write_graph(export_view(model, pixels=crops_of_samples(image_size)), folder / IMAGE_GRAPH)
    squash = Preprocessing(
        resize="squash",
        size=(image_size, image_size),
        crop=(image_size, image_size),
        resample=Image.Resampling.HAMMING,
        scale=(1 / 127.5,) * 3,
        offset=(-1.0,) * 3,
    )
    description = {"name": folder.name, "dim": model.shape.dim, "space": space, "preprocessing": squash.to_json()}
    _write_json(folder / IMAGE_DESCRIPTION, description)


def crops_of_samples(image_size: int) -> NDArray[np.uint8]:
    """Crops of the sample photographs, by which activations are measured: uint8 [n, image_size, image_size, 3].

    They are at hand wherever models are written, and tell ranges as well as training photos do.
    """
    random = np.random.default_rng(_SEED)
    with tempfile.TemporaryDirectory() as folder:
        copy_samples(Path(folder))
        photos = [Image.open(path).convert("RGB") for path in sorted(Path(folder).iterdir())]
    crops = []
    for number in range(_CROPS):
        photo = photos[number % len(photos)]
        part = random.uniform(*_CROPPED_PARTS)
        width, height = int(photo.width * part), int(photo.height * part)
        left, top = int(random.integers(photo.width - width + 1)), int(random.integers(photo.height - height + 1))
        box = (left, top, left + width, top + height)
        crops.append(np.array(photo.resize((image_size, image_size), Image.Resampling.BICUBIC, box=box)))
    return np.stack(crops)


def _write_json(path: Path, settings: dict[str, object]) -> None:
    path.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
