"""The commands about an output folder: index photos into it, correct a caption, serve it, show the demo.

Each imports what it needs when it runs: none of them waits for what only another one uses.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from export.cli.wording import count

MAX_FAILURES_SHOWN = 20


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
        f"{count(report.photos, 'photo')} in bundle {report.bundle}:"
        f" {report.read:,} read, {report.forgotten:,} forgotten"
    )
    if report.strangers:
        from export.cli.answer_table import printable

        named = printable(report.strangers[0])
        print(f"{count(len(report.strangers), 'row')} of the columns names no photo, such as {named}", file=sys.stderr)
    if report.failures:
        from export.cli.answer_table import printable

        print(f"{count(len(report.failures), 'photo')} can't be used:", file=sys.stderr)
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


def _caption(arguments: argparse.Namespace) -> None:
    from export.gallery.correction import correct_caption

    bundle = correct_caption(arguments.photo, arguments.text, arguments.out)
    print(f"{count(bundle.photos, 'photo')} in bundle {bundle.id}")


def _serve(arguments: argparse.Namespace) -> None:
    from export.gallery.serving import HOST, create_gallery, listen, serve

    gallery = create_gallery(arguments.out)
    listener = listen(arguments.port)
    print(f"Serving {arguments.out} on http://{HOST}:{listener.getsockname()[1]}/ (Ctrl-C ends it)", flush=True)
    serve(gallery, listener)


def _demo(arguments: argparse.Namespace) -> None:
    from export.cli.demo import run_demo

    run_demo(photos=arguments.photos, out=arguments.out)


COMMANDS: Mapping[str, Callable[[argparse.Namespace], None]] = {
    "demo": _demo,
    "index": _index,
    "serve": _serve,
    "caption": _caption,
}
