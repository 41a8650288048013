"""An answer as a table for the terminal: relevance, photo, caption, one line a photo.

Knows how wide text is on a terminal and what must not reach one; knows nothing of how answers come about.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what it imports takes a fifth of a second, and a list of failures wants none of it
    from handler.search.answers import Result, SearchAnswer

_ELLIPSIS = "…"
_WHERE = {"text": "text in the photo", "column": "noted"}


def answer_table(answer: SearchAnswer, *, width: int) -> str:
    """Lay out one answer.

    Args:
        answer: What the searcher gave.
        width: Columns of the terminal; longer captions are cut.

    Returns:
        Lines without a closing newline; "nothing relevant" when that is the answer. What is perhaps meant comes last.

    Example:
        "0.93  chelsea.png  a cat is looking at the camera"
    """
    parts = [f"  {printable(answer['corrected'])}:"] if answer["corrected"] else []
    parts += [_rows(answer["results"], width)] if answer["results"] else []
    if answer["perhaps"]:
        parts += ["  perhaps:", _rows(answer["perhaps"], width)]
    return "\n".join(parts) or "  –     nothing relevant"


def _rows(results: Sequence[Result], width: int) -> str:
    # A third of the line for the photo's path at most: its end tells more than its beginning.
    ids = [cut(printable(result["id"]), max(12, width // 3), keep_end=True) + _folded(result) for result in results]
    id_width = max(columns(id_) for id_ in ids)
    lines = []
    for id_, result in zip(ids, results, strict=True):
        start = f"  {result['relevance']:.2f}  {id_}{' ' * (id_width - columns(id_))}  "
        lines.append((start + cut(printable(_said(result)), max(12, width - columns(start)))).rstrip())
    return "\n".join(lines)


def _said(result: Result) -> str:
    """The caption, and before it what isn't told by caption or path: the text in which words were found."""
    if result["matched_in"] not in _WHERE:
        return result["caption"]
    return f"[{_WHERE[result['matched_in']]}: {result['matched']}] {result['caption']}"


def _folded(result: Result) -> str:
    """How many near-duplicates are folded into a result, if that was asked for and there are any."""
    return f" (+{result['duplicates']})" if result.get("duplicates") else ""


def printable(text: str) -> str:
    """The text without what could move the cursor, colour the terminal or fail to encode; each becomes U+FFFD."""
    return "".join("\ufffd" if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} else char for char in text)


def columns(text: str) -> int:
    """How many columns of a terminal the text takes: two for a wide character, none for a combining one."""
    return sum(_char_columns(char) for char in text)


def cut(text: str, width: int, *, keep_end: bool = False) -> str:
    """Shorten to at most `width` columns, with an ellipsis where something was cut.

    Example:
        cut("a cat on a mat", 8) -> "a cat o…"; with keep_end "…n a mat"
    """
    if columns(text) <= width:
        return text
    kept = "".join(_fitting(reversed(text) if keep_end else iter(text), width - 1))
    return _ELLIPSIS + kept[::-1] if keep_end else kept + _ELLIPSIS


def _fitting(chars: Iterator[str], width: int) -> Iterator[str]:
    for char in chars:
        width -= _char_columns(char)
        if width < 0:
            return
        yield char


def _char_columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1
