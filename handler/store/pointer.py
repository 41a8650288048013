"""The pointer: which of a store's bundles is in service. The one object of a store that changes.

Knows the format and the names of a store's objects, not how they are read or written:

    current.json                  the pointer
    bundles/<bundle id>/<file>    each bundle's own files; never changed once written
    segments/<id>/<file>          the files of segments, of which bundles share some; never changed once written
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass

from handler.bundle.fields import Fields
from handler.bundle.manifest import SEGMENTS_FOLDER
from handler.errors import BundleError

FORMAT_VERSION = 1
POINTER_KEY = "current.json"
BUNDLES_KEY = "bundles/"
SEGMENTS_KEY = f"{SEGMENTS_FOLDER}/"
MAX_POINTER_BYTES = 4_096
_BUNDLE_ID = re.compile("[0-9a-f]{16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """What current.json says.

    Attributes:
        bundle: The id of the bundle in service.
        published: When it came into service, UTC, ISO 8601.
        previous: The id of the bundle that was in service before, if there was one.
    """

    bundle: str
    published: str
    previous: str | None

    @classmethod
    def parse(cls, data: bytes) -> Pointer:
        """Read a pointer; raises BundleError where it is none, or of another version."""
        if len(data) > MAX_POINTER_BYTES:
            raise BundleError(f"{POINTER_KEY} has {len(data)} bytes (expected at most {MAX_POINTER_BYTES})")
        fields = Fields.parse(data, name=POINTER_KEY)
        version = fields.integer("format_version", low=0, high=1 << 31)
        if version != FORMAT_VERSION:
            raise BundleError(f"Unknown format_version {version} (expected {FORMAT_VERSION}) in {POINTER_KEY}")
        pointer = cls(
            bundle=fields.text("bundle", max_length=64),
            published=fields.text("published", max_length=64),
            previous=fields.optional_text("previous", max_length=64),
        )
        fields.finish()
        check_bundle_id(pointer.bundle)
        if pointer.previous is not None:
            check_bundle_id(pointer.previous)
        return pointer

    def to_bytes(self) -> bytes:
        return json.dumps({"format_version": FORMAT_VERSION, **asdict(self)}, indent=2).encode() + b"\n"


def check_bundle_id(text: str) -> None:
    """Refuse what is no bundle's id, so that none leads out of its folder; raises BundleError."""
    if not _BUNDLE_ID.fullmatch(text):
        raise BundleError(f"Unexpected bundle id {text[:80]!r} (expected 16 hexadecimal digits)")


def bundle_key(bundle: str, file: str = "") -> str:
    """The key of a bundle's file, by its path in the bundle's folder, or of that folder.

    Example: "4720f516e1d95f3b", "encoder.onnx" -> "bundles/4720f516e1d95f3b/encoder.onnx"; "4720f516e1d95f3b",
    "segments/0123456789abcdef/views.i8" -> "segments/0123456789abcdef/views.i8"
    """
    return file if file.startswith(SEGMENTS_KEY) else f"{BUNDLES_KEY}{bundle}/{file}"
