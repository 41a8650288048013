"""The documents: what they link to is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = (".github", "build", "export", "handler", "infra", "tests")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md"))])
_LINK = re.compile(r"\]\((?P<path>[^()#\s]*)(#(?P<anchor>[^()\s]+))?\)")


def anchors(document: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(document: Path) -> list[str]:
    """The relative links of a document that lead to no file, or to no heading of it."""
    broken = []
    for link in _LINK.finditer(document.read_text(encoding="utf-8")):
        if "://" in link["path"]:
            continue
        target = document.parent / link["path"] if link["path"] else document
        if not target.exists() or (link["anchor"] and link["anchor"] not in anchors(target)):
            broken.append(link[0])
    return broken


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    assert broken_links(document) == []


def test_a_broken_link_is_noticed(tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    document.write_text("# A page\n[a](#a-page) [b](gone.py) [c](#gone) [d](https://example.org/) [e](page.md#a-page)")
    assert broken_links(document) == ["](gone.py)", "](#gone)"]
