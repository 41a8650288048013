"""Small real artefacts for tests: an encoder of a few words, and bundles made with it.

The encoder is a bag of words: a text's vector is the normalised sum of its words' vectors, so that
the right answers are known beforehand.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from handler.bundle.catalogue import Caption, CaptionKind, ColumnValue, PhotoRecord, write_catalogue
from handler.bundle.columns import write_columns
from handler.bundle.encoder import Encoder
from handler.bundle.index.index_kinds import write_index
from handler.bundle.index.vector_index import quantise, scale_of
from handler.bundle.manifest import (
    BUNDLE_FILES,
    MANIFEST_FILE,
    Counts,
    EncoderInfo,
    FileInfo,
    Golden,
    IndexInfo,
    IndexKind,
    Manifest,
    Provenance,
    ViewsInfo,
)
from handler.bundle.relevance import Calibration, Curve
from handler.bundle.views import write_views

DIM = 64
MAX_TOKENS = 16
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
WORDS = (
    "a", "the", "in", "on", "of", "with", "and", "two", "dog", "cat", "runs", "sleeps", "park", "sofa", "beach", "man",
    "woman", "surfs", "wave", "red", "blue", "car", "street", "night", "snow", "mountain", "child", "plays", "ball",
    "bird", "flies", "tree", "boat", "water", "horse", "field", "white", "black",
)  # fmt: skip
CAPTIONER = hashlib.sha256(b"the captioner of the tests").hexdigest()
INSTRUCTION = "What does the image describe?"


@dataclass(frozen=True, slots=True, kw_only=True)
class TinyPhoto:
    """A photo as a test describes it: `seen` stands for what the visual view shows, `copy_of` is an id."""

    id: str
    caption: str
    seen: str = ""
    edited: bool = False
    kind: CaptionKind = "caption"
    width: int = 640
    height: int = 480
    type: str = "jpeg"
    taken: str | None = "2024-05-06T07:08:09"
    columns: Mapping[str, ColumnValue] = field(default_factory=dict)
    copy_of: str | None = None


PHOTOS = (
    TinyPhoto(
        id="animals/cat on sofa.jpg",
        caption="a white cat sleeps on the sofa",
        seen="cat sofa",
        columns={"stars": 5.0, "place": "Berlin"},
    ),
    TinyPhoto(
        id="animals/dog.jpg",
        caption="a dog runs in the park",
        seen="dog park tree",
        taken="2024-05-31T23:59:59+02:00",
        columns={"stars": 3.5, "place": ("Paris", "Île  de France")},
    ),
    TinyPhoto(id="animals/horse.png", caption="a black horse in a field", seen="horse field", type="png", taken=None),
    TinyPhoto(
        id="sea/boat.webp",
        caption="a boat on the water",
        seen="boat water",
        edited=True,
        type="webp",
        width=512,
        height=512,
        taken="2023-12-31T00:00:00",
        columns={"stars": -1.0},
    ),
    TinyPhoto(id="sea/surf.jpg", caption="a man surfs a wave", seen="wave water man", width=480, height=640),
    TinyPhoto(id="Zürich/雪 100%.jpg", caption="snow on a mountain", seen="snow mountain"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleChoices:
    """What a test may want to be different in the manifest; the defaults belong together."""

    kind: IndexKind = "exact"
    calibration_encoder: str | None = None
    calibration_captioner: str = CAPTIONER
    weights: tuple[float, ...] = (4.0, 6.0)
    slope: float = 1.0
    intercept: float = -4.0
    threshold: float = 0.5
    perhaps: float = 1.0
    golden: tuple[Golden, ...] = field(default_factory=tuple)
    suggestions: tuple[str, ...] = ("dog", "snow")


def write_encoder(folder: Path, *, seed: int = 0, dim: int = DIM, words: Sequence[str] = WORDS) -> Path:
    """Write a bag-of-words encoder's four files into `folder`, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {word: number for number, word in enumerate((*SPECIAL, *words))}
    _write_tokenizer(folder / "tokenizer.json", vocabulary)
    table = np.random.default_rng(seed).normal(size=(len(vocabulary), dim)).astype(np.float32)
    # What is no word adds almost nothing, and a text without words still has a vector.
    table[: len(SPECIAL)] *= 0.01
    _write_graph(folder / "encoder.onnx", table)
    configuration = {"name": "bag-of-words", "dim": dim, "max_tokens": MAX_TOKENS}
    (folder / "encoder.json").write_text(json.dumps(configuration))
    return folder


