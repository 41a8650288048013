"""The widget's own tests, which run in Node.js, and what `make widget` makes of its modules."""

from __future__ import annotations

import base64
import gzip
import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from handler.search.filters import ORIENTATIONS
from handler.web.routes import LANGUAGES, hashed_widget

ROOT = Path(__file__).parents[3]
WIDGET = ROOT / "handler/widget"
MAX_GZIPPED_BYTES = 16_384
MAX_GZIPPED_BYTES_OF_A_LANGUAGE = 2_048
MODULES = ("thinlens-search.js", "page.js")
TESTS = sorted(Path(__file__).parent.glob("*.test.mjs"))


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_widget", ROOT / "build/widget.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("test", TESTS, ids=lambda path: path.name)
def test_the_logic_of_the_modules(test: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node.js on this machine (Debian: apt-get install nodejs)")
    run = subprocess.run([node, "--test", test], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_made_of_its_sources_as_they_are(build: ModuleType, name: str) -> None:
    module = (WIDGET / name).read_text(encoding="utf-8")
    assert module.startswith(build.banner(build.assemble(name))), "run `make widget`"
    if all(map(build.minifier, build.MINIFIERS)):
        assert module == build.made(name), "run `make widget`"


def test_a_change_of_the_styles_is_a_change_of_the_module(build: ModuleType) -> None:
    changed = build.assemble(styled=lambda styles: styles + "p{}")
    assert build.banner(changed) != build.banner(build.assemble())


@pytest.mark.parametrize("name", MODULES)
def test_a_module_runs_though_it_is_made_of_several(name: str, tmp_path: Path) -> None:
    """Two modules may have given two things one name."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node.js on this machine (Debian: apt-get install nodejs)")
    module = shutil.copy(WIDGET / name, tmp_path / "module.mjs")
    run = subprocess.run([node, "--check", module], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr


def test_languages_are_small_and_come_only_where_they_are_spoken() -> None:
    languages = sorted((WIDGET / "languages").iterdir())
    assert [path.stem for path in languages] == sorted(LANGUAGES)
    for path in languages:
        assert len(gzip.compress(path.read_bytes())) <= MAX_GZIPPED_BYTES_OF_A_LANGUAGE


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_small_and_needs_no_other(name: str) -> None:
    module = (WIDGET / name).read_bytes()
    assert len(gzip.compress(module)) <= MAX_GZIPPED_BYTES
    assert not re.search(rb"^\s*(import|export)\b|\bimport\(", module, re.MULTILINE)
    for unsafe in (b"innerHTML", b"outerHTML", b"insertAdjacentHTML", b"document.write", b"eval(", b"Function("):
        assert unsafe not in module


def test_no_property_that_is_renamed_is_known_outside(build: ModuleType) -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (WIDGET / "src").glob("*.js"))
    known = (WIDGET / "thinlens-search.d.ts").read_text(encoding="utf-8") + (
        ROOT / "handler/web/openapi.json"
    ).read_text()
    for name in build.OWN_PROPERTIES:
        assert re.search(rf"\b{name}\b", sources), f"{name} isn't there any more"
        assert not re.search(rf'^\s*"?{name}"?[?(]?:', known, re.MULTILINE), f"{name} is known outside"


def test_the_oldest_browsers_are_those_that_are_documented(build: ModuleType) -> None:
    documented = (ROOT / "handler/README.md").read_text(encoding="utf-8")
    chrome, firefox, safari = (build.OLDEST_BROWSERS[name] for name in ("chrome", "firefox", "safari"))
    assert f"Chrome and Edge from {chrome} on, Firefox from {firefox} on, Safari from {safari} on" in documented


def test_no_text_is_there_for_nothing() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (WIDGET / "src").glob("*.js"))
    texts = json.loads((WIDGET / "languages/en.json").read_text(encoding="utf-8"))
    # What is called after something has its name: a problem, a place of words, a filter.
    server = (ROOT / "handler/README.md").read_text(encoding="utf-8")
    columns = ("title", "description", "rating", "keywords")
    known = {f"problem:{kind}" for kind in re.findall("`([a-z-]+)`", server)} | {"problem:invalid-parameter:q"}
    known |= {f"problem:{kind}" for kind in re.findall(r'"(\w+)"', sources)}
    known |= {f"words:{place}" for place in ("text", "name", "column", *columns)}
    known |= {f"orientation:{value}" for value in ORIENTATIONS} | {f"where:{column}" for column in columns}
    names = {name.partition(".")[0] for name in texts} - known
    assert {name for name in names if f'"{name}"' not in sources} == set()


def test_the_integrity_hash_is_that_of_the_file(build: ModuleType) -> None:
    module = (WIDGET / "thinlens-search.js").read_bytes()
    digest = hashlib.new("sha384", module).digest()
    expected = f"sha384-{base64.b64encode(digest).decode()}"
    assert build.integrity(module) == expected
    for page in (ROOT / "infra/embed.html", WIDGET / "index.html"):
        text = page.read_text(encoding="utf-8")
        assert f'integrity="{expected}"' in text, "run `make widget`"
        assert 'src="assets/thinlens-search.' not in text or f'src="{hashed_widget(module)[1:]}"' in text
        assert set(re.findall(r"/assets/thinlens-search\.[0-9a-f]+\.js", text)) == {hashed_widget(module)}


def test_the_lines_to_embed_it_are_those_of_the_example(build: ModuleType) -> None:
    module = (WIDGET / "thinlens-search.js").read_bytes()
    printed = build.embedding(module, endpoint="https://photos.example.org/")
    example = (ROOT / "infra/embed.html").read_text(encoding="utf-8")
    lines = re.findall("<script.*?</script>", printed, re.DOTALL)
    assert len(lines) == 2
    for line in lines:
        assert " ".join(line.split()) in " ".join(example.split())
