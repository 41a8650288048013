"""Puts the widget together: the modules and styles of handler/widget/src become one file that needs no other.

What the page at / does beside, `page.js`, is put together in the same way.

Run it with `make widget`. A module says so in its first lines: `import { name } from "./other.js";`, and
`export` before what it gives away. Names are unique over all modules. esbuild and, after it, terser make it small; a
file names the hash of what it was made of, so that it can be checked without them. It prints what a page embeds.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
import re
import shutil
import string
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

WIDGET = Path(__file__).parents[1] / "handler/widget"
SOURCES = WIDGET / "src"
ENTRY = "thinlens-search.js"
TARGET = WIDGET / ENTRY
PAGE = "page.js"
INDEX = WIDGET / "index.html"
EXAMPLE = Path(__file__).parents[1] / "infra/embed.html"
BANNER = "/*! Thinlens, Apache-2.0, {digest} */\n"
MAX_GZIPPED_BYTES = 16_384
MINIFIERS = {"esbuild": "0.28.2", "terser": "5.51.4"}  # terser alone can't shorten the names of private fields
# What they may be written in: light-dark() came to Safari, round() to Chromium and popovers to Firefox with these.
OLDEST_BROWSERS = {"chrome": "125", "firefox": "125", "safari": "17.5"}
_TERSER = ("--module", "--ecma", "2022", "--compress", "passes=3,hoist_funs,pure_getters,inline=1", "--mangle")
# Properties that nobody hears of outside of the module: they get short names.
OWN_PROPERTIES = """
    addPhotos addressOf after aspect browseFolder busy byPicture chip closed collection colours descend element
    elements facets filters groups imageFit imageSide leavePicture leaveSimilar locale minRelevance nodes note
    notice offer otherwise pixels raw reach refuseFile retry said say settle settled sheet show showAll
    showCollection showFailure showFound showLarge showPicture showUnpublished source speak start stumble styles
    suggest tag takeNews takePhoto takesPictures texts unfilter
""".split()
_PROGRAMS = f"{Path(__file__).parents[1] / '.venv/npm/node_modules/.bin'}:{os.environ.get('PATH', os.defpath)}"

_IMPORT = re.compile(r'^import [^"]*"\./(?P<module>[^"]+)"[^;]*;\n', re.MULTILINE)
_STYLES = re.compile(r'^import (?P<name>\w+) from "\./(?P<file>[^"]+\.css)"[^;]*;\n', re.MULTILINE)
_PRIVATE = re.compile(r"--_\w+")
_EXPORT = re.compile(r"^export ", re.MULTILINE)
_INTEGRITY = re.compile('integrity="[^"]*"')
_HASHED_NAME = re.compile(r"thinlens-search\.[0-9a-f]{16}\.js")


def assemble(entry: str = ENTRY, styled: Callable[[str], str] = str) -> str:
    """The one module, as it is written: every module once, after those that it imports; `styled` is done to styles."""
    modules: dict[str, str] = {}
    _collect(entry, modules, styled)
    return "".join(modules.values())


def banner(module: str) -> str:
    """The first line of what is made of it: the licence, and the hash of this module."""
    return BANNER.format(digest=hashlib.sha256(module.encode()).hexdigest()[:8])


def made(entry: str = ENTRY) -> str:
    """The file that pages load: the one module, small."""
    properties = f"--mangle-props=^({'|'.join(OWN_PROPERTIES)})$"
    short = _minified(assemble(entry, _small_styles), "--loader=js", "--format=esm", properties)
    return banner(assemble(entry)) + _run("terser", *_TERSER, code=short)


def minifier(name: str) -> str | None:
    """The program's path, where it is installed: by `make widget`, or by somebody else in the same version."""
    program = shutil.which(name, path=_PROGRAMS)
    if program is None:
        return None
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    return program if version == MINIFIERS[name] else None


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


def _collect(name: str, modules: dict[str, str], styled: Callable[[str], str]) -> None:
    source = (SOURCES / name).read_text(encoding="utf-8")
    modules[name] = ""  # its place is below, once its imports have theirs
    imports = [match["module"] for match in _IMPORT.finditer(source)]
    for module in imports:
        if module.endswith(".js") and module not in modules:
            _collect(module, modules, styled)
    del modules[name]
    code = _STYLES.sub(lambda match: _text(match["name"], styled((SOURCES / match["file"]).read_text("utf-8"))), source)
    modules[name] = _EXPORT.sub("", _IMPORT.sub("", code))


def _text(name: str, styles: str) -> str:
    """Styles as a text, for a constructed style sheet: a security policy need not allow inline styles for it."""
    if "`" in styles or "\\" in styles:
        sys.exit(f"The styles {name} have a backtick or a backslash, which the text around them would not keep")
    return f"const {name} = `{styles}`;\n"


def _small_styles(styles: str) -> str:
    """Minified, its own properties, which begin with `--_`, under names of one letter."""
    names = dict(zip(sorted(set(_PRIVATE.findall(styles))), string.ascii_letters, strict=False))
    return _minified(_PRIVATE.sub(lambda match: f"--_{names[match[0]]}", styles), "--loader=css").strip()


def _minified(code: str, *options: str) -> str:
    target = ",".join(name + version for name, version in OLDEST_BROWSERS.items())
    return _run(
        "esbuild", "--minify", "--charset=utf8", "--log-level=warning", f"--target={target}", *options, code=code
    )


def _run(name: str, *options: str, code: str) -> str:
    program = minifier(name)
    if program is None:
        sys.exit(f"No {name} {MINIFIERS[name]} is here (expected in .venv/npm or on the PATH): run `make widget`")
    run = subprocess.run([program, *options], input=code, capture_output=True, text=True, encoding="utf-8", check=False)
    if run.returncode or run.stderr:
        sys.exit(f"{name} refuses what the widget is made of: {run.stderr}")
    return run.stdout


def main() -> None:
    """Write both files, and the hashes of the one into the pages that name it; print its size and how to embed it."""
    module = made().encode()
    gzipped = len(gzip.compress(module, compresslevel=9, mtime=0))
    if gzipped > MAX_GZIPPED_BYTES:
        sys.exit(f"{TARGET.name} has {gzipped} bytes gzipped (expected up to {MAX_GZIPPED_BYTES})")
    TARGET.write_bytes(module)
    (WIDGET / PAGE).write_text(made(PAGE), encoding="utf-8")
    for page in (EXAMPLE, INDEX):
        text = _INTEGRITY.sub(f'integrity="{integrity(module)}"', page.read_text(encoding="utf-8"))
        page.write_text(_HASHED_NAME.sub(hashed_name(module), text), encoding="utf-8")
    print(f"{TARGET.name}: {len(module)} bytes, {gzipped} gzipped\n")
    print(embedding(module, endpoint="https://…/"))


if __name__ == "__main__":
    main()
