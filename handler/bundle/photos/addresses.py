"""Addresses: where photos, thumbnails and previews lie, relative to where the gallery's content is served.

A thumbnail, a preview, and a photo that is published, lie under the hash of the photo's content.
"""

from __future__ import annotations

from urllib.parse import quote

PHOTOS = "photos/"
THUMBNAILS = "thumbnails/"
PREVIEWS = "previews/"


def photo_by_id(photo_id: str) -> str:
    """The address of a photo in the folder that was indexed.

    Example: "dogs/rex 1.jpg" -> "photos/dogs/rex%201.jpg"; "/far/rex.jpg" -> "photos/%2Ffar/rex.jpg", as joining
    addresses takes two slashes for one
    """
    quoted = quote(photo_id)
    return PHOTOS + (f"%2F{quoted[1:]}" if quoted.startswith("/") else quoted)


def photo_by_content(content: str, photo_id: str) -> str:
    """The address of a published photo, which is also its key in the store.

    Example: "ab12…", "dogs/Rex.JPG" -> "photos/ab/ab12….jpg"
    """
    name = photo_id.rpartition("/")[2]
    stem, dot, ending = name.rpartition(".")
    suffix = f".{ending.lower()}" if dot and stem.strip(".") and ending else ""
    return f"{PHOTOS}{content[:2]}/{content}{suffix}"


def thumbnail(content: str) -> str:
    """The address of a photo's thumbnail, which is also its key in the store and its path in the output folder.

    Example: "ab12…" -> "thumbnails/ab/ab12….jpg"
    """
    return f"{THUMBNAILS}{content[:2]}/{content}.jpg"


def preview(content: str) -> str:
    """The address of a photo's preview, which is also its key in the store and its path in the output folder.

    Example: "ab12…" -> "previews/ab/ab12….webp"
    """
    return f"{PREVIEWS}{content[:2]}/{content}.webp"
