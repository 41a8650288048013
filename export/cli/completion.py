"""The command ``thinlens completion``: a script by which a shell completes the others, made of their own arguments.

It is made once, when a shell starts; nothing of Thinlens runs when somebody presses the tab key.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping

from export.cli.arguments import make_parser
from export.errors import OutputError

_FOLDERS = {"DIR"}
_FILES = {"FILE", "PHOTOS", "DIR|FILE.jsonl", "STORE", "MODEL"}


def _completion(arguments: argparse.Namespace) -> None:
    try:
        import shtab  # not with any other command
    except ImportError as error:
        raise OutputError(
            "completion needs shtab, which isn't there; install Thinlens anew with: make setup"
        ) from error
    parser = make_parser(with_models=True)
    for action in _actions(parser):
        # Where a value is a file or a folder, the shell is told so.
        if action.metavar in _FOLDERS:
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        elif action.metavar in _FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
    print(shtab.complete(parser, arguments.shell))


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """The arguments of a parser and of the commands below it."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from _actions(below)


COMMANDS: Mapping[str, Callable[[argparse.Namespace], None]] = {"completion": _completion}
