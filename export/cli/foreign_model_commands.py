"""``thinlens models list|safetensors``: models of others that are known to work, and one whose weights are pickles."""

from __future__ import annotations

import argparse
from pathlib import Path

from export.cli.wording import print_json


def add_foreign_model_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands below ``thinlens models``."""
    _add_list(commands)
    _add_safetensors(commands)


def _add_list(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
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


def _add_safetensors(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    summary = "copy a model whose weights are a pickle, with safetensors in its place"
    parser = commands.add_parser(
        "safetensors",
        help=summary,
        description=f"{summary.capitalize()}. Tensors alone are read of the pickle, and no code of it is run.",
        epilog="example: thinlens models safetensors openai/clip-vit-base-patch32 --to clip-b32",
    )
    parser.add_argument("model", metavar="MODEL", help="a folder or a name on Hugging Face")
    parser.add_argument("--to", metavar="DIR", type=Path, required=True, help="the copy, a folder that isn't there yet")
    parser.set_defaults(run=_copy)


def _copy(arguments: argparse.Namespace) -> None:
    from export.errors import ModelError
    from export.models.hub import model_folder

    source = model_folder(arguments.model)
    try:
        from export.conversion.safe_weights import write_safe_copy
    except ModuleNotFoundError as error:
        raise ModelError.needs_training_extra(error) from error
    write_safe_copy(source, arguments.to)
    print(f"{arguments.to}: the same model, its weights as safetensors")
