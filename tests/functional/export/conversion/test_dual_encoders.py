"""Dual encoders of every kind: both towers as they are served see and read as the models' own code does."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from tokenizers import Tokenizer

from export.conversion import integer_products
from export.conversion.dual import tracing
from export.conversion.dual.dual_encoder import DualEncoder
from export.conversion.dual.text_tower import export_text_tower
from export.conversion.encoder_folder import write_encoder_folder
from export.conversion.quantisation import FLOAT32, INT8_BY_INT16, quantise
from export.conversion.rounding import round_to_nearest
from export.models.dual_encoders import convert_dual_encoder, open_dual_encoder
from export.models.encoders import encoder_space
from export.understanding.view.onnx_image_tower import ImageTower, ImageTowerSource
from handler.bundle.encoder import Encoder
from handler.bundle.index.vector_index import QuantisedVectors
from handler.runtime import onnxruntime
from tests.functional.export.conversion.dual_models import (
    TEXTS,
    TRANSFORMERS,
    random_pictures,
    random_texts,
    save_dual_encoder,
    save_open_clip,
)
from tests.functional.export.conversion.dual_reference import Reference, assert_first_alike
from tests.functional.export.conversion.open_clip_here import require_open_clip

KINDS = (*TRANSFORMERS, "open_clip", "open_clip-siglip")
QUERIES = ("a dog", "A Dog, running!", "", "a", *TEXTS[:60], "the quick brown fox jumps over the lazy dog " * 12)
SHAPES = ((97, 151), (80, 63), (31, 40), (64, 64), (300, 90))

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


@dataclass(frozen=True, kw_only=True)
class Converted:
    own: DualEncoder
    reference: Reference
    folder: Path
    encoder: Encoder
    tower: ImageTower


@pytest.fixture(scope="module", params=KINDS)
def converted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Converted:
    """A small model of a kind, in torch and as it is served."""
    base = tmp_path_factory.mktemp("dual")
    if request.param.startswith("open_clip"):
        require_open_clip()
        source = save_open_clip(base / "source", request.param)
    else:
        source = save_dual_encoder(base / "source", request.param)
    convert_dual_encoder(source, "mine", base / "served")
    found = ImageTowerSource.find(base / "served", space=encoder_space(base / "served"))
    assert found is not None
    return Converted(
        own=open_dual_encoder(str(source)),
        reference=Reference(source, request.param),
        folder=base / "served",
        encoder=Encoder.load(base / "served"),
        tower=found.load(),
    )


def pictures(count: int = 5) -> list[Image.Image]:
    random = np.random.default_rng(3)
    return [
        Image.fromarray(random.integers(0, 256, (9, 9, 3), dtype=np.uint8)).resize(SHAPES[number % len(SHAPES)])
        for number in range(count)
    ]


def least_cosine(found: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    assert found.shape == expected.shape
    return float((found * expected).sum(1).min())


def test_texts_are_cut_as_the_models_own_tokenizer_cuts_them(converted: Converted) -> None:
    cut = Tokenizer.from_str(converted.own.tokenizer)
    cut.no_padding()
    cut.enable_truncation(converted.own.max_tokens)
    for text in QUERIES:
        tokens = converted.own.tokenise([text])
        expected = tokens.ids[0][tokens.mask[0] > 0].tolist()
        ids = cut.encode(text).ids
        assert ids == expected[: len(ids)], text
        assert set(expected[len(ids) :]) <= {expected[-1]}, text  # padding alone


def test_texts_lie_where_the_models_own_code_has_them(converted: Converted, tmp_path: Path) -> None:
    expected = converted.reference.embed_texts(QUERIES)
    assert least_cosine(converted.own.embed_texts(QUERIES), expected) >= 0.9999
    write_encoder_folder(export_text_tower(converted.own), tmp_path, scheme=FLOAT32)
    assert least_cosine(Encoder.load(tmp_path).encode(QUERIES), expected) >= 0.9999
    together = converted.encoder.encode(QUERIES)
    alone = np.concatenate([converted.encoder.encode([query]) for query in QUERIES])
    assert least_cosine(together, expected) >= 0.9999
    assert least_cosine(alone, together) >= 0.9999


def test_a_text_tower_in_fewer_nodes_gives_the_same_vectors(
    converted: Converted, monkeypatch: pytest.MonkeyPatch
) -> None:
    fewer = export_text_tower(converted.own).graph
    monkeypatch.setattr(tracing, "simplify", lambda traced, runs: traced)
    traced = export_text_tower(converted.own).graph
    assert len(fewer.graph.node) < 0.45 * len(traced.graph.node)
    cut = Tokenizer.from_str(converted.own.tokenizer)
    cut.enable_padding()
    cut.enable_truncation(converted.own.max_tokens)
    texts = []
    for queries in (QUERIES, QUERIES[:1], QUERIES[-1:]):
        encodings = cut.encode_batch(list(queries))
        mask = np.array([each.attention_mask for each in encodings])
        texts.append({"input_ids": np.array([each.ids for each in encodings]) * mask, "attention_mask": mask})
    # Made for what flows, they may differ by a step: numpy adds up three products as one in another order.
    monkeypatch.setattr(integer_products, "round_for_inputs", lambda weights, *_, **__: round_to_nearest(weights))
    sessions = [
        onnxruntime.InferenceSession(
            quantise(graph, INT8_BY_INT16, texts).SerializeToString(), providers=["CPUExecutionProvider"]
        )
        for graph in (fewer, traced)
    ]
    for inputs in texts:
        found, expected = (session.run(None, inputs)[0] for session in sessions)
        np.testing.assert_array_equal(found, expected)


def test_pictures_lie_where_the_models_own_code_has_them(converted: Converted) -> None:
    expected = converted.reference.embed_pictures(pictures())
    assert least_cosine(converted.own.embed_pictures(pictures()), expected) >= 0.9999
    together = converted.tower.embed(pictures())
    alone = np.concatenate([converted.tower.embed([picture]) for picture in pictures()])
    assert least_cosine(together, expected) >= 0.9999
    assert least_cosine(alone, together) >= 0.9999


def test_a_thousand_texts_find_the_photos_that_the_models_own_code_finds(converted: Converted) -> None:
    texts, photos = random_texts(1_000), random_pictures(1_000)
    expected = converted.own.embed_texts(texts) @ converted.own.embed_pictures(photos).T
    rows = QuantisedVectors.in_16_bits(converted.tower.embed(photos))
    queries = QuantisedVectors.in_16_bits(converted.encoder.encode(texts))
    assert_first_alike((queries.floats() @ rows.floats().T).argmax(1), expected)


def test_pictures_are_prepared_as_the_models_own_processor_does(converted: Converted) -> None:
    own = converted.own.prepare(pictures()).numpy()
    np.testing.assert_allclose(converted.own.preprocessing.apply(pictures()), own, atol=1e-5)


def test_what_is_said_of_the_image_tower(converted: Converted) -> None:
    said = json.loads((converted.folder / "image.json").read_text())
    assert (said["name"], said["dim"], said["licence"]) == ("mine", converted.encoder.dim, None)
    assert (said["logit_scale"], said["logit_bias"]) == (converted.own.logit_scale, converted.own.logit_bias)
