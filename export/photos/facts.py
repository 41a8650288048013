"""Facts: what decoding finds out about a photo, without any model.

It knows nothing of how images are decoded, so that a run with nothing to decode need not load a decoder.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoFacts:
    """What is known of the content of an image file.

    Attributes:
        width: Of the upright photo, in pixels.
        height: Of the upright photo, in pixels.
        type: The file's format as it is, whatever its name says: "jpeg", "png", "webp", "gif", "tiff", "avif", "heic".
        taken: When the photo was taken, ISO 8601, with the offset from UTC where the camera recorded it.
        placeholder: What is shown until the thumbnail is there: mean sRGB colours of a grid 4 wide and 3 high, row by
            row, 72 hexadecimal digits.
        fingerprint: Hash of 128 bits, 32 hexadecimal digits, of which copies of a photo that were scaled, compressed
            or brightened differ in few.
    """

    width: int
    height: int
    type: str
    taken: str | None
    placeholder: str
    fingerprint: str
