"""The commands about an output folder: index photos into it, correct a caption, serve it, show the demo.

Each imports what it needs when it runs: none of them waits for what only another one uses.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from export.cli.wording import count

if TYPE_CHECKING:
    from export.gallery.forgetting import MayForget
    from export.library.records import Failure

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
        may_forget=_may_forget(arguments),
    )
    passed_over = ", ".join(_of_kind(number, kind) for kind, number in report.passed_over.items())
    print(
        f"{count(report.photos, 'photo')} in bundle {report.bundle}:"
        f" {report.read:,} read, {report.forgotten:,} forgotten" + (passed_over and f"; {passed_over} passed over")
    )
    if report.missing:
        from export.cli.answer_table import printable

        print(
            f"{count(len(report.missing), 'photo')} of {report.photos:,} can't be found, such as "
            f"{printable(report.missing[0])}, and stay in the bundle: is a disk missing? --forget lets go of what is "
            "gone",
            file=sys.stderr,
        )
    if report.strangers:
        from export.cli.answer_table import printable

        named = printable(report.strangers[0])
        print(f"{count(len(report.strangers), 'row')} of the columns names no photo, such as {named}", file=sys.stderr)
    _list(report.failures, "can't be used")
    _list(report.damaged, "read, yet damaged")


def _list(photos: Sequence[Failure], state: str) -> None:
    """Name photos with what is wrong with each."""
    if not photos:
        return
    from export.cli.answer_table import printable

    print(f"{count(len(photos), 'photo')} {state}:", file=sys.stderr)
    for photo in photos[:MAX_FAILURES_SHOWN]:
        print(f"  {printable(photo.path)}: {printable(photo.reason)}", file=sys.stderr)
    if len(photos) > MAX_FAILURES_SHOWN:
        print(f"  and {len(photos) - MAX_FAILURES_SHOWN:,} more", file=sys.stderr)


def _of_kind(number: int, kind: str) -> str:
    """Example: ``"12 videos"``, ``"3 PSD"``."""
    return f"{number:,} {kind}" if kind.isupper() else count(number, kind)


def _may_forget(arguments: argparse.Namespace) -> MayForget:
    from export.gallery.forgetting import always

    return always if arguments.forget else _ask


def _ask(gone: Sequence[str], known: int) -> bool:
    """Whether photos may be forgotten, asked at a terminal; where there is none, nobody says so."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    from export.cli.answer_table import printable

    print(
        f"{len(gone):,} of {count(known, 'photo')} can't be found, such as {printable(gone[0])}. Forget them? [y/N] ",
        end="", file=sys.stderr, flush=True,
    )  # fmt: skip
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _photos(arguments: argparse.Namespace) -> Path:
    """The folder or the list that PHOTOS names; what lies in a bucket becomes a folder."""
    if "://" not in arguments.photos:
        return Path(arguments.photos)
    from export.gallery.fetching import fetch_photos
    from export.progress import Progress
    from export.storage.schemes import open_store

    return fetch_photos(
        open_store(arguments.photos),
        arguments.out,
        exclude=arguments.exclude,
        progress=Progress(),
        may_forget=_may_forget(arguments),
    )


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
