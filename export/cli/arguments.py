"""The arguments of the command line: which commands there are, and what each takes."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from export.cli.index_arguments import DEFAULT_OUT, add_index_arguments, positive
from handler.search.query import MODES

DEFAULT_PORT = 8000
SHELLS = ("bash", "zsh")

_Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def make_parser(*, with_models: bool) -> argparse.ArgumentParser:
    """Make the parser of all commands; it leaves the name of the one that is meant in ``command``.

    Args:
        with_models: Whether those of ``thinlens models`` are known too, each of which leaves what runs it in ``run``.
    """
    parser = argparse.ArgumentParser(
        prog="thinlens", description="Describe a picture in words, and find the photos that show it."
    )
    parser.add_argument("--version", action=_Version, help="print the version of Thinlens and exit")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for add_theme in (
        _add_demo,
        _add_index,
        _add_search,
        _add_serve_and_caption,
        _add_store_commands,
        _add_evaluate,
        _add_completion,
    ):
        add_theme(commands)
    models: argparse.ArgumentParser = commands.add_parser(
        "models", help="list, train, distil, quantise, export and evaluate models (most need: make setup EXTRAS=train)"
    )
    if with_models:
        from export.cli.model_commands import add_parsers  # not at every start: it reads the corpus's modules

        add_parsers(models)
    return parser


class _Version(argparse.Action):
    """Prints the version. argparse's own action wants it at every start, and to look it up takes a while."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str) -> None:  # noqa: A002 - argparse's name
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"thinlens {version('thinlens')}")
        parser.exit()


def _add_demo(commands: _Commands) -> None:
    demo = _add(commands, "demo", summary="index sample photographs and show what is found", example="thinlens demo")
    demo.add_argument("photos", metavar="PHOTOS", nargs="?", type=Path, help="a folder of your own photos instead")
    _add_out(demo)


def _add_index(commands: _Commands) -> None:
    index = _add(
        commands,
        "index",
        summary="understand new photos, forget those that are gone, and put a bundle in service",
        example="thinlens index ~/Pictures --out my-photos --exclude screenshots --exclude '*.gif'",
    )
    add_index_arguments(index)


def _add_search(commands: _Commands) -> None:
    search = _add(
        commands,
        "search",
        summary="find the photos that a description fits, or that are like a picture",
        example="thinlens search a dog running on a beach --out my-photos -k 5 --not snow --folder 2024 --dedupe",
    )
    search.add_argument(
        "query", metavar="QUERY", nargs="*", help="what the photo shows, in words; with --image it may be left out"
    )
    search.add_argument("--image", metavar="FILE", type=Path, help="a picture that the photos should be like")
    search.add_argument(
        "--image-weight", metavar="W", type=float, default=1.0, help="how much it counts beside QUERY (default: 1)"
    )
    _add_out(search)
    search.add_argument("-k", metavar="N", type=int, default=10, help="photos wanted, 1 to 100 (default: 10)")
    search.add_argument(
        "--min-relevance", metavar="R", type=float, help="leave out what is less relevant, 0 to 1 (default: calibrated)"
    )
    _add_selection(search)
    search.add_argument("--json", action="store_true", help="print the answer as JSON")


def _add_serve_and_caption(commands: _Commands) -> None:
    serve = _add(
        commands,
        "serve",
        summary="serve the search page and the HTTP interface on this machine",
        example="thinlens serve --out my-photos --port 8080",
    )
    serve.add_argument(
        "--out",
        metavar="DIR",
        type=_folder,
        default=DEFAULT_OUT,
        help=f"the output folder, or one that was published to (default: ./{DEFAULT_OUT})",
    )
    serve.add_argument(
        "--host",
        metavar="ADDRESS",
        default="127.0.0.1",
        help="the address to listen on, 0.0.0.0 for all: everyone who can reach it sees the photos, without a password "
        "(default: 127.0.0.1, this machine alone)",
    )
    serve.add_argument(
        "--port", metavar="P", type=_port, default=DEFAULT_PORT, help=f"(default: {DEFAULT_PORT}; 0 takes a free one)"
    )

    caption = _add(
        commands,
        "caption",
        summary="correct the caption of a photo",
        example="thinlens caption dogs/rex.jpg 'Rex chases a ball' --out my-photos",
    )
    caption.add_argument(
        "photo",
        metavar="PHOTO",
        help="the photo's path relative to the folder that was indexed, or its name if no other has it",
    )
    caption.add_argument("text", metavar="TEXT", help="what it shows")
    _add_out(caption)


