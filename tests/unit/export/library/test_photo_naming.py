"""What people type of a photo's path, and which photo that is."""

from __future__ import annotations

import pytest

from export.errors import LibraryError
from export.library.photo_naming import find_id

IDS = {"rex.jpg", "2024/dogs/rex.jpg", "2023/dogs/rex.jpg", "2024/dogs/milo.jpg", "2024/on the lake/abc.tif"}


@pytest.mark.parametrize(
    ("name", "photo_id"),
    [
        ("rex.jpg", "rex.jpg"),
        ("milo.jpg", "2024/dogs/milo.jpg"),
        ("dogs/milo.jpg", "2024/dogs/milo.jpg"),
        ("2023/dogs/rex.jpg", "2023/dogs/rex.jpg"),
    ],
)
def test_a_photo_is_found_by_the_end_of_its_path(name: str, photo_id: str) -> None:
    assert find_id(name, IDS) == photo_id


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dogs/rex.jpg", "'dogs/rex.jpg' may be 2023/dogs/rex.jpg, 2024/dogs/rex.jpg; say which one, with its folder"),
        ("cat.gif", "no photo 'cat.gif'; expected its path relative to the folder that was indexed"),
        ("bc.tif", "no photo 'bc.tif'; expected its path relative to the folder that was indexed"),
        (
            "rex.jpeg",
            "no photo 'rex.jpeg'; expected its path relative to the folder that was indexed, perhaps 'rex.jpg'",
        ),
    ],
)
def test_what_is_no_photo_or_several_is_asked(name: str, message: str) -> None:
    with pytest.raises(LibraryError) as caught:
        find_id(name, IDS)
    assert str(caught.value) == message


def test_of_many_the_first_are_named() -> None:
    with pytest.raises(LibraryError, match=r"may be 00/a\.jpg, .*, 09/a\.jpg and 2 more; say which one"):
        find_id("a.jpg", [f"{folder:02d}/a.jpg" for folder in range(12)])
