"""The commands in the documents: whether what they name is there. tests/e2e/test_readme.py runs those that can be run.

Whatever stands in a block of `sh` or behind a `$` in one of `console` is read; of `thinlens …` between backquotes the
options.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import tomllib
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from export.cli.arguments import make_parser
from tests.unit.infra.templates import Loader
from tests.unit.test_documents import DOCUMENTS, ROOT

import cost
import package

OF_OTHERS = ("aws", "gcloud", "gh", "git", "kn", "ln", "magick", "mkdir", "openssl", "podman", "sha256sum", "uv")
"""Programs that aren't ours; what they are asked isn't looked at."""
_SEPARATORS = ("&&", "|", ";", "(", ")", ">")

Words = list[str]


def commands(text: str) -> Iterator[Words]:
    """The commands of a document's blocks, each as its words."""
    for kind, block in re.findall(r"^ *```(sh|console)\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL):
        lines = block.replace("\\\n", " ").splitlines()
        if kind == "console":
            lines = [line.strip().removeprefix("$ ") for line in lines if line.strip().startswith("$ ")]
        for line in lines:
            lexer = shlex.shlex(line, posix=True, punctuation_chars="();<>|&")
            lexer.whitespace_split = True
            words: Words = []
            for word in lexer:
                if word in _SEPARATORS:
                    yield from [words] if words else []
                    words = []
                else:
                    words.append(word)
            yield from [words] if words else []


def parser_of(words: Words) -> argparse.ArgumentParser:
    """The parser of the command of `thinlens` with which the words begin: of "models distil encoder", for instance."""
    parser = make_parser(with_models=True)
    for word in words:
        below = [action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
        if not below:
            break
        parser = below[0][word]
    return parser


def parses(parse: Callable[[Words], object], words: Words) -> bool:
    try:
        parse(words)
    except SystemExit:
        return False
    return True


def is_right(words: Words) -> bool:
    """Whether a command names nothing that isn't there."""
    program, rest = words[0], words[1:]
    if "=" in program:  # a variable for what follows
        return not rest or is_right(rest)
    if program in OF_OTHERS:
        return True
    if program == "cd":
        return (ROOT / rest[0]).exists() or rest[0] in ("dist", "thinlens")
    return RULES[program](rest)


def thinlens(words: Words) -> bool:
    return parses(make_parser(with_models=True).parse_args, words)


def make(words: Words) -> bool:
    makefile = (ROOT / "Makefile").read_text()
    names = [word.partition("=")[0] for word in words]
    targets = [name for name, word in zip(names, words, strict=True) if "=" not in word]
    return all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets) and all(
        re.search(rf"\b{name}\b", makefile) for name in names
    )


def python(words: Words) -> bool:
    if words[0] == "-m":
        module = ROOT / words[1].replace(".", "/")
        return module.is_dir() or module.with_suffix(".py").is_file() or words[1] in ("hatchling", "venv")
    scripts: dict[str, Callable[[Words], object]] = {"build/package.py": package._options, "infra/cost.py": cost.main}
    return parses(scripts[words[0]], words[1:])


def pip(words: Words) -> bool:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    return words[0] == "install" and all(
        extra in extras for word in words if (found := re.search(r"\.\[(.*)\]", word)) for extra in found[1].split(",")
    )


def pytest_paths(words: Words) -> bool:
    return all((ROOT / word).exists() for word in words if word.startswith("tests/"))


def sam(words: Words) -> bool:
    parameters = yaml.load((ROOT / "infra/template.yaml").read_text(), Loader)["Parameters"]
    named = [word.partition("=")[0] for word in words if re.match(r"[A-Z]\w*=", word)]
    template = [words[place + 1] for place, word in enumerate(words) if word == "--template-file"]
    return set(named) <= set(parameters) and all((ROOT / path).is_file() for path in template)


def curl(words: Words) -> bool:
    (address,) = [word for word in words if "://" in word]
    parts = urllib.parse.urlsplit(address)
    paths = json.loads((ROOT / "handler/web/openapi.json").read_text())["paths"]
    path = "/v1/photos/{id}" if parts.path.startswith("/v1/photos/") else parts.path
    operation = paths.get(path, {}).get("post" if "--data-binary" in words else "get", {})
    known = {
        parameter["$ref"].rpartition("/")[2] for parameter in operation.get("parameters", ()) if "$ref" in parameter
    }
    known |= {parameter["name"] for parameter in operation.get("parameters", ()) if "name" in parameter}
    return bool(operation) and {name for name, _ in urllib.parse.parse_qsl(parts.query)} <= known


RULES: dict[str, Callable[[Words], bool]] = {
    "thinlens": thinlens,
    "make": make,
    "python": python,
    ".venv/bin/python": python,
    ".venv/bin/pip": pip,
    "pip": pip,
    ".venv/bin/pytest": pytest_paths,
    "sam": sam,
    "curl": curl,
}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_name_what_is_there(document: Path) -> None:
    assert [words for words in commands(document.read_text(encoding="utf-8")) if not is_right(words)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_options_between_backquotes_are_there(document: Path) -> None:
    wrong = []
    for span in re.findall(r"`thinlens ([^`]+)`", document.read_text(encoding="utf-8")):
        options = set(re.findall(r"(?<!\S)--[a-z-]+", span))
        if options and not options <= set(parser_of(span.split())._option_string_actions):
            wrong.append(span)
    assert wrong == []


def test_every_document_is_looked_at() -> None:
    """Those that show how something is done have commands, and they are found."""
    for name in ("README.md", "export/README.md", "handler/README.md", "infra/README.md", "build/README.md"):
        assert list(commands((ROOT / name).read_text(encoding="utf-8"))), name


@pytest.mark.parametrize(
    "line",
    [
        "thinlens index ~/Pictures --outt my-photos",
        "thinlens models tran --data mine.jsonl --work work",
        "make demos",
        "make package BUNDEL=here",
        "python -m tests.performances search",
        "python build/package.py --pyton 3.13",
        "python infra/cost.py --photo 3 --quries 4",
        ".venv/bin/pip install '.[publishing]'",
        ".venv/bin/pytest tests/unit/exports",
        "sam deploy --parameter-overrides AlarmMail=me@example.org",
        "curl 'http://127.0.0.1:8000/v1/search?query=dog'",
        "curl 'http://127.0.0.1:8000/v2/search?q=dog'",
    ],
)
def test_a_wrong_command_is_noticed(line: str) -> None:
    (words,) = commands(f"```sh\n{line}\n```\n")
    assert not is_right(words)
