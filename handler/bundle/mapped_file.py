"""Mapped files of a bundle: their first bytes say what they are, and whose they are is settled by the manifest."""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import Any

from handler.errors import BundleError


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """A mapped file and what its header says after the magic number and the version."""

    data: mmap.mmap
    fields: tuple[Any, ...]


def map_file(path: Path, header: Struct, *, magic: bytes, version: int) -> Mapped:
    """Map a file whose header begins with a magic number and a version; raises BundleError where it is another."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        if size < header.size:
            raise BundleError(f"{path.name} is truncated: {size} bytes")
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return Mapped(data=data, fields=check_header(data, header, magic=magic, version=version, name=path.name))


def check_header(data: mmap.mmap, header: Struct, *, magic: bytes, version: int, name: str) -> tuple[Any, ...]:
    """What a header says after its magic number and version; raises BundleError where these are others."""
    found_magic, found_version, *fields = header.unpack_from(data)
    if (found_magic, found_version) != (magic, version):
        raise BundleError(
            f"Unexpected {found_magic!r} version {found_version} (expected {magic!r} version {version})"
            f" at the start of {name}"
        )
    return tuple(fields)
