"""Distilling a captioner: what a large one says of photos becomes a corpus, and the photo model learns from it.

Sequence-level distillation (Kim and Rush 2016, arXiv 1606.07947): the student learns the texts of the teacher's beam
search as if people had written them, whatever the teacher's vocabulary is. All hypotheses of a beam are taken as
captions of the photo, as a corpus has several of each. From a captioner of the photo model's own kind, whose vocabulary
the student can take, it also learns how probable each next word is (teaching.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from export.errors import DataError, PhotoError
from export.models.captioners import open_captioner
from export.photos.discovery import discover
from export.pictures.decoding import decode_photo
from export.progress import Progress
from export.training.data.corpus import normalise_caption
from export.training.photo_model.unpacking import read_captioner
from export.training.photo_training.teaching import WordTeacher
from export.understanding.captioner import Captioner, CaptionerSource, PictureCaptioner
from export.understanding.hub_models.torch_captioner import TorchCaptioner
from export.understanding.onnx_captioner import OnnxCaptionerSource

_NEEDED_FOLDERS, _DETECTOR_FOLDER = ("photos", "captions"), "weights"
_BEAMS = 5
_PHOTOS_AT_ONCE = 8


def open_word_teacher(name: str) -> WordTeacher | None:
    """A teacher in torch, if it is a folder that ``thinlens models`` wrote; None where its words are others.

    Raises:
        ModelError: It isn't there or of a kind that isn't supported.
    """
    source = open_captioner(name)
    if not isinstance(source, OnnxCaptionerSource):
        return None
    teacher = read_captioner(source.folder)
    return WordTeacher(model=teacher.model, tokenizer=teacher.tokenizer, identity=source.identity)


def write_teacher_corpus(teacher: str, photos: Path, data: Path, corpus: Path) -> int:
    """A corpus that is another one and the photos that a teacher captioned; interrupted, it goes on where it was.

    Args:
        teacher: A captioner's folder or name on Hugging Face.
        photos: A folder of photos, or a list file.
        data: The corpus that is added to, laid out as corpus.py says.
        corpus: Is made where it isn't there; holds links to what is in ``data``.

    Returns:
        How many photos the teacher captioned.

    Raises:
        ModelError: The teacher isn't there or of a kind that isn't supported.
        DataError: There is no photo that could be captioned, or ``data`` is no corpus.
        PhotosError: ``photos`` can't be read.
    """
    source = open_captioner(teacher)
    discovery = discover(photos, exclude=(), out=corpus)
    for name in _NEEDED_FOLDERS:
        if not (data / name).is_dir():
            raise DataError(f"{data / name} is missing; --data wants the layout of export/training/README.md")
        _link_all(data / name, corpus / name)
    if (data / _DETECTOR_FOLDER).is_dir():
        _link_all(data / _DETECTOR_FOLDER, corpus / _DETECTOR_FOLDER)
    jsonl = corpus / "photos" / f"teacher-{source.identity[:16]}.jsonl"
    done = {json.loads(line)["file"] for line in _whole_lines(jsonl)}
    todo = [path for photo in discovery.photos if str(path := (discovery.root / photo.id).resolve()) not in done]
    if todo:
        _caption(source, todo, jsonl)
    count = sum(1 for _ in _whole_lines(jsonl))
    if not count:
        raise DataError(f"none of the photos in {photos} could be captioned; expected images that can be decoded")
    return count


def _caption(source: CaptionerSource, paths: Sequence[Path], jsonl: Path) -> None:
    captioner = source.load()
    progress = Progress()
    progress.begin("captioning photos", len(paths))
    with jsonl.open("a", encoding="utf-8") as file:
        for start in range(0, len(paths), _PHOTOS_AT_ONCE):
            part = paths[start : start + _PHOTOS_AT_ONCE]
            for path, captions in _hypotheses(captioner, part):
                file.write(json.dumps({"file": str(path), "split": "train", "captions": captions}) + "\n")
            file.flush()
            progress.advance(len(part))
    progress.end()


def _hypotheses(captioner: Captioner | PictureCaptioner, paths: Sequence[Path]) -> Iterator[tuple[Path, list[str]]]:
    """The photos of a batch that can be decoded and that something is said of, with their captions."""
    try:
        answers = _answers(captioner, paths)
    except PhotoError:
        if len(paths) > 1:
            for path in paths:
                yield from _hypotheses(captioner, [path])
        return
    for path, texts in zip(paths, answers, strict=True):
        captions = list(dict.fromkeys(caption for text in texts if (caption := normalise_caption(text))))
        if captions:
            yield path, captions


def _answers(captioner: Captioner | PictureCaptioner, paths: Sequence[Path]) -> Sequence[Sequence[str]]:
    """All that is said of each photo. Raises PhotoError where one can't be decoded, or the captioner fails at it."""
    if isinstance(captioner, PictureCaptioner):
        decoded = [decode_photo(path, picture_side=captioner.picture_side) for path in paths]
        pictures = [photo.picture for photo in decoded if photo.picture is not None]
        if isinstance(captioner, TorchCaptioner):
            return captioner.hypotheses(pictures, beams=_BEAMS)
        understandings = captioner.understand(pictures)
    else:
        pixels = [decode_photo(path, image_size=captioner.image_size).pixels for path in paths]
        understandings = captioner.understand(np.stack(pixels))
    return [understanding.captions for understanding in understandings]


def _link_all(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for entry in source.iterdir():
        link = target / entry.name
        if not link.is_symlink():
            link.symlink_to(entry.resolve())


def _whole_lines(jsonl: Path) -> Iterator[str]:
    """The lines of a file that were written whole; a killed run may have left part of one, which is cut off."""
    if not jsonl.is_file():
        return
    content = jsonl.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        jsonl.write_bytes(whole)
    yield from whole.decode("utf-8").splitlines()
