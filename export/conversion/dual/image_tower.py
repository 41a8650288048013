"""The image tower: what sees photos becomes a graph with weights in 16 bits, and a file that says what it takes.

Its products are of integers. What is written is compared with the model's own code, preprocessing and all.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from export.conversion.dual.dual_encoder import DualEncoder
from export.conversion.dual.tracing import trace
from export.conversion.quantisation import FLOAT32, INT16_BY_INT16, Scheme, quantise, write_graph
from export.disk.model_files import IMAGE_DESCRIPTION, IMAGE_GRAPH
from export.errors import ModelError
from handler.runtime import open_session

PIXELS, VIEW = "pixels", "visual"
_PROBED = ((100, 151), (87, 63), (31, 40), (224, 224), (640, 427), (333, 500), (512, 96), (60, 60))
"""Width and height of the pictures by which it is compared."""
_PREPARED_ALIKE = 2e-3
"""How much a pixel may differ from the model's own preprocessing, in its own units: less than half a step of 255."""


def write_image_tower(dual: DualEncoder, folder: Path, *, space: str) -> None:
    """Write image.onnx, image.bin and image.json, in 16 bits where that sees the same, else in float32.

    Args:
        dual: Whose image tower it is.
        folder: Is there.
        space: Identity of the encoder that its text tower has become.

    Raises:
        ModelError: It can't be exported, or its preprocessing isn't what its configuration says.
        OSError: The folder can't be written.
    """
    pictures = _pictures()
    prepared = dual.preprocessing.apply(pictures)
    own = dual.prepare(pictures).numpy()
    if own.shape != prepared.shape or not np.abs(own - prepared).max() <= _PREPARED_ALIKE:
        raise ModelError(
            f"{dual.name} prepares pictures in a way that isn't known here: its own code gives {list(own.shape)}, and "
            f"what its configuration says {list(prepared.shape)}, or other pixels; take another model"
        )
    expected = dual.embed_pictures(pictures)
    example = torch.from_numpy(prepared[:2])
    graph = trace(dual.image_tower, {PIXELS: example}, VIEW, {PIXELS: {0: "n"}}, name=dual.name)
    for scheme in (INT16_BY_INT16, FLOAT32):
        write_graph(quantise(graph, scheme), folder / IMAGE_GRAPH)
        cosine = float((_see(folder / IMAGE_GRAPH, prepared) * expected).sum(1).min())
        if cosine >= scheme.least_cosine:
            break
    else:
        raise ModelError(
            f"the image tower of {dual.name} disagrees with its source: cosine {cosine:.4f}, expected at least "
            f"{FLOAT32.least_cosine}; it isn't used"
        )
    (folder / IMAGE_DESCRIPTION).write_text(
        json.dumps(_description(dual, scheme, space), indent=2) + "\n", encoding="utf-8"
    )


def _description(dual: DualEncoder, scheme: Scheme, space: str) -> dict[str, object]:
    return {
        "name": dual.name,
        "licence": dual.licence,
        "dim": dual.dimensions,
        "space": space,
        "weights": scheme.name,
        "logit_scale": dual.logit_scale,
        "logit_bias": dual.logit_bias,
        "preprocessing": dual.preprocessing.to_json(),
    }


def _pictures() -> list[Image.Image]:
    """Pictures of several shapes: coarse noise, always the same."""
    random = np.random.default_rng(0)
    coarse = [random.integers(0, 256, (12, 12, 3), dtype=np.uint8) for _ in _PROBED]
    return [Image.fromarray(each).resize(size) for each, size in zip(coarse, _PROBED, strict=True)]


def _see(graph: Path, prepared: NDArray[np.float32]) -> NDArray[np.float32]:
    session = open_session(graph, exact_bytes=True)
    return np.concatenate([session.run([VIEW], {PIXELS: each[np.newaxis]})[0] for each in prepared])
