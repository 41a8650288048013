"""The blocks in S3: pieces of a bundle's files fetched as questions ask for them, and the rest of them afterwards.

Knows keys and how pieces are cut for requests; whether a piece is what was written is the file's own concern.
"""

from __future__ import annotations

import logging
import mmap
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from handler.bundle.blocks.blocked_file import BlockedFile, Piece, verify
from handler.errors import ThinlensError
from handler.store.cache import Cache
from handler.store.pointer import bundle_key
from handler.store.s3.s3_client import S3Client

CONNECTIONS = 32
PART_BYTES = 8 << 20
ATTEMPTS = 2
"""Who asks a question had rather be told to try again than wait for S3 any longer."""

PAUSE_S = 60.0

logger = logging.getLogger(__name__)


class S3Blocks:
    """The blocks of one bundle's files; may be used by several threads."""

    def __init__(self, client: S3Client, cache: Cache, bundle: str) -> None:
        self._client = client
        self._cache = cache
        self._bundle = bundle
        self._pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="thinlens-blocks")
        self._asked = 0
        self._news = threading.Condition()
        self._rest: threading.Thread | None = None

    def fetch(self, pieces: Sequence[Piece], received: Callable[[Piece, memoryview], None]) -> None:
        """As BlockSource says."""
        parts = [part for piece in pieces for part in _parts(piece)]
        if threading.current_thread() is self._rest:
            for part in parts:
                self._fetch(part, received)
            return
        self._count(1)
        requests: list[Future[None]] = []
        try:
            requests.extend(self._pool.submit(self._fetch, part, received) for part in parts)
            for request in requests:
                request.result()
        finally:
            for request in requests:
                request.cancel()
            self._count(-1)

    def bring_rest(self, files: Sequence[BlockedFile]) -> None:
        """As BlockSource says."""
        # Neither the bundle nor this is kept alive for what nobody would ask for any more.
        parts = [weakref.ref(file) for file in files]
        self._rest = threading.Thread(
            target=_bring_rest, args=(weakref.ref(self), parts), name="thinlens-rest", daemon=True
        )
        try:
            self._rest.start()
        except RuntimeError as error:  # too many threads: no reason not to answer
            logger.warning("The rest of the bundle is fetched when it is asked for: %s", error)

    def bring_next(self, file: BlockedFile, start: int, end: int) -> bool:
        """Bring a part of a file when no question waits for blocks; False where the disk has no room for it."""
        with self._news:
            self._news.wait_for(lambda: not self._asked)
        if not file.holds(start, end):
            if not self._cache.has_room(end - start):
                return False
            verify([file.wanted(start, end)])
        return True

    def _count(self, questions: int) -> None:
        with self._news:
            self._asked += questions
            self._news.notify_all()

    def _fetch(self, piece: Piece, received: Callable[[Piece, memoryview], None]) -> None:
        # Not of the heap, which would keep the memory of each thread.
        data = memoryview(mmap.mmap(-1, piece.end - piece.start))
        key = bundle_key(self._bundle, piece.file.name)
        self._client.get_range(key, piece.start, data, size_bytes=len(piece.file), attempts=ATTEMPTS)
        received(piece, data)


def _parts(piece: Piece) -> Iterator[Piece]:
    """A piece in parts of which each is one request."""
    for start in range(piece.start, piece.end, PART_BYTES):
        yield Piece(file=piece.file, start=start, end=min(start + PART_BYTES, piece.end))


def _bring_rest(source: weakref.ref[S3Blocks], files: Sequence[weakref.ref[BlockedFile]]) -> None:
    """Bring files part by part; what fails is left out after a pause."""
    for file in files:
        start, size = 0, 1
        while start < size:
            blocks, found = source(), file()
            if blocks is None or found is None:
                return
            size = len(found)
            end = min(start + PART_BYTES, size)
            failed = False
            try:
                if not blocks.bring_next(found, start, end):
                    logger.warning("The disk has no room for the whole bundle: what is asked for is fetched then")
                    return
            except ThinlensError as error:
                logger.warning("A part of the bundle is fetched when it is asked for: %s", error)
                failed = True
            except Exception:
                logger.exception("The rest of the bundle is fetched when it is asked for")
                return
            start = end
            # Held any longer, they would never be found to be gone.
            del blocks, found
            if failed:
                time.sleep(PAUSE_S)
