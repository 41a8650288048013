"""The demo: photos -> bundle -> answers in the terminal and a contact sheet to look at, in one go.

It does nothing that the other commands don't do; it puts them one after the other and says what to do next.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from export.cli.answer_table import answer_table
from export.disk.whole_files import write_whole
from export.errors import LibraryError, OutputError
from export.evaluation.contact_sheet import SheetPhoto, contact_sheet, is_contact_sheet
from export.gallery.forgetting import always, never
from export.gallery.in_service import open_in_service
from export.gallery.indexing import index_photos
from export.library.database import LIBRARY_FILE
from export.library.library import Library
from export.photos.samples import copy_samples
from handler.bundle.photos.addresses import thumbnail as thumbnail_address
from handler.search.answers import SearchAnswer
from handler.search.searcher import Searcher

# The last one is about something that none of the sample photographs shows.
SAMPLE_QUERIES: tuple[str, ...] = (
    "cat",
    "motorcycle",
    "coffee",
    "an orange flower",
    "a man with a camera",
    "children playing football",
)

OWN_QUERIES: tuple[str, ...] = (
    "people smiling at the camera",
    "a dog",
    "food on a table",
    "mountains and water",
    "cars in a street",
)

RESULTS_PER_QUERY = 3


def run_demo(*, photos: Path | None, out: Path) -> None:
    """Index some photos, ask a few queries, and write the contact sheet.

    Args:
        photos: A folder of photos; None for the sample photographs, which are copied to "samples" in `out`.
        out: Where the library, the bundle and the contact sheet go.

    Raises:
        ExportError: The photos can't be indexed, or `out` holds the library of other photos.
    """
    queries = OWN_QUERIES
    if photos is None:
        photos, queries = _samples(out), SAMPLE_QUERIES
    started = time.perf_counter()
    # Sample photographs make room for a folder of one's own unasked.
    report = index_photos(photos, out, may_forget=always if _holds_samples(out) else never)
    print(f"{report.photos:,} photos captioned and indexed in {time.perf_counter() - started:.1f} s.")
    if report.failures:
        print(f"{len(report.failures):,} files could not be read; 'thinlens index' says why.")
    with open_in_service(out) as bundle:
        searcher = Searcher(bundle)
        answers = [searcher.search(query, k=RESULTS_PER_QUERY) for query in queries]
        photos_of_sheet = list(_sheet_photos(searcher, out))
    _print_answers(answers)
    sheet = out / "contact-sheet.html"
    if os.path.lexists(sheet) and not is_contact_sheet(sheet):
        raise OutputError(f"{sheet} is no contact sheet of Thinlens and stays; choose another --out")
    write_whole(sheet, contact_sheet(photos_of_sheet, answers).encode())
    _print_next_steps(sheet, out)


def _holds_samples(out: Path) -> bool:
    if not (out / LIBRARY_FILE).is_file():
        return False
    with Library.open(out) as library:
        return library.photos.root() == (out / "samples").resolve()


def _samples(out: Path) -> Path:
    """The folder of the sample photographs, filled."""
    folder = out / "samples"
    if (out / LIBRARY_FILE).exists() and not folder.is_dir():
        raise LibraryError(
            f"{out} holds the library of other photos, which the sample photographs would replace: "
            "name another folder with --out"
        )
    copy_samples(folder)
    return folder


def _sheet_photos(searcher: Searcher, out: Path) -> Iterator[SheetPhoto]:
    """Every photo of the bundle, with its thumbnail from the folder beside it."""
    photos = searcher.bundle.photos
    for record in sorted((photos.record(number) for number in photos.present().tolist()), key=lambda found: found.id):
        thumbnail = out / thumbnail_address(record.content)
        yield SheetPhoto(
            id=record.id,
            caption=record.captions[0].text if record.captions else "",
            thumbnail=thumbnail.read_bytes() if thumbnail.is_file() else b"",
            width=record.width,
            height=record.height,
        )


def _print_answers(answers: Sequence[SearchAnswer]) -> None:
    width = min(shutil.get_terminal_size().columns, 120)
    for answer in answers:
        print(f"\n“{answer['query']}”\n{answer_table(answer, width=width)}")


def _print_next_steps(sheet: Path, out: Path) -> None:
    """Say how to go on, with commands that can be pasted as they are."""
    where = "" if out == Path("thinlens-out") else f" --out {shlex.quote(str(out))}"
    thinlens = _command()
    print(
        f"\nLook at the contact sheet:   file://{sheet.resolve()}"
        f"\nSearch yourself:             {thinlens} search 'a cat on a blanket'{where}"
        f"\nOpen the search page:        {thinlens} serve{where}"
        f"\nIndex your own photos:       {thinlens} index ~/Pictures --out my-photos"
    )


def _command() -> str:
    """How the reader can call the command: by its name where the shell finds it, else by where it lies."""
    called = Path(sys.argv[0])
    found = shutil.which("thinlens")
    if called.name != "thinlens" or (found is not None and called.resolve() == Path(found).resolve()):
        return "thinlens"
    near = os.path.relpath(called)
    return shlex.quote(str(called.absolute()) if near.startswith("..") else near)
