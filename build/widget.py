"""Puts the widget together: the modules and styles of handler/widget/src become one file that needs no other.

What the page at / does beside, `page.js`, is put together in the same way.

Run it with `make widget`. A module says so in its first lines: `import { name } from "./other.js";`, and
`export` before what it gives away. Names are unique over all modules. It prints what a page embeds.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
import sys
from pathlib import Path

WIDGET = Path(__file__).parents[1] / "handler/widget"
SOURCES = WIDGET / "src"
ENTRY = "thinlens-search.js"
TARGET = WIDGET / ENTRY
PAGE = "page.js"
EXAMPLE = Path(__file__).parents[1] / "infra/embed.html"
BANNER = "/*! Thinlens, Apache-2.0. Made by `make widget` from the modules beside it in src/. */\n"
MAX_GZIPPED_BYTES = 17_000

_IMPORT = re.compile(r'^import [^"]*"\./(?P<module>[^"]+)"[^;]*;\n', re.MULTILINE)
_STYLES = re.compile(r'^import (?P<name>\w+) from "\./(?P<file>[^"]+\.css)"[^;]*;\n', re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)
# Only comments that have their lines to themselves, so that no text is mistaken for one.
_JS_COMMENT = re.compile(r"^[ ]*(//.*|/\*\*(.|\n)*?\*/)\n", re.MULTILINE)
_INTEGRITY = re.compile('integrity="[^"]*"')
_CSS_COMMENT = re.compile(r"/\*(.|\n)*?\*/")
_CSS_SPACE = re.compile(r"\s*([{};,>])\s*|\s*\n\s*|:\s+(?=[^{}]*[;}])")


def assemble(entry: str = ENTRY) -> str:
    """The one module: every module once, after those that it imports."""
    modules: dict[str, str] = {}
    _collect(entry, modules)
    return BANNER + "".join(modules.values())


def integrity(module: bytes) -> str:
    """The hash by which a page makes sure that it got this file (Subresource Integrity)."""
    return f"sha384-{base64.b64encode(hashlib.sha384(module).digest()).decode()}"


def _collect(name: str, modules: dict[str, str]) -> None:
    source = (SOURCES / name).read_text(encoding="utf-8")
    modules[name] = ""  # its place is below, once its imports have theirs
    imports = [match["module"] for match in _IMPORT.finditer(source)]
    for module in imports:
        if module.endswith(".js") and module not in modules:
            _collect(module, modules)
    del modules[name]
    code = _STYLES.sub(lambda match: _sheet(match["name"], match["file"]), source)
    code = _EXPORT.sub("", _IMPORT.sub("", code))
    modules[name] = re.sub(r"^\s+", "", _JS_COMMENT.sub("", code), flags=re.MULTILINE)


def _sheet(name: str, file: str) -> str:
    """A constructed style sheet: a content security policy need not allow inline styles for it."""
    styles = _CSS_COMMENT.sub("", (SOURCES / file).read_text(encoding="utf-8"))
    styles = _CSS_SPACE.sub(lambda match: match[1] or (":" if match[0].startswith(":") else " "), styles).strip()
    if "`" in styles or "\\" in styles:
        sys.exit(f"{file} has a backtick or a backslash, which the text around it would not keep")
    return f"const {name} = new CSSStyleSheet();\n{name}.replaceSync(`{styles}`);\n"


def main() -> None:
    """Write both files and the hash of the one into the example, and print its sizes and how a page embeds it."""
    module = assemble().encode()
    gzipped = len(gzip.compress(module, compresslevel=9, mtime=0))
    if gzipped > MAX_GZIPPED_BYTES:
        sys.exit(f"{TARGET.name} has {gzipped} bytes gzipped (expected up to {MAX_GZIPPED_BYTES})")
    TARGET.write_bytes(module)
    (WIDGET / PAGE).write_text(assemble(PAGE), encoding="utf-8")
    example = EXAMPLE.read_text(encoding="utf-8")
    EXAMPLE.write_text(_INTEGRITY.sub(f'integrity="{integrity(module)}"', example), encoding="utf-8")
    print(f"{TARGET.name}: {len(module)} bytes, {gzipped} gzipped\n")
    print(f'<script type="module" src="https://…/{TARGET.name}" crossorigin="anonymous"')
    print(f'        integrity="{integrity(module)}"></script>')
    print('<thinlens-search endpoint="https://…/"></thinlens-search>')


if __name__ == "__main__":
    main()
