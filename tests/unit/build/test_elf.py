from __future__ import annotations

import importlib.util
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import elf

LOAD, DYNAMIC, TLS = 1, 2, 7
HEADER_BYTES, ENTRY_BYTES = 64, 56


def header(*, table: int = HEADER_BYTES, count: int, sections: int = 0) -> bytes:
    """An ELF header as the specification lays it out (ELF-64 Object File Format, figure 2)."""
    identification = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    counts = struct.pack("<HHHHHH", HEADER_BYTES, ENTRY_BYTES, count, 64, 3 if sections else 0, 2 if sections else 0)
    return identification + struct.pack("<HHIQQQI", 3, 183, 1, 0, table, sections, 0) + counts


def entry(
    kind: int, offset: int, size: int, *, address: int, alignment: int = 0x1000, memory: int | None = None
) -> bytes:
    return struct.pack("<IIQQQQQQ", kind, 5, offset, address, address, size, memory or size, alignment)


def library(*entries: bytes, parts: dict[int, bytes], size: int, sections: int = 0) -> bytes:
    image = bytearray(size)
    start = header(count=len(entries), sections=sections) + b"".join(entries)
    image[: len(start)] = start
    for offset, part in parts.items():
        image[offset : offset + len(part)] = part
    return bytes(image)


def test_the_gap_and_the_end_are_gone_and_what_is_loaded_is_the_same() -> None:
    first = HEADER_BYTES + 3 * ENTRY_BYTES
    image = library(
        entry(LOAD, 0, first, address=0),
        entry(LOAD, 0x5123, 6, address=0x8123, memory=0x400),
        entry(DYNAMIC, 0x5125, 4, address=0x8125, alignment=1),
        parts={0x2000: b"symbols", 0x5123: b"loaded", 0x6000: b"sections"},
        size=0x6100,
        sections=0x6000,
    )
    smaller = elf.without_unloaded_bytes(image)
    expected = library(
        entry(LOAD, 0, first, address=0),
        entry(LOAD, 0x123, 6, address=0x8123, memory=0x400),
        entry(DYNAMIC, 0x125, 4, address=0x8125, alignment=1),
        parts={0x123: b"loaded"},
        size=0x129,
    )
    # Of the header, the specification asks that a file without section headers says so by zeros.
    expected = expected[:58] + bytes(6) + expected[64:]
    assert smaller == expected


def test_the_program_headers_may_lie_elsewhere() -> None:
    """As patchelf puts them."""
    entries = entry(LOAD, 0, HEADER_BYTES, address=0) + entry(LOAD, 0x3000, 2 * ENTRY_BYTES, address=0x3000)
    image = header(table=0x3000, count=2) + bytes(0x3000 - HEADER_BYTES) + entries
    smaller = elf.without_unloaded_bytes(image)
    assert struct.unpack_from("<Q", smaller, 32) == (0x1000,)
    moved = entry(LOAD, 0, HEADER_BYTES, address=0) + entry(LOAD, 0x1000, 2 * ENTRY_BYTES, address=0x3000)
    assert smaller[0x1000:] == moved


def test_a_part_without_bytes_stays_as_it_is() -> None:
    first = HEADER_BYTES + 2 * ENTRY_BYTES
    entries = (entry(LOAD, 0, first, address=0), entry(TLS, 0x2000, 0, address=0x9000, memory=64))
    smaller = elf.without_unloaded_bytes(library(*entries, parts={}, size=0x2000))
    assert smaller[HEADER_BYTES:] == b"".join(entries)


@given(
    gaps=st.lists(st.integers(0, 0x5000), min_size=1, max_size=6),
    sizes=st.lists(st.integers(1, 0x300), min_size=6, max_size=6),
    alignment=st.sampled_from([0, 1, 0x1000, 0x10000]),
)
def test_every_part_is_kept_at_an_offset_of_the_same_remainder(
    gaps: list[int], sizes: list[int], alignment: int
) -> None:
    first = HEADER_BYTES + (1 + len(gaps)) * ENTRY_BYTES
    parts: dict[int, bytes] = {}
    end = first
    for number, (gap, size) in enumerate(zip(gaps, sizes, strict=False)):
        parts[end + gap] = bytes([number + 1]) * size
        end += gap + size
    loads = [entry(LOAD, at, len(part), address=at, alignment=alignment) for at, part in parts.items()]
    image = library(entry(LOAD, 0, first, address=0, alignment=alignment), *loads, parts=parts, size=end + 99)
    smaller = elf.without_unloaded_bytes(image)
    assert len(smaller) <= end
    for number, (at, part) in enumerate(parts.items(), start=1):
        (offset,) = struct.unpack_from("<Q", smaller, HEADER_BYTES + number * ENTRY_BYTES + 8)
        assert smaller[offset : offset + len(part)] == part
        assert (at - offset) % max(alignment, 1) == 0
    assert elf.without_unloaded_bytes(smaller) == smaller


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (b"", "no 64-bit little-endian ELF file"),
        (b"#!/bin/sh\n" * 20, "no 64-bit little-endian ELF file"),
        (b"\x7fELF\x01\x01" + bytes(200), "no 64-bit little-endian ELF file"),
        (header(count=9), "9 program headers of 56 bytes at 64 do not fit the file"),
        (header(count=0), "the file's header is not loaded"),
        (library(entry(LOAD, 4, 200, address=4), parts={}, size=300), "the file's header is not loaded"),
        (library(entry(LOAD, 0, 100, address=0), parts={}, size=300), "56 bytes at 64 are needed but not loaded"),
        (library(entry(LOAD, 0, 999, address=0), parts={}, size=300), "lies beyond the file's end"),
        (library(entry(LOAD, 0, 0, address=0), parts={}, size=300), "has no bytes"),
        (
            library(entry(LOAD, 0, 200, address=0), entry(LOAD, 199, 9, address=199), parts={}, size=300),
            "the part at 199 overlaps another",
        ),
    ],
)
def test_what_is_no_library_is_refused(image: bytes, message: str) -> None:
    with pytest.raises(elf.ElfError, match=message):
        elf.without_unloaded_bytes(image)


@pytest.mark.skipif(sys.platform != "linux", reason="libraries here are not ELF files")
def test_a_real_library_works_as_before(tmp_path: Path) -> None:
    spec = importlib.util.find_spec("tokenizers.tokenizers")
    assert spec is not None
    assert spec.origin is not None
    original = Path(spec.origin).read_bytes()
    smaller = elf.without_unloaded_bytes(original)
    assert len(smaller) < 0.8 * len(original)
    (tmp_path / "tokenizers.so").write_bytes(smaller)
    load = "import tokenizers, sys; print(tokenizers.__file__, tokenizers.Tokenizer(tokenizers.models.WordPiece()))"
    done = subprocess.run([sys.executable, "-S", "-c", load], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"{tmp_path}/tokenizers.so Tokenizer(")
