"""The delivery thread: brings a bundle's files while the caller does something else.

Fetching and hashing a bundle takes about as long as importing the libraries that use it, and both need no more than
one core: a delivery does the one in a thread while the caller does the other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from handler.bundle.delivery import BundleFiles


class DeliveryThread:
    """A thread that brings the files that `fetch` finds; to be closed by whoever opens them."""

    def __init__(self, fetch: Callable[[], BundleFiles], *, source: str) -> None:
        """Start; `source` names in messages where the bundle comes from."""
        self._fetch = fetch
        self._source = source
        self._files: BundleFiles | None = None
        self._arrived: set[str] = set()
        self._error: BaseException | None = None
        self._closed = False
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._bring, name="thinlens-delivery", daemon=True)
        self._thread.start()

    @property
    def where(self) -> str:
        """Where the files lie, as far as that is known."""
        return str(self._files.folder) if self._files else self._source

    def files(self) -> BundleFiles:
        """Wait for the manifest; raises whatever went wrong in the thread."""
        with self._news:
            self._news.wait_for(lambda: self._files is not None or self._error is not None)
            if self._files is None:
                raise self._error or RuntimeError("unreachable: neither files nor an error")
            return self._files

    def wait(self, *names: str) -> None:
        """Wait until these files are verified; raises whatever went wrong in the thread."""
        with self._news:
            self._news.wait_for(lambda: self._arrived.issuperset(names) or self._error is not None)
            if not self._arrived.issuperset(names):
                raise self._error or RuntimeError("unreachable: neither files nor an error")

    def close(self) -> None:
        """End the delivery after the file that it is at; what has not arrived by then never will.

        Where everything has arrived, the thread goes on by itself to tidy up after it.
        """
        if self._files is None or not self._arrived.issuperset(self._files.manifest.all_files):
            self._closed = True
            self._thread.join()
        # The error knows who raised it, and so this delivery: in a ring they would keep opened files from being freed.
        self._error = None

    def _bring(self) -> None:
        try:
            files = self._fetch()
            self._tell(files=files)
            for name in files.verified:
                self._tell(name=name)
                if self._closed:
                    return
        except BaseException as error:  # noqa: BLE001 - whoever waits raises it
            self._tell(error=error)

    def _tell(
        self, *, files: BundleFiles | None = None, name: str | None = None, error: BaseException | None = None
    ) -> None:
        with self._news:
            self._files = files or self._files
            self._error = error
            if name is not None:
                self._arrived.add(name)
            self._news.notify_all()
