"""The command line: what is printed, and the exit code, in this process and as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from export.cli.main import main
from tests.functional.export.galleries import write_photo

COMMANDS = (
    "demo", "index", "search", "serve", "caption", "hide", "keyword", "publish", "versions", "rollback", "prune",
    "evaluate", "completion",
)  # fmt: skip


def test_search_prints_a_table_or_json(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    query = "a photo of a red wall"
    assert main(["search", query, "--out", str(out), "-k", "1"]) == 0
    assert capsys.readouterr().out == "  1.00  my red.png  a photo of a red wall\n"
    assert main(["search", query, "--out", str(out), "-k", "1", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["query"], answer["no_relevant_results"]) == (query, False)
    assert answer["bundle"] == (out / "bundle").resolve().name
    (result,) = answer["results"]
    thumbnail = result.pop("thumbnail_url")
    assert (out / thumbnail).is_file()
    assert len(result.pop("placeholder")) == 72
    assert result == {
        "id": "my red.png",
        "relevance": 1.0,
        "caption": query,
        "caption_kind": "caption",
        "matched": query,
        "matched_in": "meaning",
        "marks": [],
        "url": "photos/my%20red.png",
        "preview_url": None,
        "width": 64,
        "height": 48,
        "taken": None,
        "columns": {},
    }


def test_a_query_needs_no_quotation_marks(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "a", "photo", "of", "a", "red", "wall", "--out", str(out), "-k", "1"]) == 0
    assert capsys.readouterr().out == "  1.00  my red.png  a photo of a red wall\n"
    assert main(["search", "--out", str(out)]) == 2
    assert capsys.readouterr().err.startswith("thinlens: QUERY is missing (expected what the photo shows, or --image")


def test_what_no_photo_has_is_answered_with_what_there_is(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for year in (2023, 2024):
        write_photo(base / f"photos/{year}/paris/{year}.png", "green", seed=year)
    rows = ["file,place,rating", "2023/paris/2023.png,Paris,3", "2024/paris/2024.png,Rome,5", "blue.png,Paris,3"]
    (base / "photos/columns.csv").write_text("\n".join(rows))
    search = ["search", "a photo of a green wall", "--out", str(base / "out")]
    assert main(["index", str(base / "photos"), "--out", str(base / "out"), "--workers", "1"]) == 0
    capsys.readouterr()
    for asked, message in (
        (["--folder", "2022"], "No photo lies in the folder '2022' (there are 2023/paris, 2024/paris)"),
        (["--where", "place:Berlin"], "No photo has 'Berlin' as its place (there are Paris, Rome)"),
        (["--where", "rating:4"], "No photo has '4' as its rating (there are 3, 5)"),
        (["--where", "city:Rome"], "Unknown column 'city' (expected place, rating)"),
    ):
        assert main([*search, *asked]) == 2
        assert capsys.readouterr().err == f"thinlens: {message}\n"
    assert main([*search, "--folder", "2023", "--where", "place:rome"]) == 0  # each of them is there
    assert capsys.readouterr().out == "  –     nothing relevant\n"


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    project = tomllib.loads((Path(__file__).parents[4] / "pyproject.toml").read_text())["project"]
    assert (caught.value.code, capsys.readouterr().out) == (0, f"thinlens {project['version']}\n")


def test_search_says_that_nothing_is_relevant(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for query in ("dog", "quarterly revenue", "🐈", "ქართული"):
        assert main(["search", query, "--out", str(out), "--json"]) == 0
        answer = json.loads(capsys.readouterr().out)
        assert (answer["query"], answer["no_relevant_results"], answer["results"]) == (query, True, [])
    assert main(["search", "dog", "--out", str(out)]) == 0
    assert capsys.readouterr().out == "  –     nothing relevant\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["search", ""], "The query is empty"),
        (["search", "\x00\x07"], "The query is empty"),
        (["search", "x" * 513], "The query has 513 characters (expected at most 512)"),
        (["search", "dog", "-k", "0"], "k is 0 (expected 1 to 100)"),
        (["search", "dog", "--offset", "-1"], "offset is -1 (expected 0 to 100000000)"),
        (["search", "dog", "--not", " Dog"], "Both q and not say ' Dog'"),
        (["search", "dog", "--where", "x:1"], "Unknown column 'x' (expected none, for this collection has no columns)"),
        (
            ["search", "dog", "--type", "jpg"],
            "type is 'jpg' (expected avif, bmp, gif, heic, jp2, jpeg, jxl, png, raw, tiff, webp)",
        ),
        (["search", "dog", "--taken-from", "May"], "taken_from is 'May' (expected a date: 2024,"),
        (["search", "dog", "-k=-3"], "k is -3 (expected 1 to 100)"),
        (["search", "dog", "-k", "999999999999"], "k is 999999999999 (expected 1 to 100)"),
        (["search", "dog", "--min-relevance", "7"], "min_relevance is 7.0 (expected 0 to 1)"),
        (["search", "dog", "--min-relevance", "nan"], "min_relevance is nan (expected 0 to 1)"),
        (["caption", "blue.png", " "], "the caption has 0 characters (expected 1 to 512)"),
    ],
)
def test_what_was_asked_for_wrongly_is_usage(
    out: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main([*arguments, "--out", str(out)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"thinlens: {message}")
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["index"],
        ["search", "dog", "-k", "many"],
        ["index", "photos", "--workers", "0"],
        ["serve", "--port", "99999"],
        ["evaluate"],
    ],
)
def test_arguments_that_cannot_be_read_are_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: thinlens" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["serve", "--port", "http"], "argument --port: 'http' is not a port, a number of 0 to 65535"),
        (["serve", "--port", "65536"], "argument --port: '65536' is not a port, a number of 0 to 65535"),
        (["index", "photos", "--workers", "all"], "argument --workers: 'all' is not a number of 1 or more"),
    ],
)
def test_what_a_number_may_be_is_said(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert capsys.readouterr().err.endswith(f": error: {message}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["index", "{base}/nowhere"], "{base}/nowhere: No such file or directory; expected a folder of photos"),
        (["index", "{base}/models/encoder"], "{base}/models/encoder holds no photos; expected JPEG, PNG, WebP"),
        (["index", "{base}/photos", "--out", "{base}/photos/blue.png"], "{base}/photos/blue.png can't be written: "),
        (["search", "dog", "--out", "{base}/nowhere"], "Bundle {base}/nowhere/bundle: no such folder"),
        (["serve", "--out", "{base}/nowhere"], "Bundle {base}/nowhere/bundle: no such folder"),
        (["caption", "a.jpg", "a dog", "--out", "{base}/nowhere"], "{base}/nowhere holds no library; make one with"),
        (
            ["versions", "{base}/nowhere"],
            "{base}/nowhere holds no bundles; check the address, or publish one: thinlens",
        ),
        (["versions", "{base}/nowhere", "--json"], "{base}/nowhere holds no bundles; check the address"),
        (
            ["versions", "{base}/photos/blue.png"],
            "the store {base}/photos/blue.png can't be used: Not a directory: '{base}/photos/blue.png/current.json'",
        ),
        (["evaluate", "--queries", "{base}/nowhere"], "{base}/nowhere can't be read: "),
    ],
)
def test_what_cannot_be_done_is_one_line(
    base: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main([argument.format(base=base) for argument in arguments]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"thinlens: {message.format(base=base)}")
    assert printed.err.count("\n") == 1


def test_caption(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["caption", "blue.png", "my dog", "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"2 photos in bundle {(out / 'bundle').resolve().name}\n"
    assert main(["search", "my dog", "--out", str(out)]) == 0
    assert capsys.readouterr().out == "  1.00  blue.png  my dog\n"
    assert main(["caption", "nobody.png", "my dog", "--out", str(out)]) == 1
    assert capsys.readouterr().err.startswith("thinlens: no photo 'nobody.png'; expected its path")


def test_hide_and_keyword(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hide", "blue.png", "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"1 photo hidden; 1 photo in bundle {(out / 'bundle').resolve().name}\n"
    assert main(["hide", "--out", str(out)]) == 0
    assert capsys.readouterr().out == "blue.png\n"
    assert main(["hide", "my red.png", "--out", str(out)]) == 1
    assert capsys.readouterr().err == "thinlens: no photo would be left; at least one has to stay\n"
    assert main(["hide", "blue.png", "--undo", "--out", str(out)]) == 0
    assert capsys.readouterr().out.startswith("1 photo shown again; 2 photos in bundle ")
    assert main(["hide", "--out", str(out)]) == 0
    assert capsys.readouterr() == ("", "No photo is hidden.\n")
    for options, said in (([], "1 photo changed; "), ([], "0 photos changed; "), (["--undo"], "1 photo changed; ")):
        assert main(["keyword", "sky", "blue.png", *options, "--out", str(out)]) == 0
        assert capsys.readouterr().out.startswith(said)


def test_evaluate(base: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    queries = base / "queries.jsonl"
    queries.write_text('{"file": "blue.png", "captions": ["a photo of a blue wall", "all blue"]}\n')
    assert main(["evaluate", "--queries", str(queries), "--out", str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["queries"], found["recall"], found["median_rank"]) == (2, {"1": 1.0, "5": 1.0, "10": 1.0}, 1.0)
    assert main(["evaluate", "--queries", str(queries), "--out", str(out)]) == 0
    assert capsys.readouterr().out.startswith("2 queries: R@1 100.0%  R@5 100.0%  R@10 100.0%  median rank 1\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert f"example: thinlens {command}" in capsys.readouterr().out


@pytest.mark.parametrize(("shell", "named"), [("bash", "complete"), ("zsh", "#compdef thinlens")])
def test_shells_complete_the_commands(shell: str, named: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("shtab", reason="shtab is not installed (make setup)")
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert named in script
    for command in (*COMMANDS, "models", "distil", "--min-relevance"):
        assert command in script


def test_bash_completes_folders_and_options(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("shtab", reason="shtab is not installed (make setup)")
    main(["completion", "bash"])
    asked = """
