"""Static galleries for tests: a synthetic collection, its site, and what the site's modules answer in Node.js."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from export.models.model_set import MODELS
from export.progress import Progress
from export.publishing.staged_bundle import Choices
from export.publishing.static.static_gallery import StaticPublication, publish_static
from export.storage.folder_objects import FolderObjects
from handler.bundle.fields import Fields
from handler.bundle.photos.catalogue import ColumnValue
from handler.bundle.relevance import Calibration
from tests.functional.export.stores import STRICT, write_out
from tests.functional.handler.artefacts import CAPTIONER, BundleChoices, TinyPhoto, write_encoder

ENCODER = MODELS / "encoder"
_ASK = Path(__file__).parent / "ask.mjs"
_WHO = (
    "a dog",
    "a small cat",
    "two children",
    "an old man",
    "a woman",
    "a white horse",
    "a bird",
    "a red car",
    "a boat",
)
_DOES = ("runs", "sleeps", "plays with a ball", "looks at the camera", "jumps", "waits", "eats an apple", "is parked")
_WHERE = ("on a beach", "in the snow", "in a park", "on a sofa", "in a busy street", "near a lake", "in the kitchen")
_FOLDERS = ("2023/summer", "2023/Rome Trip", "2024/Zoë's café", "2024/旅行", "work")
_NAMES = ("IMG_{}", "HolidayBeach{}", "DSC{}_edit", "été n° {}", "夕焼け{}")
_SIGNS = ("STOP", "HAND SOAP", "Straße gesperrt", "Exit 42", "本日休業", "No parking on Sundays")


def needs(program: str) -> str:
    """The path of a program; without it, what needs it is skipped."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"no {program} on this machine (Debian: apt-get install nodejs npm)")
    return path


def synthetic_photos(count: int, *, seed: int = 1) -> list[TinyPhoto]:
    """Photos of everything that a search can tell apart: captions, texts, names, columns, dates, near-duplicates."""
    chance = random.Random(seed)
    photos: list[TinyPhoto] = []
    for number in range(count):
        edited = number % 10 == 0
        caption = " ".join(map(chance.choice, (_WHO, _DOES, _WHERE)))
        photo = TinyPhoto(
            id=f"{chance.choice(_FOLDERS)}/{chance.choice(_NAMES).format(number)}.jpg",
            caption=f"My dog Milo, {caption}" if edited else caption,
            seen=" ".join(map(chance.choice, (_WHO, _DOES, _WHERE))) if number % 3 else caption,
            edited=edited,
            width=chance.choice((640, 480)),
            type=chance.choice(("jpeg", "png", "heic")),
            taken=chance.choice((None, "2023-07-14T10:00:00", "2024-05-31", "2024-12-31T23:59:59")),
            columns=_columns(chance),
            text=tuple(chance.sample(_SIGNS, 2)) if number % 7 == 0 else (),
            copy_of=photos[number - 1].id if number % 25 == 24 else None,
        )
        photos.append(photo)
    return photos


def _columns(chance: random.Random) -> Mapping[str, ColumnValue]:
    columns: dict[str, ColumnValue] = {}
    if chance.random() < 0.5:
        columns["rating"] = float(chance.randrange(6))
    if chance.random() < 0.3:
        columns["keywords"] = tuple(chance.sample(("Paris", "family", "Sonnenuntergang", "sail boat"), 2))
    return columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A static gallery in a folder, the output folder whose bundle it shows, and what publishing it said."""

    folder: Path
    out: Path
    done: StaticPublication

    def answers(self, addresses: Sequence[str]) -> list[dict[str, Any]]:
        """What the site's modules answer at some addresses: status and body of each."""
        run = subprocess.run(
            [needs("node"), _ASK, self.folder],
            input=json.dumps(list(addresses)),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        found: list[dict[str, Any]] = json.loads(run.stdout)
        return found


def publish_site(folder: Path, photos: Sequence[TinyPhoto], choices: BundleChoices | None = None) -> Site:
    """A site of photos in three segments; the shipped encoder and curves, unless other choices are given."""
    needs("npm")
    out, store = folder / "out", FolderObjects(folder / "site")
    write_out(out, photos, choices or shipped_choices())
    done = publish_static(out, store, Choices(force=True), Progress())
    return Site(folder=store.folder, out=out, done=done)


def tiny_choices(folder: Path, prompts: Mapping[str, str] | None = None) -> BundleChoices:
    """A bundle of the bag of words, whose tokenizer is of the kind that browsers have; it is written to a folder."""
    tokenizer = write_encoder(folder, prompts=prompts) / "tokenizer.json"
    says = json.loads(tokenizer.read_bytes())
    says["model"] |= {"type": "WordPiece", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100}
    tokenizer.write_text(json.dumps(says))
    return replace(STRICT, encoder=folder)


def shipped_choices() -> BundleChoices:
    """A bundle of the shipped encoder, in which captions count as well as what is seen."""
    calibration = Calibration.from_fields(Fields.parse((MODELS / "calibration.json").read_bytes(), name="calibration"))
    return BundleChoices(
        segments=3,
        originals="none",
        weights=(0.3, 0.7),
        encoder=ENCODER,
        calibration=replace(calibration, captioner=CAPTIONER, weights=(0.3, 0.7)),
    )
