"""Correction: what a person says of photos counts before what was found in them, and costs no more than those photos.

A caption takes the place of what the captioner said, keywords are given or taken away, and photos are hidden: they stay
in the library, and bundles are written without them. Files of photos are never written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from export.bundles.bundling import BundleInService, update_bundle
from export.library.library import Library
from export.library.photo_naming import find_id
from export.library.understanding_table import has_keyword
from export.models.model_choice import ModelChoice
from export.models.model_set import Models
from export.photos.unicode_names import one_form
from export.progress import Progress
from handler.bundle.texts import normalise
from handler.errors import QueryError
from handler.search.query import MAX_QUERY_LENGTH

MAX_KEYWORD_LENGTH = 64

Change = Callable[[Library, Models, Sequence[str]], Sequence[str]]
"""Changes photos in a library, which are given by their ids; returns the ids of those that weren't so before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """The bundle in service, and the ids of the photos that are other than before, in the order in which they came."""

    bundle: BundleInService
    changed: tuple[str, ...]


def correct(
    photos: Sequence[str], change: Change, out: Path, *, models: Models | None = None, progress: Progress | None = None
) -> Corrected:
    """Change what is said of photos, and of all of the same contents, and put a bundle with it in service.

    Args:
        photos: Their ids.
        change: What `caption`, `hidden` or `keyword` gives.
        out: The output folder, which holds a library.
        models: Instead of those that the folder was indexed with.
        progress: Instead of showing it on standard error.

    Raises:
        UnknownPhotoError: The library doesn't have one of the photos; none is changed.
        LibraryInUseError: Another run has it open; none is changed.
        PhotosError: No photo would be left; none is changed.
        ExportError: It can't be used, or no bundle can be written. What is in the library by then comes with the next.
        BundleError: The new bundle doesn't pass its own checks; likewise.
    """
    with Library.open_to_read(out):
        pass  # so that no library is made where none is
    with Library.open(out) as library:
        models = models or ModelChoice.of(out).open(out)
        changed = change(library, models, photos)
        return Corrected(bundle=update_bundle(library, out, models, progress or Progress()), changed=tuple(changed))


def caption(text: str) -> Change:
    """Photos show what the text says; it is as long as a query at most, so that it can be searched for.

    Raises:
        QueryError: It is empty or too long.
    """
    text = normalise(text)
    if not 1 <= len(text) <= MAX_QUERY_LENGTH:
        raise QueryError(f"the caption has {len(text)} characters (expected 1 to {MAX_QUERY_LENGTH})", parameter="text")

    def change(library: Library, models: Models, photos: Sequence[str]) -> Sequence[str]:  # noqa: ARG001 a Change
        for photo in photos:
            library.photos.edit(photo, text)
        return photos

    return change


def hidden(yes: bool) -> Change:
    """Photos are hidden, or shown again."""

    def change(library: Library, models: Models, photos: Sequence[str]) -> Sequence[str]:  # noqa: ARG001 a Change
        before = {photo.id for photo in library.photos.hidden()}
        (library.photos.hide if yes else library.photos.show)(photos)
        return [photo for photo in photos if (photo in before) != yes]

    return change


def keyword(word: str, *, given: bool) -> Change:
    """Photos that are shown get a keyword, or have it no more.

    Raises:
        QueryError: It is empty or too long.
    """
    word = normalise(word)
    if not 1 <= len(word) <= MAX_KEYWORD_LENGTH:
        raise QueryError(
            f"the keyword has {len(word)} characters (expected 1 to {MAX_KEYWORD_LENGTH})", parameter="keyword"
        )

    def change(library: Library, models: Models, photos: Sequence[str]) -> Sequence[str]:
        known = library.understandings.photos(photos, models.understander)
        others = {photo.id for photo in known if has_keyword(photo.columns, word) != given}
        changed = [photo for photo in photos if photo in others]
        library.photos.check(photos)
        library.photos.put_keyword(changed, word, given=given)
        return changed

    return change


def find_photos(names: Sequence[str], out: Path) -> list[str]:
    """The ids of photos that people name: each by its path, or by an end of it that is no other photo's.

    Raises:
        LibraryError: There is no library, it doesn't have a photo, or has several that may be meant.
    """
    with Library.open_to_read(out) as library:
        ids = library.photos.ids()
    return list(dict.fromkeys(find_id(one_form(name), ids) for name in names))


def list_hidden(out: Path) -> list[str]:
    """The ids of the photos that are hidden, those that were hidden last first. Raises LibraryError."""
    with Library.open_to_read(out) as library:
        return [photo.id for photo in library.photos.hidden()]


def correct_caption(
    photo_id: str, text: str, out: Path, *, models: Models | None = None, progress: Progress | None = None
) -> BundleInService:
    """Give a photo, which is named as for `find_photos`, a caption; raises as that, `caption` and `correct` do."""
    change = caption(text)
    return correct(find_photos([photo_id], out), change, out, models=models, progress=progress).bundle
