"""The command ``thinlens index``: what it prints for people, and what it asks them.

It imports what it needs when it runs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from export.cli.wording import count, print_json
from export.disk.model_files import has_image_tower

if TYPE_CHECKING:
    from export.gallery.forgetting import MayForget
    from export.gallery.indexing import IndexReport
    from export.library.records import Failure
    from export.models.model_choice import ModelChoice
    from export.understanding.engine import Engine
    from export.understanding.text.text_reader import TextReaderSource

MAX_FAILURES_SHOWN = 20


def index(arguments: argparse.Namespace) -> None:
    """Run the command."""
    _check_engine(arguments)
    if "://" in arguments.out:
        _index_into_store(arguments)
        return
    from export.gallery.indexing import index_photos

    _tell_of_encoder(arguments.encoder)
    out = Path(arguments.out)
    report = index_photos(
        _photos(arguments, out),
        out,
        exclude=arguments.exclude,
        columns=arguments.columns,
        workers=arguments.workers,
        choice=_choice(arguments),
        may_forget=_may_forget(arguments),
        text_reader=_text_reader(arguments),
        engine=_engine(arguments),
    )
    if arguments.json:
        print_json(_answer(report))
    else:
        _tell(report)


class _Failure(TypedDict):
    """A photo, and what is wrong with it."""

    id: str
    reason: str


class IndexAnswer(TypedDict):
    """What ``index --json`` prints; lists are of ids, and `text` is None where none was looked for."""

    bundle: str
    photos: int
    read: int
    forgotten: int
    passed_over: dict[str, int]
    text: dict[str, int] | None
    missing: list[str]
    strangers: list[str]
    failures: list[_Failure]
    damaged: list[_Failure]
    unread: list[_Failure]


def _answer(report: IndexReport) -> IndexAnswer:
    texts = report.texts
    return {
        "bundle": report.bundle,
        "photos": report.photos,
        "read": report.read,
        "forgotten": report.forgotten,
        "passed_over": dict(report.passed_over),
        "text": None if texts is None else {"read": texts.read, "with_text": texts.with_text},
        "missing": list(report.missing),
        "strangers": list(report.strangers),
        "failures": _failures(report.failures),
        "damaged": _failures(report.damaged),
        "unread": _failures(report.unread),
    }


def _failures(photos: Sequence[Failure]) -> list[_Failure]:
    return [{"id": photo.path, "reason": photo.reason} for photo in photos]


def _tell_of_encoder(encoder: str | None) -> None:
    """Say before the work, which may take hours, what an encoder of one's own leaves out."""
    if encoder is None or has_image_tower(Path(encoder).expanduser()):
        return
    from export.models.dual_encoders import OPEN_CLIP, dual_folder, licence_of
    from export.models.encoders import kind_of_encoder
    from export.models.hub import model_folder

    if encoder.startswith(OPEN_CLIP):
        return
    folder = model_folder(encoder)
    kind_of_encoder(folder, encoder)  # which refuses what is none
    if dual_folder(folder) is None:
        print(
            f"{encoder} has no image tower, and the shipped visual view doesn't fit it. Photos will be found by their "
            "captions alone, and fewer of them; take one that has, such as CLIP, or train a captioner that fits: "
            "thinlens models train --encoder",
            file=sys.stderr,
        )
    elif licence_of(folder) is None:
        print(f"{encoder} says nothing of its licence; see that you may use it as you do.", file=sys.stderr)


def _check_engine(arguments: argparse.Namespace) -> None:
    """Refuse what doesn't go together."""
    from export.errors import ClusterError, OutputError

    into_store = "://" in arguments.out
    if arguments.engine != "ray":
        if into_store:
            raise OutputError(
                f"{arguments.out} is indexed into with --engine ray; add it, or index into a folder, then: "
                f"thinlens publish {arguments.out} --out DIR"
            )
        if arguments.address:
            raise ClusterError("--address is that of a Ray cluster; add --engine ray")
    if into_store and "://" not in arguments.photos:
        raise OutputError(
            f"{arguments.photos} lies on this machine and {arguments.out} in a bucket; index photos of a bucket, "
            f"s3://…, or index into a folder, then: thinlens publish {arguments.out} --out DIR"
        )
    if into_store and arguments.read_text:
        raise OutputError(
            f"--read-text doesn't go with --out {arguments.out} yet; leave it out, or index into a folder, with Ray or "
            f"without, then: thinlens publish {arguments.out} --out DIR"
        )
    if not into_store and (arguments.work or arguments.force):
        raise OutputError("--work and --force belong to --out s3://…; leave them out")


def _engine(arguments: argparse.Namespace) -> Engine | None:
    if arguments.engine != "ray":
        return None
    from export.cluster.ray_engine import RayEngine

    return RayEngine(address=arguments.address, readers=arguments.workers)


def _text_reader(arguments: argparse.Namespace) -> TextReaderSource | None:
    if not arguments.read_text:
        return None
    from export.understanding.text.rapid_text_reader import RapidTextReaderSource

    return RapidTextReaderSource.open()


def _index_into_store(arguments: argparse.Namespace) -> None:
    from export.cluster.cluster_indexing import ClusterChoices, index_on_cluster

    done = index_on_cluster(
        arguments.photos,
        arguments.out,
        ClusterChoices(
            exclude=arguments.exclude,
            columns=arguments.columns,
            work=arguments.work,
            readers=arguments.workers,
            address=arguments.address,
            choice=_choice(arguments),
            may_forget=_may_forget(arguments),
            force=arguments.force,
        ),
    )
    if arguments.json:
        print_json({**_answer(done.index), "sent_bytes": done.publication.sent_bytes})
        return
    _tell(done.index)
    print(f"It is in service in {arguments.out}: {done.publication.sent_bytes / 1e6:,.1f} MB sent.")


def _choice(arguments: argparse.Namespace) -> ModelChoice:
    from export.models.model_choice import ModelChoice

    return ModelChoice(
        models=arguments.models,
        captioner=arguments.captioner,
        encoder=arguments.encoder,
        instructions=tuple(arguments.instruction),
        languages=arguments.languages,
    )


def _tell(report: IndexReport) -> None:
    """Print what a run did."""
    passed_over = ", ".join(_of_kind(number, kind) for kind, number in report.passed_over.items())
    print(
        f"{count(report.photos, 'photo')} in bundle {report.bundle}:"
        f" {report.read:,} read, {report.forgotten:,} forgotten" + (passed_over and f"; {passed_over} passed over")
    )
    if report.texts is not None:
        read, with_text = count(report.texts.read, "photo"), report.texts.with_text
        print(f"Text was looked for in {read}, and found in {with_text:,}.")
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
    _list(report.unread, "whose text can't be read")


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


def _photos(arguments: argparse.Namespace, out: Path) -> Path:
    """The folder or the list that PHOTOS names; what lies in a bucket becomes a folder."""
    if "://" not in arguments.photos:
        return Path(arguments.photos)
    from export.gallery.fetching import fetch_photos
    from export.progress import Progress
    from export.storage.schemes import open_store

    return fetch_photos(
        open_store(arguments.photos),
        out,
        exclude=arguments.exclude,
        progress=Progress(),
        may_forget=_may_forget(arguments),
    )
