"""The layout: rooms that a stranger finds his way in, by the counts that can be checked."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from handler.bundle.index.index_kinds import KINDS
from handler.bundle.manifest import INDEX_KINDS

ROOT = Path(__file__).parents[2]
MOST_MODULES = 14
MOST_LINES = 300
MODULES = sorted(path for half in ("handler", "export") for path in (ROOT / half).rglob("*.py"))
ROOMS = sorted({path.parent for path in MODULES})
NAMES = [str(path.relative_to(ROOT)) for path in MODULES]
# An entry of Args, Raises or Attributes: a name, a colon, and what it is.
_ENTRY = re.compile(r"^ {4,}\*?\*?[\w.]+: (?P<text>.+)$")
_SECTION = re.compile(r"^ *(Args|Raises|Attributes):$")
# Types of arrays and whatever else is a name begin as they are spelt.
_SPELT_SO = re.compile(r"(u?int|float|bool)\d*\b|sha256\b|[`'\"\d]")


@pytest.mark.parametrize("room", ROOMS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_is_described_and_not_crowded(room: Path) -> None:
    assert len(list(room.glob("*.py"))) <= MOST_MODULES + 1  # and its __init__.py
    tree = ast.parse((room / "__init__.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    assert len(tree.body) == 1, "a docstring and no code"


def test_no_two_modules_have_one_name() -> None:
    names = Counter(path.stem for path in MODULES if path.stem != "__init__")
    # Each half has its tree of errors, and both are called what they are.
    assert [name for name, count in names.items() if count > 1] == ["errors"]


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_a_module_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_what_docstrings_list_begins_with_a_capital(path: Path) -> None:
    wrong = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            wrong += lower_case_entries(ast.get_docstring(node, clean=True) or "")
    assert not wrong


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_no_text_names_a_module(path: Path) -> None:
    """The wheel has modules by other names, which build/installed_names.py writes into imports alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    assert [text for text in texts if re.fullmatch(r"(handler|export)(\.\w+)+", text)] == []


def lower_case_entries(docstring: str) -> list[str]:
    """The entries of a docstring's lists whose text begins with a small letter."""
    found, indent = [], None
    for line in docstring.splitlines():
        if section := _SECTION.match(line):
            indent = len(section[0]) - len(section[0].lstrip()) + 4
        elif indent is not None and line.strip() and len(line) - len(line.lstrip()) < indent:
            indent = None
        elif indent is not None and len(line) - len(line.lstrip()) == indent and (entry := _ENTRY.match(line)):
            text = entry["text"]
            if text[0].islower() and not _SPELT_SO.match(text):
                found.append(line.strip())
    return found


def test_a_small_letter_is_noticed() -> None:
    entries = "    a: small.\n    b: Large.\n    c: float32 [n].\n        d: not an entry.\n"
    assert lower_case_entries(f"Do.\n\nArgs:\n{entries}\nReturns:\n    x") == ["a: small."]


def test_every_kind_of_index_that_a_manifest_may_name_can_be_opened() -> None:
    assert tuple(KINDS) == INDEX_KINDS


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_a_small_record_is_a_frozen_dataclass(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert "NamedTuple" not in source
    assert "namedtuple" not in source
