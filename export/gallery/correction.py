"""Correction: a person's caption takes the place of what the captioner said, and one photo is embedded anew."""

from __future__ import annotations

from pathlib import Path

from export.bundles.bundling import BundleInService, update_bundle
from export.library.library import Library
from export.library.photo_naming import find_id
from export.models.model_choice import ModelChoice
from export.models.model_set import Models
from export.photos.unicode_names import one_form
from export.progress import Progress
from handler.bundle.texts import normalise
from handler.errors import QueryError
from handler.search.query import MAX_QUERY_LENGTH


def correct_caption(
    photo_id: str, text: str, out: Path, *, models: Models | None = None, progress: Progress | None = None
) -> BundleInService:
    """Give a photo, and all of the same content, a caption, and put a bundle with it in service.

    Args:
        photo_id: The photo's path relative to the folder that was indexed, or an end of it that is no other photo's.
        text: What the photo shows; as long as a query at most, so that it can be searched for.
        out: The output folder, which holds a library.
        models: Instead of those that the folder was indexed with.
        progress: Instead of showing it on standard error.

    Raises:
        QueryError: The text is empty or too long.
        ExportError: The library doesn't have the photo, or has several that may be meant; or it can't be used.
    """
    text = normalise(text)
    photo_id = one_form(photo_id)
    if not 1 <= len(text) <= MAX_QUERY_LENGTH:
        raise QueryError(f"the caption has {len(text)} characters (expected 1 to {MAX_QUERY_LENGTH})", parameter="text")
    with Library.open_to_read(out) as library:  # so that no library is made where none is
        photo_id = find_id(photo_id, library.photos.ids())
    with Library.open(out) as library:
        library.photos.edit(photo_id, text)
        return update_bundle(library, out, models or ModelChoice.of(out).open(out), progress or Progress())
