"""The table of formats: it agrees with the contract, and with the decoder that is installed."""

from __future__ import annotations

import mimetypes

from PIL import features

from export.pictures.formats import FORMATS, MEDIA_TYPES, SUFFIXES, TYPE_OF_PILLOW
from export.storage.media_types import media_type
from handler.search.filters import TYPES


def test_the_types_are_those_that_clients_may_ask_for() -> None:
    assert tuple(sorted(each.type for each in FORMATS)) == TYPES
    assert set(TYPE_OF_PILLOW.values()) == {*TYPES} - {"raw"}


def test_no_suffix_means_two_formats() -> None:
    assert len(SUFFIXES) == sum(len(each.media_types) for each in FORMATS) == 31
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in SUFFIXES)


def test_media_types_are_those_that_the_web_knows() -> None:
    of_python = mimetypes.MimeTypes().types_map[1]  # not what the machine has beside it
    known = {suffix: of_python.get(suffix, found) for suffix, found in MEDIA_TYPES.items()}
    assert known == MEDIA_TYPES
    assert [media_type(name) for name in ("a/Rex.JPG", "b.hif", "manifest.json", "views.i8")] == [
        "image/jpeg",
        "image/heif",
        "application/json",
        "application/octet-stream",
    ]


def test_pillow_reads_what_needs_a_library_of_its_own() -> None:
    assert features.check("webp")
    assert features.check("avif")
