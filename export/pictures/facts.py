"""Facts: what decoding finds out about a photo, without any model.

It knows nothing of how images are decoded, so that a run with nothing to decode need not load a decoder.
"""

from __future__ import annotations

from dataclasses import dataclass

from export.pictures.dates import Noted

READER = 3
"""Counts what is read of photos: facts from an older reader are read anew, without asking the captioner again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoFacts:
    """What is known of the content of an image file.

    Attributes:
        width: Of the upright photo, in pixels.
        height: Of the upright photo, in pixels.
        type: The file's format as it is, whatever its name says: "jpeg", "png", "webp", "gif", "tiff", "avif", "heic",
            "jxl", "jp2", "bmp", "raw".
        taken: When the photo was taken, ISO 8601, with the offset from UTC where the camera recorded it; a day alone
            where only the day is certain.
        placeholder: What is shown until the thumbnail is there: mean sRGB colours of a grid 4 wide and 3 high, row by
            row, 72 hexadecimal digits.
        fingerprint: Hash of 128 bits, 32 hexadecimal digits, of which copies of a photo that were scaled, compressed
            or brightened differ in few.
        noted: Who noted when it was taken.
        latitude: Where it was taken, WGS 84, in degrees, north above zero.
        longitude: Likewise, east above zero.
        damage: What of the file is missing, if something is.
        written: What people wrote into the file, if they did, as JSON: a text, a number or a list of texts by
            "description", "keywords", "rating", "title".
    """

    width: int
    height: int
    type: str
    taken: str | None
    placeholder: str
    fingerprint: str
    noted: Noted | None = None
    latitude: float | None = None
    longitude: float | None = None
    damage: str | None = None
    written: str | None = None
