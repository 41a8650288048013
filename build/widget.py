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
INDEX = WIDGET / "index.html"
EXAMPLE = Path(__file__).parents[1] / "infra/embed.html"
BANNER = "/*! Thinlens, Apache-2.0. Made by `make widget` from the modules beside it in src/. */\n"
MAX_GZIPPED_BYTES = 17_000

_IMPORT = re.compile(r'^import [^"]*"\./(?P<module>[^"]+)"[^;]*;\n', re.MULTILINE)
_STYLES = re.compile(r'^import (?P<name>\w+) from "\./(?P<file>[^"]+\.css)"[^;]*;\n', re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)
# Only comments that have their lines to themselves, so that no text is mistaken for one.
_JS_COMMENT = re.compile(r"^[ ]*(//.*|/\*\*(.|\n)*?\*/)\n", re.MULTILINE)
_INTEGRITY = re.compile('integrity="[^"]*"')
_HASHED_NAME = re.compile(r"thinlens-search\.[0-9a-f]{16}\.js")
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


def hashed_name(module: bytes) -> str:
    """What this build alone is called; handler/web/routes.py serves it under that name."""
    return f"thinlens-search.{hashlib.sha256(module).hexdigest()[:16]}.js"


def embedding(module: bytes, *, endpoint: str) -> str:
    """The lines by which a page embeds the widget, and when to take which."""
    assets = f"{endpoint}assets/"
    return f"""\
The newest widget, whenever the search is deployed anew:

<script type="module" src="{assets}{ENTRY}"></script>

Or this build and no other, which browsers keep for a year and refuse if it was changed. Another deploy leaves it as it
is; take the new line when you want the new build:

<script type="module" src="{assets}{hashed_name(module)}" crossorigin="anonymous"
        integrity="{integrity(module)}"></script>

And where the search is to be, with what stands there if the script can't run:

<thinlens-search endpoint="{endpoint}"><a href="{endpoint}">Search our photos</a></thinlens-search>"""


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
    """Write both files, and the hashes of the one into the pages that name it; print its size and how to embed it."""
    module = assemble().encode()
    gzipped = len(gzip.compress(module, compresslevel=9, mtime=0))
    if gzipped > MAX_GZIPPED_BYTES:
        sys.exit(f"{TARGET.name} has {gzipped} bytes gzipped (expected up to {MAX_GZIPPED_BYTES})")
    TARGET.write_bytes(module)
    (WIDGET / PAGE).write_text(assemble(PAGE), encoding="utf-8")
    for page in (EXAMPLE, INDEX):
        text = _INTEGRITY.sub(f'integrity="{integrity(module)}"', page.read_text(encoding="utf-8"))
        page.write_text(_HASHED_NAME.sub(hashed_name(module), text), encoding="utf-8")
    print(f"{TARGET.name}: {len(module)} bytes, {gzipped} gzipped\n")
    print(embedding(module, endpoint="https://…/"))


if __name__ == "__main__":
    main()
