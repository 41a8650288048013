"""A bundle for tests to damage, in a folder or in a store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from handler.bundle.bundle import Bundle
from handler.bundle.manifest import BLOCKED_FILES, BUNDLE_FILES, SEGMENT_FILES
from handler.settings import Settings
from handler.store.store import deliver, open_store
from tests.functional.handler.tampering import file_of

# "2/codes.bin" is that of the third segment.
FILES = (*BUNDLE_FILES, *(f"{number}/{name}" for number in (0, 2) for name in SEGMENT_FILES))
BLOCKED = tuple(f"{number}/{name}" for number in (0, 2) for name in BLOCKED_FILES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """A bundle of three segments for tests to damage; `store` is where its segments lie."""

    bundle: Path
    store: Path

    def file(self, name: str) -> Path:
        return file_of(self.bundle, name, self.store)

    def open(self) -> Bundle:
        place = self.bundle if self.store == self.bundle else self.store
        return Bundle.receive(deliver(open_store(Settings(bundle=str(place)), {})))
