"""Small galleries for tests: photos of one colour each, and a captioner that names it.

The captioner is a fake with a memory: it notes every photo that it is asked about in a file, across processes, so
that a test can tell what was done twice.
"""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from export.library.records import TextLine
from export.models.model_set import Models
from export.understanding.captioner import Understanding
from export.understanding.view.image_encoder import Certainty
from handler.bundle.encoder import Encoder
from handler.bundle.photos.catalogue import PhotoRecord
from handler.bundle.relevance import Calibration, Curve
from handler.store.folder_store import open_bundle
from tests.functional.handler.artefacts import write_encoder

IMAGE_SIZE = 32
INSTRUCTIONS = ("What does the image describe?", "What colour is it?")
COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 200, 40),
    "blue": (30, 40, 220),
    "white": (250, 250, 250),
    "black": (5, 5, 5),
    "yellow": (230, 220, 20),
}
WORDS = ("a", "photo", "wall", "all", "in", "dog", "my", "of", *COLOURS)


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeSource:
    """A source of fake captioners; picklable, as workers need it.

    Attributes:
        sure: What is said in place of a caption of a photo of some colours.
    """

    encoder: Path
    encoder_identity: str
    log: Path
    delay_s: float = 0.0
    identity: str = hashlib.sha256(b"the colour captioner").hexdigest()
    instructions: tuple[str, ...] = INSTRUCTIONS
    known_instructions: tuple[str, ...] = (*INSTRUCTIONS, "Is it dark?")
    alone: bool = False
    sure: Mapping[str, str] = field(default_factory=dict)

    @property
    def image_encoder(self) -> FakeVisionSource:
        return FakeVisionSource(identity=self.identity, space=self.encoder_identity, encoder=self.encoder)

    def asking(self, instructions: tuple[str, ...]) -> FakeSource:
        return replace(self, instructions=instructions)

    def load(self) -> FakeCaptioner:
        return FakeCaptioner(self)


class FakeCaptioner:
    """Names the colour that is closest to a photo's mean colour."""

    image_size = IMAGE_SIZE

    def __init__(self, source: FakeSource) -> None:
        self._source = source
        self._encoder = Encoder.load(source.encoder)

    def understand(self, pixels: NDArray[np.uint8], *, beams: int = 3) -> list[Understanding]:
        time.sleep(self._source.delay_s * len(pixels))
        with self._source.log.open("a") as log:
            log.writelines(f"{hashlib.sha256(photo.tobytes()).hexdigest()}\n" for photo in pixels)
        return [self._understand(colour_of(photo)) for photo in pixels]

    def _understand(self, colour: str) -> Understanding:
        answers = {
            INSTRUCTIONS[0]: f"a photo of a {colour} wall",
            INSTRUCTIONS[1]: f"all {colour}",
            "Is it dark?": f"a {'black' if colour == 'black' else 'white'} wall",
        }
        names = self._source.sure.get(colour, "")
        if colour in self._source.sure:
            answers[INSTRUCTIONS[0]] = ""
        captions = tuple(answers[instruction] for instruction in self._source.instructions)
        return Understanding(captions=captions, view=self._encoder.encode([f"{colour} wall"])[0], names=names)


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeVisionSource:
    """What sees walls of colours, alone."""

    identity: str
    space: str
    encoder: Path
    alone: bool = False
    texts_apart: bool = False
    certainty: Certainty | None = None

    def load(self) -> FakeVision:
        return FakeVision(self)


class FakeVision:
    """Sees a wall of the colour that is closest to a picture's mean colour, as the fake captioner does."""

    picture_side = IMAGE_SIZE

    def __init__(self, source: FakeVisionSource) -> None:
        self._encoder = Encoder.load(source.encoder)

    def embed(self, pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
        return self._encoder.encode([f"{colour_of(np.asarray(picture))} wall" for picture in pictures])


SIGNS = {"red": ("STOP", "ALL WAY"), "green": ("EXIT",), "white": ()}
"""What the fake reader of text reads in photos of some colours; others make it fail, and black kills it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeTextSource:
    """A source of fake readers of text; picklable, as workers need it."""

    log: Path
    identity: str = hashlib.sha256(b"the sign reader").hexdigest()
    signs: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: SIGNS)

    def load(self) -> FakeTextReader:
        return FakeTextReader(source=self, identity=self.identity)


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeTextReader:
    """Reads what photos of a colour say."""

    source: FakeTextSource
    identity: str
    long_side: int = 64

    def read(self, pixels: NDArray[np.uint8]) -> list[TextLine]:
        with self.source.log.open("a") as log:
            log.write(f"{hashlib.sha256(pixels.tobytes()).hexdigest()}\n")
        colour = colour_of(pixels)
        if colour not in self.source.signs:
            if colour == "black":
                os.kill(os.getpid(), signal.SIGSEGV)
            raise RuntimeError("no kernel for this node")
        return [
            TextLine(text=text, box=(0.1, 0.1 * number, 0.9, 0.1 * number + 0.05), confidence=0.9)
            for number, text in enumerate(self.source.signs[colour])
        ]


def colour_of(pixels: NDArray[np.uint8]) -> str:
    """The name of the colour that is closest to the mean of uint8 [height, width, 3]."""
    mean = pixels.reshape(-1, 3).mean(axis=0)
    return min(COLOURS, key=lambda name: float(np.abs(mean - COLOURS[name]).sum()))


def fake_models(folder: Path, *, delay_s: float = 0.0) -> Models:
    """Models whose encoder knows the words of the fake captioner; `folder` is made where it is missing."""
    encoder = folder / "encoder"
    if not encoder.exists():
        write_encoder(encoder, words=WORDS)
    identity = Encoder.load(encoder).identity
    source = FakeSource(encoder=encoder, encoder_identity=identity, log=folder / "understood.log", delay_s=delay_s)
    return Models(
        encoder=encoder,
        encoder_identity=identity,
        captioner=source,
        image_encoder=source.image_encoder,
        calibration=Calibration.of_one_curve(
            Curve(slope=1.0, intercept=-4.0, threshold=0.5),
            encoder=identity,
            captioner=source.identity,
            weights=(2.0, 1.0, 6.0),
        ),
    )


def records(out: Path) -> dict[str, PhotoRecord]:
    """What the bundle in service says of each photo that is there, in the order of their ids."""
    photos = open_bundle(out / "bundle").photos
    found = [photos.record(number) for number in photos.present().tolist()]
    return {record.id: record for record in sorted(found, key=lambda record: record.id)}


def times_understood(models: Models) -> list[str]:
    """One hash of pixels for each time that a photo was understood."""
    assert isinstance(models.captioner, FakeSource)
    log = models.captioner.log
    return log.read_text().split() if log.exists() else []


def write_photo(path: Path, colour: str, *, seed: int = 0) -> Path:
    """Write a photo of a colour, unlike the others of that colour by its seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(-5, 6, size=(48, 64, 3))
    pixels = np.clip(np.array(COLOURS[colour]) + noise, 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def write_photos(folder: Path, count: int) -> list[str]:
    """Write photos of all colours in turn, in two folders; return their ids, sorted."""
    names = list(COLOURS)
    ids = [f"{'even' if n % 2 == 0 else 'odd'}/{n:04d} {names[n % len(names)]}.jpg" for n in range(count)]
    for number, photo_id in enumerate(ids):
        write_photo(folder / photo_id, names[number % len(names)], seed=number)
    return sorted(ids)
