"""The contact sheet: one HTML page with each photo, its caption, and the queries that found it.

The page holds everything it shows, pictures too, so it can be opened, mailed or kept as one file. It knows nothing
of bundles or of how the answers came about; it runs no script and asks no other address for anything.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

from handler.search.answers import Result, SearchAnswer

# A page of more pictures than this is slow to open; photos that a query found come first.
_HERE = Path(__file__).parent
_TITLE, _HEAD_BYTES = b"<title>Thinlens contact sheet</title>", 1_024
MAX_PHOTOS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetPhoto:
    """A photo as the sheet shows it.

    Attributes:
        id: The photo's path relative to the folder that was indexed.
        caption: What the captioner, or a person, says of it.
        thumbnail: The bytes of a JPEG picture; empty when there is none.
        width: Pixels of the photo, upright.
        height: Pixels of the photo, upright.
    """

    id: str
    caption: str
    thumbnail: bytes
    width: int
    height: int


def is_contact_sheet(path: Path) -> bool:
    """Whether a file is a page that this module made."""
    return path.is_file() and not path.is_symlink() and _TITLE in path.read_bytes()[:_HEAD_BYTES]


def contact_sheet(photos: Sequence[SheetPhoto], answers: Sequence[SearchAnswer]) -> str:
    """Lay out the page.

    Args:
        photos: Every photo of the bundle.
        answers: One answer for each query, as the searcher gave it.

    Returns:
        The page as HTML, complete in itself.
    """
    by_id = {photo.id: photo for photo in photos}
    # A found photo before the others, the most relevant first; sorting is stable, so the rest keep their order.
    best = {photo.id: max((found for _, found in _queries_of(photo, answers)), default=-1.0) for photo in photos}
    shown = sorted(photos, key=lambda photo: -best[photo.id])[:MAX_PHOTOS]
    left_out = len(photos) - len(shown)
    page = Template((_HERE / "contact_sheet.html").read_text(encoding="utf-8"))
    return page.substitute(
        style=(_HERE / "contact_sheet.css").read_text(encoding="utf-8"),
        summary=f"{_count(len(photos), 'photo')}, {_count(len(answers), 'query', 'queries')}",
        answers="\n".join(_answer(answer, by_id) for answer in answers),
        photos="\n".join(_card(photo, answers) for photo in shown),
        left_out=f"<p>{_count(left_out, 'more photo')} of the bundle not shown.</p>" if left_out else "",
    )


def _answer(answer: SearchAnswer, by_id: dict[str, SheetPhoto]) -> str:
    """One query with the photos that it found, or the plain word that it found none."""
    found, perhaps = (_found(results, by_id) for results in (answer["results"], answer["perhaps"]))
    body = found + (f'<p class="nothing">Perhaps:</p>{perhaps}' if perhaps else "")
    body = body or '<p class="nothing">Nothing relevant was found.</p>'
    return f'<section class="answer"><h3>{escape(answer["query"])}</h3><div>{body}</div></section>'


def _found(results: Iterable[Result], by_id: dict[str, SheetPhoto]) -> str:
    items = [
        f'<li>{_picture(by_id[result["id"]])}<span class="relevance">{result["relevance"]:.2f}</span></li>'
        for result in results
        if result["id"] in by_id
    ]
    return f"<ol>{''.join(items)}</ol>" if items else ""


def _card(photo: SheetPhoto, answers: Sequence[SearchAnswer]) -> str:
    """One photo with its caption and the queries that found it."""
    queries = "".join(
        f'<li><span class="query">{escape(query)}</span> <span class="relevance">{relevance:.2f}</span></li>'
        for query, relevance in _queries_of(photo, answers)
    )
    caption = f'<p class="caption">{escape(photo.caption)}</p>' if photo.caption else ""
    return (
        f"<figure>{_picture(photo)}<figcaption>{caption}"
        f'<p class="id">{escape(photo.id)} · {photo.width} × {photo.height}</p>'
        f"{f'<ul>{queries}</ul>' if queries else ''}</figcaption></figure>"
    )


def _picture(photo: SheetPhoto) -> str:
    if not photo.thumbnail:
        return '<span class="no-picture">no thumbnail</span>'
    data = base64.b64encode(photo.thumbnail).decode("ascii")
    size = f'width="{photo.width}" height="{photo.height}"'
    return f'<img src="data:image/jpeg;base64,{data}" alt="{escape(photo.caption or photo.id)}" {size}>'


def _queries_of(photo: SheetPhoto, answers: Iterable[SearchAnswer]) -> list[tuple[str, float]]:
    """The queries that found this photo, each with the photo's relevance to it."""
    return [
        (answer["query"], result["relevance"])
        for answer in answers
        for result in answer["results"]
        if result["id"] == photo.id
    ]


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
