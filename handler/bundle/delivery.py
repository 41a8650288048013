"""The delivery: how the files of a bundle arrive, each once it is verified, while others are still on their way.

Knows the interface by which they are waited for; who fetches and verifies them is the store's concern.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from handler.bundle.manifest import SEGMENTS_FOLDER, Manifest

if TYPE_CHECKING:  # which needs numpy, and a delivery begins before numpy is loaded
    from handler.bundle.blocks.blocked_file import BlockSource


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleFiles:
    """A bundle whose manifest is known and whose files are being verified.

    Attributes:
        id: The hash of its manifest.
        manifest: What the files must be.
        folder: Where the files lie, or will.
        segments: Where the folders of its segments lie, or will.
        verified: Gives the path of each file once it lies there: of those that are verified whole, in their order, when
            they are what the manifest says; of those that are verified block by block when they have their size. Raises
            BundleError or StoreError at the first that is not so.
        source: Where blocks come from that aren't there.
        trusted: The paths of files of which no block need be verified.
    """

    id: str
    manifest: Manifest
    folder: Path
    segments: Path
    verified: Iterator[str]
    source: BlockSource | None = None
    trusted: Set[str] = frozenset()

    def path(self, name: str) -> Path:
        """Where a file or folder of the bundle lies, by its path in the bundle's folder."""
        return path_of(name, folder=self.folder, segments=self.segments)


def path_of(name: str, *, folder: Path, segments: Path) -> Path:
    """The same for whoever has the folders.

    Example: "segments/4720f516e1d95f3b/views.i8" -> segments / "4720f516e1d95f3b/views.i8"
    """
    first, slash, rest = name.partition("/")
    return segments / rest if slash and first == SEGMENTS_FOLDER else folder / name


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
