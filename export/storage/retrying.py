"""Retrying: a request that failed for now is made again, after longer and longer pauses, until time is up."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from export.errors import StoreError, UnavailableStoreError

PATIENCE_S = 60.0
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
_TOLD_AFTER = 4  # tries; fewer failures are nobody's concern

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


def persist(request: Callable[[], _T], *, patience_s: float = PATIENCE_S) -> _T:
    """Make a request until it succeeds, for so many seconds.

    The pauses grow and are random ("full jitter": M. Brooker, Exponential Backoff And Jitter, AWS Architecture Blog,
    2015), so that many clients of a store that is overloaded don't come back all at once.

    Raises:
        StoreError: The request failed in a way that another try doesn't change, or time is up.
    """
    end_s = time.monotonic() + patience_s
    pause_s = FIRST_PAUSE_S
    tries = 0
    while True:
        tries += 1
        try:
            return request()
        except UnavailableStoreError as error:
            wait_s = random.uniform(0, pause_s)
            if time.monotonic() + wait_s > end_s:
                raise StoreError(f"{error}; given up after {patience_s:.0f} seconds of trying") from error
            if tries == _TOLD_AFTER:
                _log.warning("%s; still trying", error)
        time.sleep(wait_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
