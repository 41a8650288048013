"""``thinlens models list``: which models are known to work, and what they cost."""

from __future__ import annotations

import argparse

from export.cli.wording import print_json


def add_list_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command below ``thinlens models``."""
    summary = "which models are known to work, and what they cost to index and to serve"
    parser = commands.add_parser(
        "list", help=summary, description=f"List {summary}.", epilog="example: thinlens models list --json"
    )
    parser.add_argument("--json", action="store_true", help="print the list as JSON")
    parser.set_defaults(run=_list)


def _list(arguments: argparse.Namespace) -> None:
    from export.models.known_models import known_models_json, known_models_text

    if arguments.json:
        print_json({"models": known_models_json()})
    else:
        print(known_models_text())
