"""The commands about an output folder: index photos into it, correct a caption, serve it, show the demo.

Each imports what it needs when it runs: none of them waits for what only another one uses.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping

from export.cli.index_command import index
from export.cli.wording import count


def _caption(arguments: argparse.Namespace) -> None:
    from export.gallery.correction import correct_caption

    bundle = correct_caption(arguments.photo, arguments.text, arguments.out)
    print(f"{count(bundle.photos, 'photo')} in bundle {bundle.id}")


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
}
