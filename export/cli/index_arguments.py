"""The arguments of ``thinlens index``: which photos, where to, with which models, on which machines."""

from __future__ import annotations

import argparse
from pathlib import Path

DEFAULT_OUT = Path("thinlens-out")


def add_index_arguments(index: argparse.ArgumentParser) -> None:
    """Add what the command takes to its parser."""
    index.add_argument("photos", metavar="PHOTOS", help="a folder, a file with one path a line, or s3://bucket/prefix")
    index.add_argument(
        "--out",
        metavar="DIR",
        default=str(DEFAULT_OUT),
        help=f"the output folder (default: ./{DEFAULT_OUT}); with --engine ray also s3://bucket/prefix",
    )
    index.add_argument(
        "--exclude",
        metavar="GLOB",
        action="append",
        default=[],
        help="leave out photos and folders of this name or relative path; may be given several times",
    )
    index.add_argument(
        "--forget",
        action="store_true",
        help="let photos go that can't be found, even where they are more than a tenth of all",
    )
    index.add_argument(
        "--models",
        metavar="DIR",
        help="what 'thinlens models export' wrote: encoder, captioner, calibration (default: the shipped ones)",
    )
    index.add_argument(
        "--captioner",
        metavar="MODEL",
        help="a folder or a name on Hugging Face: a model of your own that makes text of pictures, as BLIP or SmolVLM"
        " (default: the shipped one). The shipped visual view stays",
    )
    index.add_argument(
        "--encoder",
        metavar="MODEL",
        help="a folder, a name on Hugging Face, or open_clip:ARCHITECTURE/TAG: a model that sees and reads, as CLIP or"
        " SigLIP, or a sentence-transformers model, by which photos are found by their captions alone (default: the"
        " shipped one)",
    )
    index.add_argument(
        "--languages",
        action="store_true",
        help="let people ask, and write captions, in many languages: another encoder goes into the bundle",
    )
    index.add_argument(
        "--instruction",
        metavar="TEXT",
        action="append",
        default=[],
        help="what the captioner is asked of every photo, in place of its own choice; may be given several times",
    )
    index.add_argument(
        "--columns",
        metavar="FILE",
        type=Path,
        help="what you know of the photos, to filter by: a CSV or JSON file (default: PHOTOS/columns.csv or .json)",
    )
    index.add_argument(
        "--read-text",
        action="store_true",
        help="read the text in photos too, of those that are indexed already as well (needs: make setup EXTRAS=ocr)",
    )
    index.add_argument(
        "--workers",
        metavar="N",
        type=positive,
        help="processes that read photos (default: as many as there are cores)",
    )
    index.add_argument("--json", action="store_true", help="print what the run did as JSON")
    _add_engine(index)


def _add_engine(index: argparse.ArgumentParser) -> None:
    index.add_argument(
        "--engine",
        choices=("processes", "ray"),
        default="processes",
        help="what reads photos: processes here, or Ray, here or on a cluster (needs: make setup EXTRAS=ray)",
    )
    index.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="the Ray cluster that reads, or auto for the one that this machine is in (default: Ray here alone)",
    )
    index.add_argument(
        "--work",
        metavar="DIR",
        type=Path,
        help="with --out s3://…: where this machine's library is kept, so that later runs read and send what is new",
    )
    index.add_argument(
        "--force",
        action="store_true",
        help="with --out s3://…: put a bundle in service that falls short; its manifest will say so",
    )


def positive(text: str) -> int:
    """A number of 1 or more."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 1 or more")
    return int(text)
