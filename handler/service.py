"""The service: the searcher over the bundle that is in service, which follows the store's pointer while it runs.

Knows when to look and what to do with a new bundle; knows nothing of HTTP, or of how bundles are fetched.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

from handler.bundle.bundle import Bundle
from handler.empty_collection import EmptyCollection
from handler.errors import NothingPublishedError, ThinlensError
from handler.search.pictures.vision import Vision
from handler.search.searcher import Searcher
from handler.store.store import Store, deliver

CHECK_EVERY_S = 60.0
# A bundle that could not be taken over is tried again at the next check, then after twice as long each time.
FIRST_PAUSE_S = CHECK_EVERY_S
LONGEST_PAUSE_S = 3_600.0

logger = logging.getLogger(__name__)


def first_bundle(receive: Callable[[], Bundle]) -> Bundle | None:
    """The bundle in service as `receive` has it; None, with a line in the log, where nothing is published yet."""
    try:
        return receive()
    except NothingPublishedError as error:
        logger.warning("An empty collection is served until a bundle is published: %s", error)
        return None


class Service:
    """Gives the searcher of each request, at once; a request keeps the one that it began with.

    At most once a minute a request starts a check of the pointer, in a thread. A new bundle is fetched, verified and
    opened there, and takes the old one's place when all of that has succeeded. Whatever goes wrong is logged, and the
    old bundle stays.
    """

    def __init__(
        self,
        store: Store,
        bundle: Bundle | None,
        *,
        media_url: str = "",
        vision: Vision | None = None,
        wait_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Serve `bundle`, until the store has another.

        Args:
            store: Says which bundle is in service, and fetches it.
            bundle: The first, from the store; None where nothing is published yet, and an empty collection is served.
            media_url: What photos' relative addresses are relative to.
            vision: Looks at pictures that are asked with.
            wait_s: How long a request waits for the check that it starts: where a function is frozen between requests,
                a check of the pointer would otherwise never end. Fetching a new bundle is never waited for.
            clock: Seconds.
        """
        self._store = store
        self._media_url = media_url
        self._vision = vision
        self._searcher = self._search(bundle)
        self._wait_s = wait_s
        self._clock = clock
        self._lock = threading.Lock()
        self._is_checking = False
        self._check_at = clock() + CHECK_EVERY_S
        self._refused = _Refused()

    def __call__(self) -> Searcher | EmptyCollection:
        if self._is_due():
            looked = threading.Event()
            check = threading.Thread(target=self._check, args=(looked,), name="thinlens-check", daemon=True)
            try:
                check.start()
            except RuntimeError as error:  # too many threads: no reason to fail a request
                logger.warning("The pointer was not looked at: %s", error)
                self._is_checking = False
            else:
                looked.wait(self._wait_s)
        return self._searcher

    def _is_due(self) -> bool:
        """Whether it is time for a check, which is the caller's to start then."""
        with self._lock:
            if self._is_checking or self._clock() < self._check_at:
                return False
            self._is_checking = True
            self._check_at = self._clock() + CHECK_EVERY_S
            return True

    def _check(self, looked: threading.Event) -> None:
        """Look, say when the pointer is known, and take over what is new."""
        try:
            newest = self._store.newest()
            looked.set()
            if newest != self._searcher.bundle_id and not self._refused.covers(newest, self._clock()):
                self._take_over(newest)
        except NothingPublishedError as error:
            logger.info("Nothing new: %s", error)
        except (ThinlensError, OSError) as error:
            logger.warning("The bundle from before stays in service: %s", error)
        except Exception:
            logger.exception("The bundle from before stays in service")
        finally:
            looked.set()
            self._is_checking = False

    def _take_over(self, newest: str) -> None:
        # Until it is in service it counts as refused, by whatever it is that goes wrong.
        self._refused = self._refused.once_more(newest, self._clock())
        self._searcher = self._search(Bundle.receive(deliver(self._store, newest)))
        self._refused = _Refused()
        logger.info("Bundle %s is in service", newest)

    def _search(self, bundle: Bundle | None) -> Searcher | EmptyCollection:
        if bundle is None:
            return EmptyCollection()
        return Searcher(bundle, media_url=self._media_url, vision=self._vision)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refused:
    """A bundle that could not be taken over, and until when it is not tried again."""

    bundle: str = ""
    until: float = 0.0
    pause_s: float = 0.0

    def covers(self, bundle: str, now: float) -> bool:
        return bundle == self.bundle and now < self.until

    def once_more(self, bundle: str, now: float) -> Self:
        """The same after another attempt, which makes the next pause twice as long."""
        pause_s = min(2 * self.pause_s, LONGEST_PAUSE_S) if bundle == self.bundle else FIRST_PAUSE_S
        return replace(self, bundle=bundle, until=now + pause_s, pause_s=pause_s)
