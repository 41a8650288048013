"""The commands about an output folder: index photos into it, correct what is said of them, serve it, show the demo.

Each imports what it needs when it runs: none of them waits for what only another one uses.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from export.cli.index_command import index
from export.cli.wording import count

if TYPE_CHECKING:
    from export.gallery.correction import Corrected


def _caption(arguments: argparse.Namespace) -> None:
    from export.gallery.correction import correct_caption

    bundle = correct_caption(arguments.photo, arguments.text, arguments.out)
    print(f"{count(bundle.photos, 'photo')} in bundle {bundle.id}")


def _hide(arguments: argparse.Namespace) -> None:
    from export.gallery.correction import correct, find_photos, hidden, list_hidden

    if arguments.photos:
        photos = find_photos(arguments.photos, arguments.out)
        done = correct(photos, hidden(not arguments.undo), arguments.out)
        _tell(done, "shown again" if arguments.undo else "hidden")
        return
    from export.cli.answer_table import printable

    photos = list_hidden(arguments.out)
    for photo in photos:
        print(printable(photo))
    if not photos:
        print("No photo is hidden.", file=sys.stderr)


def _keyword(arguments: argparse.Namespace) -> None:
    from export.gallery.correction import correct, find_photos, keyword

    change = keyword(arguments.word, given=not arguments.undo)
    done = correct(find_photos(arguments.photos, arguments.out), change, arguments.out)
    _tell(done, "changed")


def _tell(done: Corrected, said: str) -> None:
    changed, photos = count(len(done.changed), "photo"), count(done.bundle.photos, "photo")
    print(f"{changed} {said}; {photos} in bundle {done.bundle.id}")


def _serve(arguments: argparse.Namespace) -> None:
    from export.gallery.serving import create_gallery, listen, reaches_others, serve

    gallery = create_gallery(arguments.out, host=arguments.host)
    listener = listen(arguments.port, arguments.host)
    if reaches_others(arguments.host):
        print(
            f"Everyone who can reach {arguments.host} over the network can see and search these photos: nobody is "
            "asked for a password. Without --host only this machine can.",
            file=sys.stderr,
        )
    host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
    print(f"Serving {arguments.out} on http://{host}:{listener.getsockname()[1]}/ (Ctrl-C ends it)", flush=True)
    serve(gallery, listener)


def _demo(arguments: argparse.Namespace) -> None:
    from export.cli.demo import run_demo

    run_demo(photos=arguments.photos, out=arguments.out)


COMMANDS: Mapping[str, Callable[[argparse.Namespace], None]] = {
    "demo": _demo,
    "index": index,
    "serve": _serve,
    "caption": _caption,
    "hide": _hide,
    "keyword": _keyword,
}
