"""The captioner over ONNX Runtime: a model folder that answers instructions about photos.

The folder holds ``vision.onnx`` (pixels -> visual view and the decoder's memory, run once a
photo, and how probable names are), ``decoder.onnx`` (tokens, memory, cache -> the best next tokens, grown cache),
``tokenizer.json`` and ``captioner.json``. Memory and cache are tensors for each layer, which are handed from one run to
the next as they are: ``vision.onnx`` gives each ``memory.*`` that ``decoder.onnx`` takes, and this each ``grown.*``
that is its next ``cache.*``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from export.disk.model_files import CAPTIONER_FILES, captioner_identity
from export.errors import ModelError
from export.understanding.beam_search import Decoding, decode
from export.understanding.caption_choice import choose_captions, cosines_with_view, repetition_penalties
from export.understanding.captioner import Understanding
from export.understanding.onnx_sessions import Reader, open_session
from export.understanding.truth import Supports, Truth, read_truth
from export.understanding.view.captioner_vision import CaptionerVisionSource
from handler.bundle.encoder import Encoder
from handler.bundle.encoder_files import identify_encoder

_AT_ONCE = 16
"""Photos that are captioned together: more take more memory and hardly less time each."""
_SEEN_AT_ONCE = 4
"""Of these, how many go through the backbone together: more don't fit into the processor's cache."""
_EXPECTED: dict[str, type | tuple[type, ...]] = {
    "name": str,
    "image_size": int,
    "encoder_identity": str,
    "instructions": list,
    "begin": str,
    "end": str,
    "max_new_tokens": int,
    "length_penalty": (int, float),
    "empty_cache": list,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxCaptionerSource:
    """A captioner's folder, read but not loaded; picklable.

    Attributes:
        folder: Where its files lie.
        identity: sha256 over their names and hashes, hexadecimal.
        instructions: What it is asked of every photo.
        known_instructions: What it has learnt to answer.
        image_encoder: What gives its visual views alone.
        encoder: That text encoder's folder; None where captions are to be chosen without it.
        names: Which ones it tells.
        truth: When its captions are believed; None where they always are.
    """

    folder: Path
    identity: str
    instructions: tuple[str, ...]
    known_instructions: tuple[str, ...]
    image_encoder: CaptionerVisionSource
    encoder: Path | None
    names: tuple[str, ...]
    truth: Truth | None

    @classmethod
    def open(cls, folder: Path, *, encoder: Path | None = None) -> OnnxCaptionerSource:
        """Read a captioner's folder.

        Args:
            folder: Holds CAPTIONER_FILES.
            encoder: The folder of a text encoder, which helps to choose captions if the visual view lies in its space.

        Raises:
            ModelError: A file is missing or ``captioner.json`` isn't what it should be.
        """
        for name in CAPTIONER_FILES:
            if not (folder / name).is_file():
                raise ModelError(f"{folder} has no {name}; a captioner's folder holds {', '.join(CAPTIONER_FILES)}")
        settings = _read_settings(folder / "captioner.json")
        if encoder is not None and identify_encoder(encoder) != settings["encoder_identity"]:
            encoder = None
        identity = captioner_identity(folder, with_encoder=encoder is not None)
        return cls(
            folder=folder,
            identity=identity,
            instructions=tuple(settings["instructions"]),
            known_instructions=tuple(settings.get("known_instructions", settings["instructions"])),
            image_encoder=CaptionerVisionSource(
                folder=folder,
                identity=identity,
                space=settings["encoder_identity"],
                image_size=settings["image_size"],
            ),
            encoder=encoder,
            names=tuple(settings.get("names", ())),
            truth=read_truth(settings),
        )

    @property
    def alone(self) -> bool:
        """Each process loads its own: it is small, and fastest on one thread."""
        return False

    def asking(self, instructions: tuple[str, ...]) -> OnnxCaptionerSource:
        """The same captioner, asked others of the instructions that it knows."""
        return replace(self, instructions=instructions)

    def load(self) -> OnnxCaptioner:
        """Load the captioner for one thread."""
        return OnnxCaptioner(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    visual: NDArray[np.float32]
    told: NDArray[np.float32]
    memory: Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answered:
    """One text of each photo, with its log probability, and its cosine with the view where an encoder tells."""

    texts: Sequence[str]
    scores: NDArray[np.float32]
    cosines: NDArray[np.float32] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What a captioner makes of photos, before what is hardly true is left out.

    Attributes:
        answers: To each instruction, one text of each photo.
        supports: float32 [n, SUPPORTS], what supports the answers to the first; None where nothing tells.
        visual: float32 [n, dim], unit L2 norm.
        told: float32 [n, names], how probable each name is.
    """

    answers: Sequence[Sequence[str]]
    supports: NDArray[np.float32] | None
    visual: NDArray[np.float32]
    told: NDArray[np.float32]

    @classmethod
    def joined(cls, parts: Sequence[Described]) -> Described:
        """All parts as one, in their order."""
        supports = [part.supports for part in parts if part.supports is not None]
        return cls(
            answers=[
                [text for texts in answers for text in texts]
                for answers in zip(*(part.answers for part in parts), strict=True)
            ],
            supports=np.concatenate(supports) if supports else None,
            visual=np.concatenate([part.visual for part in parts]),
            told=np.concatenate([part.told for part in parts]),
        )


