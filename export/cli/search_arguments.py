"""The arguments of ``thinlens search``: what is asked, and which photos may be answered."""

from __future__ import annotations

import argparse
from pathlib import Path

from handler.search.query import MODES


def add_search_arguments(search: argparse.ArgumentParser) -> None:
    """Add them, but for the output folder."""
    search.add_argument(
        "query", metavar="QUERY", nargs="*", help="what the photo shows, in words; with --image it may be left out"
    )
    search.add_argument("--image", metavar="FILE", type=Path, help="a picture that the photos should be like")
    search.add_argument(
        "--image-weight", metavar="W", type=float, default=1.0, help="how much it counts beside QUERY (default: 1)"
    )
    search.add_argument("-k", metavar="N", type=int, default=10, help="photos wanted, 1 to 100 (default: 10)")
    search.add_argument(
        "--min-relevance", metavar="R", type=float, help="leave out what is less relevant, 0 to 1 (default: calibrated)"
    )
    _add_selection(search)
    search.add_argument("--json", action="store_true", help="print the answer as JSON")


def _add_selection(search: argparse.ArgumentParser) -> None:
    """What the HTTP interface takes too, under the same names; see handler/web/openapi.json."""
    search.add_argument("--offset", metavar="N", type=int, default=0, help="skip the first N photos (default: 0)")
    search.add_argument(
        "--mode", choices=MODES, default=MODES[0], help="find photos by words, by meaning, or by either"
    )
    search.add_argument("--dedupe", action="store_true", help="of near-duplicates show only the most relevant")
    search.add_argument("--taken-from", metavar="DATE", help="taken in 2024, 2024-05 or 2024-05-06, or later")
    search.add_argument("--taken-to", metavar="DATE", help="taken on that day, in that month or year, or earlier")
    for name, metavar, description in (
        ("not", "TEXT", "leave out photos that show this"),
        ("folder", "FOLDER", "in this folder, or below"),
        ("orientation", "O", "landscape, portrait or square"),
        ("type", "TYPE", "avif, bmp, gif, heic, jp2, jpeg, jxl, png, raw, tiff or webp"),
        ("where", "COLUMN:VALUE", "what a column of your own says: place:Paris, rating:4, rating:3..5"),
    ):
        search.add_argument(
            f"--{name}", metavar=metavar, action="append", default=[], help=f"{description}; may be given several times"
        )
