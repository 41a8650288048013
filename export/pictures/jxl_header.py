"""The header of JPEG XL (ISO/IEC 18181-1:2024, annex D.2): how large an image is, before anything is decoded."""

from __future__ import annotations

from typing import BinaryIO

_CODESTREAM = b"\xff\x0a"
_CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
_SEARCHED = 65_536
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
_BITS_OF_LENGTH = (9, 13, 18, 30)


def begins_jxl(start: bytes) -> bool:
    """Whether the first bytes of a file are those of JPEG XL, bare or in a container."""
    return start.startswith((_CODESTREAM, _CONTAINER))


def read_size(file: BinaryIO) -> tuple[int, int] | None:
    """Width and height in pixels; None where the header isn't near the start of the file."""
    file.seek(0)
    data = file.read(_SEARCHED)
    if data.startswith(_CONTAINER):
        box = max(data.find(b"jxlc"), data.find(b"jxlp"))
        data = data[data.find(_CODESTREAM, box) :] if box >= 0 else b""
    if not data.startswith(_CODESTREAM) or len(data) < 16:
        return None
    bits = _Bits(int.from_bytes(data[2:16], "little"))
    small = bits.take(1)
    height = _length(bits, small=small)
    ratio = bits.take(3)
    if ratio in _RATIOS:
        across, down = _RATIOS[ratio]
        return height * across // down, height
    return _length(bits, small=small), height


def _length(bits: _Bits, *, small: int) -> int:
    if small:
        return 8 * (bits.take(5) + 1)
    return 1 + bits.take(_BITS_OF_LENGTH[bits.take(2)])


class _Bits:
    """The bits of a number, the lowest first."""

    def __init__(self, number: int) -> None:
        self._left = number

    def take(self, count: int) -> int:
        taken = self._left & ((1 << count) - 1)
        self._left >>= count
        return taken