def _add_store_commands(commands: _Commands) -> None:
    publish = _add(
        commands,
        "publish",
        summary="put the bundle, its thumbnails and previews in service in a store",
        example="thinlens publish s3://my-bucket/gallery --out my-photos",
    )
    _add_store(publish)
    _add_out(publish)
    publish.add_argument(
        "--originals",
        action="store_true",
        help="publish the photos too, as they are, with all that their files say, such as where they were taken",
    )
    publish.add_argument(
        "--no-previews",
        action="store_true",
        help="leave out the pictures of up to 1,600 pixels that the page shows at large (about 0.2 MB a photo)",
    )
    publish.add_argument(
        "--static",
        action="store_true",
        help="publish a site that is searched in the browser, with no function; for up to a few thousand photos",
    )
    publish.add_argument(
        "--sign-key", metavar="FILE", type=Path, help="sign the bundle with the Ed25519 key in this PEM file"
    )
    publish.add_argument(
        "--force", action="store_true", help="publish a bundle that falls short; its manifest will say so"
    )

    versions = _add(
        commands,
        "versions",
        summary="list the bundles that a store holds",
        example="thinlens versions s3://my-bucket/gallery",
    )
    _add_store(versions)
    versions.add_argument("--json", action="store_true", help="print the list as JSON")

    rollback = _add(
        commands,
        "rollback",
        summary="put an earlier bundle in service again",
        example="thinlens rollback s3://my-bucket/gallery 4720f516e1d95f3b",
    )
    _add_store(rollback)
    rollback.add_argument(
        "bundle", metavar="BUNDLE", nargs="?", help="its id (default: the one that was in service before)"
    )

    prune = _add(
        commands,
        "prune",
        summary="remove older bundles from a store, and the segments and pictures that none of the others has",
        example="thinlens prune s3://my-bucket/gallery --keep 3",
    )
    _add_store(prune)
    prune.add_argument(
        "--keep",
        metavar="N",
        type=positive,
        required=True,
        help="bundles to keep: the one in service, the one before it, then the newest",
    )
    prune.add_argument("--dry-run", action="store_true", help="say what would be removed, and remove nothing")


def _add_evaluate(commands: _Commands) -> None:
    evaluate = _add(
        commands,
        "evaluate",
        summary="measure how well queries find the photos that they describe",
        example="thinlens evaluate --queries queries.jsonl --out my-photos",
    )
    evaluate.add_argument(
        "--queries",
        metavar="FILE",
        type=Path,
        required=True,
        help='a line for each photo: {"file": "dogs/rex.jpg", "captions": ["a dog chases a ball"]}',
    )
    _add_out(evaluate)
    evaluate.add_argument("--json", action="store_true", help="print the numbers as JSON")


def _add_completion(commands: _Commands) -> None:
    completion = _add(
        commands,
        "completion",
        summary="print what lets a shell complete commands, options and files at the tab key",
        example='thinlens completion bash   (in ~/.bashrc: eval "$(thinlens completion bash)")',
    )
    completion.add_argument("shell", choices=SHELLS, help="the shell that reads it")


def _add(commands: _Commands, name: str, *, summary: str, example: str) -> argparse.ArgumentParser:
    return commands.add_parser(
        name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", epilog=f"example: {example}"
    )


def _add_store(command: argparse.ArgumentParser) -> None:
    command.add_argument("store", metavar="STORE", help="s3://bucket/prefix, or a folder")


def _add_selection(search: argparse.ArgumentParser) -> None:
    """What the HTTP interface takes too, under the same names; see handler/web/openapi.json."""
    search.add_argument("--offset", metavar="N", type=int, default=0, help="skip the first N photos (default: 0)")
    search.add_argument(
        "--mode", choices=MODES, default=MODES[0], help="find photos by words, by meaning, or by either"
    )
    search.add_argument("--dedupe", action="store_true", help="of near-duplicates show only the most relevant")
    search.add_argument("--taken-from", metavar="DATE", help="taken in 2024, 2024-05 or 2024-05-06, or later")
    search.add_argument("--taken-to", metavar="DATE", help="taken on that day, in that month or year, or earlier")
    for name, metavar, description in (
        ("not", "TEXT", "leave out photos that show this"),
        ("folder", "FOLDER", "in this folder, or below"),
        ("orientation", "O", "landscape, portrait or square"),
        ("type", "TYPE", "avif, bmp, gif, heic, jp2, jpeg, jxl, png, raw, tiff or webp"),
        ("where", "COLUMN:VALUE", "what a column of your own says: place:Paris, rating:4, rating:3..5"),
    ):
        search.add_argument(
            f"--{name}", metavar=metavar, action="append", default=[], help=f"{description}; may be given several times"
        )


def _add_out(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--out", metavar="DIR", type=_folder, default=DEFAULT_OUT, help=f"the output folder (default: ./{DEFAULT_OUT})"
    )


def _folder(text: str) -> Path:
    if "://" in text:
        raise argparse.ArgumentTypeError(f"{text} is a store, and this command needs an output folder")
    return Path(text)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65_535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port, a number of 0 to 65535")
    return int(text)
