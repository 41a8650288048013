"""Names are written as a caption."""

from __future__ import annotations

import pytest

from export.understanding.naming import names_as_caption, with_article


@pytest.mark.parametrize(
    ("names", "caption"),
    [
        ((), ""),
        (("chair",), "a chair"),
        (("apple", "fruit"), "an apple and a fruit"),
        (("a", "b", "c", "d", "e"), "an a, a b, a c and a d"),
    ],
)
def test_names_are_told_as_a_caption(names: tuple[str, ...], caption: str) -> None:
    assert names_as_caption(names) == caption
    assert all(with_article(name) in caption for name in names[:1])
