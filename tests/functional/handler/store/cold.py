"""A bundle in S3 of which nothing is here, with blocks so small that its files have many."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from handler.bundle.blocks import block_hashes, blocked_file
from handler.bundle.blocks.blocked_file import BlockedFile
from handler.bundle.bundle import Bundle
from handler.bundle.index import coded_index, nearness
from handler.search import ranking
from handler.search.searcher import Searcher
from handler.settings import Settings
from handler.store.s3 import s3_blocks, s3_client
from handler.store.s3.s3_blocks import S3Blocks
from handler.store.store import Store, deliver, open_store
from handler.web.app import create_app
from tests.functional.handler.client import ask
from tests.functional.handler.s3_server import S3Folder

TARGET = "/v1/search?q=a+dog+runs+in+the+park&k=3"
BLOCK_BYTES = 512
PART_BYTES = 32 * BLOCK_BYTES
_BRING_REST = S3Blocks.bring_rest


def make_small(patch: pytest.MonkeyPatch) -> None:
    """So small that a bundle of a few thousand photos is read as a large one is."""
    for module in (block_hashes, blocked_file):
        patch.setattr(module, "BLOCK_BYTES", BLOCK_BYTES)
    patch.setattr(blocked_file, "JOINED_BLOCKS", 8)
    patch.setattr(s3_blocks, "PART_BYTES", PART_BYTES)
    patch.setattr(coded_index, "SCANNED", 100)
    patch.setattr(nearness, "FIRST_READ", 64)
    patch.setattr(ranking, "IDENTITY_DEPTH", 16)
    patch.setattr(s3_client, "FIRST_PAUSE_S", 0.001)


@dataclass(slots=True)
class Bucket:
    """A store in S3, and where its bundles are kept on this machine.

    Attributes:
        server: The server of the bucket.
        caches: Where the caches lie.
        rests: What is to be brought when nobody asks, and is held until `bring_rests` is called.
    """

    server: S3Folder
    caches: Path
    rests: list[tuple[S3Blocks, Sequence[BlockedFile]]] = field(default_factory=list)

    @property
    def store(self) -> Store:
        return self.open()

    def open(self, cache: str = "cache") -> Store:
        """The store as a process finds it that starts."""
        environment = {
            "THINLENS_BUNDLE": "s3://gallery",
            "THINLENS_CACHE": str(self.caches / cache),
            **self.server.environment,
        }
        return open_store(Settings.from_environment(environment), environment)

    def receive(self, cache: str = "cache") -> Bundle:
        return Bundle.receive(deliver(self.open(cache)))

    def hold_rests(self, patch: pytest.MonkeyPatch) -> None:
        """Bring nothing but what questions ask for."""

        def held(blocks: S3Blocks, files: Sequence[BlockedFile]) -> None:
            self.rests.append((blocks, files))

        patch.setattr(S3Blocks, "bring_rest", held)

    def bring_rests(self) -> None:
        """Begin to bring what has been held."""
        for blocks, files in self.rests:
            _BRING_REST(blocks, files)
        self.rests.clear()


def results(searcher: Searcher, target: str = TARGET) -> object:
    """What is answered over HTTP; fails the test if it isn't."""
    answer = ask(create_app(lambda: searcher, Settings(bundle="unused")), target)
    assert answer.status == 200, answer.body
    return answer.json()["results"]


def full(to: int, data: memoryview, at: int) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
