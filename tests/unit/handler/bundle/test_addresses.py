"""Addresses: photos, thumbnails and previews lie where their ids and contents say."""

from __future__ import annotations

from urllib.parse import unquote, urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.bundle.photos.addresses import photo_by_content, photo_by_id, preview, thumbnail

CONTENT = "ab" * 32


@pytest.mark.parametrize(
    ("photo_id", "address"),
    [
        ("dogs/rex 1.jpg", "photos/dogs/rex%201.jpg"),
        ("/far/rex.jpg", "photos/%2Ffar/rex.jpg"),
        ("//far", "photos/%2F/far"),
        ("100%/é?#.png", "photos/100%25/%C3%A9%3F%23.png"),
    ],
)
def test_a_photo_by_its_id(photo_id: str, address: str) -> None:
    assert photo_by_id(photo_id) == address


@given(st.text(min_size=1))
def test_an_address_leads_back_to_its_id(photo_id: str) -> None:
    address = photo_by_id(photo_id)
    assert unquote(address.removeprefix("photos/")) == photo_id
    assert "?" not in address
    assert "#" not in address
    assert "photos//" not in address


@pytest.mark.parametrize(
    ("photo_id", "ending"),
    [
        ("dogs/Rex.JPG", ".jpg"),
        ("rex.tar.GZ", ".gz"),
        ("rex", ""),
        ("dogs.d/rex", ""),
        (".jpg", ""),
        ("..jpg", ""),
        ("rex.", ""),
    ],
)
def test_a_published_photo_by_its_content(photo_id: str, ending: str) -> None:
    assert photo_by_content(CONTENT, photo_id) == f"photos/ab/{CONTENT}{ending}"


def test_a_thumbnail() -> None:
    assert thumbnail(CONTENT) == f"thumbnails/ab/{CONTENT}.jpg"
    assert urljoin("https://cdn.example.org/g/", thumbnail(CONTENT)).startswith("https://cdn.example.org/g/thumbnails/")


def test_a_preview() -> None:
    assert preview(CONTENT) == f"previews/ab/{CONTENT}.webp"