def write_bundle(folder: Path, photos: Sequence[TinyPhoto] = PHOTOS, choices: BundleChoices | None = None) -> Path:
    """Write a bundle of `photos` (one caption view, one visual view) into `folder`, which is made."""
    choices = choices or BundleChoices()
    photos = sorted(photos, key=lambda photo: photo.id)
    encoder = Encoder.load(write_encoder(folder))
    captions = encoder.encode([photo.caption for photo in photos])
    visuals = encoder.encode([photo.seen or photo.caption for photo in photos])
    views = np.stack([captions, visuals], axis=1)
    fused: NDArray[np.float32] = np.tensordot(views, np.array(choices.weights, np.float32), axes=([1], [0]))
    index_scale, view_scale = scale_of(fused), scale_of(views)
    write_index(folder / "index.usearch", quantise(fused, index_scale), kind=choices.kind)
    write_views(folder / "views.i8", quantise(views, view_scale))
    records = [_record(photo) for photo in photos]
    write_catalogue(folder / "catalogue.bin", records)
    ids = [photo.id for photo in photos]
    groups = np.array([ids.index(photo.copy_of or photo.id) for photo in photos], dtype=np.uint32)
    write_columns(folder / "columns.bin", records, groups)
    identity = encoder.identity
    manifest = Manifest(
        files={name: _file_info(folder / name) for name in BUNDLE_FILES},
        encoder=EncoderInfo(name="bag-of-words", identity=identity, dim=encoder.dim, max_tokens=MAX_TOKENS),
        index=IndexInfo(kind=choices.kind, scale=index_scale, dim=encoder.dim, count=len(photos), expansion_search=64),
        views=ViewsInfo(kinds=("caption", "visual"), scale=view_scale),
        calibration=Calibration.of_one_curve(
            Curve(
                slope=choices.slope,
                intercept=choices.intercept,
                threshold=choices.threshold,
                perhaps=choices.perhaps,
            ),
            encoder=choices.calibration_encoder or identity,
            captioner=choices.calibration_captioner,
            weights=choices.weights,
        ),
        counts=Counts(photos=len(photos), captions=len(photos), failures=0),
        provenance=Provenance(
            created="2026-01-02T03:04:05Z",
            thinlens="0.0.0",
            captioner=CAPTIONER,
            instructions=(INSTRUCTION,),
            packages={"numpy": np.__version__},
        ),
        golden=choices.golden,
        suggestions=choices.suggestions,
    )
    (folder / MANIFEST_FILE).write_bytes(manifest.to_bytes())
    return folder


def rewrite_manifest(folder: Path, change: dict[str, object]) -> None:
    """Change fields of a written manifest; the keys are dotted paths."""
    path = folder / MANIFEST_FILE
    document = json.loads(path.read_bytes())
    for dotted, value in change.items():
        *parents, last = dotted.split("/")
        entry = document
        for parent in parents:
            entry = entry[parent]
        entry[last] = value
    path.write_text(json.dumps(document))


def rehash(folder: Path) -> None:
    """Let the manifest say of every file what it is now, as a careless or hostile writer would."""
    files = {name: _file_info(folder / name) for name in BUNDLE_FILES}
    rewrite_manifest(
        folder,
        {"files": {name: {"size_bytes": i.size_bytes, "sha256": i.sha256} for name, i in files.items()}},
    )


def _write_tokenizer(path: Path, vocabulary: dict[str, int]) -> None:
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ends = [(word, vocabulary[word]) for word in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    # As real ones are shipped: the handler must not pay for it.
    tokenizer.enable_padding(length=128)
    tokenizer.save(str(path))


def _write_graph(path: Path, table: NDArray[np.float32]) -> None:
    dim = table.shape[1]
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["words"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["mask_3d"]),
        helper.make_node("Mul", ["words", "mask_3d"], ["masked"]),
        helper.make_node("ReduceSum", ["masked", "tokens"], ["sum"], keepdims=0),
        helper.make_node("LpNormalization", ["sum"], ["sentence_embedding"], axis=1, p=2),
    ]
    tokens = ["batch", "tokens"]
    graph = helper.make_graph(
        nodes,
        "bag_of_words",
        [helper.make_tensor_value_info(name, TensorProto.INT64, tokens) for name in ("input_ids", "attention_mask")],
        [helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["batch", dim])],
        [
            numpy_helper.from_array(table, "table"),
            numpy_helper.from_array(np.array([2], np.int64), "last"),
            numpy_helper.from_array(np.array([1], np.int64), "tokens"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path, save_as_external_data=True, location="encoder.bin", size_threshold=1024)


def _record(photo: TinyPhoto) -> PhotoRecord:
    return PhotoRecord(
        id=photo.id,
        url=f"photos/{quote(photo.id)}",
        thumbnail=f"thumbnails/{hashlib.sha256(photo.id.encode()).hexdigest()}.jpg",
        width=photo.width,
        height=photo.height,
        type=photo.type,
        size_bytes=12_345,
        taken=photo.taken,
        placeholder="7f3f1f" * 12,
        captions=(Caption(instruction=INSTRUCTION, text=photo.caption, edited=photo.edited, kind=photo.kind),),
        columns=photo.columns,
    )


def _file_info(path: Path) -> FileInfo:
    data = path.read_bytes()
    return FileInfo(size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
