"""The command line: arguments in, text or JSON out, exceptions turned into one line and an exit code.

Exit 0 is success, 1 failure, 2 wrong usage. What the commands do and print is told by the modules of their themes,
of which only that of the command is imported: each starts as fast as it can.
"""

from __future__ import annotations

import argparse
import codecs
import io
import locale
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from export.cli.arguments import make_parser
from export.errors import ExportError
from handler.errors import QueryError, ThinlensError

Command = Callable[[argparse.Namespace], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: Instead of those of this process.

    Returns:
        The exit code.
    """
    if arguments is None:
        _read_names_as_utf8()
        arguments = [_as_typed(argument) for argument in sys.argv[1:]]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # File names and captions come in every script.
            stream.reconfigure(encoding=_encoding_of_terminal(stream), errors="backslashreplace")
    logging.basicConfig(level=logging.WARNING, format="thinlens: %(message)s")
    try:
        parsed = make_parser(with_models=list(arguments[:1]) == ["models"]).parse_args(arguments)
        run: Command = parsed.run if parsed.command == "models" else _commands_beside(parsed.command)[parsed.command]
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


def _read_names_as_utf8() -> None:
    """Begin this process anew in Python's UTF-8 mode where the locale has another encoding.

    Names of files are UTF-8 whatever the locale says, and so is what they are called in a gallery. The processes that
    this one starts have the same mode.
    """
    if sys.getfilesystemencoding() != "utf-8" and os.environ.get("PYTHONUTF8") != "1":
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _as_typed(argument: str) -> str:
    """An argument that isn't UTF-8 in the encoding of the locale, unless it is the name of a file."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        if not os.path.lexists(argument):
            with suppress(UnicodeDecodeError):
                return os.fsencode(argument).decode(_encoding_of_locale())
    return argument


def _encoding_of_terminal(stream: io.TextIOWrapper) -> str | None:
    """What a terminal shows, where the locale has another encoding than UTF-8; files and pipes get UTF-8."""
    here = _encoding_of_locale()
    return here if stream.isatty() and here != "ascii" and "PYTHONIOENCODING" not in os.environ else None


def _encoding_of_locale() -> str:
    """What Python calls it, UTF-8 where it has no such encoding."""
    try:
        return codecs.lookup(locale.getencoding()).name
    except LookupError:
        return "utf-8"


def _commands_beside(command: str) -> Mapping[str, Command]:
    """The commands of the same theme. No other theme is imported, so that each command starts as fast as it can."""
    if command in ("search", "evaluate"):
        from export.cli.search_commands import COMMANDS
    elif command in ("publish", "versions", "rollback", "prune"):
        from export.cli.store_commands import COMMANDS
    elif command == "completion":
        from export.cli.completion import COMMANDS
    else:
        from export.cli.gallery_commands import COMMANDS
    return COMMANDS


def _fail(error: object, *, code: int) -> int:
    print(f"thinlens: {' '.join(str(error).split())}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
