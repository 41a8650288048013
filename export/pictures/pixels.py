"""Pixels: a decoded image of any mode becomes a small, opaque one in sRGB.

It knows nothing of files and formats.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms

from export.errors import BrokenPhotoError

MAX_PIXELS = 200_000_000
_BAND_PIXELS = 4_000_000


def check_size(width: int, height: int) -> None:
    """Check that an image isn't larger than what is decoded; raises BrokenPhotoError."""
    if width * height > MAX_PIXELS:
        raise BrokenPhotoError(
            f"{width} x {height} is {width * height / 1e6:.1f} megapixels; the limit is {MAX_PIXELS // 1_000_000}"
        )


def shrink(image: Image.Image, wanted: int, *, alike: bool = False) -> Image.Image:
    """Shrink by whole factors, and flatten.

    Band by band, so that flattening and converting a large image doesn't copy it.

    Args:
        image: A loaded image of any mode.
        wanted: Pixels that each side keeps at least, where it has as many.
        alike: Whether both sides are shrunk by the same factor.

    Returns:
        An opaque image of mode L, RGB, CMYK or LAB; transparent parts are white.
    """
    width, height = image.size
    factor_x, factor_y = max(1, width // wanted), max(1, height // wanted)
    if alike:
        factor_x = factor_y = min(factor_x, factor_y)
    black, white = _displayed_range(image)
    if factor_x == factor_y == 1 and width * height <= _BAND_PIXELS:
        return _flatten(image, black, white)
    small: Image.Image | None = None
    rows = max(1, _BAND_PIXELS // (width * factor_y)) * factor_y
    for top in range(0, height, rows):
        band = _flatten(image.crop((0, top, width, min(top + rows, height))), black, white)
        if small is None:
            small = Image.new(band.mode, (-(-width // factor_x), -(-height // factor_y)))
        small.paste(band.reduce((factor_x, factor_y)), (0, top // factor_y))
    if small is None:
        raise BrokenPhotoError(f"the image is {width} x {height} pixels, expected at least 1 x 1")
    return small


def _displayed_range(image: Image.Image) -> tuple[float, float]:
    """The values shown black and white in an image of one wide channel: the customary range that holds all of them."""
    if image.mode.startswith("I;16"):
        return 0.0, 65535.0
    if image.mode not in ("I", "F"):
        return 0.0, 255.0
    values = np.asarray(image)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if not (np.isfinite(low) and np.isfinite(high)):
        return 0.0, 1.0
    for customary in (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0):
        if low >= 0.0 and high <= customary:
            return 0.0, customary
    return low, max(high, low + 1.0)


def _flatten(band: Image.Image, black: float, white: float) -> Image.Image:
    if band.mode in ("I", "F") or band.mode.startswith("I;16"):
        grey = (np.asarray(band).astype(np.float32) - black) * (255.0 / (white - black))
        return Image.fromarray(np.clip(np.nan_to_num(grey), 0, 255).round().astype(np.uint8))
    if band.has_transparency_data:
        colours = "L" if band.mode in ("LA", "La") else "RGB"
        band = band.convert(f"{colours}A")
        opaque = Image.new(colours, band.size, "white")
        opaque.paste(band.convert(colours), mask=band.getchannel("A"))
        return opaque
    return band if band.mode in ("L", "RGB", "CMYK", "LAB") else band.convert("RGB")


def to_srgb(image: Image.Image, icc_profile: bytes | None) -> Image.Image:
    """Convert to RGB by the colour profile; one that is missing, broken or of another kind is left out."""
    if icc_profile or image.mode == "LAB":
        try:
            source = ImageCms.createProfile("LAB") if image.mode == "LAB" else io.BytesIO(icc_profile or b"")
            profile = ImageCms.ImageCmsProfile(source)
            if profile.profile.xcolor_space == "GRAY":
                image = image.convert("L")  # a palette's greys, for instance
            converted = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError):
            if image.mode == "LAB":
                raise
    return image.convert("RGB")
