"""ELF: shared libraries without what nothing loads: symbol tables, debug information, section headers.

A loader reads a library by its program headers alone, and of its bytes only those that they name. `strip` knows this
too, but it moves what the wheels' tools (auditwheel, patchelf) laid out, which breaks OpenBLAS; it stops at the
machine's own architecture; and what it writes depends on its version. This does the same to any 64-bit library on any
machine: the parts that are loaded are kept byte for byte, and moved together.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_IDENTIFICATION = b"\x7fELF\x02\x01"  # 64 bits, little-endian
_LOAD = 1
_HEADER_BYTES = 64
_OFFSET = struct.Struct("<Q")
_TABLE_AT, _SECTIONS_AT = 32, 40  # where in the header the offsets of both tables stand
_COUNTS = struct.Struct("<HHHHH")  # size and number of program headers, then of section headers, then their names'
_COUNTS_AT = 54
_ENTRY = struct.Struct("<IIQQQQQQ")


class ElfError(Exception):
    """A file is not a library that can be made smaller; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramHeader:
    """What the loader is told of a part of the file; the fields are the ELF specification's."""

    type: int
    flags: int
    offset: int
    address: int
    physical_address: int
    size_bytes: int
    memory_bytes: int
    alignment: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A part of the file that is loaded, and where it starts in the new one."""

    start: int
    end: int
    new_start: int


def without_unloaded_bytes(library: bytes) -> bytes:
    """The same library, smaller.

    Raises:
        ElfError: It is no 64-bit little-endian ELF file, or its headers contradict each other.
    """
    table, headers = _program_headers(library)
    moves = _close_gaps([header for header in headers if header.type == _LOAD], len(library))
    new_table = _moved(moves, table, len(headers) * _ENTRY.size)
    smaller = bytearray(max(move.new_start + move.end - move.start for move in moves))
    for move in moves:
        smaller[move.new_start : move.new_start + move.end - move.start] = library[move.start : move.end]
    _OFFSET.pack_into(smaller, _TABLE_AT, new_table)
    _OFFSET.pack_into(smaller, _SECTIONS_AT, 0)
    _COUNTS.pack_into(smaller, _COUNTS_AT, _ENTRY.size, len(headers), 0, 0, 0)
    for number, header in enumerate(headers):
        # A part without bytes in the file, such as a thread's zeroed memory, lies nowhere in it.
        offset = _moved(moves, header.offset, header.size_bytes) if header.size_bytes else header.offset
        _OFFSET.pack_into(smaller, new_table + number * _ENTRY.size + 8, offset)
    return bytes(smaller)


def _program_headers(library: bytes) -> tuple[int, list[ProgramHeader]]:
    if len(library) < _HEADER_BYTES or not library.startswith(_IDENTIFICATION):
        raise ElfError("no 64-bit little-endian ELF file")
    (table,) = _OFFSET.unpack_from(library, _TABLE_AT)
    entry_bytes, count, *_ = _COUNTS.unpack_from(library, _COUNTS_AT)
    if entry_bytes != _ENTRY.size or table + count * entry_bytes > len(library):
        raise ElfError(f"{count} program headers of {entry_bytes} bytes at {table} do not fit the file")
    entries = _ENTRY.iter_unpack(library[table : table + count * entry_bytes])
    names = ProgramHeader.__slots__
    return table, [ProgramHeader(**dict(zip(names, entry, strict=True))) for entry in entries]


def _close_gaps(loaded: list[ProgramHeader], size_bytes: int) -> list[Move]:
    """New places, one after the other, each the old one modulo its alignment: pages are mapped from there."""
    moves: list[Move] = []
    end = new_end = 0
    for header in sorted(loaded, key=lambda header: header.offset):
        if header.offset < end or header.offset + header.size_bytes > size_bytes or not header.size_bytes:
            raise ElfError(f"the part at {header.offset} overlaps another, has no bytes or lies beyond the file's end")
        new_start = new_end + (header.offset - new_end) % max(header.alignment, 1)
        end, new_end = header.offset + header.size_bytes, new_start + header.size_bytes
        moves.append(Move(start=header.offset, end=end, new_start=new_start))
    if not moves or moves[0].start != 0 or moves[0].end < _HEADER_BYTES:
        raise ElfError("the file's header is not loaded")
    return moves


def _moved(moves: list[Move], offset: int, size_bytes: int) -> int:
    for move in moves:
        if move.start <= offset and offset + size_bytes <= move.end:
            return offset - move.start + move.new_start
    raise ElfError(f"{size_bytes} bytes at {offset} are needed but not loaded")
