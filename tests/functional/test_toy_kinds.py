"""A toy kind of each interface, written here, goes the whole way: photos, bundle, store, function, answer.

Each is one class or two and a row in a table, which is all that a new kind needs (export/README.md lists them).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from export.cli.main import main
from export.models import captioners, encoders
from export.models.encoders import EncoderKind
from export.storage import schemes
from export.storage.object_store import ListedObject, StoredObject, Upload, file_parts
from export.understanding.captioner import Understanding
from handler.bundle import manifest, manifest_reader
from handler.bundle.blocks.blocked_file import verify
from handler.bundle.blocks.segment_files import SegmentFiles
from handler.bundle.bundle import Bundle
from handler.bundle.delivery import BundleFiles
from handler.bundle.encoder_files import EncoderConfiguration
from handler.bundle.index import index_kinds
from handler.bundle.index.index_kinds import INDEX_FILES
from handler.bundle.index.likeness_order import Order
from handler.bundle.index.vector_index import Hits, QuantisedVectors, VectorIndex
from handler.bundle.manifest_reader import read_manifest
from handler.search.searcher import Searcher
from handler.service import Service
from handler.settings import Settings
from handler.store import store as handler_store
from handler.store.folder_store import open_bundle, read_folder
from handler.store.pointer import POINTER_KEY, Pointer, bundle_key
from handler.store.store import deliver, open_store
from handler.web.app import create_app
from tests.functional.export.galleries import COLOURS, WORDS, colour_of, write_photo
from tests.functional.handler.artefacts import write_encoder
from tests.functional.handler.client import ask


@dataclass(frozen=True, slots=True, kw_only=True)
class ToyCaptioner:
    """Source and captioner in one: it says of what colour a wall is."""

    identity: str = hashlib.sha256(b"toy").hexdigest()
    instructions: tuple[str, ...] = ("What colour?",)
    known_instructions: tuple[str, ...] = ("What colour?",)
    image_encoder: None = None
    alone: bool = False
    image_size: int = 16

    def asking(self, instructions: tuple[str, ...]) -> ToyCaptioner:
        return replace(self, instructions=instructions)

    def load(self) -> ToyCaptioner:
        return self

    def understand(self, pixels: NDArray[np.uint8], *, beams: int = 3) -> list[Understanding]:
        return [Understanding(captions=(f"a {colour_of(photo)} wall",), view=None) for photo in pixels]


def open_toy_captioner(folder: Path, encoder: Path | None) -> ToyCaptioner | None:
    return ToyCaptioner() if (folder / "toy-captioner.txt").is_file() else None


def convert_words(source: Path, name: str, folder: Path) -> None:
    write_encoder(folder, words=(source / "words.txt").read_text().split())


TOY_ENCODER = EncoderKind(
    version="toy 1",
    recognises=lambda folder: (folder / "words.txt").is_file(),
    convert=convert_words,
)


class ToyIndex(VectorIndex):
    """Bare vectors, all of them in memory."""

    def __init__(self, vectors: NDArray[np.float32], gone: NDArray[np.int64]) -> None:
        self._vectors = vectors
        self._gone = gone

    @staticmethod
    def write(folder: Path, vectors: QuantisedVectors) -> Order:
        for name, data in zip(INDEX_FILES, (vectors.rows.tobytes(), vectors.scales.tobytes()), strict=True):
            (folder / name).write_bytes(data)
        return np.arange(len(vectors.rows), dtype=np.uint32)

    @staticmethod
    def order(segment: SegmentFiles) -> Order:
        return np.arange(segment.photos, dtype=np.uint32)

    @staticmethod
    def read(segment: SegmentFiles, dim: int) -> QuantisedVectors:
        rows = np.fromfile(segment.folder / INDEX_FILES[0], np.int8)
        scales = segment.blocked[INDEX_FILES[1]]
        verify([scales.everything()])
        return QuantisedVectors(
            rows=rows.reshape(segment.photos, dim), scales=np.frombuffer(scales.data, np.float32, count=segment.photos)
        )

    @classmethod
    def open(cls, segments: Sequence[SegmentFiles], dim: int, gone: NDArray[np.int64]) -> VectorIndex:
        return cls(np.concatenate([cls.read(segment, dim).floats() for segment in segments]), gone)

    def best_first(self, query: NDArray[np.float32], allowed: NDArray[np.bool_] | None = None) -> Iterator[Hits]:
        found = np.ones(len(self._vectors), dtype=bool) if allowed is None else allowed.copy()
        found[self._gone] = False
        numbers = np.flatnonzero(found)
        yield Hits.best(numbers, self.scores(query[np.newaxis], numbers)[0], len(numbers))

    def scores(self, queries: NDArray[np.float32], numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        return queries @ self._vectors[numbers].T


@dataclass(frozen=True, slots=True)
class ToyStore:
    """Objects in this process's memory: what the export publishes to and the handler reads from."""

    address: str
    kept: dict[str, bytes]
    disk: Path

    def __str__(self) -> str:
        return self.address

    def read(self, key: str, *, max_bytes: int) -> StoredObject | None:
        data = self.kept.get(key)
        return None if data is None else StoredObject(data=data[: max_bytes + 1], version=_version(data))

    def objects(self, prefix: str) -> list[ListedObject]:
        found = [item for item in self.kept.items() if item[0].startswith(prefix)]
        return [ListedObject(key=key, size_bytes=len(data), modified_s=0.0) for key, data in found]

    def holds(self, upload: Upload) -> bool:
        data = self.kept.get(upload.key)
        return data is not None and upload.sha256 in (None, hashlib.sha256(data).hexdigest())

    def put(self, upload: Upload, advance: Callable[[int], None]) -> None:
        self.kept[upload.key] = b"".join(file_parts(upload, 1 << 20))
        advance(upload.size_bytes)

    def write(self, key: str, data: bytes) -> None:
        self.kept[key] = data

    def copy(self, key: str, upload: Upload) -> bool:
        return False

    def swap(self, key: str, data: bytes, *, version: str | None) -> bool:
        found = self.kept.get(key)
        if version != (None if found is None else _version(found)):
            return False
        self.kept[key] = data
        return True

    def remove(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.kept.pop(key, None)

    def remove_partial(self, *, before_s: float) -> None:
        return

    def newest(self) -> str:
        return Pointer.parse(self.kept[POINTER_KEY]).bundle

    def fetch(self, bundle: str) -> BundleFiles:
        folder = self.disk / bundle
        for name in ("manifest.json", *read_manifest(self.kept[bundle_key(bundle, "manifest.json")]).all_files):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(self.kept[bundle_key(bundle, name)])
        return read_folder(folder, None)


def _version(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ToyStore:
    """Each toy has its row in the table of its kinds."""
    store = ToyStore("toy://gallery", {}, tmp_path / "fetched")
    monkeypatch.setattr(captioners, "KINDS", [open_toy_captioner, *captioners.KINDS])
    monkeypatch.setattr(encoders, "KINDS", [TOY_ENCODER, *encoders.KINDS])
    monkeypatch.setitem(index_kinds.KINDS, "toy", ToyIndex)  # type: ignore[misc]
    monkeypatch.setattr(manifest_reader, "INDEX_KINDS", ("coded", "toy"))
    monkeypatch.setattr(manifest, "DEFAULT_KIND", "toy")
    monkeypatch.setitem(schemes.SCHEMES, "toy", lambda address: store)
    monkeypatch.setitem(handler_store.SCHEMES, "toy", lambda settings, environment: store)
    return store


@pytest.fixture
def out(toys: ToyStore, tmp_path: Path) -> Path:
    """An output folder, indexed by the command line with the toy captioner, encoder and index."""
    for number, colour in enumerate(COLOURS):
        write_photo(tmp_path / "photos" / f"{colour}.jpg", colour, seed=number)
    for model, file, text in (("captioner", "toy-captioner.txt", "here"), ("encoder", "words.txt", " ".join(WORDS))):
        (tmp_path / model).mkdir()
        (tmp_path / model / file).write_text(text)
    index(tmp_path)
    return tmp_path / "out"


def index(folder: Path, *options: str) -> None:
    """Index the photos in a folder with the models there."""
    chosen = ["--captioner", str(folder / "captioner"), "--encoder", str(folder / "encoder"), *options]
    assert main(["index", str(folder / "photos"), "--out", str(folder / "out"), "--workers", "1", *chosen]) == 0


def test_the_whole_way(out: Path, toys: ToyStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "a red wall", "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["results"][0]["id"] == "red.jpg"
    assert main(["publish", toys.address, "--out", str(out)]) == 0

    settings = Settings(bundle=toys.address)
    store = open_store(settings, {})
    bundle = Bundle.receive(deliver(store))
    assert isinstance(bundle.index, ToyIndex)
    answer = ask(create_app(Service(store, bundle), settings), "/v1/search?q=a+blue+wall&k=1").json()
    assert [(result["id"], result["caption"]) for result in answer["results"]] == [("blue.jpg", "a blue wall")]


def test_segments_of_another_kind_are_merged(out: Path, tmp_path: Path) -> None:
    """One more photo and two fewer: what is read of the old segment's index stands in the new one."""
    before = open_bundle(out / "bundle")
    write_photo(tmp_path / "photos" / "blue 2.jpg", "blue", seed=99)
    (tmp_path / "photos" / "red.jpg").unlink()
    (tmp_path / "photos" / "green.jpg").unlink()
    index(tmp_path, "--forget")

    bundle = open_bundle(out / "bundle")
    assert isinstance(bundle.index, ToyIndex)
    assert bundle.manifest.segments != before.manifest.segments
    assert [segment.photos for segment in bundle.manifest.segments] == [len(COLOURS) - 1]
    query = bundle.encoder.encode(["a blue wall"])[0]
    found = bundle.index.search(query, 2)
    assert [bundle.photos.record(number).id for number in found.numbers] == ["blue 2.jpg", "blue.jpg"]
    assert found.scores[1] == before.index.search(query, 1).scores[0]


class ToyTextEncoder:
    """An encoder that understands one more language than the bundle's, by a dictionary."""

    def __init__(self, bundle: Bundle) -> None:
        self._encoder = bundle.encoder

    @property
    def configuration(self) -> EncoderConfiguration:
        return self._encoder.configuration

    def encode(self, texts: Iterable[str]) -> NDArray[np.float32]:
        return self._encoder.encode([text.replace("rot", "red") for text in texts])

    encode_queries = encode

    def canonical(self, text: str) -> str:
        return text

    def knows(self, text: str) -> bool:
        return True

    def is_word(self, word: str) -> bool:
        return True

    def rank(self, word: str) -> int | None:
        return None

    @property
    def words(self) -> tuple[str, ...]:
        return ()


def test_a_text_encoder_of_another_kind_answers(out: Path, toys: ToyStore) -> None:
    assert main(["publish", toys.address, "--out", str(out)]) == 0
    bundle = Bundle.receive(deliver(toys))

    answer = Searcher(replace(bundle, encoder=ToyTextEncoder(bundle))).search("a rot wall")

    assert (answer["query"], answer["results"][0]["id"]) == ("a rot wall", "red.jpg")
