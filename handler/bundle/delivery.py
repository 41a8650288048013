"""The delivery: how the files of a bundle arrive, each once it is verified, while others are still on their way.

Knows the interface by which they are waited for; who fetches and verifies them is the store's concern.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from handler.bundle.encoder_files import ENCODER_FILES
from handler.bundle.manifest import Manifest

# The encoder first, for making its session takes longest; the largest file, which is needed last, at the end.
DELIVERY_ORDER = (*ENCODER_FILES, "index.usearch", "catalogue.bin", "columns.bin", "views.i8")


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleFiles:
    """A bundle whose manifest is known and whose files are being verified.

    Attributes:
        id: The hash of its manifest.
        manifest: What the files must be.
        folder: Where the files lie, or will.
        verified: Gives the name of each file in DELIVERY_ORDER once it lies there and is what the manifest says;
            raises BundleError or StoreError at the first that is not.
    """

    id: str
    manifest: Manifest
    folder: Path
    verified: Iterator[str]


class Delivery(Protocol):
    """Files on their way, of which nothing may be opened but what has been waited for.

    Every method raises BundleError, StoreError or OSError, whatever went wrong on the way.
    """

    @property
    def where(self) -> str:
        """Where the files lie or come from, for messages."""

    def files(self) -> BundleFiles:
        """Wait for the manifest."""

    def wait(self, *names: str) -> None:
        """Wait until these files are verified."""

    def close(self) -> None:
        """End the delivery: what has not arrived by then never will."""
