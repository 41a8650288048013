"""The page about messages: each stands in the code as the page has it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / ".github/SUPPORT.md"
ANY = "…"
"""What stands in a message for what differs, in the page and here."""
OF_THE_SHELL = "thinlens: command not found"


def messages() -> list[str]:
    """The first column of the page's tables, where it is code; what Amazon says is in quotation marks."""
    return re.findall(r"^\| `([^`]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


@cache
def texts_of_the_code() -> list[str]:
    """Every text in the code, with ANY in the place of what is filled in."""
    texts = [(ROOT / "Makefile").read_text().replace("$(PYTHON)", ANY)]
    texts.append((ROOT / "handler/widget/languages/en.json").read_text())
    for folder in ("build", "export", "handler"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            texts += texts_in(ast.parse(path.read_bytes()))
    return texts


def texts_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else ANY for part in node.values)


def stands_in_the_code(message: str) -> bool:
    return any(has_in_order(text, message.split(ANY)) for text in texts_of_the_code())


def has_in_order(text: str, parts: list[str]) -> bool:
    start = 0
    for part in parts:
        if (found := text.find(part, start)) < 0:
            return False
        start = found + len(part)
    return True


@pytest.mark.parametrize("message", messages())
def test_a_message_stands_in_the_code(message: str) -> None:
    assert message == OF_THE_SHELL or stands_in_the_code(message)


def test_a_message_that_is_no_more_is_noticed() -> None:
    assert not stands_in_the_code("… holds no photos; expected a miracle")
