"""The installed command: what it prints, where, and the exit codes that scripts rely on."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import COFFEE, COFFEE_CAPTION, NOT_THERE, Gallery
from tests.e2e.processes import THINLENS, run_thinlens

COMMANDS = ("demo", "index", "search", "serve", "caption", "evaluate")
MODELS_COMMANDS = ("models train", "models export", "models evaluate")
SUCCESS, FAILURE, USAGE = 0, 1, 2


@pytest.mark.parametrize("command", COMMANDS + MODELS_COMMANDS)
def test_help_has_an_example(command: str) -> None:
    shown = run_thinlens(*command.split(), "--help")
    assert (shown.returncode, shown.stderr) == (SUCCESS, "")
    assert f"thinlens {command}" in shown.stdout.partition("xample")[2]


def test_help_names_every_command() -> None:
    shown = run_thinlens("--help")
    assert shown.returncode == SUCCESS
    for command in (*COMMANDS, "models"):
        assert command in shown.stdout


def test_indexing_again_reports_the_failures_and_changes_nothing(gallery: Gallery) -> None:
    bundle = (gallery.out / "bundle").resolve().name
    indexed = run_thinlens("index", gallery.photos, "--out", gallery.out)
    assert indexed.returncode == SUCCESS
    assert "broken.jpg" in indexed.stdout + indexed.stderr
    assert (gallery.out / "bundle").resolve().name == bundle


def test_search_for_programs(gallery: Gallery) -> None:
    command = ("search", COFFEE_CAPTION, "--out", gallery.out, "-k", "2", "--min-relevance", "0", "--json")
    searched = run_thinlens(*command)
    assert (searched.returncode, searched.stderr) == (SUCCESS, "")
    answer = json.loads(searched.stdout)
    page = ["bundle", "took_ms", "no_relevant_results", "next_offset", "results", "perhaps"]
    assert list(answer) == ["query", *page, "corrected"]
    assert (answer["results"][0]["id"], answer["results"][0]["relevance"]) == (COFFEE, 1.0)
    assert len(answer["results"]) == 2


def test_search_for_people(gallery: Gallery) -> None:
    searched = run_thinlens("search", COFFEE_CAPTION, "--out", gallery.out)
    assert (searched.returncode, searched.stderr) == (SUCCESS, "")
    name = COFFEE.rpartition("/")[2]
    assert re.match(rf"  1\.00  .*{re.escape(name)} +{COFFEE_CAPTION}\n", searched.stdout)


def test_nothing_relevant_is_a_success_that_says_so(gallery: Gallery) -> None:
    searched = run_thinlens("search", NOT_THERE, "--out", gallery.out)
    assert searched.returncode == SUCCESS
    assert "nothing relevant" in searched.stdout.lower()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("search", "", "--out", "{out}"), USAGE),
        (("search", "\x07", "--out", "{out}"), USAGE),
        (("search", "x" * 513, "--out", "{out}"), USAGE),
        (("search", "cat", "--out", "{out}", "-k", "0"), USAGE),
        (("search", "cat", "--out", "{out}", "-k", "-1"), USAGE),
        (("search", "cat", "--out", "{out}", "-k", "1000000"), USAGE),
        (("search", "cat", "--out", "{out}", "-k", "many"), USAGE),
        (("search", "cat", "--out", "{out}", "--min-relevance", "high"), USAGE),
        (("search", "cat", "--out", "{missing}"), FAILURE),
        (("index", "{missing}", "--out", "{tmp}/new"), FAILURE),
        (("index", "{empty}", "--out", "{tmp}/new"), FAILURE),
        (("index", "{photos}", "--out", "{file}"), FAILURE),
        (("caption", "nobody.jpg", "a text", "--out", "{out}"), FAILURE),
        (("evaluate", "--queries", "{missing}", "--out", "{out}"), FAILURE),
        (("serve", "--out", "{missing}"), FAILURE),
        (("serve", "--out", "{out}", "--port", "99999"), None),
        (("publish",), USAGE),
        ((), USAGE),
    ],
)
def test_errors_are_one_line_that_says_what_to_do(
    gallery: Gallery, tmp_path: Path, arguments: tuple[str, ...], code: int | None
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_bytes(b"in the way")
    places = {
        "out": gallery.out,
        "photos": gallery.photos,
        "missing": tmp_path / "missing",
        "empty": tmp_path / "empty",
        "file": tmp_path / "file",
        "tmp": tmp_path,
    }
    done = run_thinlens(*(argument.format(**places) for argument in arguments))
    assert done.returncode in ((FAILURE, USAGE) if code is None else (code,))
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    # What argparse refuses comes with a usage summary before the line itself.
    message = done.stderr.rstrip("\n").splitlines()
    assert message
    if not done.stderr.startswith("usage:"):
        assert len(message) == 1


def test_a_killed_run_goes_on_where_it_was(gallery: Gallery, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for patience_s in (0.4, 1.2, 2.0):
        process = subprocess.Popen(
            [THINLENS, "index", str(gallery.photos), "--out", str(out), "--workers", "1"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(patience_s)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    finished = run_thinlens("index", gallery.photos, "--out", out)
    assert finished.returncode == SUCCESS, finished.stderr
    # The same photos with the same captions as without an interruption.
    assert run_thinlens("index", gallery.photos, "--out", tmp_path / "whole").returncode == SUCCESS
    query = ("search", COFFEE_CAPTION, "-k", "100", "--min-relevance", "0", "--json", "--out")
    answers = [json.loads(run_thinlens(*query, folder).stdout)["results"] for folder in (out, tmp_path / "whole")]
    assert answers[0] == answers[1]
    assert len(answers[0]) == 11


def test_two_runs_on_one_library_at_once(gallery: Gallery, tmp_path: Path) -> None:
    command = [THINLENS, "index", str(gallery.photos), "--out", str(tmp_path / "out")]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    errors = [run.communicate(timeout=120)[1] for run in runs]
    # Started together, one takes the library and the other is told, unless the first was done before it looked.
    codes = sorted(run.returncode for run in runs)
    assert codes in ([SUCCESS, FAILURE], [SUCCESS, SUCCESS])
    if codes == [SUCCESS, FAILURE]:
        told = errors[[run.returncode for run in runs].index(FAILURE)]
        assert "Traceback" not in told
        assert len(told.strip().splitlines()[-1]) > 0


def test_a_closed_pipe_and_a_narrow_locale_are_no_crash(gallery: Gallery) -> None:
    piped = subprocess.run(
        f"'{THINLENS}' search coffee --min-relevance 0 --out '{gallery.out}' | true",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in piped.stderr
    narrow = subprocess.run(
        [THINLENS, "search", "coffee", "--min-relevance", "0", "--out", str(gallery.out)],
        env={**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C"},
        capture_output=True,
        check=False,
    )
    assert (narrow.returncode, narrow.stderr) == (SUCCESS, b"")
