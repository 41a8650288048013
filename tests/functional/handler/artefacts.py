"""Small real artefacts for tests: an encoder of a few words, and bundles made with it.

The encoder is a bag of words: a text's vector is the normalised sum of its words' vectors, so that
the right answers are known beforehand.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from export.bundles.segment_content import SegmentContent
from export.bundles.segment_writer import file_info, write_segment
from handler.bundle.encoder import Encoder
from handler.bundle.encoder_files import ENCODER_FILES
from handler.bundle.index.vector_index import QuantisedVectors
from handler.bundle.manifest import (
    BUNDLE_FILES,
    COLLECTION_FILE,
    MANIFEST_FILE,
    SEGMENTS_FOLDER,
    ColumnNames,
    Counts,
    EncoderInfo,
    Golden,
    Manifest,
    Originals,
    Provenance,
    SegmentInfo,
)
from handler.bundle.photos.catalogue import Caption, CaptionKind, ColumnValue, PhotoRecord
from handler.bundle.photos.collection_file import CollectionFile
from handler.bundle.relevance import Calibration, Curve
from tests.functional.handler.tampering import rehash as rehash

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
    text: tuple[str, ...] = ()


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
    """What a test may want to be different in the bundle; the defaults belong together.

    In more than one segment the photos are dealt out in turns, and the first one holds a photo that is gone too. The
    encoder is a bag of words if no other one's folder is given; a `calibration` stands in place of one curve.
    """

    segments: int = 1
    originals: Originals = "id"
    calibration_encoder: str | None = None
    calibration_captioner: str = CAPTIONER
    weights: tuple[float, ...] = (4.0, 6.0)
    slope: float = 1.0
    intercept: float = -4.0
    threshold: float = 0.5
    perhaps: float = 1.0
    golden: tuple[Golden, ...] = field(default_factory=tuple)
    encoder: Path | None = None
    calibration: Calibration | None = None
    suggestions: tuple[str, ...] = ("dog", "snow")


def write_encoder(
    folder: Path,
    *,
    seed: int = 0,
    dim: int = DIM,
    words: Sequence[str] = WORDS,
    prompts: Mapping[str, str] | None = None,
) -> Path:
    """Write a bag-of-words encoder's four files into `folder`, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {word: number for number, word in enumerate((*SPECIAL, *words))}
    _write_tokenizer(folder / "tokenizer.json", vocabulary)
    table = np.random.default_rng(seed).normal(size=(len(vocabulary), dim)).astype(np.float32)
    # What is no word adds almost nothing, and a text without words still has a vector.
    table[: len(SPECIAL)] *= 0.01
    _write_graph(folder / "encoder.onnx", table)
    configuration = {"name": "bag-of-words", "dim": dim, "max_tokens": MAX_TOKENS}
    configuration |= {"prompts": prompts} if prompts else {}
    (folder / "encoder.json").write_text(json.dumps(configuration))
    return folder


def write_bundle(folder: Path, photos: Sequence[TinyPhoto] = PHOTOS, choices: BundleChoices | None = None) -> Path:
    """Write a bundle of `photos` (one caption view, one visual view) into `folder`, which is made."""
    choices = choices or BundleChoices()
    photos = sorted(photos, key=lambda photo: photo.id.encode())
    if choices.encoder is None:
        write_encoder(folder)
    else:
        folder.mkdir(parents=True)
        for name in ENCODER_FILES:
            shutil.copy(choices.encoder / name, folder)
    encoder = Encoder.load(folder)
    (folder / SEGMENTS_FOLDER).mkdir()
    hands = [list(photos[start :: choices.segments]) for start in range(choices.segments)]
    if choices.segments > 1:
        hands[0] = sorted([*hands[0], replace(photos[1], caption="a red ball")], key=lambda photo: photo.id.encode())
    segments = tuple(
        write_tiny_segment(folder / SEGMENTS_FOLDER, hand, TinyVectors.of(hand, encoder, choices.weights), encoder)
        for hand in hands
    )
    write_collection(folder / COLLECTION_FILE, hands, photos)
    identity = encoder.identity
    manifest = Manifest(
        files={name: file_info(folder / name) for name in BUNDLE_FILES},
        encoder=EncoderInfo(
            name=encoder.configuration.name,
            identity=identity,
            space=identity,
            dim=encoder.dim,
            max_tokens=encoder.configuration.max_tokens,
        ),
        index="coded",
        views=("caption", "visual"),
        columns=columns_of(photos),
        segments=segments,
        originals=choices.originals,
        calibration=choices.calibration
        or Calibration.of_one_curve(
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


@dataclass(frozen=True, slots=True, kw_only=True)
class TinyVectors:
    """What photos are found by, [photos, dim], and their views, [photos, 2, dim]."""

    fused: QuantisedVectors
    views: QuantisedVectors

    @classmethod
    def of(cls, photos: Sequence[TinyPhoto], encoder: Encoder, weights: tuple[float, ...]) -> Self:
        captions = encoder.encode([photo.caption for photo in photos])
        visuals = encoder.encode([photo.seen or photo.caption for photo in photos])
        views = np.stack([captions, visuals], axis=1)
        fused: NDArray[np.float32] = np.tensordot(views, np.array(weights, np.float32), axes=([1], [0]))
        return cls(fused=QuantisedVectors.of(fused), views=QuantisedVectors.of(views))


def write_tiny_segment(
    segments: Path, photos: Sequence[TinyPhoto], vectors: TinyVectors, encoder: Encoder
) -> SegmentInfo:
    """Write a segment of photos, which are in the order of their ids, below `segments`."""
    records = [record_of(photo) for photo in photos]
    content = SegmentContent(records=records, fused=vectors.fused, views=vectors.views)
    return write_segment(segments, content, encoder=encoder.identity, captioner=CAPTIONER)


def write_collection(path: Path, hands: Sequence[Sequence[TinyPhoto]], photos: Sequence[TinyPhoto]) -> None:
    """Which of the photos in the segments are there, and for which another one stands."""
    dealt = [photo for hand in hands for photo in hand]
    there = {id(photo) for photo in photos}  # comparing each with each would take a minute
    gone = [number for number, photo in enumerate(dealt) if id(photo) not in there]
    number_of = {photo.id: number for number, photo in enumerate(dealt) if id(photo) in there}
    members = [number for number, photo in enumerate(dealt) if photo.copy_of and number not in gone]
    leaders = [number_of[dealt[number].copy_of or ""] for number in members]
    CollectionFile(
        photos=len(dealt), gone=np.array(gone, int), members=np.array(members, int), leaders=np.array(leaders, int)
    ).write(path)


def columns_of(photos: Iterable[TinyPhoto]) -> ColumnNames:
    """The columns that photos have: one is of texts if one of them has a text in it."""
    values = [item for photo in photos for item in photo.columns.items()]
    texts = {name for name, value in values if not isinstance(value, float)}
    return ColumnNames(numbers=tuple(sorted({name for name, _ in values} - texts)), texts=tuple(sorted(texts)))


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


def record_of(photo: TinyPhoto) -> PhotoRecord:
    return PhotoRecord(
        id=photo.id,
        content=content_of(photo.id),
        width=photo.width,
        height=photo.height,
        type=photo.type,
        size_bytes=12_345,
        taken=photo.taken,
        placeholder="7f3f1f" * 12,
        captions=(Caption(instruction=INSTRUCTION, text=photo.caption, edited=photo.edited, kind=photo.kind),),
        columns=photo.columns,
        text=photo.text,
    )


def content_of(photo_id: str) -> str:
    """The hash that a photo's file would have."""
    return hashlib.sha256(photo_id.encode()).hexdigest()
