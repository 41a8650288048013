"""The command line: arguments in, text or JSON out, exceptions turned into one line and an exit code.

Exit 0 is success, 1 failure, 2 wrong usage. What a command does is told by the modules that it calls, which are
imported when it runs, so that each command starts as fast as it can.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from export.cli.arguments import make_parser
from export.errors import ExportError
from handler.errors import QueryError, ThinlensError

MAX_FAILURES_SHOWN = 20

Command = Callable[[argparse.Namespace], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: Instead of those of this process.

    Returns:
        The exit code.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names and captions come in every script
    logging.basicConfig(level=logging.WARNING, format="thinlens: %(message)s")
    try:
        parsed = make_parser(with_models=list(arguments[:1]) == ["models"]).parse_args(arguments)
        run: Command = parsed.run if parsed.command == "models" else _COMMANDS[parsed.command]
        run(parsed)
        sys.stdout.flush()
    except QueryError as error:
        return _fail(error, code=2)
    except (ExportError, ThinlensError) as error:
        return _fail(error, code=1)
    except KeyboardInterrupt:
        return _fail("interrupted; run the command again to go on where it was", code=1)
    except BrokenPipeError:  # whoever read the output has enough of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def _fail(error: object, *, code: int) -> int:
    print(f"thinlens: {' '.join(str(error).split())}", file=sys.stderr)
    return code


def _index(arguments: argparse.Namespace) -> None:
    from export.gallery.indexing import index_photos
    from export.models.model_choice import ModelChoice

    report = index_photos(
        _photos(arguments),
        arguments.out,
        exclude=arguments.exclude,
        columns=arguments.columns,
        workers=arguments.workers,
        choice=ModelChoice(
            models=arguments.models,
            captioner=arguments.captioner,
            encoder=arguments.encoder,
            instructions=tuple(arguments.instruction),
        ),
    )
    print(
        f"{_count(report.photos, 'photo')} in bundle {report.bundle}:"
        f" {report.read:,} read, {report.forgotten:,} forgotten"
    )
    if report.strangers:
        from export.cli.answer_table import printable

        named = printable(report.strangers[0])
        print(f"{_count(len(report.strangers), 'row')} of the columns names no photo, such as {named}", file=sys.stderr)
    if report.failures:
        from export.cli.answer_table import printable

        print(f"{_count(len(report.failures), 'photo')} can't be used:", file=sys.stderr)
        for failure in report.failures[:MAX_FAILURES_SHOWN]:
            print(f"  {printable(failure.path)}: {printable(failure.reason)}", file=sys.stderr)
        if len(report.failures) > MAX_FAILURES_SHOWN:
            print(f"  and {len(report.failures) - MAX_FAILURES_SHOWN:,} more", file=sys.stderr)


def _photos(arguments: argparse.Namespace) -> Path:
    """The folder or the list that PHOTOS names; what lies in a bucket becomes a folder."""
    if "://" not in arguments.photos:
        return Path(arguments.photos)
    from export.gallery.fetching import fetch_photos
    from export.progress import Progress
    from export.storage.schemes import open_store

    return fetch_photos(open_store(arguments.photos), arguments.out, exclude=arguments.exclude, progress=Progress())


def _search(arguments: argparse.Namespace) -> None:
    from export.cli.answer_table import answer_table
    from handler.search.filters import Filters
    from handler.search.query import Query
    from handler.search.searcher import Searcher
    from handler.search.selection import Selection
    from handler.store.folder_store import open_bundle

    searcher = Searcher(open_bundle(arguments.out / "bundle"))
    selection = Selection(
        k=arguments.k,
        offset=arguments.offset,
        min_relevance=arguments.min_relevance,
        dedupe=arguments.dedupe,
        filters=Filters(
            folders=tuple(arguments.folder),
            taken_from=arguments.taken_from,
            taken_to=arguments.taken_to,
            orientations=tuple(arguments.orientation),
            types=tuple(arguments.type),
            where=tuple(arguments.where),
        ),
    )
    query = Query(texts=(arguments.query,), without=tuple(getattr(arguments, "not")))
    answer = searcher.search(query, selection=selection)
    if arguments.json:
        _print_json(answer)
    else:
        print(answer_table(answer, width=shutil.get_terminal_size().columns))


def _serve(arguments: argparse.Namespace) -> None:
    from export.gallery.serving import HOST, create_gallery, listen, serve

    gallery = create_gallery(arguments.out)
    listener = listen(arguments.port)
    print(f"Serving {arguments.out} on http://{HOST}:{listener.getsockname()[1]}/ (Ctrl-C ends it)", flush=True)
    serve(gallery, listener)


def _caption(arguments: argparse.Namespace) -> None:
    from export.gallery.correction import correct_caption

    bundle = correct_caption(arguments.photo, arguments.text, arguments.out)
    print(f"{_count(bundle.photos, 'photo')} in bundle {bundle.id}")


def _evaluate(arguments: argparse.Namespace) -> None:
    from export.evaluation.retrieval import evaluate, read_queries
    from export.progress import Progress
    from handler.search.searcher import Searcher
    from handler.store.folder_store import open_bundle

    queries = read_queries(arguments.queries)
    evaluation = evaluate(Searcher(open_bundle(arguments.out / "bundle")), queries, Progress())
    if arguments.json:
        _print_json(evaluation)
        return
    recall = "  ".join(f"R@{k} {share:.1%}" for k, share in evaluation["recall"].items())
    print(
        f"{evaluation['queries']:,} queries: {recall}  median rank {evaluation['median_rank']:g}\n"
        f"relevance: ECE {evaluation['ece']:.3f}  Brier {evaluation['brier']:.3f}"
        f"  off-topic queries answered {evaluation['off_topic_answer_rate']:.1%}\n"
        f"took: p50 {evaluation['took_ms_p50']:.1f} ms  p99 {evaluation['took_ms_p99']:.1f} ms"
    )


def _in_store(arguments: argparse.Namespace) -> None:
    from export.cli.store_commands import COMMANDS

    COMMANDS[arguments.command](arguments)


def _demo(arguments: argparse.Namespace) -> None:
    from export.cli.demo import run_demo

    run_demo(photos=arguments.photos, out=arguments.out)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _print_json(answer: object) -> None:
    """JSON is UTF-8 (RFC 8259, section 8.1), whatever the terminal's encoding is."""
    sys.stdout.buffer.write(json.dumps(answer, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")


_COMMANDS: dict[str, Command] = {
    "demo": _demo,
    "index": _index,
    "search": _search,
    "serve": _serve,
    "caption": _caption,
    "publish": _in_store,
    "versions": _in_store,
    "rollback": _in_store,
    "prune": _in_store,
    "evaluate": _evaluate,
}


if __name__ == "__main__":
    sys.exit(main())
