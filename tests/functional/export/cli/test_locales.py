"""Locales that aren't UTF-8: names on the disk are found as they are, and so is what people type."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from export.cli.main import main
from export.photos.discovery import discover
from tests.functional.export.galleries import write_photo

Environment = dict[str, str]
NAME = "Zürich/Müller 日本.png"


@pytest.fixture(scope="module", params=["POSIX", "ISO-8859-1"])
def environment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The variables of a locale in which Python would read names as something else."""
    variables = {**os.environ, "PYTHONUTF8": "0", "LC_ALL": "POSIX"}
    if request.param == "POSIX":
        return variables
    if not shutil.which("localedef") or not Path("/usr/share/i18n/locales/de_DE").exists():
        pytest.skip("localedef or what it makes locales of isn't installed (Debian: locales)")
    folder = tmp_path_factory.mktemp("locales")
    subprocess.run(["localedef", "-i", "de_DE", "-f", "ISO-8859-1", folder / "de_DE.ISO-8859-1"], check=True)
    return {**variables, "LOCPATH": str(folder), "LC_ALL": "de_DE.ISO-8859-1"}


def command(*arguments: str | bytes | Path) -> list[str | bytes | Path]:
    return [sys.executable, "-m", "export.cli.main", *arguments]


def thinlens(environment: Environment, cwd: Path, *arguments: str) -> str:
    done = subprocess.run(command(*arguments), cwd=cwd, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()  # a pipe gets UTF-8


@pytest.fixture(scope="module")
def indexed(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photos, and what was made of them in the locale."""
    folder = tmp_path_factory.mktemp("gallery")
    (folder / "photos/Zürich").mkdir(parents=True)
    write_photo(folder / "photos" / NAME, "green")
    (folder / "photos/columns.csv").write_text(f"file,place\n{NAME},Köln\n", encoding="utf-8")
    thinlens(environment, folder, "index", "photos")
    return folder


def test_a_photo_is_called_as_on_the_disk(environment: Environment, indexed: Path) -> None:
    asked = ("search", "Zürich", "--folder", "Zürich", "--where", "place:Köln")
    assert NAME in thinlens(environment, indexed, *asked)


def test_what_was_written_in_one_locale_is_read_in_another(indexed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sys.getfilesystemencoding() == "utf-8"
    assert main(["search", "Köln", "--out", str(indexed / "thinlens-out"), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["results"]
    assert (found["id"], found["columns"]) == (NAME, {"place": "Köln"})
    assert [photo.id for photo in discover(indexed / "photos").photos] == [NAME]


def test_a_terminal_types_and_shows_its_own_encoding(environment: Environment, indexed: Path) -> None:
    encoding = "latin-1" if "LOCPATH" in environment else "utf-8"  # of ASCII alone Python makes UTF-8, too
    search = command("search", "Zürich".encode(encoding), "--folder", "Zürich".encode(encoding))
    ours, theirs = pty.openpty()
    subprocess.run(search, cwd=indexed, env=environment, stdout=theirs, check=True)
    shown = os.read(ours, 4096)
    os.close(theirs)
    os.close(ours)
    assert NAME.encode(encoding, "backslashreplace") in shown


def test_no_other_program_gets_names_that_are_read_wrongly(environment: Environment, tmp_path: Path) -> None:
    write_photo(tmp_path / "Müller.png", "green")
    write_photo(tmp_path / "plain.png", "green")
    program = """
from pathlib import Path
from export.photos.discovery import discover
found = discover(Path("."))
print(*(photo.id for photo in found.photos), *found.unreadable.values(), sep=chr(10))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, check=True
    )
    photo, reason = done.stdout.decode().splitlines()
    assert photo == "plain.png"
    assert reason.startswith("its name is read as ")
    assert reason.endswith(" (expected utf-8); run Python with -X utf8")