class OnnxCaptioner:
    """Captions and the visual view of photos, on one CPU thread."""

    def __init__(self, source: OnnxCaptionerSource, *, threads: int = 1) -> None:
        self._source = source
        self._settings = _read_settings(source.folder / "captioner.json")
        self._vision = open_session(source.folder / "vision.onnx", threads)
        self._decoder = open_session(source.folder / "decoder.onnx", threads)
        self._tokenizer = Tokenizer.from_file(str(source.folder / "tokenizer.json"))
        self._encoder = None if source.encoder is None else Encoder.load(source.encoder)
        self._begin_id = self._token_id("begin")
        self._end_id = self._token_id("end")
        self._penalties = repetition_penalties(self._tokenizer)
        self._supports = Supports(source.names)
        found = [output.shape[1] for output in self._vision.get_outputs() if output.name == "told"]
        if found and found != [len(source.names)]:
            raise ModelError(f"{source.folder}: vision.onnx tells {found[0]} names, captioner.json {len(source.names)}")

    @property
    def image_size(self) -> int:
        """Side in pixels of the squares that it takes."""
        return int(self._settings["image_size"])

    @property
    def instructions(self) -> tuple[str, ...]:
        """What it is asked of every photo."""
        return self._source.instructions

    def understand(self, pixels: NDArray[np.uint8], *, beams: int = 3) -> list[Understanding]:
        """Caption photos and give each its visual view; a caption that is hardly true is left out.

        Args:
            pixels: uint8 [n, image_size, image_size, 3], RGB.
            beams: Hypotheses of the beam search; 1 is greedy.
        """
        return [
            understanding
            for start in range(0, len(pixels), _AT_ONCE)
            for understanding in self.say(self.describe(pixels[start : start + _AT_ONCE], beams=beams))
        ]

    def describe(self, pixels: NDArray[np.uint8], *, beams: int = 3) -> Described:
        """The same of a few photos, true or not, and what tells whether it is."""
        expected = (self.image_size, self.image_size, 3)
        if pixels.dtype != np.uint8 or pixels.shape[1:] != expected:
            raise ValueError(f"pixels are {pixels.dtype} {list(pixels.shape)}, expected uint8 [n, *{list(expected)}]")
        seen = self._see(pixels)
        answered = [self._answer(instruction, seen, beams) for instruction in self.instructions]
        first, supports = answered[0], None
        if self._source.names and first.cosines is not None:
            supports = self._supports.of(first.texts, first.cosines, first.scores, seen.told)
        return Described(
            answers=[answer.texts for answer in answered],
            supports=supports,
            visual=seen.visual,
            told=seen.told,
        )

    def say(self, described: Described) -> list[Understanding]:
        """What is said of photos that were described, with what is hardly true left out."""
        captions = [list(texts) for texts in zip(*described.answers, strict=True)]
        names = [""] * len(captions)
        truth = self._source.truth
        if truth and described.supports is not None:
            for row, probability in enumerate(truth.of(described.supports)):
                names[row] = _as_sentence(truth.sure(described.told[row], self._source.names))
                if probability < truth.caption_from:
                    captions[row][0] = ""
        return [
            Understanding(captions=tuple(texts), view=view, names=sure)
            for texts, view, sure in zip(captions, described.visual, names, strict=True)
        ]

    def _see(self, pixels: NDArray[np.uint8]) -> _Seen:
        names = [output.name for output in self._vision.get_outputs()]
        parts = [
            self._vision.run(names, {"pixels": pixels[start : start + _SEEN_AT_ONCE]})
            for start in range(0, len(pixels), _SEEN_AT_ONCE)
        ]
        found = {name: np.concatenate(arrays) for name, arrays in zip(names, zip(*parts, strict=True), strict=True)}
        told = found.pop("told", np.zeros((len(pixels), 0), np.float32))  # captioners from before have no names
        return _Seen(visual=found.pop("visual"), told=told, memory=found)

    def _answer(self, instruction: str, seen: _Seen, beams: int) -> _Answered:
        count = len(seen.visual)
        prefix = [*self._tokenizer.encode(instruction).ids, self._begin_id]
        reader = Reader(self._decoder, seen.memory)
        decoding = Decoding(
            beams=beams,
            max_new_tokens=self._settings["max_new_tokens"],
            length_penalty=self._settings["length_penalty"],
            repetition_penalties=self._penalties,
        )
        hypotheses = decode(reader, prefix, count, end_id=self._end_id, decoding=decoding)
        texts = [self._tokenizer.decode_batch([each.tokens for each in of_photo]) for of_photo in hypotheses]
        scores = np.array([[each.score for each in of_photo] for of_photo in hypotheses], np.float32)
        cosines = None if self._encoder is None else cosines_with_view(texts, seen.visual, self._encoder)
        chosen = choose_captions(scores, cosines)
        rows = np.arange(count)
        return _Answered(
            texts=[_as_sentence(of_photo[number]) for of_photo, number in zip(texts, chosen, strict=True)],
            scores=scores[rows, chosen],
            cosines=None if cosines is None else cosines[rows, chosen],
        )

    def _token_id(self, role: str) -> int:
        found = self._tokenizer.token_to_id(self._settings[role])
        if found is None:
            raise ModelError(
                f"{self._source.folder}/tokenizer.json has no token {self._settings[role]!r}, "
                f"which captioner.json names as {role!r}"
            )
        return int(found)


def _as_sentence(text: str) -> str:
    """Capitalise the first letter: the decoder writes lower case."""
    return text[:1].upper() + text[1:]


def _read_settings(path: Path) -> dict[str, Any]:
    try:
        settings = json.loads(path.read_bytes())
    except ValueError as error:
        raise ModelError(f"{path} is not JSON: {error}") from error
    for name, kind in _EXPECTED.items():
        if not isinstance(settings, dict) or not isinstance(settings.get(name), kind):
            raise ModelError(f"{path}: expected {name!r} to be {kind}, found {settings.get(name)!r}")
    return dict(settings)
