"""Photo naming: which photo people mean, who seldom type the whole path of one."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

from export.errors import LibraryError, UnknownPhotoError

MAX_NAMED = 10


def find_id(name: str, ids: Collection[str]) -> str:
    """The id of the photo that a name means: the whole path, or the end of it that no other photo shares.

    Example: "rex.jpg" and "dogs/rex.jpg" -> "2024/dogs/rex.jpg", if there is no other rex.jpg

    Raises:
        UnknownPhotoError: There is none.
        LibraryError: There are several, which are named.
    """
    if name in ids:
        return name
    ending = f"/{name}"
    found = sorted(photo_id for photo_id in ids if photo_id.endswith(ending))
    if len(found) == 1:
        return found[0]
    if not found:
        near = get_close_matches(name, ids, n=3)
        meant = f", perhaps {' or '.join(map(repr, near))}" if near else ""
        raise UnknownPhotoError(f"no photo {name!r}; expected its path relative to the folder that was indexed{meant}")
    more = f" and {len(found) - MAX_NAMED:,} more" if len(found) > MAX_NAMED else ""
    raise LibraryError(f"{name!r} may be {', '.join(found[:MAX_NAMED])}{more}; say which one, with its folder")
