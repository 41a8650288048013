"""The reliability diagram: how often photos of each relevance are right, as a picture.

It knows pairs of a relevance and a label, and pixels. A calibrated relevance lies on the diagonal: of the photos that
are given 0.70, seven in ten are right. Below it, the bars say how many pairs each point stands for.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from export.disk.whole_files import write_whole
from export.errors import OutputError
from export.evaluation.retrieval import RelevancePairs, expected_calibration_error

_BINS = 15
_SIDE_PX, _BARS_PX = 900, 200
_LEFT_PX, _TOP_PX, _GAP_PX, _BOTTOM_PX, _RIGHT_PX = 130, 90, 50, 110, 50
_INK, _GRID, _LINE, _BARS = "#1a1a1a", "#d9d9d9", "#1f6feb", "#9dbef0"


_WRITER = "Software"
_OURS = "thinlens"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBins:
    """Pairs in bins of equal width of relevance; a bin without any is left out. All float64 [bins].

    Attributes:
        relevance: Mean relevance of the bin's pairs.
        right: The share of them that is right.
        share: Of the weight of all pairs.
    """

    relevance: NDArray[np.float64]
    right: NDArray[np.float64]
    share: NDArray[np.float64]


def reliability_bins(pairs: RelevancePairs) -> ReliabilityBins:
    """Sort pairs into bins.

    Example: relevances [0.9, 0.9, 0.1] with labels [1, 0, 0], of the same weight -> relevance [0.1, 0.9],
    right [0, 0.5], share [1/3, 2/3]
    """
    numbers = np.minimum((pairs.relevances * _BINS).astype(int), _BINS - 1)

    def totals(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(numbers, weights=pairs.weights * values, minlength=_BINS).astype(np.float64)

    weight = totals(np.ones(len(numbers)))
    present = weight > 0
    return ReliabilityBins(
        relevance=totals(pairs.relevances)[present] / weight[present],
        right=totals(pairs.labels)[present] / weight[present],
        share=weight[present] / weight.sum(),
    )


def reliability_diagram(pairs: RelevancePairs, *, title: str) -> Image.Image:
    """Draw the diagram.

    Args:
        pairs: Of any number, at least one.
        title: Is written above it, with the expected calibration error.
    """
    size = (_LEFT_PX + _SIDE_PX + _RIGHT_PX, _TOP_PX + _SIDE_PX + _GAP_PX + _BARS_PX + _BOTTOM_PX)
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    bins = reliability_bins(pairs)
    _draw_axes(draw)
    _draw_bars(draw, bins)
    points = [_place(x, y) for x, y in zip(bins.relevance, bins.right, strict=True)]
    draw.line(points, fill=_LINE, width=5, joint="curve")
    for (x, y), share in zip(points, bins.share, strict=True):
        radius = 6 + 30 * float(np.sqrt(share))
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_LINE)
    error = expected_calibration_error(pairs)
    draw.text((_LEFT_PX, 24), f"{title}: expected calibration error {error:.3f}", fill=_INK, font=_font(38))
    return image


def _draw_axes(draw: ImageDraw.ImageDraw) -> None:
    top_of_bars = _TOP_PX + _SIDE_PX + _GAP_PX
    bottom = top_of_bars + _BARS_PX
    for step in range(6):
        value = step / 5
        x, y = _place(value, value)
        draw.line((_LEFT_PX, y, _LEFT_PX + _SIDE_PX, y), fill=_GRID, width=2)
        draw.line((x, _TOP_PX, x, _TOP_PX + _SIDE_PX), fill=_GRID, width=2)
        draw.line((x, top_of_bars, x, bottom), fill=_GRID, width=2)
        draw.text((_LEFT_PX - 16, y), f"{value:.1f}", fill=_INK, font=_font(28), anchor="rm")
        draw.text((x, bottom + 12), f"{value:.1f}", fill=_INK, font=_font(28), anchor="mt")
    draw.line((*_place(0, 0), *_place(1, 1)), fill=_INK, width=2)
    draw.text((_LEFT_PX + 16, _TOP_PX + 12), "share that is right", fill=_INK, font=_font(30))
    draw.text((_LEFT_PX + _SIDE_PX // 2, top_of_bars + 4), "share of the pairs", fill=_INK, font=_font(30), anchor="mt")
    draw.text((_LEFT_PX + _SIDE_PX // 2, bottom + 56), "relevance", fill=_INK, font=_font(30), anchor="mt")


def _draw_bars(draw: ImageDraw.ImageDraw, bins: ReliabilityBins) -> None:
    bottom = _TOP_PX + _SIDE_PX + _GAP_PX + _BARS_PX
    tallest = float(bins.share.max())
    for relevance, share in zip(bins.relevance, bins.share, strict=True):
        number = min(int(relevance * _BINS), _BINS - 1)
        left, right = _place(number / _BINS, 0)[0] + 3, _place((number + 1) / _BINS, 0)[0] - 3
        height = (_BARS_PX - 50) * float(share) / tallest
        draw.rectangle((left, bottom - height, right, bottom), fill=_BARS)
        draw.text(((left + right) / 2, bottom - height - 4), f"{share:.0%}", fill=_INK, font=_font(20), anchor="mb")


def _place(x: float, y: float) -> tuple[float, float]:
    """The pixel of a point of the unit square."""
    return _LEFT_PX + _SIDE_PX * float(x), _TOP_PX + _SIDE_PX * (1 - float(y))


def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size_px)


def save_diagram(diagram: Image.Image, path: Path) -> None:
    """Save a diagram as PNG, in the place of an older one.

    Raises:
        OutputError: There is a file of somebody else; it stays.
        OSError: It can't be written.
    """
    if os.path.lexists(path) and not _is_diagram(path):
        raise OutputError(f"{path} is no diagram of Thinlens and stays; choose another folder")
    info = PngImagePlugin.PngInfo()
    info.add_text(_WRITER, _OURS)
    file = io.BytesIO()
    diagram.save(file, "PNG", pnginfo=info)
    write_whole(path, file.getvalue())


def _is_diagram(path: Path) -> bool:
    try:
        with Image.open(path, formats=["PNG"]) as image:
            return image.info.get(_WRITER) == _OURS
    except OSError:
        return False
