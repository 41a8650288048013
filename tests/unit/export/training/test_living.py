"""Living beings that captions name, and those that nobody else sees."""

from __future__ import annotations

from pathlib import Path

import pytest

from export.training.data.corpus import CaptionedPhoto
from export.training.evaluation.living import invents_somebody, living_beings


@pytest.mark.parametrize(
    ("text", "beings"),
    [
        ("Two men and a puppy", {"person", "dog"}),
        ("Geese, dogs and babies", {"bird", "dog", "person"}),
        ("A white chair in a room", set()),
        ("A manhole", set()),
        ("A group of chairs, a rubber band and a ceiling fan", set()),
        ("", set()),
    ],
)
def test_beings_are_found(text: str, beings: set[str]) -> None:
    assert living_beings(text) == beings


@pytest.mark.parametrize(
    ("captions", "names", "caption", "invents"),
    [
        ((), ("chair",), "A man sits on a chair", True),
        ((), ("chair",), "A chair", False),
        ((), ("siamese cat",), "A cat", False),
        (("A woman walks her dog",), (), "A man and a puppy", False),
        (("A woman walks her dog",), (), "A woman and a cat", True),
    ],
)
def test_who_is_in_no_caption_and_no_name_is_invented(
    captions: tuple[str, ...], names: tuple[str, ...], caption: str, invents: bool
) -> None:
    photo = CaptionedPhoto(path=Path("a.jpg"), captions=captions, names=names)
    assert invents_somebody(photo, caption) == invents