COMP_WORDS=(thinlens serve --); COMP_CWORD=2; _shtab_thinlens thinlens -- serve; echo "${COMPREPLY[@]}"
echo "$_shtab_thinlens_serve___out_COMPGEN"
"""
    completed = subprocess.run(
        ["bash", "-c", capsys.readouterr().out + asked], capture_output=True, text=True, check=True
    )
    options, kind = completed.stdout.splitlines()
    assert {"--out", "--host", "--port"} <= set(options.split())
    assert kind == "_shtab_compgen_dirs"


def thinlens(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "export.cli.main", *arguments],
        capture_output=True,
        check=False,
        env={**os.environ, **(environment or {})},
    )


@pytest.mark.parametrize(("host", "warned"), [("127.0.0.1", False), ("0.0.0.0", True)])
def test_who_may_see_the_photos_is_said(
    host: str, warned: bool, out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("export.gallery.serving.serve", lambda _gallery, listener: listener.close())
    assert main(["serve", "--out", str(out), "--host", host, "--port", "0"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith(f"Serving {out} on http://{host}:")
    assert printed.err.startswith("Everyone who can reach 0.0.0.0 over the network can see") == warned


def test_output_survives_any_encoding(base: Path, out: Path) -> None:
    write_photo(base / "photos/été 日本.png", "green")
    assert main(["index", str(base / "photos"), "--out", str(out)]) == 0
    ascii_only = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    query = "a photo of a green wall"
    table = thinlens("search", query, "-k", "1", "--out", str(out), environment=ascii_only)
    assert (table.returncode, table.stdout.split(b"  ")[2]) == (0, rb"\xe9t\xe9 \u65e5\u672c.png")
    answer = thinlens("search", query, "-k", "1", "--out", str(out), "--json", environment=ascii_only)
    assert json.loads(answer.stdout.decode())["results"][0]["id"] == "été 日本.png"


def test_a_reader_that_has_enough_is_no_error(out: Path) -> None:
    search = [sys.executable, "-m", "export.cli.main", "search", "wall", "--min-relevance", "0", "--out", str(out)]
    process = subprocess.Popen(search, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    _, errors = process.communicate(timeout=60)
    assert errors == b""
