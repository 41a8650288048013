"""The header of JPEG XL (ISO/IEC 18181-1:2024, annex D.2): how large an image is, before anything is decoded."""

from __future__ import annotations

import struct
from typing import BinaryIO

_CODESTREAM = b"\xff\x0a"
_CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
_READ = 16
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
_BITS_OF_LENGTH = (9, 13, 18, 30)


def begins_jxl(start: bytes) -> bool:
    """Whether the first bytes of a file are those of JPEG XL, bare or in a container."""
    return start.startswith((_CODESTREAM, _CONTAINER))


def read_size(file: BinaryIO) -> tuple[int, int] | None:
    """Width and height in pixels; None where there is no whole header."""
    file.seek(0)
    data = file.read(_READ)
    if data.startswith(_CONTAINER):
        data = _first_part(file)
    if not data.startswith(_CODESTREAM) or len(data) < _READ:
        return None
    bits = _Bits(int.from_bytes(data[2:_READ], "little"))
    small = bits.take(1)
    height = _length(bits, small=small)
    ratio = bits.take(3)
    if ratio in _RATIOS:
        across, down = _RATIOS[ratio]
        return height * across // down, height
    return _length(bits, small=small), height


def _first_part(file: BinaryIO) -> bytes:
    """The start of the codestream in a container (ISO/IEC 18181-2:2024, section 9), whatever boxes come before it."""
    at = 0
    while True:
        file.seek(at)
        size, kind, large = struct.unpack(">I4sQ", file.read(_READ).ljust(_READ, b"\0"))
        header = 16 if size == 1 else 8
        size = large if size == 1 else size
        if kind in (b"jxlc", b"jxlp"):
            file.seek(at + header + (4 if kind == b"jxlp" else 0))  # a part has its number before it
            return file.read(_READ)
        if size < header:  # 0 is a box to the end of the file, or there is no more
            return b""
        at += size


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
